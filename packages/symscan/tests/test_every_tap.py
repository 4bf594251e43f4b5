"""Derivatives of loops against differences, for every combination of kinds of taps.

A sequence is read at the present row, the past, the future or both, or there is none; a state one step back, further
back, or both, or there is none; and there is an output that no step reads, or not. For each: gradients with respect to
sequences, initial values and non-sequences, tangents, gradients of gradients and tangents of gradients, along random
directions, with central differences.
"""

import itertools

import numpy as np
import pytest

from symcore import Rop, grad
from symcore import tensor as T
from symcore.config import config
from symcore.gradient import consider_constant
from symopt import function
from symscan import scan, scan_checkpoints

SEQUENCES = {"no sequence": None, "present": [0], "past": [-2], "future": [1], "past and future": [-1, 0, 2]}
STATES = {"no state": None, "one back": [-1], "two back": [-2], "three and one back": [-3, -1]}
KINDS = [(a, b, c) for a, b, c in itertools.product(SEQUENCES, STATES, ("", "plain"))
         if (SEQUENCES[a] or STATES[b]) and (STATES[b] or c)]  # fmt: skip
STEPS = 4
rng = np.random.default_rng(41)
x, first, w = T.dmatrix("x"), T.dmatrix("first"), T.dvector("w")


def cost_of(sequence, state, plain, backwards=False, loop=scan, **options):
    """Return a cost of a loop, and values of the inputs ``x``, ``first``, ``w``."""
    taps, back = SEQUENCES[sequence], STATES[state]

    def step(*given):
        slices, earlier = given[: len(taps or ())], given[len(taps or ()) :]
        mixed = sum((T.sin(v * (k + 1)) for k, v in enumerate(slices)), T.zeros_like(w))
        mixed = mixed + sum((0.5 * v / (k + 1) for k, v in enumerate(earlier)), w)
        new = T.tanh(mixed * w)
        return ([new] if back else []) + ([mixed * mixed + new] if plain else [])

    infos = [{"initial": first, "taps": back} if len(back) > 1 or back[0] < -1 else first[0]] if back else []
    if loop is scan:
        options |= {"go_backwards": backwards, "return_list": True}
    infos += [None] if plain else []
    rows, _ = loop(step, {"input": x, "taps": taps} if taps else None, infos, n_steps=STEPS, **options)
    rows = rows if isinstance(rows, list) else [rows]
    cost = sum((T.sqr(r[-1]) + T.cos(r).sum(axis=0)).sum() for r in rows)
    lost = max(0, *(taps or [0])) - min(0, *(taps or [0]))
    return cost, [rng.normal(size=(STEPS + lost, 2)), rng.normal(size=(-min(back or [-1]), 2)), rng.normal(size=2)]


def check(cost, values, **options):
    inputs = [x, first, w]
    along = [T.as_tensor_variable(rng.normal(size=v.shape)) for v in values]
    slopes = grad(cost, inputs, disconnected_inputs="ignore")
    tangent = Rop(cost, inputs, along, disconnected_outputs="zero")
    turned = sum((s * d).sum() for s, d in zip(slopes, along, strict=True))
    curved = grad(turned, inputs, disconnected_inputs="ignore")
    moving = Rop(turned, inputs, along, disconnected_outputs="zero")
    f = function(inputs, [cost, turned, tangent, moving, *curved], on_unused_input="ignore", **options)
    moves, eps = [d.data for d in along], 1e-5
    ahead, behind = (f(*[v + sign * eps * m for v, m in zip(values, moves, strict=True)])[:2] for sign in (1, -1))
    slope, curvature = ((a - b) / (2 * eps) for a, b in zip(ahead, behind, strict=True))
    _, turned_, tangent_, moving_, *curved_ = f(*values)
    scale = max(1.0, abs(slope), abs(curvature))
    np.testing.assert_allclose([turned_, tangent_], slope, rtol=0, atol=1e-7 * scale)
    forth = sum((c * m).sum() for c, m in zip(curved_, moves, strict=True))
    np.testing.assert_allclose([forth, moving_], curvature, rtol=0, atol=1e-7 * scale)
    return f


@pytest.mark.parametrize("kind", KINDS, ids=", ".join)
def test_derivatives(kind):
    cost, values = cost_of(*kind, backwards=KINDS.index(kind) % 2 == 1)
    check(cost, values, mode="FAST_RUN" if KINDS.index(kind) % 3 else "FAST_COMPILE")


@pytest.mark.parametrize("kind", [k for k in KINDS if STATES[k[1]]][::3], ids=", ".join)
def test_derivatives_of_loops_in_blocks(kind):
    cost, values = cost_of(*kind, loop=scan_checkpoints, save_every_N=3)
    check(cost, values, mode="FAST_COMPILE")


@pytest.mark.c
@pytest.mark.default_mode
@pytest.mark.parametrize("kind", [k for k in KINDS if STATES[k[1]]][1::3], ids=", ".join)
def test_derivatives_of_loops_that_make_their_steps_twice(kind):
    cost, values = cost_of(*kind)
    with config.override(loop_memory=1):
        f = check(cost, values, mode="FAST_RUN")
    assert f._second._made is not None


@pytest.mark.parametrize("kind", [k for k in KINDS if STATES[k[1]] == [-1]], ids=", ".join)
def test_truncated_gradients_are_those_of_the_last_steps(kind):
    """Cut after two steps, the gradient of the last row is that of two steps from a state that is held constant."""
    sequence, state, plain = kind
    taps = SEQUENCES[sequence] or []

    def step(*given):
        new = T.tanh(sum((T.sin(v) for v in given[: len(taps)]), 0.5 * given[-1]) * w)
        return [new, given[-1] * w] if plain else [new]

    def last(sequences, start, n, **options):
        given = {"input": sequences, "taps": taps} if taps else None
        rows, _ = scan(step, given, [start, *([None] if plain else [])], n_steps=n, return_list=True, **options)
        return [r[-1] for r in rows], rows[0]

    cut, _ = last(x, first[0], STEPS, truncate_gradient=2)
    _, all_states = last(x, first[0], STEPS - 2)
    two, _ = last(x[STEPS - 2 :], consider_constant(all_states[-1]), 2)
    found = [grad(sum((T.sqr(r)).sum() for r in rows), [w, x] if taps else [w]) for rows in (cut, two)]
    lost = max(0, *taps, 0) - min(0, *taps, 0)
    values = [rng.normal(size=(STEPS + lost, 2)), rng.normal(size=(1, 2)), rng.normal(size=2)]
    got = function([x, first, w], found[0] + found[1], on_unused_input="ignore")(*values)
    for a, b in zip(got[: len(got) // 2], got[len(got) // 2 :], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


def test_every_combination_is_there():
    assert len(KINDS) == 5 * 4 * 2 - 2 - 4  # but for nothing at all to loop over, and nothing to hand out
