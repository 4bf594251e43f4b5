"""NanGuardMode and MonitorMode."""

import pickle

import numpy as np
import pytest

from symcore import tensor as T
from symcore.tensor.shared import shared
from symopt import MonitorMode, NanGuardMode, function
from symopt.nanguard import NanGuardError


def test_the_node_that_makes_a_nan_is_named():
    x, w = T.dvector("x"), shared(0.0, name="w")
    mode = NanGuardMode().excluding("exp-of-log")
    f = function([x], T.exp(T.log(x)) * 2, updates=[(w, w + 1)], mode=mode)
    assert f([1.0, 2.0]).round().tolist() == [2, 4]
    with pytest.raises(NanGuardError) as caught:
        f([1.0, -2.0, 3.0])
    text = str(caught.value)
    assert str(caught.value.node.op) == "Elemwise{log}"
    assert "has 1 of 3 elements that are NaN, the first at (1,)" in text
    assert "input 0 (x): float64 (3,), from -2 to 3" in text
    assert "test_watching_modes.py" in text
    assert w.get_value() == 1


@pytest.mark.parametrize(
    ("build", "value", "what", "option"),
    [
        (lambda x: x / 0.0, 1.0, "is infinite", "inf_is_error"),
        (lambda x: T.sqrt(x), -1.0, "is NaN", "nan_is_error"),
        (lambda x: x * 1e6, 1e5, "is above 1e+10 in size", "big_is_error"),
    ],
)
def test_what_is_looked_for(build, value, what, option):
    x = T.dscalar("x")
    with pytest.raises(NanGuardError) as caught:
        function([x], build(x), mode=NanGuardMode())(value)
    assert what in str(caught.value)
    function([x], build(x), mode=NanGuardMode(**{option: False}))(value)


def test_values_that_come_in_are_told_apart():
    x, w = T.dvector("x"), shared(np.array([np.inf]), name="w")
    with pytest.raises(NanGuardError, match=r"the value of x has 1 of 2(.|\n)*no node made it") as caught:
        function([x], x + 1, mode=NanGuardMode())([np.nan, 1.0])
    assert caught.value.node is None
    with pytest.raises(NanGuardError, match="the value of w"):
        function([x], x + w, mode=NanGuardMode())([1.0])


def test_what_is_not_checked():
    x = T.dvector("x")
    assert function([x], T.switch(x > 0, 1.0, np.inf).min(), mode=NanGuardMode())([1.0]) == 1
    y = x / 0.0
    y.tag.nan_guard_mode_check = False
    assert function([x], T.minimum(y, 1.0), mode=NanGuardMode().excluding("canonicalize"))([1.0]).tolist() == [1]
    i = T.lvector("i")
    assert function([i], i * 10**12, mode=NanGuardMode())([3]).tolist() == [3 * 10**12]
    assert function([x], x * 2, mode=NanGuardMode())([]).tolist() == []
    assert function([x], x * 1e3, mode=NanGuardMode(big=1e20))([1e10]).tolist() == [1e13]


def test_complex_numbers():
    z = T.zvector("z")
    with pytest.raises(NanGuardError, match="infinite"):
        function([z], z * 2, mode=NanGuardMode())(np.array([1 + 1j, complex(0, np.inf)]))


@pytest.mark.default_mode
def test_modes_are_values():
    assert NanGuardMode() == NanGuardMode()
    assert NanGuardMode() != NanGuardMode(nan_is_error=False)
    assert pickle.loads(pickle.dumps(NanGuardMode())) == NanGuardMode()
    assert MonitorMode(print) == MonitorMode(print)
    assert MonitorMode(print) != MonitorMode(None, print)


def test_a_monitor_sees_every_node_before_and_after():
    seen = []
    x = T.dvector("x")
    mode = MonitorMode(
        lambda position, node, values: seen.append(("before", position, str(node.op), len(values.outputs))),
        lambda position, node, values: seen.append(("after", position, str(node.op), values.outputs[0].tolist())),
    ).excluding("fuse")
    f = function([x], (T.exp(x) * 2).sum(), mode=mode)
    assert f([0.0, 0.0]) == 4
    kinds = [(when, position) for when, position, _, _ in seen]
    assert kinds == [(w, p) for p in range(len(seen) // 2) for w in ("before", "after")]
    assert ("after", 0, "Elemwise{exp}", [1, 1]) in seen
    assert seen[0] == ("before", 0, "Elemwise{exp}", 0)


def test_a_monitor_ends_a_call_by_raising():
    def stop(position, node, values):
        if np.isnan(values.outputs[0]).any():
            raise FloatingPointError(f"NaN made by {node.op} from {values.inputs}")

    x, w = T.dvector("x"), shared(1.0, name="w")
    f = function([x], T.log(x), updates=[(w, w + 1)], mode=MonitorMode(post_func=stop))
    f([1.0])
    with pytest.raises(FloatingPointError, match="NaN made by"):
        f([-1.0])
    assert w.get_value() == 2


def test_a_hook_must_be_callable():
    with pytest.raises(TypeError, match="pre_func of MonitorMode is a function"):
        MonitorMode(3)
