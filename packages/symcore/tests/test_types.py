"""Types and what they accept; variables, constants, shared variables."""

import pickle

import numpy as np
import pytest

from symcore import config, shared
from symcore import tensor as T
from symcore.graph.null import DisconnectedType, NullType
from symcore.tensor.type import TensorType


class Subclass(np.ndarray):
    """An array of another class."""


def test_types_are_interned_and_pickle_to_themselves():
    a = TensorType("float32", (None, 1))
    assert a is TensorType(np.float32, (False, True)) is TensorType("float32", broadcastable=(False, True))
    assert pickle.loads(pickle.dumps(a)) is a
    assert a != TensorType("float64", (None, 1)) and a != TensorType("float32", (None, None))


@pytest.mark.parametrize(
    ("make", "ndim", "pattern"),
    [
        (T.scalar, 0, ()),
        (T.vector, 1, (False,)),
        (T.row, 2, (True, False)),
        (T.col, 2, (False, True)),
        (T.matrix, 2, (False, False)),
        (T.tensor3, 3, (False,) * 3),
        (T.tensor4, 4, (False,) * 4),
    ],
)
def test_constructors(make, ndim, pattern):
    x = make("x")
    assert (x.ndim, x.broadcastable, x.name, x.dtype) == (ndim, pattern, "x", "float64")
    assert make("y", dtype="int8").dtype == "int8"
    with config.override(floatX="float32"):
        assert make().dtype == "float32"


def test_prefixes_and_plurals():
    names = {
        "f": "float32",
        "d": "float64",
        "b": "int8",
        "w": "int16",
        "i": "int32",
        "l": "int64",
        "c": "complex64",
        "z": "complex128",
    }
    assert {p: getattr(T, f"{p}vector")().dtype for p in names} == names
    x, y = T.matrices("xy")
    assert (x.name, y.name) == ("x", "y")
    assert [v.name for v in T.iscalars("a", "b")] == ["a", "b"] and len(T.fvectors(3)) == 3


def test_is_super_orders_by_what_is_known():
    open_, stated, row = (
        TensorType("float64", (None, None)),
        TensorType("float64", (2, None)),
        TensorType("float64", (1, None)),
    )
    assert open_.is_super(stated) and open_.is_super(row) and not stated.is_super(open_) and not stated.is_super(row)
    assert not open_.is_super(TensorType("float32", (None, None))) and not open_.is_super(
        TensorType("float64", (None,))
    )


@pytest.mark.parametrize(
    "given",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(12.0).reshape(2, 6)[:, ::-2],
        np.broadcast_to(np.float64(3), (2, 3)),
        np.zeros((0, 3)),
        np.arange(6, dtype=">f8").reshape(2, 3),
        np.frombuffer(b"\0" + bytes(48), dtype=np.float64, count=6, offset=1).reshape(2, 3),
        np.ones((2, 2)).view(Subclass),
        np.ma.masked_array([[1.0, 2.0]]),
        [[1, 2], [3, 4]],
        ((1.5, 2), (3, 4)),
        np.arange(6, dtype="int32").reshape(2, 3),
        np.ones((2, 2), "float32"),
        np.ones((2, 2), bool),
        [[True]],
    ],
    ids=[
        "c",
        "fortran",
        "reversed",
        "stride 0",
        "0-size",
        "byte-swapped",
        "misaligned",
        "subclass",
        "masked",
        "list",
        "tuple",
        "int32",
        "float32",
        "bool",
        "bool list",
    ],
)
def test_matrix_accepts_what_converts_without_loss(given):
    got = T.dmatrix().type.filter(given)
    assert type(got) is np.ndarray and got.dtype == np.float64 and got.dtype.isnative and got.flags.aligned
    np.testing.assert_array_equal(got, np.asarray(given, dtype=float))


def test_filter_does_not_copy_what_fits():
    x = np.ones((2, 2))
    assert T.dmatrix().type.filter(x) is x


