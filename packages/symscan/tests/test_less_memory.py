"""Gradients that would remember too much make steps twice: the same numbers, and much less memory."""

import copy
import logging
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from symcore import grad, shared
from symcore import tensor as T
from symcore.config import config
from symcore.from_graph import OpFromGraph
from symcore.random import RandomStreams
from symopt import function
from symscan import loop, scan, until
from symscan.op import Scan

pytestmark = [pytest.mark.c, pytest.mark.default_mode]
rng = np.random.default_rng(5)
x, h, first = T.dmatrix("x"), T.dvector("h"), T.dmatrix("first")
W = rng.normal(size=(3, 3)) / 3
LIMIT = 1000  # bytes: some 40 rows of three numbers


def both(inputs, outputs, limit=LIMIT, **options):
    """Return the function without a limit, and the one that may keep ``limit`` bytes."""
    with config.override(loop_memory=limit):
        small = function(inputs, outputs, **options)
    with config.override(loop_memory=0):
        return function(inputs, outputs, **options), small


def second(f):
    """Return the function that took over, or ``None`` while there is none."""
    return f._second._made if f._second is not None else None


def loops_of(f):
    return [node.op for node in f.fgraph.toposort() if isinstance(node.op, Scan)]


def agree(f, g, *values):
    for a, b in zip(f(*values), g(*values), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-12)


def recurrent(cost):
    w = shared(W, "w")
    rows, _ = scan(lambda v, s: T.tanh(v + T.dot(s, w)), x, h)
    c = cost(rows)
    return [c, *grad(c, [w, x, h])]


COSTS = {
    "the last row": lambda rows: (rows[-1] ** 2).sum(),
    "all rows": lambda rows: (rows * T.cos(T.arange(rows.size)).reshape(rows.shape)).sum(),
    "one row": lambda rows: rows[4].sum() + rows[-1].sum(),
    "a view": lambda rows: T.sin(rows[2:-1]).sum(),
}


@pytest.mark.parametrize("cost", COSTS)
def test_values_are_the_same_with_every_number_of_steps(cost):
    f, g = both([x, h], recurrent(COSTS[cost]))
    for n in (5, 60, 100, 101, 110, 119, 120, 5):
        agree(f, g, rng.normal(size=(n, 3)), rng.normal(size=3))
    assert f._second is None
    assert [op.lean for op in loops_of(second(g))].count(True) == 2
    assert not any(op.lean for op in loops_of(g))


def test_calls_that_fit_never_make_a_second_program():
    f, g = both([x, h], recurrent(COSTS["the last row"]))
    agree(f, g, rng.normal(size=(5, 3)), rng.normal(size=3))
    assert g._second is not None and second(g) is None


def test_many_taps_several_outputs_and_known_steps():
    def step(a, b, h2, h1):
        new = T.tanh(a - b + 0.5 * h2 - 0.3 * h1)
        return new, new.sum()

    (rows, sums), _ = scan(step, {"input": x, "taps": [-1, 1]}, [{"initial": first, "taps": [-2, -1]}, None])
    for cost in (rows[-1].sum() + sums[-1], (rows**2).sum() + T.sin(sums).sum(), sums.sum() + rows[0].sum()):
        f, g = both([x, first], [rows, sums[-1], *grad(cost, [x, first])])
        for n in (4, 102, 103):
            agree(f, g, rng.normal(size=(n, 3)), rng.normal(size=(2, 3)))
        assert second(g) is not None
    for steps in (100, 103):
        orbit, _ = scan(lambda s: T.sin(s) + s * first[0], outputs_info=h, n_steps=steps)
        f, g = both([h, first], grad(orbit[-1].sum(), [h, first]))
        agree(f, g, rng.normal(size=3), rng.uniform(0, 0.2, size=(2, 3)))
        assert second(g) is not None


def test_number_of_steps_given_with_the_call():
    n = T.lscalar("n")
    rows, _ = scan(lambda s: T.sin(s), outputs_info=h, n_steps=n)
    f, g = both([h, n], [rows[-1], grad(rows[-1].sum(), h)])
    for steps in (3, 150, 151, 400):
        agree(f, g, rng.normal(size=3), steps)
    assert second(g) is not None
    with pytest.raises(IndexError):
        g(np.ones(3), 0)


