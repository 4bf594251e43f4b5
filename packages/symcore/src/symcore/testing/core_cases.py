"""The cases of symcore's own Ops and scalar functions. Packages with kernels run them against their backends."""

from typing import Any

import numpy as np

from symcore.from_function import as_op
from symcore.gradient.flow import DisconnectedGrad, GradClip, GradScale, UndefinedGrad, ZeroGrad
from symcore.op import Op
from symcore.printing.ops_printing import Assert, Print
from symcore.tensor.creation import Alloc, AllocEmpty, ARange, Eye
from symcore.tensor.elemwise import TABLE, Composite, Elemwise, lookup
from symcore.tensor.indexed_map import IndexedMap
from symcore.tensor.indexing import INPUT, SliceLength
from symcore.tensor.join import Join
from symcore.tensor.log_sum_exp import LogSumExp
from symcore.tensor.map_reduce import MapReduce
from symcore.tensor.products import BatchedDot, Dot, Gemm, Gemv, Ger
from symcore.tensor.reduce import Argmax, Reduce
from symcore.tensor.shapes import DimShuffle, MakeVector, Reshape, Shape_i, ShapeOf, SpecifyShape
from symcore.tensor.subtensor import AdvancedIncSubtensor, AdvancedSubtensor, IncSubtensor, Nonzero, Subtensor
from symcore.tensor.type import TensorType
from symcore.testing.case import OpCase
from symcore.testing.control_cases import CASES as CONTROL_CASES
from symcore.testing.linalg_cases import LINALG_CASES
from symcore.testing.numeric_cases import NUMERIC_CASES
from symcore.testing.object_cases import CASES as OBJECT_CASES
from symcore.testing.random_cases import CASES as RANDOM_CASES
from symcore.testing.sparse_cases import SPARSE_CASES

_rng = np.random.default_rng(1)


def _normal(*shape: int) -> Any:
    return _rng.normal(size=shape)


def _between(low: float, high: float, *shape: int) -> Any:
    return _rng.uniform(low, high, size=shape)


def _int(values: Any, dtype: str = "int64") -> Any:
    return np.array(values, dtype=dtype)


_M = _normal(3, 4)
_SHIFTED = _M + np.where(_M > 0, 0.3, -0.3)  # away from the kinks at 0
_APART = _SHIFTED + np.where(_M[::-1] > 0, 0.4, -0.4)  # larger and smaller than _SHIFTED, and never close
_STEPS = np.array([[-2.4, -1.3, -0.7], [0.3, 1.2, 2.6]])  # away from integers and halves
_POSITIVE = _between(0.5, 2.0, 3, 4)
_INTS = _int([[-7, -3, 0], [2, 5, 9]], "int32")
_MASK = _int([[1, 0, 1], [0, 0, 1]], "bool")
_ROW, _COL = (1, None), (None, 1)


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _smooth() -> list[OpCase]:
    """Functions of one number, each where it is smooth, and on 0-d and 0-size inputs."""
    unary = {
        "exp": np.exp,
        "exp2": np.exp2,
        "expm1": np.expm1,
        "sin": np.sin,
        "cos": np.cos,
        "tan": np.tan,
        "sinh": np.sinh,
        "cosh": np.cosh,
        "tanh": np.tanh,
        "arctan": np.arctan,
        "arcsinh": np.arcsinh,
        "sqr": np.square,
        "cbrt": np.cbrt,
        "neg": np.negative,
        "abs": np.abs,
        "sgn": np.sign,
        "sigmoid": _sigmoid,
        "softplus": lambda x: np.log1p(np.exp(x)),
        "reciprocal": lambda x: 1 / x,
        "deg2rad": np.deg2rad,
        "rad2deg": np.rad2deg,
        "identity": lambda x: x,
        "real": lambda x: x,
        "conj": lambda x: x,
    }
    positive = {"sqrt": np.sqrt, "log": np.log, "log2": np.log2, "log10": np.log10, "log1p": np.log1p}
    inside = {"arcsin": np.arcsin, "arccos": np.arccos, "arctanh": np.arctanh}
    stepped = {
        "ceil": np.ceil,
        "floor": np.floor,
        "trunc": np.trunc,
        "round_half_to_even": np.round,
        "round_half_away_from_zero": lambda x: np.trunc(x + np.copysign(0.5, x)),
    }
    points: list[tuple[dict[str, Any], Any]] = [
        (unary, np.clip(_SHIFTED, -1.2, 1.2)),
        (positive, _POSITIVE),
        (inside, _between(-0.7, 0.7, 2, 3)),
        (stepped, _STEPS),
        ({"arccosh": np.arccosh}, _between(1.5, 3.0, 4)),
    ]
    cases = [OpCase(TABLE[name], x, expected=fn) for table, x in points for name, fn in table.items()]
    cases += [OpCase(TABLE[name], np.float64(0.6)) for name in ("exp", "sqrt", "tanh", "neg", "log1p")]
    cases += [OpCase(TABLE[name], np.zeros((0, 3))) for name in ("exp", "sqrt", "sigmoid")]
    cases += [OpCase(TABLE[name], _INTS) for name in ("exp", "sqr", "neg", "abs", "sgn", "tanh", "floor", "sigmoid")]
    return cases


