"""``ss.gradient``: derivatives, and what changes how they flow. Every name is defined in symcore."""

from symstack.lazy import lazy_names

NAMES = (
    "DisconnectedInputError",
    "DisconnectedType",
    "GradientError",
    "Lop",
    "NullTypeGradError",
    "Rop",
    "consider_constant",
    "disconnected_grad",
    "grad",
    "grad_clip",
    "grad_not_implemented",
    "grad_scale",
    "grad_undefined",
    "hessian",
    "jacobian",
    "numeric_grad",
    "subgraph_grad",
    "undefined_grad",
    "verify_grad",
    "zero_grad",
)

__all__ = list(NAMES)  # noqa: PLE0605

__getattr__, __dir__ = lazy_names(__name__, {name: f"symcore.gradient:{name}" for name in NAMES})
