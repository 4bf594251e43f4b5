"""Copies, partial calls, pickles and profiles of functions: nothing is rewritten again."""

import concurrent.futures
import copy
import importlib
import json
import multiprocessing
import pickle
import subprocess
import sys
import time

import numpy as np
import pytest

from symcore import tensor as T
from symcore.gradient.grad import grad
from symcore.tensor.shared import shared
from symopt import In, Mode, Out, ProfileStats, RuleSet, function

PY = Mode("plain", RuleSet(), "py")


@pytest.fixture
def no_rewriting(monkeypatch):
    """From the moment it is called, rewriting is an error."""

    def refuse(*args):
        raise AssertionError("rewritten again")

    return lambda: monkeypatch.setattr(importlib.import_module("symopt.function"), "rewrite", refuse)


@pytest.fixture(params=["FAST_RUN", "FAST_COMPILE", "DEBUG"])
def counter(request):
    """A function with an update: returns ``w * x`` and then adds ``x`` to ``w``."""
    x, w = T.dvector("x"), shared(np.ones(2), name="w")
    return function([x], [w * x, T.exp(x).sum()], updates=[(w, w + x)], mode=request.param, name="counter"), w


def test_a_copy_shares_its_variables(counter, no_rewriting):
    f, w = counter
    no_rewriting()
    for share_memory in (False, True):
        w.set_value(np.ones(2))
        g = f.copy(share_memory=share_memory)
        assert g is not f
        f([1.0, 1.0])
        assert g([1.0, 1.0])[0].tolist() == [2, 2]
        assert w.get_value().tolist() == [3, 3]
        assert (g.linked is f.linked) == share_memory
        assert g.name == "counter"


def test_swap(counter, no_rewriting):
    f, w = counter
    no_rewriting()
    v = shared(np.full(2, 10.0), name="v")
    g = f.copy(swap={w: v}, name="swapped")
    assert g([1.0, 2.0])[0].tolist() == [10, 20]
    assert v.get_value().tolist() == [11, 12]
    assert w.get_value().tolist() == [1, 1]
    assert f([1.0, 2.0])[0].tolist() == [1, 2]
    assert g.get_shared() == [v]
    assert (str(g), g.report, g.compile_times["rewrite"]) == ("function swapped", None, 0.0)
    g.fgraph.check()


def test_swap_of_two_for_each_other():
    a, b = shared(2.0, name="a"), shared(3.0, name="b")
    f = function([], a**b, updates=[(a, a + 1)], mode=PY)
    g = f.copy(swap={a: b, b: a})
    assert (f(), b.get_value()) == (8, 3)
    assert g() == 3.0**3.0
    assert b.get_value() == 4


def test_a_swap_keeps_the_plan_unless_variables_fall_together():
    x = T.dvector("x")
    a, b = shared(np.ones(2), name="a"), shared(np.full(2, 3.0), name="b")
    f = function([x], (a * b).sum() + x, updates=[(a, a + b), (b, b * x)])
    c = shared(np.full(2, 5.0), name="c")
    g = f.copy(swap={a: c})
    assert [str(n.op) for n in g.plan.order] == [str(n.op) for n in f.plan.order]
    assert g.explain() == f.explain().replace("update a", "update c")
    assert all(n in g.fgraph.nodes for n in g.plan.order)
    assert g([1.0, 1.0]).tolist() == [31, 31]
    assert (c.get_value().tolist(), a.get_value().tolist(), b.get_value().tolist()) == ([8, 8], [1, 1], [3, 3])
    with pytest.raises(ValueError, match="updated twice"):
        f.copy(swap={a: b})
    h = f.copy(swap={a: b, b: a})
    assert h([2.0, 2.0]).tolist() == [8, 8]
    assert (a.get_value().tolist(), b.get_value().tolist()) == ([2, 2], [4, 4])


