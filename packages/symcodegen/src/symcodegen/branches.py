"""``Branch`` in a program: guards of nodes as registers, views of whichever side was computed."""

from typing import Any

import numpy as np

from symcodegen.dispatch import Branch
from symcodegen.guards import ALWAYS, Choice, Guard, Guards
from symcodegen.ops.elemwise import compiles, kernel_for
from symcore.graph.generic import copied
from symcore.graph.variable import Apply, Constant, Variable
from symcore.tensor.constant import constant
from symcore.tensor.elemwise import TABLE
from symcore.tensor.type import TensorType

_BOOL = TensorType("bool", ())


class Branches:
    """Writes the guards and choices of one program through its ``Lowering``, ``b``."""

    def __init__(self, b: Any, guards: Guards):
        self._b = b
        self._guards = guards
        self._truths: dict[Any, int] = {}
        self._of: dict[Any, int] = {None: -1, ALWAYS: -1}

    def guard(self, node: Apply) -> int:
        """Return the register that tells whether a node runs, or -1: always. Writes the code that sets it."""
        return self._register(self._guards.of.get(node, ALWAYS))

    def _register(self, guard: Guard) -> int:
        if guard not in self._of:
            registers = [self._choice(choice) for choice in sorted(guard, key=lambda c: c.depth if c else 0)]
            with self._b.guarded(-1):
                found = registers[0]
                for r in registers[1:]:
                    found = self._b.registers.either(found, r)
                self._b.code()
            self._of[guard] = found
        return self._of[guard]

    def _choice(self, choice: Choice | None) -> int:
        todo = []
        while choice not in self._of:
            assert choice is not None
            todo.append(choice)
            choice = choice.parent
        for one in reversed(todo):
            truth = self._truth(one.condition)
            with self._b.guarded(-1):
                taken = truth if one.side else self._b.registers.negation(truth)
                if one.parent is not None:
                    taken = self._b.registers.both(self._of[one.parent], taken)
                self._b.code()
            self._of[one] = taken
        return self._of[todo[0]] if todo else self._of[choice]

    def _truth(self, condition: Variable[Any]) -> int:
        """Return the register that holds whether a condition is not zero. What reads it may run at any time: it is
        set in every call, to anything where the condition is not computed."""
        if condition not in self._truths:
            b = self._b
            if condition.type.dtype.kind in "biu" and not isinstance(condition, Constant):
                with b.guarded(-1):
                    self._truths[condition] = b.registers.truth(b.registers.of(condition))
                    b.code()
            else:
                self._truths[condition] = self._compared(condition)
        return self._truths[condition]

    def _compared(self, condition: Variable[Any]) -> int:
        """Return the register for a condition that registers do not hold: a kernel or Python looks at it."""
        b, node = self._b, condition.owner
        if isinstance(condition, Constant):
            with b.guarded(-1):
                found = b.registers.of(int(bool(condition.data)))
                b.code()
            return int(found)
        with b.guarded(-1 if node is None else self.guard(node)):
            dtypes = [condition.type.dtype] * 2
            if compiles(TABLE["neq"], dtypes):
                slot = b.temp(_BOOL, ())
                zero = constant(0, dtype=condition.type.dtype)
                kernel = kernel_for(TABLE["neq"], [condition.type, zero.type], [_BOOL])
                b.kernel(kernel, [slot], [b.slot(condition), b.slot(zero)], name="condition")
            else:
                slot = b.held(_BOOL)
                b.emit(b.cvm.PYTHON, lambda value: np.asarray(bool(value)), [slot], [b.slot(condition)], None)
        with b.guarded(-1):
            found = b.registers.value(slot)
            b.code()
        return int(found)

    def emit(self, node: Apply, answer: Branch) -> None:
        """Write what makes the outputs of a node that chooses."""
        b = self._b
        truth = self._truth(answer.condition)
        for y, then, otherwise in zip(node.outputs, answer.then, answer.otherwise, strict=True):
            if not self._guards.wanted(y):
                continue
            if not isinstance(y.type, TensorType):
                self._choose_object(y, truth, then, otherwise)
                continue
            # A side that is never taken (the condition is another's that is known by then) may have no data.
            first = b.slot(then if b.has_data(then) else otherwise)
            slots = [first, b.slot(otherwise) if b.has_data(otherwise) else first]
            view = b.new_view(y.type)
            b.emit(b.cvm.SELECT, None, [view], slots, (truth,))
            b.finish(y, view, shaped=False)

    def _choose_object(self, y: Any, truth: int, then: Any, otherwise: Any) -> None:
        """Emit a choice between values that are no tensors: made in Python, which may hold what is not there."""
        b, plan = self._b, self._b.plan
        fixed = [v.data if isinstance(v, Constant) else None for v in (then, otherwise)]
        given = {v: None for v in (then, otherwise) if not isinstance(v, Constant) and b.has_data(v)}
        alone = [
            v.owner is not None and plan.root.get(v, v) is v and len(plan.fgraph.clients[v]) == 1
            for v in (then, otherwise)
        ]
        place = [list(map(id, given)).index(id(v)) if v in given else None for v in (then, otherwise)]

        def choose(condition: Any, *values: Any) -> Any:
            side = 0 if condition else 1
            at = place[side]
            value = fixed[side] if at is None else values[at]
            return value if alone[side] else copied(value)

        b.emit(b.cvm.PYTHON, choose, [b.held(y.type, y)], [b.host(truth), *map(b.slot, given)], None)
