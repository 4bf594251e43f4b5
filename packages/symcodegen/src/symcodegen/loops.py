"""``Loop`` in a program: the steps as a program of their own, run by the machine: without the interpreter, or step by
step where they need it."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from symcodegen.cache import KernelSource
from symcodegen.dispatch import Answer, Loop, Routine
from symcodegen.failures import step_error
from symcodegen.fusedloops import fused_steps
from symcodegen.members import member_axes
from symcodegen.registers import Registers
from symcore.failure import operand_in_c
from symcore.graph.generic import copied
from symcore.graph.variable import Apply, Variable
from symcore.interpreter import evaluate
from symcore.tensor.constant import constant
from symcore.tensor.indexing import INPUT
from symcore.tensor.subtensor import Subtensor
from symcore.tensor.type import TensorType
from symopt.plan import MemoryPlan

_COUNT = TensorType("int64", ())


class Body:
    """The inner graph of one loop, lowered.

    ``in_c``: all steps are one node of the machine, which needs no interpreter. They cannot be where a step has a
    Python node, where shapes within a step are read from values, and where something that is carried is no state; then
    ``run`` lets the machine call the program of a step again and again.
    """

    def __init__(self, outer: Any, node: Apply, loop: Loop):
        loop.check(node)
        self.spec, self.node, self.cvm = loop.spec, node, outer.cvm
        inner = loop.inner
        self.plan = MemoryPlan(inner, len(inner.outputs), [])
        self.lowering = type(outer)(self.plan, outer.cvm, len(inner.inputs), outer.answer, outer.sources)
        end = self.spec.n_inner_inputs
        carried = inner.inputs[end - self.spec.carries : end]
        self.lowering.owned.update(v for v in carried if not isinstance(v.type, TensorType))  # run() copies them
        self.lowering.run()
        self.machine: Any = None
        #: How many bytes of rows the function may keep, where this loop calls its steps one by one; 0: any.
        self.row_limit = 0
        self._bytes: dict[Any, int] = {}
        #: The axes along which the members of a batch lie that threads may share out; see ``symcodegen.members``.
        self.members: tuple[int, ...] = ()
        self.why_not = self._why_not(outer.cvm)

    @property
    def in_c(self) -> bool:
        """Whether the machine runs the steps."""
        return not self.why_not

    def _why_not(self, cvm: Any) -> str:
        if self.spec.carries:
            return "it carries values that are no states"
        for node in self.lowering.nodes:
            if node[0] == cvm.PYTHON:
                return "a step has nodes without C"
            if any(instruction[0] == cvm.R_VALUE for instruction in node[5]):
                return "shapes or choices within a step depend on values"
        if any(slot[0] == cvm.OBJECT for slot in self.lowering.slots):
            return "a step reads values that are no tensors"
        if self.spec.until and self.plan.fgraph.outputs[-1].type.dtype.name not in _CONDITIONS:
            return f"its condition is of {self.plan.fgraph.outputs[-1].type}"
        return ""

    def placement(self) -> list[tuple[Apply, str, str]]:
        """Return where every node of a step runs, and how."""
        return self.lowering.placement

    def loops(self) -> list["Body"]:
        """Return the loops within a step."""
        return self.lowering.bodies

    def profile(self, on: bool) -> None:
        """Time every node of a step that is called from Python; in the machine those of its loops are timed with it."""
        self.machine.profile = on
        for body in self.loops():
            body.profile(on)

    def link(self, addresses: dict[str, int], cvm: Any) -> Any:
        """Return the program of a step."""
        if self.machine is None:
            low = self.lowering
            inputs = [(low.slot(v), None) for v in self.plan.fgraph.inputs]
            nodes = linked(low, addresses, cvm)
            name = f"a step of {self.node.op}"
            self.machine = cvm.Program(low.slots, nodes, inputs, (), (), low.outputs, self._error, name)
        return self.machine

    def _error(
        self, tag: int, kind: str, message: str, operands: Any, cause: BaseException | None, slots: Any
    ) -> BaseException:
        """Make the exception for a node of a step."""
        if not 0 <= tag < len(self.plan.order):
            return step_error(None, kind, message, cause, {})
        held = {v: operand_in_c(slots[k]) for v, k in self.lowering.slot_of().items() if k < len(slots)}
        return step_error(self.plan.order[tag], kind, message, cause, held)

    # ------------------------------------------------------------------ steps run by the machine

    def emit(self, b: Any) -> None:
        """Write the loop into the outer program."""
        spec, node, cvm = self.spec, self.node, b.cvm
        steps = b.registers.of(node.inputs[0])
        tracks = [(-1 if s.keep is None else s.keep, *s.taps) for s in spec.states]
        results = [(-1 if r.keep is None else r.keep,) for r in spec.outputs]
        buffers = [b.temp(y.type, None) if spec.until else b.out(y, shaped=False) for y in node.outputs]
        rings = [
            b.temp(_unsized(y.type), None)
            for y, (keep, *taps) in zip(node.outputs, [*tracks, *results], strict=True)
            if keep > (0 if taps else 1)
        ]
        made = [b.temp(_COUNT, None)] if spec.until else []
        sequences = tuple((s.step, *s.rows) for s in spec.sequences)
        self.members = member_axes(self.plan.order, self.plan.fgraph, spec)
        params = (steps, sequences, tuple(tracks), tuple(results), int(spec.until), *self._fused(b), self.members)
        b.emit(cvm.LOOP, self, [*buffers, *rings, *made], [b.slot(v) for v in node.inputs[1:]], params)
        if spec.until:
            self._cut(b, buffers, made[0])

    def _fused(self, b: Any) -> tuple[Any, int]:
        """Return a kernel that makes all steps, and which of its pointers are at scalars; ``(0, 0)``: there is none."""
        found = fused_steps(self.lowering, self.spec)
        if found is None:
            return 0, 0
        kernel, scalars = found
        return b.source(kernel, f"all steps of {self.node.op}"), scalars

    def _cut(self, b: Any, buffers: Sequence[int], made: int) -> None:
        """Let the outputs be what the steps that were made have written of the buffers."""
        registers, before = b.registers, [*(s.before for s in self.spec.states), *(0 for _ in self.spec.outputs)]
        done = registers.value(made)
        keeps = [*(s.keep for s in self.spec.states), *(o.keep for o in self.spec.outputs)]
        for y, buffer, k, keep in zip(self.node.outputs, buffers, before, keeps, strict=True):
            rows = registers.add(done, registers.of(k)) if k else done
            if keep is not None:
                rows = registers.least(rows, registers.of(keep))
            view = b.new_view(y.type)
            b.subtensor(view, buffer, [(b.cvm.ITEM_SLICE, -1, rows, -1)])
            b.finish(y, view, shaped=False)

    # ------------------------------------------------------------------ steps called one by one

    def emit_python(self, b: Any) -> None:
        """Write a Python node that runs the loop into the outer program."""

        def run(*values: Any) -> Any:
            found = self.run(values)
            return found if len(found) > 1 else found[0]

        b.python(self.node, run)

    def run(self, values: Sequence[Any]) -> list[Any]:
        """Return the outputs of the loop for values of the node's inputs; the machine calls the program of a step."""
        spec, n = self.spec, int(values[0])
        if n < 0:
            raise ValueError(f"{self.node.op}: the number of steps is {n}. It must not be negative.")
        parts = iter(values[1:])
        sequences = [_rows_of(k, s, next(parts), n, self.node) for k, s in enumerate(spec.sequences)]
        states = [_State(s, next(parts), n, k) for k, s in enumerate(spec.states)]
        self._check_limit(n, values, sequences, states)
        carries = [copied(next(parts)) for _ in range(spec.carries)]  # which the steps may write into
        if n:
            results: list[Any] = [None] * len(spec.outputs)
            keeps = tuple(-1 if r.keep is None else r.keep for r in spec.outputs)
            made = self.cvm.run_steps(
                self.machine, n, tuple((x, s.step, *at) for s, (x, at) in zip(spec.sequences, sequences, strict=True)),
                tuple((x.buffer, s.before, *s.taps) for s, x in zip(spec.states, states, strict=True)),
                carries, tuple(parts), results, keeps, spec.until, str(self.node.op),
            )  # fmt: skip
        else:
            made, results = 0, self._no_rows([x for x, _ in sequences], values[1 + len(sequences) :])
        kept = [_last(x, made, o.keep) for x, o in zip(results, spec.outputs, strict=True)]
        return [*(x.rows(made) for x in states), *carries, *kept]

    def _check_limit(self, n: int, values: Sequence[Any], sequences: Sequence[Any], states: Sequence["_State"]) -> None:
        """Raise ``RowLimitExceeded`` where the loop would keep more bytes than its function may."""
        if not self.row_limit:
            return
        shapes = tuple([getattr(v, "shape", None) for v in values[1:]])
        if shapes not in self._bytes:
            if len(self._bytes) > 64:
                self._bytes.clear()
            rows = self._no_rows([x for x, _ in sequences], values[1 + len(sequences) :])
            kept = [math.prod(x.shape[1:]) * x.dtype.itemsize for x, o in zip(rows, self.spec.outputs, strict=True)
                    if o.keep is None]  # fmt: skip
            self._bytes[shapes] = sum(kept)
        if sum(x.buffer.nbytes for x in states) + n * self._bytes[shapes] > self.row_limit:
            raise self.cvm.RowLimitExceeded("loops would keep more rows than row_limit allows.")

    def _no_rows(self, sequences: Sequence[Any], others: Sequence[Any]) -> list[Any]:
        """Return empty outputs for a loop of no steps, their rows shaped as the first step would have made them."""
        spec, inner, dims = self.spec, self.plan.fgraph, self.lowering.registers.dims
        rows = [np.zeros(x.shape[1:], x.dtype) for s, x in zip(spec.sequences, sequences, strict=True) for _ in s.rows]
        rows += [np.zeros(x.shape[1:], x.dtype) for s, x in zip(spec.states, others, strict=False) for _ in s.taps]
        known = dict(zip(inner.inputs, [*rows, *others[len(spec.states) :]], strict=True))
        found = []
        for v in inner.outputs[len(spec.states) + spec.carries :][: len(spec.outputs)]:
            lengths = [0 if d is None else d for d in dims.get(v) or v.type.shape]
            symbolic = [d for d in lengths if isinstance(d, Variable)]
            try:
                numbers = iter(evaluate(symbolic, known))
            except Exception:  # what the shape is computed from fails for want of data: nobody can say what it is
                numbers = iter([0] * len(symbolic))
            shape = [int(next(numbers)) if isinstance(d, Variable) else d for d in lengths]
            found.append(np.empty((0, *shape), v.type.numpy_dtype))
        return found