def test_updates_are_made_once_and_shared_with_the_first_program():
    w, total = shared(W, "w"), shared(np.zeros(3), "total")
    rows, updates = scan(lambda v, s: (T.tanh(v + T.dot(s, w)), {total: total + s}), x, h)
    slope = grad((rows[-1] ** 2).sum(), w)
    _, g = both([x, h], rows[-1], updates={**updates, w: w - 0.1 * slope})
    f = function([x, h], [rows[-1], w - 0.1 * slope, *updates.values()])
    for n in (5, 100, 7, 130):
        given = rng.normal(size=(n, 3)), rng.normal(size=3)
        last, new_w, new_total = f(*given)
        np.testing.assert_allclose(g(*given), last, rtol=1e-11)
        np.testing.assert_allclose(w.get_value(), new_w, rtol=1e-11)
        np.testing.assert_allclose(total.get_value(), new_total, rtol=1e-9)
    assert second(g) is not None


def test_a_state_that_keeps_its_value_between_calls():
    from symopt import In

    s = T.dvector("s")
    rows, _ = scan(lambda v, a: T.tanh(v + a), x, s)
    c = rows[-1].sum() + grad(rows[-1].sum(), x)[0].sum()
    with config.override(loop_memory=LIMIT):
        g = function([x, In(s, value=np.zeros(3), update=rows[-1], mutable=True)], c)
    X, state = rng.normal(size=(150, 3)), np.zeros(3)
    for n in (4, 150, 4, 120):
        g(X[:n])
        for v in X[:n]:
            state = np.tanh(v + state)
        np.testing.assert_allclose(g[s], state, rtol=1e-10)
    assert second(g) is not None


def test_keywords_dictionaries_single_outputs_and_output_subset():
    w = shared(W, "w")
    rows, _ = scan(lambda v, s: T.tanh(v + T.dot(s, w)), x, h)
    cost = (rows**2).sum()
    given = rng.normal(size=(120, 3)), rng.normal(size=3)
    f, g = both([x, h], {"cost": cost, "slope": grad(cost, w)})
    assert set(g(*given)) == {"cost", "slope"}
    np.testing.assert_allclose(g(h=given[1], x=given[0])["slope"], f(*given)["slope"], rtol=1e-10)
    f, g = both([x, h], grad(cost, w))
    np.testing.assert_allclose(g(*given), f(*given), rtol=1e-10)
    f, g = both([x, h], [cost, grad(cost, w)])
    np.testing.assert_allclose(g(*given, output_subset=[1])[0], f(*given)[1], rtol=1e-10)


def test_copies_pickles_and_profiles():
    f, g = both([x, h], recurrent(COSTS["all rows"]))
    given = rng.normal(size=(120, 3)), rng.normal(size=3)
    for other in (g.copy(share_memory=True), g.copy(), copy.deepcopy(g), pickle.loads(pickle.dumps(g))):
        agree(f, other, *given)
    g.profile_on()
    agree(f, g, *given)
    assert g.profile.calls == 1 and g.profile_off().seconds > 0
    g.free()
    agree(f, g, *given)


def test_copies_make_steps_twice_as_well(caplog):
    """Other shared variables, no updates, some of the outputs: each has a second program, made from the first one's."""
    w, v, total = shared(W, "w"), shared(W / 2, "v"), shared(np.float64(0), "total")
    rows, _ = scan(lambda r, s: T.tanh(r + T.dot(s, w)), x, h)
    cost = (rows**2).sum()
    f, g = both([x, h], [cost, *grad(cost, [w, h])], updates={total: total + cost})
    given = rng.normal(size=(120, 3)), rng.normal(size=3)
    with caplog.at_level(logging.INFO, logger="symopt"):
        swapped, frozen = g.copy(swap={w: v}, name="swapped"), g.copy(delete_updates=True, name="frozen")
        agree(f.copy(swap={w: v}, delete_updates=True), swapped, *given)
        added = total.get_value()
        np.testing.assert_allclose(added, f.copy(swap={w: v}, delete_updates=True)(*given)[0], rtol=1e-10)
        agree(f.copy(delete_updates=True), frozen, *given)
        assert total.get_value() == added
        deep = copy.deepcopy(g)
        agree(f.copy(delete_updates=True), deep, *given)
    assert [r.getMessage().partition(": loops")[0] for r in caplog.records] == ["swapped", "frozen", g.name]
    for other in (swapped, frozen, deep):
        assert [op.lean for op in loops_of(second(other))].count(True) == 2
    w.set_value(W / 3)  # the copy by value does not see it, the one without updates does
    agree(f.copy(delete_updates=True), frozen, *given)
    assert not np.allclose(deep(*given)[0], frozen(*given)[0])
    np.testing.assert_allclose(g(*given, output_subset=[2])[0], frozen(*given)[2], rtol=1e-10)
    [part] = g._subsets.values()
    assert second(part) is not None


