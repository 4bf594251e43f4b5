"""Integers known while shapes are prepared: lengths and indices as code for the virtual machine's registers."""

from collections import ChainMap
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any

from symcore.graph.variable import Apply, Constant, Variable
from symcore.tensor.elemwise import Composite, Elemwise, ScalarFn
from symcore.tensor.indexing import SliceLength
from symcore.tensor.shapes import MakeVector, Shape_i, ShapeOf
from symcore.tensor.subtensor import Subtensor
from symcore.tensor.type import TensorType

# fmt: off
_FOLDED = {"add": "R_ADD", "mul": "R_MUL"}
_BINARY = {
    "sub": "R_SUB", "int_div": "R_FLOORDIV", "mod": "R_MOD", "maximum": "R_MAX", "minimum": "R_MIN",
    "lt": "R_LT", "le": "R_LE", "gt": "R_GT", "ge": "R_GE", "eq": "R_EQ", "neq": "R_NE", "and_": "R_AND", "or_": "R_OR",
}
_UNARY = {"neg": "R_NEG", "abs": "R_ABS"}
# fmt: on
_SAME = frozenset({"identity", "cast_int64", "real", "conj"})


def is_integer(v: Any) -> bool:
    """Tell whether a variable is a 0-d tensor of int64 or bool: what a register holds and wraps like the dtype."""
    return isinstance(v.type, TensorType) and not v.type.ndim and v.type.dtype.name in ("int64", "bool")


def _computed(v: Any) -> bool:
    """Tell whether the registers compute an elementwise function: they hold its inputs and have its instructions."""
    node = v.owner
    return (
        type(node.op) is Elemwise
        and is_integer(v)
        and all(_is_int_constant(x) if isinstance(x, Constant) else is_integer(x) for x in node.inputs)
        and _known(node.op.fn, v.type.dtype.name)
    )


def _is_int_constant(x: Any) -> bool:
    return bool(x.data.ndim == 0 and x.data.dtype.kind in "biu" and int(x.data) < 1 << 63)


def _known(fn: Any, out: str) -> bool:
    if isinstance(fn, Composite):
        return fn.nout == 1 and all(_known_step(step, d) for step, _, d in fn.steps)
    return _known_step(fn, out)


def _known_step(fn: ScalarFn, dtype: str) -> bool:
    """Tell whether the machine has an instruction for a function that gives ``dtype``."""
    if fn.name in ("and_", "or_", "invert"):
        return dtype == "bool"  # of integers they work on bits, the instructions on truth values
    if fn.name == "add":
        return dtype == "int64"  # the sum of truth values is a truth value
    known = fn.name in _FOLDED or fn.name in _BINARY or fn.name in _UNARY or fn.name in _SAME
    return dtype in ("int64", "bool") and (known or fn.name in ("switch", "second"))


