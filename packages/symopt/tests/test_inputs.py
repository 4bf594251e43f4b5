"""``In``, ``Out``, the values that inputs keep, and every keyword of ``function`` with right and wrong arguments."""

import copy
import pickle
import threading

import numpy as np
import pytest

from symcore import tensor as T
from symcore.errors import InconsistentGraphError, UnusedInputError
from symcore.graph.shared import Container
from symcore.tensor.shared import shared
from symopt import In, Mode, Out, RuleSet, function

PY = Mode("plain", RuleSet(), "py")
MODES = ["FAST_RUN", "FAST_COMPILE", "DEBUG"]


@pytest.fixture(params=MODES)
def accumulator(request):
    """``f(x, total=kept)``: returns ``total + x`` and keeps it."""
    x, total = T.dvectors("x", "total")
    state = In(total, value=[0.0, 0.0], update=total + x)
    return function([x, state], total + x, mode=request.param, name="accumulate")


# ---------------------------------------------------------------------- inputs that keep their value


def test_an_updated_input_keeps_its_value(accumulator):
    f = accumulator
    assert f([1.0, 2.0]).tolist() == [1, 2]
    assert f([1.0, 2.0]).tolist() == [2, 4]
    assert f["total"].tolist() == [2, 4]
    assert f([1.0, 1.0], [10.0, 10.0]).tolist() == [11, 11]  # an argument takes the place of what was kept
    assert f([1.0, 1.0]).tolist() == [12, 12]
    assert f(x=[1.0, 1.0], total=[0.0, 1.0]).tolist() == [1, 2]
    assert f.value["total"].tolist() == [1, 2]
    f["total"] = [5.0, 5.0]
    assert f([0.0, 1.0]).tolist() == [5, 6]
    assert f.get_shared() == []


def test_a_failed_call_changes_no_kept_value(accumulator):
    f = accumulator
    f([1.0, 2.0])
    for bad in ([1.0, 2.0, 3.0], "text"):
        with pytest.raises((ValueError, TypeError)):
            f(bad)
        with pytest.raises((ValueError, TypeError)):
            f(bad, [7.0, 7.0])
    with pytest.raises(TypeError, match="bad value for input total"):
        f([1.0, 2.0], [[1.0]])
    assert f["total"].tolist() == [1, 2]
    assert f([1.0, 1.0]).tolist() == [2, 3]


def test_the_argument_is_not_kept_itself(accumulator):
    mine = np.array([1.0, 1.0])
    accumulator([1.0, 1.0], mine)
    accumulator([1.0, 1.0])
    assert mine.tolist() == [1, 1]
    start = np.zeros(2)
    accumulator["total"] = start
    accumulator([1.0, 1.0])
    assert start.tolist() == [0, 0]


def test_copies_and_pickles_keep_values_of_their_own(accumulator):
    f = accumulator
    f([1.0, 2.0])
    for g in (f.copy(), copy.copy(f), copy.deepcopy(f), pickle.loads(pickle.dumps(f))):
        assert g.container["total"] is not f.container["total"]
        assert g([1.0, 1.0]).tolist() == [2, 3]
        assert g([1.0, 1.0], [0.0, 0.0]).tolist() == [1, 1]
        assert f["total"].tolist() == [1, 2]
    same = f.copy(share_memory=True)
    same([1.0, 1.0])
    assert f["total"].tolist() == [2, 3]
    frozen = f.copy(delete_updates=True)
    assert frozen([1.0, 1.0]).tolist() == frozen([1.0, 1.0]).tolist() == [3, 4]


def test_the_order_of_inputs_that_keep_their_value():
    x, s = T.dscalars("x", "s")
    f = function([In(s, value=1.0, update=s * 2), x], s + x)
    with pytest.raises(TypeError, match=r"needs a value for its input 1 \(x\)"):
        f(3.0)
    assert f(x=3.0) == 4
    assert f(10.0, 3.0) == 13
    assert f["s"] == 20


@pytest.mark.parametrize("mode", MODES)
def test_two_functions_keep_one_value(mode):
    x, s = T.dscalars("x", "s")
    add = function([x, In(s, value=0.0, update=s + x)], mode=mode)
    sub = function([x, In(s, value=add.container[s], update=s - x)], s, mode=mode)
    add(5.0)
    assert sub(2.0) == 5
    assert add.value[s] == sub.value[s] == 3
    with pytest.raises(TypeError, match="takes 1 argument "):
        sub(1.0, 1.0)  # what is shared is implicit
    assert sub(1.0, s=100.0) == 100
    assert add[s] == 99