def _arithmetic() -> list[OpCase]:
    a, b = _SHIFTED, _POSITIVE
    pair = (_int([[-7, 7, -7, 7]], "int8"), _int([[2, 2, -2, -2]], "int8"))
    cases = [
        OpCase(TABLE["add"], a, expected=lambda x: x),
        OpCase(TABLE["add"], a, b, _normal(3, 4), expected=lambda x, y, z: x + y + z),
        OpCase(TABLE["add"], a, _normal(4), expected=np.add),
        OpCase(TABLE["add"], _normal(1, 4), _normal(3, 1), shapes=[_ROW, _COL], expected=np.add),
        OpCase(TABLE["add"], np.zeros((0, 4)), np.float64(2.0)),
        OpCase(TABLE["add"], _INTS, a[:2, :3], expected=np.add),
        OpCase(TABLE["mul"], a, b, np.float64(1.7), expected=lambda x, y, z: x * y * z),
        OpCase(TABLE["mul"], _normal(1, 4), a, shapes=[_ROW, (None, None)], expected=np.multiply),
        OpCase(TABLE["mul"], _INTS, _INTS, expected=np.multiply),
        OpCase(TABLE["sub"], a, _normal(3, 1), shapes=[(None, None), _COL], expected=np.subtract),
        OpCase(TABLE["true_div"], a, b, expected=np.divide),
        OpCase(TABLE["true_div"], *pair),
        OpCase(TABLE["int_div"], *pair, expected=np.floor_divide),
        OpCase(TABLE["int_div"], _STEPS, np.full((2, 3), 0.55), expected=np.floor_divide),
        OpCase(TABLE["mod"], *pair, expected=np.remainder),
        OpCase(TABLE["mod"], _STEPS, np.full((2, 3), 0.55), expected=np.remainder),
        OpCase(TABLE["pow"], b, a, expected=np.power),
        OpCase(TABLE["pow"], _INTS, _int([[0, 1, 2]], "int32"), shapes=[(None, None), _ROW], expected=np.power),
        OpCase(TABLE["arctan2"], a, b, expected=np.arctan2),
        OpCase(TABLE["maximum"], a, _APART, expected=np.maximum),
        OpCase(TABLE["minimum"], a, _APART, expected=np.minimum),
        OpCase(TABLE["maximum"], np.array([np.nan, 1.0]), np.array([2.0, np.nan]), grad=False, expected=np.maximum),
        OpCase(TABLE["clip"], _STEPS, np.float64(-1.0), np.float64(1.0), expected=np.clip),
        OpCase(TABLE["second"], a, _normal(4), expected=lambda x, y: np.broadcast_to(y, x.shape)),
        OpCase(TABLE["switch"], _MASK, _normal(2, 3), _normal(3), expected=np.where),
        OpCase(TABLE["switch"], _STEPS, _normal(2, 3), np.float64(0.5)),
    ]
    comparisons = {
        "lt": np.less,
        "le": np.less_equal,
        "gt": np.greater,
        "ge": np.greater_equal,
        "eq": np.equal,
        "neq": np.not_equal,
    }
    x, y = np.array([1.0, 2.0, 3.0, np.nan]), np.array([2.0, 2.0, 1.0, np.nan])
    cases += [OpCase(TABLE[name], x, y, grad=False, expected=fn) for name, fn in comparisons.items()]
    special = np.array([np.nan, np.inf, -np.inf, -0.0, 1.0])
    cases += [OpCase(TABLE[name], special, grad=False, expected=getattr(np, name)) for name in ("isnan", "isinf")]
    bits = {"and_": np.bitwise_and, "or_": np.bitwise_or, "xor": np.bitwise_xor}
    cases += [OpCase(TABLE[name], _INTS, _INTS.T.reshape(2, 3), expected=fn) for name, fn in bits.items()]
    cases += [
        OpCase(TABLE["and_"], _MASK, ~_MASK),
        OpCase(TABLE["invert"], _MASK, expected=np.invert),
        OpCase(TABLE["invert"], _INTS, expected=np.invert),
    ]
    return cases


