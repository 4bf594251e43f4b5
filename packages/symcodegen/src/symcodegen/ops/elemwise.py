"""C for elementwise Ops."""

import functools
from collections.abc import Sequence
from typing import Any

from symcodegen.dispatch import COLLAPSED, Answer, CKernel, Routine, c_impl, refuse
from symcodegen.expr import CheckedPower, NoC
from symcodegen.kernels.elemwise import elemwise_kernel, loop_body
from symcore.graph.variable import Apply
from symcore.tensor.elemwise import Elemwise
from symcore.tensor.type import TensorType
from symopt.rules import fusion

_POWER = CheckedPower()
_NOBODY = TensorType("uint8", ())
#: Functions with more work per byte than plain arithmetic.
_PLAIN = frozenset(
    {"add", "sub", "mul", "neg", "sqr", "abs", "identity", "second", "lt", "le", "gt", "ge", "eq", "neq"}
)


@c_impl.register
def elemwise_c(op: Elemwise, node: Apply) -> Answer:
    """One fused loop; powers of integers look at the exponents first."""
    if op.fn.name == "pow" and node.inputs[1].type.dtype.kind == "i" and node.outputs[0].type.dtype.kind in "iu":
        return _checked_power(node)
    try:
        return kernel_for(op.fn, [v.type for v in node.inputs], [y.type for y in node.outputs])
    except NoC as why:
        return refuse(node, f"no C expression for {why}")


def _checked_power(node: Apply) -> Answer:
    """Return what raises for a negative exponent, and otherwise computes."""
    from symcodegen.kernels.checks import exponents_kernel  # noqa: PLC0415 - few graphs raise integers to integers

    exponents = node.inputs[1].type
    kernel = kernel_for(_POWER, [v.type for v in node.inputs], [node.outputs[0].type])
    look = CKernel(exponents_kernel(exponents.dtype, exponents.ndim), fallible=True, heavy=True)

    def emit(b: Any, n: Apply) -> None:
        inputs, inplace = [b.slot(v) for v in n.inputs], tuple(b.plan.inplace.get(n, {}).items())
        b.kernel(look, [b.temp(_NOBODY, ())], inputs[1:], name="exponents")
        b.kernel(kernel, [b.out(n.outputs[0], shaped=False)], inputs, inplace, name=str(n.op))

    return Routine("kernel", emit, fallible=True)


def kernel_for(fn: Any, in_types: list[TensorType], out_types: list[TensorType]) -> CKernel:
    """Return the kernel that maps ``fn`` over tensors of the given types. Raises ``NoC``."""
    return _kernel(fn, tuple(in_types), tuple(out_types))


@functools.lru_cache(maxsize=1024)  # layers repeat themselves, and so do functions made from functions
def _kernel(fn: Any, in_types: tuple[TensorType, ...], out_types: tuple[TensorType, ...]) -> CKernel:
    ndim = out_types[0].ndim
    dtypes = [t.dtype for t in in_types], [t.dtype for t in out_types]
    body, functions = elemwise_kernel(fn, *dtypes, scalar_inputs(in_types), ndim)
    axes, stretch = broadcast_axes([*out_types, *in_types], ndim)
    stretch = (*[0] * len(out_types), *stretch[len(out_types) :])
    pairs = any(d.kind == "c" for side in dtypes for d in side)  # the light flags leave both parts of a number scalar
    return CKernel(body, functions, COLLAPSED, axes, stretch, reorder=True, heavy=pairs, weight=work(fn), cut=True)


def scalar_inputs(types: Sequence[TensorType]) -> list[bool]:
    """Tell of each input of an elementwise loop whether it has one value for all elements."""
    return [all(d == 1 for d in t.shape) for t in types]


def broadcast_axes(types: Sequence[TensorType], ndim: int) -> tuple[tuple[tuple[int, ...], ...], tuple[int, ...]]:
    """Return ``axes`` and ``stretch`` of a ``CKernel`` for operands that are broadcast to ``ndim`` dimensions."""
    axes, stretch = [], []
    for t in types:
        offset = ndim - t.ndim
        axes.append(tuple(a - offset if a >= offset else -1 for a in range(ndim)))
        stretch.append(sum(1 << (a + offset) for a, d in enumerate(t.shape) if d == 1))
    return tuple(axes), tuple(stretch)


def work(fn: Any) -> int:
    """Return the work of a function per byte touched: 1 for plain arithmetic."""
    return 1 if getattr(fn, "name", "") in _PLAIN else 4


@functools.lru_cache(maxsize=4096)
def _has_c(fn: Any, dtypes: tuple[Any, ...]) -> bool:
    loop_body(fn, [(f"x{k}", d) for k, d in enumerate(dtypes)], [])
    return True


def compiles(fn: Any, dtypes: Sequence[Any]) -> bool:
    """Tell whether there is C for a function of inputs of these dtypes. Only a yes is remembered: a plug-in that is
    loaded later may bring what is missing."""
    try:
        return _has_c(fn, tuple(dtypes))
    except NoC:
        return False


fusion.backend.compiles = compiles