def noisy(cost, truncate=-1):
    """A layer whose states are multiplied by noise, drawn in every step from a distribution that the inputs decide."""
    stream = RandomStreams(7)
    w = shared(W, "w")

    def step(v, s):
        noise = stream.normal(size=(3,), avg=1.0, std=0.1)
        return T.tanh(v + T.dot(s, w)) * noise + stream.uniform(size=(3,)) * s[0]

    rows, updates = scan(step, x, h, truncate_gradient=truncate)
    c = cost(rows)
    return [c, *grad(c, [w, x, h])], updates


@pytest.mark.parametrize("cost", COSTS)
def test_what_was_drawn_is_remembered_and_not_drawn_again(cost):
    """Two functions on streams of the same seed: call after call the same draws, whoever makes the steps."""
    (plain, first), (again, other) = noisy(COSTS[cost]), noisy(COSTS[cost])
    with config.override(loop_memory=0):
        f = function([x, h], plain, updates=first)
    with config.override(loop_memory=LIMIT):
        g = function([x, h], again, updates=other)
    for n in (5, 60, 100, 101, 7, 119):
        agree(f, g, rng.normal(size=(n, 3)), rng.normal(size=3))
    made = second(g)
    assert [op.lean for op in loops_of(made)].count(True) == 2
    assert not any(op.lean for op in loops_of(g))
    forward = next(op for op in loops_of(made) if op.lean and op.spec.n_carries)
    assert len(forward.spec.plain) <= 3  # both draws, and the states where all of them are wanted


@pytest.mark.parametrize("draws", [False, True])
@pytest.mark.parametrize("truncate", [0, 1, 7, 90])
@pytest.mark.parametrize("cost", COSTS)
def test_a_truncated_gradient_remembers_the_steps_that_it_goes_back_to(cost, truncate, draws):
    def outputs():
        if draws:
            return noisy(COSTS[cost], truncate)
        w = shared(W, "w")
        rows, updates = scan(lambda v, s: T.tanh(v + T.dot(s, w)), x, h, truncate_gradient=truncate)
        return [COSTS[cost](rows), *grad(COSTS[cost](rows), [w, x, h])], updates

    (plain, first), (again, other) = outputs(), outputs()
    with config.override(loop_memory=0):
        f = function([x, h], plain, updates=first)
    with config.override(loop_memory=LIMIT):
        g = function([x, h], again, updates=other)
    for n in (5, 60, 100, 101, 150):
        agree(f, g, rng.normal(size=(n, 3)), rng.normal(size=3))
    if cost == "the last row" and truncate:
        assert second(g) is not None and not any(op.lean for op in loops_of(second(g)))
        f(np.ones((4000, 3)), np.ones(3)), g(np.ones((4000, 3)), np.ones(3))
        if not draws:
            assert second(g).linked.machine.stats["arena_bytes"] < f.linked.machine.stats["arena_bytes"] / 2


def test_rows_of_a_truncated_gradient_with_many_taps():
    def step(a, b, h2, h1):
        new = T.tanh(a - b + 0.5 * h2 - 0.3 * h1)
        return new, new.sum()

    (rows, sums), _ = scan(
        step, {"input": x, "taps": [-1, 1]}, [{"initial": first, "taps": [-2, -1]}, None], truncate_gradient=9
    )
    for cost in (rows[-1].sum() + sums[-1], (rows**2).sum() + T.sin(sums).sum(), sums.sum() + rows[0].sum()):
        f, g = both([x, first], [rows.shape[0], sums[-1], *grad(cost, [x, first])])
        for n in (4, 102, 103, 150):
            agree(f, g, rng.normal(size=(n, 3)), rng.normal(size=(2, 3)))
        assert second(g) is not None


def test_it_is_said_once(caplog):
    _, g = both([x, h], recurrent(COSTS["all rows"]), name="train")
    with caplog.at_level(logging.INFO, logger="symopt"):
        for _ in range(3):
            g(rng.normal(size=(120, 3)), rng.normal(size=3))
    [record] = caplog.records
    assert "train: loops would keep more than 1000 bytes (config.loop_memory)" in record.getMessage()


