"""Generic, None and slices: types, variables, constants, shared variables, and what indexes a tensor."""

import pickle
import threading

import numpy as np
import pytest

from symcore import Generic, NoneConst, SliceType, as_op, generic, grad, make_slice, shared, slicetype
from symcore import tensor as T
from symcore.graph.fgraph import FunctionGraph
from symcore.graph.generic import NoneTypeT, as_generic, copied
from symcore.interpreter import evaluate
from symcore.tensor.slices import SliceBounds, SliceConstant, as_slice

SLICES = [
    slice(None), slice(1, 3), slice(-2, None), slice(None, None, -1), slice(3, -100, -2), slice(-100, None, -1),
    slice(100, 200), slice(5, 1), slice(None, None, 3), slice(-1, None, -1), slice(0, 0), slice(None, -1, 2),
]  # fmt: skip


@as_op([generic, T.dvector().type], [T.dvector().type])
def scaled(options, x):
    return options["scale"] * x


@as_op([generic], [generic])
def keys_of(options):
    return sorted(options)


def test_any_object_is_a_value():
    for value in (None, {"a": 1}, "text", object(), np.ones(2), int):
        assert generic.filter(value) is value
    with pytest.raises(TypeError, match="symbolic variable"):
        generic.filter(T.dvector("x"))
    assert generic == Generic() and hash(generic) == hash(Generic()) and generic != none_type()
    assert pickle.loads(pickle.dumps(generic)) == generic


def none_type():
    return NoneConst.type


def test_values_are_compared_with_care():
    assert generic.values_eq([1, 2], [1, 2]) and not generic.values_eq([1], [2]) and not generic.values_eq(1, True)
    assert not generic.values_eq(np.ones(2), np.ones(2))  # has no single truth value
    same = np.ones(2)
    assert generic.values_eq(same, same)


def test_ops_take_objects():
    options, x = generic("options"), T.dvector("x")
    y = scaled(options, x)
    assert y.eval({options: {"scale": 3.0}, x: [1.0, 2.0]}).tolist() == [3, 6]
    assert scaled({"scale": 2.0}, x).eval({x: [1.0]}).tolist() == [2]
    assert keys_of(options).eval({"options": {"b": 1, "a": 2}}) == ["a", "b"]
    with pytest.raises(TypeError, match="Generic"):
        scaled(x, x)


def test_constants_merge_only_when_they_are_the_same_thing():
    x = T.dvector("x")
    one, twin = {"scale": 2.0}, {"scale": 2.0}
    graph = FunctionGraph([x], [scaled(one, x), scaled(one, x), scaled(twin, x)])
    assert graph.outputs[0] is graph.outputs[1] and graph.outputs[0] is not graph.outputs[2]
    keys = [as_generic(v).signature() for v in (1, 1.0, True, -0.0, 0.0, "1", b"1", None)]
    assert len(set(keys)) == len(keys) and as_generic("a").signature() == as_generic("a").signature()


def test_shared_takes_what_is_no_array():
    settings = {"rate": [0.1]}
    s = shared(settings, "settings")
    assert s.type == generic and s.name == "settings" and str(shared([1, 2]).type) == "Generic"
    settings["rate"].append(0.2)
    assert s.get_value() == {"rate": [0.1]}  # a copy, all the way down
    s.get_value()["rate"].append(0.3)
    assert s.get_value() == {"rate": [0.1]}
    new = {"rate": []}
    s.set_value(new, borrow=True)
    assert s.get_value(borrow=True) is new
    assert shared(settings, borrow=True).get_value(borrow=True) is settings
    with pytest.raises(TypeError, match="no zero"):
        s.zero()
    with pytest.raises(TypeError, match="symbolic"):
        s.set_value(T.dvector())
    for wrong in ({"shape": (2,)}, {"strict": True}, {"allow_downcast": True}, {"broadcastable": (False,)}):
        with pytest.raises(TypeError, match="np.asarray"):
            shared([1, 2], **wrong)
    with pytest.raises(TypeError, match="symbolic variable"):
        shared(T.dvector("x"))


def test_what_cannot_be_copied_is_handed_on():
    lock = threading.Lock()
    s = shared(lock)
    assert s.get_value() is lock and copied(np) is np
    s.set_value(lock)
    assert s.get_value(borrow=True) is lock