def _complex_and_casts() -> list[OpCase]:
    z = _normal(2, 3) + 1j * _normal(2, 3)
    parts: dict[str, Any] = {"real": np.real, "imag": np.imag, "conj": np.conj, "abs": np.abs, "angle": np.angle}
    cases = [OpCase(TABLE[name], z, expected=fn) for name, fn in parts.items()]
    cuts = np.array([2.0, -2.0, 0.5, complex(2, -0.0), complex(-2, -0.0), 2j, complex(-0.0, -2), 0.5j])
    for name in ("arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh"):
        cases += [OpCase(TABLE[name], points, grad=False, expected=getattr(np, name)) for points in (z, cuts)]
    cases += [OpCase(TABLE["angle"], _SHIFTED, expected=np.angle), OpCase(TABLE["imag"], _SHIFTED, expected=np.imag)]
    for target in ("int32", "bool", "complex64", "float64"):
        cases.append(OpCase(lookup(f"cast_{target}"), _STEPS, expected=lambda x, t=target: x.astype(t)))
    cases.append(OpCase(lookup("cast_float64"), _STEPS.astype("float32"), tol=1e-2))
    cases.append(OpCase(lookup("cast_float32"), _INTS, expected=lambda x: x.astype("float32")))
    steps = ((TABLE["mul"], (0, 1), "float64"), (TABLE["tanh"], (2,), "float64"), (TABLE["add"], (3, 2), "float64"))
    cases.append(
        OpCase(
            Elemwise(Composite(2, steps, (4, 3))),
            _M,
            _normal(4),
            dtypes=("float64",),
            expected=lambda x, y: (np.tanh(x * y) + x * y, np.tanh(x * y)),
        )
    )
    return cases


def _reductions() -> list[OpCase]:
    t = _normal(2, 3, 4)
    t = t + 0.2 * np.arange(24).reshape(2, 3, 4)  # no ties
    zeros = np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 4.0]])
    f, i = "float64", "int64"
    cases = [
        OpCase(Reduce("add", (0, 2), f, f), t, expected=lambda x: x.sum((0, 2))),
        OpCase(Reduce("add", (), f, f), t),
        OpCase(Reduce("add", (0, 1), f, f), _M, expected=np.sum),
        OpCase(Reduce("add", (1,), "float32", f), _M.astype("float32"), tol=1e-2),
        OpCase(Reduce("add", (0,), f, f), np.zeros((0, 3)), expected=lambda x: x.sum(0)),
        OpCase(Reduce("add", (0,), i, i), _MASK, expected=lambda x: x.sum(0)),
        OpCase(Reduce("add", (1,), i, i), _int([[100, 100]], "int8"), expected=lambda x: x.sum(1, dtype=np.int64)),
        OpCase(Reduce("mul", (1,), f, f), _POSITIVE, expected=lambda x: x.prod(1)),
        OpCase(Reduce("mul", (1,), f, f), zeros, expected=lambda x: x.prod(1)),
        OpCase(Reduce("maximum", (1,), f, f), t, expected=lambda x: x.max(1), dtypes=("float64",)),
        OpCase(Reduce("minimum", (0, 1, 2), f, f), t, expected=np.min, dtypes=("float64",)),
        OpCase(Reduce("supremum", (1,), f, f), t, expected=lambda x: x.max(1), dtypes=("float64",)),
        OpCase(Reduce("supremum", (0,), f, f), np.zeros((0, 2)), grad=False, expected=lambda x: np.full(2, -np.inf)),
        OpCase(Reduce("maximum", (0,), f, f), np.array([1.0, np.nan, 2.0]), grad=False, expected=np.max),
        OpCase(Reduce("and_", (0,), "bool", "bool"), _MASK, expected=lambda x: x.all(0)),
        OpCase(Reduce("or_", (0, 1), "bool", "bool"), _MASK, expected=np.any),
        OpCase(Argmax((1,)), t, expected=lambda x: x.argmax(1)),
        OpCase(Argmax((0, 1, 2)), t, expected=np.argmax),
        OpCase(Argmax((0, 2)), t),
        OpCase(Argmax((0,)), np.array([1.0, np.nan, np.nan]), expected=np.argmax),
    ]
    for case in cases:  # the result's dtype is a parameter, so float32 inputs would be another case
        case.dtypes = ("float64",)
    return cases


