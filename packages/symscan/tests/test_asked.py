"""What ``scan`` is asked for beyond its meaning: ``mode``, ``profile``, ``allow_gc``."""

import pickle
import warnings

import numpy as np
import pytest

from symcore import grad
from symcore import tensor as T
from symcore.tensor.elemwise import Elemwise
from symopt import ProfileStats, function, get_mode, load
from symopt.nanguard import NanGuardError, NanGuardMode
from symscan import asking, scan
from symscan.op import Scan

rng = np.random.default_rng(8)
x, h = T.dmatrix("x"), T.dvector("h")
X, H = rng.normal(size=(6, 3)), rng.normal(size=3)


def layer(**options):
    rows, _ = scan(lambda v, s: T.tanh(v * s) + T.exp(s) * 0.1, x, h, **options)
    return rows


def loops_of(f):
    return [node for node in f.fgraph.toposort() if isinstance(node.op, Scan)]


def wanted():
    return function([x, h], [layer(), *grad((layer() ** 2).sum(), [x, h])])(X, H)


@pytest.mark.default_mode
def test_rules_of_the_mode_rewrite_the_steps_and_no_others():
    plain = get_mode().excluding("fuse-elemwise")
    y = T.exp(layer(mode=plain)[-1] * 2) + 1
    f = function([x, h], y)
    [node] = loops_of(f)
    assert len(node.op.fgraph) >= 4, "the steps are not fused"
    floats = [n for n in f.fgraph.nodes if isinstance(n.op, Elemwise) and n.outputs[0].type.dtype.kind == "f"]
    assert len(floats) == 1, "the rest is"
    np.testing.assert_allclose(f(X, H), function([x, h], T.exp(layer()[-1] * 2) + 1)(X, H), rtol=1e-12)
    [fused] = loops_of(function([x, h], layer()))
    assert len(fused.op.fgraph) == 1


@pytest.mark.parametrize(
    "mode", [None, "FAST_RUN", "FAST_COMPILE", "DEBUG", NanGuardMode()], ids=lambda mode: getattr(mode, "name", mode)
)
def test_values_and_gradients_in_every_mode(mode):
    rows = layer(mode=mode)
    f = function([x, h], [rows, *grad((rows**2).sum(), [x, h])])
    for a, b in zip(wanted(), f(X, H), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-12)


@pytest.mark.default_mode
def test_a_linker_of_its_own_runs_the_steps_and_says_so():
    f = function([x, h], layer(mode=NanGuardMode()) + 1)
    [(_, where, how)] = [row for row in f.placement() if isinstance(row[0].op, Scan)]
    assert where == "Python" and "the mode" in how and "that the loop was given" in how
    assert any(place == "C" for _, place, _ in f.placement())
    f(X, H)
    bad = X.copy()
    bad[4, 1] = np.nan
    with pytest.raises(NanGuardError):
        f(bad, H)
    assert np.isnan(function([x, h], layer() + 1)(bad, H)).any()


def test_loops_of_different_modes_are_different_loops():
    a, b, c = layer(mode="FAST_COMPILE"), layer(mode="FAST_RUN"), layer(mode="FAST_COMPILE")
    ops = [rows.owner.inputs[0].owner.op for rows in (a, b, c)]
    assert ops[0] != ops[1] and ops[0] == ops[2] and hash(ops[0]) == hash(ops[2])
    assert ops[1] != layer().owner.inputs[0].owner.op


@pytest.mark.default_mode
def test_functions_with_modes_in_loops_are_pickled_and_saved(tmp_path):
    f = function([x, h], layer(mode=get_mode().excluding("fuse-elemwise")))
    value = f(X, H)
    np.testing.assert_allclose(pickle.loads(pickle.dumps(f))(X, H), value)
    f.save(tmp_path / "f")
    np.testing.assert_allclose(load(tmp_path / "f")(X, H), value)
    f = function([x, h], layer(mode="FAST_COMPILE"))
    np.testing.assert_allclose(pickle.loads(pickle.dumps(f))(X, H), value)


@pytest.mark.default_mode
@pytest.mark.c
def test_profile_switches_the_function_on():
    f = function([x, h], layer(profile=True))
    f(X, H)
    [loop] = f.profile.loops()
    assert isinstance(loop.node.op, Scan) and f.profile.calls == 1
    assert function([x, h], layer(profile=True), profile=False).profile is None
    assert function([x, h], layer(profile=False)).profile is None
    assert function([x, h], layer(profile="cells")).profile is not None
    stats = ProfileStats()
    g = function([x, h], layer(profile=stats))
    g(X, H)
    assert stats.profiles == [g.profile]
    nested, _ = scan(lambda v: scan(lambda a, s: a * s, v, T.ones(()), profile=True)[0][-1], x)
    assert function([x], nested).profile is not None
    assert layer(profile=True).owner.inputs[0].owner.op == layer().owner.inputs[0].owner.op


def test_what_cannot_be():
    with pytest.raises(TypeError, match="profile is True, False, a name, or a ProfileStats; got \\[1\\]"):
        layer(profile=[1])
    with pytest.raises(ValueError, match="no mode 'FAST'"):
        layer(mode="FAST")
    with pytest.raises(TypeError, match="a mode is a Mode, or a name"):
        layer(mode=3)


def test_allow_gc_is_said_once_to_have_no_effect(monkeypatch):
    monkeypatch.setattr(asking, "_said", set())
    with pytest.warns(UserWarning, match="allow_gc has no effect") as caught:
        layer(allow_gc=False)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer(allow_gc=True)
        layer()
