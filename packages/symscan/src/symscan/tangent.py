"""Forward mode: a loop whose states carry their tangents along."""

from collections.abc import Sequence
from typing import Any

from symcore.from_graph import detached
from symcore.gradient.rop import Rop
from symcore.graph.fgraph import FunctionGraph
from symcore.graph.null import NullType
from symcore.tensor.creation import zeros_like
from symcore.tensor.shapes import specify_shape
from symscan.gradient import is_float, not_through_carries
from symscan.op import Scan, derivatives
from symscan.spec import Spec


def push_forward(op: Scan, inputs: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
    """Return the tangents of the outputs of a node of ``op``, ``None`` where they are zero."""
    unknown = next((t for t in tangents if t is not None and isinstance(t.type, NullType)), None)
    if unknown is not None:
        return [unknown] * op.spec.n_outer_outputs
    spec = op.spec
    given, outputs = detached(op.fgraph)
    made = spec.results(outputs)
    inner, outer, moves = spec.inner(given), spec.outer(list(inputs)), spec.outer(list(tangents))
    sequences = [(x, t, taps, vs) for x, t, taps, vs in
                 zip(outer.sequences, moves.sequences, spec.sequences, inner.sequences, strict=True)
                 if t is not None and is_float(x)]  # fmt: skip
    states = [k for k, y in enumerate(made.states) if is_float(y)]
    fixed = [(t, v) for t, v in zip(moves.non_sequences, inner.non_sequences, strict=True)
             if t is not None and is_float(v)]  # fmt: skip
    plain = [k for k, y in enumerate(made.plain) if is_float(y)]
    moving = [v for *_, vs in sequences for v in vs]
    moving += [v for k in states for v in inner.states[k]] + [v for _, v in fixed]
    results: list[Any] = [None] * spec.n_outer_outputs
    if not moving:
        return results
    for k, v in enumerate(inner.carries, len(spec.states)):
        if is_float(v):
            results[k] = not_through_carries(op)
    points = {v: v.type() for v in moving}
    wanted = [made.states[k] for k in states] + [made.plain[k] for k in plain]
    forward = Rop(wanted, moving, [points[v] for v in moving], "ignore", "none")
    forward = [_like(t, y) for t, y in zip(forward, wanted, strict=True)]
    new_states, new_plain = forward[: len(states)], forward[len(states) :]
    both = Spec(
        spec.sequences + tuple(taps for _, _, taps, _ in sequences),
        spec.states + tuple(spec.states[k] for k in states),
        spec.plain + tuple(spec.plain[k] for k in plain),
        spec.n_carries,
        spec.n_non_sequences + len(fixed),
        spec.until,
    )
    starts = [_start(moves.states[k], outer.states[k]) for k in states]
    inner_inputs = [
        *(v for vs in inner.sequences for v in vs), *(points[v] for *_, vs in sequences for v in vs),
        *(v for vs in inner.states for v in vs), *(points[v] for k in states for v in inner.states[k]),
        *inner.carries, *inner.non_sequences, *(points[v] for _, v in fixed),
    ]  # fmt: skip
    inner_outputs = [*made.states, *new_states, *made.carries, *made.plain, *new_plain]
    inner_outputs += [] if made.condition is None else [made.condition]
    name = f"tangent of {op.name}" if op.name else None
    node = Scan(FunctionGraph(inner_inputs, inner_outputs), both, -1, name, lean=op.lean, asked=op.asked).make_node(
        outer.n_steps, *outer.sequences, *(t for _, t, _, _ in sequences), *outer.states, *starts,
        *outer.carries, *outer.non_sequences, *(t for t, _ in fixed),
    )  # fmt: skip
    found = both.results(node.outputs)
    for k, y in zip(states, found.states[len(spec.states) :], strict=True):
        results[k] = y
    at = len(spec.states) + spec.n_carries
    for k, y in zip(plain, found.plain[len(spec.plain) :], strict=True):
        results[at + k] = y
    return results


def _like(tangent: Any, y: Any) -> Any:
    if tangent is None:
        return zeros_like(y)
    tangent = tangent.astype(y.type.dtype)
    return tangent if y.type.is_super(tangent.type) else specify_shape(tangent, y.type.shape)


def _start(tangent: Any, x: Any) -> Any:
    return zeros_like(x) if tangent is None else tangent




derivatives.push_forward = push_forward
