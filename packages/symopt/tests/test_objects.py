"""Values that are no tensors (objects, slices, lists) and breakpoints, through functions, in every mode."""

import copy
import pdb
import pickle

import numpy as np
import pytest

from symcore import NoneConst, as_op, generic, grad, make_slice, shared, slicetype
from symcore import tensor as T
from symcore.errors import NullTypeGradError
from symcore.ifelse import ifelse
from symcore.printing.breakpoint import PdbBreakpoint
from symcore.tensor.type import TensorType
from symcore.typed_list import TypedListType, make_list, shared_list
from symopt.function import function
from symopt.mode import Mode, get_mode

MODES = ["FAST_RUN", "FAST_COMPILE", "DEBUG", Mode("in Python", linker="py"), get_mode("FAST_RUN").excluding("fuse")]
LIST = TypedListType(TensorType("float64", (None,)))
X, K = T.dvector("x"), T.lscalar("i")


@pytest.fixture(params=MODES, ids=[m if isinstance(m, str) else m.name for m in MODES[:4]] + ["unfused"])
def mode(request):
    return request.param


@as_op([generic, T.dvector().type], [T.dvector().type])
def scaled(options, x):
    return options["scale"] * x


@as_op([generic], [generic])
def renamed(options):
    return {key.upper(): value for key, value in options.items()}


def same(found, wanted):
    assert type(found) is list and len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(a, b)


def test_objects(mode):
    options = generic("options")
    f = function([options, X], [scaled(options, X) + 1, options, renamed(options)], mode=mode)
    given = {"scale": 2.0}
    y, back, other = f(given, [1.0, 2.0])
    assert y.tolist() == [3, 5] and other == {"SCALE": 2.0}
    assert back == given and back is not given  # no output shares with an input
    assert function([X], scaled({"scale": 3.0}, X), mode=mode)([1.0]).tolist() == [3]
    assert function([], [NoneConst], mode=mode)() == [None]


def test_shared_objects_and_their_updates(mode):
    settings, new = shared({"scale": [1.0]}, "settings"), generic("new")
    f = function([new], settings, updates={settings: new}, mode=mode)
    given = {"scale": [2.0]}
    assert f(given) == {"scale": [1.0]} and settings.get_value() == {"scale": [2.0]}
    given["scale"].append(9.0)  # what was given is not what is kept
    assert settings.get_value() == {"scale": [2.0]}
    out = f(given)
    out["scale"].append(7.0)
    assert f(given)["scale"] == [2.0, 9.0] and settings.get_value() == {"scale": [2.0, 9.0]}


def test_a_failed_call_leaves_a_shared_object_as_it_was(mode):
    state = shared({"scale": 1.0})
    f = function([X, K], X[K], updates={state: renamed(state)}, mode=mode)
    with pytest.raises(IndexError):
        f([1.0], 3)
    assert state.get_value() == {"scale": 1.0}
    f([1.0], 0)
    assert state.get_value() == {"SCALE": 1.0}


def test_a_choice_between_objects(mode):
    a, b, c = generic("a"), generic("b"), T.bscalar("c")
    f = function([c, a, b], ifelse(c, a, b), mode=mode)
    assert f(1, "yes", "no") == "yes" and f(0, "yes", "no") == "no"


@pytest.mark.parametrize(
    "s", [slice(None), slice(1, 3), slice(None, None, -1), slice(3, -100, -2), slice(7, 2)], ids=str
)
def test_slices(mode, s):
    v, M = slicetype("v"), T.dmatrix("M")
    f = function([X, v], [X[v] * 2, grad((X[v] ** 2).sum(), X), v], mode=mode)
    for n in (0, 1, 5, 5):
        a = np.arange(float(n))
        y, slope, back = f(a, s)
        wanted = np.zeros(n)
        wanted[s] = 2 * a[s]
        np.testing.assert_array_equal(y, 2 * a[s])
        np.testing.assert_array_equal(slope, wanted)
        assert back == s
    a = np.arange(12.0).reshape(3, 4)
    g = function([M, v, K], [M[v, make_slice(K, None, 2)], M[:, v].shape], mode=mode)
    part, shape = g(a, s, 1)
    np.testing.assert_array_equal(part, a[s, 1::2])
    assert tuple(shape) == a[:, s].shape


