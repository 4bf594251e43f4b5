"""What ``scan`` is asked for beyond its meaning: ``mode``, ``profile``, ``allow_gc``."""

import pickle
import warnings

import numpy as np
import pytest

from symcore import grad
from symcore import tensor as T
from symcore.tensor import scalar_functions as sf
from symcore.tensor.elemwise import Elemwise
from symopt import Mode, ProfileStats, function, get_mode, load
from symopt import mode as modes
from symopt.archive import SavedFileError
from symopt.nanguard import NanGuardError, NanGuardMode
from symopt.rule import rewrite
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


@pytest.mark.c
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


def reloaded(f, path):
    f.save(path)
    return load(path)


@pytest.mark.parametrize("outer", ["FAST_RUN", "FAST_COMPILE", "without the last phases"])
@pytest.mark.parametrize("linker", ["FAST_COMPILE", "FAST_RUN", "DEBUG", "py", "some rules"])
def test_loops_with_modes_are_saved_in_functions_of_every_mode(tmp_path, outer, linker):
    mode = {"py": Mode("mine", None, "py"), "some rules": get_mode("FAST_COMPILE").excluding("constant-folding")}
    rows = layer(mode=mode.get(linker, linker))
    kept = get_mode("FAST_RUN").requiring("canonicalize") if outer.startswith("without") else outer
    f = function([x, h], [rows, *grad((rows**2).sum(), [x, h])], mode=kept)
    g = reloaded(f, tmp_path / "f")
    for a, b in zip(f(X, H), g(X, H), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-14)
    modes = [[node.op.asked and node.op.asked.mode for node in loops_of(some)] for some in (f, g)]
    assert modes[0] == modes[1]
    if linker in ("FAST_COMPILE", "py", "DEBUG"):
        assert modes[1] and None not in modes[1], "the steps run as the user asked, after loading as before"


def test_what_collects_profiles_is_not_saved(tmp_path):
    stats = ProfileStats()
    f = function([x, h], layer(profile=stats), mode="FAST_COMPILE")
    g = reloaded(f, tmp_path / "f")
    np.testing.assert_allclose(g(X, H), f(X, H), rtol=1e-12)
    assert [node.op.asked.profile for node in loops_of(g)] == [None] and len(stats.profiles) == 1


def test_a_loop_whose_mode_is_no_data_is_refused_in_words(tmp_path):
    words = r"Scan\{.*cannot be saved: the linker of the mode 'NanGuardMode'.*FAST_COMPILE"
    with pytest.raises(TypeError, match=words):
        function([x, h], layer(mode=NanGuardMode())).save(tmp_path / "f")

    @rewrite(sf.exp, phase="canonicalize")
    def twice(node):
        """``exp(x) -> exp(x)``"""

    own = Mode("own", get_mode("FAST_RUN").rules + twice, "py")
    with pytest.raises(TypeError, match="the mode 'own' of its steps has the rule 'twice', which is not installed"):
        function([x, h], layer(mode=own)).save(tmp_path / "f")
    assert not (tmp_path / "f").exists()


def test_the_name_of_a_mode_that_is_not_known_where_a_loop_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setitem(modes._modes, "of this test", Mode("of this test", None, "py"))
    f = function([x, h], layer(mode="of this test"))
    np.testing.assert_allclose(reloaded(f, tmp_path / "f")(X, H), f(X, H), rtol=1e-12)
    monkeypatch.delitem(modes._modes, "of this test")
    with pytest.raises(SavedFileError, match="a loop in .* mode 'of this test'.*register_mode"):
        load(tmp_path / "f")


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