def test_shared_variables_as_inputs():
    w = shared(np.ones(2), name="w")
    x = T.dvector("x")
    f = function([x, In(w, shared=True, update=w + x)], w * x)
    assert f([1.0, 2.0]).tolist() == [1, 2]
    assert w.get_value().tolist() == [2, 3]
    assert f.get_shared() == [w]
    assert f.value[w].tolist() == [2, 3]
    assert f(x=[0.0, 1.0], w=[5.0, 5.0]).tolist() == [0, 5]
    assert w.get_value().tolist() == [5, 6]
    with pytest.raises(ValueError, match="updated twice"):
        function([x, In(w, shared=True, update=w + x)], updates=[(w, x)])
    with pytest.raises(TypeError, match="is for shared variables"):
        In(x, shared=True)
    with pytest.raises(TypeError, match="has a value already"):
        In(w, shared=True, value=[1.0, 1.0])


def test_updates_of_inputs_that_do_not_fit():
    x, s = T.dscalar("x"), T.fscalar("s")
    with pytest.raises(TypeError, match=r"update of s has type .*float64.*Cast the update"):
        function([x, In(s, value=0.0, update=s + x)], s)
    with pytest.raises(ValueError, match="needs a value to start from"):
        In(s, update=s + 1)
    with pytest.raises(ValueError, match="needs a value to start from"):
        In(s, implicit=True)
    assert function([In(s, value=1.0, update=3)], s)() == 1  # numbers are constants


