"""Sorting: what is left open by the numbers alone."""

import numpy as np
import pytest

from symcore import tensor as T
from symcore.interpreter import evaluate


@pytest.mark.parametrize("kind", ["quicksort", "mergesort", "heapsort", "stable"])
def test_equal_elements_keep_their_order_with_every_kind(kind):
    x, value = T.dvector("x"), np.tile([2.0, 1.0, 3.0], 200)
    np.testing.assert_array_equal(evaluate([T.argsort(x, kind=kind)], {x: value})[0], np.argsort(value, kind="stable"))