def test_a_variable_that_is_in_use_already_can_be_swapped_in():
    x = T.dvector("x")
    a, b = shared(np.ones(2), name="a"), shared(np.full(2, 3.0), name="b")
    f = function([x], (a + x) * b)
    g = f.copy(swap={a: b})
    assert g([1.0, 2.0]).tolist() == [12, 15]
    assert g.get_shared() == [b]


def test_wrong_swaps(counter):
    f, w = counter
    with pytest.raises(ValueError, match="swap names other, which function counter does not use; .* are: w"):
        f.copy(swap={shared(np.ones(2), name="other"): w})
    with pytest.raises(TypeError, match=r"\(float64, vector\) can take the place of w; got TensorType\(float32"):
        f.copy(swap={w: shared(np.ones(2, "float32"))})
    with pytest.raises(TypeError, match="can take the place"):
        f.copy(swap={w: np.ones(2)})


def test_delete_updates(counter):
    f, w = counter
    g = f.copy(delete_updates=True, share_memory=True)
    assert g([1.0, 1.0])[0].tolist() == [1, 1]
    assert w.get_value().tolist() == [1, 1]
    assert not g.plan.updates


def test_copy_and_deepcopy(counter):
    f, w = counter
    assert copy.copy(f).get_shared() == [w]
    model = {"w": w, "f": f}
    other = copy.deepcopy(model)
    other["f"]([1.0, 1.0])
    assert other["w"].get_value().tolist() == [2, 2]
    assert w.get_value().tolist() == [1, 1]


def test_forms_are_kept():
    x, y = T.dvectors("xy")
    f = function([x, In(y, value=[1.0], name="z")], {"a": x + y, "b": Out(x, borrow=True)}, mode=PY)
    for g in (f.copy(), pickle.loads(pickle.dumps(f))):
        assert {k: v.tolist() for k, v in g([2.0]).items()} == {"a": [3], "b": [2]}
        assert g([2.0], z=[5.0])["a"].tolist() == [7]
        with pytest.raises(TypeError, match="needs a value for its input 0"):
            g()


def test_output_subset(counter, no_rewriting):
    f, w = counter
    no_rewriting()
    assert f([0.0, 0.0], output_subset=[1])[0] == 2
    assert [v.tolist() for v in f([1.0, 2.0], output_subset=[-1, 0])][1] == [1, 2]
    assert w.get_value().tolist() == [2, 3]  # updates are applied all the same
    assert f([1.0, 2.0], output_subset=[]) == []
    assert len(f(np.zeros(2), output_subset=None)) == 2
    for bad in ([2], ["a"], [1.0]):
        with pytest.raises(ValueError, match=r"output_subset of function counter holds .* positions from 0 to 1"):
            f([1.0, 2.0], output_subset=bad)


def test_output_subset_of_a_dictionary_computes_no_more():
    x = T.dvector("x")
    f = function([x], {"sum": x.sum(), "sixth": x[5]}, mode=PY)
    assert f([1.0, 2.0], output_subset=["sum"]) == {"sum": 3}
    assert f(x=[1.0, 2.0], output_subset=[0]) == {"sum": 3}
    with pytest.raises(IndexError):
        f([1.0, 2.0])
    with pytest.raises(ValueError, match="the keys 'sum', 'sixth', or positions"):
        f([1.0, 2.0], output_subset=["other"])


def test_free(counter):
    f, _ = counter
    expected = f([1.0, 2.0])[1]
    f([1.0, 2.0], output_subset=[1])
    f.free()
    assert not f._subsets
    assert f([1.0, 2.0])[1] == expected


def test_pickle_keeps_the_rewritten_graph(counter, no_rewriting):
    f, w = counter
    text = pickle.dumps((f, w))
    no_rewriting()
    g, v = pickle.loads(text)
    assert [str(n.op) for n in g.plan.order] == [str(n.op) for n in f.plan.order]
    for one, two in zip(g([1.0, 2.0]), f([1.0, 2.0]), strict=True):
        np.testing.assert_allclose(one, two)
    assert v.get_value().tolist() == [2, 3]  # the pickle's own variable, still tied to its function
    assert (g.name, g.mode) == (f.name, f.mode)
    g.fgraph.check()