def test_threads_add_to_a_kept_value():
    x, s = T.dscalars("x", "s")
    f = function([x, In(s, value=0.0, update=s + x)], s)

    def work():
        for k in range(200):
            f(1.0) if k % 2 else f(x=1.0)

    threads = [threading.Thread(target=work) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert f["s"] == 800


def test_arguments_for_kept_values_from_threads():
    """A call with an argument is one step: no other call sees its container in between."""
    x, s = T.dscalars("x", "s")
    f = function([x, In(s, value=0.0, update=s + x)], s + x)
    seen = []

    def work(k):
        for _ in range(100):
            seen.append(float(f(1.0, 1000.0 * k)) == 1000.0 * k + 1)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(1, 4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(seen) == 300
    assert all(seen)


# ---------------------------------------------------------------------- values and containers


def test_values_of_defaults_belong_to_the_function():
    x, y = T.dscalars("x", "y")
    given = In(y, value=2.0)
    f = function([x, given], x * y)
    g = f.copy()
    f.value[y] = 5.0
    assert (f(3.0), g(3.0), given.value) == (15, 6, 2)
    assert f[1] == f["y"] == f.value[y] == 5
    assert f.container[y].value == 5
    assert f.value[x] is None
    f[x] = 7.0
    assert f() == 35
    f[x] = None
    with pytest.raises(TypeError, match="needs a value for its input 0"):
        f()
    with pytest.raises(TypeError, match="bad value for input y"):
        f[y] = "text"
    assert pickle.loads(pickle.dumps(f))(1.0) == 5


def test_keys_that_are_not_there():
    x, w = T.dvector("x"), shared(np.ones(2), name="w")
    f = function([x], x * w, name="product")
    assert all(key in f for key in ("x", x, 0, w, "w"))
    assert not any(key in f.value for key in ("z", 1, T.dvector()))
    for key in ("z", 3, -1, T.dvector("x"), 1.5):
        with pytest.raises(KeyError, match="function product has no inputs or shared variables"):
            f[key]
    with pytest.raises(TypeError, match="containers cannot be replaced"):
        f.container[w] = Container(1)
    with pytest.raises(TypeError, match="not iterable"):
        iter(f)
    assert list(f.value) == [x, w]
    assert len(f.value) == 2
    f[w] = [3.0, 4.0]
    assert w.get_value().tolist() == [3, 4]
    assert f.container["w"] is w.container
    a, b = T.dscalar("same"), T.dscalar("same")
    with pytest.raises(KeyError, match="has several"):
        function([a, b], a + b)["same"]


def test_a_mutable_default_is_not_overwritten():
    x = T.dvector("x")
    f = function([In(x, value=np.arange(4.0), mutable=True)], T.exp(x) * 2 + 1)
    assert f().tolist() == f().tolist()


# ---------------------------------------------------------------------- the keywords of In and Out


def test_names_of_inputs():
    x = T.dscalar("x")
    assert function([In(x, name="other")], x + 1)(other=1.0) == 2
    with pytest.raises(TypeError, match="has no input called 'x'"):
        function([In(x, autoname=False)], x + 1)(x=1.0)
    with pytest.raises(TypeError, match="is text"):
        In(x, name=3)


@pytest.mark.parametrize("mode", MODES)
def test_strict_and_downcast(mode):
    x = T.fvector("x")
    double, single = np.ones(2), np.ones(2, "float32")
    f = function([In(x, strict=True)], x + 1, mode=mode)
    assert f(single).tolist() == [2, 2]
    for bad in (double, [1.0, 1.0], np.ones(2, "int8")):
        with pytest.raises(TypeError, match="strict"):
            f(bad)
    with pytest.raises(TypeError, match="without losing precision"):
        function([In(x, allow_downcast=False)], x + 1, mode=mode)(double)
    assert function([In(x, allow_downcast=True)], x + 1, mode=mode)(double).dtype == "float32"
    assert function([In(x)], x + 1, mode=mode, allow_input_downcast=True)(double).dtype == "float32"
    with pytest.raises(TypeError, match="without losing precision"):  # what In says goes first
        function([In(x, allow_downcast=False)], x + 1, mode=mode, allow_input_downcast=True)(double)


@pytest.mark.parametrize("mode", MODES)
def test_only_mutable_inputs_change(mode):
    x = T.dvector("x")
    data = np.arange(1000.0)
    y = T.exp(-x) + 1
    assert function([x], y, mode=mode)(data) is not data
    assert data.tolist() == np.arange(1000.0).tolist()
    f = function([In(x, mutable=True)], y, mode=mode)
    np.testing.assert_allclose(f(data.copy()), np.exp(-data) + 1)
    with pytest.raises(TypeError, match="both overwrite"):
        In(x, mutable=True, borrow=False)


def test_borrowed_defaults():
    x = T.dvector("x")
    mine = np.ones(2)
    borrowing = function([In(x, value=mine, borrow=True)], x * 2)
    copying = function([In(x, value=mine)], x * 2)
    mine[:] = 5
    assert borrowing().tolist() == [10, 10]
    assert copying().tolist() == [2, 2]


def test_implicit_inputs_are_given_by_name():
    x, y = T.dscalars("x", "y")
    f = function([In(y, value=2.0, implicit=True), x], x * y)
    assert (f(3.0), f(3.0, y=1.0)) == (6, 3)
    with pytest.raises(TypeError, match="takes 1 argument "):
        f(3.0, 4.0)


@pytest.mark.parametrize("mode", MODES)
def test_outputs_never_alias_unless_borrowed(mode):
    x, w = T.dvector("x"), shared(np.ones(3), name="w")
    f = function([x], [x, Out(x[::-1], borrow=True), w, Out(w)], mode=mode)
    data = np.arange(3.0)
    results = f(data)
    for k, r in enumerate(results):
        assert not np.shares_memory(r, data)
        assert not np.shares_memory(r, w.get_value(borrow=True))
        assert not any(np.shares_memory(r, other) for other in results[:k])
    with pytest.raises(TypeError, match="Out\\(\\) takes a symbolic variable"):
        Out(3)
    assert repr(Out(x, borrow=True)) == "Out(x, borrow=True)"


# ---------------------------------------------------------------------- the keywords of function


def test_forms_of_outputs():
    x = T.dscalar("x")
    assert function([x], [], on_unused_input="ignore")(1.0) == []
    assert function([x], None, on_unused_input="ignore")(1.0) == []
    assert function([x], x + 1)(1.0) == 2
    assert function([x], [x + 1])(1.0) == [2]
    assert function([x], (x + 1, x))(1.0) == [2, 1]
    assert function([x], {"b": x + 1, "a": x})(1.0) == {"b": 2, "a": 1}
    assert list(function([x], {"b": x + 1, "a": x})(1.0)) == ["b", "a"]
    with pytest.raises(TypeError, match="strings as keys"):
        function([x], {1: x})
    with pytest.raises(TypeError, match="outputs holds symbolic variables"):
        function([x], [object()])


def test_forms_of_inputs():
    x, y = T.dscalars("x", "y")
    f = function([x, (y, 5.0)], x - y)
    assert (f(7.0), f(7.0, 1.0), f(y=1.0, x=2.0)) == (2, 6, 1)
    with pytest.raises(TypeError, match="are a list"):
        function(x, x)
    with pytest.raises(TypeError, match="inputs holds symbolic variables"):
        function([3], x)
    with pytest.raises(UnusedInputError, match="given twice"):
        function([x, x], x)
    with pytest.raises(TypeError, match="got two values"):
        f(1.0, x=2.0)


def test_unused_inputs():
    x, y = T.dscalars("x", "y")
    with pytest.raises(UnusedInputError, match="y is not used"):
        function([x, y], x + 1)
    with pytest.warns(UserWarning, match="y is not used"):
        function([x, y], x + 1, on_unused_input="warn")
    assert function([x, y], x + 1, on_unused_input="ignore")(1.0, 2.0) == 2
    with pytest.raises(ValueError, match="on_unused_input"):
        function([x, y], x + 1, on_unused_input="shout")


def test_givens():
    x, y, w = T.dscalar("x"), T.dvector("y"), shared(np.array([1.0, 2.0]), name="w")
    assert function([x], (y * x).sum(), givens={y: w})(2.0) == 6
    assert function([x], (y * x).sum(), givens=[(y, w + 1)])(2.0) == 10
    assert function([x], y * x, givens={y: [3.0]})(2.0).tolist() == [6]
    with pytest.raises(TypeError, match="givens replaces symbolic variables"):
        function([x], x + 1, givens={3: x})
    with pytest.raises(TypeError, match="list of pairs"):
        function([x], x + 1, givens=[x])
    f32 = T.fvector("f")
    with pytest.raises(InconsistentGraphError, match="rebuild_strict=False"):
        function([f32], T.exp(y), givens={y: f32})
    assert function([f32], T.exp(y), givens={y: f32}, rebuild_strict=False)(np.ones(1, "float32")).dtype == "float32"


def test_default_updates():
    x, w = T.dscalar("x"), shared(0.0, name="w")
    w.default_update = w + 1
    f = function([x], x + w)
    assert [float(f(0.0)) for _ in range(3)] == [0, 1, 2]
    assert function([x], x + w, no_default_updates=True)(0.0) == 3
    assert function([x], x + w, no_default_updates=[w])(0.0) == 3
    assert w.get_value() == 3
    function([x], x + w, updates=[(w, w * 2)])(0.0)  # goes before the default
    assert w.get_value() == 6
    with pytest.raises(TypeError, match="no_default_updates"):
        function([x], x + w, no_default_updates=3)


def test_wrong_updates():
    x, w = T.dvector("x"), shared(np.ones(2), name="w")
    with pytest.raises(TypeError, match="only shared variables can be updated"):
        function([x], x, updates=[(x, x)])
    with pytest.raises(ValueError, match="updated twice"):
        function([x], x, updates=[(w, x), (w, x)])
    with pytest.raises(TypeError, match="list of pairs"):
        function([x], x, updates=[w])
    with pytest.raises(TypeError, match="Cast the update"):
        function([x], x, updates=[(w, x.astype("float32"))])


@pytest.mark.parametrize("mode", MODES)
def test_two_updates_swap(mode):
    a, b = shared(1.0, name="a"), shared(2.0, name="b")
    f = function([], [a, b], updates=[(a, b), (b, a)], mode=mode)
    assert f() == [1, 2]
    assert f() == [2, 1]
    assert (a.get_value(), b.get_value()) == (1, 2)


def test_other_keywords():
    x = T.dscalar("x")
    f = function([x], x + 1, name="named", trust_input=True, accept_inplace=True, mode=PY)
    assert (str(f), f.trust_input, f(1.0)) == ("function named", True, 2)
    assert "test_inputs.py" in function([x], x + 1).name
    with pytest.raises(TypeError, match="profile"):
        function([x], x + 1, profile="yes")
    with pytest.raises(TypeError, match="unexpected keyword"):
        function([x], x + 1, unknown=1)
