"""``loop``: nested carries, what it returns, its derivatives, and what it says about wrong use."""

from collections import namedtuple
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import symscan
from symcore import Rop, grad, shared
from symcore import tensor as T
from symcore.random import MRG_RandomStreams, PhiloxStreams, RandomStreams
from symopt import function, jit
from symscan import loop, scan, until

MODES = ["FAST_COMPILE", "FAST_RUN"]
rng = np.random.default_rng(3)
Cell = namedtuple("Cell", "hidden memory")


@dataclass(frozen=True)
class State:
    total: Any
    cell: Cell
    doubled: Any = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "doubled", 2 * self.total)


@dataclass
class Row:
    value: Any
    weight: Any = None


@pytest.fixture(params=MODES)
def run(request):
    """``run(inputs, outputs, *values)``: compiled in each mode."""

    def compute(inputs, outputs, *values, **options):
        return function(inputs, outputs, mode=request.param, **options)(*values)

    return compute


def running_mean(carry, v):
    total, count = carry["total"] + v, carry["count"] + 1
    return {"count": count, "total": total}, [total / count, None, (v,)]


def test_carry_and_results_keep_their_structures(run):
    x = T.dvector("x")
    last, ys = loop(running_mean, {"total": 0.0, "count": 0}, x)
    assert set(last) == {"total", "count"} and ys[1] is None and isinstance(ys[2], tuple)
    total, count, means, same = run([x], [last["total"], last["count"], ys[0], ys[2][0]], [1.0, 2.0, 6.0])
    assert (total, count, count.dtype) == (9, 3, np.int64)
    np.testing.assert_array_equal(means, [1, 1.5, 3])
    np.testing.assert_array_equal(same, [1, 2, 6])


def test_named_tuples_and_dictionaries_of_sequences(run):
    x, y = T.dmatrix("x"), T.dvector("y")

    def step(cell, row):
        hidden = T.tanh(row["a"] + cell.memory)
        return Cell(hidden, 0.5 * cell.memory + row["b"] * hidden), None

    cell, nothing = loop(step, Cell(T.zeros(2), T.ones(2)), {"a": x, "b": y})
    assert nothing is None and isinstance(cell, Cell)
    X, Y = rng.normal(size=(4, 2)), rng.normal(size=3)
    memory = np.ones(2)
    for a, b in zip(X, Y, strict=False):
        hidden = np.tanh(a + memory)
        memory = 0.5 * memory + b * hidden
    got = run([x, y], list(cell), X, Y)
    np.testing.assert_allclose(got, [hidden, memory], rtol=1e-14)


def test_data_classes(run):
    """In the carry, in the rows and in what is stacked; fields that a class computes itself are no leaves."""
    x, w = T.dvectors("xw")

    def step(state, row):
        total = state.total + row.value * row.weight
        return State(total, Cell(state.cell.hidden * row.value, None)), Row(state.doubled)

    last, rows = loop(step, State(0.0, Cell(1.0, None)), Row(x, w))
    assert isinstance(last, State) and isinstance(last.cell, Cell) and isinstance(rows, Row) and rows.weight is None
    total, product, doubled = run([x, w], [last.total, last.cell.hidden, rows.value], [1.0, 2.0, 3.0], [1.0, 1.0, 2.0])
    assert (total, product, doubled.tolist()) == (9, 6, [0, 2, 6])
    slopes = run([x, w], grad(last.total * last.cell.hidden, [x, w]), [1.0, 2.0, 3.0], [1.0, 1.0, 2.0])
    np.testing.assert_allclose(slopes, [[60, 33, 30], [6, 12, 18]])


def test_a_bare_carry_and_a_symbolic_number_of_steps(run):
    n = T.lscalar("n")
    last, before = loop(lambda p, nothing: (p * 2, p), 1, n_steps=n)
    for steps in (0, 1, 5):
        final, rows = run([n], [last, before], steps)
        assert final == 2**steps
        np.testing.assert_array_equal(rows, 2 ** np.arange(steps))


