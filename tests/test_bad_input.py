"""Bad input: the right type of error, a message that names the argument and the user's line, and no state changed."""

import linecache
import warnings

import numpy as np
import pytest

import symstack as ss
from symcore.errors import DisconnectedInputError, MissingInputError, UnusedInputError
from symstack import tensor as T


def told(error):
    """All that a user reads of an error: its message and its notes."""
    return "\n".join([str(error), *getattr(error, "__notes__", ())])


def line_of(text):
    """``file:line`` of the one line of this file that holds ``text``, which is written there as a comment."""
    lines = linecache.getlines(__file__)
    [number] = [k for k, line in enumerate(lines, 1) if line.rstrip().endswith(f"# {text}")]
    return f"{__file__}:{number}"


def names(error, *words):
    for word in words:
        assert word in told(error), f"{word!r} is not in: {told(error)}"


@pytest.fixture
def product():
    """A function of two vectors that also counts its calls in a shared variable."""
    x, y = T.dvector("x"), T.dvector("y")
    calls = ss.shared(0, name="calls")
    f = ss.function([x, y], x * y, updates=[(calls, calls + 1)], name="product")  # where the product is built
    return f, calls


# --- calls ------------------------------------------------------------------------------------------------------------

# what is wrong -> (arguments, keywords, type of the error, words of its message)
CALLS = {
    "too many dimensions": (lambda: ([[1.0, 2.0]], [1.0]), {}, TypeError, ["x", "1", "2", "dimension"]),
    "too few dimensions": (lambda: ([1.0], 2.0), {}, TypeError, ["y", "dimension"]),
    "complex for float": (lambda: ([1j], [1.0]), {}, TypeError, ["x", "float64", "complex"]),
    "text for numbers": (lambda: (["a"], [1.0]), {}, TypeError, ["x"]),
    "None for numbers": (lambda: (None, [1.0]), {}, TypeError, ["x"]),
    "ragged list": (lambda: ([[1.0], [1.0, 2.0]], [1.0]), {}, (TypeError, ValueError), ["x"]),
    "missing argument": (lambda: ([1.0],), {}, TypeError, ["product", "y"]),
    "too many arguments": (lambda: ([1.0], [2.0], [3.0]), {}, TypeError, ["product", "2", "3"]),
    "unknown keyword": (lambda: ([1.0],), {"z": [2.0]}, TypeError, ["product", "z", "x, y"]),
    "two values for one input": (lambda: ([1.0], [1.0]), {"y": [2.0]}, TypeError, ["y"]),
    "lengths that differ": (lambda: ([1.0, 2.0], [1.0, 2.0, 3.0]), {}, ValueError, ["2", "3", "mul"]),
    "length 1 where the type is open": (lambda: ([1.0], [1.0, 2.0]), {}, ValueError, ["1", "2"]),
}


@pytest.mark.parametrize("case", CALLS)
def test_a_bad_call(case, product):
    f, calls = product
    arguments, keywords, error, words = CALLS[case]
    with pytest.raises(error) as caught:
        f(*arguments(), **keywords)
    names(caught.value, *words)
    assert calls.get_value() == 0
    np.testing.assert_array_equal(f([1.0, 2.0], [3.0, 4.0]), [3.0, 8.0])
    assert calls.get_value() == 1


def test_a_shape_error_names_the_line_that_built_the_node():
    x, y = T.dvector("x"), T.dvector("y")
    z = T.exp(x) * y + 1  # where the shapes meet
    f = ss.function([x, y], z)
    with pytest.raises(ValueError) as caught:
        f([1.0, 2.0], [1.0, 2.0, 3.0])
    names(caught.value, line_of("where the shapes meet"), "(2,)", "(3,)")


