"""Sums, means and variances of float32: no further from the exact value than NumPy's."""

import numpy as np
import pytest

from symcore import tensor as T
from symopt import function

pytestmark = [pytest.mark.c, pytest.mark.default_mode]

#: Long rows, long columns, both in the middle, one line of each kind; neither dimension a multiple of a vector.
SHAPES = [((3, 200_003), 1), ((200_003, 3), 0), ((1003, 517), 0), ((1003, 517), 1), ((1003, 517), None),
          ((700_001,), 0), ((61, 203, 67), (0, 2)), ((61, 203, 67), 1)]  # fmt: skip


def draws(kind, shape):
    rng = np.random.default_rng(17)
    value = {
        "positive": lambda: rng.random(shape),
        "both signs": lambda: rng.normal(size=shape),
        "far from zero": lambda: 1000 + rng.normal(size=shape),
        "of all sizes": lambda: np.exp(4 * rng.normal(size=shape)),
    }[kind]()
    return value.astype("float32")


@pytest.mark.parametrize("kind", ["positive", "both signs", "far from zero", "of all sizes"])
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_no_worse_than_numpy(shape, axis, kind):
    """The root of the mean square of the errors is NumPy's within a tenth, by which orders of as many additions differ;
    or no error is more than one rounding of the sum of the magnitudes (of few results NumPy's may be exact)."""
    value = draws(kind, shape)
    x = T.TensorType("float32", (None,) * len(shape))()
    f = function([x], [x.sum(axis), x.mean(axis), x.var(axis)])
    wide = value.astype(np.longdouble)
    sizes = (np.abs(wide).sum(axis), np.abs(wide).mean(axis), wide.var(axis))
    exact = (wide.sum(axis), wide.mean(axis), wide.var(axis))
    numpys = (value.sum(axis), value.mean(axis), value.var(axis))
    for got, right, theirs, size in zip(f(value), exact, numpys, sizes, strict=True):
        assert got.dtype == "float32"
        error, other = np.asarray(got - right), np.asarray(theirs - right)
        assert (
            np.sqrt(np.mean(error**2)) <= 1.1 * np.sqrt(np.mean(other**2))
            or (np.abs(error) <= np.maximum(2.0**-24 * size, np.spacing(got))).all()
        )