def test_a_pickle_runs_in_another_process():
    x, w = T.dmatrix("x"), shared(np.ones((3, 2)), name="w")
    f = function([x], T.tanh(T.dot(x, w)).sum(), updates=[(w, w * 0.5)])
    code = (
        "import importlib, pickle, sys, numpy as np, symopt\n"
        "m = importlib.import_module('symopt.function')\n"
        "def refuse(*a): raise AssertionError('rewritten again')\n"
        "m.rewrite = refuse\n"
        "f = pickle.loads(sys.stdin.buffer.read())\n"
        "print(repr(float(f(np.ones((4, 3))))), f.get_shared()[0].get_value().sum())\n"
    )
    out = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(f), capture_output=True, check=True)
    value, total = out.stdout.split()
    assert float(value) == pytest.approx(float(f(np.ones((4, 3)))))
    assert float(total) == 3


def test_a_mode_of_ones_own_travels():
    x = T.dvector("x")
    f = function([x], x + 1, mode=Mode("own", RuleSet(), "py"))
    assert pickle.loads(pickle.dumps(f)).mode == f.mode


def test_copying_a_thousand_nodes_is_quick():
    x = T.dvector("x")
    w, v = shared(np.ones(3), name="w"), shared(np.zeros(3), name="v")
    y = x
    for k in range(500):
        y = T.tanh(y * w + float(k))
    f = function([x], y, mode=PY)
    assert len(f.plan.order) >= 1000
    times = []
    for _ in range(5):
        start = time.process_time()
        g = f.copy(swap={w: v})
        times.append(time.process_time() - start)
    assert g([1.0, 2.0, 3.0]).tolist() == np.tanh([499.0] * 3).tolist()
    assert min(times) < 0.2  # 20 ms on an idle machine


@pytest.mark.default_mode
def test_leaving_updates_out_of_a_thousand_nodes_is_quick():
    """What remains is planned and linked again, of kernels that are known: 20 ms of CPU on an idle machine."""
    x = T.dmatrix("x")
    ws = [shared(np.eye(3) / 2, name=f"w{k}") for k in range(91)]
    y = x
    for k, w in enumerate(ws):
        y = T.tanh(T.dot(y, w) + 0.01 * k - 0.4)
    cost = y.sum()
    f = function([x], cost, updates=[(w, w - g) for w, g in zip(ws, grad(cost, ws), strict=True)])
    assert len(f.plan.order) > 900
    times = []
    for _ in range(5):
        start = time.process_time()
        g = f.copy(delete_updates=True)
        times.append(time.process_time() - start)
    assert not g.plan.updates and len(g.plan.order) < len(f.plan.order) / 2
    assert g(np.eye(3)) == f(np.eye(3)) != g(np.eye(3))  # f has changed the variables that both read
    assert min(times) < 0.2


def test_waiting_for_shared_variables_is_harmless():
    w = shared(1.0, name="w")
    f = function([], [], updates=[(w, w + 1)], mode=PY)
    f()
    assert f.sync_shared() is None
    assert w.get_value() == 2.0


# ---------------------------------------------------------------------- profiles


