"""Test cases of the rules for accuracy, BLAS and fusion."""

import numpy as np

from symcore import tensor as T
from symcore.ifelse import IfElse, ifelse
from symcore.interpreter import evaluate
from symcore.linalg.inverses import Adjugate, adjugate, det, inv
from symcore.tensor import scalar_functions as sf
from symcore.tensor.creation import AllocEmpty
from symcore.tensor.products import Gemm, Gemv, Ger, outer
from symopt import Mode, function
from symopt.testing import RuleCase, find_rules

inf, nan = np.inf, np.nan
ONE, ZERO = np.float64(1), np.float64(0)
log, exp, log1p, expm1 = sf.log, sf.exp, sf.log1p, sf.expm1


def empty_like_product(a, b):
    return AllocEmpty("float64")(a.shape[0], b.shape[1])


def zeros_like_product(a, b):
    return T.alloc(np.float64(0), a.shape[0], b.shape[0])


def fresh_gemm(a, b):
    return Gemm()(empty_like_product(a, b), ONE, a, b, ZERO)


def fresh_gemv(a, x):
    return Gemv()(AllocEmpty("float64")(a.shape[0]), ONE, a, x, ZERO)


def fresh_ger(x, y):
    return Ger()(zeros_like_product(x, y), ONE, x, y)


MATRICES = {"shapes": [(3, 4), (4, 2), (3, 2)], "empty": [(0, 4), (4, 2), (0, 2)],
            "special": [np.full((3, 4), inf), np.ones((4, 2)), np.full((3, 2), nan)]}

SINGULAR = Adjugate(singular=True)


class DeterminantCase(RuleCase):
    """A case on square matrices. The inverse of a ``special`` one is an error: it is run by a machine that is lazy."""

    def __init__(self, build, negative, special, after=None):
        super().__init__("adjugate-over-determinant", "dmatrix", build, negative, after, shapes=[(3, 3)],
                         empty=[(0, 0)])  # fmt: skip
        self.matrices = [np.array(m, "d") for m in special]

    def check_special(self):
        [x] = self._inputs()
        f = function([x], self.build(x), mode=Mode("alone", find_rules(self.rule), "py"))
        assert any(isinstance(node.op, IfElse) for node in f.maker.fgraph.nodes)
        with np.errstate(all="ignore"):
            for m in self.matrices:
                np.testing.assert_array_equal(f(m), evaluate(self.build(x), {x: m}))


def chosen(x, regular, singular):
    return ifelse(abs(det(x)) > np.float64(0), regular, singular)


#: Of rank 2, 1 and 0; not finite; with a determinant that overflows to NaN.
SPECIAL_MATRICES = [
    [[1, 2, 3], [2, 4, 6], [0, 0, 1]], [[1, 2, 4], [2, 4, 8], [1, 2, 4]], np.zeros((3, 3)), np.full((3, 3), nan),
    [[1, inf, 0], [0, 1, 0], [0, 0, 1]], [[1e200, 1, 0], [0, 1e200, 0], [0, 0, 0]],
]  # fmt: skip

