"""The order of execution: low peak memory, updates in place, and the figures of ``symopt.memory``."""

import itertools
from importlib.util import find_spec

import numpy as np
import pytest

from symcore import tensor as T
from symcore.gradient.grad import grad
from symcore.graph.fgraph import FunctionGraph
from symcore.tensor.shared import shared
from symopt import Mode, RuleSet, function
from symopt.memory import measured, outline, usage
from symopt.plan import MemoryPlan

#: In the Python machine every node may fail, so that updates, and with them gradients, wait for the end.
IN_C = find_spec("symcodegen") is not None
PY = Mode("plain", RuleSet(), "py")


def planned(inputs, outputs, updates=(), can_fail=lambda node: False):
    fgraph = FunctionGraph(inputs, [*outputs, *(new for _, new in updates)])
    return MemoryPlan(fgraph, len(outputs), [s for s, _ in updates], (), can_fail)


def assert_valid(plan):
    """Every node once, after all that it needs; no update over what is read later or before what can fail."""
    assert len(plan.order) == len(set(plan.order)) == len(plan.fgraph)
    done = set()
    for node in plan.order:
        assert all(v.owner is None or v.owner in done for v in node.inputs)
        done.add(node)
    for update in plan.updates:
        if update.direct:
            later = plan.order[plan.position[plan.first_write(update.new).owner] + 1 :]
            assert not any(plan.can_fail(node) for node in later)
            assert not any(plan.root.get(v, v) is update.shared for node in later for v in node.inputs)


def network(layers, width=8, batch=4):
    """A training step: inputs, cost, updates, and arguments."""
    rng = np.random.default_rng(0)
    x, h, parameters = T.dmatrix("x"), None, []
    h = x
    for k in range(layers):
        w, b = shared(rng.standard_normal((width, width)), name=f"w{k}"), shared(np.zeros(width), name=f"b{k}")
        parameters += [w, b]
        h = T.tanh(T.dot(h, w) + b)
    cost = (h**2).mean()
    updates = [(p, p - 0.1 * g) for p, g in zip(parameters, grad(cost, parameters), strict=True)]
    return [x], cost, updates, [rng.standard_normal((batch, width))]


@pytest.mark.parametrize("mode", ["FAST_RUN", "FAST_COMPILE"])
def test_a_training_step_holds_its_activations_and_little_more(mode):
    layers, width, batch = 20, 64, 512
    inputs, cost, updates, data = network(layers, width, batch)
    f = function(inputs, cost, updates=updates, mode=mode)
    assert_valid(f.plan)
    used = usage(f.plan, measured(f.plan, [outline(v) for v in data]))
    if mode == "FAST_RUN" and IN_C:
        activations = layers * width * batch * 8  # all of them are read on the way back: no order needs less
        assert used.unknown == 0
        assert activations <= used.peak <= 1.2 * activations
        assert all(u.direct for u in f.plan.updates)
    assert used.kept > 2.5 * used.peak


@pytest.mark.default_mode
@pytest.mark.skipif(not IN_C, reason="updates wait in the Python machine")
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_no_order_of_a_small_step_needs_much_less(layers):
    """Against every topological order of the nodes that matter."""
    inputs, cost, updates, data = network(layers)
    f = function(inputs, cost, updates=updates)
    sizes = measured(f.plan, [outline(v) for v in data])
    ours = usage(f.plan, sizes).peak
    best = min(usage(f.plan, sizes, order).peak for order in some_orders(f.plan, 300))
    assert ours <= 1.2 * best


def some_orders(plan, count):
    """Yield random topological orders in which every update comes after the readers of its old value."""
    rng = np.random.default_rng(0)
    before = {node: {v.owner for v in node.inputs if v.owner is not None} for node in plan.order}
    for u in plan.updates:
        before[u.new.owner] |= {n for n in plan.order if any(plan.root.get(v, v) is u.shared for v in n.inputs)}
        before[u.new.owner].discard(u.new.owner)
    for writer, pairs in plan.inplace.items():  # decided for one order: whoever reads what is overwritten comes first
        for i in pairs.values():
            before[writer] |= {n for n in plan.order if n is not writer and writer.inputs[i] in n.inputs}
    for _ in range(count):
        done, order = set(), []
        while len(order) < len(plan.order):
            ready = [n for n in plan.order if n not in done and before[n] <= done]
            node = ready[rng.integers(len(ready))]
            done.add(node)
            order.append(node)
        yield order


