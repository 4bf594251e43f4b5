"""Sums of gradient terms that know under which choices of ``ifelse`` they mean something.

The gradient of ``ifelse(c, a, b)`` could be handed on as ``ifelse(c, g, 0)`` to ``a`` and ``ifelse(c, 0, g)`` to ``b``;
but then all that lies behind the side not taken is differentiated at values that nobody asked for, and a zero times a
derivative that is NaN is NaN. So these terms have a *place*, "where ``c`` is true", and keep it as they pass through
the nodes that only this side needs. Where a variable also belongs to something else, its terms come together as
``ifelse(c, term of one side, term of the other)``, zeros standing for a side that has none. What differentiates a side
is then itself only asked for where that side is taken, and no rule has to find out about it. (The zeros handed to a
side that is not taken remain of use to who computes all there is: the interpreter, test values. They have its shape.)
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from symcore.graph import trace
from symcore.graph.null import NullType
from symcore.graph.variable import Apply, Variable
from symcore.ifelse import IfElse, ifelse
from symcore.tensor.constant import constant

Terms = dict["Place", Any]


class Place:
    """Where a term means something: within ``parent`` (``None``: the root), where ``condition`` is ``side``."""

    __slots__ = ("condition", "depth", "parent", "side", "trace")

    def __init__(self, parent: "Place | None", condition: Any, side: bool, trace: Any):
        self.parent = parent
        self.condition = condition
        self.side = side
        self.trace = trace
        self.depth: int = 0 if parent is None else parent.depth + 1


class Sums:
    """The gradients of a graph while they are added up, from ``sources`` (known gradients, of which none is a term of
    a choice) backwards. ``None`` as a term: connected, gradient 0.
    """

    def __init__(self, sources: dict[Variable[Any], Any]):
        self.root = Place(None, None, True, None)
        self._everywhere: dict[Variable[Any], Any] = dict(sources)  # sums of terms at the root: most have no others
        self._elsewhere: dict[Variable[Any], Terms] = {}
        self._places: dict[Any, Place] = {}
        self._zeros: dict[Any, Any] = {}

    def __contains__(self, v: object) -> bool:
        return v in self._everywhere

    def add(self, v: Variable[Any], term: Any, place: Place | None) -> None:
        """Add a term to the gradient of a variable. One that does not exist (``NullType``) swallows all others; one
        that means something nowhere is a 0."""
        known = self._everywhere.setdefault(v, None)
        if term is None or place is None or (known is not None and isinstance(known.type, NullType)):
            return
        if isinstance(term.type, NullType):
            self._elsewhere.pop(v, None)
            self._everywhere[v] = term
        elif place is self.root:
            self._everywhere[v] = added(known, term)
        else:
            terms = self._elsewhere.setdefault(v, {})
            terms[place] = added(terms.get(place), term)

    def total(self, v: Variable[Any]) -> Any:
        """Return the gradient of a variable, wherever it is asked for; ``None``: connected, and 0."""
        return self._lifted(v, self.root)

    def incoming(self, node: Apply) -> tuple[Place, list[Any]]:
        """Return the place that the terms of a node's outputs have in common, and per output their sum there."""
        found: dict[Place, None] = {}
        if self._elsewhere:
            found = {place: None for y in node.outputs for place in self._terms(y)}
        if not found or (len(found) == 1 and self.root in found):
            return self.root, [self._everywhere.get(y) for y in node.outputs]
        if len(found) == 1:
            [place] = found
            return place, [self._terms(y).get(place) for y in node.outputs]
        place, upto = self._common(list(found))
        return place, [self._lifted(y, upto) for y in node.outputs]

    def _terms(self, v: Variable[Any]) -> Terms:
        terms = self._elsewhere.get(v, {})
        known = self._everywhere.get(v)
        return terms if known is None else {self.root: known, **terms}

    def places(self, node: Apply, place: Place) -> list[Place | None]:
        """Return, per input of a node whose outputs' terms are at ``place``, where its term means something;
        ``None``: nowhere."""
        if not isinstance(node.op, IfElse):
            return [place] * len(node.inputs)
        sides = [self._within(place, node, side) for side in (True, False) for _ in range(node.op.n_outs)]
        return [place, *sides]

    def _within(self, place: Place, node: Apply, side: bool) -> Place | None:
        """Return the place of one side of an ``IfElse`` node that itself is at ``place``; ``None``: never taken."""
        condition, above = node.inputs[0], place
        while above.parent is not None:
            if above.condition is condition:
                return place if above.side == side else None
            above = above.parent
        return self._place(place, condition, side, node.trace)

    def _place(self, parent: Place, condition: Any, side: bool, trace: Any) -> Place:
        key = (parent, condition, side)
        if key not in self._places:
            self._places[key] = Place(parent, condition, side, trace)
        return self._places[key]

    def _lifted(self, v: Variable[Any], upto: Place) -> Any:
        """Return the sum of the terms of a variable, as one that means something at ``upto``."""
        if v not in self._elsewhere:
            return self._everywhere.get(v)
        terms = self._terms(v)
        if not terms or (len(terms) == 1 and upto in terms):
            return terms.get(upto)
        sums, levels = dict(terms), _levels(terms)
        for depth in range(max(levels), upto.depth, -1):
            for place in levels[depth]:
                if place not in sums:
                    continue  # it went with its other side
                sides = {place.side: sums.pop(place)}
                other = self._places.get((place.parent, place.condition, not place.side))
                if other in sums:
                    sides[not place.side] = sums.pop(other)
                above: Any = place.parent
                levels[above.depth][above] = None
                sums[above] = added(sums.get(above), self._chosen(v, place, sides))
        return sums[upto]

    def _chosen(self, v: Variable[Any], place: Place, sides: dict[bool, Any]) -> Any:
        with trace.inherit(place.trace):
            if len(sides) == 1:
                [(side, g)] = sides.items()
                sides[not side] = self._zero(v, g)
            return ifelse(place.condition, sides[True], sides[False])

    def _zero(self, v: Any, like: Any) -> Any:
        """Return zeros of the shape of a variable, of the type of its gradient."""
        key = (v, getattr(like.type, "dtype", None), getattr(like.type, "format", None))
        if key not in self._zeros:
            zero = v.zeros_like(dtype=key[1]) if key[1] is not None else v.zeros_like()
            if getattr(zero.type, "format", None) != key[2]:  # gradients of sparse matrices may be dense
                zero = zero.toarray() if key[2] is None else zero.asformat(key[2])
            self._zeros[key] = zero
        return self._zeros[key]

    def _common(self, places: Sequence[Place]) -> tuple[Place, Place]:
        """Return the innermost place that is sure to be taken where one of ``places`` is, and no more often if that
        can be told; and the one at which terms of ``places`` are added up.

        They are the same unless none of the choices between them is sure: then the place is "where any of ``places``
        is taken".
        """
        taken, levels = set(places), _levels(places)
        highest, depth = min(levels), max(levels)
        while len(levels[depth]) > 1 or depth > highest:
            for place in levels.pop(depth):
                above: Any = place.parent
                other = self._places.get((above, place.condition, not place.side))
                if place in taken and other in taken:
                    taken.add(above)
                levels[depth - 1][above] = None
            depth -= 1
        [upto] = levels[depth]
        if upto in taken:
            return upto, upto
        key = (upto, frozenset(places))
        if key not in self._places:
            self._places[key] = Place(upto, _any(places, upto), True, places[0].trace)
        return self._places[key], upto


def added(known: Any, term: Any) -> Any:
    """Return the sum of two gradients; of lists, whose ``+`` would mean something else, the elements are added."""
    if known is None:
        return term
    return known.add_elements(term) if hasattr(known, "add_elements") else known + term


def _levels(places: Iterable[Place]) -> dict[int, dict[Place, None]]:
    """Return the places of each depth, in order."""
    found: dict[int, dict[Place, None]] = defaultdict(dict)
    for place in places:
        found[place.depth][place] = None
    return found


def _any(places: Iterable[Place], upto: Place) -> Any:
    """Return whether one of some places within ``upto`` is taken. A condition that another one guards is looked at
    only where that one lets it."""
    truth = constant(False)
    for place in places:
        found, no = constant(True), truth
        within: Any = place
        with trace.inherit(place.trace):
            while within is not upto:
                found = ifelse(within.condition, *((found, no) if within.side else (no, found)))
                within = within.parent
        truth = found
    return truth