class Registers:
    """Allocates registers and writes their code.

    Parameters
    ----------
    dims
        Symbolic shape of every variable of the graph: ints, scalar variables, or ``None`` for a shape known only from
        the value.
    slot
        The slot of a variable as data; called for the leaves that are read from values.
    opcodes
        Namespace with the opcodes of the machine.
    """

    def __init__(self, dims: dict[Any, Any], slot: Callable[[Any], int], opcodes: Any):
        self.dims = dims
        self.slot = slot
        self.op = opcodes
        self.count = 0
        self.code: list[tuple[int, ...]] = []
        self._always: dict[Any, int] = {}
        self._scopes: dict[int, ChainMap[Any, int]] = {}
        self._of: MutableMapping[Any, int] = self._always

    def enter(self, guard: int) -> None:
        """Write the code of nodes that run where register ``guard`` is not 0 (-1: always) from here on.

        What such code sets is known to these nodes only: elsewhere it may not have run.
        """
        if guard >= 0 and guard not in self._scopes:
            self._scopes[guard] = ChainMap({}, self._always)
        self._of = self._scopes[guard] if guard >= 0 else self._always

    def take_code(self) -> tuple[tuple[int, ...], ...]:
        """Return the code written since the last call: it must run before the next node is prepared."""
        code, self.code = tuple(self.code), []
        return code

    def of(self, value: Any) -> int:
        """Return the register that holds an int, or the value of an integer scalar variable."""
        if not isinstance(value, Variable):
            return self._constant(int(value))
        stack = [value]
        while stack:
            v = stack[-1]
            if v in self._of:
                stack.pop()
                continue
            needed = [n for n in self.needs(v) if n not in self._of]
            if needed:
                stack.extend(needed)
            else:
                self._of[v] = self._write(v)
                stack.pop()
        return self._of[value]

    def shape(self, v: Any) -> tuple[int, ...]:
        """Return the registers that hold the shape of a variable."""
        known = self.dims.get(v)
        if known is None:
            return tuple(self._dim(v, axis) for axis in range(v.type.ndim))
        return tuple(self.of(n) for n in known)

    def length(self, v: Any, axis: int) -> int:
        """Return the register that holds a length as the data of a variable has it."""
        return self._dim(v, axis)

    def add(self, a: int, b: int) -> int:
        """Return a register that holds the sum of two."""
        return self._new("R_ADD", a, b)

    def product(self, registers: Iterable[int]) -> int:
        """Return a register that holds the product of others, 1 of none."""
        total = self.of(1)
        for r in registers:
            total = self._new("R_MUL", total, r)
        return total

    def value(self, slot: int) -> int:
        """Return a register that holds the integer or truth value in a 0-d slot."""
        return self._new("R_VALUE", slot, 0)

    def least(self, a: int, b: int) -> int:
        """Return a register that holds the smaller of two."""
        return self._new("R_MIN", a, b)

    def truth(self, register: int) -> int:
        """Return a register that tells whether another is not 0."""
        return self._new("R_NE", register, self.of(0))

    def negation(self, register: int) -> int:
        """Return a register that tells whether another is 0."""
        return self._new("R_NOT", register)

    def both(self, a: int, b: int) -> int:
        """Return a register that tells whether neither of two is 0."""
        return self._new("R_AND", a, b)

    def either(self, a: int, b: int) -> int:
        """Return a register that tells whether not both of two are 0."""
        return self._new("R_OR", a, b)

    def require_equal(self, register: int, value: Any) -> int:
        """Return a register that holds ``value`` (an int or a variable); a shape error when ``register`` does not."""
        return self._new("R_REQUIRE_EQ", register, self.of(value))

    # ------------------------------------------------------------------ what a value is made of

    def needs(self, v: Any) -> list[Any]:
        """Return the scalar variables that must be in registers before ``v`` can be."""
        node = v.owner
        if node is None:
            return []
        op = node.op
        if isinstance(op, Shape_i):
            entry = self._length(node.inputs[0], op.i)
            return [entry] if isinstance(entry, Variable) and entry is not v else []
        if _computed(v):
            return [x for x in node.inputs if not isinstance(x, Constant)]
        if isinstance(op, SliceLength):
            return [x for x in node.inputs if not isinstance(x, Constant)]
        entry = self._element(node)
        return [entry] if isinstance(entry, Variable) else []

    def _length(self, x: Any, axis: int) -> Any:
        known = self.dims.get(x)
        return None if known is None else known[axis]

    def _element(self, node: Apply) -> Any:
        """Return what ``vector[i]`` is, where the vector is made of scalars, or ``None``."""
        if not isinstance(node.op, Subtensor) or len(node.op.entries) != 1 or not isinstance(node.op.entries[0], int):
            return None
        vector, position = node.inputs[0], node.op.entries[0]
        source = vector.owner
        if source is not None and isinstance(source.op, MakeVector):
            return source.inputs[position] if is_integer(source.inputs[position]) else None
        if source is not None and isinstance(source.op, ShapeOf):
            x = source.inputs[0]
            return self._length(x, position % x.type.ndim)
        return None

    def leaves(self, values: Iterable[Any]) -> list[Any]:
        """Return the variables whose *data* (a value, or the shape of a value) the given lengths are read from."""
        found: dict[Any, None] = {}
        stack = [v for v in values if isinstance(v, Variable)]
        seen = set(stack)
        while stack:
            v = stack.pop()
            below = self.needs(v)
            for n in below:
                if n not in seen:
                    seen.add(n)
                    stack.append(n)
            if not below:
                leaf = self._leaf(v)
                if leaf is not None:
                    found[leaf] = None
        return list(found)

    def _leaf(self, v: Any) -> Any:
        if isinstance(v, Constant):
            return None
        node = v.owner
        if node is not None:
            if isinstance(node.op, Shape_i):
                entry = self._length(node.inputs[0], node.op.i)
                return node.inputs[0] if entry is None or entry is v else None
            if isinstance(node.op, SliceLength) or _computed(v):
                return None
            return self._value_source(v)
        return v

    def _value_source(self, v: Any) -> Any:
        """Return the variable whose data holds the value of ``v``: itself, or an integer vector it is an element of."""
        node = v.owner
        if (
            node is not None
            and isinstance(node.op, Subtensor)
            and len(node.op.entries) == 1
            and isinstance(node.op.entries[0], int)
            and node.inputs[0].owner is None
            and node.inputs[0].type.dtype.name == "int64"
            and node.op.entries[0] >= 0
        ):
            return node.inputs[0]
        return v

    def only_shapes(self, v: Any) -> bool:
        """Tell whether an integer scalar is made of constants and lengths alone, slices' lengths among them.

        What a slice's length is read from is part of what shapes are prepared with in any case.
        """
        stack, seen = [v], {v}
        while stack:
            u = stack.pop()
            if u.owner is not None and isinstance(u.owner.op, SliceLength):
                continue
            below = self.needs(u)
            if not below:
                if isinstance(u, Constant):
                    continue
                node = u.owner
                if node is None:
                    return False
                if isinstance(node.op, (Shape_i, SliceLength)):
                    continue
                if isinstance(node.op, Subtensor) and isinstance(self._element(node), int):
                    continue
                return False
            for n in below:
                if n not in seen:
                    seen.add(n)
                    stack.append(n)
        return True

    # ------------------------------------------------------------------ writing code

    def _new(self, opcode: str, *operands: int) -> int:
        register = self.count
        self.count += 1
        self.code.append((getattr(self.op, opcode), register, *operands))
        return register

    def _constant(self, value: int) -> int:
        key = ("constant", value)
        if key not in self._of:
            self._of[key] = self._new("R_CONST", value)
        return self._of[key]

    def _dim(self, v: Any, axis: int) -> int:
        key = ("dim", v, axis)
        if key not in self._of:
            known = v.type.shape[axis]
            self._of[key] = self._constant(known) if known is not None else self._new("R_DIM", self.slot(v), axis)
        return self._of[key]

    def _write(self, v: Any) -> int:
        if isinstance(v, Constant):
            return self._constant(int(v.data))
        node = v.owner
        if node is None:
            return self._new("R_VALUE", self.slot(v), 0)
        op = node.op
        if isinstance(op, Shape_i):
            entry = self._length(node.inputs[0], op.i)
            if entry is None or entry is v:
                return self._dim(node.inputs[0], op.i)
            return self.of(entry)
        if isinstance(op, SliceLength):
            inputs = iter(node.inputs)
            length = self.of(next(inputs))
            parts = [self.of(next(inputs)) if given else -1 for given in op.given]
            return self._new("R_SLICELEN", length, *parts)
        if _computed(v):
            return self._function(op.fn, [self.of(x) for x in node.inputs])
        entry = self._element(node)
        if entry is not None:
            return self.of(entry)
        source = self._value_source(v)
        position = 0 if source is v else node.op.entries[0]
        return self._new("R_VALUE", self.slot(source), position)

    def _function(self, fn: Any, operands: list[int]) -> int:
        if isinstance(fn, Composite):
            values = list(operands)
            for step, arguments, _ in fn.steps:
                values.append(self._function(step, [values[a] for a in arguments]))
            return values[fn.results[0]]
        name = fn.name
        if name in _FOLDED:
            total = operands[0]
            for o in operands[1:]:
                total = self._new(_FOLDED[name], total, o)
            return total
        if name in _SAME:
            return operands[0]
        if name == "second":
            return operands[1]
        if name == "invert":
            return self._new("R_NOT", operands[0])
        if name == "switch":
            return self._new("R_SWITCH", *operands)
        return self._new(_BINARY[name] if name in _BINARY else _UNARY[name], *operands)