@pytest.mark.parametrize(
    ("make", "given", "words"),
    [
        (T.dmatrix, np.ones(3), ["2", "1", "shape (3,)"]),
        (T.fvector, np.ones(2), ["float64", "float32", "astype"]),
        (T.fvector, np.ones(2, "int64"), ["int64", "precision"]),
        (T.ivector, [1.5], ["1.5", "int32"]),
        (T.ivector, np.array([1.0]), ["float64"]),
        (T.bscalar, 300, ["300", "int8"]),
        (T.row, np.ones((2, 3)), ["dimension 0", "length 1", "(2, 3)"]),
        (T.dvector, "text", ["'text'"]),
        (T.dvector, [[1.0], [1.0, 2.0]], ["cannot make an array"]),
        (T.dvector, np.ones(2, "complex128"), ["complex128"]),
        (T.dvector, T.dvector("v"), ["symbolic variable v", "givens"]),
    ],
)
def test_filter_refuses_the_rest(make, given, words):
    with pytest.raises(TypeError) as error:
        make().type.filter(given)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_python_floats_fit_floatX_and_downcasting_can_be_allowed():
    with config.override(floatX="float32"):
        assert T.fvector().type.filter([0.1]).dtype == np.float32
    with pytest.raises(TypeError, match="precision"):
        T.fvector().type.filter([0.1])
    assert T.fvector().type.filter([0.1], allow_downcast=True).dtype == np.float32
    assert T.fvector().type.filter([0.5, 2]).dtype == np.float32  # exact in float32
    with pytest.raises(TypeError, match="strict"):
        T.dvector().type.filter([1.0], strict=True)


def test_values_eq():
    t = T.dvector().type
    a = np.array([1.0, np.nan])
    assert t.values_eq(a, a.copy()) and not t.values_eq(a, a.astype("float32")) and not t.values_eq(a, a[:1])
    assert t.values_eq_approx(a, a + 1e-13) and not t.values_eq_approx(a, a + 1e-3)
    assert t.may_share_memory(a, a[:1]) and not t.may_share_memory(a, a.copy())


def test_gradient_types_hold_no_values():
    for ttype in (DisconnectedType(), NullType("because")):
        with pytest.raises(TypeError, match="no value"):
            ttype.filter(1.0)
    assert DisconnectedType() == DisconnectedType() != NullType() and "because" in NullType("because").why_null


def test_constants_compare_by_content():
    a, b, c = T.constant([1.0, 2.0]), T.constant(np.array([1.0, 2.0])), T.constant([1.0, 3.0])
    assert a.signature() == b.signature() != c.signature()
    assert T.constant(0.0).signature() != T.constant(-0.0).signature()
    big = np.zeros(1000)
    changed = big.copy()
    changed[500] = 1
    assert T.constant(big).signature() == T.constant(big.copy()).signature() != T.constant(changed).signature()
    with pytest.raises(ValueError, match="read-only"):
        a.data[0] = 5


def test_shared_variables_copy_unless_borrowed():
    value = np.ones(3)
    s, borrowed = shared(value, "s"), shared(value, borrow=True)
    value[0] = 7
    assert s.get_value()[0] == 1 and borrowed.get_value(borrow=True) is value
    got = s.get_value()
    got[:] = 9
    assert s.get_value().sum() == 3
    assert (
        s.type is TensorType("float64", (None,))
        and str(s) == "s"
        and shared(np.ones((1, 3))).broadcastable == (False, False)
    )
    assert shared(7).dtype == "int64" and shared(1.5).dtype == "float64" and shared(np.float32(1)).dtype == "float32"


def test_setting_a_shared_variable_to_a_wrong_value_changes_nothing():
    s = shared(np.zeros(3))
    for wrong in (np.zeros(3, "complex128"), np.zeros((3, 3)), "text"):
        with pytest.raises(TypeError):
            s.set_value(wrong)
    s.set_value([1, 2])
    assert s.get_value().tolist() == [1.0, 2.0]
    s.zero()
    assert s.get_value().tolist() == [0.0, 0.0]
    with pytest.raises(TypeError, match="np.asarray"):
        shared([1, 2], strict=True)


def test_shared_clone_has_the_same_container():
    s = shared(1.0, "s")
    twin = s.clone()
    s.set_value(5.0)
    assert twin.get_value() == 5.0 and twin is not s and twin.name == "s"
