"""Loops of arithmetic on rows of which only the last is read: panels of the rows go through all steps in registers."""

import numpy as np
import pytest

from symcore import tensor as T
from symopt import Mode, function
from symscan import scan

pytestmark = [pytest.mark.c, pytest.mark.default_mode]
rng = np.random.default_rng(53)
IN_PYTHON = Mode("in_python", linker="py")
n = T.lscalar("n")


def steps_of(dtype):
    """Loops of every kind that this is for: powers, several states, numbers per step, states that trade places."""
    t, number = T.TensorType(dtype, (None,)), T.TensorType(dtype, ())
    a, b, c, q = t("a"), t("b"), t("c"), number("q")
    last = {"n_steps": n}
    powers, _ = scan(lambda p: p * a, outputs_info=T.ones_like(a), **last)
    (x, v), _ = scan(lambda x, v: [x + v * q, v - x * q], outputs_info=[a, b], **last)
    horner, _ = scan(lambda k, s: s * a + k, c[:n], T.zeros_like(a))
    (one, two, kept), _ = scan(lambda s, t: [t, s, s - t], outputs_info=[a, b, None], **last)
    quotient, _ = scan(lambda s: (s - b) / a + q, outputs_info=a, **last)
    return [a, b, c, q, n], [powers[-1], x[-1], v[-1], horner[-1], one[-1], two[-1], kept[-1], quotient[-1]]


def functions_of(dtype):
    """Return the inputs, and per loop a function in C and one in Python."""
    inputs, outputs = steps_of(dtype)
    options = {"on_unused_input": "ignore"}
    return [(function(inputs, y, **options), function(inputs, y, mode=IN_PYTHON, **options)) for y in outputs]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_for_all_lengths(dtype, monkeypatch):
    from symcodegen.kernels import steps as kernels

    texts, write = [], kernels.panels_text
    monkeypatch.setattr(kernels, "panels_text", lambda *given: texts.append(write(*given)) or texts[-1])
    pairs, eps = functions_of(dtype), np.finfo(dtype).eps
    assert len(texts) == len(pairs) and all(texts)
    for length in (0, 1, 7, 8, 9, 64, 100, 128, 129, 300):
        for steps in (1, 2, 3, 8):
            a, b = rng.uniform(0.9, 1.1, size=(2, length)).astype(dtype)
            given = a, b, rng.normal(size=9).astype(dtype), np.asarray(0.01, dtype), steps
            for f, g in pairs:
                # A quotient of differences magnifies the roundings of a step by some dozens at most.
                np.testing.assert_allclose(f(*given), g(*given), rtol=64 * eps * steps, atol=64 * eps)


def test_values_that_are_no_numbers_and_signs_of_zero():
    odd = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 1e308, 5e-324])
    pairs = functions_of("float64")
    with np.errstate(all="ignore"):
        for q in (0.0, -0.0, np.inf):
            given = odd, odd[::-1].copy(), odd, np.float64(q), 3
            for f, g in pairs:
                one, other = f(*given), g(*given)
                np.testing.assert_array_equal(one, other)
                np.testing.assert_array_equal(np.signbit(one)[one == 0], np.signbit(other)[other == 0])


def test_a_loop_that_is_run_in_pieces():
    """Signals are looked at after so much work: the states go on where they were."""
    a = T.dvector("a")
    f = function([a, n], scan(lambda s: s * 0.5 + a, outputs_info=T.zeros_like(a), n_steps=n)[0][-1])
    g = function([a, n], scan(lambda s, t: [t, s + a], outputs_info=[a, a * 2], n_steps=n)[0][0][-1])
    x = rng.normal(size=200)
    np.testing.assert_allclose(f(x, 400_001), 2 * x, rtol=1e-12)
    steps = 400_001
    np.testing.assert_allclose(g(x, steps), x * (2 + (steps - 1) // 2), rtol=1e-9)