def _log_sum_exps() -> list[OpCase]:
    rng = np.random.default_rng(3)  # of its own: more cases here leave the values of the others as they are
    t, large = rng.normal(size=(2, 3, 4)), np.array([[1000.0, 999.0], [-1000.0, -1001.0]])
    infinite = np.array([[-np.inf, -np.inf], [np.inf, 1.0], [-np.inf, 2.0], [np.nan, 1.0]])
    return [
        OpCase(LogSumExp((1,)), t, expected=lambda x: np.log(np.exp(x).sum(1)).astype(x.dtype)),
        OpCase(LogSumExp((0, 2)), t, expected=lambda x: np.log(np.exp(x).sum((0, 2))).astype(x.dtype)),
        OpCase(LogSumExp((0, 1, 2)), t, expected=lambda x: np.log(np.exp(x).sum()).astype(x.dtype)),
        OpCase(
            LogSumExp((1,)), large, grad=False,
            expected=lambda x: (np.array([1000, -1000]) + np.log1p(np.exp(-1.0))).astype(x.dtype), dtypes=("float64",),
        ),
        OpCase(
            LogSumExp((1,)), infinite, grad=False,
            expected=lambda x: np.array([-np.inf, np.inf, 2.0, np.nan], x.dtype), dtypes=("float64",),
        ),
        OpCase(LogSumExp((1,)), np.zeros((2, 0)), grad=False, expected=lambda x: np.full(2, -np.inf, x.dtype)),
    ]  # fmt: skip


def _mapped_reductions() -> list[OpCase]:
    f, b = "float64", "bool"
    rng = np.random.default_rng(2)  # of its own: more cases here leave the values of the others as they are
    t = rng.permutation(24).reshape(2, 3, 4) - 11.4  # no ties, and none close to the kink at 0
    sqr, abs_, mul, lt = (TABLE[name] for name in ("sqr", "abs", "mul", "lt"))
    steps = ((TABLE["sub"], (0, 1), f), (sqr, (2,), f))
    distance = Composite(2, steps, (3,))
    scaled = Composite(3, (*steps, (mul, (4, 2), f)), (5,))
    cases = [
        OpCase(MapReduce(sqr, "add", (0, 1), f, f), _M, expected=lambda x: (x**2).sum()),
        OpCase(MapReduce(sqr, "add", (), f, f), _M, expected=np.square),
        OpCase(
            MapReduce(distance, "add", (1,), f, f), _M, rng.normal(size=4), expected=lambda x, y: ((x - y) ** 2).sum(1)
        ),
        OpCase(
            MapReduce(distance, "add", (0,), f, f),
            _M,
            rng.normal(size=(3, 1)),
            shapes=[(None, None), _COL],
            expected=lambda x, y: ((x - y) ** 2).sum(0),
        ),
        OpCase(MapReduce(scaled, "add", (0, 2), f, f), t, rng.normal(size=(2, 3, 4)), np.float64(0.4)),
        OpCase(
            MapReduce(mul, "add", (0, 1), f, f), rng.normal(size=(3, 1)), rng.normal(size=(1, 4)), shapes=[_COL, _ROW]
        ),
        OpCase(
            MapReduce(mul, "add", (0,), f, f), np.zeros((0, 3)), rng.normal(size=3), expected=lambda x, y: np.zeros(3)
        ),
        OpCase(MapReduce(abs_, "maximum", (1,), f, f), _SHIFTED, expected=lambda x: abs(x).max(1)),
        OpCase(MapReduce(abs_, "minimum", (0, 2), f, f), t, expected=lambda x: abs(x).min((0, 2))),
        OpCase(MapReduce(sqr, "maximum", (0,), f, f), np.array([1.0, np.nan, 2.0]), grad=False),
        OpCase(MapReduce(abs_, "mul", (1,), f, f), _POSITIVE, expected=lambda x: x.prod(1)),
        OpCase(
            MapReduce(lt, "add", (1,), "int64", "int64"), _M, rng.normal(size=4), expected=lambda x, y: (x < y).sum(1)
        ),
        OpCase(MapReduce(lt, "and_", (0,), b, b), _M, rng.normal(size=4), expected=lambda x, y: (x < y).all(0)),
        OpCase(MapReduce(TABLE["neq"], "or_", (0, 1), b, b), _INTS, _int(9), expected=lambda x, y: (x != y).any()),
    ]
    for case in cases:
        case.dtypes = ("float64",)
    return cases


