"""``pp``: an expression on one line, as mathematics is written."""

from collections.abc import Callable, Sequence
from functools import singledispatch
from typing import Any

from symcore.graph.traverse import toposort
from symcore.graph.variable import Apply, Constant, Variable
from symcore.op import Op
from symcore.tensor.creation import Alloc, AllocEmpty
from symcore.tensor.elemwise import Composite, Elemwise
from symcore.tensor.indexing import INPUT
from symcore.tensor.products import Dot
from symcore.tensor.reduce import Reduce
from symcore.tensor.shapes import DimShuffle, MakeVector, Reshape, Shape_i, ShapeOf
from symcore.tensor.subtensor import AdvancedIncSubtensor, AdvancedSubtensor, IncSubtensor, Subtensor

#: How strongly an operator holds its operands together; a larger number holds more strongly.
PRECEDENCE = {
    "|": 1,
    "^": 2,
    "&": 3,
    "<": 4,
    "<=": 4,
    ">": 4,
    ">=": 4,
    "==": 4,
    "!=": 4,
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
    "//": 6,
    "%": 6,
    "**": 8,
}
_NEGATION, _ATOM = 7, 9
_NAMES = {"second": "fill", "and_": "and", "or_": "or"}
_REDUCTIONS = {"add": "sum", "mul": "prod", "maximum": "max", "minimum": "min", "and_": "all", "or_": "any",
               "supremum": "max"}

#: A piece of text, or a variable with the precedence that the place where it stands asks for.
Part = str | tuple[Variable[Any], int]

#: A node that is used more than once and would take more than this many nodes to write out gets a name of its own.
LONG = 200


def pp(x: Any, minimal: bool = False) -> str:
    """Return an expression as one line: ``(sigmoid((x + y)) * TensorConstant{2})``.

    Parameters
    ----------
    x
        A variable, or a list of variables, which are separated by commas.
    minimal
        Write only the parentheses that precedence needs: ``sigmoid(x + y) * TensorConstant{2}``.

    Long parts that are used several times are written once, after ``where``, so the text grows as the graph does.
    Raises ``TypeError`` when ``x`` is no variable.
    """
    wanted = list(x) if isinstance(x, (list, tuple)) else [x]
    for variable in wanted:
        if not isinstance(variable, Variable):
            raise TypeError(f"pp() writes variables, got {variable!r} ({type(variable).__name__}).")
    names = _named(wanted)
    text = ", ".join(_write(v, names, minimal) for v in wanted)
    definitions = [f"{name} = {_write(v, names, minimal, itself=True)}" for v, name in names.items()]
    return f"{text} where {', '.join(definitions)}" if definitions else text


def _named(outputs: Sequence[Variable[Any]]) -> dict[Variable[Any], str]:
    """Return names for the results that are used more than once and are long to write out."""
    order = toposort(outputs)
    uses: dict[Variable[Any], int] = {}
    for node in order:
        for v in node.inputs:
            uses[v] = uses.get(v, 0) + 1
    size: dict[Variable[Any], int] = {}
    names: dict[Variable[Any], str] = {}
    for node in order:
        total = 1 + sum(size.get(v, 1) for v in node.inputs)
        for y in node.outputs:
            size[y] = total
            if total > LONG and uses.get(y, 0) > 1:
                size[y] = 1
                names[y] = f"t{len(names) + 1}"
    return names


def _write(variable: Variable[Any], names: dict[Variable[Any], str], minimal: bool, itself: bool = False) -> str:
    """Write out one variable. The stack holds what is still to be written, last first."""
    text: list[str] = []
    stack: list[Part] = [(variable, 0)]
    first = itself
    while stack:
        part = stack.pop()
        if isinstance(part, str):
            text.append(part)
            continue
        v, wanted = part
        if v in names and not first:
            text.append(names[v])
            continue
        first = False
        node = v.owner
        if node is None:
            text.append(_leaf(v))
            continue
        precedence, parts = write_op(node.op, node)
        if len(node.outputs) > 1:
            precedence, parts = _ATOM, [*parts, f".{v.index}"]
        closed = precedence < wanted if minimal else precedence < _ATOM
        stack.extend(reversed(["(", *parts, ")"] if closed else parts))
    return "".join(text)


def _leaf(variable: Variable[Any]) -> str:
    if isinstance(variable, Constant) and variable.name is None:
        data = variable.data
        if (
            getattr(data, "ndim", None) == 0
            and data.dtype.kind == "f"
            and data == data
            and abs(data) < 1e15
            and float(data).is_integer()
        ):
            return f"TensorConstant{{{int(data)}}}"
    return str(variable)


@singledispatch
def write_op(op: Op, node: Apply) -> tuple[int, list[Part]]:
    """Return how a node is written: its precedence, and its parts. Register a function per Op class for another
    form."""
    return call(str(op), node.inputs)


def call(name: str, inputs: Sequence[Variable[Any]], *more: str) -> tuple[int, list[Part]]:
    """Return ``name(input, ...)`` as parts."""
    return _ATOM, [f"{name}(", *_separated(inputs, more), ")"]


