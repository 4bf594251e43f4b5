"""How dtypes combine: the recorded answers, and NumPy everywhere else."""

import itertools

import numpy as np
import pytest

from symcore import config
from symcore import tensor as T
from symcore.tensor import dtypes

ALL = list(dtypes.DTYPES)

RECORDED = {
    "T.iscalar() / T.iscalar()": "float64",
    "T.bscalar() / T.bscalar()": "float64",
    "T.iscalar() // T.iscalar()": "int32",
    "T.iscalar() + 1.0": "float64",
    "T.fscalar() + 1.0": "float32",
    "T.fscalar() + np.float64(1)": "float64",
    "T.bscalar() + 1": "int8",
    "T.bscalar() + 1000": "int16",
    "T.fscalar() + T.iscalar()": "float64",
    "T.fscalar() + T.wscalar()": "float32",
    "T.scalar(dtype='uint8') + T.bscalar()": "int16",
    "T.vector() > 0": "bool",
    "(T.vector() > 0).sum()": "int64",
    "T.bvector().sum()": "int64",
    "T.fvector().sum()": "float32",
    "T.ivector().mean()": "float64",
    "T.bvector().mean()": "float64",
    "T.vector().argmax()": "int64",
    "T.vector().shape": "int64",
    "T.sqrt(T.bscalar())": "float32",
    "T.sqrt(T.iscalar())": "float64",
    "T.exp(T.lscalar())": "float64",
    "T.wvector().prod()": "int64",
    "T.constant(1)": "int8",
}


@pytest.mark.parametrize("expression", RECORDED)
def test_recorded_answers(expression):
    assert eval(expression, {"T": T, "np": np}).dtype == RECORDED[expression]


@pytest.mark.parametrize(("a", "b"), [*itertools.combinations_with_replacement(ALL, 2)])
def test_two_tensors_combine_as_in_numpy(a, b):
    total = T.vector(dtype=a) * T.vector(dtype=b)
    assert total.dtype == np.promote_types(a, b).name
    value = total.eval(dict(zip(total.owner.inputs, (np.ones(2, a), np.ones(2, b)), strict=True)))
    assert value.dtype == total.dtype


@pytest.mark.parametrize("dtype", ALL)
def test_floats_beside_a_tensor_are_weak(dtype):
    got = (T.vector(dtype=dtype) + 0.1).dtype
    assert got == (dtype if np.dtype(dtype).kind in "fc" else "float64")


def test_integers_that_do_not_fit_widen():
    assert (T.scalar(dtype="uint8") + 255).dtype == "uint8" and (T.scalar(dtype="uint8") + 256).dtype == "int16"
    assert T.constant(2**31).dtype == "int64" and T.constant(2**63).dtype == "uint64"
    with pytest.raises(OverflowError, match="64 bits"):
        T.constant(2**64)


def test_float_constants_are_as_small_as_is_exact():
    assert T.constant(0.5).dtype == "float32" and T.constant(0.1).dtype == "float64"
    assert T.constant(float("nan")).dtype == "float32" and T.constant(1j).dtype == "complex128"
    with config.override(floatX="float32"):
        assert T.constant(0.1).dtype == "float32"


def test_division_of_integers_follows_the_configuration():
    i = T.iscalar()
    with config.override(floatX="float32"):
        assert (i / i).dtype == "float32"
    with config.override(int_division="int"):
        assert (i / i).dtype == "int32"
    with config.override(int_division="raise"), pytest.raises(TypeError, match="int_division"):
        i / i


def test_casting():
    x = T.dvector()
    assert T.cast(x, "float64") is x and x.astype("int8").dtype == "int8" and T.cast(x, "floatX") is x
    for wrong in ("float128", "object", "text", dict):
        with pytest.raises(TypeError, match="not a dtype of tensors"):
            x.astype(wrong)


@pytest.mark.parametrize(
    "expression", ["-(T.vector() > 0)", "(T.vector() > 0) - (T.vector() > 0)", "T.vector() & 1", "~T.vector()"]
)
def test_operations_that_make_no_sense_are_refused(expression):
    with pytest.raises(TypeError):
        eval(expression, {"T": T})