def _indexed_maps() -> list[OpCase]:
    f = "float64"
    rng = np.random.default_rng(3)
    table, other, rows = rng.normal(size=(5, 4)), rng.normal(size=(3, 4)), np.array([4, -5, 0, 4])
    y, some, t = rng.normal(size=(4, 4)), np.array([[2, 1, -1], [0, 2, 2]]), rng.normal(size=(2, 3, 4))
    sub, sqr, mul = (TABLE[name] for name in ("sub", "sqr", "mul"))
    both = Composite(2, ((sub, (0, 1), f), (sqr, (2,), f), (mul, (2, 1), f)), (3, 4))
    cases = [
        OpCase(IndexedMap(sqr, (0,)), table, rows, expected=lambda x, i: x[i] ** 2),
        OpCase(IndexedMap(mul, (0, 1)), table, other, rows, np.array([1, 0, 2, -1]),
               expected=lambda x, z, i, j: x[i] * z[j]),
        OpCase(IndexedMap(sub, (1,)), t, other, some, expected=lambda u, x, i: u - x[i]),
        OpCase(IndexedMap(sub, (0,), "add", (1,), f, f), table, y, rows, expected=lambda x, u, i: (x[i] - u).sum(1)),
        OpCase(IndexedMap(both, (0,), "add", (0, 1), f, f), table, y, rows,
               expected=lambda x, u, i: (((x[i] - u) ** 2).sum(), (x[i] - u) * u)),
        OpCase(IndexedMap(both, (0,), "maximum", (1,), f, f), table, y, rows, grad=False,
               expected=lambda x, u, i: (((x[i] - u) ** 2).max(1), (x[i] - u) * u)),
        OpCase(IndexedMap(both, (0,), "add", (0, 1), f, f), table, rng.normal(size=4), np.zeros(0, np.int64),
               expected=lambda x, u, i: (0.0, np.zeros((0, 4)))),
    ]  # fmt: skip
    for case in cases:
        case.dtypes = ("float64",)
    return cases


def _shapes() -> list[OpCase]:
    t = _normal(2, 3, 4)
    return [
        OpCase(ShapeOf(), t, expected=lambda x: np.array(x.shape)),
        OpCase(ShapeOf(), np.float64(1.0)),
        OpCase(Shape_i(1), t, expected=lambda x: 3),
        OpCase(DimShuffle((2, -1, 0, 1)), t, expected=lambda x: x.transpose(2, 0, 1)[:, None]),
        OpCase(DimShuffle((1,)), _normal(1, 4), shapes=[_ROW], expected=lambda x: x[0]),
        OpCase(DimShuffle((-1, -1)), np.float64(2.0)),
        OpCase(DimShuffle((1, 0)), np.zeros((0, 2))),
        OpCase(Reshape(2), t, _int(4), _int(6), expected=lambda x, a, b: x.reshape(a, b)),
        OpCase(Reshape(2), t, _int(-1), _int(12), expected=lambda x, a, b: x.reshape(a, b)),
        OpCase(Reshape(3), _normal(0, 3), _int(3), _int(0), _int(5)),
        OpCase(Reshape(0), _normal(1, 1)),
        OpCase(SpecifyShape((None, 4)), _M, expected=lambda x: x),
        OpCase(MakeVector(), np.float64(1.0), np.float64(2.0), expected=lambda a, b: np.array([a, b])),
        OpCase(MakeVector(), _int(1), np.float64(2.5)),
        OpCase(Join(0), _M, _normal(2, 4), _normal(0, 4), expected=lambda *x: np.concatenate(x)),
        OpCase(Join(1), _M, _int([[1], [2], [3]]), expected=lambda a, b: np.concatenate([a, b], 1)),
        OpCase(Join(1), _normal(3, 1), _M, shapes=[_COL, (None, None)]),
    ]


