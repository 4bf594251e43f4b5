"""Elementwise functions, on one, two or three tensors and on numbers."""

import numpy as np

from numpy_differential.case import Case, Drawer

#: Functions that are rounded once, and others whose last places are not determined: name -> (NumPy's, kinds, domain).
_FLOAT_UNARY = {
    "sqrt": ("sqrt", "biufc", ""), "cbrt": ("cbrt", "biuf", ""), "exp": ("exp", "biufc", ""),
    "exp2": ("exp2", "biufc", ""),
    "expm1": ("expm1", "biufc", ""), "log": ("log", "biufc", ""), "log2": ("log2", "biufc", ""),
    "log10": ("log10", "biufc", ""), "log1p": ("log1p", "biufc", ""), "sin": ("sin", "biufc", ""),
    "cos": ("cos", "biufc", ""), "tan": ("tan", "biufc", ""), "arcsin": ("arcsin", "biufc", ""),
    "arccos": ("arccos", "biufc", ""), "arctan": ("arctan", "biufc", ""), "sinh": ("sinh", "biufc", ""),
    "cosh": ("cosh", "biufc", ""), "tanh": ("tanh", "biufc", ""), "arcsinh": ("arcsinh", "biufc", ""),
    "arccosh": ("arccosh", "biufc", ""), "arctanh": ("arctanh", "biufc", ""), "deg2rad": ("deg2rad", "biuf", ""),
    "rad2deg": ("rad2deg", "biuf", ""), "angle": ("angle", "fc", ""), "sinc": ("sinc", "f", "normal"),
    "i0": ("i0", "f", "normal"),
}  # fmt: skip
_EXACT_UNARY = {
    "abs": ("abs", "biufc"), "neg": ("negative", "iufc"), "sgn": ("sign", "iuf"), "sqr": ("square", "iuf"),
    "ceil": ("ceil", "iuf"), "floor": ("floor", "iuf"), "trunc": ("trunc", "iuf"), "round": ("rint", "f"),
    "isnan": ("isnan", "biufc"), "isinf": ("isinf", "biufc"), "invert": ("invert", "biu"), "real": ("real", "biufc"),
    "imag": ("imag", "biufc"), "conj": ("conj", "biufc"),
}  # fmt: skip
_BINARY = {
    "add": ("add", "biufc"), "sub": ("subtract", "iufc"), "mul": ("multiply", "biufc"), "maximum": ("maximum", "biuf"),
    "minimum": ("minimum", "biuf"), "int_div": ("floor_divide", "iuf"), "mod": ("remainder", "iuf"),
    "lt": ("less", "biufc"), "le": ("less_equal", "biufc"), "gt": ("greater", "biufc"),
    "ge": ("greater_equal", "biufc"), "eq": ("equal", "biufc"),
    "neq": ("not_equal", "biufc"), "and_": ("bitwise_and", "biu"),
    "or_": ("bitwise_or", "biu"), "xor": ("bitwise_xor", "biu"),
}  # fmt: skip
_OPERATORS = ("+", "-", "*", "/", "//", "%", "<", "<=", ">", ">=")


def float_unary(g: Drawer) -> Case:
    """A function that gives floats; the last places of its results are not determined."""
    name = g.choose(list(_FLOAT_UNARY))
    twin, kinds, style = _FLOAT_UNARY[name]
    x = g.any(kinds, style=style or None)
    return g.case(f"T.{name}({x})", f"np.{twin}({g.as_float(x)})", **_float_bound(g, x))


def _float_bound(g: Drawer, x: str) -> dict[str, object]:
    if g.kind(x) == "c":
        return {"ulps": 16, "wide": False}
    return {"ulps": 4}


def exact_unary(g: Drawer) -> Case:
    """A function whose result is exact, or rounded once."""
    name = g.choose(list(_EXACT_UNARY))
    twin, kinds = _EXACT_UNARY[name]
    x = g.any(kinds)
    method = name in ("real", "imag")
    if name == "conj" and g.kind(x) == "b":
        g.differs("conjugate of bool")
        return g.case(f"T.conj({x})", f"{x}.copy()")
    rounded = {"ulps": 2} if name == "abs" and g.kind(x) == "c" else {}  # NumPy's is up to 1.8 units off itself
    return g.case(f"{x}.{name}" if method else f"T.{name}({x})", f"np.{twin}({x})", **rounded)