def test_the_last_result_alone(run):
    x = T.dvector("x")
    _, y = loop(lambda s, v: (s + v, s * v), 0.0, x, length_out="last")
    assert y.type.ndim == 0
    assert run([x], y, [1.0, 2.0, 5.0]) == 15
    with pytest.raises(IndexError):
        run([x], y, [])


def test_fewer_steps_than_rows_and_too_many(run):
    x = T.dvector("x")
    last, _ = loop(lambda s, v: (s + v, None), 0.0, x, n_steps=2)
    assert run([x], last, [1.0, 2.0, 5.0]) == 3
    with pytest.raises(ValueError, match="2 steps need rows 0 to 1 of sequence 0, which has 1"):
        run([x], last, [1.0])


def test_equals_scan_with_its_derivatives(run):
    x, h, w = T.dmatrix("x"), T.dvector("h"), T.dvector("w")
    plain, _ = scan(lambda v, s: T.tanh(v * w + s), x, h)
    last, rows = loop(lambda s, v: (T.tanh(v * w + s),) * 2, h, x)
    values = rng.normal(size=(5, 3)), rng.normal(size=3), rng.normal(size=3)
    costs = [(plain**2).sum() + plain[-1].sum(), (rows**2).sum() + last.sum()]
    slopes = [g for cost in costs for g in grad(cost, [x, h, w])]
    tangents = [Rop(cost, w, h) for cost in costs]
    a, b = np.split(np.array(run([x, h, w], [*costs, *tangents], *values)).reshape(2, 2), 2, axis=1)
    np.testing.assert_allclose(a, b, rtol=1e-12)
    found = run([x, h, w], slopes, *values)
    for one, other in zip(found[:3], found[3:], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


def test_after_no_steps_the_carry_is_the_first_with_its_gradient(run):
    x, h = T.dmatrix("x"), T.dvector("h")
    last, _ = loop(lambda s, v: (s * v, None), h, x)
    value, slope = run([x, h], [last, grad((last**2).sum(), h)], np.zeros((0, 2)), [3.0, 4.0])
    np.testing.assert_array_equal(value, [3, 4])
    np.testing.assert_array_equal(slope, [6, 8])


def test_loops_in_loops_and_in_jit():
    @jit
    def table(x):
        def outer(total, row):
            inner, _ = loop(lambda s, v: (s + v * v, None), 0.0, row)
            return total + inner, inner

        return loop(outer, 0.0, x)

    X = rng.normal(size=(3, 4))
    total, rows = table(X)
    np.testing.assert_allclose(rows, (X**2).sum(1), rtol=1e-14)
    np.testing.assert_allclose(total, (X**2).sum(), rtol=1e-14)
    assert table.traces == 1


@pytest.mark.parametrize("streams", [RandomStreams, MRG_RandomStreams, PhiloxStreams])
def test_random_numbers_differ_in_every_step_and_call(streams):
    draws = streams(7)
    _, rows = loop(lambda s, _: (s, draws.normal((2,))), 0.0, n_steps=3)
    f = function([], rows)
    a, b = f(), f()
    assert len({*a.ravel(), *b.ravel()}) == 12


def test_a_generator_may_be_carried():
    state = RandomStreams(5).normal().owner.inputs[0]
    assert not isinstance(state.type, T.TensorType)

    def step(carry, _):
        generator, total = carry
        after, draw = type(drawn.owner.op).make_node(drawn.owner.op, generator, *drawn.owner.inputs[1:]).outputs
        return (after, total + draw), draw

    drawn = RandomStreams(5).normal()
    (_, total), rows = loop(step, (state, 0.0), n_steps=4)
    f = function([], [total, rows])
    total_, rows_ = f()
    assert len(set(rows_)) == 4
    np.testing.assert_allclose(total_, rows_.sum(), rtol=1e-14)


def test_names_of_the_loop():
    assert symscan.loop(lambda s, _: (s, s), 0.0, n_steps=2, name="idle")[1].owner.op.name == "idle"


# ---------------------------------------------------------------------- wrong use

FIRST = {"total": 0.0, "count": 0}
x = T.dvector("x")
WRONG = {
    "no pair": (lambda c, v: c["total"], TypeError, r"returns two things, \(carry, y\); got one value"),
    "a triple": (lambda c, v: (c, v, v), TypeError, r"two things, \(carry, y\); got a tuple of 3"),
    "another key": (
        lambda c, v: ({"total": v, "n": v}, v),
        TypeError,
        "carry must be a dictionary with 'total', 'count', as it is at first; .* with 'total', 'n'",
    ),
    "a tuple for a value": (
        lambda c, v: ({"total": (v, v), "count": 1}, v), TypeError, r"carry\['total'\] must be one value.*tuple of 2"
    ),
    "a value for a dictionary": (lambda c, v: (v, v), TypeError, "carry must be a dictionary.*one value"),
    "a wider dtype": (
        lambda c, v: ({"total": v, "count": c["count"] + v}, v), TypeError, r"init\['count'\] has dtype int64.*Cast"
    ),
    "more dimensions": (
        lambda c, v: ({"total": T.stack([v, v]), "count": 1}, v),
        TypeError,
        r"init\['total'\] makes a state of 0 dimensions .*1 dimensions",
    ),
    "until": (lambda c, v: (c, until(v > 3)), TypeError, r"y is until\(.*Use scan"),
    "no tensor": (lambda c, v: (c, {"a": object()}), TypeError, r"y\['a'\] must be a tensor"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_steps(name):
    step, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        loop(step, FIRST, x)


def test_wrong_data_classes():
    given = State(0.0, Cell(1.0, None))
    with pytest.raises(TypeError, match=r"carry must be a State \(total, cell\), as it is at first; .* a Row \(val"):
        loop(lambda c, v: (Row(c, v), v), given, x)
    with pytest.raises(TypeError, match=r"carry.cell must be a Cell of 2, as it is at first; .* one value"):
        loop(lambda c, v: (State(v, v), v), given, x)
    with pytest.raises(TypeError, match=r"carry.value must be one value, as it is at first; .* a Row \(value, w"):
        loop(lambda c, v: (Row(Row(v), v), v), Row(0.0, 0.0), x)


def test_wrong_arguments():
    with pytest.raises(TypeError, match="needs a function"):
        loop(3, FIRST, x)
    with pytest.raises(ValueError, match="give it xs, or n_steps"):
        loop(lambda c, v: (c, None), FIRST)
    with pytest.raises(ValueError, match="length_out must be 'all' or 'last', got 'none'"):
        loop(lambda c, v: (c, None), FIRST, x, length_out="none")
    with pytest.raises(TypeError, match=r"xs\[1\] is the scalar"):
        loop(lambda c, v: (c, None), FIRST, (x, x[0]))
    with pytest.raises(TypeError, match=r"init\['total'\] must be a tensor"):
        loop(lambda c, v: (c, None), {"total": object()}, x)
    with pytest.raises(TypeError, match=r"xs must be a tensor"):
        loop(lambda c, v: (c, None), FIRST, object())
    with pytest.raises(ValueError, match="must not be negative"):
        loop(lambda c, v: (c, None), FIRST, n_steps=-1)
    with pytest.raises(TypeError, match="n_steps must be an integer"):
        loop(lambda c, v: (c, None), FIRST, n_steps=1.5)


def test_a_generator_that_becomes_a_number_is_refused():
    state = shared(np.float64(1))
    generator = RandomStreams(5).normal().owner.inputs[0]
    with pytest.raises(TypeError, match="carry must be of type .*as it is at first"):
        loop(lambda g, _: (state, None), generator, n_steps=2)
