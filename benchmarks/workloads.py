"""The workloads: what is computed, on which data, and how closely the contenders have to agree.

A workload is a *kind* of computation (one method of every contender carries its name) on given data. Data are made from
a fixed seed, so every contender in every process sees the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np

Data = dict[str, Any]

CALL_OVERHEAD = "call overhead"
ELEMENTWISE = "fused elementwise chain"
GRADIENT = "softmax + cross-entropy gradient"
ROWS = "reductions of rows and columns"
PRODUCT = "products of matrices"
TRAINING = "training step"
CHAIN = "layer chain"
LOOP = "loop"

# The largest error allowed, relative to the largest magnitude of the reference. Updates are compared as differences
# from the initial state, where float32 loses about three of its seven digits to cancellation.
TOLERANCE = {"float32": 1e-5, "float64": 1e-11}
STEP_TOLERANCE = {"float32": 2e-3, "float64": 1e-9}


@dataclass(frozen=True)
class Workload:
    """One row of the tables.

    ``state`` names the entries of the data that a call updates in place; a contender returns them, in this order,
    after its other results. ``quick`` rows make up ``run --quick``.
    """

    name: str
    kind: str
    group: str
    dtype: str
    make_data: Callable[[], Data]
    tolerance: float
    state: tuple[str, ...] = ()
    quick: bool = False


def _normal(rng: np.random.Generator, dtype: str, *shape: int, scale: float = 1.0) -> np.ndarray:
    return (scale * rng.standard_normal(shape)).astype(dtype)


def _labels(rng: np.random.Generator, count: int, classes: int) -> np.ndarray:
    return rng.integers(0, classes, count).astype("int64")


def one_element(dtype: str) -> Data:
    """``x + 1``: x (1,)."""
    return {"x": np.array([1.5], dtype)}


def ten_elements(dtype: str) -> Data:
    """``exp(-(2 * x)) / (x + 3)``, five Ops: x (10,)."""
    return {"x": np.linspace(0.1, 1.0, 10, dtype=dtype)}


def two_operands(dtype: str, a: tuple[int, ...], b: tuple[int, ...]) -> Data:
    """``a @ b`` of these shapes."""
    rng = np.random.default_rng(11)
    return {"a": _normal(rng, dtype, *a), "b": _normal(rng, dtype, *b)}


#: name -> kind, shapes of the operands
PRODUCTS: dict[str, tuple[str, tuple[int, ...], tuple[int, ...]]] = {
    **{f"gemm_{n}": ("matrix_product", (n, n), (n, n)) for n in (4, 8, 12, 16, 128, 1024)},
    "gemv_4096": ("matrix_product", (4096, 4096), (4096,)),
    "batched_100x8": ("batched_product", (100, 8, 8), (100, 8, 8)),
    "batched_64x32": ("batched_product", (64, 32, 32), (64, 32, 32)),
}


def ten_shared_variables(dtype: str) -> Data:
    """``s_i <- 0.9 * s_i + x`` for ten vectors: x (), s0 .. s9 (10,)."""
    state = {f"s{i}": np.full(10, i + 1.0, dtype) for i in range(10)}
    return {"x": np.array(0.5, dtype), **state}


def three_vectors(size: int, dtype: str) -> Data:
    """``1 / (1 + exp(-(a * x + b))) * tanh(y) + log1p(z * z)``: x, y, z (size,); a, b floats."""
    rng = np.random.default_rng(1)
    return {name: _normal(rng, dtype, size) for name in "xyz"} | {"a": 0.7, "b": 0.1}


def activations(dtype: str) -> Data:
    """Mean cross-entropy of softmax(x) and its gradient: x (4096, 1000), y (4096,) int64."""
    rng = np.random.default_rng(2)
    return {"x": _normal(rng, dtype, 4096, 1000), "y": _labels(rng, 4096, 1000)}


def table(dtype: str) -> Data:
    """Log-sum-exp of rows, or mean and variance of columns: x (4096, 1000)."""
    return {"x": _normal(np.random.default_rng(6), dtype, 4096, 1000)}


def embedding(dtype: str) -> Data:
    """One step on the mean square of ``W[x] - y``: W (50000, 128), x (4096,) int64 with repetitions, y (4096, 128)."""
    rng = np.random.default_rng(7)
    return {
        "x": _labels(rng, 4096, 50_000),
        "y": _normal(rng, dtype, 4096, 128),
        "W": _normal(rng, dtype, 50_000, 128),
        "learning_rate": 100.0,
    }


def logistic_regression(batch: int, dtype: str) -> Data:
    """One step of gradient descent: x (batch, 784), y (batch,), W (784, 10), b (10,)."""
    rng = np.random.default_rng(3)
    return {
        "x": rng.random((batch, 784)).astype(dtype),
        "y": _labels(rng, batch, 10),
        "W": _normal(rng, dtype, 784, 10, scale=0.01),
        "b": _normal(rng, dtype, 10, scale=0.01),
        "learning_rate": 0.13,
    }


def perceptron(batch: int, dtype: str) -> Data:
    """One step of gradient descent with an L2 term on W1 and W2; 784-500-10, tanh."""
    rng = np.random.default_rng(4)
    return {
        "x": rng.random((batch, 784)).astype(dtype),
        "y": _labels(rng, batch, 10),
        "W1": rng.uniform(-0.07, 0.07, (784, 500)).astype(dtype),
        "b1": _normal(rng, dtype, 500, scale=0.01),
        "W2": rng.uniform(-0.1, 0.1, (500, 10)).astype(dtype),
        "b2": _normal(rng, dtype, 10, scale=0.01),
        "learning_rate": 0.01,
        "l2": 1e-4,
    }


def layers(nodes: int, dtype: str) -> Data:
    """``h <- tanh(h @ W)`` ``nodes / 2`` times, mean of squares and its gradients: h, W (64, 64).

    W is orthogonal, so neither the values nor the gradients of a thousand layers vanish or explode.
    """
    rng = np.random.default_rng(5)
    orthogonal = np.linalg.qr(rng.standard_normal((64, 64)))[0].astype(dtype)
    return {"h": _normal(rng, dtype, 64, 64), "W": orthogonal, "layers": nodes // 2}


def growth(steps: int, dtype: str) -> Data:
    """``x <- r * x * (1 - x)``, the logistic map, its last value: x, r (). It ends in a cycle, not in chaos."""
    return {"x": np.array(0.3, dtype), "r": np.array(3.5, dtype), "steps": steps}


def powers(steps: int, dtype: str) -> Data:
    """``p <- p * a`` from ones, its last value: a (10,)."""
    return {"a": np.linspace(0.99, 1.01, 10).astype(dtype), "steps": steps}


def recurrent(steps: int, batch: int, inputs: int, hidden: int, gates: int, dtype: str) -> Data:
    """A recurrent layer, mean of squares of all states and its gradients.

    x (steps, batch, inputs), W (inputs, gates * hidden), U (hidden, gates * hidden), b (gates * hidden,). One gate:
    ``h <- tanh(x @ W + h @ U + b)``. Four (input, forget, cell, output): a long short-term memory.
    """
    rng = np.random.default_rng(6)
    scale = 1 / np.sqrt(hidden)
    return {
        "x": _normal(rng, dtype, steps, batch, inputs),
        "W": rng.uniform(-scale, scale, (inputs, gates * hidden)).astype(dtype),
        "U": rng.uniform(-scale, scale, (hidden, gates * hidden)).astype(dtype),
        "b": rng.uniform(-scale, scale, gates * hidden).astype(dtype),
        "hidden": hidden,
    }


def _short(dtype: str) -> str:
    return {"float32": "f32", "float64": "f64"}[dtype]


def _products() -> list[Workload]:
    return [
        Workload(
            f"{name}_{_short(dtype)}", kind, PRODUCT, dtype, partial(two_operands, dtype, *shapes), TOLERANCE[dtype]
        )
        for (name, (kind, *shapes)), dtype in product(PRODUCTS.items(), ("float32", "float64"))
    ]


def _registry() -> tuple[Workload, ...]:
    def add(name: str, kind: str, group: str, dtype: str, make: Callable[[], Data], **options: Any) -> None:
        table = STEP_TOLERANCE if "state" in options or group in (CHAIN, LOOP) else TOLERANCE
        rows.append(Workload(name, kind, group, dtype, make, table[dtype], **options))

    rows: list[Workload] = []
    f64 = "float64"
    states = tuple(f"s{i}" for i in range(10))
    add("add_one", "add_one", CALL_OVERHEAD, f64, partial(one_element, f64), quick=True)
    add("five_ops", "five_ops", CALL_OVERHEAD, f64, partial(ten_elements, f64), quick=True)
    add("ten_updates", "ten_updates", CALL_OVERHEAD, f64, partial(ten_shared_variables, f64), state=states, quick=True)
    for dtype in ("float32", "float64"):
        for label, size in (("1e3", 10**3), ("1e5", 10**5), ("1e7", 10**7)):
            name = f"fused_{label}_{_short(dtype)}"
            quick = dtype == "float32"
            add(name, "fused_chain", ELEMENTWISE, dtype, partial(three_vectors, size, dtype), quick=quick)
    for dtype in ("float32", "float64"):
        name = f"xent_grad_{_short(dtype)}"
        make = partial(activations, dtype)
        add(name, "cross_entropy_gradient", GRADIENT, dtype, make, quick=dtype == "float32")
    for kind, dtype in product(("logsumexp_rows", "column_moments"), ("float32", "float64")):
        add(f"{kind}_{_short(dtype)}", kind, ROWS, dtype, partial(table, dtype), quick=dtype == "float32")
    for dtype in ("float32", "float64"):
        name, quick = f"embedding_{_short(dtype)}", dtype == "float32"
        add(name, "embedding_step", TRAINING, dtype, partial(embedding, dtype), state=("W",), quick=quick)
        make, name = partial(logistic_regression, 600, dtype), f"logistic_600_{_short(dtype)}"
        add(name, "logistic_step", TRAINING, dtype, make, state=("W", "b"), quick=quick)
    for batch in (20, 256):
        make = partial(perceptron, batch, "float32")
        parameters = ("W1", "b1", "W2", "b2")
        add(f"mlp_{batch}_f32", "mlp_step", TRAINING, "float32", make, state=parameters, quick=batch == 20)
    for nodes in (50, 500, 2000):
        add(f"chain_{nodes}_f32", "layer_chain", CHAIN, "float32", partial(layers, nodes, "float32"))
    add("logistic_map_1e4", "logistic_map", LOOP, f64, partial(growth, 10_000, f64), quick=True)
    add("power_1e3", "power", LOOP, f64, partial(powers, 1_000, f64), quick=True)
    vanilla, memory = partial(recurrent, 200, 1, 64, 64, 1), partial(recurrent, 100, 16, 128, 128, 4)
    for direction in ("forward", "gradient"):
        add(f"rnn_{direction}_f32", f"rnn_{direction}", LOOP, "float32", partial(vanilla, "float32"))
        add(f"lstm_{direction}_f32", f"lstm_{direction}", LOOP, "float32", partial(memory, "float32"))
    return tuple(rows)


WORKLOADS: dict[str, Workload] = {workload.name: workload for workload in (*_registry(), *_products())}
