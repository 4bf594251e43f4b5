"""Loops over a batch, against a loop over the entries; Jacobians and Hessians without ``Blockwise``."""

import numpy as np
import pytest

from symcore import grad, hessian, jacobian
from symcore import tensor as T
from symcore.graph.traverse import ops
from symcore.vectorize import vectorize_graph
from symcore.vectorize.blockwise import Blockwise
from symopt import function
from symscan import loop, scan, until

rng = np.random.default_rng(21)
x, h, w = T.dmatrix("x"), T.dvector("h"), T.dvector("w")
VALUES = {x: rng.normal(size=(6, 3)), h: rng.normal(size=3), w: rng.normal(size=3)}
LOOPS = {
    "one tap": scan(lambda v, s: T.tanh(v * w + s), x, h)[0],
    "the last row": scan(lambda v, s: T.tanh(v * w + s), x, h)[0][-1],
    "taps": scan(lambda a, b, s3, s1: T.tanh(a * b + w * s3 - s1), {"input": x, "taps": [-1, 1]},
                 {"initial": x[:3], "taps": [-3, -1]})[0],
    "a plain output of the weights": scan(lambda v: w * 2, x)[0],
    "both": scan(lambda v, s: [s * v.sum(), T.dot(v, w) + s], x, [h, None])[0],
    "a state that becomes one of a batch by another": scan(lambda v, a, b: [a + 1, b + a * v], x, [h, w])[0],
    "in a loop": scan(lambda row: scan(lambda v, s: s * v + 1, row, w[0])[0], x)[0],
    "no steps": scan(lambda v, s: v + s, x[:0], h)[0],
    "gradient": grad((scan(lambda v, s: T.tanh(v * w + s), x, h)[0] ** 2).sum(), [x, h, w]),
    "loop": loop(lambda c, v: ({"a": c["a"] * v + c["b"], "b": c["a"].sum()}, (c["b"], v)), {"a": h, "b": 0.0}, x)[1],
}  # fmt: skip


@pytest.mark.parametrize("batch", [(x,), (h,), (w,), (x, h), (x, h, w)], ids=lambda b: "".join(v.name for v in b))
@pytest.mark.parametrize("name", LOOPS)
def test_over_a_batch(name, batch):
    outputs = [*LOOPS[name]] if isinstance(LOOPS[name], (list, tuple)) else [LOOPS[name]]
    batches = {v: T.TensorType("float64", (None,) * (v.ndim + 1))() for v in batch}
    results = vectorize_graph(outputs, batches)
    assert not [op for op in ops(results) if isinstance(op, Blockwise)]
    values = {v: rng.normal(size=(4, *VALUES[v].shape)) for v in batch}
    f = function([batches.get(v, v) for v in (x, h, w)], results, on_unused_input="ignore")
    one = function([x, h, w], outputs, on_unused_input="ignore")
    got = f(*[values.get(v, VALUES[v]) for v in (x, h, w)])
    for k, (y, new) in enumerate(zip(outputs, results, strict=True)):
        expected = [one(*[values[v][i] if v in values else VALUES[v] for v in (x, h, w)])[k] for i in range(4)]
        if new.ndim == y.ndim:
            expected = expected[0]
        scale = max(1.0, np.abs(expected).max(initial=0))
        np.testing.assert_allclose(got[k], expected, rtol=1e-12, atol=1e-13 * scale)


def test_an_empty_batch_and_a_static_length():
    xs = T.TensorType("float64", (None, 6, 3))()
    rows = vectorize_graph(LOOPS["one tap"], {x: xs})
    f = function([xs, h, w], rows)
    assert f(np.zeros((0, 6, 3)), VALUES[h], VALUES[w]).shape == (0, 6, 3)
    five = T.TensorType("float64", (5, 6, 3))()
    assert vectorize_graph(LOOPS["one tap"], {x: five}).type.shape[0] == 5


def test_entries_with_steps_of_their_own_are_left_to_blockwise():
    """They are computed one by one, and refused where their numbers of rows differ: that is no batch."""
    n, ns = T.lscalar("n"), T.lvector("ns")
    total = loop(lambda s, _: (s * 2, None), h, n_steps=n)[0]
    several = vectorize_graph(total, {n: ns})
    f = function([h, ns], several)
    np.testing.assert_array_equal(f([1.0], [3, 3]), [[8], [8]])
    with pytest.raises(ValueError, match="same shape"):
        f([1.0], [0, 3])
    rows, _ = scan(lambda s: (s * 2, until(s.sum() > 10)), outputs_info=h, n_steps=9)
    hs = T.dmatrix()
    ends = vectorize_graph(rows[-1], {h: hs})
    f = function([hs], ends)
    np.testing.assert_array_equal(f([[1.0], [1.25]]), [[32], [40]])
    with pytest.raises(ValueError, match="same shape"):
        f([[1.0], [6.0]])


def test_jacobians_and_hessians_make_one_loop():
    rows = LOOPS["one tap"]
    J, H = jacobian(rows[-1], w), hessian((rows**2).sum(), w)
    assert not [op for op in ops([J, H]) if isinstance(op, Blockwise)]
    f = function([x, h, w], [J, H])
    last = function([x, h, w], rows[-1])
    slope = function([x, h, w], grad((rows**2).sum(), w))
    given = VALUES[x], VALUES[h]
    step = 1e-5
    for got, g in zip(f(*given, VALUES[w]), (last, slope), strict=True):
        sides = [(g(*given, VALUES[w] + e) - g(*given, VALUES[w] - e)) / (2 * step) for e in step * np.eye(3)]
        np.testing.assert_allclose(got, np.transpose(sides), rtol=1e-6, atol=1e-8)
