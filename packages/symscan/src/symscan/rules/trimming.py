"""Rules that leave out what nobody reads: outputs, states, inputs, and rows but the last ones."""

from dataclasses import replace
from typing import Any

from symcore.graph.traverse import ancestors
from symcore.graph.variable import Constant
from symcore.tensor.scalar_functions import minimum
from symcore.tensor.subtensor import Subtensor
from symopt.rule import rewrite
from symopt.ruleset import RuleSet
from symscan.op import Scan
from symscan.rules.parts import Carry, LoopParts, Plain, State


@rewrite(Scan, phase="canonicalize", tags={"fast_compile"})
def loop_unused(node: Any, fgraph: Any) -> Any:
    """``scan(f, g)[0] -> scan(f)[0]``: outputs that nobody reads are not made, nor states that only feed them."""
    loop = LoopParts(node)
    read = {y for y in node.outputs if fgraph.clients[y]}
    needed = [part for part in loop.outputs() if part.output in read]
    feeding: dict[Any, State | Carry | Plain] = {v: part for part in loop.states for v in part.values}
    feeding |= {c.value: c for c in loop.carries}
    wanted, pending = set(map(id, needed)), list(needed)
    made = [loop.condition] if loop.condition is not None else []
    while pending or made:
        made += [part.made for part in pending]
        pending = []
        for v in ancestors(made):
            part = feeding.get(v)
            if part is not None and id(part) not in wanted:
                wanted.add(id(part))
                pending.append(part)
        made = []
    count = len(loop.outputs())
    loop.states = [p for p in loop.states if id(p) in wanted]
    loop.carries = [p for p in loop.carries if id(p) in wanted]
    loop.plain = [p for p in loop.plain if id(p) in wanted]
    fewer = len(loop.outputs()) < count
    changed = loop.drop_unused_inputs() or fewer
    return loop.build()[1] if changed and loop.outputs() else None


@rewrite(Scan, phase="canonicalize")
def loop_constant_input(node: Any) -> Any:
    """``scan(f(c)) -> scan(f)`` with the constant ``c`` inside of ``f``, where it can be folded."""
    loop = LoopParts(node)
    constants = {f.value: f.x for f in loop.fixed if isinstance(f.x, Constant) and f.value.type == f.x.type}
    if not constants:
        return None
    loop.fixed = [f for f in loop.fixed if f.value not in constants]
    loop.replace(constants)
    return loop.build()[1]


@rewrite(Scan, phase="canonicalize")
def loop_same_input(node: Any) -> Any:
    """``scan(f(x, x)) -> scan(g(x))``: what is read twice is an input once, and rows of one tensor are its taps."""
    loop = LoopParts(node)
    same: dict[Any, Any] = {}
    sequences: dict[Any, Any] = {}
    for s in loop.sequences:
        sequences.setdefault(s.x, []).append(s)
    for group in sequences.values():
        first = {t: v for s in group for t, v in reversed(list(zip(s.taps, s.values, strict=True)))}
        if len(group) == 1:
            continue
        same.update({v: first[t] for s in group for t, v in zip(s.taps, s.values, strict=True) if v is not first[t]
                     and v.type == first[t].type})  # fmt: skip
        if all(v.type == first[t].type for s in group for t, v in zip(s.taps, s.values, strict=True)):
            group[0].taps = tuple(sorted(first))
            group[0].values = [first[t] for t in group[0].taps]
            loop.sequences = [s for s in loop.sequences if s is group[0] or s not in group]
    fixed: dict[Any, Any] = {}
    for f in loop.fixed:
        other = fixed.setdefault(f.x, f)
        if other is not f and other.value.type == f.value.type:
            same[f.value] = other.value
    if not same:
        return None
    loop.fixed = [f for f in loop.fixed if f.value not in same]
    loop.replace(same)
    return loop.build()[1]


@rewrite(Scan, phase="specialize")
def loop_last_rows(node: Any, fgraph: Any) -> Any:
    """``scan(f)[-1] -> last(scan(f))``: where only the last rows are read, or none at all, only those are in memory."""
    loop = LoopParts(node)
    if loop.condition is not None:
        return None
    changed = False
    mended: dict[Any, Any] = {}
    rows: list[State | Plain] = [*loop.states, *loop.plain]
    for part in rows:
        if part.rows.keep is not None:
            continue
        if not fgraph.clients[part.output]:  # a state that only the steps read
            part.rows = replace(part.rows, keep=1)
            changed = True
            continue
        reads = _reads_of_last(part.output, part.rows.depth, fgraph)
        if reads is None:
            continue
        part.rows = replace(part.rows, keep=max(back for _, back, _ in reads))
        mended[part.output] = reads
        changed = True
    if not changed:
        return None
    _, new = loop.build()
    result = {old: y for old, y in new.items() if old not in mended and fgraph.clients[old]}
    for old, reads in mended.items():
        for y, back, made_by_steps in reads:
            result[y] = _last(new[old], loop.n_steps, back, made_by_steps, y)
    return result


def _reads_of_last(rows: Any, depth: int, fgraph: Any) -> list[tuple[Any, int, bool]] | None:
    """Return ``(what is read, how far from the end, whether initial rows are out of reach)``, or ``None``."""
    found = []
    for node, _ in fgraph.clients[rows]:
        if node is None or type(node.op) is not Subtensor:
            return None
        entries = node.op.entries
        if depth and entries == (("slice", depth, None, None),):
            for user, _ in fgraph.clients[node.outputs[0]]:
                back = _back(user)
                if back is None:
                    return None
                found.append((user.outputs[0], back, True))
        else:
            back = _back(node)
            if back is None:
                return None
            found.append((node.outputs[0], back, False))
    return found or None


def _back(node: Any) -> int | None:
    if node is None or type(node.op) is not Subtensor or not node.op.entries:
        return None
    entry, rows = node.op.entries[0], node.inputs[0].type.shape[0]
    if isinstance(entry, int) and entry >= 0 and rows is not None:  # counted from the start of a known number of rows
        entry -= rows
    return -entry if isinstance(entry, int) and -8 <= entry < 0 else None


def _last(kept: Any, n: Any, back: int, made_by_steps: bool, old: Any) -> Any:
    """Return the row that stands ``back`` from the end, and raise ``IndexError`` where no step made it."""
    node = old.owner
    if made_by_steps and not (isinstance(n, Constant) and int(n.data) >= back):
        made = minimum(n.astype("int64"), kept.shape[0])  # the others are initial rows
        kept = kept[kept.shape[0] - made :]
    index: Any = -back
    whole = tuple(slice(None) if e == ("slice", None, None, None) else e for e in node.op.entries[1:])
    if all(isinstance(e, (int, slice)) for e in whole):
        return kept[(index, *whole)]
    row = kept[index]
    rest = node.op.entries[1:]
    return Subtensor(rest)(row, *node.inputs[1:])


RULES = RuleSet(loop_unused, loop_constant_input, loop_same_input, loop_last_rows)
