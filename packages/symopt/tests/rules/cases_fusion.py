"""Test cases of the rules that fuse reductions with the elementwise work that feeds them."""

import numpy as np

from symcore import tensor as T
from symcore.tensor.elemwise import TABLE, Composite, Elemwise
from symcore.tensor.log_sum_exp import LogSumExp
from symcore.tensor.map_reduce import MapReduce
from symcore.tensor.type import TensorType
from symopt.testing import RuleCase

F = "float64"
tanh, sqr, sub, exp, mul = (TABLE[name] for name in ("tanh", "sqr", "sub", "exp", "mul"))
DISTANCE = Composite(2, ((sub, (0, 1), F), (sqr, (2,), F)), (3,))
#: ``tanh(i0 - i1)``, its square, and ``i0 - i1``.
SEVERAL = Composite(2, ((sub, (0, 1), F), (tanh, (2,), F), (sqr, (3,), F)), (3, 4, 2))


def total(fn, axis, *inputs):
    return MapReduce(fn, "add", axis, F, F)(*inputs)


def part(x, y):
    """A loop with three results, one of which only a sum reads."""
    h, square, difference = Elemwise(SEVERAL)(x, y)
    return [h, square.sum(axis=0), difference]


def after_part(x, y):
    h, difference = Elemwise(Composite(2, SEVERAL.steps[:2], (3, 2)))(x, y)
    return [h, total(sqr, (0,), h), difference]


def from_inputs(x, y):
    """What the sum reads is computed, cheaply, from the inputs of the loop: the difference is not stored."""
    steps = ((sub, (0, 1), F), (tanh, (2,), F), (sqr, (2,), F))
    h, square = Elemwise(Composite(2, steps, (3, 4)))(x, y)
    return [h, square.sum(axis=1)]


def after_from_inputs(x, y):
    h = Elemwise(Composite(2, ((sub, (0, 1), F), (tanh, (2,), F)), (3,)))(x, y)
    return [h, total(DISTANCE, (1,), x, y)]


def used_elsewhere(x, y):
    e = exp(x - y)
    return [e, e.sum(axis=0), exp(y.sum())]


def costly_to_repeat(x, y):
    """``tanh`` would be computed twice."""
    steps = ((tanh, (0,), F), (exp, (2,), F), (mul, (2, 1), F))
    a, b = Elemwise(Composite(2, steps, (3, 4)))(x, y)
    return [a, b.sum(axis=1)]


def many_to_read(x, y):
    """The loop reads three tensors anyway, and the sum would read them again."""
    z = x.T.T + 0
    steps = ((mul, (0, 1, 2), F), (sub, (0, 1), F), (tanh, (4,), F))
    a, b = Elemwise(Composite(3, steps, (3, 5)))(x, y, z)
    return [a.sum(axis=1), b]


BOTH = {"shapes": [(3, 4), (3, 4)], "empty": [(0, 4), (0, 4)]}

def terms_used_twice(x, axis):
    """A logarithm of a sum of exponentials whose terms are needed for another sum too."""
    top = T.max(x, axis=axis)
    shift = T.switch(T.isinf(top), 0, top)
    kept = iter(range(top.type.ndim))
    terms = T.exp(x - shift.dimshuffle(*["x" if a in axis else next(kept) for a in range(x.type.ndim)]))
    return T.log(terms.sum(axis=axis)) + shift + terms.sum()


def other_axis(x):
    """What has the form of a logarithm of a sum of exponentials, but is shifted along another axis than summed."""
    top = T.max(x, axis=1)
    shift = T.switch(T.isinf(top), 0, top)
    return T.log(T.exp(x - shift.dimshuffle(0, "x")).sum(axis=0)).sum() + shift


CASES = [
    RuleCase("fuse-logsumexp", "dmatrix", lambda x: T.logsumexp(x, axis=1), lambda x: terms_used_twice(x, (1,)),
             after=lambda x: LogSumExp((1,))(x), empty=[(4, 0)]),
    RuleCase("fuse-logsumexp", "tensor3", lambda x: T.logsumexp(x, axis=(0, 2), keepdims=True),
             lambda x: terms_used_twice(x, (0, 2))),
    RuleCase("fuse-logsumexp", "fmatrix", T.logsumexp, lambda x: terms_used_twice(x, (0, 1)), empty=[(0, 3)]),
    RuleCase("fuse-logsumexp", "dmatrix", lambda x: T.logsumexp(x, axis=0), other_axis, empty=[(0, 3)]),
    RuleCase("fuse-reduction", "dmatrix dvector", lambda x, y: Elemwise(DISTANCE)(x, y).sum(axis=1),
             lambda x, y: [x.sum(axis=1), tanh(x), exp(y.sum())], lambda x, y: total(DISTANCE, (1,), x, y)),
    RuleCase("fuse-reduction", "dmatrix dvector", lambda x, y: [T.max(x * y, axis=0), T.mul(x, y).prod()],
             lambda x, y: [x.max(axis=0), T.exp(y).prod() * exp(y)],
             lambda x, y: [MapReduce(mul, "maximum", (0,), F, F)(x, y), MapReduce(mul, "mul", (0, 1), F, F)(x, y)],
             empty=[(3, 0), (0,)]),
    RuleCase("fuse-reduction", "dmatrix dmatrix", part, costly_to_repeat, after_part, **BOTH),
    RuleCase("fuse-reduction", "dmatrix dmatrix", from_inputs, many_to_read, after_from_inputs, **BOTH),
    RuleCase("fuse-reduction", "fmatrix fmatrix", lambda x, y: [T.lt(x, y).sum(), T.lt(x, y).all(axis=1)],
             used_elsewhere, **BOTH),
    RuleCase("fuse-reduction", [TensorType(F, (1, None)), TensorType(F, (None, 1))],
             lambda x, y: Elemwise(DISTANCE)(x, y).sum(axis=0), lambda x, y: (x.sum(), Elemwise(DISTANCE)(x, y)),
             special=[np.full((1, 3), np.inf), np.full((2, 1), np.inf)]),
]
