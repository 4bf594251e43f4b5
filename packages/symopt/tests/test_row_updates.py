"""Steps of gradient descent on a few rows of a table: no tensor as large as the table is made, and values are right."""

import numpy as np
import pytest

from symcore import grad, shared
from symcore import tensor as T
from symcore.tensor.creation import Alloc
from symcore.tensor.elemwise import Elemwise
from symopt.function import function
from symopt.mode import get_mode

rng = np.random.default_rng(11)
ROWS, COLUMNS, BATCH = 50, 8, 40  # some rows come twice


def problem():
    """A table, rows chosen from it, what they should be, and the gradient of the squared distance."""
    W = shared(rng.normal(size=(ROWS, COLUMNS)), name="W")
    i, y = T.lvector("i"), T.TensorType("float64", (BATCH, COLUMNS))("y")
    return W, i, y, grad(((W[i] - y) ** 2).sum(), W)


def batch():
    return rng.integers(-ROWS, ROWS, BATCH), rng.normal(size=(BATCH, COLUMNS))


def dense_gradient(w, i, y):
    g = np.zeros_like(w)
    np.add.at(g, i, 2 * (w[i] - y))
    return g


def work_on_tables(f):
    """The number of nodes that fill or compute a whole table element by element; batches have a known length."""
    found = [n for n in f.fgraph.toposort() if isinstance(n.op, (Alloc, Elemwise))]
    return sum(v.type.ndim == 2 and v.type.shape[0] is None for n in found for v in n.outputs)


STEPS = {
    "constant": lambda W, g, s: W - 0.1 * g,
    "added": lambda W, g, s: (-s) * g + W,
    "divided": lambda W, g, s: W - g / s,
    "several factors": lambda W, g, s: W - s * 0.5 * (g * s),
}
NUMBERS = {
    "constant": -0.1,
    "added": -0.25,
    "divided": -4.0,
    "several factors": -0.03125,
}


@pytest.mark.parametrize("step", STEPS)
def test_values_of_a_step(step):
    W, i, y, g = problem()
    s = T.dscalar("s")
    f = function([i, y, s], [], updates=[(W, STEPS[step](W, g, s))], on_unused_input="ignore")
    for _ in range(2):
        before, given = W.get_value(), batch()
        f(*given, 0.25)
        # Sums of at most BATCH terms of size 10 in another order: far below 1e-12.
        np.testing.assert_allclose(W.get_value(), before + NUMBERS[step] * dense_gradient(before, *given), atol=1e-12)


@pytest.mark.default_mode
@pytest.mark.parametrize("step", STEPS)
def test_nothing_as_large_as_the_table_is_computed(step):
    W, i, y, g = problem()
    s = T.dscalar("s")
    f = function([i, y, s], [], updates=[(W, STEPS[step](W, g, s))], on_unused_input="ignore")
    assert work_on_tables(f) == 0
    assert "update W: written in place" in str(f.explain())


@pytest.mark.default_mode
def test_two_lookups_in_one_table():
    W, i, y, _ = problem()
    j, z = T.lvector("j"), T.TensorType("float64", (7, COLUMNS))("z")
    g = grad(((W[i] - y) ** 2).sum() + (z * W[j]).sum(), W)
    f = function([i, j, y, z], [], updates=[(W, W - 0.1 * g)])
    before, (rows, target) = W.get_value(), batch()
    others, weights = rng.integers(0, ROWS, 7), rng.normal(size=(7, COLUMNS))
    f(rows, others, target, weights)
    wanted = before - 0.1 * dense_gradient(before, rows, target)
    np.subtract.at(wanted, others, 0.1 * weights)
    np.testing.assert_allclose(W.get_value(), wanted, atol=1e-12)
    assert work_on_tables(f) == 0


def test_momentum():
    W, i, y, g = problem()
    v = shared(rng.normal(size=(ROWS, COLUMNS)), name="v")
    velocity = 0.9 * v - 0.1 * g
    f = function([i, y], [], updates=[(v, velocity), (W, W + velocity)])
    w, u, given = W.get_value(), v.get_value(), batch()
    f(*given)
    u = 0.9 * u - 0.1 * dense_gradient(w, *given)
    np.testing.assert_allclose(v.get_value(), u, atol=1e-12)
    np.testing.assert_allclose(W.get_value(), w + u, atol=1e-12)


@pytest.mark.default_mode
def test_momentum_makes_one_table_for_each_update():
    W, i, y, g = problem()
    v = shared(rng.normal(size=(ROWS, COLUMNS)), name="v")
    velocity = 0.9 * v - 0.1 * g
    f = function([i, y], [], updates=[(v, velocity), (W, W + velocity)])
    assert work_on_tables(f) == 2  # 0.9 * v and W + velocity; no zeros


def test_a_gradient_that_is_also_returned_stays_dense():
    W, i, y, g = problem()
    f = function([i, y], g, updates=[(W, W - 0.1 * g)])
    before, given = W.get_value(), batch()
    dense = dense_gradient(before, *given)
    np.testing.assert_allclose(f(*given), dense, atol=1e-12)
    np.testing.assert_allclose(W.get_value(), before - 0.1 * dense, atol=1e-12)


def test_an_infinite_rate_spoils_the_whole_table_where_nan_counts():
    W, i, y, g = problem()
    s = T.dscalar("s")
    mode = get_mode("FAST_RUN").excluding("nan_changing")
    f = function([i, y, s], W - s * g, mode=mode)
    with np.errstate(all="ignore"):
        assert np.isnan(f(np.zeros(BATCH, "int64"), np.ones((BATCH, COLUMNS)), np.inf)[1:]).all()


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_failing_call_leaves_the_table():
    W, i, y, g = problem()
    f = function([i, y], [], updates=[(W, W - 0.1 * g)])
    before, (rows, target) = W.get_value(), batch()
    rows[-1] = ROWS
    with pytest.raises(IndexError):
        f(rows, target)
    np.testing.assert_array_equal(W.get_value(), before)


PLACES = [-(2**63), -12, -9, -4, -1, 0, 3, 7, 8, 9, 12, 2**63 - 1]


@pytest.mark.default_mode
@pytest.mark.parametrize("part", [slice(None, 5), slice(2, 4), slice(3, 3), slice(0, None), 0], ids=str)
def test_a_step_on_a_part_of_a_part_changes_it_alone(part):
    """``W[n:][:5]``: its gradient makes no zeros as large as ``W[n:]``, wherever ``n`` points."""
    value = rng.normal(size=(9, 3))
    n, scale = T.lscalar("n"), T.dscalar("scale")
    weights = [shared(value, name="W") for _ in range(2)]
    fs = []
    for w, mode in zip(weights, (None, "FAST_COMPILE"), strict=True):
        loss = (w[n:][part] ** 2).sum() * scale
        fs.append(function([n, scale], loss, updates=[(w, w - 0.1 * grad(loss, w))], mode=mode))
    if part in (slice(None, 5), slice(2, 4)):
        assert not any(isinstance(node.op, Alloc) for node in fs[0].fgraph.nodes)
    for place in PLACES:
        wanted = value.copy()
        try:
            wanted[place:][part] *= 1 - 0.2 * 0.5
        except IndexError:
            with pytest.raises(IndexError):
                fs[0](place, 0.5)
            continue
        for w, f in zip(weights, fs, strict=True):
            w.set_value(value)
            f(place, 0.5)
            np.testing.assert_allclose(w.get_value(), wanted, rtol=1e-14)
