"""Gradients of logarithms of determinants: the inverse, computed only where there is one."""

import numpy as np
import pytest

from symcore import grad
from symcore import tensor as T
from symcore.linalg.inverses import Adjugate, MatrixInverse, det
from symopt.function import function
from symopt.testing import usual_modes

MODES = usual_modes()
rng = np.random.default_rng(11)
x = T.dmatrix("x")


@pytest.mark.parametrize("mode", MODES.values(), ids=list(MODES))
@pytest.mark.filterwarnings("ignore:(invalid value|divide by zero):RuntimeWarning")
def test_values_in_every_mode(mode):
    f = function([x], [grad(T.log(det(x)), x), grad(3 * T.log(abs(det(x))), x)], mode=mode)
    for n in (1, 2, 5):
        m = rng.normal(size=(n, n)) + 3 * np.eye(n)  # positive, and far from singular
        m[:, 0] *= np.sign(np.linalg.det(m))
        first, second = f(m)
        # Both sides come from eliminations, whose error is that of a solution: the condition number times eps.
        bound = 50 * n * np.linalg.cond(m) * np.finfo("d").eps * abs(np.linalg.inv(m)).max()
        np.testing.assert_allclose(first, np.linalg.inv(m).T, rtol=0, atol=bound)
        np.testing.assert_allclose(second, 3 * np.linalg.inv(m).T, rtol=0, atol=3 * bound)
    first, _ = f([[1.0, 1.0], [1.0, 1.0]])  # singular: the adjugate divided by zero
    np.testing.assert_array_equal(first, [[np.inf, -np.inf], [-np.inf, np.inf]])
    assert f(np.zeros((0, 0)))[0].shape == (0, 0)


@pytest.mark.default_mode
def test_the_adjugate_is_for_singular_matrices_alone():
    f = function([x], grad(T.log(abs(det(x))), x))
    ops = [node.op for node in f.maker.fgraph.nodes]
    assert sum(isinstance(op, MatrixInverse) for op in ops) == 1
    assert [op for op in ops if isinstance(op, Adjugate)] == [Adjugate(singular=True)]
