"""Rules that take work out of a loop: done once, or for all steps at a time.

Products of matrices gain most: the products of all steps are one large product.
"""

from collections.abc import Sequence
from typing import Any

from symcore.graph.clone import clone_graph
from symcore.graph.traverse import ancestors, toposort
from symcore.graph.variable import Constant
from symcore.ifelse import IfElse
from symcore.tensor.constant import as_tensor
from symcore.tensor.creation import Alloc
from symcore.tensor.elemwise import Elemwise, elemwise_name
from symcore.tensor.products import BatchedDot, Dot
from symcore.tensor.reduce import Reduce
from symcore.tensor.shapes import DimShuffle, Shape_i, specify_shape
from symcore.tensor.type import TensorType
from symcore.vectorize import vectorize_graph
from symcore.vectorize.dispatch import with_batch
from symopt.lazy import needed_at
from symopt.rule import rewrite
from symopt.ruleset import RuleSet
from symopt.shape_inference import shape_of
from symscan.op import Scan
from symscan.rules.parts import Fixed, LoopParts, Plain, Sequence_
from symscan.spec import Rows

# ---------------------------------------------------------------------- before the loop


@rewrite(Scan, phase="canonicalize")
def loop_invariant(node: Any) -> Any:
    """``scan(x -> f(x, g(w))) -> scan(x -> f(x, v))`` with ``v = g(w)`` computed once, before the loop."""
    loop = LoopParts(node)
    fixed = {f.value: f.x for f in loop.fixed}
    moved = [v for v in _largest(loop.made(), set(fixed)) if _computes(v, fixed)]
    if not moved:
        return None
    outside = clone_graph(moved, dict(fixed))
    added = [Fixed(x, v.type(v.name)) for x, v in zip(outside, moved, strict=True)]
    loop.replace({v: f.value for v, f in zip(moved, added, strict=True)})
    loop.fixed += added
    loop.drop_unused_inputs()
    return loop.build()[1]


@rewrite(Scan, phase="canonicalize")
def loop_sequence_work(node: Any) -> Any:
    """``scan(x -> f(dot(x, w))) over X -> scan(y -> f(y)) over dot(X, w)``: products that depend on no earlier step are
    computed for all steps at a time; so is elementwise work on rows that are numbers."""
    loop = LoopParts(node)
    if loop.condition is not None or loop.op.lean:  # it would be done for steps that are never made
        return None
    slices = {v: s for s in loop.sequences for v in s.values}
    fixed = {f.value: f.x for f in loop.fixed}
    moved = [
        v for v in _largest(loop.made(), {*slices, *fixed})
        if any(a in slices for a in ancestors([v], fixed)) and _worth_batching(v, {*slices, *fixed}, fixed)
    ]  # fmt: skip
    if not moved:
        return None
    rows = {v: _rows(s.x, tap, loop.n_steps) for s in loop.sequences for tap, v in zip(s.taps, s.values, strict=True)}
    batches = _over_all(moved, rows, fixed, loop.n_steps)
    added = [Sequence_(x, (0,), [v.type(v.name)]) for v, x in zip(moved, batches, strict=True)]
    loop.replace({v: s.values[0] for v, s in zip(moved, added, strict=True)})
    loop.sequences += added
    loop.drop_unused_inputs()
    return loop.build()[1]


# ---------------------------------------------------------------------- after the loop


@rewrite(Scan, phase="canonicalize")
def loop_output_work(node: Any, fgraph: Any) -> Any:
    """``scan(h -> (f(h), dot(h, w))) -> scan(h -> f(h)), dot(rows of h, w)``: products that no later step needs are
    computed for all steps at a time, from the rows of what they are made of."""
    loop = LoopParts(node)
    if loop.condition is not None or loop.op.lean:
        return None
    moving = [p for p in loop.plain if p.rows.keep is None and fgraph.clients[p.output]]
    needed = _needed_in_loop(loop, [p for p in loop.plain if p not in moving])
    once = {f.value for f in loop.fixed}
    moving = [p for p in moving if p.made not in needed and _worth_batching(p.made, needed, once)]
    if not moving:
        return None
    cuts = _cuts([p.made for p in moving], needed, loop)
    traces = _Traces(loop)
    rows = {v: traces.of(v) for v in cuts}
    loop.plain = [p for p in loop.plain if p not in moving]
    _, new, made = traces.build()
    fixed = {f.value: f.x for f in traces.fixed}
    outside = _over_all([p.made for p in moving], {v: made(r) for v, r in rows.items()}, fixed, loop.n_steps)
    return new | {p.output: _fitting(x, p.output) for p, x in zip(moving, outside, strict=True)}


