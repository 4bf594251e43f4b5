"""Reverse mode: the gradient of a loop is a loop that runs backwards (back-propagation through time).

Step ``i`` of the backward loop gets what step ``n - 1 - i`` of the forward loop had. Its states are, per forward state
and step back that is read, the gradient waiting for the value of that step; and per non-sequence the sum of what all
steps contribute. Its plain outputs are the gradients of the slices of sequences.

Values that steps drew from a carry (random numbers, or rows of a loop that draws) are handed out by the forward loop,
so that the backward loop need not draw them again, and cannot draw others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from symcore.from_graph import detached
from symcore.gradient.grad import grad
from symcore.graph.clone import clone_graph
from symcore.graph.fgraph import FunctionGraph
from symcore.graph.null import DisconnectedType, NullType, disconnected, grad_not_implemented
from symcore.graph.traverse import ancestors, toposort
from symcore.graph.traverse import inputs as graph_inputs
from symcore.graph.variable import Constant
from symcore.tensor.creation import Alloc, zeros, zeros_like
from symcore.tensor.elemwise import Elemwise, elemwise_name
from symcore.tensor.join import stack
from symcore.tensor.products import BatchedDot, Dot
from symcore.tensor.scalar_functions import identity, le, minimum, switch
from symcore.tensor.shapes import DimShuffle, specify_shape
from symcore.tensor.subtensor import IncSubtensor, inc_subtensor, set_subtensor
from symcore.tensor.type import TensorType
from symopt.lazy import needed_at
from symscan.op import Scan, derivatives
from symscan.spec import Inner, Outer, Results, Rows, Spec

_COMPARISONS = frozenset({"eq", "neq", "lt", "le", "gt", "ge"})


def is_float(v: Any) -> bool:
    """Tell whether a variable can have a gradient: a tensor, or a sparse matrix, of real or complex numbers."""
    dtype = getattr(v.type, "dtype", None)
    return dtype is not None and dtype.kind in "fc"


def not_through_carries(op: Scan) -> Any:
    """Return a gradient that says that nobody can tell it: it would go through a sparse matrix that a loop hands on."""
    return NullType(
        f"derivatives do not go through what the loop {op} hands from step to step and does not stack, such as a "
        "sparse matrix, which the gradient with respect to a sparse matrix is."
    )()


def pull_back(op: Scan, inputs: Sequence[Any], outputs: Sequence[Any], output_grads: Sequence[Any]) -> list[Any]:
    """Return the gradients of the inputs of a node of ``op``, given those of its outputs."""
    seeds = [None if g is None or isinstance(g.type, DisconnectedType) else g for g in output_grads]
    unknown = next((g for g in seeds if g is not None and isinstance(g.type, NullType)), None)
    if unknown is not None:
        return [unknown] * len(inputs)
    carries = zip(op.spec.results(seeds).carries, op.spec.inner(op.fgraph.inputs).carries, strict=True)
    if any(g is not None and is_float(v) for g, v in carries):
        return [not_through_carries(op)] * len(inputs)
    step = _Step(op)
    forward = _all_rows(op, step, inputs, outputs)
    backward = _Backward(op, step, list(inputs), forward, seeds)
    backward.differentiate()
    if step.inner.carries:
        if not backward.cut_off_draws():
            return [not_through_carries(op)] * len(inputs)
        if step.drawn:
            backward.read_from(_all_rows(op, step, inputs, outputs))
    return backward.gradients()


@dataclass
class _Forward:
    """What the forward loop made: all rows of states and plain outputs, the values that carries led to, the steps."""

    states: list[Any]
    plain: list[Any]
    drawn: list[Any]
    products: list[Any]
    n_steps: Any


class _Step:
    """The inner graph on variables of its own, and what the backward loop reads of it.

    ``drawn``: what comes from carries and gradients read, such as random numbers; in the backward step ``cut`` stand in
    their places. Which these are is known when the step has been differentiated.
    """

    def __init__(self, op: Scan):
        given, made = detached(op.fgraph)
        self.inner: Inner = op.spec.inner(given)
        self.made = op.spec.results(made)
        self.given = given
        self.states, self.plain = self.made.states, self.made.plain
        self.drawn: list[Any] = []
        self.cut: list[Any] = []
        #: Products that depend on earlier steps, and the sums they are part of: dear to compute again, so the forward
        #: loop hands them out too. (Those that the backward loop does not read in the end are not kept.)
        self.products = [] if op.lean else _products(self.made.rows, [v for taps in self.inner.states for v in taps])
        self.products += _sums_of(self.products, self.made.rows)

    def find_draws(self, terms: Sequence[Any]) -> bool:
        """Cut off what ``terms`` read of carries. Return whether that is known before any gradient is."""
        made = set(values_of_carries(terms, set(self.inner.carries)))
        pending, seen = list(terms), set(terms)
        while pending:  # up to the first of them: what they are made from is not read
            v = pending.pop()
            if v in made:
                self.drawn.append(v)
                continue
            new = [x for x in v.owner.inputs if x not in seen] if v.owner is not None else []
            seen.update(new)
            pending += new
        self.cut = [v.type() for v in self.drawn]
        known = set(self.given)
        return all(v in known or isinstance(v, Constant) for v in graph_inputs(self.drawn))


def values_of_carries(outputs: Sequence[Any], carries: set[Any]) -> list[Any]:
    """Return the tensors that nodes make from carries or from what only carries' nodes make."""
    opaque, found = set(carries), []
    for node in toposort(outputs):
        if any(v in opaque for v in node.inputs):
            opaque.update(y for y in node.outputs if not isinstance(y.type, TensorType))
            found += [y for y in node.outputs if isinstance(y.type, TensorType)]
    used = set(ancestors(outputs))
    return [y for y in found if y in used]