def test_what_was_pickled_makes_steps_twice():
    """It was made from the graph as the user wrote it, which goes into the pickle; the limit is that of the reader."""
    w, total = shared(W, "w"), shared(np.float64(0), "total")
    rows, _ = scan(lambda r, s: T.tanh(r + T.dot(s, w)), x, h)
    cost = (rows**2).sum()
    slopes = grad(cost, [w, h])
    f, g = both([x, h], [cost, *slopes], updates={total: total + cost, w: w - 0.1 * slopes[0]}, name="train")
    data = pickle.dumps(g)
    with config.override(loop_memory=LIMIT):
        loaded = pickle.loads(data)
        again = pickle.loads(pickle.dumps(loaded))
    with config.override(loop_memory=0):
        unlimited = pickle.loads(data)
    f = f.copy()
    for n in (5, 120, 7, 130):
        given = rng.normal(size=(n, 3)), rng.normal(size=3)
        wanted = f(*given)
        for other in (loaded, again, unlimited):
            for a, b in zip(wanted, other(*given), strict=True):
                np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-12)
    assert unlimited._second is None
    for other in (loaded, again):
        assert [op.lean for op in loops_of(second(other))].count(True) == 2
        held = {s.name: s.get_value() for s in other.get_shared()}
        kept = {s.name: s.get_value() for s in unlimited.get_shared()}
        np.testing.assert_allclose(held["w"], kept["w"], rtol=1e-10)
        np.testing.assert_allclose(held["total"], kept["total"], rtol=1e-10)


def test_a_loop_within_an_op_made_of_a_graph():
    v = T.dmatrix("v")
    rows, _ = scan(lambda r, s: T.tanh(r + T.dot(s, v)), x, h)
    op = OpFromGraph([x, h, v], [rows[-1]])
    w = shared(W, "w")
    cost = (op(x, h, w) ** 2).sum()
    f, g = both([x, h], [cost, *grad(cost, [w, x, h])])
    for n in (5, 120):
        agree(f, g, rng.normal(size=(n, 3)), rng.normal(size=3))
    assert [op.lean for op in loops_of(second(g))].count(True) == 2


def test_functions_that_remember_everything_say_so(caplog, tmp_path):
    from symopt import Mode, RuleSet, load

    outputs = recurrent(COSTS["the last row"])
    plain = both([x, h], outputs, name="plain")
    note = "loops keep all the rows that they need, beyond the 1000 bytes of config.loop_memory"
    assert all(note not in f.explain() for f in plain)
    in_python = both([x, h], outputs, mode=Mode("plain", RuleSet(), "py"))[1]
    assert note in in_python.explain()
    copied = plain[1].copy(swap={plain[1].get_shared()[0]: shared(W, "v")})
    copied.save(tmp_path / "copied")
    with config.override(loop_memory=LIMIT):
        assert note in load(tmp_path / "copied").explain()
    rows, _ = scan(lambda r, s: (r * s, until(s.sum() > 1e9)), x, h, truncate_gradient=50)
    _, g = both([x, h], grad(rows[-1].sum(), [x, h]), name="ends")
    assert note not in g.explain()
    with caplog.at_level(logging.WARNING, logger="symopt"):
        for _ in range(2):
            g(rng.uniform(0.9, 1.1, size=(120, 3)), np.ones(3))
    [record] = caplog.records
    assert record.getMessage().startswith("ends: loops keep more than 1000 bytes (config.loop_memory)")
    assert note in g.explain()


def test_where_nothing_can_be_saved_the_first_program_runs():
    """A truncated gradient of a loop that ends by a condition, and rows that only the user reads."""
    rows, _ = scan(lambda v, s: (v * s, until(s.sum() > 1e9)), x, h, truncate_gradient=50)
    f, g = both([x, h], grad(rows[-1].sum(), [x, h]))
    given = rng.uniform(0.9, 1.1, size=(120, 3)), np.ones(3)
    agree(f, g, *given)
    agree(f, g, *given)
    assert second(g) is None
    rows, _ = scan(lambda v, s: v + s, x, h)
    assert both([x, h], (rows**2).sum())[1]._second is None


def ending(cost, draws=False):
    """The same layer in a loop that ends after ``limit`` steps, if there are so many rows."""
    w, stream, limit = shared(W, "w"), RandomStreams(3), T.dscalar("limit")

    def step(v, s, count):
        new = T.tanh(v + T.dot(s, w))
        if draws:
            new = new * stream.normal(size=(3,), avg=1.0, std=0.1)
        return [new, count + 1], until(count + 1 >= limit)

    (rows, counts), updates = scan(step, x, [h, T.zeros(())])
    c = cost(rows)
    return [x, h, limit], [counts[-1], c, *grad(c, [w, x, h])], updates