def _separated(inputs: Sequence[Variable[Any]], more: Sequence[str] = ()) -> list[Part]:
    parts: list[Part] = []
    for v in inputs:
        parts += [", ", (v, 0)]
    for text in more:
        parts += [", ", text]
    return parts[1:]


@write_op.register
def _elemwise(op: Elemwise, node: Apply) -> tuple[int, list[Part]]:
    fn = op.fn
    if isinstance(fn, Composite):
        return call(fn.name, node.inputs)
    if fn.symbol is not None and len(node.inputs) > 1:
        return infix(fn.symbol, node.inputs)
    if fn.name == "neg":
        return _NEGATION, ["-", (node.inputs[0], _NEGATION)]
    if fn.name.startswith("cast_"):
        return call("cast", node.inputs, repr(fn.name[len("cast_") :]))
    return call(_NAMES.get(fn.name, fn.name), node.inputs)


def infix(symbol: str, inputs: Sequence[Variable[Any]]) -> tuple[int, list[Part]]:
    """Return ``a symbol b ...`` as parts. The power binds from the right, all others from the left."""
    own = PRECEDENCE[symbol]
    parts: list[Part] = []
    for k, v in enumerate(inputs):
        if k:
            parts.append(f" {symbol} ")
        tighter = (k == 0) == (symbol == "**") and not (symbol in "+*" and k == 0)
        parts.append((v, own + 1 if tighter else own))
    return own, parts


@write_op.register
def _reduce(op: Reduce, node: Apply) -> tuple[int, list[Part]]:
    everything = op.axis == tuple(range(node.inputs[0].type.ndim))
    axis = op.axis[0] if len(op.axis) == 1 else op.axis
    return call(_REDUCTIONS[op.fn], node.inputs, *([] if everything else [f"axis={axis}"]))


@write_op.register
def _dimshuffle(op: DimShuffle, node: Apply) -> tuple[int, list[Part]]:
    x = node.inputs[0]
    if len(op.order) > 1 and op.order == tuple(range(x.type.ndim))[::-1]:
        return _ATOM, [(x, _ATOM), ".T"]
    pattern = ", ".join("'x'" if a < 0 else str(a) for a in op.order)
    return _ATOM, [(x, _ATOM), f".dimshuffle({pattern})"]


@write_op.register
def _dot(op: Dot, node: Apply) -> tuple[int, list[Part]]:
    return call("dot", node.inputs)


@write_op.register
def _shape(op: ShapeOf, node: Apply) -> tuple[int, list[Part]]:
    return _ATOM, [(node.inputs[0], _ATOM), ".shape"]


@write_op.register
def _shape_i(op: Shape_i, node: Apply) -> tuple[int, list[Part]]:
    return _ATOM, [(node.inputs[0], _ATOM), f".shape[{op.i}]"]


@write_op.register
def _reshape(op: Reshape, node: Apply) -> tuple[int, list[Part]]:
    return _ATOM, [(node.inputs[0], _ATOM), ".reshape((", *_separated(node.inputs[1:]), "))"]


@write_op.register(Alloc)
@write_op.register(AllocEmpty)
def _alloc(op: Op, node: Apply) -> tuple[int, list[Part]]:
    return call("alloc" if isinstance(op, Alloc) else "empty", node.inputs)


@write_op.register
def _make_vector(op: MakeVector, node: Apply) -> tuple[int, list[Part]]:
    return _ATOM, ["[", *_separated(node.inputs), "]"]


def _indexed(x: Variable[Any], entries: Sequence[Any], inputs: Sequence[Variable[Any]]) -> list[Part]:
    """Return ``x[...]`` with the symbolic indices in their places."""
    taken = iter(inputs)

    def one(entry: Any) -> Part:
        if entry in (INPUT, "array"):
            return next(taken), 0
        return "" if entry is None else str(entry)

    parts: list[Part] = [(x, _ATOM), "["]
    for k, entry in enumerate(entries):
        if k:
            parts.append(", ")
        if isinstance(entry, tuple):
            start, stop, step = entry[1:]
            parts += [one(start), ":", one(stop)]
            parts += [":", one(step)] if step is not None else []
        else:
            parts.append(one(entry))
    return [*parts, "]"]


@write_op.register(Subtensor)
@write_op.register(AdvancedSubtensor)
def _subtensor(op: Any, node: Apply) -> tuple[int, list[Part]]:
    return _ATOM, _indexed(node.inputs[0], op.entries, node.inputs[1:])


@write_op.register(IncSubtensor)
@write_op.register(AdvancedIncSubtensor)
def _inc_subtensor(op: Any, node: Apply) -> tuple[int, list[Part]]:
    x, y, *indices = node.inputs
    name = "set_subtensor" if op.set_instead else "inc_subtensor"
    return _ATOM, [f"{name}(", *_indexed(x, op.entries, indices), ", ", (y, 0), ")"]


#: ``register(OpClass)`` as a decorator: a function ``(op, node) -> (precedence, parts)`` for another package's Op.
register: Callable[..., Any] = write_op.register