def _products(outputs: Sequence[Any], taps: Sequence[Any]) -> list[Any]:
    """Return the products of matrices that depend on ``taps``. Not those that only one side of a choice needs: handed
    out, they would be computed where that side is not taken."""
    order = toposort(outputs)
    chosen, _ = needed_at(order, outputs)
    reached, found = set(taps), []
    for node in order:
        if any(v in reached for v in node.inputs):
            reached.update(node.outputs)
            found += node.outputs if isinstance(node.op, (Dot, BatchedDot)) and node not in chosen else []
    return found


def _sums_of(products: Sequence[Any], outputs: Sequence[Any]) -> list[Any]:
    """Return the largest sums that products are terms of and nothing else uses the parts of.

    With the rows of a sum a backward loop needs neither those of the product nor those of the other terms, such as a
    product of the inputs.
    """
    users: dict[Any, list[Any]] = {}
    for node in toposort(outputs):
        for v in node.inputs:
            users.setdefault(v, []).append(node)
    found: dict[Any, None] = {}
    for p in products:
        v = p
        while len(users.get(v, ())) == 1 and v not in outputs:
            y = users[v][0].outputs[0]
            if elemwise_name(y) not in ("add", "sub") or y.type.dtype != v.type.dtype:
                break
            if y.type.broadcastable != v.type.broadcastable:
                break
            v = y
        if v is not p and v not in outputs:
            found[v] = None
    return list(found)


