"""Loops in the C virtual machine, against lists of rows in plain Python."""

import itertools
import signal
import threading
import time

import numpy as np
import pytest

from symcodegen.dispatch import Loop, LoopOutput, LoopSequence, LoopSpec, LoopState, c_impl
from symcore import as_op, shared
from symcore import tensor as T
from symcore.graph.variable import Apply
from symcore.ifelse import ifelse
from symcore.interpreter import run_node
from symcore.op import Op
from symcore.tensor.constant import as_tensor
from symcore.tensor.type import TensorType
from symopt import function
from symopt.mode import get_mode

pytestmark = pytest.mark.default_mode  # what runs in C

PY = get_mode("FAST_RUN").with_linker("py")
rng = np.random.default_rng(17)
BODIES = {}
_numbers = itertools.count()


class LoopOp(Op):
    """``spec`` over the inner graph ``BODIES[key]``."""

    spec: LoopSpec
    key: int

    def make_node(self, n, *inputs):
        inner, spec = BODIES[self.key], self.spec
        first = [as_tensor(v) if not hasattr(v, "type") else v for v in inputs]
        outputs, made = [], iter(inner.outputs)
        for s in spec.states:
            y = next(made).type
            outputs.append(TensorType(y.dtype, (s.keep if s.keep and s.keep <= s.before else None, *y.shape)))
        outputs += [next(made).type for _ in range(spec.carries)]
        outputs += [TensorType(y.dtype, (None, *y.shape)) for y in (next(made).type for _ in spec.outputs)]
        return Apply(self, [as_tensor(n).astype("int64"), *first], [t() for t in outputs])

    def infer_shape(self, node, input_shapes):
        return [None for _ in node.outputs]

    def perform(self, node, n, *values):
        found = reference(self.spec, BODIES[self.key], int(n), values)
        first = len(self.spec.sequences) + len(self.spec.states) + self.spec.carries
        shape = values[first].shape if len(values) > first else values[0].shape[1:]  # of every row
        return tuple(np.zeros((0, *shape)) if v is None else v for v in found)


@c_impl.register
def loop_c(op: LoopOp, node):
    return Loop(BODIES[op.key], op.spec)


def loop(spec, inner_inputs, inner_outputs, n, *inputs, mode=None):
    """Build the loop; the inner graph is rewritten first, with ``mode``."""
    key = next(_numbers)
    BODIES[key] = function(inner_inputs, inner_outputs, mode=mode, on_unused_input="ignore").fgraph
    return LoopOp(spec, key).make_node(n, *inputs).outputs


def step(inner, values):
    """One step, by ``perform``."""
    known = dict(zip(inner.inputs, values, strict=True))
    for node in inner.toposort():
        given = [v.data if v.owner is None and v not in known else known[v] for v in node.inputs]
        known.update(zip(node.outputs, run_node(node, given), strict=True))
    made = [v.data if v.owner is None and v not in known else known[v] for v in inner.outputs]
    return [np.array(v) if isinstance(v, np.ndarray) else v for v in made]


def reference(spec, inner, n, values):
    """What a loop means: lists of rows, nothing shared."""
    parts = list(values)
    sequences = [parts.pop(0) for _ in spec.sequences]
    states = [[np.array(r) for r in parts.pop(0)] for _ in spec.states]
    carries = [parts.pop(0) for _ in range(spec.carries)]
    outputs = [[] for _ in spec.outputs]
    for i in range(n):
        rows = []
        for s, x in zip(spec.sequences, sequences, strict=True):
            rows += [np.array(x[row + s.step * i + (len(x) if row < 0 else 0)]) for row in s.rows]
        taps = [x[len(x) + t] for s, x in zip(spec.states, states, strict=True) for t in s.taps]
        made = step(inner, [*rows, *taps, *carries, *parts])
        for x in states:
            x.append(made.pop(0))
        carries = [made.pop(0) for _ in carries]
        for x in outputs:
            x.append(made.pop(0))
        if spec.until and made.pop(0):
            break
    arrays = []
    for s, x in zip([*spec.states, *spec.outputs], [*states, *outputs], strict=True):
        arrays.append(np.array(x if s.keep is None else x[-s.keep :]) if x else None)
    return [*arrays[: len(states)], *carries, *arrays[len(states) :]]


@as_op([T.dvector], [T.dvector])
def in_python(v):
    return np.tanh(v)


def how(f):
    """How the one loop of a function runs."""
    [found] = [text for node, _, text in f.placement() if type(node.op).__name__ == "LoopOp"]
    return found


