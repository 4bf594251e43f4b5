"""``debugprint``: a graph as an indented tree, one line per node."""

import sys
from typing import Any

from symcore.config import config
from symcore.graph.test_values import get_test_value, has_test_value
from symcore.graph.variable import Apply, Constant, Variable
from symcore.printing.subject import Subject, inner_graphs, subject_of

#: A line that is deeper than this shows only its last levels, after the number of those left out: the text of a chain
#: of a hundred thousand nodes would have gigabytes of spaces.
INDENT_LEVELS, SHOWN_LEVELS = 60, 6

_BRANCH, _LAST, _PIPE, _SPACE = " ├─ ", " └─ ", " │  ", "    "
_SCHEMES = ("CHAR", "int", "id", "")


def debugprint(
    obj: Any,
    depth: int = -1,
    print_type: bool = False,
    ids: str = "CHAR",
    stop_on_name: bool = False,
    done: dict[Any, str] | None = None,
    print_clients: bool = False,
    file: Any = None,
    print_destroy_map: bool = False,
    print_view_map: bool = False,
) -> Any:
    """Print a graph as a tree: a node's inputs stand indented below it.

    A line reads ``Elemwise{sigmoid}[(0, 0)] [id A] 'name' 3``: the Op, what the memory plan decided (output 0 takes
    over the buffer of input 0), an id, the name of the variable, and the position in the order of execution. The last
    two, and the decision, stand only where they exist. A node that was printed before is not printed again: its line
    ends in ``···``. With ``config.print_test_value`` test values are shown where there are any.

    Parameters
    ----------
    obj
        A variable, a node, a list of them, a ``FunctionGraph`` or a compiled function.
    depth
        Levels to print; -1: all.
    print_type
        Print the type of every variable.
    ids
        How nodes are told apart: ``"CHAR"`` (A, B, ...), ``"int"``, ``"id"`` (Python's), or ``""`` for not at all.
    stop_on_name
        Do not look behind variables that have a name.
    done
        ``{node or variable: id}`` of what was printed before; pass the same dictionary again to go on counting.
    print_clients
        Print who uses a variable (only of graphs that know: functions and ``FunctionGraph``).
    file
        ``None``: standard output; ``"str"``: return the text; otherwise a file to write to.
    print_destroy_map, print_view_map
        Print which inputs an Op destroys, and which of its outputs are views.

    Raises
    ------
    TypeError
        When ``obj`` is no graph.
    ValueError
        For an unknown scheme of ids.
    """
    if ids not in _SCHEMES:
        raise ValueError(f"ids is one of {', '.join(map(repr, _SCHEMES))}, got {ids!r}.")
    if not isinstance(depth, int) or depth == 0:
        raise ValueError(f"depth is a number of levels, or -1 for all of them; got {depth!r}.")
    printer = _Printer(
        ids, {} if done is None else done, print_type, stop_on_name, print_clients, print_destroy_map, print_view_map
    )
    subject = subject_of(obj)
    printer.forest(subject, depth)
    _inner(printer, subject, depth)
    text = "\n".join(printer.lines) + "\n"
    if file == "str":
        return text
    (sys.stdout if file is None else file).write(text)
    return file


def _inner(printer: "_Printer", subject: Subject, depth: int) -> None:
    """Print the graphs inside Ops (loops, graphs made into Ops) after the graph that holds them."""
    pending = inner_graphs(subject.outputs)
    if pending:
        printer.lines += ["", "Inner graphs:"]
    while pending:
        node, fgraph = pending.pop(0)
        printer.lines += ["", printer.label(node.outputs[0], node)]
        inner = subject_of(fgraph)
        printer.forest(inner, depth)
        pending += inner_graphs(inner.outputs)