def _all_rows(op: Scan, step: _Step, inputs: Sequence[Any], outputs: Sequence[Any]) -> _Forward:
    """Return what the forward loop made; where the node hands out too little, by the same loop handing out more."""
    spec, made, extra = op.spec, op.spec.results(outputs), [*step.drawn, *step.products]
    if extra or any(r.keep is not None for r in spec.rows):
        spec = spec.keeping_all()
        spec = replace(spec, plain=(*spec.plain, *(Rows() for _ in extra)))
        m = step.made
        inner_outputs = Results(m.states, m.carries, [*m.plain, *extra], m.condition).flat()
        loop = Scan(FunctionGraph(step.given, inner_outputs), spec, op.truncate, op.name, lean=op.lean,
                    asked=op.asked)  # fmt: skip
        made = spec.results(loop.make_node(*inputs).outputs)
    n = inputs[0].astype("int64")
    if spec.until:
        n = made.rows[0].shape[0] - spec.rows[0].depth
    drawn = len(made.plain) - len(extra)
    products = drawn + len(step.drawn)
    return _Forward(made.states, made.plain[:drawn], made.plain[drawn:products], made.plain[products:], n)


class _Backward:
    """Builds the backward loop of one node."""

    def __init__(self, op: Scan, step: _Step, inputs: list[Any], forward: _Forward, seeds: list[Any]):
        self.op, self.spec, self.step, self.forward = op, op.spec, step, forward
        self.outer: Outer = self.spec.outer(inputs)
        self.n = forward.n_steps
        self.m = self.n if op.truncate < 0 else minimum(self.n, op.truncate)
        self.seeds = self.spec.results(seeds)
        self.unknown: dict[Any, Any] = {}

    # ------------------------------------------------------------------ the step

    def differentiate(self) -> None:
        """Differentiate one step."""
        self._seed_rows()
        self._differentiate()

    def cut_off_draws(self) -> bool:
        """Let the terms read what steps drew, instead of drawing it again; tell whether they can."""
        return self.step.find_draws([g for g in self.term.values() if g is not None])

    def read_from(self, forward: _Forward) -> None:
        """Read rows from another forward loop, which hands out more."""
        self.forward, self.n = forward, forward.n_steps
        self.m = self.n if self.op.truncate < 0 else minimum(self.n, self.op.truncate)
        self._seed_rows()

    def gradients(self) -> list[Any]:
        """Return one gradient per outer input."""
        self._use_rows()
        node, spec = self._build()
        found = spec.results(node.outputs)
        return self._collect(found)

    def _seed_rows(self) -> None:
        """Gradients given for rows, as rows of all steps; ``None`` where there are none."""
        spec = self.spec
        self.row_seeds: list[Any] = []
        self.first_seeds: list[Any] = [None] * len(spec.states)
        #: Per state the gradient of the last row, where that is all that is given.
        self.last_seeds: list[Any] = [None] * len(spec.states)
        for k, (rows, g) in enumerate(zip(spec.rows, self.seeds.rows, strict=True)):
            if g is not None and k < len(spec.states) and is_float(self.step.states[k]):
                self.last_seeds[k] = _of_last_row(g, rows, self.n)
                g = g if self.last_seeds[k] is None else None
            if g is not None and rows.keep is not None:
                total = self.n + rows.depth
                inner = self.step.states[k] if k < len(spec.states) else self.step.plain[k - len(spec.states)]
                g = _padded(g, total, inner, self.forward.states[k] if k < len(spec.states) else None)
            if g is None or not rows.depth:
                self.row_seeds.append(g)
                continue
            self.first_seeds[k] = g[: rows.depth]
            self.row_seeds.append(g[rows.depth :])

    def _differentiate(self) -> None:
        """Differentiate one step: contributions to slices, taps and non-sequences."""
        step, n_states = self.step, len(self.spec.states)
        self.waiting = [
            [taps[0].type() for _ in range(rows.depth)] if is_float(taps[0]) else []
            for rows, taps in zip(self.spec.states, step.inner.states, strict=True)
        ]
        self.slices_of_seeds = [
            None if g is None else TensorType(g.type.dtype, g.type.shape[1:])() for g in self.row_seeds
        ]
        known: dict[Any, Any] = {}
        for k, y in enumerate(step.states + step.plain):
            if not is_float(y):
                continue
            total = self.waiting[k][0] if k < n_states else None
            seed = self.slices_of_seeds[k]
            total = seed if total is None else total if seed is None else total + seed
            if total is not None:
                known[identity(y)] = total.astype(y.type.dtype)
        self.wrt = [
            v
            for v in (*(v for g in (*step.inner.sequences, *step.inner.states) for v in g), *step.inner.non_sequences)
            if is_float(v)
        ]
        terms = grad(None, self.wrt, known_grads=known, disconnected_inputs="ignore", return_disconnected="none",
                     null_gradients="return") if known and self.wrt else [None] * len(self.wrt)  # fmt: skip
        self.term: dict[Any, Any] = {}
        for v, g in zip(self.wrt, terms, strict=True):
            if g is not None and isinstance(g.type, NullType):
                self.unknown[v] = g
                g = None
            self.term[v] = g

    def _use_rows(self) -> None:
        """Let the step read the values that the forward loop handed out, instead of computing them again."""
        made = self.step.states + self.step.plain + self.step.products
        rows = [(x, r.depth) for x, r in zip(self.forward.states + self.forward.plain, self.spec.rows, strict=True)]
        rows += [(x, 0) for x in self.forward.products]
        terms = [(v, g) for v, g in self.term.items() if g is not None]
        compared = _compared([g for _, g in terms])
        draws = dict(zip(self.step.drawn, self.step.cut, strict=True))
        inputs = {*self.step.given, *draws, *compared}
        self.read = {
            y: (TensorType(y.type.dtype, x.type.shape[1:])(), x, at)
            for y, (x, at) in zip(made, rows, strict=True)
            if y not in inputs and not isinstance(y, Constant)
        }
        new = clone_graph([g for _, g in terms], {**draws, **{y: v for y, (v, _, _) in self.read.items()}})
        self.term.update(zip([v for v, _ in terms], new, strict=True))

    # ------------------------------------------------------------------ the loop

    def _build(self) -> tuple[Any, Spec]:
        step, n, m = self.step, self.n, self.m
        sequences: list[tuple[Any, Any]] = []  # (outer rows of all steps in order, inner slice)

        def rows_of(x: Any, start: Any) -> Any:
            stop = start + n
            piece = x[stop - m : stop] if self.op.truncate >= 0 else x[start:stop]
            return piece[::-1]

        for x, taps, vs in zip(self.outer.sequences, self.spec.sequences, step.inner.sequences, strict=True):
            sequences += [(rows_of(x, tap), v) for tap, v in zip(taps, vs, strict=True)]
        for x, rows, vs in zip(self.forward.states, self.spec.states, step.inner.states, strict=True):
            sequences += [(rows_of(x, rows.depth + tap), v) for tap, v in zip(rows.taps, vs, strict=True)]
        sequences += [(rows_of(x, 0), v) for x, v in zip(self.forward.drawn, step.cut, strict=True)]
        sequences += [(rows_of(x, at), v) for v, x, at in self.read.values()]
        for g, v in zip(self.row_seeds, self.slices_of_seeds, strict=True):
            if g is not None:
                sequences.append((rows_of(g, 0), v))
        sums = self._sums()
        states = [*self._waiting_states(), *(s for s in sums if isinstance(s[0].type, TensorType))]
        carries = [s for s in sums if not isinstance(s[0].type, TensorType)]
        self.slice_vars = [v for taps in step.inner.sequences for v in taps if self.term.get(v) is not None]
        new_values = [new.astype(v.type.dtype) for _, v, new in states]
        handed_on = [new for _, _, new in carries]
        plain = [self.term[v] for v in self.slice_vars]
        used = set(ancestors([*new_values, *handed_on, *plain]))
        sequences = [(x, v) for x, v in sequences if v in used]
        non_sequences = [(x, v) for x, v in zip(self.outer.non_sequences, step.inner.non_sequences, strict=True)
                         if v in used]  # fmt: skip
        spec = Spec(
            sequences=((0,),) * len(sequences),
            states=tuple(Rows((-1,), 1) for _ in states),
            plain=(Rows(),) * len(plain),
            n_carries=len(carries),
            n_non_sequences=len(non_sequences),
        )
        changing = [v for _, v in sequences] + [v for _, v, _ in (*states, *carries)]
        inner_inputs = changing + [v for _, v in non_sequences]
        inner_outputs = [_as(new, v) for new, (_, v, _) in zip(new_values, states, strict=True)] + handed_on + plain
        name = f"gradient of {self.op.name}" if self.op.name else None
        graph = FunctionGraph(inner_inputs, inner_outputs)
        loop = Scan(graph, spec, -1, name, lean=self.op.lean, asked=self.op.asked)
        first = [x.dimshuffle("x", *range(x.type.ndim)) for x, _, _ in states]
        return loop.make_node(
            m, *(x for x, _ in sequences), *first, *(x for x, _, _ in carries), *(x for x, _ in non_sequences)
        ), spec

    def _waiting_states(self) -> list[tuple[Any, Any, Any]]:
        """Per waiting gradient: its value before the backward loop, the inner variable, what it becomes."""
        found = []
        for k, (rows, waiting) in enumerate(zip(self.spec.states, self.waiting, strict=True)):
            by_tap = dict(zip(rows.taps, self.step.inner.states[k], strict=True))
            for j, v in enumerate(waiting, 1):
                further = waiting[j] if j < len(waiting) else None
                term = self.term.get(by_tap[-j]) if -j in by_tap else None
                new = further if term is None else term if further is None else further + term
                start = self.last_seeds[k] if j == 1 else None
                start = zeros_like(self.forward.states[k][0]) if start is None else _as(start.astype(v.type.dtype), v)
                found.append((start, v, zeros_like(v) if new is None else new))
        return found

    def _sums(self) -> list[tuple[Any, Any, Any]]:
        found = []
        self.summed = []
        for x, v in zip(self.outer.non_sequences, self.step.inner.non_sequences, strict=True):
            term = self.term.get(v)
            if term is not None:
                total = x.type()
                tensor = isinstance(x.type, TensorType)
                found.append((zeros_like(x) if tensor else x.zeros_like(), total, total + term))
                self.summed.append(v)
        return found

    # ------------------------------------------------------------------ the results

    def _collect(self, found: Any) -> list[Any]:
        self.slice_grads = dict(zip(self.slice_vars, found.plain, strict=True))
        last = iter([x[-1] for x in found.states])
        waiting = [[next(last) for _ in w] for w in self.waiting]
        handed_on = iter(found.carries)
        sums = {v: next(last if isinstance(v.type, TensorType) else handed_on) for v in self.summed}
        terms: list[Any] = [disconnected()]
        for x, taps, vs in zip(self.outer.sequences, self.spec.sequences, self.step.inner.sequences, strict=True):
            terms.append(self._of_sequence(x, taps, vs))
        for k in range(len(self.spec.states)):
            terms.append(self._of_first_rows(k, waiting[k]))
        for k, x in enumerate(self.outer.carries):
            terms.append(grad_not_implemented(self.op, k, x) if is_float(x) else None)
        terms += [self.unknown.get(v, sums.get(v)) for v in self.step.inner.non_sequences]
        return [t if t is not None else disconnected() if not is_float(x) else None
                for t, x in zip(terms, self.outer.flat(), strict=True)]  # fmt: skip

    def _of_sequence(self, x: Any, taps: Sequence[int], slices: Sequence[Any]) -> Any:
        """Every slice is a row of the sequence: put the gradients of all taps back to their rows."""
        unknown = next((self.unknown[v] for v in slices if v in self.unknown), None)
        if unknown is not None:
            return unknown
        total = None
        for tap, v in zip(taps, slices, strict=True):
            if v not in self.slice_grads:
                continue
            rows = self.slice_grads[v][::-1]
            stop = tap + self.n
            target = (zeros_like(x) if total is None else total)[stop - self.m : stop]
            total = (set_subtensor if total is None else inc_subtensor)(target, rows)
        return total

    def _of_first_rows(self, k: int, waiting: Sequence[Any]) -> Any:
        unknown = next((self.unknown[v] for v in self.step.inner.states[k] if v in self.unknown), None)
        if unknown is not None:
            return unknown
        x, seed = self.outer.states[k], self.first_seeds[k]
        if not is_float(x) or not waiting:
            return None
        rows = stack([w.astype(x.type.dtype) for w in reversed(waiting)])
        rows = rows if seed is None else rows + seed
        if self.op.truncate >= 0:  # what waits after the last step looked at belongs to an inner step, unless all were
            rows = switch(le(self.n, self.op.truncate), rows, 0).astype(x.type.dtype)
        if rows.type.broadcastable != x.type.broadcastable:
            rows = specify_shape(rows, x.type.shape)
        return rows