@pytest.mark.default_mode
@pytest.mark.parametrize("mode", ["FAST_RUN", "FAST_COMPILE"])
def test_a_profile_counts_calls_and_nodes(mode, tmp_path):
    x, w = T.dmatrix("x"), shared(np.ones((3, 2)), name="w")
    f = function([x], T.exp(T.dot(x, w)).sum(), updates=[(w, w + 1)], mode=mode, profile=True, name="step")
    for _ in range(3):
        f(np.ones((4, 3)))
    p = f.profile
    assert p.calls == 3
    assert 0 < p.node_seconds < p.seconds
    ops = {row.name: row for row in p.ops()}
    assert ops["Elemwise"].calls >= 3
    assert sum(row.seconds for row in p.ops()) == pytest.approx(p.node_seconds)
    assert all(row.calls == 3 for row in p.nodes())
    text = str(p)
    assert "function step: 3 calls" in text
    for word in ("per Op class", "per node", "per rule", "canonicalize", "Elemwise"):
        assert word in text
    data = json.loads(p.to_json(tmp_path / "p.json"))
    assert json.loads((tmp_path / "p.json").read_text()) == data
    assert data["calls"] == 3
    assert data["compile"]["rules"]
    assert any("test_copying.py" in node["built"] for node in data["nodes"])
    events = json.loads(p.chrome_trace(tmp_path / "t.json"))["traceEvents"]
    assert {e["name"] for e in events if e.get("cat") == "compile"} >= {"canonicalize", "link"}
    assert len([e for e in events if e.get("cat") == "node"]) == len(p.nodes())
    assert all(e["dur"] >= 0 for e in events if e["ph"] == "X")


def test_profiling_is_switched_on_and_off(counter):
    f, _ = counter
    f([1.0, 1.0])
    assert f.profile is None
    f.profile_on()
    f.profile_on()
    f([1.0, 1.0])
    f(x=[1.0, 1.0])
    with pytest.raises(TypeError):
        f("text")
    found = f.profile_off()
    assert found.calls == 2
    assert f.profile is None
    assert f.profile_off() is None
    f([1.0, 1.0])
    assert found.calls == 2


def test_the_profile_of_a_copy_has_no_rewriting():
    x = T.dvector("x")
    f = function([x], x * 2, mode=PY).copy(profile=True)
    f([1.0])
    assert "per rule" not in f.profile.summary()
    assert f.profile.to_dict()["compile"]["rules"] == {}


# ---------------------------------------------------------------------- other processes


IN_A_POOL = '''
def work(f, value):
    """What a worker does: it is handed the function itself."""
    return f([value, value])[0].tolist(), f.compile_times["rewrite"]
'''


@pytest.mark.parametrize("kind", ["processes", "executor"])
def test_functions_are_handed_to_spawned_processes(kind, tmp_path, monkeypatch):
    # In a module that the worker finds wherever the tests were started: a pool waits for ever for one that does not.
    (tmp_path / "in_a_pool.py").write_text(IN_A_POOL)
    monkeypatch.syspath_prepend(tmp_path)
    work = importlib.import_module("in_a_pool").work
    x, w = T.dvector("x"), shared(np.ones(2), name="w")
    f = function([x], [w * x, T.exp(x).sum()], updates=[(w, w + x)])
    f([1.0, 1.0])
    context = multiprocessing.get_context("spawn")
    tasks = [(f, float(k)) for k in range(3)]
    if kind == "processes":
        with context.Pool(1) as pool:
            results = pool.starmap_async(work, tasks).get(timeout=120)
    else:
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
            results = list(pool.map(work, *zip(*tasks, strict=True), timeout=120))
    sys.modules.pop("in_a_pool")
    assert results == [([2.0 * k, 2.0 * k], 0.0) for k in range(3)]  # each is a copy with the w of when it was sent
    assert w.get_value().tolist() == [2, 2]


