"""What an error at run time tells: the node, its operands, the user's line, a hint, and on request all the rest.

A note of a few lines is added to the error (its type and message stay as they were), and ``error.details``: calling it
returns everything as text, which is what ``config.exception_verbosity = "high"`` shows at once.

The three machines that compute use it: the reference interpreter and the Python virtual machine, which have the values,
and the C virtual machine, which has shapes and strides.
"""

import contextlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from symcore.config import config
from symcore.graph import trace
from symcore.graph.shared import SharedVariable
from symcore.graph.variable import Apply, Constant, Variable

#: Operands, and lines of the storage map, that are shown at most.
OPERANDS, STORED = 5, 30
#: Arrays of no more elements than this are shown in full by ``details()``.
SMALL = 12
_WIDTH = 160


class Operand(NamedTuple):
    """What is known of one value: all of it, or (in C) shape and strides, or nothing."""

    shape: tuple[int, ...] | None = None
    strides: tuple[int, ...] | None = None
    kind: str = ""
    text: str = ""
    nbytes: int = 0


def operand(value: Any) -> Operand:
    """Describe a value."""
    if isinstance(value, (np.ndarray, np.generic)):
        small = value.size <= SMALL
        text = " ".join(np.array2string(np.asarray(value), separator=", ").split()) if small else ""
        return Operand(value.shape, value.strides, "", text, int(value.nbytes))
    kind = type(value).__name__
    shape = getattr(value, "shape", None)
    nbytes = getattr(value, "nbytes", None)
    size = nbytes if isinstance(nbytes, int) else sys.getsizeof(value, 0)
    if isinstance(shape, tuple):
        return Operand(shape, getattr(value, "strides", None), kind, "", size)
    text = ""
    with contextlib.suppress(Exception):  # a repr that fails must not hide the error that is being told
        text = _cut(repr(value), 80)
    return Operand(None, None, kind, text, size)


def operand_in_c(described: Any) -> Operand:
    """Return what the C virtual machine says of a slot, ``(dtype, shape, strides)`` or ``None``, as an operand."""
    if described is None:
        return Operand()
    dtype, shape, strides = described
    count = 1
    for n in shape:
        count *= n
    return Operand(tuple(shape), tuple(strides), "", "", count * np.dtype(dtype).itemsize)


class Stored(NamedTuple):
    """One line of the storage map: what a variable is to the function, and what it held when the error came."""

    role: str
    variable: Variable[Any]
    operand: Operand


class Failure:
    """``error.details``. Calling it returns the whole text. It keeps the node, and no values.

    Attributes
    ----------
    node
        The node that failed.
    trace
        The user's line that built it; of several operations that are one node, the one that failed, where that can be
        told.
    position, count
        Its place in the order of execution and the number of nodes, where a compiled function was running.
    function
        The name of that function, or an empty string.
    """

    def __init__(self, node: Apply, operands: Sequence[Operand], error: BaseException):
        self.node = node
        self.operands = list(operands)
        self.trace, failing = _failing(node, operands, error)
        self.hint = failing or _hint(node, error)
        self.position: int | None = None
        self.count = 0
        self.function = ""
        self.stored: list[Stored] = []

    def note(self) -> str:
        """Return the note for the error, as long as ``config.exception_verbosity`` asks for."""
        return self() if config.exception_verbosity == "high" else self.short()

    def short(self) -> str:
        """Return the node, its first operands, the user's line and a hint: at most a dozen lines."""
        lines = [self._head(), *self._operands(OPERANDS, values=False)]
        where = trace.describe(self.trace)
        if where:
            lines.append(f"  built at {_cut(where)}")
        lines += [f"  hint: {self.hint}"] if self.hint else []
        return "\n".join([*lines, "  more: error.details(), or config.exception_verbosity = 'high'"])

    def __call__(self) -> str:
        """Return everything that is known, with the graph behind the node and the storage map."""
        lines = [self._head(), *self._operands(len(self.operands), values=True)]
        lines += [f"  output {k}{_named(y)}: {y.type}" for k, y in enumerate(self.node.outputs)]
        where = trace.describe(self.trace)
        if where:
            lines += [f"  built at {where}", *(f"    called from {line}" for line in trace.callers(self.trace))]
        lines += [f"  hint: {self.hint}"] if self.hint else []
        lines += ["  the node:", *_graph(self.node)]
        if self.stored:
            lines += _storage(self.stored)
        return "\n".join(lines)

    def _head(self) -> str:
        place = "" if self.position is None else f" (node {self.position} of {self.count} in {self.function})"
        return f"while computing {_cut(str(self.node.op))}{place}"

    def _operands(self, limit: int, values: bool) -> list[str]:
        lines = []
        for k, (v, given) in enumerate(zip(self.node.inputs[:limit], self.operands, strict=False)):
            parts = [f"  input {k}{_named(v)}: {v.type}"]
            if given.shape is not None:
                parts.append(f"shape {given.shape}, strides {given.strides}")
            elif given.kind:
                parts.append(given.kind)
            if given.text and values:
                parts.append(f"value {given.text}")
            lines.append(", ".join(parts))
        left = len(self.node.inputs) - limit
        return [*lines, f"  and {left} more inputs"] if left > 0 else lines

    def __reduce__(self) -> Any:
        return _Told, (self(),)  # an error that goes to another process takes its text along, not the graph

    def __repr__(self) -> str:
        return f"<details of a failure of {self.node.op}: call them>"


class _Told:
    """The details of a failure of another process: their text."""

    def __init__(self, text: str):
        self.text = text

    def __call__(self) -> str:
        """Return the text."""
        return self.text

    def __reduce__(self) -> Any:
        return _Told, (self.text,)