def differing_unary(g: Drawer) -> Case:
    """Functions whose dtype is not NumPy's."""
    name = g.choose(("round", "floor", "ceil", "trunc", "sqr", "sgn", "reciprocal", "cast", "sigmoid", "softplus"))
    if name == "round":
        x = g.any("iu")
        g.differs("rounding of integers")
        wide = "float32" if g.values[x].dtype.itemsize <= 2 else "float64"
        return g.case(f"T.round({x})", f"np.rint({x}.astype('{wide}'))")
    if name in ("floor", "ceil", "trunc", "sqr", "sgn"):
        x = g.any("b")
        g.differs("floor of bool")
        return g.case(f"T.{name}({x})", f"{x}.astype('int8')")
    if name == "reciprocal":
        x = g.any("iufc")
        if g.kind(x) in "iu":
            g.differs("reciprocal of integers")
        wide = g.values[x].dtype if g.kind(x) in "fc" else np.float32 if g.values[x].dtype.itemsize <= 2 else np.float64
        wide = np.dtype(wide).newbyteorder("=").name
        return g.case(f"T.reciprocal({x})", f"(np.{wide}(1) / {x}.astype('{wide}'))", **_float_bound(g, x))
    if name == "cast":
        x = g.any("biufc", style="dyadic")
        target = g.dtype("biufc")
        source = f"{x}.real" if g.kind(x) == "c" and np.dtype(target).kind != "c" else x
        if np.dtype(target).kind == "u" and g.kind(x) in "fc":
            return g.case(f"abs({x}).astype('{target}')", f"np.abs({x}).astype('{target}')", ulps=1)
        return g.case(f"{x}.astype('{target}')", f"{source}.astype('{target}')")
    x = g.any("f", style="normal")
    twin = f"(1 / (1 + np.exp(-{x})))" if name == "sigmoid" else f"np.logaddexp({x}, {x}.dtype.type(0))"
    return g.case(f"T.{name}({x})", twin, ulps=8)


def binary(g: Drawer) -> Case:
    """A function of two tensors of dtypes of their own that broadcast."""
    name = g.choose(list(_BINARY))
    twin, kinds = _BINARY[name]
    x = g.any(kinds)
    y = g.array(g.dtype(kinds), g.beside(x))
    if g.flip():
        x, y = y, x
    how = {"ulps": 8, "wide": False} if name == "mul" and "c" in g.kind(x) + g.kind(y) else {}
    return g.case(f"T.{name}({x}, {y})", f"np.{twin}({x}, {y})", **how)


def division(g: Drawer) -> Case:
    """True division, and power, and the angle of two numbers."""
    name = g.choose(("true_div", "pow", "arctan2", "divmod"))
    if name == "pow":
        if g.flip():
            x = g.any("iu")
            y = g.array(g.dtype("iu"), g.beside(x), high=4)
            return g.case(f"T.pow({x}, {y})", f"np.power({x}, {y})", ulps=4)
        x = g.any("fiu", style="positive")
        y = g.array(g.dtype("f"), g.beside(x))
        return g.case(f"T.pow({x}, {y})", f"np.power({x}, {y})", ulps=4)
    kinds = {"true_div": "biufc", "arctan2": "f", "divmod": "iuf"}[name]
    x = g.any(kinds)
    y = g.array(g.dtype(kinds), g.beside(x))
    if name == "true_div":
        how = {"ulps": 16, "wide": False} if "c" in g.kind(x) + g.kind(y) else {}
        return g.case(f"T.true_div({x}, {y})", f"np.true_divide({x}, {y})", **how)
    if name == "divmod":
        which = g.draw(0, 1)
        return g.case(f"divmod({x}, {y})[{which}]", f"np.divmod({x}, {y})[{which}]")
    return g.case(f"T.arctan2({x}, {y})", f"np.arctan2({x}, {y})", ulps=4)


def with_number(g: Drawer) -> Case:
    """An operator between a tensor and a Python number that its dtype can hold."""
    kind = g.choose("iufc")
    operator = g.choose(_OPERATORS if kind != "c" else ("+", "*", "-"))
    if kind == "c" and operator == "*":
        g.differs("one times infinity")
    x = g.any(kind, style="wide" if kind == "c" else None)
    number = g.choose(("2", "3", "1", "0", "7") if kind == "u" else ("2", "-3", "1", "0", "-1"))
    if kind in "fc" and g.flip():
        number = g.choose(("0.5", "-2.25", "3.5"))
    text = f"{x} {operator} {number}" if g.flip() else f"{number} {operator} {x}"
    return g.case(text, **({"ulps": 8, "wide": False} if kind == "c" else {}))


def choice(g: Drawer) -> Case:
    """``switch`` and ``clip``."""
    if g.flip():
        condition = g.any("bif")
        a = g.array(g.dtype("biufc"), g.beside(condition))
        b = g.array(g.dtype("biufc"), g.beside(condition))
        return g.case(f"T.switch({condition}, {a}, {b})", f"np.where({condition} != 0, {a}, {b})")
    x = g.any("iuf")
    dtype = g.values[x].dtype.newbyteorder("=").name
    low, high = (g.array(dtype, g.beside(x)) for _ in range(2))
    return g.case(f"T.clip({x}, {low}, {high})", f"np.minimum(np.maximum({x}, {low}), {high})")


STEPS = (float_unary, exact_unary, binary, differing_unary, division, with_number, choice, float_unary, binary)
