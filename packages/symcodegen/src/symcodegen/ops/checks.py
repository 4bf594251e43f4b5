"""C for checks of values: a kernel that fails, and a view of what was checked."""

from typing import Any

from symcodegen.dispatch import Answer, CKernel, Routine, c_impl, refuse
from symcodegen.kernels.checks import assertion_kernel, chances_kernel, in_bounds_kernel
from symcodegen.ops.shapes import view_slot
from symcodegen.user_text import quoted
from symcore.graph.variable import Apply
from symcore.printing.ops_printing import Assert
from symcore.random.from_uniform import OUTSIDE, Chances
from symcore.tensor.discrete import InBounds
from symcore.tensor.type import TensorType

_NOBODY = TensorType("uint8", ())


def check(b: Any, kernel: CKernel, inputs: list[int], name: str) -> None:
    """Emit a kernel that fails or does nothing."""
    b.kernel(kernel, [b.temp(_NOBODY, ())], inputs, name=name)


def checked(kernel: CKernel) -> Routine:
    """Return what runs a kernel that fails for wrong values of the first input, which is handed on as a view."""

    def emit(b: Any, n: Apply) -> None:
        check(b, kernel, [b.slot(v) for v in n.inputs], f"check of {n.op}")
        b.subtensor(view_slot(b, n), b.slot(n.inputs[0]), ())

    return Routine("a check", emit, fallible=True)


@c_impl.register
def chances_c(op: Chances, node: Apply) -> Answer:
    """A look at each."""
    p = node.inputs[0].type
    return checked(CKernel(*chances_kernel(p.dtype, p.ndim, OUTSIDE), fallible=True))


@c_impl.register
def in_bounds_c(op: InBounds, node: Apply) -> Answer:
    """The least and the largest."""
    return checked(CKernel(in_bounds_kernel(node.inputs[0].type.ndim), fallible=True, heavy=True))


@c_impl.register
def assert_c(op: Assert, node: Apply) -> Answer:
    """A look at the elements of each condition, in their order."""
    x, *conditions = node.inputs
    if not isinstance(x.type, TensorType) or any(c.type.dtype.kind == "c" for c in conditions):
        return refuse(node, f"no C for what is no tensor, or for complex conditions: {x.type}")
    kernels = []
    for k, c in enumerate(conditions):
        text, functions = assertion_kernel(c.type.dtype, c.type.ndim, _quoted(f"{op.msg} (condition {k}: {c})"))
        kernels.append(CKernel(text, functions, fallible=True))

    def emit(b: Any, n: Apply) -> None:
        for kernel, c in zip(kernels, n.inputs[1:], strict=True):
            check(b, kernel, [b.slot(c)], "assertion")
        b.subtensor(view_slot(b, n), b.slot(n.inputs[0]), ())

    return Routine("a check", emit, fallible=True)


def _quoted(message: str) -> str:
    """Return a message of no more bytes than the machine keeps, as a C string that is its own format."""
    kept = message if len(message) <= 300 else message[:297] + "..."
    return quoted(kept.replace("%", "%%"))
