"""Logarithms of sums of exponentials in C: any axes, layouts and lengths, and what is not a finite number."""

import numpy as np
import pytest

from symcore import tensor as T
from symcore.config import config
from symcore.tensor.log_sum_exp import LogSumExp
from symopt import function

pytestmark = [pytest.mark.c, pytest.mark.default_mode]

#: Short and long rows, rows of several blocks, many and few results, no elements, no results.
SHAPES = [(3, 4, 5), (2, 300, 7), (7, 3, 300), (1, 1, 1), (5, 2000, 3), (3, 2, 5000), (1500, 3, 4), (300, 20, 50),
          (0, 3, 2), (3, 0, 2), (2, 3, 0)]  # fmt: skip


def reference(x, axis):
    x = x.astype(np.longdouble)
    with np.errstate(all="ignore"):
        top = x.max(axis=axis, keepdims=True, initial=-np.inf)
        top = np.where(np.isinf(top), 0, top)
        total = np.exp(x - top).sum(axis=axis)
        return np.log(total) + top.reshape(total.shape)


@pytest.mark.parametrize("axis", [0, 1, 2, (0, 1), (1, 2), (0, 2), None])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_any_axes_and_strides(dtype, axis):
    rng = np.random.default_rng(5)
    x = T.tensor3("x", dtype=dtype)
    f = function([x], T.logsumexp(x, axis=axis))
    assert [type(node.op) for node in f.maker.fgraph.toposort()] == [LogSumExp]
    eps = np.finfo(dtype).eps
    for shape in SHAPES:
        v = (rng.normal(size=shape) * 20).astype(dtype)
        if v.size:
            v.flat[0] = -np.inf
        for w in (v, v.transpose(2, 0, 1), v[::-1, ::2]):
            # Of a term, exp errs by an ulp or so and its argument by half an ulp of at most 87; but large arguments
            # belong to terms that do not count. The result is rounded once more.
            wanted = reference(w, axis)
            np.testing.assert_allclose(f(w), wanted.astype(dtype), rtol=4 * eps, atol=8 * eps, err_msg=str(w.shape))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [3, 100, 3000])
def test_infinities_and_nan_stay_in_their_rows(dtype, n):
    v = np.random.default_rng(6).normal(size=(5, n)).astype(dtype)
    v[0], v[1, 1], v[2, n - 1], v[3, 0] = -np.inf, np.inf, np.nan, 1e30
    x = T.matrix("x", dtype=dtype)
    for y, given in ((T.logsumexp(x, axis=1), v), (T.logsumexp(x, axis=0), np.ascontiguousarray(v.T))):
        got = function([x], y)(given)
        np.testing.assert_array_equal(got[:4], np.array([-np.inf, np.inf, np.nan, 1e30], dtype))
        np.testing.assert_allclose(got[4], reference(v[4], 0).astype(dtype), rtol=8 * np.finfo(dtype).eps)


def test_threads_make_no_difference():
    v = np.random.default_rng(7).normal(size=(3, 400_000)).astype("float32")
    x = T.fmatrix("x")
    for axis, given in ((1, v), (0, np.ascontiguousarray(v.T)), (None, v)):
        results = []
        for count in (1, 3):
            with config.override(threads=count):
                results.append(function([x], T.logsumexp(x, axis=axis))(given))
        one, three = results
        np.testing.assert_array_equal(one, three)
        np.testing.assert_allclose(one, reference(given, axis).astype("float32"), rtol=1e-6)
