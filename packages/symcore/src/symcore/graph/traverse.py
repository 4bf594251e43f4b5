"""Walks over graphs. Nothing recurses, so a chain of a hundred thousand nodes is as good as one of ten."""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from symcore.graph.shared import SharedVariable
from symcore.graph.variable import Apply, Constant, Variable


def ancestors(outputs: Iterable[Variable[Any]], blockers: Collection[Variable[Any]] = ()) -> Iterator[Variable[Any]]:
    """Yield every variable that ``outputs`` depend on, themselves included, not looking behind ``blockers``."""
    seen: set[Variable[Any]] = set()
    stack = list(outputs)[::-1]
    while stack:
        variable = stack.pop()
        if variable in seen:
            continue
        seen.add(variable)
        yield variable
        if variable.owner is not None and variable not in blockers:
            stack.extend(reversed(variable.owner.inputs))


def inputs(outputs: Iterable[Variable[Any]], blockers: Collection[Variable[Any]] = ()) -> list[Variable[Any]]:
    """Return the variables without an owner (constants included) that ``outputs`` depend on, in order of discovery.

    ``blockers``: variables behind which is not looked; what only they depend on is left out.
    """
    return [v for v in ancestors(outputs, blockers) if v.owner is None]


def explicit_inputs(outputs: Iterable[Variable[Any]]) -> list[Variable[Any]]:
    """Return the inputs of ``outputs`` that are neither constants nor shared variables."""
    return [v for v in inputs(outputs) if not isinstance(v, (Constant, SharedVariable))]


def toposort(outputs: Iterable[Variable[Any]], blockers: Collection[Variable[Any]] = ()) -> list[Apply]:
    """Return the nodes that compute ``outputs`` from ``blockers`` and the graph's inputs, each after those it needs.

    The order is that of a depth-first walk, so it depends on the graph alone: not on hashes, addresses or threads.
    """
    order: list[Apply] = []
    entered: set[Apply] = set()
    for output in outputs:
        node = output.owner
        if node is None or node in entered or output in blockers:
            continue
        entered.add(node)
        # The way from the output down to a node, and for each node on it the inputs that are still to be looked at.
        way, waiting = [node], [iter(node.inputs)]
        while way:
            for variable in waiting[-1]:
                node = variable.owner
                if node is not None and node not in entered and variable not in blockers:
                    entered.add(node)
                    way.append(node)
                    waiting.append(iter(node.inputs))
                    break
            else:
                waiting.pop()
                order.append(way.pop())
    return order


def variables_and_orphans(
    graph_inputs: Collection[Variable[Any]], outputs: Iterable[Variable[Any]]
) -> tuple[list[Variable[Any]], list[Variable[Any]]]:
    """Return all variables between ``graph_inputs`` and ``outputs``, and those without owner that are not inputs."""
    everything = list(ancestors(outputs, graph_inputs))
    return everything, [v for v in everything if v.owner is None and v not in graph_inputs]


def ops(outputs: Iterable[Variable[Any]]) -> set[Any]:
    """Return the set of Ops used to compute ``outputs``."""
    return {node.op for node in toposort(outputs)}


def depends_on(outputs: Iterable[Variable[Any]], targets: Collection[Variable[Any]]) -> bool:
    """Tell whether any of ``outputs`` depends on any of ``targets``."""
    return any(v in targets for v in ancestors(outputs))


def find(outputs: Iterable[Variable[Any]], accept: Callable[[Apply], bool]) -> list[Apply]:
    """Return the nodes that ``accept`` says yes to, in topological order."""
    return [node for node in toposort(outputs) if accept(node)]
