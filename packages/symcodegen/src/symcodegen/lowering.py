"""From a memory plan to the plain data of a C program: slots, nodes, register code."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from symcodegen.branches import Branches
from symcodegen.cache import KernelSource
from symcodegen.dispatch import COLLAPSED, Answer, Branch, CKernel, Loop, Routine, reason, refuse
from symcodegen.guards import Guard, Guards
from symcodegen.kernels.text import kernel_text
from symcodegen.registers import Registers, is_integer
from symcore.graph.generic import copied as duplicate
from symcore.graph.shared import SharedVariable
from symcore.graph.variable import Apply, Constant, Variable
from symcore.ifelse import IfElse
from symcore.interpreter import run_node
from symcore.tensor.constant import constant
from symcore.tensor.elemwise import Elemwise
from symcore.tensor.shapes import Shape_i
from symcore.tensor.type import TensorType
from symopt.plan import MemoryPlan

if TYPE_CHECKING:
    from symcodegen.loops import Body


def symbolic_shapes(plan: MemoryPlan) -> dict[Any, Any]:
    """Return the symbolic shape of every tensor of the graph, from ``infer_shape``; ``None`` where it is not known."""
    dims: dict[Any, Any] = {}
    for node in plan.order:
        shapes = []
        for v in node.inputs:
            if v not in dims and v.owner is None:
                dims[v] = _measured(v)
            known = dims.get(v)
            shapes.append(_measured(v) or () if known is None else known)
        inferred = node.op.infer_shape(node, shapes)
        if isinstance(node.op, IfElse):
            inferred = _chosen_shapes(node, shapes)
        for y, shape in zip(node.outputs, inferred, strict=True):
            dims[y] = _stated(y, shape, dims)
    for v in plan.fgraph.outputs:
        if v not in dims:
            dims[v] = _measured(v)
    return dims


def _chosen_shapes(node: Apply, shapes: Sequence[Any]) -> list[Any]:
    """Return the shapes of what an ``IfElse`` chooses: lengths of both sides where they are the same, else measured.

    An expression for the length would look at the side that is not taken, of which nothing may be known.
    """
    assert isinstance(node.op, IfElse)
    return [
        tuple(
            m if m is n or (isinstance(m, int) and isinstance(n, int) and m == n) else Shape_i(i)(y)
            for i, (m, n) in enumerate(zip(a, b, strict=True))
        )
        if isinstance(y.type, TensorType)
        else None
        for y, a, b in zip(node.outputs, *node.op.sides(shapes[1:]), strict=True)
    ]


def _measured(v: Any) -> Any:
    """Return the shape of a variable as far as its type knows it, the rest to be taken from its value."""
    if not isinstance(v.type, TensorType):
        return None
    return tuple(Shape_i(i)(v) if d is None else d for i, d in enumerate(v.type.shape))


def _of_floats(length: Any) -> bool:
    """Tell whether a length is a float made an integer, as that of a range of floats: no register can hold those."""
    node = length.owner if isinstance(length, Variable) else None
    return node is not None and isinstance(node.op, Elemwise) and node.inputs[0].type.dtype.kind == "f"


def _stated(y: Any, shape: Any, known: Mapping[Any, Any]) -> Any:
    """Return an inferred shape, with the lengths that the type knows in place of expressions.

    A length that is a variable of the graph (``known``) is read from its data, however it is computed.
    """
    if shape is None or not isinstance(y.type, TensorType):
        return None
    if any(_of_floats(length) and length not in known for length in shape):
        return None
    return tuple(s if k is None else k for k, s in zip(y.type.shape, shape, strict=True))


class Lowering:
    """Writes one program. Routines call its methods (``view``, ``copy``, ``kernel`` ...) to emit their nodes."""

    def __init__(
        self,
        plan: MemoryPlan,
        cvm: Any,
        n_inputs: int,
        answer: Callable[[Apply], Answer],
        sources: dict[str, KernelSource] | None = None,
    ):
        self._of_steps = sources is not None  # of a loop of another program, with whose kernels they are compiled
        self.plan = plan
        self.answer = answer
        self.cvm = cvm
        self.n_inputs = n_inputs
        self.slots: list[tuple[Any, ...]] = []
        self.nodes: list[list[Any]] = []
        self.sources: dict[str, KernelSource] = {} if sources is None else sources
        self.bodies: list[Body] = []
        self.shared: list[tuple[int, Any]] = []
        self.placement: list[tuple[Apply, str, str]] = []
        self.uses_blas = False
        self._slot: dict[Any, int] = {}
        self._shared_index: dict[Any, int] = {}
        self._tag = -1
        #: Values that are no tensors and that nothing outside of this program, and no other call of it, can see.
        self.owned: set[Any] = set()
        self.registers = Registers(symbolic_shapes(plan), self.slot, cvm)
        self.answers: dict[Apply, Answer] = {}
        self._bodies: dict[Apply, Body] = {}
        self._guard = -1
        self._host_slots: dict[tuple[Any, int], int] = {}
        self._hosts: set[Any] = set()
        self._claimed = self._claims()
        #: Outputs and updates of which parts are written, and their slots, which hold already what they are before.
        self._begun: dict[Any, int] = {}
        self._inputs()
        self._guards = self._demand()
        self._branches = Branches(self, self._guards)
        self._chosen = self._guards.chosen()

    # ------------------------------------------------------------------ what has to be computed

    def _claims(self) -> dict[Any, int]:
        """Return the variables whose buffer is itself an output or an update, and the kind of slot that makes it."""
        plan, claims = self.plan, {}
        for v, copied in zip(plan.fgraph.outputs, plan.copied, strict=False):
            if not copied and plan.root.get(v, v) is v:
                claims[v] = self.cvm.ARRAY
        for update in plan.updates:
            new = update.new
            if new.owner is not None and plan.root.get(new, new) is new and new not in claims:
                claims[new] = self.cvm.UPDATE
        return claims

    def _demand(self) -> Guards:
        """Return which variables' data is needed, and when; lengths that are only prepared with are not among them."""
        guards = Guards()
        guards.want(self.plan.fgraph.outputs)
        for node in reversed(self.plan.order):
            guard = guards.settle(node)
            if not guard:
                continue
            if len(node.outputs) == 1 and is_integer(node.outputs[0]) and self.registers.only_shapes(node.outputs[0]):
                self._hosts.add(node.outputs[0])
                guards.want(self.registers.leaves(node.outputs), guard)
                continue
            answer = self.answer(node)
            if self._of_steps or isinstance(answer, Loop):
                answer = self._loop(node, answer)
            read = self.registers.leaves(self._lengths(node, answer))
            if answer is not None and not self._measurable(node, answer, read):
                why = "its shape is computed from values in a way that only Python can follow"
                answer = (answer.counted if isinstance(answer, CKernel) else None) or refuse(node, why)
                self.registers.dims.update(dict.fromkeys(node.outputs))
                read = []
            self.answers[node] = answer
            self._want_inputs(guards, node, answer, guard)
            guards.want(read, guard)
        for v in self.plan.fgraph.outputs:
            if v not in self._claimed:
                guards.want(
                    self.registers.leaves([n for n in self.registers.dims.get(v) or () if isinstance(n, Variable)])
                )
        return guards

    def _loop(self, node: Apply, answer: Answer) -> Answer:
        """Lower the inner graph of a loop. Return how the node runs: within the steps of a loop perhaps otherwise."""
        from symcodegen.loops import Body, in_steps  # noqa: PLC0415 - many programs have no loop

        if self._of_steps:
            answer = in_steps(node, answer, self.registers)
        if isinstance(answer, Loop):
            body = self._bodies[node] = Body(self, node, answer)
            self.uses_blas |= body.lowering.uses_blas
        return answer

    def _measurable(self, node: Apply, answer: Answer, read: Sequence[Any]) -> bool:
        """Tell whether the lengths that a node needs can be known before it runs."""
        dims = self.registers.dims
        full = isinstance(answer, CKernel) and answer.layout != COLLAPSED
        return all(v in dims for v in read) and not (full and any(dims[y] is None for y in node.outputs))

    def _want_inputs(self, guards: Guards, node: Apply, answer: Answer, guard: Guard) -> None:
        if not isinstance(answer, Branch):
            skipped = answer.lengths if isinstance(answer, Routine) else ()
            if isinstance(answer, Loop) and self._bodies[node].in_c:
                skipped = (0,)
            guards.want((v for k, v in enumerate(node.inputs) if k not in skipped), guard)
            return
        condition = answer.condition
        whole = condition.type.dtype.kind in "biu"
        guards.want(self.registers.leaves([condition]) if whole else [condition], guard)
        for side, values in ((True, answer.then), (False, answer.otherwise)):
            inside = guards.within(guard, condition, side)
            for y, v in zip(node.outputs, values, strict=True):
                if guards.wanted(y):
                    guards.want([v], inside)

    def _lengths(self, node: Apply, answer: Answer) -> list[Any]:
        """Return the integer scalars that a node reads while shapes are prepared."""
        lengths: list[Any] = []
        if isinstance(answer, Routine):
            lengths += [node.inputs[k] for k in answer.lengths]
        if isinstance(answer, CKernel):
            lengths += [e for e in answer.extras if isinstance(e, Variable)]
        if isinstance(answer, Loop):
            return [node.inputs[0]] if self._bodies[node].in_c else []
        measured = isinstance(answer, Branch) or (isinstance(answer, CKernel) and answer.layout == COLLAPSED)
        if answer is not None and not measured:
            for y in node.outputs:
                lengths += [n for n in self.registers.dims[y] or () if isinstance(n, Variable)]
        return lengths

    # ------------------------------------------------------------------ slots

    def _add_slot(self, kind: int, v_type: Any, extra: Any) -> int:
        if isinstance(v_type, TensorType):
            self.slots.append((kind, v_type.dtype.num, v_type.ndim, extra))
        else:
            self.slots.append((self.cvm.OBJECT, -1, 0, None))
        return len(self.slots) - 1

    def _inputs(self) -> None:
        cvm, inputs = self.cvm, self.plan.fgraph.inputs
        for v in inputs[: self.n_inputs]:
            self._slot[v] = self._add_slot(cvm.INPUT, v.type, _static(v.type))
        updated = [u.shared for u in self.plan.updates]
        for v in dict.fromkeys([*inputs[self.n_inputs :], *updated]):
            if isinstance(v, SharedVariable):
                self._slot[v] = self._add_slot(cvm.SHARED, v.type, _static(v.type))
                self._shared_index[v] = len(self.shared)
                self.shared.append((self._slot[v], v.container.storage))

    def slot(self, v: Any) -> int:
        """Return the slot of a variable's data."""
        if v in self._hosts:  # its register is set where the nodes of this guard run, and perhaps only there
            key = (v, self._guard)
            if key not in self._host_slots:
                self._host_slots[key] = self._add_slot(self.cvm.HOST, v.type, self.registers.of(v))
            return self._host_slots[key]
        found = self._slot.get(v)
        if found is None:
            if not isinstance(v, Constant) or not isinstance(v.type, TensorType):
                raise KeyError(f"{v} has no data in this program")
            found = self._slot[v] = self._add_slot(self.cvm.CONST, v.type, v.data)
        return found

    def has_data(self, v: Any) -> bool:
        """Tell whether a variable has a slot, or can be given one."""
        return v in self._slot or v in self._hosts or isinstance(v, Constant)

    def slot_of(self) -> dict[Any, int]:
        """Return the slots of the variables that have one by now."""
        return {**{v: slot for (v, guard), slot in self._host_slots.items() if guard < 0}, **self._slot}

    def out(self, v: Any, shaped: bool = True, lengths: tuple[int, ...] | None = None) -> int:
        """Make the slot that a node writes ``v`` into: an output's array, an update's buffer, or a place in the arena.

        ``shaped``: its lengths are known to the registers; otherwise the kernel's loops decide. ``lengths``: the
        registers that hold them, where a kernel has found them out.
        """
        if v in self._begun:
            self._slot[v] = self._begun[v]
            return self._slot[v]
        result = self._result_of_parts(v)
        kind = self._claimed.get(v if result is None else result, self.cvm.TEMP)
        known = lengths if lengths is not None else self.registers.shape(v) if shaped else None
        self._slot[v] = self._add_slot(kind, v.type, known)
        while result is not None and v is not result:
            v = self._only_user(v).outputs[0]
            self._begun[v] = len(self.slots) - 1
        return len(self.slots) - 1

    def _result_of_parts(self, v: Any) -> Any:
        """Return the output or update in whose memory ``v`` may lie, for only parts of it are written from there on;
        ``None`` where there is none, or where one of those parts is written by Python."""
        result = self.plan.within.get(v)
        if result not in self._claimed:
            return None
        while v is not result:
            if not isinstance(self.answers.get(self._only_user(v)), Routine):
                return None
            v = self._only_user(v).outputs[0]
        return result

    def _only_user(self, v: Any) -> Any:
        [(user, _)] = self.plan.fgraph.clients[v]
        return user

    def temp(self, ttype: TensorType, shape: tuple[int, ...]) -> int:
        """Make a slot in the arena that stands for no variable."""
        return self._add_slot(self.cvm.TEMP, ttype, shape)

    def new_view(self, ttype: TensorType) -> int:
        """Make a slot for a view that stands for no variable."""
        return self._add_slot(self.cvm.VIEW, ttype, None)

    def blank(self, v: Any) -> None:
        """Make the slot of a variable that nothing is written to; where it is returned as it is, it is zero."""
        slot = self.out(v)
        if v in self._claimed:
            zero = constant(0, dtype=v.type.dtype)
            self.copy(slot, self.slot(zero), v.type, zero.type)
        elif self._chosen:
            # Its place is found where it is first mentioned. That must not be a node of one side of a choice, which may
            # be left out: a view of it that nothing reads says it here.
            self.dimshuffle(self.new_view(v.type), slot, range(v.type.ndim))

    def bind(self, v: Any, slot: int) -> None:
        """Let a slot hold the data of a variable."""
        self._slot[v] = slot

    def host(self, register: int) -> int:
        """Make a 0-d int64 slot that holds the value of a register."""
        self.slots.append((self.cvm.HOST, TensorType("int64", ()).dtype.num, 0, register))
        return len(self.slots) - 1

    def held(self, v_type: Any, v: Any = None) -> int:
        """Make a slot for what a Python node returns; ``v`` is the variable that it stands for, if any."""
        slot = self._add_slot(self.cvm.HELD, v_type, None)
        if v is not None:
            self._slot[v] = slot
        return slot

    def finish(self, v: Any, slot: int, shaped: bool = True) -> None:
        """Let ``slot`` (a view of a place in the arena) be ``v``; copy it if ``v`` must be an array of its own."""
        if v in self._claimed:
            self.copy(self.out(v, shaped), slot, v.type)
        else:
            self.bind(v, slot)

    # ------------------------------------------------------------------ nodes

    @contextmanager
    def guarded(self, guard: int) -> Iterator[None]:
        """Emit nodes that run where a register is not 0 (-1: always).

        Register code that no node has taken yet runs under the guard it was written under: what it sets is known there.
        """
        before = self._guard
        self._enter(guard)
        try:
            yield
        finally:
            self._enter(before)

    def _enter(self, guard: int) -> None:
        if guard != self._guard:
            self.code()
        self._guard = guard
        self.registers.enter(guard)

    def code(self) -> None:
        """Emit the register code that has been written since the last node as a node of its own."""
        if self.registers.code:
            self.emit(self.cvm.CODE, None, (), (), None)

    def emit(
        self,
        prep: int,
        fn: Any,
        outputs: Sequence[int],
        inputs: Sequence[int],
        params: Any,
        inplace: Sequence[tuple[int, int]] = (),
        flags: int = 0,
        weight: int = 1,
    ) -> None:
        """Append a node, with the register code that has been written since the last one."""
        code = self.registers.take_code()
        if code and prep == self.cvm.PYTHON:
            self.nodes.append([self.cvm.CODE, None, (), (), None, code, (), 0, 1, self._tag, self._guard])
            code = ()
        ends = (tuple(inplace), flags, weight, self._tag, self._guard)
        self.nodes.append([prep, fn, tuple(outputs), tuple(inputs), params, code, *ends])

    def dimshuffle(self, target: int, source: int, order: Sequence[int]) -> None:
        """Emit a view with other axes."""
        self.emit(self.cvm.DIMSHUFFLE, None, [target], [source], tuple(order))

    def subtensor(self, target: int, source: int, items: Sequence[tuple[int, ...]]) -> None:
        """Emit a view of a part."""
        self.emit(self.cvm.SUBTENSOR, None, [target], [source], tuple(items))

    def copy(
        self, target: int, source: int, ttype: TensorType, source_type: TensorType | None = None, inplace: bool = False
    ) -> None:
        """Emit a copy, but not of a slot to itself; the source is broadcast to the target as its type allows."""
        if target == source:
            return
        given = source_type or ttype
        offset = ttype.ndim - given.ndim
        axes = (tuple(range(ttype.ndim)), tuple(a - offset if a >= offset else -1 for a in range(ttype.ndim)))
        stretch = sum(1 << (a + offset) for a, d in enumerate(given.shape) if d == 1)
        fn = self.cvm.routines[f"copy_{ttype.dtype.itemsize}"]
        self.emit(
            self.cvm.COLLAPSED,
            fn,
            [target],
            [source],
            (axes, (0, stretch)),
            [(0, 0)] if inplace else (),
            self.cvm.REORDER | self.cvm.CUT,
        )

    def routine(
        self,
        name: str,
        outputs: Sequence[int],
        inputs: Sequence[int],
        extras: Sequence[int] = (),
        inplace: Sequence[tuple[int, int]] = (),
        cut: Sequence[int] = (),
        weight: int = 1,
    ) -> None:
        """Emit a prebuilt routine of the layout ``full``; ``cut`` and ``weight`` as in ``CKernel``."""
        if name.startswith(("gemm", "gemv", "ger")):
            self.uses_blas = True
        flags = self._rows(cut)
        self.emit(self.cvm.FULL, self.cvm.routines[name], outputs, inputs, tuple(extras), inplace, flags, weight)

    def kernel(
        self,
        kernel: CKernel,
        outputs: Sequence[int],
        inputs: Sequence[int],
        inplace: Sequence[tuple[int, int]] = (),
        name: str = "kernel",
    ) -> None:
        """Emit a generated kernel; its address is put in when all kernels have been loaded."""
        source = self.source(kernel, name)
        flags = (self.cvm.REORDER if kernel.reorder else 0) | (self.cvm.FALLIBLE if kernel.fallible else 0)
        if kernel.layout == COLLAPSED:
            params: Any = (kernel.axes, kernel.stretch)
            prep = self.cvm.COLLAPSED
            flags |= self.cvm.CUT if kernel.cut else 0
        else:
            params = tuple(self.registers.of(e) for e in kernel.extras)
            prep = self.cvm.FULL
            flags |= self._rows(kernel.cut if isinstance(kernel.cut, tuple) else ())
        self.emit(prep, source, outputs, inputs, params, inplace, flags, kernel.weight)

    def _rows(self, operands: Sequence[int]) -> int:
        """Return the flags that let pieces of a kernel have some rows of these operands."""
        if operands and max(operands) >= 31 - self.cvm.CUT_ROWS:
            return 0
        return sum(1 << self.cvm.CUT_ROWS + k for k in operands)

    def source(self, kernel: CKernel, name: str) -> KernelSource:
        """Return what stands for a kernel until all have been loaded; equal texts are one kernel."""
        text = kernel_text(kernel)
        if text not in self.sources:
            self.sources[text] = KernelSource(f"{len(self.sources)} {name}", text, kernel.heavy)
        return self.sources[text]

    def shared_by_threads(self) -> set[Apply]:
        """Return the nodes with kernels that may run in pieces, or that share their work by themselves, and loops over
        a batch."""
        found = {body.node for body in self.bodies if body.members}
        for _, fn, *_, flags, _, tag, _ in self.nodes:
            own = isinstance(fn, KernelSource) and "->parallel_for(" in fn.body
            if 0 <= tag < len(self.plan.order) and (own or flags & ~(self.cvm.REORDER | self.cvm.FALLIBLE)):
                found.add(self.plan.order[tag])
        return found

    # ------------------------------------------------------------------ the whole

    def run(self) -> None:
        """Emit every node that is needed, then the copies that outputs and updates need."""
        placed: dict[Apply, tuple[str, str]] = {}
        for node in self._guards.schedule(self.plan.order):
            self._tag = self.plan.position[node]
            if node not in self._guards.of:
                placed[node] = ("shape", "only its shape is used")
            elif node.outputs[0] in self._hosts:
                placed[node] = ("shape", "prepared with the shapes")
            else:
                with self.guarded(self._branches.guard(node)):
                    placed[node] = self._node(node)
        self.placement = [(node, *placed[node]) for node in self.plan.order]
        self._tag = len(self.plan.order)
        self.outputs = [
            self._output(v, copied) for v, copied in zip(self.plan.fgraph.outputs, self.plan.copied, strict=False)
        ]
        self.updates = [self._update(u) for u in self.plan.updates]

    def _node(self, node: Apply) -> tuple[str, str]:
        """Emit a node; return where it runs, and how."""
        answer = self.answers[node]
        inplace = tuple(self.plan.inplace.get(node, {}).items())
        if isinstance(answer, CKernel):
            outputs = [self.out(y, shaped=answer.layout != COLLAPSED) for y in node.outputs]
            self.kernel(answer, outputs, [self.slot(v) for v in node.inputs], inplace, str(node.op))
            return "C", "kernel"
        if isinstance(answer, Routine):
            answer.emit(self, node)
            return "view" if answer.how == "view" else "C", answer.how
        if isinstance(answer, Branch):
            self._branches.emit(node, answer)
            return "C", "branch"
        if isinstance(answer, Loop):
            body = self._bodies[node]
            self.bodies.append(body)
            if body.in_c:
                body.emit(self)
                return "C", "loop"
            body.emit_python(self)
            return "C", f"a loop that calls its step as a program: {body.why_not}"
        self._python(node)
        return "Python", reason(node)

    def _python(self, node: Apply) -> None:
        def run(*values: Any) -> Any:
            results = run_node(node, values)
            return results if len(results) > 1 else results[0]

        in_place: Any = getattr(node.op, "perform_in_place", None)
        if in_place is not None and node.inputs[0] in self.owned and len(self.plan.fgraph.clients[node.inputs[0]]) == 1:
            self.owned.add(node.outputs[0])
            run = partial(in_place, node)

        self.python(node, run)

    def python(self, node: Apply, run: Callable[..., Any]) -> None:
        """Emit a Python node that makes the outputs of ``node`` from its inputs."""
        # Constants that are no tensors (slices, random states ...) have no slot: they are handed over from here.
        fixed = {
            k: v.data
            for k, v in enumerate(node.inputs)
            if isinstance(v, Constant) and not isinstance(v.type, TensorType)
        }
        inputs = [self.slot(v) for k, v in enumerate(node.inputs) if k not in fixed]
        outputs = [self.held(y.type, y) for y in node.outputs]

        def call(*values: Any) -> Any:
            given = iter(values)
            return run(*(fixed[k] if k in fixed else next(given) for k in range(len(node.inputs))))

        self.emit(self.cvm.PYTHON, call if fixed else run, outputs, inputs, None)

    def _output(self, v: Any, copied: bool) -> int:
        kind = self._kind(v)
        if not copied and v in self._slot and kind in (self.cvm.ARRAY, self.cvm.HELD, self.cvm.OBJECT):
            return self._slot[v]
        if not isinstance(v.type, TensorType):
            return self._twin(v) if copied else self.slot(v)
        target = self._add_slot(self.cvm.ARRAY, v.type, self.registers.shape(v))
        self.copy(target, self.slot(v), v.type)
        return target

    def _twin(self, v: Any) -> int:
        """Emit a copy of a value that is no tensor (a random state), for an output or update that must not share it."""
        target = self._add_slot(self.cvm.OBJECT, v.type, None)
        run, inputs = (partial(duplicate, v.data), []) if isinstance(v, Constant) else (duplicate, [self.slot(v)])
        self.emit(self.cvm.PYTHON, run, [target], inputs, None)
        return target

    def _update(self, update: Any) -> tuple[int, int, int]:
        v, cvm = update.new, self.cvm
        kind = self._kind(v)
        own = v.owner is not None and self.plan.root.get(v, v) is v and self._first_update_of(update)
        if not isinstance(v.type, TensorType):
            target = self.slot(v) if own else self._twin(v)
        elif own and kind in (cvm.UPDATE, cvm.HELD):
            target = self._slot[v]
        else:
            target = self._add_slot(cvm.UPDATE, v.type, self.registers.shape(v))
            self.copy(target, self.slot(v), v.type)
        mode = cvm.DIRECT if update.direct and kind == cvm.UPDATE and own else cvm.SWAP
        return self._shared_index[update.shared], target, mode

    def _first_update_of(self, update: Any) -> bool:
        same = [u for u in self.plan.updates if u.new is update.new]
        outputs = self.plan.fgraph.outputs[: self.plan.n_outputs]
        returned = any(v is update.new and not c for v, c in zip(outputs, self.plan.copied, strict=True))
        return same[0] is update and not returned

    def _kind(self, v: Any) -> int | None:
        return self.slots[self._slot[v]][0] if v in self._slot else None


def _static(ttype: Any) -> Any:
    return tuple(-1 if d is None else d for d in ttype.shape) if isinstance(ttype, TensorType) else None
