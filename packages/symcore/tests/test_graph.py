"""Structure: traversal, copies, equality, FunctionGraph, pickling; and that nothing recurses."""

import copy
import gc
import pickle
import sys

import numpy as np
import pytest

from symcore import Apply, FunctionGraph, clone, debugprint, grad, pp, shared
from symcore import tensor as T
from symcore.errors import InconsistentGraphError, MissingInputError
from symcore.graph import trace, traverse
from symcore.graph.equal import equal_computations, is_same_graph
from symcore.interpreter import evaluate
from symcore.linalg.nlinalg import slogdet
from symcore.printing import Print, dot_text
from symcore.tensor.elemwise import elemwise_name

DEEP = 100_000


def xyz():
    return T.vector("x"), T.vector("y"), T.vector("z")


# ------------------------------------------------------------------ nodes and walks


def test_nodes_know_their_outputs_and_where_they_were_built():
    x, y, _ = xyz()
    s = x + y
    assert s.owner.inputs == [x, y] and s.owner.outputs == [s] and s.index == 0
    file, _, function = s.owner.trace
    assert file == __file__ and function == "test_nodes_know_their_outputs_and_where_they_were_built"
    assert "s = x + y" in trace.describe(s.owner.trace)
    with pytest.raises(ValueError, match="already belongs"):
        Apply(s.owner.op, [x, y], [s])


def test_toposort_is_an_order_and_depends_on_the_graph_alone():
    x, y, z = xyz()
    a = x * y
    out = [T.exp(a) + z, a - z]
    order = traverse.toposort(out)
    seen = set()
    for node in order:
        assert all(v.owner is None or v.owner in seen for v in node.inputs)
        seen.add(node)
    assert [elemwise_name(n.outputs[0]) for n in order] == ["mul", "exp", "add", "sub"]
    assert traverse.toposort(out, [a]) == order[1:]


def test_walks():
    x, y, z = xyz()
    s = shared(np.ones(2), "s")
    out = (x + y) * s * 2.0
    assert traverse.explicit_inputs([out]) == [x, y]
    assert set(traverse.inputs([out])) >= {x, y, s} and len(traverse.inputs([out])) == 4
    assert traverse.depends_on([out], [x]) and not traverse.depends_on([out], [z])
    assert [str(n.op) for n in traverse.find([out], lambda n: elemwise_name(n.outputs[0]) == "mul")] == [
        "Elemwise{mul}"
    ] * 2
    everything, orphans = traverse.variables_and_orphans([x, y], [out])
    assert out in everything and s in orphans and x not in orphans
    assert {op.fn.name for op in traverse.ops([out])} == {"add", "mul"}


# ------------------------------------------------------------------ clone


def test_clone_replaces_and_shares_the_rest():
    x, y, z = xyz()
    kept = T.exp(y)
    out = x * kept + x
    new = clone(out, {x: z})
    assert evaluate(new, {z: [2.0], y: [0.0]}) == 4.0
    assert new.owner.inputs[0].owner.inputs[1] is kept  # nothing to replace there
    assert out.owner.inputs[1] is x
    assert clone({"a": out, "b": kept}, [(x, z)])["b"] is kept and isinstance(clone((out,), {x: z}), tuple)


def test_clone_replaces_simultaneously_inside_and_by_numbers():
    x, y, _ = xyz()
    swapped = clone(x - y, {x: y, y: x})
    assert evaluate(swapped, {x: [1.0], y: [5.0]}) == 4.0
    a = T.exp(x)
    assert evaluate(clone(a * 2, {a: y}), {y: [3.0]}) == 6.0
    assert evaluate(clone(x + y, {y: np.array([4.0])}), {x: [1.0]}) == 5.0


def test_clone_checks_types_unless_told_not_to():
    x, m = T.vector("x"), T.matrix("m")
    with pytest.raises(TypeError, match="strict=False"):
        clone(x * 2, {x: m})
    assert clone(x * 2, {x: m}, strict=False).ndim == 2
    with pytest.raises(TypeError, match="replaces variables"):
        clone(x, {"x": m})