CASES = [
    # --- determinants
    DeterminantCase(lambda x: adjugate(x) / det(x), lambda x: [adjugate(x) * det(x), adjugate(x) / det(2 * x)],
                    SPECIAL_MATRICES, lambda x: chosen(x, inv(x), SINGULAR(x) / det(x))),
    DeterminantCase(lambda x: adjugate(x).T * (x.sum() / det(x)), lambda x: adjugate(x).T * (3 / sf.sqr(det(x))),
                    SPECIAL_MATRICES, lambda x: chosen(x, inv(x).T * x.sum(), SINGULAR(x).T * (x.sum() / det(x)))),
    DeterminantCase(lambda x: x * ((sf.sgn(det(x)) / abs(det(x))) * adjugate(x).T),
                    lambda x: (1 / abs(det(x))) * adjugate(x).T, SPECIAL_MATRICES),
    DeterminantCase(lambda x: -adjugate(x) / det(x), lambda x: adjugate(x) / (det(x) * det(x)), SPECIAL_MATRICES),
    # --- logistic
    RuleCase("exp-over-one-plus-exp", "dvector", lambda x: exp(x) / (1 + exp(x)), lambda x: exp(x) / (2 + exp(x)),
             lambda x: sf.sigmoid(x)),
    RuleCase("one-over-one-plus-exp", "dvector", lambda x: 1 / (1 + exp(-x)), lambda x: 1 / (2 + exp(-x)),
             lambda x: 1.0 * sf.sigmoid(sf.neg(-x))),
    RuleCase("reciprocal-of-one-plus-exp", "dvector", lambda x: sf.reciprocal(1 + exp(x)),
             lambda x: sf.reciprocal(2 + exp(x)), lambda x: sf.sigmoid(-x)),
    RuleCase("sigmoid-times-exp", "dvector", lambda x: sf.sigmoid(-x) * exp(x), lambda x: sf.sigmoid(x) * exp(x),
             lambda x: sf.sigmoid(x)),
    RuleCase("one-minus-sigmoid", "dvector", lambda x: 1 - sf.sigmoid(x), lambda x: 2 - sf.sigmoid(x),
             lambda x: sf.sigmoid(-x)),
    RuleCase("log-of-sigmoid", "dvector", lambda x: log(sf.sigmoid(x)), lambda x: log(sf.tanh(x)),
             lambda x: -sf.softplus(-x)),
    RuleCase("log1p-of-minus-sigmoid", "dvector", lambda x: log1p(-sf.sigmoid(x)), lambda x: log1p(sf.sigmoid(x)),
             lambda x: -sf.softplus(x)),
    RuleCase("log1p-of-exp", "dvector", lambda x: log1p(exp(x)), lambda x: log1p(sf.tanh(x)), lambda x: sf.softplus(x)),
    RuleCase("difference-to-softplus", "dvector", lambda x: x - sf.softplus(x), lambda x: x - sf.softplus(2 * x),
             lambda x: -sf.softplus(-x)),
    RuleCase("softplus-minus-itself", "dvector", lambda x: sf.softplus(x) - x, lambda x: sf.softplus(2 * x) - x,
             lambda x: sf.softplus(-x)),
    # --- exponentials and logarithms
    RuleCase("log-of-exp", "dvector", lambda x: log(exp(x)), lambda x: log(expm1(x)), lambda x: x),
    RuleCase("exp-of-log", "dvector", lambda x: exp(log(x)), lambda x: exp(log1p(x)), lambda x: x, kind="positive"),
    RuleCase("exp-of-log1p", "dvector", lambda x: exp(log1p(x)), lambda x: exp(log(x)), lambda x: 1 + x,
             kind="positive"),
    RuleCase("expm1-of-log1p", "dvector", lambda x: expm1(log1p(x)), lambda x: expm1(log(x)), lambda x: x,
             kind="positive"),
    RuleCase("log1p-of-expm1", "dvector", lambda x: log1p(expm1(x)), lambda x: log1p(exp(x)), lambda x: x),
    RuleCase("sqrt-of-sqr", "dvector", lambda x: sf.sqrt(sf.sqr(x)), lambda x: sf.sqrt(x), lambda x: abs(x)),
    RuleCase("sqr-of-sqrt", "dvector", lambda x: sf.sqr(sf.sqrt(x)), lambda x: sf.sqr(abs(x)), how="equal"),
    RuleCase("exp-minus-one", "dvector", lambda x: exp(x) - 1, lambda x: exp(x) - 2, lambda x: expm1(x)),
    RuleCase("exp-plus-minus-one", "dvector", lambda x: exp(x) + -1.0, lambda x: exp(x) + 1, lambda x: expm1(x)),
    RuleCase("one-minus-exp", "dvector", lambda x: 1 - exp(x), lambda x: [log(1 - exp(x)), 2 - exp(x)],
             lambda x: -expm1(x)),
    RuleCase("log-of-one-minus-exp", "dvector", lambda x: log(1 - exp(-abs(x))), lambda x: log(1 - x)),
    RuleCase("log-of-one-plus", "dvector", lambda x: [log(1 + abs(x)), log(1 - sf.sigmoid(x))],
             lambda x: [log(2 + abs(x)), log(x - 1)], lambda x: [log1p(abs(x)), log1p(-sf.sigmoid(x))]),
    RuleCase("log-of-sum-of-two-exp", "dvector dvector", lambda a, b: log(exp(a) + exp(b)),
             lambda a, b: log(exp(a) + b)),
    RuleCase("log-of-sum-of-exp", "dmatrix", lambda x: log(exp(x).sum(axis=1)), lambda x: log(x.sum(axis=1)),
             empty=[(4, 0)]),
    RuleCase("log-of-sum-of-exp", "dmatrix", lambda x: log(exp(x).sum(axis=0, keepdims=True)),
             lambda x: log(exp(x).prod(axis=0))),
    # --- BLAS
    RuleCase("dot-to-blas", "dmatrix dmatrix dvector", lambda a, b, x: [T.dot(a, b), T.dot(a, x), T.dot(x, b)],
             lambda a, b, x: [T.dot(a.astype("int64"), b.astype("int64")), T.dot(x, x)],
             lambda a, b, x: [fresh_gemm(a, b), fresh_gemv(a, x),
             Gemv()(AllocEmpty("float64")(b.shape[1]), ONE, b.T, x, ZERO)],
             shapes=[(3, 4), (4, 2), (4,)], empty=[(0, 4), (4, 0), (4,)],
             special=[np.full((3, 4), inf), np.eye(4, 2), np.full(4, nan)]),
    RuleCase("dot-to-blas", "dvector dvector", lambda x, y: outer(x, y), lambda x, y: T.dot(x, y), shapes=[(3,), (4,)]),
    RuleCase("scale-into-blas", "dmatrix dmatrix dscalar",
             lambda a, b, s: [s * fresh_gemm(a, b), -fresh_gemm(b.T, a.T)],
             lambda a, b, s: [T.dot(a, b) * s, fresh_gemm(a, b) * a.sum(axis=0)[:2]],
             shapes=[(3, 4), (4, 2), ()], empty=[(0, 4), (4, 2), ()],
             special=[np.full((3, 4), inf), np.eye(4, 2), np.array(nan)]),
    RuleCase("scale-into-blas", "dmatrix dvector dscalar", lambda a, x, s: fresh_gemv(a, x) / s,
             lambda a, x, s: s / fresh_gemv(a, x), shapes=[(3, 4), (4,), ()]),
    RuleCase("add-into-blas", "dmatrix dmatrix dmatrix",
             lambda a, b, c: [c + fresh_gemm(a, b), 3 * c - fresh_gemm(-a, b), fresh_gemm(a, -b) - c],
             lambda a, b, c: [T.exp(c) + fresh_gemm(a, b), c.sum(axis=0) + fresh_gemm(a, b), c + T.dot(a, b)],
             lambda a, b, c: [Gemm()(c, ONE, a, b, ONE), Gemm()(c, -ONE, -a, b, 3 * ONE), Gemm()(c, ONE, a, -b, -ONE)],
             **MATRICES),
    RuleCase("add-into-blas", "dvector dvector dmatrix", lambda x, y, w: w - fresh_ger(x, y),
             lambda x, y, w: 2 * w - fresh_ger(x, y), lambda x, y, w: Ger()(w, -ONE, x, y),
             shapes=[(3,), (4,), (3, 4)], empty=[(0,), (4,), (0, 4)]),
    # --- fusion
    RuleCase("fuse-elemwise", "dvector dvector", lambda x, y: sf.tanh(x + y) * y, lambda x, y: [x + y, T.exp(x.sum())]),
    RuleCase("fuse-elemwise", "dmatrix dvector", lambda x, b: [sf.sigmoid(x + b), exp(sf.sigmoid(x + b)).sum(axis=0)],
             lambda x, b: exp(exp(b).sum()), shapes=[(3, 4), (4,)]),
]