def in_steps(node: Apply, answer: Answer, registers: Registers) -> Answer:
    """Return how a node runs within the steps of a loop.

    An index that is computed in a step is data there: were it a length that shapes are prepared with, every step would
    have to be prepared anew.
    """
    op = node.op
    if not isinstance(op, Subtensor) or not isinstance(answer, Routine):
        return answer
    moving = [v for v in node.inputs[1:] if not registers.only_shapes(v)]
    plain = all(not isinstance(entry, tuple) for entry in op.entries)
    if not moving or not plain or any(v.type.dtype.name != "int64" for v in node.inputs[1:]):
        return answer

    def emit(b: Any, n: Apply) -> None:
        scalars, views = iter(n.inputs[1:]), []
        for entry in op.entries:
            index = next(scalars) if entry == INPUT else constant(entry, dtype="int64")
            views.append(b.new_view(_VECTOR))
            b.dimshuffle(views[-1], b.slot(index), (-1,))
        x, y = n.inputs[0], n.outputs[0]
        lengths = b.registers.shape(x)[len(op.entries) :]
        rows = b.temp(TensorType(y.type.dtype, (1, *y.type.shape)), (b.registers.of(1), *lengths))
        extras = [b.registers.of(k) for k in (len(views), x.type.ndim, x.type.dtype.itemsize, 0)]
        b.routine("gather", [rows], [b.slot(x), *views], extras)
        view = b.new_view(y.type)
        b.subtensor(view, rows, [(b.cvm.ITEM_INDEX, b.registers.of(0))])
        b.finish(y, view)

    return Routine("gather", emit, fallible=True)