def _creation() -> list[OpCase]:
    return [
        OpCase(Alloc(), np.float64(1.5), _int(2), _int(3), expected=lambda v, n, m: np.full((n, m), v)),
        OpCase(Alloc(), _normal(3), _int(2), _int(3), expected=lambda v, n, m: np.broadcast_to(v, (n, m))),
        OpCase(Alloc(), _normal(1, 3), _int(2), _int(3), shapes=[_ROW, (), ()]),
        OpCase(Alloc(), _int(7), _int(0)),
        OpCase(AllocEmpty("float32"), _int(2), _int(3), values=False),
        OpCase(AllocEmpty("int64"), values=False),
        OpCase(ARange("int64"), _int(2), _int(11), _int(3), expected=np.arange),
        OpCase(ARange("int64"), _int(5), _int(-5), _int(-2), expected=np.arange),
        OpCase(ARange("int64"), _int(5), _int(2), _int(1), expected=np.arange),
        OpCase(
            ARange("float64"),
            np.float64(0.5),
            np.float64(2.9),
            np.float64(0.7),
            dtypes=("float64",),
            expected=np.arange,
        ),
        OpCase(Eye("float64"), _int(3), _int(4), _int(1), expected=np.eye),
        OpCase(Eye("int8"), _int(3), _int(2), _int(-1), expected=np.eye),
    ]


def _products() -> list[OpCase]:
    v, w = _normal(4), _normal(3)
    s = np.float64(0.7)
    return [
        OpCase(Dot(), v, _normal(4), expected=np.dot),
        OpCase(Dot(), _M, v, expected=np.dot),
        OpCase(Dot(), w, _M, expected=np.dot),
        OpCase(Dot(), _M, _normal(4, 2), expected=np.dot),
        OpCase(Dot(), _normal(3, 0), _normal(0, 2), expected=np.dot),
        OpCase(Dot(), _INTS, _INTS.T, expected=np.dot),
        OpCase(Dot(), _INTS, _normal(3, 2)),
        OpCase(Dot(), _normal(3, 1), _normal(1, 2), shapes=[_COL, _ROW]),
        OpCase(Gemv(), w, s, _M, v, np.float64(-1.2), expected=lambda y, a, m, x, b: b * y + a * m @ x),
        OpCase(
            Gemm(),
            _normal(3, 2),
            s,
            _M,
            _normal(4, 2),
            np.float64(1.0),
            expected=lambda c, a, x, y, b: b * c + a * x @ y,
        ),
        OpCase(Ger(), _M, s, w, v, expected=lambda m, a, x, y: m + a * np.outer(x, y)),
        OpCase(BatchedDot(), _normal(2, 3, 4), _normal(2, 4, 2), expected=np.matmul),
        OpCase(BatchedDot(), _normal(0, 3, 4), _normal(0, 4, 2), expected=np.matmul),
    ]


