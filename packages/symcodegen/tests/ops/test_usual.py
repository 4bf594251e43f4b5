"""Blocks of usual arguments are computed in a fast form, with the same bits as in the form for all arguments."""

import numpy as np
import pytest

from symcodegen.kernels.usual import BLOCK, usual_functions
from symcodegen.testing import PLAIN
from symcore import tensor as T
from symcore.tensor import shared
from symopt import function

pytestmark = pytest.mark.c
FUNCTIONS = ["sin", "cos", "tan"]
DTYPES = ["float32", "float64"]
SIZE = 3 * BLOCK + 77


def compiled(inputs, outputs, **more):
    f = function(inputs, outputs, mode=PLAIN, **more)
    assert all(where != "Python" for _, where, _ in f.placement())
    return f


def small(dtype, *shape):
    return np.random.default_rng(1).normal(size=shape or SIZE, scale=20).astype(dtype)


def reference(name, x):
    with np.errstate(invalid="ignore"):
        return getattr(np, name)(x.astype("longdouble"))


def same(got, wanted):
    np.testing.assert_array_equal(got, wanted)  # NaN counts as equal
    np.testing.assert_array_equal(np.signbit(got), np.signbit(wanted))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_element_does_not_depend_on_its_neighbours(name, dtype):
    """One large argument sends its block, and no other element's result, another way."""
    x = T.vector("x", dtype=dtype)
    f = compiled([x], getattr(T, name)(x))
    values = small(dtype)
    plain = f(values)
    np.testing.assert_allclose(plain, reference(name, values).astype(dtype), rtol=3 * np.finfo(dtype).eps)
    for where, large in [(0, 3e7), (BLOCK - 1, -1e20), (BLOCK, np.inf), (SIZE - 1, 1.5e38), (BLOCK + 3, np.nan)]:
        mixed = values.copy()
        mixed[where] = large
        got = f(mixed)
        wanted = plain.copy()
        wanted[where] = reference(name, mixed)[where]
        others = np.arange(SIZE) != where
        same(got[others], wanted[others])
        np.testing.assert_allclose(got[where], wanted[where], rtol=3 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_around_the_limit(name, dtype):
    """The next numbers below and above, where the two forms meet."""
    limit = {"float32": 100000.0, "float64": 1048576.0}[dtype]
    bits = np.dtype(dtype).str.replace("f", "i")
    near = (np.array(limit, dtype).view(bits) + np.arange(-700, 700)).view(dtype)
    x = T.vector("x", dtype=dtype)
    got = compiled([x], getattr(T, name)(x))(np.concatenate([near, -near]))
    wanted = reference(name, np.concatenate([near, -near]))
    np.testing.assert_allclose(got, wanted.astype(dtype), rtol=3 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", DTYPES)
def test_zeros_keep_their_signs(dtype):
    x = T.vector("x", dtype=dtype)
    values = np.array([0.0, -0.0, 5e-324, -5e-324, 1e-45, -1e-40], dtype)
    for name in ("sin", "tan"):
        same(compiled([x], getattr(T, name)(x))(values), values)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("large", [False, True])
def test_in_place(dtype, large):
    """The fast form must not overwrite what the other one has to read."""
    values = small(dtype)
    if large:
        values[BLOCK + 1] = 1e30
    s = shared(values.copy())
    compiled([], [], updates=[(s, T.sin(s) * 2)])()
    np.testing.assert_allclose(s.get_value(), 2 * reference("sin", values), rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("large", [False, True])
def test_in_a_fused_expression_and_a_sum(large):
    """Arguments that are computed, of both types, and a function of a function."""
    x, y = T.matrix("x", dtype="float32"), T.matrix("y", dtype="float64")
    a, b = small("float32", 30, 40), small("float64", 30, 40)
    if large:
        a[3, 4], b[29, 39] = 1e6, 1e7
    z = T.sin(x * 3 + T.cos(y)) * T.tan(T.sin(x))
    inner = a.astype("f8") * 3 + np.cos(b)
    wanted = np.sin(inner) * np.tan(np.sin(a.astype("f8")))
    f = function([x, y], [z, z.sum(), z.T + 1])
    got = f(a, b)
    np.testing.assert_allclose(got[0], wanted, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(got[1], wanted.sum(), rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(got[2], wanted.T + 1, rtol=1e-5, atol=1e-5)


def test_values_that_are_not_usual():
    """Blocks with zeros, infinities, NaN and denormal numbers, beside blocks without."""
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, -1.0, 1e-40, -1e-40, 88.5, -88.5, -104.0, 3e38, 1e-38, 1.0]
    values = small("float32")
    values[BLOCK + 5 : BLOCK + 5 + len(special)] = special
    x = T.vector("x", dtype="float32")
    names = ["exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "arcsinh", "arccosh", "arctanh"]
    got = compiled([x], [getattr(T, name)(x) for name in names])(values)
    for name, y in zip(names, got, strict=True):
        with np.errstate(all="ignore"):
            wanted = getattr(np, name)(values.astype("longdouble")).astype("float32")
        np.testing.assert_allclose(y, wanted, rtol=3e-7, atol=1e-45, err_msg=name)


def test_functions_with_a_form_for_usual_arguments():
    assert usual_functions("sym_sin_f32(x) + sym_tan_f64(y) * sym_exp_f32(z) + sym_sign_f32(x)") == {
        "sym_sin_usual_f32",
        "sym_tan_usual_f64",
        "sym_exp_usual_f32",
    }