def agree(inputs, outputs, values, calls=3, **settings):
    """Compare C with Python on the same values, several times; return the function in C."""
    f, g = (function(inputs, outputs, mode=mode, on_unused_input="ignore", **settings) for mode in (None, PY))
    for _ in range(calls):
        for a, b in zip(f(*values), g(*values), strict=True):
            assert a.shape == b.shape and a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    return f


# -- random specifications ---------------------------------------------------------------------------------------------


def _random_sequence(random, n, row):
    width = int(random.integers(1, 4))
    step = int(random.choice([1, -1]))
    rows = tuple(int(r) for r in random.permutation(width)[: random.integers(1, width + 1)])
    length = n + width - 1 + int(random.integers(3))
    if step < 0:  # from the end, whatever the length, or from where n steps still fit
        rows = tuple(-1 - r for r in rows) if random.random() < 0.5 else tuple(r + max(n - 1, 0) for r in rows)
    x = random.normal(size=(max(length, 1), *row))
    layout = random.integers(3)
    if layout == 1:
        x = np.repeat(x, 2, 0)[::2]
    elif layout == 2 and row:
        x = np.asfortranarray(x)
    return LoopSequence(rows, step), x


def _random_keep(random):
    return None if random.random() < 0.5 else int(random.integers(1, 5))


def _random_spec(random):
    row = [(), (3,), (2, 3)][random.integers(3)]
    n = int(random.choice([0, 1, 2, 5, 9]))
    sequences, values = [], []
    for _ in range(random.integers(3)):
        s, x = _random_sequence(random, n, row)
        sequences.append(s)
        values.append(x)
    states = []
    for _ in range(random.integers(3)):
        taps = tuple(-int(t) for t in random.permutation([1, 2, 3])[: random.integers(1, 3)])
        states.append(LoopState(taps, _random_keep(random)))
        values.append(random.normal(size=(states[-1].before, *row)))
    outputs = [LoopOutput(_random_keep(random)) for _ in range(random.integers(1 - bool(states), 3))]
    carries = int(random.random() < 0.1)
    values += [random.normal(size=row) for _ in range(carries)]
    spec = LoopSpec(tuple(sequences), tuple(states), carries, tuple(outputs), bool(random.random() < 0.25))
    return spec, row, n, [*values, random.normal(size=row), random.normal(size=(3, 3)) * 0.3]


def _random_body(random, spec, row):
    """Inner inputs and outputs of a specification: sums, products, functions, views, a choice, a Python node."""
    kind = TensorType("float64", [None] * len(row))
    inputs = [kind(f"v{k}") for k in range(spec.n_inner_inputs)]
    same, matrix = kind("same"), T.dmatrix("matrix")
    pool = [*inputs, same]
    for _ in range(random.integers(1, 5)):
        a, b = (pool[random.integers(len(pool))] for _ in range(2))
        op = random.integers(9)
        if op == 0:
            new = T.tanh(a) + b
        elif op == 1:
            new = a * 0.5 - b
        elif op == 2:
            new = T.exp(-(a * a)) * b
        elif op == 3 and row:
            new = a - b.sum(0)
        elif op == 4 and row:
            new = T.dot(a, matrix)
        elif op == 5 and row:
            new = a[..., ::-1] * 0.5
        elif op == 6 and random.random() < 0.3:
            new = ifelse(T.gt(a.sum(), 0), a * 0.5, b - 1)
        elif op == 7 and len(row) == 1 and random.random() < 0.3:
            new = in_python(a)
        else:
            new = T.switch(T.gt(a, b), a, b * 0.9)
        pool.append(new)
    outputs = [pool[random.integers(len(pool))] for _ in range(spec.n_node_outputs)]
    until = [T.gt(T.abs(pool[-1]).sum(), 2.5)] if spec.until else []
    return [*inputs, same, matrix], [*outputs, *until]


@pytest.mark.parametrize("seed", range(200))
def test_random_specifications(seed):
    random = np.random.default_rng(seed)
    spec, row, n, values = _random_spec(random)
    inner_inputs, inner_outputs = _random_body(random, spec, row)
    steps = T.lscalar("steps")
    outer = [TensorType("float64", [None] * v.ndim)() for v in values]
    made = loop(spec, inner_inputs, inner_outputs, steps, *outer)
    totals = [y.sum(0) for y in made if y.type.ndim]
    agree([steps, *outer], [*made, *totals], [n, *values])


# -- one thing at a time -----------------------------------------------------------------------------------------------


