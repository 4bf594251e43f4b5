"""``symstack demo``: train a classifier on real images of digits, and show what the compiler made of its step."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from symstack.commands.compile_time import CompileTimes, cold_and_warm, compile_step, load_compiler
from symstack.commands.console import Console
from symstack.commands.digits import BATCH, Digits, build_perceptron, learning_rate, load_digits, shifted
from symstack.commands.nodes import NodeRow, node_rows
from symstack.commands.pictures import draw_graph, draw_learning_curve

__all__ = ["Training", "run", "train"]


@dataclass
class Training:
    """What a training gave: cost and test accuracy (in [0, 1]) after each epoch, and microseconds per step of each."""

    costs: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    us_per_step: list[float] = field(default_factory=list)
    steps: int = 0


def run(options: argparse.Namespace) -> int:
    """Train, report, draw; returns the exit status."""
    console = Console()
    if options.model == "lenet":
        console.line(
            "symstack demo: lenet needs convolution and pooling (T.nnet.conv2d, T.nnet.pool_2d), which symnnet does "
            "not build yet; use --model mlp."
        )
        return 2
    try:
        digits = load_digits()
    except ModuleNotFoundError as error:
        console.line(f"symstack demo: {error.name} is not installed: pip install 'symstack[demo]'.")
        return 2
    mean = digits.train_images.mean(axis=0)
    network = build_perceptron(mean)
    load_compiler()
    step, compile_s = compile_step(network)
    predict = network.compile_prediction()
    training = train(step, predict, digits, options.epochs, console)
    rows = node_rows(step)
    times = cold_and_warm()
    _report(console, training, compile_s, times, rows)
    for line in _draw(options.out, training, step):
        console.line(line)
    if options.json is not None:
        _write_json(options.json, training, compile_s, times, rows)
    return 0


def train(step: Any, predict: Any, digits: Digits, epochs: int, console: Console, seed: int = 2) -> Training:
    """Go ``epochs`` times over the images, in batches of 32, each time in another order and a little moved."""
    rng = np.random.default_rng(seed)
    training = Training()
    batches = len(digits.train_images) // BATCH
    with console.progress("training", epochs) as advance:
        for epoch in range(epochs):
            images = shifted(digits.train_images, rng)
            order = rng.permutation(len(images))[: batches * BATCH].reshape(batches, BATCH)
            work = [(images[batch], digits.train_labels[batch]) for batch in order]
            rate = learning_rate(epoch, epochs)
            start = time.perf_counter()
            costs = [step(x, y, rate) for x, y in work]
            seconds = time.perf_counter() - start
            right = predict(digits.test_images) == digits.test_labels
            training.us_per_step.append(seconds / batches * 1e6)
            training.costs.append(float(np.mean(costs)))
            training.accuracies.append(float(right.mean()))
            training.steps += batches
            advance(f"cost {training.costs[-1]:.3f}  test accuracy {training.accuracies[-1]:.1%}")
    return training


def _report(console: Console, training: Training, compile_s: float, times: CompileTimes, rows: list[NodeRow]) -> None:
    nodes, in_c = sum(row.number for row in rows), sum(row.number for row in rows if row.where == "C")
    console.line(f"test accuracy       {training.accuracies[-1]:.2%} of images never learnt from")
    console.line(
        f"compile time        {compile_s * 1e3:.0f} ms here; in a fresh process {times.cold * 1e3:.0f} ms cold, "
        f"{times.warm * 1e3:.0f} ms warm, after {times.load * 1e3:.0f} ms that load the compiler once"
    )
    console.line(
        f"time per step       {np.median(training.us_per_step):.0f} us (median of {len(training.us_per_step)} epochs, "
        f"{training.steps} steps of {BATCH} images)"
    )
    console.line(f"nodes in C          {in_c} of {nodes}")
    console.table(
        ("node", "count", "runs in", "why"), [(row.op, str(row.number), row.where, row.reason) for row in rows]
    )


def _draw(folder: Path, training: Training, step: Any) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    return [draw_learning_curve(training.costs, training.accuracies, folder), draw_graph(step, folder)]


def _write_json(path: Path, training: Training, compile_s: float, times: CompileTimes, rows: list[NodeRow]) -> None:
    result = {
        "accuracy": training.accuracies[-1],
        "compile_s": compile_s,
        "compile_cold_s": times.cold,
        "compile_warm_s": times.warm,
        "compiler_load_s": times.load,
        "us_per_step": float(np.median(training.us_per_step)),
        "nodes": sum(row.number for row in rows),
        "nodes_in_c": sum(row.number for row in rows if row.where == "C"),
        "epochs": len(training.costs),
        "costs": training.costs,
        "accuracies": training.accuracies,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
