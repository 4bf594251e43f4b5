"""``subgraph_grad``: the gradient through a part of a graph, so that a long way back can be walked in stages."""

from collections.abc import Mapping, Sequence
from typing import Any

from symcore.gradient.grad import grad


def subgraph_grad(
    wrt: Sequence[Any],
    end: Sequence[Any],
    start: Mapping[Any, Any] | None = None,
    cost: Any = None,
    details: bool = False,
) -> Any:
    """Return gradients with respect to ``wrt`` and ``end``, not looking behind ``end``.

    Walking a graph back in stages: the gradients of one stage's ``end`` are the ``start`` of the next.

    Parameters
    ----------
    wrt
        Variables (parameters) inside the part of the graph, whose gradients are wanted.
    end
        Variables where the part ends on the way back.
    start
        ``{variable: gradient}``: where the way back begins, known from the stage before.
    cost
        A scalar to begin with, in addition to ``start`` or instead of it.
    details
        Return also the gradients by ``start`` alone and by ``cost`` alone, for ``wrt + end``.

    Returns
    -------
    tuple
        ``(gradients of wrt, gradients of end)``, and with ``details`` also ``(by start or None, by cost or None)``.

    Raises
    ------
    ValueError
        When neither ``start`` nor ``cost`` is given.
    """
    if start is None and cost is None:
        raise ValueError("subgraph_grad() needs start={variable: gradient}, or a cost, or both.")
    targets = [*wrt, *end]

    def back(scalar: Any, known: Mapping[Any, Any] | None) -> list[Any]:
        return grad(scalar, targets, list(end), "ignore", known_grads=known)

    by_start = None if start is None else back(None, start)
    by_cost = None if cost is None else back(cost, None)
    parts = [part for part in (by_start, by_cost) if part is not None]
    total = parts[0] if len(parts) == 1 else [a + b for a, b in zip(*parts, strict=True)]
    split = len(wrt)
    result = (total[:split], total[split:])
    return (*result, by_start, by_cost) if details else result
