"""Functions of the stored entries: of those that are zero at zero, and of others that leave what is not stored zero."""

from collections.abc import Callable
from typing import Any

from symcore.sparse.base import as_dense, as_sparse_variable
from symcore.sparse.entries import at_entries, entries, with_entries_of
from symcore.tensor import scalar_functions as sf


def structured(function: Callable[..., Any], x: Any, *others: Any) -> Any:
    """Return the sparse ``x`` with ``function`` applied to its stored entries.

    ``function`` takes and returns tensors, elementwise. ``others`` are further arguments: tensors of up to two
    dimensions, broadcast to the shape of ``x``. What is not stored stays zero; gradients are those of stored entries.
    """
    x = as_sparse_variable(x)
    return with_entries_of(x, function(entries(x), *[at_entries(x, as_dense(y, x)) for y in others]))


def _of_entries(name: str, function: Callable[..., Any], what: str) -> Callable[[Any], Any]:
    def apply(x: Any) -> Any:
        return structured(function, x)

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = f"Return the sparse ``x`` with {what} of its stored entries; what is not stored stays zero."
    return apply


def _with_other(name: str, function: Callable[..., Any], what: str) -> Callable[[Any, Any], Any]:
    def apply(x: Any, y: Any) -> Any:
        return structured(function, x, y)

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = (
        f"Return the sparse ``x`` with {what} in place of its stored entries; what is not stored stays zero. "
        "``y`` is a number or a tensor, broadcast."
    )
    return apply


# Not zero at zero: only the stored entries are mapped.
structured_sigmoid = _of_entries("structured_sigmoid", sf.sigmoid, "the sigmoid")
structured_exp = _of_entries("structured_exp", sf.exp, "the exponential")
structured_log = _of_entries("structured_log", sf.log, "the logarithm")
structured_add = _with_other("structured_add", sf.add, "``x + y``")
structured_pow = _with_other("structured_pow", sf.pow, "``x ** y``")
structured_minimum = _with_other("structured_minimum", sf.minimum, "the smaller of ``x`` and ``y``")
structured_maximum = _with_other("structured_maximum", sf.maximum, "the larger of ``x`` and ``y``")

# Zero at zero: the function of the whole matrix. Its gradient is that of the stored entries.
sin = _of_entries("sin", sf.sin, "the sine")
arcsin = _of_entries("arcsin", sf.arcsin, "the inverse sine")
tan = _of_entries("tan", sf.tan, "the tangent")
arctan = _of_entries("arctan", sf.arctan, "the inverse tangent")
sinh = _of_entries("sinh", sf.sinh, "the hyperbolic sine")
arcsinh = _of_entries("arcsinh", sf.arcsinh, "the inverse hyperbolic sine")
tanh = _of_entries("tanh", sf.tanh, "the hyperbolic tangent")
arctanh = _of_entries("arctanh", sf.arctanh, "the inverse hyperbolic tangent")
expm1 = _of_entries("expm1", sf.expm1, "``exp(x) - 1``")
log1p = _of_entries("log1p", sf.log1p, "``log(1 + x)``")
sqr = _of_entries("sqr", sf.sqr, "the square")
sqrt = _of_entries("sqrt", sf.sqrt, "the square root")
abs = _of_entries("abs", sf.abs, "the absolute value")
sgn = _of_entries("sgn", sf.sgn, "the sign")
rint = _of_entries("rint", sf.round_half_to_even, "the nearest integer (halves to even)")
ceil = _of_entries("ceil", sf.ceil, "the smallest integer not below")
floor = _of_entries("floor", sf.floor, "the largest integer not above")
trunc = _of_entries("trunc", sf.trunc, "the integer part")
deg2rad = _of_entries("deg2rad", sf.deg2rad, "degrees as radians")
rad2deg = _of_entries("rad2deg", sf.rad2deg, "radians as degrees")
conj = _of_entries("conj", sf.conj, "the complex conjugate")
