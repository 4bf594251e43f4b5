"""Indexing by integer arrays in any place: a view of the slices, and a kernel for the arrays."""

from collections.abc import Sequence
from typing import Any

from symcodegen.dispatch import Answer, CKernel, Routine, refuse
from symcodegen.expr import HALVES, NoC, functions_in
from symcodegen.kernels.indexing import gather_kernel, scatter_kernel
from symcodegen.ops.items import items
from symcore.graph.variable import Apply
from symcore.tensor.indexing import FULL, advanced_position
from symcore.tensor.subtensor import AdvancedIncSubtensor, AdvancedSubtensor
from symcore.tensor.type import TensorType


class _Index:
    """An index taken apart: its slices, its arrays, and where the axes of the arrays go."""

    def __init__(self, entries: Sequence[Any], x: TensorType, inputs: Sequence[Any], first: int):
        self.x = x
        self.known = all(e == "array" or isinstance(e, tuple) for e in entries)
        self.axes = [a for a, e in enumerate(entries) if e == "array"]
        taken = list(enumerate(inputs, first))
        self.arrays: list[Any] = []
        self.lengths: list[int] = []
        self.scalars: list[Any] = []
        for e in entries:
            if e == "array":
                self.arrays.append(taken.pop(0)[1])
            elif isinstance(e, tuple):
                for _ in range(sum(isinstance(p, str) for p in e[1:])):
                    position, v = taken.pop(0)
                    self.lengths.append(position)
                    self.scalars.append(v)
        self.slices = [FULL if e == "array" else e for e in entries]
        at = advanced_position(entries) or 0
        self.before = sum(isinstance(e, tuple) for e in entries[:at])
        self.single = sum(1 << k for k, v in enumerate(self.arrays) if v.type.ndim == 0)
        self.joint = max((v.type.ndim for v in self.arrays), default=0)

    @property
    def rank(self) -> int:
        """The rank of the part that the index takes."""
        return self.x.ndim - len(self.axes) + self.joint

    def sliced(self, b: Any, source: int) -> int:
        """The slot of a view of the slices."""
        if all(e == FULL for e in self.slices):
            return source
        view: int = b.new_view(TensorType(self.x.dtype, [None] * self.x.ndim))
        b.subtensor(view, source, items(b, self.slices, iter(self.scalars)))
        return view

    def slots(self, b: Any) -> list[int]:
        """The slots of the arrays, all with the rank of the joint one."""
        return [padded(b, v, self.joint) for v in self.arrays]


def padded(b: Any, v: Any, rank: int) -> int:
    """Return the slot of a tensor, with axes of length 1 before its own up to a rank."""
    source: int = b.slot(v)
    missing = rank - v.type.ndim
    if not missing:
        return source
    view: int = b.new_view(TensorType(v.type.dtype, (1,) * missing + v.type.shape))
    b.dimshuffle(view, source, [-1] * missing + list(range(v.type.ndim)))
    return view


def gather_any(op: AdvancedSubtensor, node: Apply) -> Answer:
    """Return what reads ``x[entries]``."""
    x, *inputs = node.inputs
    index = _Index(op.entries, x.type, inputs, 1)
    if not index.known:
        return refuse(node, "integers beside index arrays have no C unless they are arrays themselves")
    kernel = CKernel(
        gather_kernel(x.type.dtype, x.type.ndim, index.axes, index.joint, index.before, index.single),
        fallible=True, weight=4,
    )  # fmt: skip

    def emit(b: Any, n: Apply) -> None:
        source = index.sliced(b, b.slot(x))
        b.kernel(kernel, [b.out(n.outputs[0])], [source, *index.slots(b)], name=str(op))

    return Routine("gather", emit, lengths=tuple(index.lengths), fallible=True)


def scatter_any(op: AdvancedIncSubtensor, node: Apply) -> Answer:
    """Return what writes into, or adds to, ``x[entries]``."""
    x, y, *inputs = node.inputs
    index = _Index(op.entries, x.type, inputs, 2)
    if not index.known:
        return refuse(node, "integers beside index arrays have no C unless they are arrays themselves")
    missing = index.rank - y.type.ndim
    stretch = (1 << missing) - 1 | sum(1 << (a + missing) for a, n in enumerate(y.type.shape) if n == 1)
    try:
        text = scatter_kernel(
            x.type.dtype, x.type.ndim, index.axes, index.joint, index.before, stretch, not op.set_instead, index.single
        )
    except NoC as why:
        return refuse(node, f"no C for {why}")
    kernel = CKernel(text, tuple(sorted(functions_in(text) & HALVES)), fallible=True, weight=4)

    def emit(b: Any, n: Apply) -> None:
        target = b.out(n.outputs[0])
        b.copy(target, b.slot(x), x.type, inplace=n in b.plan.inplace)
        view = index.sliced(b, target)
        b.kernel(kernel, [view], [view, padded(b, y, index.rank), *index.slots(b)], name=str(op))

    return Routine("scatter", emit, lengths=tuple(index.lengths), fallible=True)
