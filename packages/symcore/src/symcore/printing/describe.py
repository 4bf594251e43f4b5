"""How a variable is computed, as text that is the same in every process: ``min_informative_str``, ``var_descriptor``.

Neither holds an address or a random name, so that two runs of a program can be compared by these texts.
"""

from typing import Any

import numpy as np

from symcore.graph.traverse import toposort
from symcore.graph.variable import Constant, Variable
from symcore.printing.debugprint import letters


def min_informative_str(obj: Any, indent_level: int = 0) -> str:
    """Return as much of a graph as says which computation ``obj`` is: a tree that ends at names and constants.

    Every line is a letter, then a name, or an Op whose inputs stand indented below it. A part that comes a second time
    is its letter alone, in angle brackets.

    Parameters
    ----------
    obj
        A variable; anything else is described by ``str``.
    indent_level
        How far to indent the first line.

    Examples
    --------
    >>> from symcore import tensor as T
    >>> from symcore.printing import min_informative_str
    >>> x, y = T.vectors("x", "y")
    >>> print(min_informative_str(x * y + x))
    A. Elemwise{add}
     B. Elemwise{mul}
      C. x
      D. y
     <C>
    """
    tags: dict[Any, str] = {}
    lines = []
    stack = [(obj, indent_level)]
    while stack:
        item, level = stack.pop()
        key = item if isinstance(item, Variable) else id(item)
        if key in tags:
            lines.append(f"{' ' * level}<{tags[key]}>")
            continue
        tags[key] = letters(len(tags))
        lines.append(f"{' ' * level}{tags[key]}. {_leaf(item) or str(item.owner.op)}")
        if _leaf(item) is None:
            stack.extend((v, level + 1) for v in reversed(item.owner.inputs))
    return "\n".join(lines)


def var_descriptor(obj: Any) -> str:
    """Return on one line how ``obj`` is computed: ``Elemwise{add}(Elemwise{mul}(x, y), x)``.

    A node that is used again is written out where it is first needed, as ``*1 -> ...``, and as ``*1`` from then on; the
    text of a graph grows with its number of nodes. What is no variable is described by ``str``.
    """
    if not isinstance(obj, Variable):
        return str(obj)
    named = {v for node in toposort([obj]) for v in node.outputs if v.name is not None and v is not obj}
    order = toposort([obj], named)
    uses: dict[Any, int] = {}
    for node in order:
        for v in node.inputs:
            uses[v] = uses.get(v, 0) + 1
    pieces: list[str] = []
    tags: dict[Any, str] = {}
    stack: list[Any] = [obj]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            pieces.append(item)
            continue
        leaf = _leaf(item) if item is not obj or item.owner is None else None
        if leaf is not None or item in tags:
            pieces.append(tags.get(item) or str(leaf))
            continue
        node = item.owner
        if uses.get(item, 0) > 1:
            tags[item] = f"*{len(tags) + 1}"
            pieces.append(f"{tags[item]} -> ")
        pieces.append(f"{node.op}{f'.{item.index}' if len(node.outputs) > 1 else ''}(")
        parts: list[Any] = []
        for v in node.inputs:
            parts += [v, ", "]
        stack.extend(reversed([*parts[:-1], ")"]))
    return "".join(pieces)


def _leaf(item: Any) -> str | None:
    """The text of what needs no further description; ``None`` for a nameless result of a node."""
    if not isinstance(item, Variable):
        return str(item)
    if item.name is not None:
        return item.name
    if isinstance(item, Constant):
        return _constant(item)
    return None if item.owner is not None else f"<{item.type}>"


def _constant(item: Constant[Any]) -> str:
    data = item.data
    if isinstance(data, np.ndarray) and data.size > 6:
        return f"{item} sum={data.sum()}"  # large arrays of one shape are told apart by more than their first element
    return str(item)