@rewrite(Scan, phase="canonicalize")
def loop_sum(node: Any, fgraph: Any) -> Any:
    """``scan(s -> s + dot(a, b)) -> s0 + dot(all a, all b)``: sums over the steps that no step reads are one product.

    Sums of rows, and of reductions of rows, are taken out in the same way.
    """
    loop = LoopParts(node)
    if loop.condition is not None or loop.op.lean:
        return None
    found = {}
    for s in loop.states:
        if s.rows.taps == (-1,) and s.rows.keep == 1 and fgraph.clients[s.output]:
            addends = _addends(s.made, s.values[0], loop)
            if addends is not None:
                found[id(s)] = s, addends
    if not found:
        return None
    leaving = [s for s, _ in found.values()]
    loop.states = [s for s in loop.states if id(s) not in found]
    traces = _Traces(loop)
    totals = [[_Total(term, traces) for term in addends] for _, addends in found.values()]
    if not loop.states and not loop.plain and not loop.carries:
        return {s.output: _summed(s, terms, traces.outside) for s, terms in zip(leaving, totals, strict=True)}
    _, new, made = traces.build()
    return new | {s.output: _summed(s, terms, made) for s, terms in zip(leaving, totals, strict=True)}


def _summed(s: Any, terms: Sequence["_Total"], made: Any) -> Any:
    total = s.first
    for term in terms:
        total = total + term.value(made).astype(total.type.dtype).dimshuffle("x", *range(total.type.ndim - 1))
    return _fitting(total, s.output)


def _fitting(x: Any, output: Any) -> Any:
    """Return ``x`` as what may take the place of ``output``, whose type may know more lengths."""
    return x if output.type.is_super(x.type) else specify_shape(x, output.type.shape)


class _Total:
    """One addend of a sum over steps, and how to compute the sum of all of them from rows."""

    def __init__(self, term: Any, traces: "_Traces"):
        self.term = term
        op = term.owner.op if term.owner is not None else None
        self.sources = term.owner.inputs if isinstance(op, (Dot, Reduce)) else [term]
        self.flipped = [_transposed(v) for v in self.sources] if isinstance(op, Dot) else [None]
        inner = [f if f is not None else v for f, v in zip(self.flipped, self.sources, strict=True)]
        self.rows = [traces.of(v) for v in inner]

    def value(self, made: Any) -> Any:
        rows = [made(r) for r in self.rows]
        if isinstance(self.term.owner and self.term.owner.op, Dot):
            return self._product(*rows)
        total = rows[0].sum(axis=0)
        if isinstance(self.term.owner and self.term.owner.op, Reduce):
            return self.term.owner.op(total)
        return total

    def _product(self, a: Any, b: Any) -> Any:
        """``sum_t a_t b_t``, as one product of matrices whose inner length is that of all steps together."""
        left = a.reshape((a.shape[0] * a.shape[1], a.shape[2])).T if self.flipped[0] is not None else (
            a.dimshuffle(1, 0, 2).reshape((a.shape[1], a.shape[0] * a.shape[2])))  # fmt: skip
        b = b.dimshuffle(0, 2, 1) if self.flipped[1] is not None else b
        return Dot()(left, b.reshape((b.shape[0] * b.shape[1], b.shape[2])))


def _transposed(v: Any) -> Any:
    """Return what ``v`` is the transpose of, if it is one."""
    if v.owner is not None and isinstance(v.owner.op, DimShuffle) and v.owner.op.order == (1, 0):
        return v.owner.inputs[0]
    return None


