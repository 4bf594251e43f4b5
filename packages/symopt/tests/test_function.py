"""``function()`` and calling what it returns, on the Python virtual machine."""

import pickle

import numpy as np
import pytest

from symcore import as_op
from symcore import tensor as T
from symcore.errors import InconsistentGraphError, MissingInputError, UnusedInputError
from symcore.tensor.shared import shared
from symopt import In, Mode, Out, RuleSet, function

MODE = Mode("plain", RuleSet(), "py")


def make(*args, **kwargs):
    return function(*args, mode=MODE, **kwargs)


def test_forms_of_outputs():
    x = T.vector("x")
    assert make([x], x * 2)([1.0, 2.0]).tolist() == [2, 4]
    assert [v.tolist() for v in make([x], [x * 2])([1.0])] == [[2]]
    assert make([x], {"a": x + 1, "b": x})([1.0])["a"].tolist() == [2]
    assert make([], None)() == []
    assert make([x], Out(x + 1, borrow=True))([1.0]).tolist() == [2]


def test_by_position_name_and_default():
    x, y = T.scalars("xy")
    f = make([x, In(y, value=10.0)], x + y)
    assert f(1) == 11
    assert f(1, 2) == 3
    assert f(1, y=3) == 4
    assert f(y=1, x=5) == 6
    g = make([x, (y, 2.0)], x * y)
    assert g(3) == 6


@pytest.mark.parametrize(
    ("args", "kwargs", "match"),
    [
        ((), {}, "needs a value for its input 0"),
        ((1, 2, 3), {}, "takes 2 arguments"),
        ((1,), {"z": 1}, "no input called 'z'"),
        ((1,), {"x": 1}, "two values"),
        ((np.ones(2), 1), {}, "wrong number of dimensions"),
    ],
)
def test_wrong_calls(args, kwargs, match):
    x, y = T.scalars("xy")
    with pytest.raises(TypeError, match=match):
        make([x, y], x + y)(*args, **kwargs)


def test_wrong_inputs():
    x, y = T.vectors("xy")
    with pytest.raises(MissingInputError, match=r"test_function.py"):
        make([x], x + y)
    with pytest.raises(UnusedInputError, match="not used"):
        make([x, y], x)
    with pytest.raises(UnusedInputError, match="twice"):
        make([x, x], x)
    with pytest.raises(TypeError, match="list"):
        make(x, x)
    with pytest.raises(TypeError, match="givens"):
        make([shared(1.0)], x)
    with pytest.warns(UserWarning, match="not used"):
        make([x, y], x, on_unused_input="warn")
    make([x, y], x, on_unused_input="ignore")


def test_updates_are_computed_from_old_values():
    a, b = shared(1.0), shared(2.0)
    make([], [], updates=[(a, b), (b, a)])()
    assert (a.get_value(), b.get_value()) == (2.0, 1.0)
    f = make([], a, updates={a: a + 1})
    assert f() == 2.0
    assert a.get_value() == 3.0


def test_wrong_updates():
    s, m = shared(np.float32(1)), T.matrix()
    with pytest.raises(TypeError, match="update"):
        make([], updates=[(s, m)])
    with pytest.raises(TypeError, match="float32"):
        make([], updates=[(s, s + T.constant(1.0, dtype="float64"))])
    with pytest.raises(TypeError, match="only shared variables"):
        make([], updates=[(m, m)])
    with pytest.raises(ValueError, match="twice"):
        make([], updates=[(s, s), (s, s)])
    with pytest.raises(TypeError, match="pairs"):
        make([], updates=[s])


def test_a_failed_call_changes_nothing():
    x, w = T.vector("x"), shared(np.zeros(3))
    other = shared(np.arange(3.0))
    f = make([x], (other + x).sum(), updates=[(w, w + 1), (other, other * 2)])
    with pytest.raises(ValueError, match="length"):
        f([1.0, 2.0])
    assert w.get_value().tolist() == [0, 0, 0]
    assert other.get_value().tolist() == [0, 1, 2]


