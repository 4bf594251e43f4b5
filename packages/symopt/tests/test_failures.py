"""What errors at run time tell, by both machines and the interpreter: short by default, everything on request."""

import contextlib
import pickle

import numpy as np
import pytest

from symcore import OpFromGraph, as_op, config, evaluate, shared
from symcore import tensor as T
from symcore.graph.variable import Apply
from symcore.op import Op
from symopt.function import function
from symopt.linker import make_linker
from symopt.mode import Mode

X, Y = T.dvector("x"), T.dvector("y")
K = T.lscalar("i")


def linkers():
    found = ["py"]
    with contextlib.suppress(RuntimeError):
        make_linker("cvm", config.snapshot())
        found.append("cvm")
    return found


@pytest.fixture(params=linkers())
def mode(request):
    return Mode("test", linker=request.param)


@as_op([T.dvector().type], [T.dvector().type])
def refuses(x):
    raise KeyError("no such thing")


def failing(mode, outputs, *values, kind=Exception, ins=(X, Y), **options):
    """The error of a call, and all its lines as Python prints them below the traceback."""
    f = function(ins, outputs, mode=mode, on_unused_input="ignore", **options)
    with pytest.raises(kind) as caught:
        f(*values)
    error = caught.value
    return error, [*str(error).splitlines(), *(line for note in error.__notes__ for line in note.splitlines())]


def test_a_short_report(mode):
    error, lines = failing(
        mode.excluding("fuse"), T.exp(X) + Y, np.ones(2), np.ones(6)[::2], kind=ValueError, name="my function"
    )
    assert len(lines) <= 15
    text = "\n".join(lines)
    assert "while computing Elemwise{add} (node 1 of 2 in my function)" in lines
    assert "input 1 (y): TensorType(float64, vector), shape (3,), strides (16,)" in text
    assert "shape (2,)" in text and "T.exp(X) + Y" in text and "test_failures.py" in text
    assert "config.compute_test_value = 'raise'" in text and "error.details()" in text


@pytest.mark.default_mode
def test_at_most_fifteen_lines_for_many_inputs(mode):
    many = [T.dvector(f"v{k}") for k in range(40)]
    f = function(many, T.concatenate([sum(many[:20]), sum(many[20:])]).sum() + sum(many), mode=mode.excluding("fuse"))
    with pytest.raises(ValueError) as caught:
        f(*[np.ones(2)] * 39, np.ones(3))
    lines = [line for note in caught.value.__notes__ for line in note.splitlines()]
    assert len(lines) + 1 <= 15 and "more inputs" in "\n".join(lines)
    assert caught.value.details().count("  input ") > 5


def test_the_operands_are_those_of_the_node_of_the_graph(mode):
    error, lines = failing(mode, X[K], np.ones(3), 7, ins=(X, K), kind=IndexError)
    text = "\n".join(lines)
    assert "input 0 (x): TensorType(float64, vector), shape (3,), strides (8,)" in text
    assert "index 7 is out of bounds" in str(error)


def test_shapes_of_this_call_are_shown_and_not_of_the_last(mode):
    f = function([X, Y], T.exp(X) * Y.sum() + Y, mode=mode)
    f(np.ones(2), np.ones(2))
    f(np.ones(4), np.ones(4))
    with pytest.raises(ValueError) as caught:
        f(np.ones(5), np.ones(3))
    text = "\n".join(caught.value.__notes__) + caught.value.details()
    assert "shape (5,)" in text and "shape (3,)" in text and "(4,)" not in text and "(2,)" not in text


def test_high_verbosity_and_details_on_request(mode):
    weights = shared(np.ones((30, 3)), "weights")
    outputs, updates = [T.exp(X), T.dot(weights, X) + Y], {weights: weights * 2}
    error, low = failing(mode.excluding("fuse"), outputs, np.ones(3), np.ones(4), updates=updates, kind=ValueError)
    with config.override(exception_verbosity="high"):
        _, high = failing(mode.excluding("fuse"), outputs, np.ones(3), np.ones(4), updates=updates, kind=ValueError)
    assert len(low) <= 15 < len(high)
    for text in ("\n".join(high), error.details()):
        assert "the node:" in text and "├─" in text  # the graph of the node
        assert "storage:" in text and "bytes" in text
        assert "shared            720  weights: TensorType(float64, matrix), shape (30, 3)" in text
        assert "input              24  x: TensorType(float64, vector), shape (3,)" in text
    assert weights.get_value().max() == 1  # and nothing has changed


def test_an_exception_of_a_python_node(mode):
    error, lines = failing(mode, refuses(X * 2) + Y, np.ones(2), np.ones(2), kind=KeyError)
    assert error.args == ("no such thing",) and len(lines) <= 15
    text = "\n".join(lines)
    assert "while computing FromFunctionOp{refuses}" in text and "node " in text and "shape (2,)" in text
    assert "refuses(X * 2)" in text and "storage:" in error.details()


Z = T.dvector("Z")


def fused(M):
    """Work that becomes one loop, or a loop and a reduction, and per line what its inputs must not be."""
    inner = T.exp(X) + Y  # the sum
    outer = T.tanh(inner) * Z  # the product
    spread = (outer - M) / 2  # the difference
    return inner, outer, spread