def _addends(made: Any, own: Any, loop: LoopParts) -> list[Any] | None:
    """Return the terms of ``own + term + ...`` if all of them can be summed from rows; ``None`` otherwise."""
    if elemwise_name(made) != "add" or sum(v is own for v in made.owner.inputs) != 1:
        return None
    if sum(m is made for m in loop.made()) > 1:  # the sums up to every step are asked for as well
        return None
    terms = [v for v in made.owner.inputs if v is not own]
    others = [m for m in loop.made() if m is not made]
    fixed = {f.value for f in loop.fixed}
    if own in set(ancestors([*terms, *others])):
        return None
    present = {*_given(loop), *(m for m in loop.made() if m is not made)}
    for t in terms:
        if t.type.ndim != made.type.ndim:
            return None
        op = t.owner.op if t.owner is not None else None
        product = isinstance(op, Dot) and all(v.type.ndim == 2 for v in t.owner.inputs)
        reduction = isinstance(op, Reduce) and op.fn == "add" and t.owner.inputs[0] in present
        if not (product or reduction or t in present):
            return None
        if any(_step_says_length(v, fixed) for v in (t.owner.inputs if product or reduction else [t])):
            return None
    return terms


# ---------------------------------------------------------------------- what is computed from what


def _largest(results: Sequence[Any], sources: set[Any]) -> list[Any]:
    """Return the largest expressions on ``sources`` and constants alone: what other nodes, or the results, use. What
    only one side of a choice needs stays where it is: outside of the loop it would be computed in any case."""
    order = toposort(results, sources)
    chosen, _ = needed_at(order, results)
    inside: set[Any] = set()
    found: dict[Any, None] = {}

    def known(v: Any) -> bool:
        return v in sources or v in inside or isinstance(v, Constant)

    for n in order:
        moves = n.op.pure and n not in chosen and all(map(known, n.inputs))
        if moves and any(v in sources or v in inside for v in n.inputs):
            inside.update(n.outputs)
        else:
            found.update((v, None) for v in n.inputs if v in inside)
    found.update((v, None) for v in results if v in inside)
    return list(found)


def _computes(v: Any, sources: Any) -> bool:
    """Tell whether there is more than views between ``sources`` and ``v``."""
    return not _is_fill(v) and any(not n.op.view(n) for n in toposort([v], sources))


def _is_fill(v: Any) -> bool:
    """Tell whether one number is everywhere in ``v``: that is better known where it is used."""
    return v.owner is not None and isinstance(v.owner.op, Alloc) and isinstance(v.owner.inputs[0], Constant)


def _worth_batching(v: Any, sources: Any, fixed: Any) -> bool:
    if _is_fill(v) or _from_shapes(v):
        return False
    nodes = toposort([v], sources)
    if any(isinstance(n.op, IfElse) for n in nodes):  # of a batch, both sides would be computed
        return False
    others = [x for n in nodes if not isinstance(n.op, _AS_LONG_AS_INPUTS) for x in n.outputs]
    if any(_step_says_length(x, fixed) for x in others):
        return False
    if any(isinstance(n.op, (Dot, BatchedDot)) for n in nodes):
        return True
    return v.type.ndim == 0 and bool(nodes) and all(isinstance(n.op, Elemwise) for n in nodes)


#: Ops whose results are as long as their inputs are, or as their own parameters say.
_AS_LONG_AS_INPUTS = (Elemwise, DimShuffle, Dot, BatchedDot, Reduce, Shape_i)


def _step_says_length(v: Any, fixed: Any) -> bool:
    """Tell whether a length of ``v`` is read from values of a step, such as the end of a slice or the number of steps
    of a loop: where there are no steps nobody knows how long such rows are."""
    if not isinstance(v.type, TensorType):
        return False
    stack = [as_tensor(n) for n in shape_of(v)]
    seen = set(stack)
    while stack:
        n = stack.pop()
        if isinstance(n, Constant) or n in fixed:
            continue
        if n.owner is None:
            return True
        if not isinstance(n.owner.op, Shape_i):
            new = [x for x in n.owner.inputs if x not in seen]
            seen.update(new)
            stack += new
        elif n.owner.inputs[0].owner is not None:
            return True  # of an output that has its length once it is made
    return False


def _needed_in_loop(loop: LoopParts, plain: Sequence[Plain]) -> set[Any]:
    """Return the inner variables that the next step, or outputs that stay, are made of, and what is made with these: a
    draw is made with the next state of its stream."""
    made = [*(s.made for s in loop.states), *(c.made for c in loop.carries), *(p.made for p in plain)]
    above = ancestors(made)
    beside = [y for v in above if v.owner is not None for y in v.owner.outputs]
    return {*above, *beside, *_given(loop), *(f.value for f in loop.fixed), *(c.value for c in loop.carries)}


