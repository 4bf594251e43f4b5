"""What can be printed: variables, lists of them, nodes, graphs, compiled functions. All become a ``Subject``."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from symcore.graph.fgraph import FunctionGraph
from symcore.graph.traverse import toposort
from symcore.graph.variable import Apply, Variable


class Subject:
    """The outputs to print, and what is known about the graph they belong to.

    Attributes
    ----------
    outputs
        The variables at the top.
    labels
        Per output, what is written before it: nothing, or ``w <-`` for an update of ``w``.
    order
        Node -> its position in the order of execution; empty for the user's own graphs.
    clients
        Variable -> its users; ``None`` where the graph does not keep them.
    inplace
        Node -> the memory plan's decision as text (``[(0, 0)]``), or an empty string.
    """

    def __init__(
        self,
        outputs: Sequence[Variable[Any]],
        order: Mapping[Apply, int] | None = None,
        clients: Mapping[Variable[Any], Any] | None = None,
        inplace: Callable[[Apply], str] | None = None,
        labels: Sequence[str] = (),
    ):
        self.outputs = list(outputs)
        self.order = order or {}
        self.clients = clients
        self.inplace = inplace or (lambda node: "")
        self.labels = list(labels) or [""] * len(self.outputs)


def subject_of(obj: Any) -> Subject:
    """Return what there is to print of ``obj``.

    ``obj`` is a variable, a node, a list or tuple of these, a ``FunctionGraph``, or a compiled function: anything with
    an ``fgraph`` (or ``maker.fgraph``) and, if it has one, a memory plan as ``plan`` with ``order``,
    ``describe(node)`` and ``updated``. Raises ``TypeError`` for anything else.
    """
    if isinstance(obj, Variable):
        return Subject([obj])
    if isinstance(obj, Apply):
        return Subject(obj.outputs)
    if isinstance(obj, FunctionGraph):
        return _graph(obj, None)
    if isinstance(obj, (list, tuple)):
        return _joined([subject_of(item) for item in obj])
    fgraph = getattr(obj, "fgraph", None)
    if fgraph is None:
        fgraph = getattr(getattr(obj, "maker", None), "fgraph", None)
    if isinstance(fgraph, FunctionGraph):
        return _graph(fgraph, getattr(obj, "plan", None))
    raise TypeError(
        f"cannot print {obj!r} ({type(obj).__name__}) as a graph: give a variable, a list of variables, a node, a "
        "FunctionGraph or a compiled function."
    )


def _graph(fgraph: FunctionGraph, plan: Any) -> Subject:
    nodes = getattr(plan, "order", None) or fgraph.toposort()
    order = {node: position for position, node in enumerate(nodes)}
    updated = getattr(plan, "updated", ())
    labels = [""] * (len(fgraph.outputs) - len(updated)) + [f"{shared} <- " for shared in updated]
    return Subject(fgraph.outputs, order, fgraph.clients, getattr(plan, "describe", None), labels)


def _joined(parts: Sequence[Subject]) -> Subject:
    order: dict[Apply, int] = {}
    clients: dict[Variable[Any], Any] = {}
    owner_of: dict[Apply, Callable[[Apply], str]] = {}
    for part in parts:
        order.update(part.order)
        clients.update(part.clients or {})
        owner_of.update(dict.fromkeys(part.order, part.inplace))
    return Subject(
        [v for part in parts for v in part.outputs],
        order,
        clients if any(part.clients is not None for part in parts) else None,
        lambda node: owner_of[node](node) if node in owner_of else "",
        [label for part in parts for label in part.labels],
    )


def inner_graphs(outputs: Sequence[Variable[Any]]) -> list[tuple[Apply, Any]]:
    """Return the nodes whose Op runs a graph of its own (an attribute ``fgraph``), with that graph."""
    found = [(node, getattr(node.op, "fgraph", None)) for node in toposort(outputs)]
    return [(node, fgraph) for node, fgraph in found if isinstance(fgraph, FunctionGraph)]
