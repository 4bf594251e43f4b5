"""The sweep of products: it times what agrees, and nothing else."""

from __future__ import annotations

import time

import numpy as np
import pytest

from benchmarks.products import LAYOUTS, ORDERS, least, sweep


def test_a_slow_product_shows() -> None:
    def slow(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        end = time.perf_counter() + 1e-3
        while time.perf_counter() < end:
            pass
        return a @ b

    shapes = ((3, 4, 5), (1, 0, 2))
    found = list(sweep(slow, "float64", 0.005, shapes))
    assert len(found) == len(shapes) * len(ORDERS)
    assert all(ratio < 0.5 and ours >= 1e-3 for ratio, _, ours, _ in found)


def test_a_wrong_product_is_an_error() -> None:
    with pytest.raises(AssertionError):
        list(sweep(lambda a, b: a @ b + 1, "float32", 0.001, ((3, 4, 5),)))


def test_layouts_hold_the_same_numbers() -> None:
    value = np.arange(12.0).reshape(3, 4)
    for name, layout in LAYOUTS.items():
        np.testing.assert_array_equal(layout(value), value)
        assert layout(value).flags.c_contiguous == (name == "C")


def test_the_least_of_several_calls() -> None:
    short, long = least((lambda: time.sleep(1e-4), lambda: time.sleep(2e-3)), 0.02)
    assert 1e-4 <= short < long and long >= 2e-3