class _Printer:
    """Collects the lines; ``ids`` outlives one graph, so that inner graphs go on counting."""

    def __init__(
        self,
        scheme: str,
        ids: dict[Any, str],
        types: bool,
        stop_on_name: bool,
        clients: bool,
        destroys: bool,
        views: bool,
    ):
        self.scheme = scheme
        self.ids = ids
        self.types = types
        self.stop_on_name = stop_on_name
        self.clients = clients
        self.destroys = destroys
        self.views = views
        self.lines: list[str] = []
        self.printed: set[Any] = set(ids)

    def forest(self, subject: Subject, depth: int) -> None:
        """Print the trees of all outputs. The stack holds ``(variable, level, indentation, is the last child)``."""
        stack: list[tuple[Variable[Any], int, str, bool, str]] = [
            (v, 0, "", True, label) for v, label in zip(subject.outputs[::-1], subject.labels[::-1], strict=True)
        ]
        while stack:
            variable, level, indent, last, label = stack.pop()
            node = variable.owner
            key = node if node is not None else variable
            again = node is not None and key in self.printed
            mark = "" if level == 0 else _LAST if last else _BRANCH
            line = f"{_shown(indent, level)}{mark}{label}{self.line(variable, subject)}"
            self.lines.append(line + (" ···" if again and node is not None and node.inputs else ""))
            self.printed.add(key)
            if node is None or again or level + 1 == depth or (self.stop_on_name and variable.name is not None):
                continue
            deeper = indent + ("" if level == 0 else _SPACE if last else _PIPE)
            deeper = deeper[-4 * INDENT_LEVELS :]
            children = node.inputs
            stack.extend(
                (v, level + 1, deeper, k == len(children) - 1, "") for k, v in reversed(list(enumerate(children)))
            )

    def line(self, variable: Variable[Any], subject: Subject) -> str:
        node = variable.owner
        parts = [self.label(variable, node, subject.inplace(node) if node is not None else "")]
        if node is not None:
            if variable.name is not None:
                parts.append(repr(variable.name))
            if self.destroys and node.op.destroys(node):
                parts.append(f"d={list(node.op.destroys(node))}")
            if self.views and node.op.view(node):
                parts.append(f"v={node.op.view(node)}")
        if self.types:
            parts.append(f"<{variable.type}>")
        if self.clients and subject.clients is not None and variable in subject.clients:
            parts.append(f"clients={self.users(subject.clients[variable])}")
        if config.print_test_value and has_test_value(variable) and not isinstance(variable, Constant):
            parts.append(f"test value {_short(get_test_value(variable))}")
        if node is not None and node in subject.order:
            parts.append(str(subject.order[node]))
        return " ".join(parts)

    def label(self, variable: Variable[Any], node: Apply | None, inplace: str = "") -> str:
        if node is None:
            text = str(variable)
        else:
            text = str(node.op) + (f".{variable.index}" if len(node.outputs) > 1 else "") + inplace
        mark = self.identify(node if node is not None else variable)
        return f"{text} {mark}" if mark else text

    def identify(self, item: Any) -> str:
        if self.scheme == "":
            return ""
        if item not in self.ids:
            count = len(self.ids)
            self.ids[item] = (
                letters(count) if self.scheme == "CHAR" else str(count if self.scheme == "int" else id(item))
            )
        return f"[id {self.ids[item]}]"

    def users(self, users: Any) -> str:
        shown = [f"output {position}" if node is None else f"{node.op} input {position}" for node, position in users]
        return f"[{', '.join(shown)}]"


def _shown(indent: str, level: int) -> str:
    """Return the indentation of a line: of very deep ones the last levels, after the number of those left out."""
    if level <= INDENT_LEVELS:
        return indent
    return f" ({level - 1 - SHOWN_LEVELS} levels){indent[-4 * SHOWN_LEVELS :]}"


def _short(value: Any) -> str:
    """Return a value on one line, its shape where it is large."""
    if getattr(value, "size", 0) > 20:
        return f"of shape {value.shape}, dtype {value.dtype}"
    text = " ".join(repr(value).split())
    return text if len(text) <= 120 else text[:117] + "..."


def letters(number: int) -> str:
    """Return 0, 1, ... as A, B, ..., Z, AA, AB, ..."""
    text = ""
    number += 1
    while number:
        number, digit = divmod(number - 1, 26)
        text = chr(ord("A") + digit) + text
    return text