@pytest.mark.parametrize("seed", range(30))
def test_random_graphs_are_ordered_well_enough(seed):
    """No worse than the depth-first order by more than a tenth, and always valid."""
    rng = np.random.default_rng(seed)
    pool = [T.dmatrix("x"), T.dmatrix("y")]
    w = shared(np.ones((3, 3)), name="w")
    pool.append(w)
    for _ in range(25):
        a, b = (pool[k] for k in rng.integers(len(pool), size=2))
        made = [T.exp(a), a + b, T.dot(a, b), a.T, a * b.sum(), T.zeros_like(a) + b][rng.integers(6)]
        pool.append(made)
    can_fail = (lambda node: node.op is pool[-1].owner.op) if seed % 2 else (lambda node: False)
    plan = planned(pool[:2], pool[-2:], [(w, pool[-3] + w)], can_fail)
    assert_valid(plan)
    sizes = dict.fromkeys((v for node in plan.order for v in node.outputs), 1)
    sizes = {v: 800 if v.type.ndim else 8 for v in sizes}
    plain = usage(plan, sizes, plan.fgraph.toposort())
    assert usage(plan, sizes).peak <= 1.1 * plain.peak + 800


def test_memory_is_made_when_it_is_wanted():
    x, y = T.dmatrix("x"), T.dmatrix("y")
    late = T.zeros_like(x)
    plan = planned([x, y], [T.dot(late + T.exp(T.dot(x, y)), y)])
    names = [type(node.op).__name__ for node in plan.order]
    assert names.index("Alloc") > names.index("Dot")


def test_impure_nodes_are_not_moved():
    from symcore.printing.ops_printing import Print

    x = T.dvector("x")
    shown = [Print(str(k))(x[k]) for k in range(6)]
    plan = planned([x], [T.stack(shown).sum()])
    order = [node.op.message for node in plan.order if isinstance(node.op, Print)]
    assert order == [node.op.message for node in plan.fgraph.toposort() if isinstance(node.op, Print)]


def test_swapped_and_circular_updates():
    a, b, c = (shared(np.ones(2), name=n) for n in "abc")
    updates = [(a, b + 1), (b, c + 1), (c, a + 1)]
    plan = planned([], [], updates)
    assert_valid(plan)
    f = function([], [], updates=updates)
    f()
    assert [s.get_value().tolist() for s in (a, b, c)] == [[2, 2]] * 3


# ---------------------------------------------------------------------- figures


def test_usage_counts_what_a_call_makes():
    x = T.dmatrix("x")
    plan = planned([x], [(T.exp(x) * 2 + T.sin(x)).sum()])
    size = 10 * 100 * 8
    sizes = measured(plan, [outline(np.ones((10, 100)))])
    used = usage(plan, sizes)
    assert used.peak == 2 * size
    assert used.kept >= 4 * size
    assert used.outputs == 8
    assert used.unknown == 0


def test_sizes_that_depend_on_values():
    x, n = T.dvector("x"), T.lscalar("n")
    plan = planned([x, n], [T.exp(x[:n]) + T.arange(n), x[T.gt(x, 0).nonzero()[0]]])
    sizes = measured(plan, [outline(np.ones(1000)), outline(np.asarray(30))])
    found = {str(node.op).partition("{")[0]: sizes[node.outputs[0]] for node in plan.order}
    assert found["ARange"] == 240
    assert usage(plan, sizes).unknown > 0  # how many are positive nobody knows


def test_views_and_borrowed_memory_are_not_counted():
    x, w = T.dmatrix("x"), shared(np.ones((4, 4)), name="w")
    plan = planned([x], [x.T, w[1:]], [(w, w.T)])
    size = 4 * 4 * 8
    used = usage(plan, measured(plan, [outline(np.ones((4, 4)))]))
    assert used.peak == used.outputs == size + 3 * 4 * 8 + size  # copies of all three


def test_small_values_are_kept_for_shapes():
    small, large = np.arange(5), np.ones((50, 50), "float32")
    assert outline(small) is small
    flat = outline(large)
    assert (flat.shape, flat.dtype, flat.strides) == (large.shape, large.dtype, (0, 0))
    assert outline(3).shape == ()
    assert list(itertools.islice(outline([1, 2]), 2)) == [1, 2]


# ---------------------------------------------------------------------- parts of one table

k, m = T.lscalar("k"), T.lscalar("m")
LOOKUPS = {
    "known slices": ([], lambda w: [w[0:5], w[5:10]], []),
    "slices of symbolic places": ([k, m], lambda w: [w[k : k + 5], w[m : m + 5]], [3, 20]),
    "places that overlap": ([k, m], lambda w: [w[k : k + 5], w[m : m + 5]], [3, 5]),
    "three": ([k, m], lambda w: [w[0:5] * w[k : k + 5], w[m : m + 5]], [3, 20]),
}