@pytest.mark.default_mode
@pytest.mark.parametrize("shape", ["outer", "sum", "both", "spread", "pickled"])
@pytest.mark.parametrize(("sizes", "said"), [((3, 2, 3, 3), "the sum"), ((3, 3, 2, 3), "the product"),
                                             ((3, 3, 3, 2), "the difference")])  # fmt: skip
def test_a_fused_node_names_the_line_of_the_operation_that_fails(mode, shape, sizes, said):
    M = T.dmatrix("M")
    inner, outer, spread = fused(M)
    if (shape == "spread") != (said == "the difference"):
        return
    outputs = {"sum": outer.sum(), "both": [inner * 2, outer.max(), outer], "spread": spread.sum(axis=0)}
    f = function([X, Y, Z, M], outputs.get(shape, outer), mode=mode, on_unused_input="ignore")
    if shape == "pickled":
        f = pickle.loads(pickle.dumps(f))
    with pytest.raises(ValueError) as caught:
        f(*[np.ones(n) for n in sizes[:3]], np.ones((4, sizes[3])))
    note = "\n".join(caught.value.__notes__)
    assert f"# {said}" in note and note.count("built at") == 1
    assert "built at" in caught.value.details() and f"# {said}" in caught.value.details()


@pytest.mark.default_mode
def test_a_fused_node_names_the_operation_that_fails(mode):
    _, lines = failing(mode, T.exp(X) + Y * 2, np.ones(2), np.ones(3), kind=ValueError)
    assert "of the operations fused into this node add fails, on the shapes (2,) and (3,)." in "\n".join(lines)


def test_traceback_limit(mode):
    def library(a, b):
        return a + b

    def model():
        return library(X, Y)

    with config.override(traceback_limit=3):
        built = model()
    error, lines = failing(mode, built, np.ones(2), np.ones(3), kind=ValueError)
    details = error.details()
    at = [details.index(word) for word in ("return a + b", "return library(X, Y)", "built = model()")]
    assert at == sorted(at) and details.count("called from") == 2
    assert "called from" not in "\n".join(lines)  # the innermost line is enough by default
    error, _ = failing(mode, model(), np.ones(2), np.ones(3), kind=ValueError)
    assert "called from" not in error.details() and "return a + b" in error.details()


def test_the_whole_traceback():
    def inner(n):
        return X + Y if n == 0 else inner(n - 1)

    with config.override(traceback_limit=-1):
        deep = inner(20).owner.trace
    with config.override(traceback_limit=5):
        five = inner(20).owner.trace

    def depth(trace):
        return 1 + (depth(trace[3]) if len(trace) > 3 else 0)

    assert depth(deep) > 21 and depth(five) == 5 and depth(inner(20).owner.trace) == 1


def test_an_error_travels_to_another_process(mode):
    error, _ = failing(mode, X + Y, np.ones(2), np.ones(3), kind=ValueError)
    copy = pickle.loads(pickle.dumps(error))
    assert copy.details() == error.details() and str(copy) == str(error)
    assert pickle.loads(pickle.dumps(copy)).details() == error.details()


def test_nested_functions_and_graphs(mode):
    a, b = T.dvectors("ab")
    inside = OpFromGraph([a, b], [a + b], name="inside")
    f = function([X, Y], inside(X, Y) * 2, mode=mode.excluding("inline-graph"))
    with pytest.raises(ValueError) as caught:
        f(np.ones(2), np.ones(3))
    assert "Elemwise{add}" in caught.value.__notes__[0]
    assert sum("while computing" in note for note in caught.value.__notes__) == 1


class OwnDetails(Exception):
    """An error class that has details of its own."""

    details = "mine"


class Raises(Op):
    error: type = OwnDetails

    def make_node(self, x):
        return Apply(self, [x], [x.type()])

    def perform(self, node, x):
        raise self.error("why")


def test_an_error_with_details_of_its_own_keeps_them(mode):
    error, lines = failing(mode, Raises()(X), np.ones(2), np.ones(2), kind=OwnDetails)
    assert error.details == "mine" and "while computing Raises" in "\n".join(lines)


class OutOfMemory(Op):
    def make_node(self, x):
        return Apply(self, [x], [x.type()])

    def perform(self, node, x):
        raise MemoryError("too much")


def test_out_of_memory_names_what_the_function_holds(mode):
    error, lines = failing(mode, OutOfMemory()(X + 1), np.ones(1000), np.ones(2), kind=MemoryError)
    assert "does not fit into memory" in "\n".join(lines) and "8,000" in error.details()


def test_the_interpreter_tells_the_same():
    with pytest.raises(ValueError) as caught:
        evaluate(T.exp(X) + Y, {X: np.ones(2), Y: np.ones(3)})
    [note] = caught.value.__notes__
    assert note.startswith("while computing Elemwise{add}\n  input 0: TensorType(float64, vector), shape (2,)")
    details = caught.value.details()
    assert "value [1., 1., 1.]" in details and "the node:" in details