def test_clone_can_copy_inputs():
    x, _, _ = xyz()
    s = shared(1.0, "s")
    new = clone(x * s, share_inputs=False)
    fresh, other = new.owner.inputs
    assert fresh is not x and fresh.name == "x" and other is not s and other.container is s.container


def test_the_copy_of_a_shared_variable_is_updated_apart_from_it():
    s = shared(1.0, "s")
    other = clone(s, share_inputs=False)
    other.default_update = other * 2
    assert other is not s and s.default_update is None
    other.set_value(3.0)
    assert s.get_value() == 3
    s.default_update = s + 1
    third = clone(s, share_inputs=False)
    assert third.default_update.owner.inputs[0] is third
    assert clone(s) is s and clone(s * 2, {s: other}, share_inputs=False).owner.inputs[0] is other
    assert s.default_update.owner.inputs[0] is s


# ------------------------------------------------------------------ equality


def test_equal_computations():
    x, y, z = xyz()
    assert is_same_graph(T.exp(x + y) * 2, T.exp(x + y) * 2) and not is_same_graph(x + y, y + x)
    assert not is_same_graph(x * 2, x * 3) and not is_same_graph(T.exp(x), T.exp(y))
    assert is_same_graph(T.exp(x), T.exp(z), {x: z})
    s = x + y
    assert equal_computations([s * s], [(x + y) * (x + y)]) and not equal_computations([x], [x, x])
    two = T.nonzero(T.matrix("m"))
    assert not is_same_graph(two[0], two[1])


# ------------------------------------------------------------------ FunctionGraph


def test_fgraph_copies_and_merges():
    x, y, _ = xyz()
    out = T.exp(x + y) * T.exp(x + y) + 2.0 + 2.0
    fgraph = FunctionGraph([x, y], [out])
    assert len(traverse.toposort([out])) == 7 and len(fgraph) == 5
    assert fgraph.inputs[0] is not x and out.owner not in fgraph
    constants = [v for v in fgraph.clients if v.owner is None and v not in fgraph.inputs]
    assert len(constants) == 1
    fgraph.check()


def test_fgraph_does_not_merge_what_prints():
    x, _, _ = xyz()
    fgraph = FunctionGraph([x], [Print("a")(x) + Print("a")(x)])
    assert len(fgraph) == 3
    fgraph.check()


def test_fgraph_keeps_what_types_of_equal_nodes_know_when_an_input_gets_a_known_length():
    """The product knew less when it was built than an equal one that is built now and has a reader."""
    v, m, cube = T.dvector("v"), T.dmatrix("m"), T.dtensor3("cube")
    known = T.TensorType("float64", (7, 1))("known")
    f = FunctionGraph([v, m, known, cube], [v * m, cube + 0.0])
    v_, m_, known_, _ = f.inputs
    f.replace(m_, known_)
    f.replace(f.outputs[1], (v_ * known_).dimshuffle(0, 1, "x"))
    f.check()
    padded = f.outputs[1]
    assert padded.type.shape[0] == 7 and padded.owner.inputs[0].type.shape[0] == 7
    f.replace(padded, padded.owner.op(padded.owner.inputs[0]))  # what it is replaced by must know as much
    given = np.arange(2.0), np.arange(7.0)[:, None]
    got = evaluate(f.outputs, {v_: given[0], known_: given[1]})
    np.testing.assert_array_equal(got[0], given[0] * given[1])
    np.testing.assert_array_equal(got[1][..., 0], given[0] * given[1])


def test_fgraph_replace_merges_upwards_and_prunes():
    x, y, _ = xyz()
    a, b = T.exp(x), T.log(x)
    fgraph = FunctionGraph([x, y], [a * y + 1.0, b * y + 1.0], mapping=(m := {}))
    assert len(fgraph) == 6
    fgraph.replace(m[b], m[a])  # now everything above is equal too
    fgraph.check()
    assert len(fgraph) == 3 and fgraph.outputs[0] is fgraph.outputs[1]
    assert m[b] not in fgraph.clients