def _compared(terms: Sequence[Any]) -> set[Any]:
    """Return what is compared with something else in ``terms``, as a maximum is with what it is the maximum of.

    Its value must be the one that is computed beside what it is compared with: the one that the forward loop made
    may differ from it in the last digit, and then equals nothing.
    """
    found: set[Any] = set()
    for node in toposort(terms):
        if elemwise_name(node.outputs[0]) in _COMPARISONS:
            found.update(node.inputs)
        elif not isinstance(node.op, Elemwise):  # it may compare as it likes, such as the gradient of a pool
            own = set(node.inputs)
            found.update(v for v in node.inputs if v.owner is not None and not own.isdisjoint(v.owner.inputs))
    for v in list(found):
        while v.owner is not None and isinstance(v.owner.op, DimShuffle):
            v = v.owner.inputs[0]
            found.add(v)
    return found


def _as(value: Any, v: Any) -> Any:
    """Return an inner output with the type of the state it becomes."""
    if v.type.is_super(value.type):
        return value
    return specify_shape(value, v.type.shape)


def _of_last_row(g: Any, rows: Rows, n: Any) -> Any:
    """Return the gradient of the last row where those of all others are zero by the form of ``g``, else ``None``.

    It is then what waits for the value of the last step: no rows of zeros are made, and none is read in every step.
    """
    if rows.keep == 1:
        return g[-1]
    if rows.keep is not None:
        return None
    made_by_steps = False
    node = g.owner
    if node is not None and _adds_to_zeros(node) and node.op.entries == (("slice", rows.depth, None, None),):
        made_by_steps, node = True, node.inputs[1].owner
    if node is None or not _adds_to_zeros(node) or node.op.entries != (-1,):
        return None
    last = node.inputs[1]
    if last.type.ndim != g.type.ndim - 1:
        return None
    if made_by_steps and not (isinstance(n, Constant) and int(n.data)):  # of no steps there is no last row
        one = zeros((minimum(n, 1), *(last.shape[i] for i in range(last.type.ndim))), dtype=last.type.dtype)
        last = set_subtensor(one[-1], last)[-1]
    return last


def _adds_to_zeros(node: Any) -> bool:
    """Tell whether a node adds something to a part of a tensor of zeros."""
    base = node.inputs[0].owner if type(node.op) is IncSubtensor else None
    fill = base.inputs[0] if base is not None and isinstance(base.op, Alloc) else None
    return isinstance(fill, Constant) and not fill.data.any()


def _padded(g: Any, total: Any, inner: Any, rows: Any) -> Any:
    """Return the gradient of all rows from that of the last ones."""
    row = [rows.shape[a] for a in range(1, rows.type.ndim)] if rows is not None else [
        g.shape[a] for a in range(1, g.type.ndim)]  # fmt: skip
    whole = zeros((total, *row), dtype=g.type.dtype)
    return set_subtensor(whole[total - g.shape[0] :], g)


derivatives.pull_back = pull_back
