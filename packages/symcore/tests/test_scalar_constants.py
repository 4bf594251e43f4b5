"""What number an expression stands for; functions under older names."""

import numpy as np
import pytest

from symcore import Apply, Op, grad, shared
from symcore import tensor as T
from symcore.graph.type import Type
from symcore.interpreter import evaluate
from symcore.tensor.scalar_constants import EmptyConstantError, NotScalarConstantError, get_scalar_constant_value

x = T.dvector("x")
n = T.lscalar("n")
wide = T.TensorType("float64", (3, None))("wide")
row = T.as_tensor([n, 7])

KNOWN = {
    "a number": (2.5, 2.5),
    "a NumPy number": (np.float32(0.5), 0.5),
    "an array": (np.full((2, 3), 4), 4),
    "a constant": (T.constant(3), 3),
    "a constant array of one value": (T.constant(np.full(5, 2.0)), 2.0),
    "zeros": (T.zeros_like(x), 0),
    "ones of a symbolic length": (T.ones(n), 1),
    "a fill": (T.fill(x, 7.0), 7.0),
    "an alloc": (T.alloc(np.float64(3), n, 2), 3),
    "a cast": (T.cast(T.fill(x, 7.9), "int32"), 7),
    "a new axis": (T.fill(x, 7.0).dimshuffle("x", 0), 7.0),
    "another shape": (T.ones((n, 2)).reshape((2, n)), 1),
    "an element": (T.ones((n, 2))[0, 1], 1),
    "a slice": (T.fill(x, 4.0)[1:], 4.0),
    "a stated shape": (T.specify_shape(T.fill(x, 4.0), (3,)), 4.0),
    "arithmetic": (T.constant(3.0) * T.constant(2.0) - 1, 5.0),
    "a function": (T.exp(T.constant(0.0)), 1.0),
    "a length": (wide.shape[0], 3),
    "an item of a shape": (T.shape(wide)[0], 3),
    "an item of a vector": (row[1], 7),
    "a vector of one value": (T.stack([T.constant(7), T.constant(7)]), 7),
}
NOT_KNOWN = {
    "an input": n,
    "a computed value": n + 1,
    "a length that is not known": wide.shape[1],
    "an item that is not known": row[0],
    "a mixed vector": row,
    "a mixed constant": T.constant([1, 2]),
    "a mixed array": np.array([1.0, 2.0]),
    "a sum": T.ones((n,)).sum(),
    "a shared variable": shared(3.0),
}


@pytest.mark.parametrize("what", KNOWN)
def test_a_known_value(what):
    given, expected = KNOWN[what]
    found = get_scalar_constant_value(given)
    assert isinstance(found, np.ndarray) and found.shape == () and found == expected
    assert found.dtype == getattr(given, "dtype", found.dtype)


@pytest.mark.parametrize("what", NOT_KNOWN)
def test_an_unknown_value(what):
    with pytest.raises(NotScalarConstantError):
        get_scalar_constant_value(NOT_KNOWN[what])


def test_what_has_no_element_has_no_value():
    for empty in (np.zeros((0, 2)), T.constant(np.zeros(0))):
        with pytest.raises(EmptyConstantError, match="no element"):
            get_scalar_constant_value(empty)


def test_what_is_no_tensor_has_no_number():
    class Other(Type):
        pass

    for other in ("text", Other()("other")):
        with pytest.raises(NotScalarConstantError):
            get_scalar_constant_value(other)


def test_how_far_to_look():
    y = T.exp(T.constant(0.0))
    for _ in range(9):
        y = -y
    assert get_scalar_constant_value(y) == -1
    assert get_scalar_constant_value(-y, max_recur=11) == 1
    with pytest.raises(NotScalarConstantError):
        get_scalar_constant_value(-y)
    with pytest.raises(NotScalarConstantError):
        get_scalar_constant_value(T.zeros_like(x), only_process_constants=True)
    assert get_scalar_constant_value(T.constant(4), only_process_constants=True) == 4


def test_arithmetic_can_be_left_out():
    with pytest.raises(NotScalarConstantError):
        get_scalar_constant_value(T.constant(3.0) + T.constant(1.0), elemwise=False)
    assert get_scalar_constant_value(T.fill(x, 7.9).astype("int8"), elemwise=False) == 7


def test_the_value_is_that_of_the_expression():
    """Overflow included: what is told must be what a function would compute."""
    y = T.constant(np.int8(100)) + T.constant(np.int8(100))
    assert get_scalar_constant_value(y) == evaluate(y)
    assert np.isnan(get_scalar_constant_value(T.log(T.constant(-1.0))))


def test_an_op_of_ones_own_is_not_looked_through():
    class Own(Op):
        def make_node(self, v):
            return Apply(self, [v], [v.type()])

    with pytest.raises(NotScalarConstantError):
        get_scalar_constant_value(Own()(T.constant(1.0)))


# ---------------------------------------------------------------------- older names


def test_largest_and_smallest():
    a, b, c = T.dvectors("a", "b", "c")
    values = {a: [1.0, 5.0, -2.0], b: [3.0, 2.0, -1.0], c: [2.0, 9.0, -3.0]}
    assert evaluate(T.largest(a, b, c), values).tolist() == [3.0, 9.0, -1.0]
    assert evaluate(T.smallest(a, b, c), values).tolist() == [1.0, 2.0, -3.0]
    assert evaluate(T.largest(a, 0), {a: values[a]}).tolist() == [1.0, 5.0, 0.0]
    for function in (T.largest, T.smallest):
        with pytest.raises(ValueError, match="at least one"):
            function()


def test_rows_by_their_numbers():
    m, rows = T.dmatrix("m"), T.lvector("rows")
    values = {m: np.arange(6.0).reshape(3, 2), rows: [2, 0, 2]}
    assert evaluate(T.advanced_subtensor1(m, rows), values).tolist() == [[4, 5], [0, 1], [4, 5]]
    assert evaluate(T.advanced_inc_subtensor1(m, np.ones((3, 2)), rows), values).tolist() == [[1, 2], [2, 3], [6, 7]]
    assert evaluate(T.advanced_set_subtensor1(m, 9.0, rows), values).tolist() == [[9, 9], [2, 3], [9, 9]]
    g = evaluate(grad(T.advanced_subtensor1(m, rows).sum(), m), values)
    assert g.tolist() == [[1, 1], [0, 0], [2, 2]]
    for wrong in (T.lscalar(), T.dvector(), T.lmatrix()):
        with pytest.raises(TypeError, match="vector of integers"):
            T.advanced_subtensor1(m, wrong)


def test_a_copy_is_another_array():
    value = np.ones(3)
    found = evaluate(T.tensor_copy(x), {x: value})
    assert np.array_equal(found, value) and not np.shares_memory(found, value)


def test_the_older_name_of_the_axes_that_remain():
    t = T.dtensor3()
    assert T.flatten(t, outdim=2).ndim == T.flatten(t, 2).ndim == 2 and T.flatten(t).ndim == 1
    with pytest.raises(ValueError, match="ndim=1 and outdim=2"):
        T.flatten(t, ndim=1, outdim=2)