def _given(loop: LoopParts) -> list[Any]:
    """Return the slices and the taps that a step reads."""
    return [v for s in loop.sequences for v in s.values] + [v for s in loop.states for v in s.values]


def _cuts(wanted: Sequence[Any], needed: set[Any], loop: LoopParts) -> list[Any]:
    """Return the variables at which ``wanted`` is cut from the loop; non-sequences need no rows."""
    fixed = {f.value for f in loop.fixed}
    cuts: dict[Any, None] = {}
    for n in toposort(wanted, needed):
        cuts.update((v, None) for v in n.inputs if v in needed and v not in fixed and not isinstance(v, Constant))
    return list(cuts)


def _rows(x: Any, start: Any, n: Any) -> Any:
    return x[start : start + n]


def _enough_rows(x: Any, start: Any, n: Any) -> Any:
    """Return ``n`` rows; where these may be too many, the loop would raise, and so must what takes its place."""
    rows = _rows(x, start, n)
    known = rows.type.shape[0] is not None and isinstance(n, Constant) and rows.type.shape[0] == int(n.data)
    return rows if known or _from_shapes(n) else specify_shape(rows, (n, *rows.type.shape[1:]))


def _from_shapes(n: Any) -> bool:
    """Tell whether a number is computed from lengths alone, as that of the steps is where the shortest sequence has
    decided."""
    stack, seen = [n], {n}
    while stack:
        v = stack.pop()
        if isinstance(v, Constant) or (v.owner is not None and isinstance(v.owner.op, Shape_i)):
            continue
        if v.owner is None:
            return False
        new = [x for x in v.owner.inputs if x not in seen]
        seen.update(new)
        stack += new
    return not isinstance(n, Constant)


def _over_all(outputs: Sequence[Any], rows: dict[Any, Any], fixed: dict[Any, Any], n: Any) -> list[Any]:
    """Return ``outputs`` for all ``n`` steps: ``rows`` has the values of all steps, ``fixed`` those of every step.

    What is the same at every step, for it depends on nothing but the shapes of rows, is repeated.
    """
    fresh = {v: v.type(v.name) for v in rows}
    inside = clone_graph(outputs, {**fresh, **fixed})
    found = vectorize_graph(inside, {fresh[v]: x for v, x in rows.items()})
    return [x if x.type.ndim > v.type.ndim else with_batch(x, n) for x, v in zip(found, outputs, strict=True)]


class _Traces:
    """Finds the rows of inner variables: of sequences, of states, or of plain outputs, added where there are none."""

    def __init__(self, loop: LoopParts):
        self.loop = loop
        self.fixed = list(loop.fixed)
        self.n = loop.n_steps
        self.places: dict[Any, Any] = {}
        for s in loop.sequences:
            self.places.update((v, ("outside", s.x, tap)) for tap, v in zip(s.taps, s.values, strict=True))
        for st in loop.states:
            whole = st.rows.keep is None
            for tap, v in zip(st.rows.taps, st.values, strict=True):
                if whole:
                    self.places[v] = ("state", st, st.rows.depth + tap)
            if whole:
                self.places.setdefault(st.made, ("state", st, st.rows.depth))
        for p in loop.plain:
            if p.rows.keep is None:
                self.places.setdefault(p.made, ("plain", p, 0))

    def of(self, v: Any) -> Any:
        """Return where the rows of ``v`` are to be found, for ``build``'s third result to look up."""
        if v not in self.places:
            added = Plain(Rows(), v, v.type())
            self.loop.plain.append(added)
            self.places[v] = ("plain", added, 0)
        return self.places[v]

    def outside(self, place: Any) -> Any:
        """Return rows that are an input of the loop."""
        _, x, start = place
        return _enough_rows(x, start, self.n)

    def build(self) -> tuple[Any, dict[Any, Any], Any]:
        """Return the node, the new outputs for old ones, and a function from places to rows."""
        self.loop.drop_unused_inputs()
        node, new = self.loop.build()

        def rows(place: Any) -> Any:
            kind, part, start = place
            if kind == "outside":
                return _enough_rows(part, start, self.n)
            whole = new[part.output]
            return whole if kind == "plain" else _rows(whole, start, self.n)

        old = set(self.loop.node.outputs)
        return node, {a: b for a, b in new.items() if a in old}, rows


RULES = RuleSet(loop_sum, loop_invariant, loop_sequence_work, loop_output_work)
