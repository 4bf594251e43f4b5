"""``symstack demo``: the data, the network against NumPy, the whole run, its JSON and its pictures."""

import json

import numpy as np
import pytest

import symstack as ss
from symstack import cli
from symstack.commands.compile_time import cold_and_warm, compile_step
from symstack.commands.digits import BATCH, CLASSES, HIDDEN, MOMENTUM, build_perceptron, learning_rate, shifted
from symstack.commands.nodes import node_rows
from symstack.commands.pictures import draw_graph, draw_learning_curve

KEYS = {"accuracy", "compile_s", "us_per_step", "nodes", "nodes_in_c"}


def reference_step(P, V, images, labels, rate):
    """One step of the network in float64 NumPy: new weights, new velocities, the cost before."""
    W1, b1, W2, b2 = P
    hidden = np.tanh(images @ W1 + b1)
    scores = hidden @ W2 + b2
    log_p = scores - scores.max(1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(1, keepdims=True))
    rows = np.arange(len(labels))
    slope = np.exp(log_p)
    slope[rows, labels] -= 1
    slope /= len(labels)
    back = (slope @ W2.T) * (1 - hidden**2)
    slopes = [images.T @ back, back.sum(0), hidden.T @ slope, slope.sum(0)]
    V = [MOMENTUM * v - rate * g for v, g in zip(V, slopes, strict=True)]
    return [p + v for p, v in zip(P, V, strict=True)], V, -log_p[rows, labels].mean()