def test_a_product_of_wrong_shapes_names_the_line_and_the_shapes():
    x, W = T.dmatrix("x"), T.dmatrix("W")
    z = T.dot(x, W)  # where the product is
    f = ss.function([x, W], z)
    with pytest.raises(ValueError) as caught:
        f(np.ones((2, 3)), np.ones((4, 5)))
    names(caught.value, line_of("where the product is"), "(2, 3)", "(4, 5)")


def test_an_index_out_of_bounds_names_the_line_and_the_index():
    x = T.dvector("x")
    z = x[5]  # where the index is
    f = ss.function([x], z)
    with pytest.raises(IndexError) as caught:
        f([1.0, 2.0])
    names(caught.value, line_of("where the index is"), "5", "2")


def test_an_index_vector_out_of_bounds():
    x, k = T.dvector("x"), T.lvector("k")
    f = ss.function([x, k], x[k])
    with pytest.raises(IndexError) as caught:
        f([1.0, 2.0], [0, 7])
    names(caught.value, "7", "2")


def test_a_run_time_error_is_short():
    x, y = T.dvector("x"), T.dvector("y")
    f = ss.function([x, y], x * y)
    with pytest.raises(ValueError) as caught:
        f([1.0, 2.0], [1.0, 2.0, 3.0])
    assert len(told(caught.value).splitlines()) <= 15


def test_a_range_in_steps_of_zero_names_the_line():
    start, step = T.lscalar("start"), T.lscalar("step")
    z = T.arange(start, 3, step) * 2  # where the range is
    f = ss.function([start, step], z)
    np.testing.assert_array_equal(f(9, -2), [18, 14, 10])
    for begin in (0, 5):  # with a step of 0 the second would be empty in either direction
        with pytest.raises(ValueError) as caught:
            f(begin, 0)
        names(caught.value, line_of("where the range is"), "the step of a range is 0")
    with pytest.raises(ValueError, match="the step of a range is 0"):
        ss.function([], T.arange(0, 3, 0))()


# What has no room, and words of the message. Only the names of the two machines before it differ.
@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda n: T.zeros((n, n, n)), MemoryError, "does not fit in memory"),
        (lambda n: T.eye(n, n * 10), MemoryError, "does not fit in memory"),
        (lambda n: T.tile(T.ones(8), n**2), MemoryError, "does not fit in memory"),
        (lambda n: T.zeros((2, -n)), ValueError, "the length of axis 1 would be -1000000000"),
        (lambda n: T.eye(-n, 2), ValueError, "the length of axis 0 would be -1000000000"),
        (lambda n: T.arange(n * 1e300), MemoryError, "a range of 1e+309 elements|a range of inf elements"),
        (lambda n: T.arange(n * np.nan), ValueError, "has no length"),
    ],
)
def test_what_has_no_room(make, error, words):
    n = T.lscalar("n")
    f = ss.function([n], make(n))
    with pytest.raises(error, match=words):
        f(10**9)


def test_masked_elements_are_no_numbers():
    x, total = T.dvector("x"), ss.shared(np.zeros(2), name="total")
    f = ss.function([x], x.sum())
    masked, whole = np.ma.masked_array([1.0, 2.0], [False, True]), np.ma.masked_array([1.0, 2.0])
    takers = [f, lambda v: x + v, total.set_value, ss.shared, T.constant]
    for take in takers:
        with pytest.raises(TypeError, match=r"1 of the 2 elements .*filled"):
            take(masked)
    assert f(whole) == 3.0 and f(masked.filled(0)) == 1.0


def test_indices_beyond_64_bits():
    x = T.dvector("x")
    values = np.arange(4.0)
    for far in (2**63 - 1, 2**63, 10**30):
        for index in (np.s_[:far], np.s_[-far:], np.s_[far:], np.s_[1 :: far], np.s_[::-far], np.s_[-far:2]):
            np.testing.assert_array_equal(ss.function([x], x[index])(values), values[index])
            np.testing.assert_array_equal(ss.function([x], x[1:][index])(values), values[1:][index])
            np.testing.assert_array_equal(ss.function([x], x[index][1:])(values), values[index][1:])
    for far in (2**63, -(2**63), 10**30, -(10**30)):
        with pytest.raises(IndexError, match=f"index {far} is out of bounds"):
            x[far]


