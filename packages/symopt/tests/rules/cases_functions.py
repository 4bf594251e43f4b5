"""Test cases of the rules on single functions, choices, the error function and products of matrices."""

import numpy as np

from symcore import tensor as T
from symcore.ifelse import IfElse, ifelse
from symcore.tensor import scalar_functions as sf
from symcore.tensor.elemwise import TABLE
from symcore.tensor.products import BatchedDot
from symcore.tensor.shapes import Shape_i
from symcore.tensor.special_functions import erf, erfc
from symcore.tensor.type import TensorType
from symopt.testing import RuleCase

nan, inf = np.nan, np.inf
exp, log, log1p, expm1 = sf.exp, sf.log, sf.log1p, sf.expm1
second = TABLE["second"]
BOOL = TensorType("bool", (None,))
TRUTH = TensorType("bool", ())
D = TensorType("float64", (None,))
ROW1, COL1 = TensorType("float64", (1, None, None)), TensorType("float64", (1, None, None))


def mask(x, y):
    return T.switch(x > 0, 0, y)


def true():
    return T.constant(np.asarray(True))


PRODUCT = {"shapes": [(3, 4), (4, 2), ()], "empty": [(0, 4), (4, 2), ()]}
SPECIAL = {"special": [np.full((3, 4), nan), np.eye(4, 2), np.array(0.5)]}
CASES = [
    # --- single functions
    RuleCase(
        "even-function",
        "dvector",
        lambda x: [sf.sqr(-x), sf.cos(abs(x)), sf.cosh(-x), abs(-x)],
        lambda x: [sf.sin(-x), abs(abs(x)), sf.cos(-x.astype("int8"))],
        lambda x: [sf.sqr(x), sf.cos(x), sf.cosh(x), abs(x)],
    ),
    RuleCase(
        "abs-of-positive",
        "dvector",
        lambda x: [abs(exp(x)), abs(abs(x)), abs(sf.sqr(x))],
        lambda x: [abs(sf.tanh(x)), abs(sf.sqr(x.astype("int8")))],
        lambda x: [exp(x), abs(x), sf.sqr(x)],
    ),
    RuleCase(
        "neg-out-of-product",
        "dvector dvector",
        lambda x, y: [(-x) * y, x / (-y), (-x) * (-y), (-x) / (-y)],
        lambda x, y: [x * y, -(x * y), (-x.sum()) * y],
        lambda x, y: [-(x * y), -(x / y), x * y, x / y],
    ),
    RuleCase(
        "rounding-of-rounded",
        "dvector",
        lambda x: [sf.floor(sf.ceil(x)), sf.round_half_to_even(sf.floor(x))],
        lambda x: sf.floor(2 * sf.ceil(x)),
        lambda x: [sf.ceil(x), sf.floor(x)],
    ),
    RuleCase("sign-of-sign", "dvector", lambda x: sf.sgn(sf.sgn(x)), lambda x: sf.sgn(abs(x)), lambda x: sf.sgn(x)),
    RuleCase(
        "extremum-of-constants",
        "dvector",
        lambda x: [T.maximum(T.maximum(x, 1.0), 2.0), T.minimum(3.0, T.minimum(x, 2.0))],
        lambda x: [T.maximum(T.minimum(x, 1.0), 2.0), T.maximum(T.maximum(x, x[0]), 1.0)],
    ),
    RuleCase("useless-clip", "dvector", lambda x: T.clip(x, -inf, inf), lambda x: T.clip(x, -inf, 1.0), lambda x: x),
    RuleCase(
        "extremum-of-monotone",
        "dmatrix",
        lambda x: [exp(x).max(axis=1), sf.tanh(x).min(axis=1)],
        lambda x: [abs(x).max(), exp(x).sum()],
        lambda x: [exp(x.max(axis=1)), sf.tanh(x.min(axis=1))],
        empty=[(0, 1)],
    ),
    RuleCase(
        "integer-division-by-one", "lvector", lambda n: [n // 1, n % 1], lambda n: [n // 2, n.astype("float64") // 1]
    ),
    RuleCase("zero-over", "dvector", lambda x: 0 / x, lambda x: 1 / x, special=[np.array([nan, 0.0, inf])]),
    RuleCase(
        "power-of-power",
        "dvector",
        lambda x: (x**2) ** 3,
        lambda x: [(x**0.5) ** 2, (x**2) ** 0.5, (x**-1) ** 2],
        lambda x: x**6,
    ),
    RuleCase("power-of-two", "dvector", lambda x: 2**x, lambda x: [3**x, 2 ** x.astype("int64")], lambda x: sf.exp2(x)),
    RuleCase("one-over-exp", "dvector", lambda x: 1 / exp(x), lambda x: 2 / exp(x), lambda x: exp(-x)),
    RuleCase(
        "reciprocal-of-exp",
        "dvector",
        lambda x: sf.reciprocal(exp(x)),
        lambda x: sf.reciprocal(expm1(x)),
        lambda x: exp(-x),
    ),
    RuleCase(
        "log1p-of-minus-exp",
        "dvector",
        lambda x: [log1p(-exp(-abs(x))), log(-expm1(-abs(x)))],
        lambda x: [log1p(exp(x)), log(expm1(x))],
    ),
    # --- the error function
    RuleCase("one-minus-erf", "dvector", lambda x: 1 - erf(x), lambda x: 2 - erf(x), lambda x: erfc(x)),
    RuleCase("one-minus-erfc", "dvector", lambda x: 1 - erfc(x), lambda x: 2 - erfc(x), lambda x: erf(x)),
    RuleCase("erf-minus-one", "dvector", lambda x: erf(x) - 1, lambda x: erf(x) - 2, lambda x: -erfc(x)),
    RuleCase("erf-plus-minus-one", "dvector", lambda x: erf(x) + (-1), lambda x: erf(x) + 2, lambda x: -erfc(x)),
    RuleCase("erfc-minus-one", "dvector", lambda x: erfc(x) - 1, lambda x: erfc(x) - 2, lambda x: -erf(x)),
    RuleCase("erfc-plus-minus-one", "dvector", lambda x: erfc(x) + (-1), lambda x: erfc(x) + 1, lambda x: -erf(x)),
    RuleCase("one-plus-erf", "dvector", lambda x: 1 + erf(x), lambda x: 2 + erf(x), lambda x: erfc(-x)),
    RuleCase("log-of-erfc", "dvector", lambda x: log(erfc(x)), lambda x: log(erf(x))),
    RuleCase(
        "exp-over-erfc",
        "dvector",
        lambda x: [
            exp(-sf.sqr(x)) / erfc(x),
            -2 * exp(-sf.sqr(x)) / (3 * erfc(x)),
            x / (2 * erfc(x)) * exp(-sf.sqr(x)) * -x,
        ],
        lambda x: [exp(sf.sqr(x)) / erfc(x), exp(-sf.sqr(x)) / erf(x), exp(-sf.sqr(2 * x)) / erfc(x)],
    ),
    # --- choices
    RuleCase(
        "switch-in-true-branch",
        "dvector dvector dvector",
        lambda x, y, z: T.switch(x > 0, T.switch(x > 0, x, y), z),
        lambda x, y, z: T.switch(x > 0, T.switch(x > 1, x, y), z),
        lambda x, y, z: T.switch(x > 0, x, z),
    ),
    RuleCase(
        "switch-in-false-branch",
        "dvector dvector dvector",
        lambda x, y, z: T.switch(x > 0, x, T.switch(x > 0, y, z)),
        lambda x, y, z: T.switch(x > 0, x, T.switch(x > 1, y, z)),
        lambda x, y, z: T.switch(x > 0, x, z),
    ),
    RuleCase(
        "sum-of-switches",
        "dvector dvector dvector",
        lambda x, y, z: [T.switch(x > 0, y, 0) + T.switch(x > 0, 0, z), T.switch(y > 0, x, 0) - T.switch(y > 0, z, 0)],
        lambda x, y, z: [T.switch(x > 0, y, 0) + T.switch(x > 1, 0, z), T.switch(x > 0, y, z) + T.switch(x > 0, z, y)],
    ),
    RuleCase(
        "switch-out-of-product",
        "dvector dvector",
        lambda x, y: [mask(x, y) * log(x), exp(x) * T.switch(x > 0, y, 0)],
        lambda x, y: [mask(x, y) * y, T.switch(x > 0, 1, y) * log(x)],
        lambda x, y: [T.switch(x > 0, 0, y * log(x)), T.switch(x > 0, y * exp(x), 0)],
        special=[np.array([1.0, inf, 800.0]), np.array([1.0, 2.0, nan])],
        how="differs",
    ),
    RuleCase(
        "switch-out-of-quotient",
        "dvector dvector",
        lambda x, y: T.switch(x > 0, y, 0) / x,
        lambda x, y: [T.switch(x > 0, 1, y) / x, mask(x, y) / 3.0],
        lambda x, y: T.switch(x > 0, y / x, 0),
        special=[np.array([1.0, 0.0, nan]), np.array([1.0, 2.0, 3.0])],
    ),
    RuleCase(
        "not-of-comparison",
        "dvector lvector",
        lambda x, n: [~T.eq(x, 1), ~T.neq(x, 1), ~(n < 2), ~(n >= 2)],
        lambda x, n: [~(x < 1), ~T.isnan(x)],
        lambda x, n: [T.neq(x, 1), T.eq(x, 1), n >= 2, n < 2],
        shapes=[(4,), (4,)],
    ),
    RuleCase(
        "comparison-of-length",
        "dvector",
        lambda x: [Shape_i(0)(x) < 0, sf.ge(Shape_i(0)(x), 0), sf.le(0, Shape_i(0)(x)), sf.gt(Shape_i(0)(x), -1)],
        lambda x: [Shape_i(0)(x) < 1, x < 0, sf.gt(Shape_i(0)(x), 0)],
    ),
    RuleCase(
        "maximum-of-length",
        "dvector",
        lambda x: T.maximum(Shape_i(0)(x), 0),
        lambda x: T.maximum(Shape_i(0)(x), 1),
        lambda x: Shape_i(0)(x),
    ),
    RuleCase(
        "ifelse-of-constant",
        "dvector dvector",
        lambda x, y: [IfElse(1)(true(), x, y), IfElse(1)(T.constant(np.asarray(0)), x, y)],
        lambda x, y: ifelse(x.sum() > 0, x, y),
        lambda x, y: [x, y],
        shapes=[(3,), (5,)],
    ),
    RuleCase(
        "ifelse-of-equals",
        [TRUTH, D, D],
        lambda c, x, y: IfElse(1)(c, x, x),
        lambda c, x, y: IfElse(1)(c, x, y),
        lambda c, x, y: x,
    ),
    RuleCase(
        "ifelse-of-not",
        [TRUTH, D, D],
        lambda c, x, y: IfElse(1)(~c, x, y),
        lambda c, x, y: IfElse(1)(c, x, y),
        lambda c, x, y: IfElse(1)(c, y, x),
    ),
    RuleCase(
        "ifelse-of-ifelse",
        [TRUTH, TRUTH, D, D],
        lambda c, d, x, y: IfElse(1)(c, IfElse(1)(c, IfElse(1)(c, x, y * 3), y), IfElse(1)(c, x, y * 2)),
        lambda c, d, x, y: IfElse(1)(c, IfElse(1)(d, x, y), IfElse(1)(d, y, x)),
        lambda c, d, x, y: IfElse(1)(c, x, y * 2),
    ),
    # --- products of matrices
    RuleCase(
        "multiple-out-of-dot",
        "dmatrix dmatrix dscalar",
        lambda a, b, s: [T.dot(2 * a, b), T.dot(3 * a, b * 0.5)],
        lambda a, b, s: [T.dot(s * a, b), T.dot(a, b), T.dot(a * inf, b)],
        **PRODUCT,
        **SPECIAL,
    ),
    RuleCase(
        "scaled-out-of-dot",
        "dmatrix dmatrix dscalar",
        lambda a, b, s: T.dot(s * a, b),
        lambda a, b, s: [T.dot(2 * a, b), T.dot(a * a.sum(axis=0), b)],
        lambda a, b, s: s * T.dot(a, b),
        **PRODUCT,
        special=[np.eye(3, 4), np.ones((4, 2)), np.array(inf)],
    ),
    RuleCase(
        "neg-out-of-dot",
        "dmatrix dmatrix",
        lambda a, b: [T.dot(-a, b), T.dot(-b.T, -a.T)],
        lambda a, b: [T.dot(a, b), T.dot((-a).astype("int64"), b.astype("int64"))],
        lambda a, b: [-T.dot(a, b), T.dot(b.T, a.T)],
        shapes=[(3, 4), (4, 2)],
        empty=[(3, 0), (0, 2)],
        special=[np.full((3, 4), nan), np.eye(4, 2)],
    ),
    RuleCase(
        "dot-of-zeros",
        "dmatrix dmatrix",
        lambda a, b: [T.dot(T.zeros_like(a), b), T.dot(a, second(b, 0.0))],
        lambda a, b: T.dot(T.ones_like(a), b),
        shapes=[(3, 4), (4, 2)],
        empty=[(0, 4), (4, 2)],
        special=[np.full((3, 4), inf), np.full((4, 2), nan)],
    ),
    RuleCase(
        "sum-of-dot",
        "dmatrix dmatrix dvector",
        lambda a, b, x: [T.dot(a, b).sum(), T.dot(b.T, a.T).sum(axis=1), T.dot(a, x).sum(), T.dot(x, b).sum()],
        lambda a, b, x: [T.dot(a, b).max(), T.dot(a, x) + 1],
        lambda a, b, x: [
            T.dot(a.sum(axis=0), b.sum(axis=1)),
            T.dot(b.T, a.T.sum(axis=1)),
            T.dot(a.sum(axis=0), x),
            T.dot(x, b.sum(axis=1)),
        ],
        shapes=[(3, 4), (4, 2), (4,)],
        empty=[(0, 4), (4, 2), (4,)],
        special=[np.full((2, 2), 1e308), np.array([[1e-3, 1e-3], [-1e-3, -2e-3]]), np.array([1e-3, -1e-3])],
    ),
    RuleCase(
        "sum-of-products",
        "dmatrix dvector dvector",
        lambda a, x, y: [(x * y).sum(), (a * x).sum(axis=1), (a * y.dimshuffle(0, "x")).sum(axis=0)],
        lambda a, x, y: [(a * x).sum(axis=0), (a * a).sum(axis=1), (x * sf.exp(y)).sum(), (x * y).prod()],
        lambda a, x, y: [T.dot(x, y), T.dot(a, x), T.dot(y, a)],
        shapes=[(4, 4), (4,), (4,)],
        empty=[(0, 0), (0,), (0,)],
    ),
    RuleCase(
        "transposed-batched-dot",
        "dtensor3 dtensor3",
        lambda a, b: BatchedDot()(a, b).dimshuffle(0, 2, 1),
        lambda a, b: BatchedDot()(a, b).dimshuffle(1, 0, 2),
        lambda a, b: BatchedDot()(b.dimshuffle(0, 2, 1), a.dimshuffle(0, 2, 1)),
        shapes=[(2, 3, 4), (2, 4, 5)],
        empty=[(0, 3, 4), (0, 4, 5)],
        special=[np.full((2, 3, 4), nan), np.ones((2, 4, 5))],
    ),
    RuleCase(
        "batched-dot-of-one",
        [ROW1, COL1],
        lambda a, b: BatchedDot()(a, b),
        lambda a, b: BatchedDot()(a.dimshuffle(1, 0, 2), a.dimshuffle(1, 2, 0)),
        lambda a, b: T.dot(a.dimshuffle(1, 2), b.dimshuffle(1, 2)).dimshuffle("x", 0, 1),
        shapes=[(1, 3, 4), (1, 4, 5)],
        empty=[(1, 0, 4), (1, 4, 5)],
        special=[np.full((1, 3, 4), nan), np.ones((1, 4, 5))],
    ),
]