def report(error: BaseException, node: Apply, operands: Sequence[Operand]) -> None:
    """Add to an error which node raised it, on what, and which line of the user's code made the node.

    An error that comes out of a node inside (of a function that an Op calls) keeps its details, and says in a line more
    which node it came through.
    """
    inner = getattr(error, "details", None)
    if isinstance(inner, (Failure, _Told)):
        if not isinstance(inner, Failure) or inner.node is not node:
            where = trace.describe(node.trace)
            error.add_note(f"inside {_cut(str(node.op))}" + (f", built at {_cut(where)}" if where else ""))
        return
    failure = Failure(node, operands, error)
    error.add_note(failure.note())
    if inner is None:  # an error class may have details of its own
        error.details = failure  # type: ignore[attr-defined]


def locate(
    error: BaseException, node: Apply, position: int, count: int, function: str, stored: Iterable[Stored]
) -> None:
    """Add to the details of an error where the node stands in a compiled function, and what the function holds.

    Does nothing where the details are those of another function's node.
    """
    failure = getattr(error, "details", None)
    if not isinstance(failure, Failure) or failure.node is not node or failure.position is not None:
        return
    notes = error.__notes__
    before = failure.note()
    failure.position, failure.count, failure.function = position, count, function or "a function"
    failure.stored = list(stored)
    if before in notes:
        notes[notes.index(before)] = failure.note()


def stored_values(values: Mapping[Variable[Any], Any], inputs: Sequence[Any], outputs: Sequence[Any]) -> list[Stored]:
    """Return the storage map of values that are at hand."""
    roles = {**dict.fromkeys(outputs, "output"), **dict.fromkeys(inputs, "input")}
    return [Stored(role_of(v, roles), v, operand(value)) for v, value in values.items()]


def role_of(variable: Variable[Any], roles: Mapping[Variable[Any], str]) -> str:
    """Return what a variable is to a function; ``roles`` knows its inputs and outputs."""
    if isinstance(variable, SharedVariable):
        return "shared"
    return "constant" if isinstance(variable, Constant) else roles.get(variable, "result")


def _storage(stored: Sequence[Stored]) -> list[str]:
    known = sorted(stored, key=lambda s: -s.operand.nbytes)
    total = sum(s.operand.nbytes for s in known)
    lines = [f"  storage: {len(known)} values, {total:,} bytes (views count again)"]
    for s in known[:STORED]:
        shape = "" if s.operand.shape is None else f", shape {s.operand.shape}"
        name = _cut(str(s.variable), 60)
        lines.append(f"    {s.role:<8} {s.operand.nbytes:>12,}  {name}: {s.variable.type}{shape}")
    return [*lines, f"    and {len(known) - STORED} smaller ones"] if len(known) > STORED else lines


def _graph(node: Apply) -> list[str]:
    from symcore.printing.debugprint import debugprint

    text = debugprint(node.outputs[0], depth=6, print_type=True, file="str").splitlines()
    return [f"    {line}" for line in text[:40]] + (["    ..."] if len(text) > 40 else [])


def _failing(node: Apply, operands: Sequence[Operand], error: BaseException) -> tuple[trace.Frame | None, str]:
    """Return the user's line that failed, and what to say of it: of operations fused into one node, the first one whose
    operands do not fit each other."""
    work: Any = getattr(node.op, "map", None) or getattr(node.op, "fn", None)
    if not isinstance(error, ValueError) or not hasattr(work, "mismatch"):
        return node.trace, ""
    shapes = [given.shape for given in operands]
    if None in shapes or len(shapes) != len(node.inputs):
        return node.trace, ""
    read: Any = getattr(node.op, "read_by_map", None)  # of rows of tables, where it reads those
    found = work.mismatch(*(read(node.inputs, shapes) if read else ([v.type for v in node.inputs], shapes)))
    if found is None:
        return node.trace, ""
    hint = (
        f"of the operations fused into this node {found.name} fails, on the shapes "
        f"{' and '.join(map(str, dict.fromkeys(found.shapes)))}."
    )
    return trace.each(node.trace, found.steps)[found.step], hint if found.steps > 1 else ""


def _hint(node: Apply, error: BaseException) -> str:
    """Return what to try next, in one line."""
    if isinstance(error, MemoryError):
        return "the result does not fit into memory: error.details() lists what the function holds, largest first."
    for k in getattr(node.op, "tables", (0,)) if isinstance(error, IndexError) and node.inputs else ():
        if rows := _of_its_rows(node.inputs[k]):
            return rows
    if isinstance(error, TypeError) and "perform() " in str(error) and "positional argument" in str(error):
        return "perform(self, node, *values) takes the value of each input and returns those of the outputs."
    if "Composite" in str(node.op):
        return "the node stands for several operations, fused; mode.excluding('fuse') fails at the very one."
    if node.trace is None:
        return "no line is known for this node; mode='FAST_COMPILE' keeps closest to what was written."
    shapes = isinstance(error, ValueError) and any(word in str(error) for word in ("shape", "length"))
    if shapes and config.compute_test_value == "off":
        return "config.compute_test_value = 'raise' finds wrong shapes while the graph is built."
    return ""


def _of_its_rows(variable: Variable[Any]) -> str:
    """Return what the Op that makes the rows of a variable, seen through views, tells of how many there are.

    An Op that can tell has a method ``explain_rows(node, output)``, which returns a sentence.
    """
    while variable.owner is not None:
        node = variable.owner
        position = node.outputs.index(variable)
        if hasattr(node.op, "explain_rows"):
            return str(node.op.explain_rows(node, position))
        seen = node.op.view(node)
        if position not in seen:
            break
        variable = node.inputs[seen[position]]
    return ""


def _named(variable: Variable[Any]) -> str:
    return f" ({variable.name})" if variable.name else ""


def _cut(text: str, width: int = _WIDTH) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."