def test_givens_and_default_updates():
    x, y, s = T.vector("x"), T.vector("y"), shared(np.ones(2))
    assert make([y], x * 2, givens={x: y + 1})([1.0]).tolist() == [4]
    assert make([], x * 2, givens=[(x, s)])().tolist() == [2, 2]
    s.default_update = s * 3
    f = make([], s)
    assert f().tolist() == [1, 1]
    assert f().tolist() == [3, 3]
    make([], s, no_default_updates=True)()
    assert s.get_value().tolist() == [9, 9]
    with pytest.raises(TypeError, match="type"):
        make([], x, givens={x: T.constant(np.ones((2, 2)))})


def test_outputs_do_not_share_memory():
    x, s = T.vector("x"), shared(np.arange(3.0))
    f = make([x], [x, s, x[:2], x * 1.0])
    given = np.arange(3.0)
    got = f(given)
    arrays = [given, s.get_value(borrow=True), *got]
    for i, a in enumerate(arrays):
        for b in arrays[i + 1 :]:
            assert not np.shares_memory(a, b)


def test_lossy_values_are_refused_unless_allowed():
    x = T.fvector("x")
    with pytest.raises(TypeError, match="input x.*float32"):
        make([x], x)(np.ones(2))
    assert make([x], x, allow_input_downcast=True)(np.ones(2)).dtype == "float32"


def test_names_places_and_shared():
    x, s = T.vector("x"), shared(1.0, name="s")
    f = make([x], x + s, name="mine")
    assert "mine" in str(f)
    assert f.get_shared() == [s]
    assert "test_function.py" in make([x], x + 1).name
    assert "Python" in f.explain()
    assert len(f.maker.fgraph) == 1


def test_pickle_compiles_again():
    x = T.vector("x")
    f = pickle.loads(pickle.dumps(function([x], x * 2 + 1, mode="FAST_COMPILE")))
    assert f([1.0]).tolist() == [3]


def test_a_pickled_function_keeps_its_options():
    x, y = T.fvector("x"), T.vector("y")
    f = function([x], y * 2, mode="FAST_COMPILE", givens={y: x}, rebuild_strict=False, allow_input_downcast=True)
    again = pickle.loads(pickle.dumps(f))
    assert again(np.ones(2)).tolist() == f(np.ones(2)).tolist() == [2, 2]


def test_a_default_is_copied_unless_borrowed():
    x, given = T.vector("x"), np.ones(2)
    f = make([In(x, value=given)], x * 2)
    g = make([In(x, value=given, borrow=True)], x * 2)
    given[:] = 5
    assert f().tolist() == [2, 2]
    assert g().tolist() == [10, 10]


@as_op([T.dvector], [T.dvector])
def itself(a):
    return a


@pytest.mark.parametrize("mode", [MODE, "FAST_COMPILE", "FAST_RUN"])
def test_a_function_that_hands_back_its_input_leaks_no_memory(mode):
    x, old, new = T.dvector("x"), shared(np.ones(3)), shared(np.zeros(3))
    f = function([x], [itself(x), itself(old)], updates=[(new, itself(old)), (old, old + 1)], mode=mode)
    given = np.arange(3.0)
    first, second = f(given)
    arrays = [given, first, second, old.get_value(borrow=True), new.get_value(borrow=True)]
    assert not any(np.shares_memory(a, b) for k, a in enumerate(arrays) for b in arrays[:k])
    f(given)
    assert new.get_value().tolist() == [2, 2, 2]
    assert old.get_value().tolist() == [3, 3, 3]


def test_eval_compiles_once():
    x = T.vector("x")
    y = x * 2
    assert y.eval({x: [1.0]}).tolist() == [2]
    assert y.eval({"x": [3.0]}).tolist() == [6]
    assert len(y._eval_cache) == 1
    with pytest.raises(MissingInputError, match="no input"):
        y.eval({"z": 1})


def test_errors_of_updates_and_givens_tell_what_to_do():
    s, k = shared(np.ones((2, 2)), name="s"), T.ivector("k")
    with pytest.raises(TypeError, match=r"shared\(value\)"):
        function([], [], updates=[(T.constant(1.0), 2.0)])
    with pytest.raises(TypeError, match=r"update the whole: \(s, T.set_subtensor\(s\[index\], new\)\)"):
        function([], [], updates=[(s[0], s[0] + 1)])
    with pytest.raises(TypeError, match=r"only shared variables can be updated; got 3 \(int\)\.$"):
        function([], [], updates=[(3, s)])
    with pytest.raises(InconsistentGraphError, match=r"new\.astype\('int32'\)"):
        function([], k.sum(), givens={k: s[0]})
