"""Loops whose steps are elementwise functions only, as one kernel each."""

from collections.abc import Sequence
from typing import Any

from symcodegen.cache import KernelSource
from symcodegen.dispatch import CKernel, LoopSpec
from symcodegen.expr import NoC
from symcodegen.kernels.steps import LINE, RING, STILL, Part, Pointer, steps_kernel
from symcodegen.ops.elemwise import scalar_inputs
from symcore.graph.variable import Variable
from symcore.tensor.elemwise import Elemwise
from symcore.tensor.type import TensorType

#: More pointers than these do not fit the bit mask of those that are scalars.
MOST_POINTERS = 60


def fused_steps(lowering: Any, spec: LoopSpec) -> tuple[CKernel, int] | None:
    """Return a kernel that makes all steps of a loop, and the bit mask of its pointers to scalars.

    ``lowering``: of the inner graph. ``None`` where a step is more than elementwise functions of rows of one shape. The
    machine uses the kernel if, besides, rows lie in memory without gaps.
    """
    fusion = _Fusion(lowering, spec)
    try:
        if not fusion.collect():
            return None
        only_last = all(s.taps == (-1,) and s.keep == 1 for s in spec.states) and all(o.keep == 1 for o in spec.outputs)
        body, functions = steps_kernel(
            fusion.parts, fusion.n_pointers, fusion.feedback(), fusion.condition(), only_last
        )
    except NoC:  # a kernel that a plug-in wrote by hand for this function
        return None
    mask = sum(1 << x.at for x in fusion.pointers if x.scalar)
    return CKernel(body, functions), mask


class _Fusion:
    """Reads the parts of a step off the nodes of its program."""

    def __init__(self, lowering: Any, spec: LoopSpec):
        self._b, self._spec = lowering, spec
        inner = lowering.plan.fgraph
        self._inputs = {lowering.slot(v): k for k, v in enumerate(inner.inputs)}
        self._outputs = {slot: k for k, slot in enumerate(lowering.outputs)}
        self._made: dict[int, tuple[int, int]] = {}
        self._views: dict[int, int] = {}
        self.parts: list[Part] = []
        self.pointers: list[Pointer] = []
        self.n_pointers = 0

    def collect(self) -> bool:
        """Fill ``parts``; tell whether the step consists of nothing else."""
        cvm = self._b.cvm
        for node in self._b.nodes:
            prep, fn, outputs, inputs = node[:4]
            if prep == cvm.CODE:
                continue
            if prep in (cvm.DIMSHUFFLE, cvm.SUBTENSOR):
                self._views[outputs[0]] = self._views.get(inputs[0], inputs[0])
            elif prep != cvm.COLLAPSED or not self._part(fn, outputs, inputs, node[9]):
                return False
        ranks = {self._b.slots[slot][2] for slot in self._made}
        scalar = all(x.scalar for x in self.pointers)
        if self._spec.until and (not scalar or self.condition() is None):
            return False
        return len(ranks) == 1 and scalar == (ranks == {0}) and self.n_pointers <= MOST_POINTERS

    def _part(self, fn: Any, outputs: Sequence[int], inputs: Sequence[int], tag: int) -> bool:
        if isinstance(fn, KernelSource):
            node = self._b.plan.order[tag] if tag < len(self._b.plan.order) else None
            if node is None or not isinstance(node.op, Elemwise) or len(inputs) != len(node.inputs):
                return False
            function, types = node.op.fn, [y.type for y in node.outputs]
            scalars = scalar_inputs([v.type for v in node.inputs])
        else:  # a copy into an output
            function, types = None, [self._output_type(outputs[0])]
            scalars = [types[0] is not None and types[0].ndim == 0]
        targets = {self._views.get(slot, slot) for slot in inputs if slot in self._views}
        if None in types or any(slot in self._views for slot in outputs) or targets & set(self._made):
            return False
        dtypes = [t.dtype for t in types]
        first, number = self.n_pointers, len(self.parts)
        self.n_pointers += len(outputs) + len(inputs)
        stores = [self._pointer(first + k, slot, dtypes[k], types[k].ndim == 0) for k, slot in enumerate(outputs)]
        known = [s if slot in self._outputs else None for s, slot in zip(stores, outputs, strict=True)]
        read: list[Pointer | tuple[int, int]] = []
        for k, slot in enumerate(inputs):
            if slot in self._made:
                read.append(self._made[slot])
            else:
                dtype = dtypes[0] if function is None else node.inputs[k].type.dtype  # type: ignore[union-attr]
                read.append(self._pointer(first + len(outputs) + k, slot, dtype, scalars[k]))
        self.pointers += [x for x in (*known, *read) if isinstance(x, Pointer)]
        self.parts.append(Part(function, tuple(read), tuple(dtypes), tuple(known)))
        self._made.update((slot, (number, k)) for k, slot in enumerate(outputs))
        return True

    def _output_type(self, slot: int) -> TensorType | None:
        if slot not in self._outputs:
            return None
        v: Variable[Any] = self._b.plan.fgraph.outputs[self._outputs[slot]]
        return v.type if isinstance(v.type, TensorType) else None

    def _pointer(self, at: int, slot: int, dtype: Any, scalar: bool) -> Pointer:
        return Pointer(at, dtype, self._motion(self._views.get(slot, slot)), scalar)

    def _motion(self, slot: int) -> str:
        """Return how the rows lie of what a slot of the inner program stands for."""
        spec = self._spec
        if slot in self._outputs:
            at = self._outputs[slot]
            keeps = [*(s.keep for s in spec.states), *(o.keep for o in spec.outputs)]
            if at >= len(keeps) or (at >= len(spec.states) and keeps[at] == 1):
                return STILL
            return LINE if keeps[at] is None else RING
        at = self._inputs.get(slot, spec.n_inner_inputs)
        if at >= spec.n_inner_inputs:
            return STILL
        at -= sum(len(s.rows) for s in spec.sequences)
        for state in spec.states:
            if 0 <= at < len(state.taps):
                return LINE if state.keep is None else RING
            at -= len(state.taps)
        return LINE

    def feedback(self) -> dict[Pointer, tuple[int, int]]:
        """Return which pointers are at what an output of a part was one step before."""
        sources = {}
        at = sum(len(s.rows) for s in self._spec.sequences)
        made = {k: self._made[slot] for slot, k in self._outputs.items() if slot in self._made}
        for k, state in enumerate(self._spec.states):
            for tap in state.taps:
                if tap == -1 and k in made:
                    sources[at] = made[k]
                at += 1
        found = {}
        for part, slots in zip(self.parts, self._reads(), strict=True):
            for x, slot in zip(part.inputs, slots, strict=True):
                if isinstance(x, Pointer) and self._inputs.get(self._views.get(slot, slot), -1) in sources:
                    found[x] = sources[self._inputs[self._views.get(slot, slot)]]
        return found

    def _reads(self) -> list[Sequence[int]]:
        return [node[3] for node in self._b.nodes if node[0] == self._b.cvm.COLLAPSED]

    def condition(self) -> tuple[int, int] | None:
        """Return the output of a part that ends the loop."""
        if not self._spec.until:
            return None
        [slot] = [slot for slot, k in self._outputs.items() if k == len(self._outputs) - 1]
        return self._made.get(slot)