def test_what_is_no_slice_is_refused():
    f = function([X, slicetype("s")], X[:], on_unused_input="ignore")
    with pytest.raises(TypeError, match="expected a slice"):
        f([1.0], 3)


def test_lists(mode):
    items = LIST("items")
    longer = items.append(X).insert(K, X * 2)
    f = function([items, X, K], [longer, longer[K], longer.length(), items.count(X)], mode=mode)
    data, x = [np.arange(3.0), np.array([5.0])], np.array([5.0])
    for k in (0, 1, 2, 1):
        found, one, n, count = f(data, x, k)
        wanted = [*data, x]
        wanted.insert(k, 2 * x)
        same(found, wanted)
        assert one.tolist() == [10] and n == 4 and count == 1
        assert not any(np.shares_memory(a, b) for a in found for b in [*data, x])
    back = function([items], items, mode=mode)(data)
    same(back, data)
    assert back is not data and not np.shares_memory(back[0], data[0])
    with pytest.raises(IndexError, match="out of bounds"):
        f(data, x, 9)


def test_gradients_of_lists(mode):
    items = LIST("items")
    cost = (items.append(X)[K] ** 2).sum() + items[0].sum()
    f = function([items, X, K], grad(cost, [items, X]), mode=mode)
    by_list, by_x = f([np.arange(3.0), np.array([5.0])], [7.0], 2)
    same(by_list, [np.ones(3), np.zeros(1)])
    assert by_x.tolist() == [14]
    by_list, by_x = f([np.arange(3.0), np.array([5.0])], [7.0], 1)
    same(by_list, [np.ones(3), [10.0]])
    assert by_x.tolist() == [0]


def test_a_list_that_grows_from_call_to_call(mode):
    history = shared_list([np.zeros(1)], LIST, "history")
    f = function([X], history[-1] * 2, updates={history: history.append(X)}, mode=mode)
    x = np.array([1.0, 2.0])
    assert f(x).tolist() == [0] and f([4.0]).tolist() == [2, 4]
    x[:] = -1
    same(history.get_value(), [[0.0], [1.0, 2.0], [4.0]])


def test_copies_and_pickles_of_functions_with_objects():
    items = LIST("items")
    f = function([items, slicetype("s")], make_list([items[0], items[-1]])[0:2],
                 on_unused_input="ignore")
    for g in (f, copy.copy(f), pickle.loads(pickle.dumps(f))):
        same(g([np.ones(1), np.zeros(2)], slice(0, 1)), [[1.0], [0.0, 0.0]])


# ---------------------------------------------------------------------- breakpoints


@pytest.fixture
def stops(monkeypatch):
    seen = []

    def stop():
        import sys

        frame = sys._getframe(1)
        seen.append([np.array(v) for v in frame.f_locals["monitored"]])

    monkeypatch.setattr(pdb, "set_trace", stop)
    return seen


def test_a_breakpoint_stops_when_its_condition_holds(mode, stops, capsys):
    x, total = PdbBreakpoint("large")(X.sum() > 3, X, X.sum())
    f = function([X], x * total, mode=mode)
    assert f([1.0, 1.0]).tolist() == [2, 2] and not stops
    assert f([2.0, 2.0]).tolist() == [8, 8]
    assert all(v.tolist() == [2, 2] and n == 4 for v, n in stops) and stops
    assert "breakpoint 'large'" in capsys.readouterr().out


def test_gradients_pass_through_a_breakpoint(mode, stops):
    y = PdbBreakpoint("never")(X.sum() > 100, X)
    f = function([X], grad((y**2).sum(), X), mode=mode)
    assert f([1.0, 2.0]).tolist() == [2, 4] and not stops


def test_a_breakpoint_is_neither_merged_nor_moved(stops):
    first, second = (PdbBreakpoint("both")(X[0] > 0, X) for _ in range(2))
    function([X], first + second)([1.0])
    assert len(stops) == 2


def test_wrong_breakpoints():
    with pytest.raises(TypeError, match="scalar condition"):
        PdbBreakpoint("vector")(X > 0, X)
    with pytest.raises(TypeError, match="at least one variable"):
        PdbBreakpoint("nothing")(X[0] > 0)


def test_no_gradient_goes_through_an_object():
    with pytest.raises(NullTypeGradError):
        grad(scaled(generic("options"), X).sum(), X)
