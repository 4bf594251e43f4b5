"""Derivatives: reverse (``grad``, ``Lop``), forward (``Rop``), matrices of them, and their checks.

``grad``, ``Lop`` and ``Rop`` need graphs alone; the rest needs tensors and is taken from its module when first used.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from symcore.errors import DisconnectedInputError, GradientError, NullTypeGradError
from symcore.gradient.grad import Lop, grad
from symcore.gradient.rop import Rop
from symcore.graph.null import DisconnectedType, NullType, grad_not_implemented, grad_undefined

if _TYPE_CHECKING:
    from symcore.gradient.flow import (
        consider_constant,
        disconnected_grad,
        grad_clip,
        grad_scale,
        undefined_grad,
        zero_grad,
    )
    from symcore.gradient.matrices import hessian, jacobian
    from symcore.gradient.subgraph import subgraph_grad
    from symcore.gradient.verify import numeric_grad, verify_grad

_HOMES = {
    **dict.fromkeys(
        ("consider_constant", "disconnected_grad", "grad_clip", "grad_scale", "undefined_grad", "zero_grad"),
        "symcore.gradient.flow",
    ),
    "hessian": "symcore.gradient.matrices",
    "jacobian": "symcore.gradient.matrices",
    "subgraph_grad": "symcore.gradient.subgraph",
    "numeric_grad": "symcore.gradient.verify",
    "verify_grad": "symcore.gradient.verify",
}

__all__ = [  # noqa: PLE0604 - all strings
    "DisconnectedInputError",
    "DisconnectedType",
    "GradientError",
    "Lop",
    "NullType",
    "NullTypeGradError",
    "Rop",
    "grad",
    "grad_not_implemented",
    "grad_undefined",
    *_HOMES,
]


def __getattr__(name: str) -> _Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'symcore.gradient' has no attribute {name!r}")
    value = globals()[name] = getattr(_import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