@pytest.mark.parametrize(
    ("make", "value"),
    [
        (T.fvector, np.ones(2)),
        (T.fvector, np.ones(2, "int64")),
        (T.bvector, np.array([1, 2])),
        (T.ivector, np.array([1.0, 2.0])),
        (T.lscalar, 1.5),
        (T.bscalar, 300),
        (T.dvector, np.array([1 + 2j])),
    ],
)
def test_a_dtype_that_would_lose_precision(make, value):
    v = make("precise")
    total = ss.shared(0.0, name="total")
    f = ss.function([v], v * 2, updates=[(total, total + 1)])
    with pytest.raises(TypeError) as caught:
        f(value)
    names(caught.value, "precise", v.dtype)
    assert total.get_value() == 0


def test_downcast_is_done_where_it_is_asked_for():
    v = T.fvector("v")
    f = ss.function([v], v + 1, allow_input_downcast=True)
    np.testing.assert_array_equal(f(np.ones(2)), np.float32([2, 2]))


# --- building functions -----------------------------------------------------------------------------------------------


def test_a_missing_input_is_named():
    x, hidden = T.dvector("x"), T.dvector("hidden")
    with pytest.raises(MissingInputError) as caught:
        ss.function([x], x + hidden)
    names(caught.value, "hidden")


def test_an_unused_input_is_named():
    x, useless = T.dvector("x"), T.dvector("useless")
    with pytest.raises(UnusedInputError) as caught:
        ss.function([x, useless], x)
    names(caught.value, "useless", "on_unused_input")


def test_an_unused_input_can_be_let_pass():
    x, useless = T.dvector("x"), T.dvector("useless")
    f = ss.function([x, useless], x * 2, on_unused_input="ignore")
    np.testing.assert_array_equal(f([1.0], [5.0]), [2.0])
    with pytest.warns(UserWarning, match="useless") as said:
        ss.function([x, useless], x, on_unused_input="warn")  # where an input is left over
    assert f"{said[0].filename}:{said[0].lineno}" == line_of("where an input is left over")


def test_an_input_given_twice_is_named():
    x = T.dvector("twice")
    with pytest.raises(UnusedInputError) as caught:
        ss.function([x, x], x)
    names(caught.value, "twice")


@pytest.mark.parametrize("inputs", [None, 3, "x"])
def test_inputs_that_are_no_list(inputs):
    with pytest.raises(TypeError, match="list"):
        ss.function(inputs, T.constant(1.0))


def test_inputs_that_are_no_variables():
    with pytest.raises(TypeError, match="symbolic"):
        ss.function([3], T.constant(1.0))


def test_outputs_that_are_no_variables():
    with pytest.raises(TypeError, match="symbolic"):
        ss.function([], object())


@pytest.mark.parametrize(
    "new",
    [lambda s: T.dmatrix("M"), lambda s: s.astype("complex128"), lambda s: s.sum()],
    ids=["rank", "dtype", "scalar"],
)
def test_an_update_of_the_wrong_type(new):
    s = ss.shared(np.ones(3), name="weights")
    with pytest.raises(TypeError) as caught:
        ss.function([], [], updates=[(s, new(s))])
    names(caught.value, "weights", str(s.type))
    np.testing.assert_array_equal(s.get_value(), np.ones(3))


def test_an_update_that_is_too_wide_names_its_line():
    s = ss.shared(np.float32(1), name="narrow")
    wide = s + T.constant(1.0, dtype="float64")  # where it becomes wide
    with pytest.raises(TypeError) as caught:
        ss.function([], [], updates=[(s, wide)])
    names(caught.value, "narrow", "float32", line_of("where it becomes wide"))
    assert s.get_value() == 1