@pytest.mark.parametrize("draws", [False, True])
@pytest.mark.parametrize("cost", [name for name in COSTS if name != "one row"])
def test_a_loop_that_ends_by_a_condition(cost, draws):
    """It ends in the first block, at the end of a block, in the last one, after the whole blocks, and not at all."""
    (inputs, plain, one), (others, again, other) = ending(COSTS[cost], draws), ending(COSTS[cost], draws)
    with config.override(loop_memory=0):
        f = function(inputs, plain, updates=one)
    with config.override(loop_memory=LIMIT):
        g = function(others, again, updates=other)
    for n, limit in ((60, 3), (100, 10), (100, 20), (100, 25), (121, 121), (119, 110), (119, 115), (119, 500), (5, 4)):
        agree(f, g, rng.normal(size=(n, 3)), rng.normal(size=3), limit)
    assert any(op.lean and op.spec.until for op in loops_of(second(g)))
    if cost == "the last row" and not draws:
        f(np.ones((4000, 3)), np.ones(3), 3000), g(np.ones((4000, 3)), np.ones(3), 3000)
        assert second(g).linked.machine.stats["arena_bytes"] < f.linked.machine.stats["arena_bytes"] / 2


def test_a_loop_that_ends_with_many_taps_and_no_sequences():
    def step(h2, h1):
        new = T.sin(h1 + 0.5 * h2 * first[0])
        return [new, new.sum()], until(T.abs(new).max() < h[0])

    (rows, sums), _ = scan(step, outputs_info=[{"initial": first, "taps": [-2, -1]}, None], n_steps=x.shape[0])
    for cost in (rows[-1].sum() + sums[-1], (rows**2).sum() + T.sin(sums).sum()):
        f, g = both([x, first, h], [rows.shape[0], sums[-1], grad(cost, first)])
        for n, least in ((4, 0.0), (100, 0.5), (100, 0.0), (103, 0.3), (103, 0.0)):
            agree(f, g, np.zeros((n, 3)), rng.uniform(0.1, 1, size=(2, 3)), np.full(3, least))
        assert second(g) is not None


def test_the_last_row_of_no_steps_is_an_error_in_less_memory_too():
    n = T.lscalar("n")
    for conditions in ([], [until(T.lt(h[0], -1))]):
        rows, _ = scan(lambda s, more=conditions: (T.sin(s), *more), outputs_info=h, n_steps=n)
        for outputs in ([rows[-1], grad(rows[-1].sum(), h)], [grad((rows**2).sum(), h)]):
            f, g = both([h, n], outputs, limit=10)
            agree(f, g, np.ones(3), 7)
            assert second(g) is not None
            for program in (f, g):
                if len(outputs) == 2:
                    with pytest.raises(IndexError):
                        program(np.ones(3), 0)
                else:
                    np.testing.assert_array_equal(program(np.ones(3), 0)[0], np.zeros(3))


def test_what_was_saved_makes_steps_twice(tmp_path):
    """A file has the graph as the user wrote it as well, so that a second program can be made of it."""
    from symopt import load

    inputs, outputs, _ = ending(COSTS["all rows"])
    total = shared(np.float64(0), "total")
    f, g = both(inputs, outputs, updates={total: total + outputs[1]}, name="train")
    f.copy().save(tmp_path / "plain")
    g.save(tmp_path / "limited")
    with config.override(loop_memory=LIMIT):
        loaded = load(tmp_path / "limited")
        loaded.save(tmp_path / "again")
        again = load(tmp_path / "again")
        unlimited = load(tmp_path / "plain")
    with config.override(loop_memory=0):
        switched_off = load(tmp_path / "limited")
    assert unlimited._second is None and switched_off._second is None
    f = f.copy()
    for n, limit in ((5, 50), (120, 50), (121, 500)):
        given = rng.normal(size=(n, 3)), rng.normal(size=3), limit
        for other in (loaded, again, unlimited, switched_off):
            agree(f.copy(), other, *given)
    for other in (loaded, again):
        assert any(op.lean for op in loops_of(second(other)))
        kept = [s.get_value() for one in (other, unlimited) for s in one.get_shared() if s.name == "total"]
        np.testing.assert_allclose(kept[0], kept[1], rtol=1e-10)