def some_digits(n=64, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((n, 64)).astype(np.float32), rng.integers(0, CLASSES, n)


def test_the_step_is_that_of_numpy():
    images, labels = some_digits()
    mean = images.mean(axis=0)
    network = build_perceptron(mean)
    weights = [parameter for velocity, parameter in zip(network.updates[::2], network.updates[1::2], strict=True)]
    P = [p.get_value().astype("f8") for p, _ in weights]
    V = [np.zeros_like(p) for p in P]
    step = network.compile_step()
    for _ in range(3):
        P, V, cost = reference_step(P, V, images.astype("f8") - mean, labels, 0.1)
        np.testing.assert_allclose(step(images, labels, np.float32(0.1)), cost, rtol=1e-5)
    for (parameter, _), expected in zip(weights, P, strict=True):
        assert parameter.get_value().dtype == np.float32
        np.testing.assert_allclose(parameter.get_value(), expected, rtol=1e-4, atol=1e-6)


def test_the_prediction_is_a_digit_per_image():
    images, _ = some_digits(7)
    predicted = build_perceptron(images.mean(axis=0)).compile_prediction()(images)
    assert predicted.shape == (7,) and predicted.dtype == np.int64
    assert ((predicted >= 0) & (predicted < CLASSES)).all()


def test_compiling_changes_no_weight():
    network = build_perceptron(np.zeros(64, np.float32))
    before = [shared.get_value() for shared, _ in network.updates]
    step, seconds = compile_step(network)
    assert seconds > 0 and callable(step)
    for (shared, _), value in zip(network.updates, before, strict=True):
        np.testing.assert_array_equal(shared.get_value(), value)


def test_all_nodes_of_the_step_are_counted():
    step, _ = compile_step(build_perceptron(np.zeros(64, np.float32)))
    rows = node_rows(step)
    assert sum(row.number for row in rows) == len(step.fgraph.toposort())
    assert {row.where for row in rows} <= {"C", "Python"}
    assert all(row.reason for row in rows if row.where == "Python")


@pytest.mark.default_mode
@pytest.mark.c
def test_all_nodes_of_the_step_run_in_c():
    step, _ = compile_step(build_perceptron(np.zeros(64, np.float32)))
    assert [row for row in node_rows(step) if row.where != "C"] == []


def test_without_c_every_node_runs_in_python():
    with ss.config.override(linker="py"):
        step, _ = compile_step(build_perceptron(np.zeros(64, np.float32)))
    assert {row.where for row in node_rows(step)} == {"Python"}


# --- data -------------------------------------------------------------------------------------------------------------


def test_moved_images_keep_their_ink_and_their_centre_on_average():
    images = np.zeros((500, 8, 8), np.float32)
    images[:, 3:5, 3:5] = 1
    moved = shifted(images.reshape(500, 64), np.random.default_rng(0)).reshape(500, 8, 8)
    assert moved.dtype == np.float32
    np.testing.assert_allclose(moved.sum((1, 2)), 4, rtol=1e-5)
    rows = (moved.sum(2) * np.arange(8)).sum(1) / 4
    assert abs(rows.mean() - 3.5) < 0.1 and 0.3 < np.abs(rows - 3.5).max() <= 0.6 + 1e-5


def test_moving_by_nothing_changes_nothing():
    images, _ = some_digits(5)
    np.testing.assert_array_equal(shifted(images, np.random.default_rng(0), largest=0.0), images)


def test_the_rate_falls_from_its_largest_value():
    rates = [learning_rate(epoch, 10) for epoch in range(10)]
    assert rates == sorted(rates, reverse=True) and rates[0] == np.float32(0.2) and rates[-1] > 0


def test_the_data_are_split_without_overlap():
    pytest.importorskip("sklearn")
    from symstack.commands.digits import load_digits

    digits = load_digits()
    assert digits.train_images.shape == (1437, 64) and digits.test_images.shape == (360, 64)
    assert digits.train_images.dtype == np.float32 and digits.train_labels.dtype == np.int64
    assert digits.train_images.min() >= 0 and digits.train_images.max() == 1
    seen = {image.tobytes() for image in digits.train_images}
    assert not any(image.tobytes() in seen for image in digits.test_images)
    np.testing.assert_array_equal(load_digits().test_labels, digits.test_labels)


# --- the whole --------------------------------------------------------------------------------------------------------


@pytest.mark.default_mode
@pytest.mark.slow
def test_the_demonstration(tmp_path, capsys):
    pytest.importorskip("sklearn")
    out, file = tmp_path / "pictures", tmp_path / "results" / "demo.json"
    assert cli.main(["demo", "--json", str(file), "--out", str(out)]) == 0
    result = json.loads(file.read_text())
    assert result.keys() >= KEYS
    assert result["accuracy"] >= 0.97
    assert 0 < result["nodes_in_c"] <= result["nodes"]
    assert result["us_per_step"] > 0 and result["compile_s"] > 0
    assert len(result["costs"]) == 40 and result["costs"][-1] < result["costs"][0] / 10
    text = capsys.readouterr().out
    for words in ("test accuracy", "compile time", "cold", "warm", "time per step", "nodes in C"):
        assert words in text
    assert any(out.glob("graph.*"))


def test_one_epoch(tmp_path, capsys):
    pytest.importorskip("sklearn")
    assert cli.main(["demo", "--epochs", "1", "--out", str(tmp_path)]) == 0
    assert "1/1" in capsys.readouterr().out


def test_without_its_data_the_demonstration_says_what_to_install(monkeypatch, capsys, tmp_path):
    import sys

    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert cli.main(["demo", "--out", str(tmp_path)]) == 2
    assert "symstack[demo]" in capsys.readouterr().out


def test_cold_and_warm_are_measured_in_processes_of_their_own():
    times = cold_and_warm()
    assert times.warm > 0 and times.cold > 0


@pytest.mark.default_mode
@pytest.mark.c
@pytest.mark.slow
def test_a_warm_compilation_runs_no_compiler():
    times = cold_and_warm()
    assert times.warm < times.cold


# --- pictures ---------------------------------------------------------------------------------------------------------


def test_the_learning_curve_is_a_picture(tmp_path):
    pytest.importorskip("matplotlib")
    assert "learning_curve.png" in draw_learning_curve([2.0, 1.0], [0.5, 0.9], tmp_path)
    assert (tmp_path / "learning_curve.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_the_learning_curve_is_left_out(monkeypatch, tmp_path):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert "symstack[demo]" in draw_learning_curve([2.0], [0.5], tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_graph_is_drawn_or_written(tmp_path):
    step, _ = compile_step(build_perceptron(np.zeros(64, np.float32)))
    line = draw_graph(step, tmp_path)
    [path] = tmp_path.iterdir()
    assert str(path) in line
    if path.suffix == ".png":
        assert path.read_bytes().startswith(b"\x89PNG")
    else:
        assert path.read_text().startswith("digraph")


def test_where_nothing_can_render_the_graph_is_text(monkeypatch, tmp_path):
    from symstack import printing

    def refuse(*arguments, **options):
        raise RuntimeError("no renderer")

    monkeypatch.setattr(printing, "pydotprint", refuse, raising=False)
    step, _ = compile_step(build_perceptron(np.zeros(64, np.float32)))
    assert "no renderer" in draw_graph(step, tmp_path)
    assert (tmp_path / "graph.dot").read_text().startswith("digraph")
    assert BATCH == 32 and HIDDEN == 128