def test_an_update_of_something_that_is_not_shared():
    x = T.dscalar("x")
    with pytest.raises(TypeError, match="shared"):
        ss.function([x], x, updates=[(x, x + 1)])


def test_two_updates_of_one_variable():
    s = ss.shared(1.0, name="s")
    with pytest.raises(ValueError, match="twice"):
        ss.function([], [], updates=[(s, s + 1), (s, s + 2)])


# --- gradients --------------------------------------------------------------------------------------------------------


def test_a_cost_that_is_not_a_scalar():
    x = T.dvector("x")
    with pytest.raises(TypeError) as caught:
        ss.grad(x * 2, x)
    names(caught.value, "scalar")


def test_a_cost_of_integers():
    k = T.lscalar("k")
    with pytest.raises(TypeError):
        ss.grad(k * 2, k)


def test_a_disconnected_gradient_is_an_error_that_names_the_variable():
    x, apart = T.dvector("x"), T.dvector("apart")
    with pytest.raises(DisconnectedInputError) as caught:
        ss.grad(x.sum(), apart)
    names(caught.value, "apart", "disconnected_inputs")


def test_a_disconnected_gradient_can_be_zero():
    x, apart = T.dvector("x"), T.dvector("apart")
    slope = ss.grad(x.sum(), apart, disconnected_inputs="ignore")
    np.testing.assert_array_equal(ss.function([apart], slope)([3.0, 4.0]), [0.0, 0.0])
    for ask in (ss.grad, lambda cost, wrt, **kw: ss.Lop(cost, wrt, T.constant(1.0), **kw)):
        with pytest.warns(UserWarning, match="apart") as said:
            ask(x.sum(), apart, disconnected_inputs="warn")
        assert said[0].filename == __file__


def test_a_gradient_with_respect_to_something_that_is_no_variable():
    x = T.dvector("x")
    with pytest.raises(TypeError):
        ss.grad(x.sum(), 3)


# --- expressions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "error"),
    [
        (lambda v, m: v[0, 0], IndexError),
        (lambda v, m: m.dimshuffle(0), ValueError),
        (lambda v, m: m.dimshuffle(0, 0), ValueError),
        (lambda v, m: m.sum(axis=2), ValueError),
        (lambda v, m: T.dot(T.tensor3(), "a"), TypeError),
        (lambda v, m: v + "text", TypeError),
        (lambda v, m: v.astype("no such dtype"), TypeError),
        (lambda v, m: T.concatenate([v, m]), (TypeError, ValueError)),
        (lambda v, m: v.reshape((2, -1, -1)), ValueError),
        (lambda v, m: T.lscalar() & 1.5, TypeError),
        (lambda v, m: ss.shared([1, 2], shape=(2,)), TypeError),
        (lambda v, m: ss.shared(v), TypeError),
        (lambda v, m: T.clip(v), TypeError),
        (lambda v, m: np.spacing(v), TypeError),
        (lambda v, m: np.exp(v, out=np.zeros(3)), TypeError),
    ],
)
def test_a_wrong_expression_is_refused_where_it_is_written(build, error):
    with pytest.raises(error) as caught:
        build(T.dvector("v"), T.dmatrix("m"))
    # the error comes while the user's own line is on the stack, and says something
    assert any(entry.path.name == "test_bad_input.py" for entry in caught.traceback)
    assert str(caught.value)


@pytest.mark.parametrize("name", ["flaotX", "no_such_option"])
def test_an_unknown_option(name):
    with pytest.raises(AttributeError) as caught:
        setattr(ss.config, name, 1)
    names(caught.value, name)


@pytest.mark.parametrize(("name", "value"), [("floatX", "float7"), ("threads", "many"), ("nan_safe", 3)])
def test_a_wrong_value_of_an_option_changes_nothing(name, value):
    before = getattr(ss.config, name)
    with pytest.raises(AttributeError) as caught:
        setattr(ss.config, name, value)
    names(caught.value, name)
    assert getattr(ss.config, name) == before