@pytest.mark.default_mode
def test_loading_a_pickle_needs_no_rules_and_no_compiler(tmp_path):
    """The pickled step of a network runs in a new process at once; CPU milliseconds are printed."""
    x, y = T.fmatrix("x"), T.fmatrix("y")
    rng = np.random.default_rng(0)
    w1 = shared(rng.standard_normal((20, 30)).astype("float32"), name="w1")
    w2 = shared(rng.standard_normal((30, 5)).astype("float32"), name="w2")
    cost = ((T.dot(T.tanh(T.dot(x, w1)), w2) - y) ** 2).mean()
    updates = [(w, w - np.float32(0.1) * g) for w, g in zip((w1, w2), grad(cost, [w1, w2]), strict=True)]
    f = function([x, y], cost, updates=updates)
    data = np.ones((4, 20), "float32"), np.ones((4, 5), "float32")
    (tmp_path / "f").write_bytes(pickle.dumps(f))
    first = float(f(*data))
    code = (
        "import pickle, subprocess, sys, time, numpy as np, symopt\n"
        "def refuse(*a, **k): raise AssertionError('a compiler was run')\n"
        "subprocess.Popen = refuse\n"
        "content = open(sys.argv[1], 'rb').read()\n"
        "data = np.ones((4, 20), 'float32'), np.ones((4, 5), 'float32')\n"
        "start = time.process_time()\n"
        "f = pickle.loads(content)\n"
        "value = float(f(*data))\n"
        "print(value, time.process_time() - start, 'symopt.rules.arithmetic' in sys.modules)\n"
    )
    best = None
    for _ in range(3):
        out = subprocess.run([sys.executable, "-c", code, str(tmp_path / "f")], capture_output=True, text=True)
        assert out.returncode == 0, out.stderr
        value, seconds, rules = out.stdout.split()
        assert float(value) == first
        assert rules == "False"
        best = min(best or 9.0, float(seconds))
    print(f"{1e3 * best:.0f} ms of CPU from the pickle to the first result")
    assert best < 0.5  # 50 ms on an idle machine with byte code in place


@pytest.mark.parametrize("mode", ["FAST_RUN", "FAST_COMPILE"])
def test_a_profile_tells_memory(mode, tmp_path):
    x = T.dmatrix("x")
    f = function([x], (T.exp(T.dot(x, x)) * 2).sum(), mode=mode, profile=True)
    assert f.profile.memory() is None
    assert "memory" not in f.profile.summary()
    f(np.ones((100, 100)))
    used = f.profile.memory()
    assert 80_000 <= used.peak <= used.kept
    assert used.outputs == 8
    assert "memory of a call: " in f.profile.summary()
    assert f.profile.to_dict()["memory"]["peak"] == used.peak
    f.profile.chrome_trace(tmp_path / "t.json")
    counters = [e for e in json.loads((tmp_path / "t.json").read_text())["traceEvents"] if e["ph"] == "C"]
    assert 0.99 * used.peak <= max(e["args"]["bytes"] for e in counters) <= used.peak


def test_one_object_collects_the_profiles_of_several_functions(tmp_path):
    x, stats = T.dvector("x"), ProfileStats()
    f = function([x], T.exp(x), profile=stats, mode=PY)
    g = function([x], T.exp(x).sum(), mode=PY).copy(profile=stats)
    f([1.0])
    f([1.0])
    g([1.0])
    assert [p.calls for p in stats.profiles] == [2, 1]
    assert stats.calls == 3
    assert stats.seconds == sum(p.seconds for p in stats.profiles)
    assert {row.name: (row.nodes, row.calls) for row in stats.ops()} == {"Elemwise": (2, 3), "Reduce": (1, 1)}
    assert "2 functions: 3 calls" in str(stats)
    data = json.loads(stats.to_json(tmp_path / "s.json"))
    assert len(data["functions"]) == 2
    assert json.loads((tmp_path / "s.json").read_text()) == data
    for bad in ("yes", [], 1.5):
        with pytest.raises(TypeError, match="profile is True, False, or a ProfileStats"):
            function([x], x + 1, profile=bad)


@pytest.mark.default_mode
def test_explain_counts():
    x, w = T.dmatrix("x"), shared(np.ones((3, 3)), name="w")
    f = function([x], T.tanh(T.dot(x, w) + 1).sum(), updates=[(w, w * 0.5)])
    text = f.explain().splitlines()
    assert text[-1].startswith(f"{len(f.plan.order)} nodes: ")
    assert "1 of 1 updates in place" in text[-1]
    assert any("operations fused" in line for line in text[:-1])
    g = function([x], x.sort(), mode=Mode("py", RuleSet(), "py"))
    assert "Python" in g.explain()
    assert "0 operations fused into 0; 0 in place; 0 of 0 updates" in g.explain()
