"""The table of scalar functions: one line each. What happens to tensors is in ``elemwise``."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symcore.config import config
from symcore.tensor import dtypes
from symcore.tensor.constant import as_tensor, constant
from symcore.tensor.dtypes import BOOL, upcast, upgrade_to_float
from symcore.tensor.elemwise import FAMILIES, TABLE, DType, DTypeRule, ScalarFn, guard_zero, is_constant, times
from symcore.tensor.scalar_docs import describe

# ---------------------------------------------------------------------- dtype rules


def _same(ins: Sequence[DType]) -> tuple[DType, DType]:
    d = upcast(*ins)
    return d, d


def _number(ins: Sequence[DType]) -> tuple[DType, DType]:
    d = upcast(*ins)
    if d is BOOL:
        raise TypeError("truth values cannot be subtracted or negated; cast them, or use xor (^) or invert (~).")
    return d, d


def _int8_of_bool(ins: Sequence[DType]) -> tuple[DType, DType]:
    d = upcast(*ins)
    d = dtypes.INTEGERS[0] if d is BOOL else d
    return d, d


def _float(ins: Sequence[DType]) -> tuple[DType, DType]:
    d = upgrade_to_float(upcast(*ins))
    return d, d


def _compare(ins: Sequence[DType]) -> tuple[DType, DType]:
    return upcast(*ins), BOOL


def _bits(ins: Sequence[DType]) -> tuple[DType, DType]:
    d = upcast(*ins)
    if d.kind not in "biu":
        raise TypeError(f"bitwise and logical functions take integers and truth values, got {d}.")
    return d, d


def _divide(ins: Sequence[DType]) -> tuple[DType, DType]:
    d = upcast(*ins)
    if d.kind in "biu":
        d = dtypes.as_dtype(config.floatX)
    return d, d


def _real(ins: Sequence[DType]) -> tuple[DType, DType]:
    d = upcast(*ins)
    return d, dtypes.as_dtype(f"float{d.itemsize * 4}") if d.kind == "c" else d


def _second(ins: Sequence[DType]) -> tuple[DType, DType]:
    return ins[1], ins[1]


def _switch(ins: Sequence[DType]) -> tuple[DType, DType]:
    d = upcast(*ins[1:])
    return d, d


def _of_reals(name: str, rule: DTypeRule) -> DTypeRule:
    def checked(ins: Sequence[DType]) -> tuple[DType, DType]:
        if any(d.kind == "c" for d in ins):
            raise TypeError(
                f"{name} is not defined for complex numbers, got {', '.join(d.name for d in ins)}. "
                "Take T.real, T.imag or T.abs first."
            )
        return rule(ins)

    return checked


# ---------------------------------------------------------------------- making one


def scalar(
    name: str,
    numpy: Callable[..., Any],
    *partials: Callable[..., Any] | None,
    nin: int | None = 1,
    rule: DTypeRule = _float,
    real: bool = False,
    **options: Any,
) -> ScalarFn:
    """Enter a function into the table and return it. ``partials`` as in ``ScalarFn``; ``real``: refuse complex numbers,
    for which it is not defined, when the graph is built."""
    if name in TABLE:
        raise ValueError(f"there is a scalar function {name!r} in the table already.")
    options.setdefault("doc", describe(name, rule.__name__, real))
    fn = ScalarFn(name, numpy, nin, _of_reals(name, rule) if real else rule, partials or None, **options)
    TABLE[name] = fn
    return fn


def _binary(name: str, numpy: Callable[..., Any], *partials: Callable[..., Any] | None, **options: Any) -> ScalarFn:
    return scalar(name, numpy, *partials, nin=2, **options)


def _sigmoid(x: Any) -> Any:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def _sgn(x: Any) -> Any:
    return np.sign(x)


def _round_half_away(x: Any) -> Any:
    t = np.trunc(x)
    return t + np.copysign(np.abs(x - t) >= 0.5, x)


def _safe_power(x: Any, y: Any) -> Any:
    if np.asarray(x).dtype.kind in "iu" and np.any(np.asarray(y) < 0):
        raise ValueError("an integer to a negative integer power is not an integer; cast one of them to float.")
    if np.size(y) == 1 and np.all(np.equal(y, 0.5)) and np.asarray(x).dtype.kind == "f":
        # NumPy takes the square root for one exponent 0.5, though not for many, and of minus infinity that is NaN.
        return np.where(np.isneginf(x), np.asarray(np.inf, np.asarray(x).dtype), np.sqrt(x) + 0)
    return np.power(x, y)


def _switch_np(c: Any, a: Any, b: Any) -> Any:
    return np.where(c != 0, a, b)


# ---------------------------------------------------------------------- arithmetic

add = scalar("add", np.add, nin=None, rule=_same, symbol="+", pullback=lambda xs, y, g: [g] * len(xs))
mul = scalar(
    "mul",
    np.multiply,
    nin=None,
    rule=_same,
    symbol="*",
    pullback=lambda xs, y, g: [times(g, *xs[:i], *xs[i + 1 :]) for i in range(len(xs))],
)
sub = _binary("sub", np.subtract, lambda a, b, y: 1, lambda a, b, y: -1, rule=_number, symbol="-")
neg = scalar("neg", np.negative, lambda x, y: -1, rule=_number)
true_div = _binary("true_div", np.true_divide, rule=_divide, symbol="/", pullback=lambda xs, y, g: _div_terms(xs, y, g))
int_div = _binary("int_div", np.floor_divide, rule=_int8_of_bool, symbol="//", real=True)
mod = _binary(
    "mod", np.remainder, lambda a, b, y: 1, lambda a, b, y: -(a // b), rule=_int8_of_bool, symbol="%", real=True
)
pow = _binary("pow", _safe_power, rule=_int8_of_bool, symbol="**", pullback=lambda xs, y, g: _pow_terms(xs, y, g))
sqr = scalar("sqr", np.square, lambda x, y: 2 * x, rule=_int8_of_bool)
sqrt = scalar("sqrt", np.sqrt, lambda x, y: 0.5 / y, singular=True)
cbrt = scalar("cbrt", np.cbrt, lambda x, y: 1 / (3 * sqr(y)), singular=True, real=True)
reciprocal = scalar("reciprocal", lambda x: 1 / x, lambda x, y: -sqr(y), singular=True)
abs = scalar("abs", np.absolute, lambda x, y: sgn(x), rule=_real)
sgn: ScalarFn = scalar("sgn", _sgn, lambda x, y: 0, rule=_int8_of_bool)
maximum = _binary("maximum", np.maximum, rule=_same, pullback=lambda xs, y, g: [switch(eq(y, x), g, 0) for x in xs])
minimum = _binary("minimum", np.minimum, rule=_same, pullback=lambda xs, y, g: [switch(eq(y, x), g, 0) for x in xs])
clip = scalar(
    "clip",
    lambda x, lo, hi: np.minimum(np.maximum(x, lo), hi),
    nin=3,
    rule=_same,
    pullback=lambda xs, y, g: _clip_terms(xs, g),
)

# ---------------------------------------------------------------------- exponentials and logarithms

exp = scalar("exp", np.exp, lambda x, y: y)
exp2 = scalar("exp2", np.exp2, lambda x, y: y * float(np.log(2)))
expm1 = scalar("expm1", np.expm1, lambda x, y: exp(x))
log = scalar("log", np.log, lambda x, y: 1 / x, singular=True)
log2 = scalar("log2", np.log2, lambda x, y: 1 / (x * float(np.log(2))), singular=True)
log10 = scalar("log10", np.log10, lambda x, y: 1 / (x * float(np.log(10))), singular=True)
log1p = scalar("log1p", np.log1p, lambda x, y: 1 / (1 + x), singular=True)
sigmoid = scalar("sigmoid", _sigmoid, lambda x, y: y * (1 - y), real=True)
softplus = scalar("softplus", lambda x: np.logaddexp(x, x.dtype.type(0)), lambda x, y: sigmoid(x), real=True)

# ---------------------------------------------------------------------- trigonometry

sin = scalar("sin", np.sin, lambda x, y: cos(x))
cos: ScalarFn = scalar("cos", np.cos, lambda x, y: -sin(x))
tan = scalar("tan", np.tan, lambda x, y: 1 + sqr(y))
arcsin = scalar("arcsin", np.arcsin, lambda x, y: 1 / sqrt(1 - sqr(x)), singular=True)
arccos = scalar("arccos", np.arccos, lambda x, y: -1 / sqrt(1 - sqr(x)), singular=True)
arctan = scalar("arctan", np.arctan, lambda x, y: 1 / (1 + sqr(x)))
arctan2 = _binary(
    "arctan2",
    np.arctan2,
    lambda a, b, y: b / (sqr(a) + sqr(b)),
    lambda a, b, y: -a / (sqr(a) + sqr(b)),
    singular=True,
    real=True,
)
sinh = scalar("sinh", np.sinh, lambda x, y: cosh(x))
cosh: ScalarFn = scalar("cosh", np.cosh, lambda x, y: sinh(x))
tanh = scalar("tanh", np.tanh, lambda x, y: 1 - sqr(y))
arcsinh = scalar("arcsinh", np.arcsinh, lambda x, y: 1 / sqrt(sqr(x) + 1))
arccosh = scalar("arccosh", np.arccosh, lambda x, y: 1 / sqrt(sqr(x) - 1), singular=True)
arctanh = scalar("arctanh", np.arctanh, lambda x, y: 1 / (1 - sqr(x)), singular=True)
deg2rad = scalar("deg2rad", np.deg2rad, lambda x, y: float(np.pi / 180), real=True)
rad2deg = scalar("rad2deg", np.rad2deg, lambda x, y: float(180 / np.pi), real=True)

# ---------------------------------------------------------------------- rounding

ceil = scalar("ceil", np.ceil, lambda x, y: 0, rule=_int8_of_bool, real=True)
floor = scalar("floor", np.floor, lambda x, y: 0, rule=_int8_of_bool, real=True)
trunc = scalar("trunc", np.trunc, lambda x, y: 0, rule=_int8_of_bool, real=True)
round_half_to_even = scalar("round_half_to_even", np.rint, lambda x, y: 0)
round_half_away_from_zero = scalar("round_half_away_from_zero", _round_half_away, lambda x, y: 0, real=True)

# ---------------------------------------------------------------------- comparison, logic, choice

#: NumPy compares int64 with uint64 exactly, though there is no integer that both could be converted to.
_EXACT: dict[str, Any] = {"unconverted": (0, 1)}
lt = _binary("lt", np.less, rule=_compare, symbol="<", **_EXACT)
le = _binary("le", np.less_equal, rule=_compare, symbol="<=", **_EXACT)
gt = _binary("gt", np.greater, rule=_compare, symbol=">", **_EXACT)
ge = _binary("ge", np.greater_equal, rule=_compare, symbol=">=", **_EXACT)
eq: ScalarFn = _binary("eq", np.equal, rule=_compare, symbol="==", **_EXACT)
neq = _binary("neq", np.not_equal, rule=_compare, symbol="!=", **_EXACT)
isnan = scalar("isnan", np.isnan, rule=_compare)
isinf = scalar("isinf", np.isinf, rule=_compare)
and_ = _binary("and_", np.bitwise_and, rule=_bits, symbol="&")
or_ = _binary("or_", np.bitwise_or, rule=_bits, symbol="|")
xor = _binary("xor", np.bitwise_xor, rule=_bits, symbol="^")
invert = scalar("invert", np.invert, rule=_bits)


def _zero_of(g: Any) -> Any:
    return np.zeros((), g.type.dtype)


switch: ScalarFn = scalar(
    "switch",
    _switch_np,
    nin=3,
    rule=_switch,
    pullback=lambda xs, y, g: [None, switch(xs[0], g, _zero_of(g)), switch(xs[0], _zero_of(g), g)],
    unconverted=(0,),
)

# ---------------------------------------------------------------------- structure, complex numbers

identity = scalar("identity", lambda x: np.array(x), lambda x, y: 1, rule=_same)
second = _binary("second", lambda x, y: np.broadcast_arrays(x, y)[1].copy(), None, lambda x, y, z: 1, rule=_second)
real = scalar("real", lambda x: np.real(x).copy(), lambda x, y: 1, rule=_real)
imag = scalar("imag", lambda x: np.imag(x).copy(), rule=_real)
conj = scalar("conj", np.conjugate, lambda x, y: 1, rule=_same)
angle = scalar("angle", np.angle, rule=lambda ins: (_float(ins)[0], _real([_float(ins)[0]])[1]))


def _div_terms(xs: Sequence[Any], y: Any, g: Any) -> list[Any]:
    a, b = xs
    if is_constant(b):  # a constant divisor has no gradient, and its zeros are the user's own
        return [g / b, None]
    by_a = None if is_constant(a) else guard_zero(g, g / b)
    return [by_a, guard_zero(g, -g * y / b)]


def _pow_terms(xs: Sequence[Any], y: Any, g: Any) -> list[Any]:
    a, b = xs
    if is_constant(b) and b.data.size == 1:
        exponent = b.data.item()
        if exponent == 0:
            return [None, None]
        if exponent in (1, 2):
            return [g if exponent == 1 else times(g, 2 * a), None]
        return [guard_zero(g, g * (b * a ** (b - 1))), None]
    by_a = None if is_constant(a) else guard_zero(g, switch(eq(b, 0), 0, g * (b * a ** (b - 1))))
    by_b = guard_zero(g, switch(eq(a, 0), 0, g * (y * log(a))))
    return [by_a, by_b]


def _clip_terms(xs: Sequence[Any], g: Any) -> list[Any]:
    x, low, high = xs
    inside = and_(ge(x, low), le(x, high))
    return [switch(inside, g, 0), switch(lt(x, low), g, 0), switch(gt(x, high), g, 0)]


# ---------------------------------------------------------------------- casts: a family, one member per dtype


def _make_cast(name: str) -> ScalarFn:
    target = dtypes.as_dtype(name)
    key = f"cast_{target.name}"
    if key not in TABLE:

        def convert(x: Any) -> Any:
            if target.kind != "c" and x.dtype.kind == "c":
                x = x.real
            return x.astype(target)

        fn = scalar(
            key,
            convert,
            None if target.kind in "biu" else lambda x, y: 1,
            rule=lambda ins: (ins[0], target),
            doc=f"Convert every element to {target.name}.",
        )
        fn.target = target  # type: ignore[attr-defined]
    return TABLE[key]


FAMILIES["cast"] = _make_cast


def cast(x: Any, dtype: Any) -> Any:
    """Return ``x`` with another dtype; ``x`` itself if it has that dtype already. Small constants are cast at once."""
    variable = as_tensor(x)
    target = dtypes.as_dtype(dtype)
    if variable.type.dtype is target:
        return variable
    fn = _make_cast(target.name)
    if is_constant(variable) and variable.name is None and variable.data.size <= 16:
        with np.errstate(all="ignore"):
            return constant(fn.compute([variable.data])[0])
    return fn(variable)


def where(condition: Any, a: Any, b: Any) -> Any:
    """Return ``a`` where ``condition`` is not zero, ``b`` elsewhere; the same as ``switch``."""
    return switch(condition, a, b)


def divmod(a: Any, b: Any) -> tuple[Any, Any]:
    """Return the floor of the quotient of ``a`` and ``b``, and the remainder, with the sign of ``b``."""
    return int_div(a, b), mod(a, b)