def test_fgraph_replace_by_a_new_graph_and_by_an_input():
    x, y, _ = xyz()
    fgraph = FunctionGraph([x, y], [T.exp(x) + y], mapping=(m := {}))
    old = fgraph.outputs[0].owner.inputs[0]
    fgraph.replace(old, T.tanh(m[x]) * 2.0)
    fgraph.check()
    assert [elemwise_name(n.outputs[0]) for n in fgraph.toposort()] == ["tanh", "mul", "add"]
    fgraph.replace(fgraph.outputs[0], m[y])
    fgraph.check()
    assert len(fgraph) == 0 and fgraph.outputs == [m[y]] and fgraph.inputs[0] in fgraph.clients
    assert evaluate(fgraph.outputs[0], {m[y]: [3.0]}) == 3.0


def test_fgraph_replace_several_at_once():
    x, y, _ = xyz()
    fgraph = FunctionGraph([x, y], [x - y, x + y])
    a, b = fgraph.outputs
    fgraph.replace_all([(a, T.exp(fgraph.inputs[0])), (b, T.exp(fgraph.inputs[0]))])
    fgraph.check()
    assert fgraph.outputs[0] is fgraph.outputs[1] and len(fgraph) == 1


def test_fgraph_refuses_what_does_not_fit():
    x, y, _ = xyz()
    fgraph = FunctionGraph([x], [T.exp(x)])
    before = len(fgraph)
    with pytest.raises(InconsistentGraphError, match="float32"):
        fgraph.replace(fgraph.outputs[0], fgraph.outputs[0].astype("float32"))
    with pytest.raises(InconsistentGraphError, match="my rule"):
        fgraph.replace(fgraph.outputs[0], fgraph.inputs[0].sum(), "my rule")
    fgraph.check()
    assert len(fgraph) == before
    with pytest.raises(MissingInputError, match="needs y"):
        FunctionGraph([x], [x + y])
    with pytest.raises(MissingInputError, match="y"):
        fgraph.replace(fgraph.outputs[0], y * 1.0)


def test_fgraph_takes_in_shared_variables_and_keeps_names():
    x, _, _ = xyz()
    s = shared(np.ones(2), "s")
    out = x * s
    out.name = "out"
    fgraph = FunctionGraph([x], [out])
    assert fgraph.inputs[1:] == [s] and fgraph.outputs[0].name == "out"
    fgraph.replace(fgraph.outputs[0], fgraph.inputs[0] + s)
    assert fgraph.outputs[0].name == "out"


def test_fgraph_tells_who_uses_what_and_calls_back():
    x, y, _ = xyz()
    fgraph = FunctionGraph([x, y], [x * x + y, y])
    touched = []
    fgraph.on_touch.append(touched.append)
    square = fgraph.outputs[0].owner.inputs[0]
    assert [str(n.op) for n in fgraph.users(fgraph.inputs[0])] == ["Elemwise{mul}"] * 2
    assert fgraph.is_output(fgraph.inputs[1]) and not fgraph.is_output(square)
    fgraph.replace(square, T.sqr(fgraph.inputs[0]))
    assert [str(n.op) for n in touched] == ["Elemwise{sqr}", "Elemwise{add}"]
    twin, mapping = fgraph.clone()
    twin.check()
    assert len(twin) == len(fgraph) and mapping[fgraph.outputs[0]] is twin.outputs[0]


# ------------------------------------------------------------------ pickling


def test_pickling_keeps_identities_names_and_notes():
    x, y, _ = xyz()
    s = shared(np.array([1.0, 2.0]), "s")
    a = T.exp(x)
    a.name = "a"
    a.tag.note = "kept"
    a.owner.tag.number = 3
    b = a * s + y
    for again in (lambda o: pickle.loads(pickle.dumps(o)), copy.deepcopy, lambda o: pickle.loads(pickle._dumps(o))):
        b2, x2, a2, s2, y2 = again((b, x, a, s, y))
        assert a2.owner.inputs[0] is x2 and b2.owner.inputs[0].owner.inputs == [a2, s2] and b2.owner.inputs[1] is y2
        assert a2.name == "a" and a2.tag.note == "kept" and a2.owner.tag.number == 3 and a2.owner.trace == a.owner.trace
        assert a2 is not a and s2.container is not s.container
        np.testing.assert_array_equal(evaluate(b2, {x2: [0.0, 0.0], y2: [1.0, 1.0]}), [2.0, 3.0])
        assert is_same_graph(a, clone(a2, {x2: x}))