def _cumulative(mode=None):
    """A cumulative sum of rows, all of them, and the last but two."""
    x, s = T.dvector("x"), T.dvector("s")
    n, xs, s0 = T.lscalar("n"), T.dmatrix("xs"), T.dmatrix("s0")
    spec = LoopSpec((LoopSequence(),), (LoopState(),), outputs=(LoopOutput(2),))
    return [n, xs, s0], loop(spec, [x, s], [x + s, x * s], n, xs, s0, mode=mode)


def test_zero_steps_give_rows_of_the_right_shape():
    inputs, outputs = _cumulative()
    f = function(inputs, outputs)
    assert how(f) == "loop"
    states, last = f(0, np.ones((0, 4)), np.ones((1, 4)))
    assert states.tolist() == [[1.0] * 4] and last.shape == (0, 4)
    with pytest.raises(ValueError, match=r"number of steps is -2"):
        f(-2, np.ones((0, 4)), np.ones((1, 4)))


def test_lengths_that_do_not_fit_are_named():
    inputs, outputs = _cumulative()
    f = function(inputs, outputs)
    with pytest.raises(ValueError, match=r"4 steps need rows 0 to 3 of sequence 0, which has 3"):
        f(4, np.ones((3, 2)), np.ones((1, 2)))
    with pytest.raises(ValueError, match=r"state 0 needs 1 initial rows.* given 2"):
        f(2, np.ones((3, 2)), np.ones((2, 2)))
    x, s = T.dvector("x"), T.dvector("s")
    n, s0, a = T.lscalar("n"), T.dmatrix("s0"), T.dvector("a")
    [y] = loop(LoopSpec(states=(LoopState(),)), [s, x], [T.concatenate([s, x])], n, s0, a)
    g = function([n, s0, a], y)
    with pytest.raises(ValueError, match=r"state 0 of length 3 along axis 0, where the initial value has length 2"):
        g(3, np.ones((1, 2)), np.ones(1))
    assert g(3, np.ones((1, 2)), np.ones(0)).shape == (4, 2)


@pytest.mark.parametrize("keep", [None, 1, 3])
def test_a_condition_ends_the_loop(keep):
    s = T.dscalar("s")
    n, s0 = T.lscalar("n"), T.dvector("s0")
    spec = LoopSpec(states=(LoopState(keep=keep),), outputs=(LoopOutput(keep),), until=True)
    made = loop(spec, [s], [s * 2, s + 1, T.gt(s * 2, 100)], n, s0)
    f = agree([n, s0], [*made, made[0][-1], made[1].shape[0]], [1000, np.array([1.0])])
    assert how(f) == "loop"
    assert float(f(1000, [1.0])[2]) == 128.0 and float(f(3, [1.0])[2]) == 8.0


def test_what_python_carries_from_step_to_step():
    x = T.dvector("x")
    n, x0 = T.lscalar("n"), T.dvector("x0")
    [y] = loop(LoopSpec(carries=1), [x], [T.concatenate([x, x[:1]])], n, x0)
    f = agree([n, x0], [y], [3, np.arange(2.0)])
    assert "carries" in how(f)
    assert f(3, [1.0, 2.0])[0].tolist() == [1.0, 2.0, 1.0, 1.0, 1.0]
    start = np.ones(2)
    assert not np.shares_memory(f(0, start)[0], start)


def test_python_nodes_within_steps():
    x, s = T.dvector("x"), T.dvector("s")
    n, xs, s0 = T.lscalar("n"), T.dmatrix("xs"), T.dmatrix("s0")
    spec = LoopSpec((LoopSequence((-1,), -1),), (LoopState((-2, -1)),))
    s2 = T.dvector("s2")
    made = loop(spec, [x, s2, s], [in_python(x + s) + s2], n, xs, s0)
    f = agree([n, xs, s0], made, [4, rng.normal(size=(4, 2)), rng.normal(size=(2, 2))])
    assert "nodes without C" in how(f)


def test_indices_that_are_computed_in_a_step():
    i, s, a = T.lscalar("i"), T.dvector("s"), T.dmatrix("a")
    n, index, s0, a0 = T.lscalar("n"), T.lvector("index"), T.dmatrix("s0"), T.dmatrix("a0")
    body = [s * 0.5 + a[i], a[i, -1], a[i + 1, i]]
    spec = LoopSpec((LoopSequence(),), (LoopState(),), outputs=(LoopOutput(), LoopOutput()))
    made = loop(spec, [i, s, a], body, n, index, s0, a0)
    values = [4, np.array([0, 1, -2, -3]), np.ones((1, 3)), rng.normal(size=(3, 3))]
    f = agree([n, index, s0, a0], made, values)
    assert how(f) == "loop"
    with pytest.raises(IndexError) as error:
        f(4, np.array([0, 1, 0, 5]), *values[2:])
    assert "in step 3" in "\n".join(error.value.__notes__)


