"""When nodes run: the sides of choices that ask for them, and an order in which that is known in time.

A *choice* is one side of a branch within the choices that lead to the branch; a set of choices is the *guard* of a
node: it runs if any of them is taken. The empty path, ``None``, is always taken. Guards are sufficient, not exact: a
node may run where its value turns out not to be needed, never the other way round.
"""

import heapq
from collections.abc import Iterable, Sequence
from typing import Any

from symcore.graph.variable import Apply, Variable

#: More choices than these are replaced by what they have in common.
MOST_CHOICES = 8


class Choice:
    """One side of a branch: ``condition`` is true or not, and ``parent`` was chosen before. Made by ``Guards`` only."""

    __slots__ = ("condition", "depth", "parent", "side")

    def __init__(self, parent: "Choice | None", condition: Variable[Any], side: bool):
        self.parent = parent
        self.condition = condition
        self.side = side
        self.depth: int = 1 if parent is None else parent.depth + 1


Guard = frozenset[Choice | None]
ALWAYS: Guard = frozenset({None})
NEVER: Guard = frozenset()


def path(choice: Choice | None) -> list[Choice]:
    """Return a choice and those it lies within, innermost first."""
    found = []
    while choice is not None:
        found.append(choice)
        choice = choice.parent
    return found


class Guards:
    """The guards of the nodes of one graph, found from its outputs backwards."""

    def __init__(self) -> None:
        self.of: dict[Apply, Guard] = {}
        self._wanted: dict[Variable[Any], Guard] = {}
        self._choices: dict[tuple[Choice | None, Any, bool], Choice] = {}
        self._above: dict[Any, set[Apply]] = {}

    def want(self, variables: Iterable[Variable[Any]], guard: Guard = ALWAYS) -> None:
        """Note that the data of variables is needed where ``guard`` holds."""
        for v in variables:
            self._wanted[v] = self._wanted.get(v, NEVER) | guard

    def wanted(self, v: Variable[Any]) -> bool:
        """Tell whether the data of a variable is needed at all."""
        return bool(self._wanted.get(v))

    def chosen(self) -> bool:
        """Whether any node may be left out."""
        return any(guard != ALWAYS for guard in self.of.values())

    def settle(self, node: Apply) -> Guard:
        """Return the guard of a node, all of whose users have been settled."""
        guard = simplified(frozenset().union(*(self._wanted.get(y, NEVER) for y in node.outputs)))
        if guard and guard != ALWAYS:
            guard = simplified(frozenset(self._outside(choice, node) for choice in guard))
        if guard:
            self.of[node] = guard
        return guard

    def within(self, guard: Guard, condition: Variable[Any], side: bool) -> Guard:
        """Return the guard of what one side of a branch needs, where the branch itself has ``guard``."""
        return frozenset(c for choice in guard for c in self._side(choice, condition, side))

    def _side(self, choice: Choice | None, condition: Variable[Any], side: bool) -> list[Choice | None]:
        for above in path(choice):
            if above.condition is condition:
                return [choice] if above.side == side else []
        key = (choice, condition, side)
        if key not in self._choices:
            self._choices[key] = Choice(choice, condition, side)
        return [self._choices[key]]

    def _outside(self, choice: Choice | None, node: Apply) -> Choice | None:
        """Return ``choice`` without the conditions that cannot be computed without ``node``."""
        steps = path(choice)[::-1]
        kept: Choice | None = None
        for step in steps:
            if node not in self._ancestors(step.condition):
                [kept] = self._side(kept, step.condition, step.side)
        return kept

    def _ancestors(self, v: Variable[Any]) -> set[Apply]:
        if v not in self._above:
            self._above[v] = _ancestors([v])
        return self._above[v]

    def schedule(self, order: Sequence[Apply]) -> list[Apply]:
        """Return ``order`` changed as little as it must be for every condition to come before what it guards.

        Where that goes in a circle, the nodes of the circle and all they need run always.
        """
        if not self.chosen():
            return list(order)
        while True:
            found = _sorted(order, {node: self._before(node) for node in order})
            if len(found) == len(order):
                return found
            stuck = set(order).difference(found)
            for node in stuck | _ancestors([y for one in stuck for y in one.inputs]):
                if node in self.of:
                    self.of[node] = ALWAYS

    def _before(self, node: Apply) -> set[Apply]:
        conditions = [c.condition for choice in self.of.get(node, NEVER) for c in path(choice)]
        return {v.owner for v in (*node.inputs, *conditions) if v.owner is not None}


def simplified(guard: Guard) -> Guard:
    """Return an equal guard without choices inside others and with both sides of a branch as the branch; a wider one
    of what they have in common, if there are too many."""
    if None in guard:
        return ALWAYS
    left = set(guard)
    pairs = [c for c in left if c is not None]
    while pairs:
        c = pairs.pop()
        if c in left and any(
            o is not None and o.parent is c.parent and o.condition is c.condition and o.side != c.side for o in left
        ):
            left = {o for o in left if o is None or o.parent is not c.parent or o.condition is not c.condition}
            left.add(c.parent)
            if c.parent is None:
                return ALWAYS
            pairs.append(c.parent)
    outer = frozenset(c for c in left if c is not None and not any(a in left for a in path(c.parent)))
    return outer if len(outer) <= MOST_CHOICES else frozenset({_common(outer)})


def _common(guard: Guard) -> Choice | None:
    paths = [path(choice)[::-1] for choice in guard]
    found = None
    for level in zip(*paths, strict=False):
        if any(c is not level[0] for c in level):
            break
        found = level[0]
    return found


def _ancestors(variables: Iterable[Variable[Any]]) -> set[Apply]:
    found: set[Apply] = set()
    stack = [v.owner for v in variables]
    while stack:
        node = stack.pop()
        if node is not None and node not in found:
            found.add(node)
            stack.extend(v.owner for v in node.inputs)
    return found


def _sorted(order: Sequence[Apply], before: dict[Apply, set[Apply]]) -> list[Apply]:
    """Return the nodes in topological order, those first in ``order`` first; those in a circle are left out."""
    place = {node: k for k, node in enumerate(order)}
    after: dict[Apply, list[Apply]] = {node: [] for node in order}
    waits = dict.fromkeys(order, 0)
    for node, others in before.items():
        for other in others:
            if other in after:
                after[other].append(node)
                waits[node] += 1
    ready = [place[node] for node in order if not waits[node]]
    heapq.heapify(ready)
    found = []
    while ready:
        node = order[heapq.heappop(ready)]
        found.append(node)
        for user in after[node]:
            waits[user] -= 1
            if not waits[user]:
                heapq.heappush(ready, place[user])
    return found