_VECTOR = TensorType("int64", (1,))
_CONDITIONS = frozenset(
    {"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64"}
)


def linked(lowering: Any, addresses: dict[str, int], cvm: Any) -> list[tuple[Any, ...]]:
    """Return the nodes of a program with the addresses of their kernels and the programs of their loops."""
    for body in lowering.bodies:
        body.link(addresses, cvm)
    nodes = []
    for node in lowering.nodes:
        fn = node[1]
        if isinstance(fn, KernelSource):
            fn = addresses[fn.name]
        params = node[4]
        if isinstance(fn, Body):
            fn = fn.machine
            *others, fused, scalars, members = params
            params = (*others, addresses[fused.name] if fused else 0, scalars, members)
        nodes.append((node[0], fn, *node[2:4], params, *node[5:]))
    return nodes


def _unsized(ttype: TensorType) -> TensorType:
    return TensorType(ttype.dtype, (None, *ttype.shape[1:]))


def _rows_of(position: int, sequence: Any, x: Any, n: int, node: Apply) -> tuple[Any, list[int]]:
    """Return a sequence and the rows that its first step reads. Raises ``ValueError`` where it is too short."""
    found = []
    for row in sequence.rows:
        first = row + len(x) if row < 0 else row
        last = first + sequence.step * (n - 1)
        if n and not (0 <= first < len(x) and 0 <= last < len(x)):
            raise ValueError(
                f"{node.op}: {n} steps need rows {first} to {last} of sequence {position}, which has {len(x)}. Ask for "
                "fewer steps, or give a longer sequence."
            )
        found.append(first)
    return x, found


class _State:
    """The rows of a state while steps are made: all of them, or a ring of the last."""

    def __init__(self, state: Any, first: Any, n: int, position: int):
        before = state.before
        if len(first) != before:
            raise ValueError(
                f"state {position} needs {before} initial rows, for it is read that many steps back; it is given "
                f"{len(first)}."
            )
        self._before, self._keep = before, state.keep
        size = before + n if state.keep is None else min(before + n, max(before + 1, state.keep))
        self.buffer = np.empty((size, *first.shape[1:]), first.dtype)
        self.buffer[:before] = first

    def rows(self, made: int) -> Any:
        """Return what is kept after so many steps."""
        return _last(self.buffer, self._before + made, self._keep)


def _last(ring: Any, total: int, keep: int | None) -> Any:
    """Return the last ``keep`` of ``total`` rows, in their order, from a ring of rows; ``None``: all."""
    kept = total if keep is None else min(keep, total)
    first = (total - kept) % max(len(ring), 1)
    if first + kept <= len(ring):
        return ring[first : first + kept]
    return ring[np.arange(first, first + kept) % len(ring)]