def test_a_step_is_one_kernel_or_many():
    """The same loop with rows that lie in memory in order, and with rows that do not."""
    x, s, a = T.dvector("x"), T.dvector("s"), T.dvector("a")
    n, xs, s0, a0 = T.lscalar("n"), T.dmatrix("xs"), T.dmatrix("s0"), T.dvector("a0")
    states = (LoopState((-1, -3), keep=2), LoopState())
    spec = LoopSpec((LoopSequence((0, 2)),), states, outputs=(LoopOutput(),))
    x2, s3, t = T.dvector("x2"), T.dvector("s3"), T.dvector("t")
    u = T.tanh(x * a + s3)
    made = loop(spec, [x, x2, s, s3, t, a], [u + x2, t * 0.5 + u, u - s], n, xs, s0, T.ones_like(s0[:1]), a0)
    for layout in (np.ascontiguousarray, np.asfortranarray, lambda v: np.repeat(v, 2, -1)[..., ::2]):
        values = [6, layout(rng.normal(size=(8, 5))), layout(rng.normal(size=(3, 5))), layout(rng.normal(size=5))]
        agree([n, xs, s0, a0], made, values)


def test_scalars_with_a_condition_and_rings():
    s, t, x = T.dscalar("s"), T.dscalar("t"), T.dscalar("x")
    n, s0, xs = T.lscalar("n"), T.dvector("s0"), T.dvector("xs")
    spec = LoopSpec((LoopSequence((-1,), -1),), (LoopState((-2, -1), keep=3),), outputs=(LoopOutput(2),), until=True)
    made = loop(spec, [x, s, t], [s + t * x, s - x, T.gt(s + t, 30)], n, xs, s0)
    for steps in (0, 1, 2, 3, 9, 40):
        f = agree([n, s0, xs], made, [steps, np.array([1.0, 1.0]), np.linspace(0.5, 1.5, 40)])
    assert how(f) == "loop"


def test_loops_within_loops():
    x, s, t = T.dscalar("x"), T.dscalar("s"), T.dscalar("t")
    xs, row, s0 = T.dmatrix("xs"), T.dvector("row"), T.dvector("s0")
    n, m = T.lscalar("n"), T.lscalar("m")
    inside = loop(LoopSpec((LoopSequence(),), (LoopState(keep=1),)), [x, s], [s * 0.5 + x], m, row, t.dimshuffle("x"))
    spec = LoopSpec((LoopSequence(),), (LoopState(),), outputs=(LoopOutput(),))
    made = loop(spec, [row, t, m], [inside[0][-1], row * t], n, xs, s0, m)
    f = agree([n, m, xs, s0], made, [5, 3, rng.normal(size=(6, 4)), np.ones(1)])
    fixed = T.as_tensor(np.int64(4))
    spec_in = LoopSpec((LoopSequence(),), (LoopState(keep=1),))
    inside = loop(spec_in, [x, s], [s * 0.5 + x], fixed, row, t.dimshuffle("x"))
    made = loop(spec, [row, t], [inside[0][-1], row * t], n, xs, s0)
    f = agree([n, xs, s0], made, [5, rng.normal(size=(6, 4)), np.ones(1)])
    assert how(f) == "loop"
    with pytest.raises(ValueError, match=r"rows 0 to 3 of sequence 0, which has 3") as error:
        f(5, np.ones((5, 3)), np.ones(1))
    assert sum("LoopOp" in note for note in error.value.__notes__) >= 1


def test_a_failure_names_the_step_and_the_node():
    i, s = T.lvector("i"), T.dvector("s")
    n, index, s0 = T.lscalar("n"), T.lmatrix("index"), T.dmatrix("s0")
    made = loop(LoopSpec((LoopSequence(),), (LoopState(),)), [i, s], [s[i] * 2], n, index, s0)
    f = function([n, index, s0], made)
    assert how(f) == "loop"
    good = np.array([[0, 1], [1, 0], [0, 0], [1, 1]])
    want = f(4, good, np.ones((1, 2)))[0]
    bad = good.copy()
    bad[2, 1] = 7
    with pytest.raises(IndexError, match="7") as error:
        f(4, bad, np.ones((1, 2)))
    notes = "\n".join(error.value.__notes__)
    assert "in step 2 of LoopOp" in notes and "AdvancedSubtensor" in str(error.value) + notes
    np.testing.assert_array_equal(f(4, good, np.ones((1, 2)))[0], want)


