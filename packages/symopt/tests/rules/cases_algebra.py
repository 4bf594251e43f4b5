"""Test cases of the rules on constants, choices, sums, products and powers."""

import numpy as np

from symcore import tensor as T
from symcore.graph.variable import Apply
from symcore.tensor import scalar_functions as sf
from symcore.tensor.elemwise import Elemwise, lookup
from symcore.tensor.type import TensorType
from symopt.testing import RuleCase

nan, inf = np.nan, np.inf



def cast_node(x, dtype):
    """A cast that the user-level function would leave out."""
    return Apply(Elemwise(lookup(f"cast_{dtype}")), [x],
                 [TensorType(dtype, x.type.shape)()]).outputs[0]


def const(value, dtype="float64"):
    return T.constant(np.asarray(value, dtype))


CASES = [
    RuleCase("constant-folding", "dvector", lambda x: x + T.exp(const(1.0)), lambda x: T.exp(x),
             lambda x: x + const(np.exp(1.0))),
    RuleCase("identity-removal", "dvector", lambda x: sf.identity(x), lambda x: sf.neg(x), lambda x: x),
    RuleCase("useless-cast", "dvector", lambda x: cast_node(x, "float64"), lambda x: x.astype("float32"), lambda x: x),
    RuleCase("double-cast", "fvector", lambda x: x.astype("float64").astype("complex128"),
             lambda x: x.astype("int64").astype("float64"), lambda x: x.astype("complex128")),
    RuleCase("switch-of-constant", "dvector dmatrix", lambda x, y: T.switch(const(True, "bool"), x, y),
             lambda x, y: T.switch(x > 0, x, y)),
    RuleCase("switch-of-equals", "dvector dvector", lambda c, x: T.switch(c, x, x), lambda c, x: T.switch(c, x, c),
             lambda c, x: x),
    RuleCase("switch-of-not", "dvector dvector", lambda c, x: T.switch(~(c > 0), x, c),
             lambda c, x: T.switch(T.invert(c.astype("int64")), x, c), lambda c, x: T.switch(c > 0, c, x)),
    RuleCase("strict-comparison-with-itself", "dvector", lambda x: [x < x, x > x], lambda x: x < 2 * x),
    RuleCase("comparison-with-itself", "lvector", lambda x: [T.eq(x, x), T.neq(x, x), T.le(x, x)],
             lambda x: [T.eq(x, x + 1), T.eq(x.astype("float64"), x.astype("float64"))]),
    RuleCase("comparison-with-itself-of-floats", "dvector", lambda x: [T.eq(x, x), T.neq(x, x)],
             lambda x: T.eq(x, x + 1)),
    RuleCase("maximum-of-equals", "dvector", lambda x: T.maximum(x, x), lambda x: T.maximum(x, 2 * x), lambda x: x),
    RuleCase("minimum-of-equals", "dvector", lambda x: T.minimum(x, x), lambda x: T.minimum(x, 2 * x), lambda x: x),
    RuleCase("logic-with-constant", [TensorType("bool", (None,))],
             lambda x: [x & const(True, "bool"), x & const(False, "bool"), const(False, "bool") | x, x | True],
             lambda x: x & ~x),
    RuleCase("not-not", "lvector", lambda x: ~~x, lambda x: ~x, lambda x: x),
    # --- sums
    RuleCase("neutral-element", "dvector", lambda x: [x + 0, x - 0, x * 1, x / 1, x + np.zeros(1)],
             lambda x: [0 - x, 1 / x, x + 1]),
    RuleCase("neutral-element", "dscalar", lambda x: x + np.zeros((2, 3)), lambda x: x + 1, empty=[()]),
    RuleCase("zero-minus", "dvector", lambda x: 0 - x, lambda x: x - 0, lambda x: -x),
    RuleCase("neg-neg", "dvector", lambda x: sf.neg(-x), lambda x: -x, lambda x: x),
    RuleCase("neg-of-difference", "dvector dvector", lambda x, y: -(x - y), lambda x, y: [-(x - y), x - y],
             lambda x, y: y - x),
    RuleCase("neg-in-sum", "dvector dvector", lambda x, y: [x + (-y), x - (-y), (-x) - y, T.add(-x, -y, x)],
             lambda x, y: x - y),
    RuleCase("collect-sum", "dvector dvector", lambda x, y: ((x + 1) + y) + 2, lambda x, y: [(x + 1) + y, x - x],
             lambda x, y: T.add(x, y, 3)),
    RuleCase("collect-sum", "dvector", lambda x: x + x + 2 * x, lambda x: x + 2 * T.exp(x), lambda x: 4 * x),
    RuleCase("collect-sum", "bvector", lambda x: (x + 100) + 100, lambda x: x + 100),
    RuleCase("cancel-sum", "dvector dvector", lambda x, y: (x + y) - x, lambda x, y: (x + y) + x, lambda x, y: y),
    RuleCase("cancel-sum", "drow dcol", lambda x, y: (x + y) - (x + y), lambda x, y: x - y),
    RuleCase("cancel-sum", "dmatrix dscalar", lambda x, c: x - c * x, lambda x, c: x - c,
             lambda x, c: (1 - c) * x, special=[np.full((3, 4), inf), 0.5]),
    RuleCase("cancel-sum-of-integers", "lvector lvector", lambda x, y: [x - x, (x + y) - x],
             lambda x, y: x.astype("float64") - x.astype("float64")),
    RuleCase("distribute-scalar", "dmatrix dmatrix dscalar", lambda w, g, s: w - s * (g + 0.5 * w),
             lambda w, g, s: [w - s * (g + 0.5 * g), w - (g + w), w - s * (g + 3)],
             special=[np.full((3, 4), inf), np.ones((3, 4)), 0.5]),
    # --- products
    RuleCase("times-zero", "dvector dmatrix", lambda x, y: x * 0 * y, lambda x, y: x * 2 * y),
    RuleCase("times-zero-of-integers", "lvector", lambda x: x * 0, lambda x: [x * 2, x.astype("float64") * 0]),
    RuleCase("collect-product", "dvector", lambda x: [(x * 2) * 3, (x * 2) / 4, -(x * 2), (x / 3) / 5],
             lambda x: [x * 2, (x * 1e200) * 1e200, (x * 1e-200) * 1e-200, -x]),
    RuleCase("collect-product", "dvector dvector", lambda x, y: (-x) * y, lambda x, y: -(x * y),
             lambda x, y: -(x * y)),
    RuleCase("collect-product", "bvector", lambda x: (x * 20) * 20, lambda x: x * 20),
    RuleCase("cancel-product", "dvector dvector", lambda x, y: (x * y) / y, lambda x, y: (x * y) * y,
             lambda x, y: x),
    RuleCase("cancel-product", "dvector", lambda x: x / x, lambda x: x / (x + 1)),
    RuleCase("guard-out-of-product", "dvector dvector dvector",
             lambda g, x, y: T.switch(T.eq(g, 0), 0, g / x) * y, lambda g, x, y: T.switch(T.eq(g, 0), 1, g / x) * y,
             lambda g, x, y: T.switch(T.eq(g, 0), 0, g / x * y),
             special=[np.zeros(4), np.ones(4), np.array([inf, nan, 1, 0])]),
    RuleCase("distribute-to-cancel", "dvector dvector dvector dvector",
             lambda a, b, x, y: T.mul(a / x - b / y, x, y), lambda a, b, x, y: (a / x - b) * x * y,
             special=[np.ones(4), np.ones(4), np.full(4, inf), np.ones(4)]),
    RuleCase("useless-guard", "dvector dvector", lambda g, x: T.switch(T.eq(g, 0), 0, g * T.tanh(x)),
             lambda g, x: [T.switch(T.eq(g, 0), 0, g / x), T.switch(T.eq(g, 0), 0, g * T.log(x))],
             lambda g, x: g * T.tanh(x), special=[np.zeros(4), np.array([nan, 1, 2, 3])]),
    RuleCase("flatten-sum", "dvector dvector", lambda x, y: (x + T.exp(y)) + y, lambda x, y: T.add(x, y, T.exp(x)),
             lambda x, y: T.add(x, T.exp(y), y)),
    RuleCase("flatten-product", "dvector dvector", lambda x, y: (x * T.exp(y)) * y, lambda x, y: T.mul(x, y, T.exp(x)),
             lambda x, y: T.mul(x, T.exp(y), y)),
    # --- powers
    RuleCase("trivial-power", "dvector", lambda x: [x**0, x**1], lambda x: x**2),
    RuleCase("integer-power", "dvector", lambda x: [x**2, x**3, x**4, x**7, x**-1],
             lambda x: [x**9, x**0.5, x**nan, x**inf]),
    RuleCase("integer-power", "bvector", lambda x: [x**2, x**5], lambda x: x**20),
    RuleCase("root-power", "dvector", lambda x: [x**0.5, x**-0.5], lambda x: x**1.5, kind="positive"),
    RuleCase("square-of-factor", "dvector dvector", lambda x, y: T.mul(x, y, x), lambda x, y: x * y,
             lambda x, y: T.sqr(x) * y),
    RuleCase("times-minus-one", "dvector dvector", lambda x, y: T.mul(x, -1.0, y), lambda x, y: T.mul(x, -2.0, y),
             lambda x, y: -(x * y)),
    RuleCase("division-by-power-of-two", "dvector", lambda x: x / 4, lambda x: x / 3, lambda x: x * 0.25),
    RuleCase("one-over", "dvector", lambda x: 1 / x, lambda x: 2 / x, lambda x: T.reciprocal(x)),
    RuleCase("times-reciprocal", "dvector dvector", lambda x, y: x * T.reciprocal(y), lambda x, y: x + T.reciprocal(y),
             lambda x, y: x / y, how="accurate"),
]