def _indexing() -> list[OpCase]:
    t = _normal(4, 5, 3)
    rows, cols = _int([0, 2, 2]), _int([[4], [1]])
    part = (("slice", 1, None, 2), INPUT, ("slice", INPUT, None, None))
    taken = ("array", ("slice", None, None, -1))
    apart = ("array", ("slice", None, None, None), "array")
    return [
        OpCase(Subtensor(part), t, _int(-1), _int(1), expected=lambda x, a, b: x[1::2, a, b:]),
        OpCase(Subtensor((0, -1, 2)), t, expected=lambda x: x[0, -1, 2]),
        OpCase(Subtensor((("slice", 8, 2, -1),)), _normal(9), expected=lambda x: x[8:2:-1]),
        OpCase(Subtensor((("slice", 3, 3, None),)), t, expected=lambda x: x[3:3]),
        OpCase(
            Subtensor((("slice", INPUT, INPUT, INPUT),)),
            t,
            _int(-9),
            _int(3),
            _int(2),
            expected=lambda x, a, b, c: x[a:b:c],
        ),
        OpCase(IncSubtensor(part), t, _normal(2, 3), _int(-1), _int(0)),
        OpCase(IncSubtensor(part, True), t, _normal(3), _int(2), _int(0)),
        OpCase(IncSubtensor((0,), True), _M, np.float64(3.0)),
        OpCase(IncSubtensor((("slice", 1, None, None),)), _INTS, _int(2, "int32")),
        OpCase(AdvancedSubtensor(taken), t, rows, expected=lambda x, i: x[i, ::-1]),
        OpCase(
            AdvancedSubtensor(("array", "array")),
            t,
            rows,
            cols,
            shapes=[(None,) * 3, (None,), _COL],
            expected=lambda x, i, j: x[i, j],
        ),
        OpCase(AdvancedSubtensor(apart), t, rows, _int([0, 1, 2]), expected=lambda x, i, j: x[i, :, j]),
        OpCase(AdvancedSubtensor(("array",)), t, _int([]), expected=lambda x, i: x[i]),
        OpCase(AdvancedIncSubtensor(taken), t, _normal(3, 5, 3), rows),
        OpCase(AdvancedIncSubtensor(apart), t, _normal(3, 5), rows, _int([0, 1, 2])),
        OpCase(AdvancedIncSubtensor(("array",), True), t, _normal(3), _int([3, 1])),
        OpCase(AdvancedIncSubtensor(("array",)), t, np.float64(1.0), rows),
        OpCase(SliceLength((True, True, True)), _int(9), _int(8), _int(2), _int(-1), expected=lambda *a: 6),
        OpCase(SliceLength((False, True, False)), _int(9), _int(-2), expected=lambda *a: 7),
        OpCase(Nonzero(), _MASK, expected=np.nonzero),
        OpCase(Nonzero(), np.array([0.0, 2.0, np.nan]), expected=np.nonzero),
    ]


def silent(op: Op, value: Any) -> None:
    """Print nothing."""


@as_op(
    [TensorType("float64", (None, None)), TensorType("float64", (None, None))],
    [TensorType("float64", (None, None))],
    infer_shape=lambda node, shapes: [(shapes[0][0], shapes[1][1])],
)
def numpy_dot(a: Any, b: Any) -> Any:
    """The product of two matrices, as an Op made from a Python function."""
    return np.dot(a, b)


def _special() -> list[OpCase]:
    return [
        OpCase(Print("value", ("shape",), silent), _M, plain=False, expected=lambda x: x),
        OpCase(Assert("must be true"), _M, np.array(True), _MASK.any(1), expected=lambda x, *c: x),
        OpCase(ZeroGrad(), _M, same_jacobian=False),
        OpCase(DisconnectedGrad(), _M, same_jacobian=False),
        OpCase(GradClip(-0.9, 0.9), _M, same_jacobian=False),
        OpCase(GradScale(-2.0), _M, same_jacobian=False),
        OpCase(UndefinedGrad(), _M, undefined=[0], same_jacobian=False),
        OpCase(
            numpy_dot,
            _M,
            _normal(4, 2),
            dtypes=("float64",),
            undefined=[0, 1],
            same_jacobian=False,
            plain=False,
            expected=np.dot,
        ),
    ]


#: One list of all cases.
CASES: list[OpCase] = [
    *_smooth(),
    *_arithmetic(),
    *_complex_and_casts(),
    *_reductions(),
    *_mapped_reductions(),
    *_indexed_maps(),
    *_log_sum_exps(),
    *_shapes(),
    *_creation(),
    *_products(),
    *_indexing(),
    *_special(),
    *CONTROL_CASES,
    *NUMERIC_CASES,
    *LINALG_CASES,
    *RANDOM_CASES,
    *SPARSE_CASES,
    *OBJECT_CASES,
]