def address(table):
    return table.get_value(borrow=True).__array_interface__["data"][0]


@pytest.mark.default_mode
@pytest.mark.skipif(not IN_C, reason="updates wait in the Python machine")
@pytest.mark.parametrize("decay", [None, 0.9])
@pytest.mark.parametrize("lookups", LOOKUPS)
def test_several_lookups_in_one_table_never_copy_it(lookups, decay):
    """All readers come before the first of the writers, and those work on the table itself."""
    inputs, look_up, values = LOOKUPS[lookups]
    start = np.random.default_rng(3).normal(size=(4000, 8))
    table = shared(start.copy(), "table", borrow=True)
    a, b = look_up(table)
    cost = (T.tanh(a) * b).sum()
    new = (table if decay is None else table * decay) - 0.1 * grad(cost, table)
    wanted = function(inputs, [cost, new], mode=PY)(*values)
    f = function(inputs, cost, updates={table: new})
    assert_valid(f.plan)
    assert f.plan.updates[0].direct and "update table: written in place" in f.explain()
    before = address(table)
    np.testing.assert_allclose(f(*values), wanted[0], rtol=1e-10)
    np.testing.assert_allclose(table.get_value(), wanted[1], rtol=1e-10)
    assert address(table) == before
    assert f.linked.machine.stats["arena_bytes"] < start.nbytes / 10
    used = usage(f.plan, measured(f.plan, [outline(np.asarray(v)) for v in values]))
    assert used.peak < start.nbytes / 10


@pytest.mark.default_mode
@pytest.mark.skipif(not IN_C, reason="updates wait in the Python machine")
def test_a_lookup_that_may_fail_after_another_was_written_leaves_the_table_as_it_was():
    i, j = T.lvector("i"), T.lvector("j")
    start = np.random.default_rng(4).normal(size=(300, 8))
    table = shared(start, "table")
    new = T.inc_subtensor(T.inc_subtensor(table[i], 1.0)[j], 2.0)
    f = function([i, j], [], updates={table: new})
    assert not f.plan.updates[0].direct and "update table: second buffer" in f.explain()
    with pytest.raises(IndexError):
        f([0, 1], [300])
    np.testing.assert_array_equal(table.get_value(), start)
    f([0, 1], [1])
    start[[0, 1]] += 1
    start[1] += 2
    np.testing.assert_array_equal(table.get_value(), start)
    assert f.linked.machine.stats["arena_bytes"] < start.nbytes / 10
    first = T.inc_subtensor(T.inc_subtensor(table[i], 1.0)[5:10], 2.0)  # it fails before anything is written
    f = function([i], [], updates={table: first})
    assert f.plan.updates[0].direct and "update table: written in place" in f.explain()
    with pytest.raises(IndexError):
        f([0, 300])
    np.testing.assert_array_equal(table.get_value(), start)
    f([0, 6])
    start[[0, 6]] += 1
    start[5:10] += 2
    np.testing.assert_array_equal(table.get_value(), start)


@pytest.mark.default_mode
@pytest.mark.skipif(not IN_C, reason="the Python machine has no arena")
def test_parts_of_a_result_are_written_in_its_memory():
    """The gradient of a table of which parts were read: one array, filled with zeros, into which both are added."""
    w = T.dmatrix("w")
    a, b = w[1:5], w[k : k + 4]
    g = grad((T.tanh(a) * b).sum(), w)
    value = np.random.default_rng(5).normal(size=(4000, 8))
    f = function([w, k], g)
    np.testing.assert_allclose(f(value, 3), function([w, k], g, mode=PY)(value, 3), rtol=1e-12)
    assert f.linked.machine.stats["arena_bytes"] < value.nbytes / 10


@pytest.mark.default_mode
@pytest.mark.skipif(not IN_C, reason="updates wait in the Python machine")
def test_a_part_whose_place_is_a_value_is_no_reason_to_say_in_place():
    """Shapes are prepared once more between the two writes; the machine then takes a second buffer, and says so."""
    start = np.random.default_rng(6).normal(size=(300, 8))
    table = shared(start.copy(), "table")
    place = T.argmax(table[3, :5])
    new = T.inc_subtensor(T.inc_subtensor(table[0:5], 1.0)[place : place + 3], 2.0)
    f = function([], [], updates={table: new})
    f()
    at = int(start[3, :5].argmax())
    start[0:5] += 1
    start[at : at + 3] += 2
    np.testing.assert_array_equal(table.get_value(), start)
    assert ("update table: written in place" in f.explain()) == f.linked.machine.direct[0]