def test_pickling_nodes_and_function_graphs():
    x, y, _ = xyz()
    node = (x + y).owner
    again = pickle.loads(pickle.dumps(node))
    assert again.op == node.op and [v.name for v in again.inputs] == ["x", "y"]
    fgraph = FunctionGraph([x, y], [T.exp(x) * y, T.exp(x)])
    other = pickle.loads(pickle.dumps(fgraph))
    other.check()
    assert len(other) == 2 and other.outputs[0].owner.inputs[0] is other.outputs[1]
    other.replace(other.outputs[1], T.log(other.inputs[0]))
    other.check()


def test_notes_may_refer_back_to_the_graph():
    x, _, _ = xyz()
    a = T.exp(x)
    b = a * 2.0
    a.tag.later = b
    again = pickle.loads(pickle.dumps(b))
    assert again.owner.inputs[0].tag.later is again


def test_one_pickler_for_several_graphs():
    import io

    x, _, _ = xyz()
    a = T.exp(x)
    file = io.BytesIO()
    pickler = pickle.Pickler(file)
    pickler.dump(a)
    pickler.dump(T.tanh(a) + x)
    file.seek(0)
    unpickler = pickle.Unpickler(file)
    first, second = unpickler.load(), unpickler.load()
    assert second.owner.inputs[0].owner.inputs[0] is first and second.owner.inputs[1] is first.owner.inputs[0]


# ------------------------------------------------------------------ depth


@pytest.fixture(scope="module")
def chain():
    """A variable and a function of it that is a hundred thousand nodes deep."""
    gc.disable()  # walking millions of living objects again and again is most of the time otherwise
    x = T.vector("x")
    y = x
    for _ in range(DEEP // 2):
        y = -T.tanh(y)
    yield x, y
    gc.enable()


def test_deep_chains_are_walked_and_evaluated(chain):
    x, y = chain
    assert len(traverse.toposort([y])) == DEEP > 50 * sys.getrecursionlimit()
    expected = np.array([0.5])
    for _ in range(DEEP // 2):
        expected = -np.tanh(expected)
    np.testing.assert_array_equal(evaluate(y, {x: [0.5]}), expected)


def test_deep_chains_are_copied_and_compared(chain):
    x, y = chain
    z = T.vector("z")
    copied = clone(y, {x: z})
    assert is_same_graph(y, copied, {x: z})
    fgraph = FunctionGraph([x], [y])
    assert len(fgraph) == DEEP
    fgraph.replace(fgraph.outputs[0], fgraph.inputs[0])  # prunes the whole chain
    assert len(fgraph) == 0
    fgraph.check()


def test_deep_chains_are_pickled(chain):
    _, y = chain
    again = pickle.loads(pickle.dumps(y))
    assert len(traverse.toposort([again])) == DEEP and traverse.explicit_inputs([again])[0].name == "x"


def test_deep_chains_are_printed(chain):
    _, y = chain
    text = debugprint(y, file="str")
    assert text.count("\n") == DEEP + 1 and len(text) < 20e6
    assert len(pp(y)) > DEEP
    assert dot_text(y).count("->") == DEEP + 1


def test_deep_chains_are_differentiated():
    x = T.scalar("x")
    y = x
    for _ in range(5_000):
        y = y * 1.0001
    np.testing.assert_allclose(evaluate(grad(y, x), {x: 1.0}), 1.0001**5_000, rtol=1e-9)


def test_replacing_what_has_no_user_leaves_nothing_behind():
    x = T.dmatrix("x")
    fgraph = FunctionGraph([x], [slogdet(x)[1]])
    sign, logarithm = fgraph.outputs[0].owner.outputs
    fgraph.replace_all([(sign, T.cos(sign)), (logarithm, T.sin(logarithm))])
    fgraph.check()
    assert len(fgraph) == 2