def test_none():
    assert NoneConst.data is None and isinstance(NoneConst.type, NoneTypeT)
    assert NoneConst.type.filter(None) is None and str(NoneConst) == "NoneConst"
    with pytest.raises(TypeError, match="expected None"):
        NoneConst.type.filter(0)
    assert pickle.loads(pickle.dumps(NoneConst)).signature() == NoneConst.signature()
    assert evaluate(NoneConst) is None


def test_what_is_a_slice():
    assert slicetype.filter(slice(np.int64(1), np.array(3), None)) == slice(1, 3, None)
    assert type(slicetype.filter(slice(np.int64(1), None)).start) is int
    for wrong, words in ((3, "expected a slice"), (slice(1.5, 2), "start of a slice"), (slice(0, 1, "a"), "step")):
        with pytest.raises(TypeError, match=words):
            slicetype.filter(wrong)
    assert slicetype == SliceType() and pickle.loads(pickle.dumps(slicetype)) == slicetype
    a, b = as_slice(slice(1, 2)), as_slice(slice(1, 2))
    assert isinstance(a, SliceConstant) and a.signature() == b.signature() != as_slice(slice(1, 3)).signature()
    assert str(a) == "SliceConstant{1:2}" and str(as_slice(slice(None, None, -1))) == "SliceConstant{::-1}"
    with pytest.raises(TypeError, match="expected a slice"):
        as_slice(T.iscalar())


@pytest.mark.parametrize("s", SLICES, ids=str)
@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_a_variable_slice_selects_what_the_slice_does(s, n):
    a = np.arange(float(n))
    start, stop, step = (int(v) for v in evaluate(SliceBounds()(slicetype("s"), n), {"s": s}))
    np.testing.assert_array_equal(a[start:stop:step], a[s])
    x, v = T.dvector("x"), slicetype("v")
    np.testing.assert_array_equal(x[v].eval({x: a, v: s}), a[s])


def test_indexing_with_slices_among_others():
    a = np.arange(24.0).reshape(2, 3, 4)
    x, s, i = T.dtensor3("x"), slicetype("s"), T.iscalar("i")
    values = {x: a, s: slice(None, None, -2), i: 1}

    def used(v):
        return {k: values[k] for k in v}

    for build, wanted, ins in [
        (x[:, s], a[:, ::-2], (x, s)),
        (x[i, ..., s], a[1, ..., ::-2], (x, s, i)),
        (x[None, :, s, 2], a[None, :, ::-2, 2], (x, s)),
        (x[:, s, [0, 3]], a[:, ::-2, [0, 3]], (x, s)),
        (x[make_slice(0, i)], a[0:1], (x, i)),
        (x[:, :, make_slice(slice(None, None, 2))], a[:, :, ::2], (x,)),
        (x[as_slice(slice(1, None))], a[1:], (x,)),
        (T.set_subtensor(x[:, s], 0.0).sum(), a[:, 1].sum(), (x, s)),
    ]:
        np.testing.assert_array_equal(build.eval(used(ins)), wanted)
    assert T.dvector()[make_slice(1, 3)].owner.op.entries == (("slice", 1, 3, None),)  # nothing is left to run time


def test_the_gradient_goes_through():
    x, s = T.dvector("x"), slicetype("s")
    slope = grad((x[s] ** 2).sum(), x)
    assert slope.eval({x: [1.0, 2.0, 3.0, 4.0], s: slice(None, 0, -2)}).tolist() == [0, 4, 0, 8]


def test_making_slices():
    i = T.iscalar("i")
    assert make_slice(i, None, NoneConst).eval({i: 2}) == slice(2, None, None)
    assert make_slice(slice(i, 5, 2)).eval({i: 2}) == slice(2, 5, 2)
    with pytest.raises(TypeError, match="integer"):
        make_slice(1.5, 2)
    with pytest.raises(TypeError, match="a slice or its parts"):
        make_slice(slice(1), 2)
    with pytest.raises(TypeError, match="integer scalar or None"):
        make_slice(generic("g"), 2)
    x, s = T.dvector("x"), slicetype("s")
    with pytest.raises(ValueError, match="step of a slice cannot be zero"):
        x[s].eval({x: [1.0], s: slice(None, None, 0)})
    with pytest.raises(IndexError, match="too many indices"):
        x[s, s]  # noqa: B018