def test_from_eight_threads():
    f, g = both([x, h], recurrent(COSTS["all rows"]))
    given = [(rng.normal(size=(n, 3)), rng.normal(size=3)) for n in (5, 100, 101, 150) * 10]
    wanted = [f(*values) for values in given]
    with ThreadPoolExecutor(8) as pool:
        for one, other in zip(wanted, pool.map(lambda values: g(*values), given), strict=True):
            for a, b in zip(one, other, strict=True):
                np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-12)


def test_two_loops_one_after_the_other_and_loops_in_loops():
    w = shared(W, "w")
    (hidden, _), ys = loop(lambda c, v: ((T.tanh(v + T.dot(c[0], w)), c[1] + 1), c[0]), (h, 0), x)
    rows, _ = scan(lambda v, s: T.tanh(v * scan(lambda a, b: T.sin(a + b), s, T.zeros(()))[0][-1] + s), ys, hidden)
    cost = (rows**2).sum()
    f, g = both([x, h], [cost, *grad(cost, [w, x, h])])
    for n in (4, 120):
        agree(f, g, rng.normal(size=(n, 3)), rng.normal(size=3))
    assert [op.lean for op in loops_of(second(g))].count(True) == 4


def test_a_state_that_only_the_steps_read_is_not_remembered():
    (sums, _), _ = scan(lambda v, s, c: [T.tanh(v + s * c), T.sin(c + v)], x, [h, h])
    f = function([x, h], sums)
    f(rng.normal(size=(4000, 3)), rng.normal(size=3))
    [op] = loops_of(f)
    assert sorted(str(rows.keep) for rows in op.spec.states) == ["1", "None"]
    assert f.linked.machine.stats["arena_bytes"] < 1.2 * 4001 * 24


def test_the_last_row_of_a_known_number_of_steps_is_the_only_one_kept():
    rows, _ = scan(lambda s: T.sin(s), outputs_info=h, n_steps=1000)
    for wanted, keep in ((rows[-1], 1), (rows[999], 1), (rows[-3], 3), (rows[990], None)):
        f = function([h], wanted)
        assert loops_of(f)[0].spec.states[0].keep == keep
        value = np.ones(3)
        for _ in range({1: 1000, 3: 998, None: 991}[keep]):
            value = np.sin(value)
        np.testing.assert_allclose(f(np.ones(3)), value, rtol=1e-12)


def test_what_the_gradient_of_a_long_short_term_memory_remembers():
    """Per step: both states, the sum before the gates (four widths), and its gradient where a product of the inputs was
    before, which is not needed any more (four); inputs and hidden states in the order of the gradient's steps.
    """
    n, batch, width = 64, 8, 64
    u, w, b = (shared(rng.normal(size=s) / 8) for s in ((width, 4 * width), (width, 4 * width), (4 * width,)))
    X = T.dtensor3("X")

    def step(v, s, c):
        gates = T.dot(v, u) + T.dot(s, w) + b
        i, f, o = (T.sigmoid(gates[:, k * width : (k + 1) * width]) for k in range(3))
        c = f * c + i * T.tanh(gates[:, 3 * width :])
        return o * T.tanh(c), c

    nothing = T.zeros((batch, width))
    (hidden, _), _ = scan(step, X, [nothing, nothing])
    f = function([X], grad((hidden[-1] ** 2).sum(), [u, w, b]))
    f(rng.normal(size=(n, batch, width)))
    rows = f.linked.machine.stats["arena_bytes"] / (n * batch * width * 8)
    assert 12 <= rows < 12.3, rows


MEASURE = """
import sys
import numpy as np
from symcore import grad, shared, tensor as T
from symcore.config import config
from symopt import function
from symscan import scan
config.loop_memory = int(sys.argv[1])
w, x = shared(np.eye(32) / 2), T.dtensor3("x")
rows = scan(lambda v, s: T.tanh(v + T.dot(s, w)), x, T.zeros((8, 32)))[0]
f = function([x], grad((rows[-1] ** 2).sum(), w))
x = np.lib.stride_tricks.as_strided(np.ones((8, 32)), (8000, 8, 32), (0, 256, 8))
f(x[:60]), f(x[:700])
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
before = peak()
f(x)
print(peak() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/status")
def test_memory():
    """8,000 steps of 2 KiB: 16 MiB of states, and as much of products. The input is of rows that are one."""
    used = {}
    for limit in (0, 1 << 20):
        done = subprocess.run([sys.executable, "-c", MEASURE, str(limit)], capture_output=True, text=True, check=True)
        used[limit] = int(done.stdout)
    assert used[0] > 30 * 1024 and used[1 << 20] < used[0] * 0.7, used
