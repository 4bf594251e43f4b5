"""The reference itself is checked against finite differences, and the comparison against wrong results."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import agreement
from benchmarks.contenders.numpy_ import NumPy, cross_entropy
from benchmarks.workloads import WORKLOADS, Data, Workload, layers, logistic_regression, perceptron

STEP = 1e-6


def small(workload: str) -> tuple[Workload, Data]:
    """The workload with its data in float64, and with less of it where a finite difference needs many calls."""
    shrunk = {
        "logistic_600_f64": lambda: logistic_regression(8, "float64"),
        "mlp_20_f32": lambda: perceptron(4, "float64"),
        "chain_50_f32": lambda: layers(8, "float64"),
    }
    chosen = WORKLOADS[workload]
    return chosen, shrunk.get(workload, chosen.make_data)()


def cost(workload: Workload, data: Data) -> float:
    prepared = getattr(NumPy("float64"), workload.kind)(data)
    return float(prepared.fetch(prepared.call())[0])


@pytest.mark.parametrize(("name", "parameters"), [("logistic_600_f64", "W b"), ("mlp_20_f32", "W1 b1 W2 b2")])
def test_updates_of_the_reference_follow_the_gradient(name: str, parameters: str) -> None:
    workload, data = small(name)
    _, *changes = agreement.reference(workload, data, calls=1)[0]
    rng = np.random.default_rng(0)
    for parameter, change in zip(parameters.split(), changes, strict=True):
        direction = rng.standard_normal(change.shape)
        slope = directional_derivative(workload, data, parameter, direction)
        assert (change * direction).sum() == pytest.approx(-data["learning_rate"] * slope, rel=1e-5)


@pytest.mark.parametrize("argument", ["h", "W"])
def test_gradients_of_the_chain(argument: str) -> None:
    workload, data = small("chain_50_f32")
    _, gh, gW = agreement.reference(workload, data, calls=1)[0]
    direction = np.random.default_rng(0).standard_normal((64, 64))
    slope = directional_derivative(workload, data, argument, direction)
    assert ({"h": gh, "W": gW}[argument] * direction).sum() == pytest.approx(slope, rel=1e-5)


def test_gradient_of_the_cross_entropy() -> None:
    rng = np.random.default_rng(0)
    x, y, rows, direction = (
        rng.standard_normal((5, 7)),
        rng.integers(0, 7, 5),
        np.arange(5),
        rng.standard_normal((5, 7)),
    )
    above, below = (cross_entropy(x + sign * STEP * direction, y, rows)[0] for sign in (1, -1))
    assert (cross_entropy(x, y, rows)[1] * direction).sum() == pytest.approx((above - below) / (2 * STEP), rel=1e-6)


def directional_derivative(workload: Workload, data: Data, name: str, direction: np.ndarray) -> float:
    above, below = (cost(workload, data | {name: data[name] + sign * STEP * direction}) for sign in (1, -1))
    return (above - below) / (2 * STEP)


def test_a_wrong_gradient_disagrees_although_the_parameter_hardly_moves() -> None:
    workload = WORKLOADS["mlp_20_f32"]
    data = workload.make_data()
    expected = agreement.reference(workload, data, calls=1)
    right = [value + data[name] for value, name in zip(expected[0][1:], workload.state, strict=True)]
    wrong = [right[0] - 0.01 * expected[0][1], *right[1:]]  # one per cent of the step of W1
    assert np.allclose(right[0], wrong[0], atol=1e-5)
    for parameters, agrees in ((right, True), (wrong, False)):
        observed = [agreement.observe(workload, data, [expected[0][0], *parameters])]
        assert agreement.compare(expected, observed, workload.tolerance).agrees is agrees


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        ([np.ones(3)], "gave 1 results where 2"),
        ([np.ones(3), np.ones(2)], "shape"),
        ([np.ones(3), np.array(np.nan)], "not finite"),
        ([np.ones(3), np.array(2.5)], "exceeds"),
    ],
)
def test_wrong_results_are_told_apart(given: list[np.ndarray], detail: str) -> None:
    verdict = agreement.compare([[np.ones(3), np.array(2.0)]], [given], 1e-6)
    assert not verdict.agrees and detail in verdict.detail


def test_equal_results_agree() -> None:
    verdict = agreement.compare([[np.zeros(3), np.ones(0)]], [[np.zeros(3), np.ones(0)]], 1e-6)
    assert verdict.agrees and verdict.error == 0