def test_an_unknown_mode_is_named():
    with pytest.raises(ValueError) as caught:
        ss.function([], T.constant(1.0), mode="FASTEST")
    names(caught.value, "FASTEST", "FAST_RUN")


# --- state ------------------------------------------------------------------------------------------------------------


def failing_training():
    """A function whose last node fails on demand, and the shared variables it updates before that."""
    x, k = T.dvector("x"), T.lscalar("k")
    states = [ss.shared(np.full(3, float(i)), name=f"s{i}") for i in range(4)]
    updates = [(s, s * 2 + x) for s in states]
    return ss.function([x, k], (x + states[0])[k], updates=updates), states


@pytest.mark.parametrize("linker", ["auto", "py"])
def test_a_call_that_fails_leaves_every_shared_variable_as_it_was(linker):
    with ss.config.override(linker=linker):
        f, states = failing_training()
    x = np.array([1.0, 2.0, 3.0])
    for _ in range(3):
        with pytest.raises(IndexError):
            f(x, 7)
    for i, state in enumerate(states):
        np.testing.assert_array_equal(state.get_value(), np.full(3, float(i)))
    assert f(x, 1) == 2.0
    for i, state in enumerate(states):
        np.testing.assert_array_equal(state.get_value(), 2.0 * i + x)


def test_arguments_are_never_changed_by_a_failed_call():
    f, _ = failing_training()
    x = np.array([1.0, 2.0, 3.0])
    with pytest.raises(IndexError):
        f(x, -9)
    np.testing.assert_array_equal(x, [1.0, 2.0, 3.0])


def test_errors_raise_no_warnings_on_the_way():
    x = T.dvector("x")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        f = ss.function([x], T.log(x) / x)
        assert np.isneginf(f([0.0])).all() or np.isnan(f([0.0])).all()


# What stands where a variable, a dictionary or a function should: a call, and words of the error.
NO_VARIABLES = {
    "Rop of a number": (lambda x: ss.Rop(1.0, x, x), ["Rop()", "1.0", "float"]),
    "Rop with respect to a name": (lambda x: ss.Rop(x * 2, "x", x), ["Rop()", "'x'", "str"]),
    "Lop of a number": (lambda x: ss.Lop(1.0, x, x), ["Lop()", "1.0", "float"]),
    "known gradients in a list": (lambda x: ss.grad(None, x, known_grads=[x]), ["known_grads", "dictionary"]),
    "clone with a variable": (lambda x: ss.clone(x * 2, replace=x), ["clone()", "dictionary"]),
    "a batch without its variable": (lambda x: ss.vectorize_graph(x * 2, 0), ["vectorize_graph", "dictionary"]),
    "eval of a list": (lambda x: x.eval([1.0]), ["eval()", "dictionary"]),
    "a name that is no text": (lambda x: ss.function([x], x * 2, name=3), ["name", "3", "int"]),
    "C of an expression": (lambda x: ss.export_c(x * 2, "nowhere"), ["export_c", "function()"]),
}


@pytest.mark.parametrize("case", NO_VARIABLES)
def test_something_else_where_a_variable_or_a_dictionary_should_be(case):
    call, words = NO_VARIABLES[case]
    with pytest.raises(TypeError) as caught:
        call(T.dvector("x"))
    names(caught.value, *words)


def test_one_variable_is_considered_constant():
    x, k = T.dvector("x"), T.dvector("k")
    slope = ss.grad((x * k).sum(), k, consider_constant=x)
    np.testing.assert_array_equal(ss.function([x, k], slope, on_unused_input="ignore")([2.0], [5.0]), [2.0])
    scaled = x * 3.0
    with pytest.raises(DisconnectedInputError):
        ss.grad((scaled * scaled).sum(), x, consider_constant=scaled)