def test_updates_from_loops_and_a_failure_leaves_them():
    w = shared(np.ones((1, 2)), "w")
    i, s = T.lvector("i"), T.dvector("s")
    n, index = T.lscalar("n"), T.lmatrix("index")
    [y] = loop(LoopSpec((LoopSequence(),), (LoopState(keep=1),)), [i, s], [s[i] * 2], n, index, w)
    f = function([n, index], y.sum(), updates=[(w, y)])
    good = np.array([[0, 1], [1, 0]])
    assert float(f(2, good)) == 8.0 and w.get_value().tolist() == [[4.0, 4.0]]
    with pytest.raises(IndexError):
        f(2, np.array([[0, 1], [9, 0]]))
    assert w.get_value().tolist() == [[4.0, 4.0]]
    assert float(f(0, good)) == 8.0


def test_loops_in_branches_run_where_they_are_asked_for():
    inputs, outputs = _cumulative()
    c = T.bscalar("c")
    chosen = ifelse(c, outputs[0].sum(0), inputs[2][0])
    f = function([c, *inputs], chosen)
    xs, s0 = rng.normal(size=(3, 4)), rng.normal(size=(1, 4))
    np.testing.assert_allclose(f(1, 3, xs, s0), np.cumsum(np.vstack([s0, xs]), 0).sum(0), rtol=1e-12)
    np.testing.assert_array_equal(f(0, 99, xs, s0), s0[0])  # the loop would not find its rows


def test_from_eight_threads():
    inputs, outputs = _cumulative()
    f = function(inputs, outputs)
    wrong = []

    def run(seed):
        random = np.random.default_rng(seed)
        for _ in range(50):
            n, width = int(random.integers(1, 200)), int(random.integers(1, 300))
            xs, s0 = random.normal(size=(n, width)), random.normal(size=(1, width))
            if not np.allclose(f(n, xs, s0)[0], np.cumsum(np.vstack([s0, xs]), 0), rtol=1e-9):
                wrong.append((n, width))

    threads = [threading.Thread(target=run, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def _long():
    s, a = T.dvector("s"), T.dmatrix("a")
    n, s0, a0 = T.lscalar("n"), T.dmatrix("s0"), T.dmatrix("a0")
    [y] = loop(LoopSpec(states=(LoopState(keep=1),)), [s, a], [T.tanh(T.dot(s, a))], n, s0, a0)
    return function([n, s0, a0], y)


def test_other_threads_run_meanwhile():
    f = _long()
    values = np.ones((1, 200)), rng.normal(size=(200, 200))
    thread = threading.Thread(target=f, args=(20_000, *values))
    thread.start()
    count, start = 0, time.perf_counter()
    while thread.is_alive() and time.perf_counter() - start < 20:
        count += 1
        time.sleep(0.001)
    thread.join()
    assert count > 20


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="signals by timer")
def test_a_long_loop_can_be_interrupted():
    f = _long()
    values = np.ones((1, 200)), rng.normal(size=(200, 200))

    def stop(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        start = time.perf_counter()
        with pytest.raises(KeyboardInterrupt):
            f(100_000_000, *values)
        assert time.perf_counter() - start < 10
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert f(1, *values).shape == (1, 200)


def test_shapes_are_prepared_once():
    inputs, outputs = _cumulative()
    f = function(inputs, outputs)
    for _ in range(5):
        f(3, np.ones((3, 2)), np.ones((1, 2)))
    assert f.program.stats["prepares"] == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: LoopSequence(()),
        lambda: LoopSequence((0,), 2),
        lambda: LoopState(()),
        lambda: LoopState((0,)),
        lambda: LoopState(keep=0),
        lambda: LoopOutput(0),
    ],
)
def test_wrong_specifications(make):
    with pytest.raises(ValueError, match=r"needs|must|keep"):
        make()


def test_a_specification_that_does_not_fit_its_graph():
    x = T.dscalar("x")
    n, x0 = T.lscalar("n"), T.dvector("x0")
    spec = LoopSpec(states=(LoopState(),))
    with pytest.raises(ValueError, match=r"asks for an inner graph of 1 inputs and 1 outputs; it has 2 and 1"):
        function([n, x0], loop(spec, [x, T.dscalar()], [x], n, x0))
