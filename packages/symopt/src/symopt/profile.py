"""``f.profile``: where the time of a function went, node by node and Op by Op, in its calls and in its compilation."""

import json
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from symcore.graph import trace
from symcore.graph.variable import Apply
from symopt.memory import Usage, measured, outline, timeline, usage

if TYPE_CHECKING:
    from symopt.compiled import Function


class NodeTime(NamedTuple):
    """What one node cost. ``node`` is ``None`` for the copies that hand outputs and updates over; ``shared`` counts the
    calls whose work several threads did."""

    position: int
    node: Apply | None
    where: str
    calls: int
    seconds: float
    shared: int = 0

    @property
    def label(self) -> str:
        """The Op, on one line."""
        text = str(self.node.op) if self.node is not None else "copies of outputs and updates"
        return text if len(text) <= 60 else text[:57] + "..."


class OpTime(NamedTuple):
    """What all nodes of one Op class cost."""

    name: str
    nodes: int
    calls: int
    seconds: float


class LoopTime(NamedTuple):
    """What the steps of one loop cost, node by node; counted for all steps of all calls.

    ``nodes`` is empty where all steps run as one kernel, which is then the time of ``node`` itself.
    """

    position: int
    node: Apply
    nodes: list[NodeTime]
    loops: list["LoopTime"]

    def ops(self) -> list[OpTime]:
        """Return the times summed over the nodes of each Op class, the most expensive first."""
        return _per_op(self.nodes)


class Profile:
    """Times of one function, counted from when profiling was switched on.

    Attributes
    ----------
    calls, seconds
        How often the function was called, and the wall-clock seconds of these calls.
    """

    def __init__(self, function: "Function"):
        self._function = function
        self.calls = 0
        self.seconds = 0.0
        self._outlines: list[Any] | None = None

    def run(self, args: tuple[Any, ...], program: Any = None) -> Any:
        """Run the function's program, or another one, and count the call; one that raises is not counted."""
        start = perf_counter()
        outputs = (program or self._function.linked)(*args)
        self.seconds += perf_counter() - start
        self.calls += 1
        if self._outlines is None:
            self._outlines = [outline(value) for value in args]
        return outputs

    # ------------------------------------------------------------------ the figures

    def nodes(self) -> list[NodeTime]:
        """Return the nodes that ran, in the order of execution.

        A node that costs nothing, such as a view that is prepared with the shapes, may not be among them.
        """
        program = self._function.linked
        return _node_times(getattr(program, "machine", program), self._function.plan.order, program.placement())

    def ops(self) -> list[OpTime]:
        """Return the times summed over the nodes of each Op class, the most expensive first."""
        return _per_op(self.nodes())

    def loops(self) -> list[LoopTime]:
        """Return a profile of the steps for every loop that ran, in the order of execution, loops in loops within."""
        program = self._function.linked
        ran = {row.position for row in self.nodes() if row.calls}
        return _loop_times(getattr(program, "loops", list)(), self._function.plan.position, ran)

    @property
    def node_seconds(self) -> float:
        """Seconds spent in nodes; the rest of ``seconds`` is checking arguments, preparing, handing over."""
        return sum(row.seconds for row in self.nodes())

    def memory(self) -> Usage | None:
        """Return what a call with arguments of the shapes of the first needs, with the plan and without it.

        ``None`` before the first call. Without a plan every result would have a buffer of its own.
        """
        sizes = self._sizes()
        return None if sizes is None else usage(self._function.plan, sizes)

    def _sizes(self) -> Any:
        return None if self._outlines is None else measured(self._function.plan, self._outlines)

    # ------------------------------------------------------------------ forms

    def to_dict(self) -> dict[str, Any]:
        """Return everything as dictionaries and lists of text and numbers; times in seconds."""
        f = self._function
        report, memory = f.report, self.memory()
        return {
            "name": str(f.name),
            "calls": self.calls,
            "seconds": self.seconds,
            "node_seconds": self.node_seconds,
            "memory": None if memory is None else memory._asdict(),
            "ops": [row._asdict() for row in self.ops()],
            "nodes": [_node_dict(row) for row in self.nodes()],
            "loops": [_loop_dict(loop) for loop in self.loops()],
            "compile": {
                **f.compile_times,
                "phases": dict(report.seconds) if report is not None else {},
                "rules": {
                    name: {"calls": s.calls, "hits": s.hits, "seconds": s.seconds}
                    for name, s in (report.rules.items() if report is not None else ())
                },
            },
        }

    def to_json(self, path: str | Path | None = None) -> str:
        """Return ``to_dict`` as JSON text, and write it to ``path`` if there is one."""
        return _written(self.to_dict(), path)

    def chrome_trace(self, path: str | Path | None = None) -> str:
        """Return a trace for ``chrome://tracing`` or Perfetto as JSON text, and write it to ``path`` if there is one.

        Two rows: the compilation, phase by phase, and one call in the mean, node by node in the order of execution.
        """
        f = self._function
        phases = f.report.seconds.items() if f.report is not None else ()
        steps: list[tuple[str, float, dict[str, Any]]] = [(phase, seconds, {}) for phase, seconds in phases]
        steps += [(name, s, {}) for name, s in f.compile_times.items() if name != "rewrite" or f.report is None]
        called = [
            (row.label, row.seconds / max(row.calls, 1), {"where": row.where, "calls": row.calls})
            for row in self.nodes()
        ]
        events = [_named(1, "compilation"), _named(2, f"one call of {f.name}, in the mean")]
        events += _in_a_row(1, "compile", steps) + _in_a_row(2, "node", called)
        events += self._memory_events(events)
        return _written({"traceEvents": events, "displayTimeUnit": "ns"}, path)

    def _memory_events(self, events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the memory in use as a counter beside the nodes of the call."""
        sizes = self._sizes()
        if sizes is None:
            return []
        levels = timeline(self._function.plan, sizes)
        starts = [event["ts"] for event in events if event.get("cat") == "node"]
        positions = [row.position for row in self.nodes()]
        return [
            {"name": "memory", "ph": "C", "pid": 1, "tid": 2, "ts": ts, "args": {"bytes": levels[k]}}
            for ts, k in zip(starts, positions, strict=True)
            if 0 <= k < len(levels)
        ]

    def summary(self, rows: int = 20) -> str:
        """Return the times as text: per Op class and per node (the ``rows`` most expensive), then the compilation."""
        total = self.node_seconds or 1.0
        mean = self.seconds / self.calls if self.calls else 0.0
        lines = [
            f"{self._function}: {self.calls} calls in {_time(self.seconds)}, {_time(mean)} each; "
            f"{_time(self.node_seconds)} of it in nodes",
            *self._memory_lines(),
            "",
            *_op_lines(self.ops()[:rows], total),
        ]
        lines += ["", f"{'per node (*: by several threads)':<46} {'where':>6} {'calls':>9} {'time':>10} {'%':>6}"]
        lines += _node_lines(self.nodes(), total, rows)
        for loop in self.loops():
            lines += ["", *_loop_lines(loop, rows)]
        return "\n".join([*lines, "", *self._compilation(rows)])

    def _memory_lines(self) -> Iterable[str]:
        memory = self.memory()
        if memory is None:
            return
        order = self._function.plan.order
        where = f" (at node {memory.position}, {order[memory.position].op})" if memory.position >= 0 else ""
        yield f"memory of a call: {_bytes(memory.peak)} at most{where[:80]}"
        yield f"  {_bytes(memory.kept)} if every result were kept; {_bytes(memory.outputs)} are outputs and new values"
        if memory.unknown:
            yield f"  not counted: {memory.unknown} results whose shapes depend on values"

    def _compilation(self, rows: int) -> Iterable[str]:
        f = self._function
        yield "compilation: " + ", ".join(f"{name} {_time(s)}" for name, s in f.compile_times.items())
        if f.report is None:
            return
        for phase, seconds in f.report.seconds.items():
            yield f"  {phase:<44} {_time(seconds):>27}"
        slowest = sorted(f.report.rules.items(), key=lambda item: -item[1].seconds)
        yield f"{'per rule':<46} {'hits':>6} {'tried':>9} {'time':>10}"
        for name, s in slowest[:rows]:
            yield f"  {name[:44]:<44} {s.hits:>6} {s.calls:>9} {_time(s.seconds):>10}"

    def __str__(self) -> str:
        return self.summary()


class ProfileStats:
    """Collects the profiles of several functions: ``function(..., profile=stats)``, ``f.copy(profile=stats)``.

    Attributes
    ----------
    profiles
        The profiles, in the order in which the functions were made.
    """

    def __init__(self) -> None:
        self.profiles: list[Profile] = []

    @property
    def calls(self) -> int:
        """Calls of all functions."""
        return sum(p.calls for p in self.profiles)

    @property
    def seconds(self) -> float:
        """Seconds in calls of all functions."""
        return sum(p.seconds for p in self.profiles)

    def ops(self) -> list[OpTime]:
        """Return the times summed over the nodes of each Op class in all functions, the most expensive first."""
        rows = [row for p in self.profiles for row in p.ops()]
        return _added(rows)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as dictionaries and lists of text and numbers; times in seconds."""
        ops = [row._asdict() for row in self.ops()]
        functions = [p.to_dict() for p in self.profiles]
        return {"calls": self.calls, "seconds": self.seconds, "ops": ops, "functions": functions}

    def to_json(self, path: str | Path | None = None) -> str:
        """Return ``to_dict`` as JSON text, and write it to ``path`` if there is one."""
        return _written(self.to_dict(), path)

    def summary(self, rows: int = 20) -> str:
        """Return the sums over all functions as text, then the summary of each."""
        total = sum(row.seconds for row in self.ops()) or 1.0
        lines = [
            f"{len(self.profiles)} functions: {self.calls} calls in {_time(self.seconds)}",
            "",
            *_op_lines(self.ops()[:rows], total),
        ]
        return "\n\n".join(["\n".join(lines), *(p.summary(rows) for p in self.profiles)])

    def __str__(self) -> str:
        return self.summary()


def _node_times(source: Any, order: Any, placement: Iterable[tuple[Apply, str, str]]) -> list[NodeTime]:
    """Return the nodes that a machine has timed, in the order of execution."""
    if not hasattr(source, "timings"):
        return []
    merged: dict[int, list[int]] = {}
    for position, calls, ns in source.timings():  # a node may be several steps of the machine
        entry = merged.setdefault(position, [0, 0])
        entry[0] = max(entry[0], calls)
        entry[1] += ns
    where = {node: place for node, place, _ in placement}
    shared: dict[int, int] = {}
    for position, calls in source.shared() if hasattr(source, "shared") else ():
        shared[position] = max(shared.get(position, 0), calls)
    rows = []
    for position, (calls, ns) in sorted(merged.items()):
        node = order[position] if 0 <= position < len(order) else None
        place = where.get(node, "C") if node else "C"
        rows.append(NodeTime(position, node, place, calls, ns * 1e-9, shared.get(position, 0)))
    return rows


def _loop_times(loops: Iterable[Any], position: Any, ran: set[int]) -> list[LoopTime]:
    """Return the profiles of loops (``symopt.interfaces.LoopProgram``) of which a node in ``ran`` has run."""
    found = []
    for loop in loops:
        if position[loop.node] not in ran:
            continue
        nodes = _node_times(loop.machine, loop.plan.order, loop.placement())
        inner = _loop_times(loop.loops(), loop.plan.position, {row.position for row in nodes})
        found.append(LoopTime(position[loop.node], loop.node, nodes, inner))
    return found


def _per_op(rows: Iterable[NodeTime]) -> list[OpTime]:
    named = [(type(row.node.op).__name__ if row.node is not None else row.label, row) for row in rows]
    return _added(OpTime(name, 1, row.calls, row.seconds) for name, row in named)


def _node_dict(row: NodeTime) -> dict[str, Any]:
    return {
        "position": row.position,
        "op": row.label,
        "where": row.where,
        "calls": row.calls,
        "seconds": row.seconds,
        "shared": row.shared,
        "built": trace.describe(row.node.trace) if row.node is not None else "",
    }


def _loop_dict(loop: LoopTime) -> dict[str, Any]:
    return {
        "position": loop.position,
        "op": str(loop.node.op),
        "ops": [row._asdict() for row in loop.ops()],
        "nodes": [_node_dict(row) for row in loop.nodes],
        "loops": [_loop_dict(inner) for inner in loop.loops],
    }


def _added(rows: Iterable[OpTime]) -> list[OpTime]:
    found: dict[str, list[Any]] = {}
    for name, nodes, calls, seconds in rows:
        entry = found.setdefault(name, [0, 0, 0.0])
        entry[0] += nodes
        entry[1] += calls
        entry[2] += seconds
    return sorted([OpTime(name, *entry) for name, entry in found.items()], key=lambda row: -row.seconds)


def _op_lines(rows: Iterable[OpTime], total: float) -> Iterable[str]:
    yield f"{'per Op class':<46} {'nodes':>6} {'calls':>9} {'time':>10} {'%':>6}"
    for op in rows:
        share = 100 * op.seconds / total
        yield f"  {op.name[:44]:<44} {op.nodes:>6} {op.calls:>9} {_time(op.seconds):>10} {share:>6.1f}"


def _node_lines(rows: Iterable[NodeTime], total: float, most: int) -> Iterable[str]:
    for row in sorted(rows, key=lambda r: -r.seconds)[:most]:
        label = f"{row.position:>3} {row.label[:40]}"
        share = 100 * row.seconds / total
        where = f"{row.where}*" if row.shared else row.where
        yield f"  {label:<44} {where:>6} {row.calls:>9} {_time(row.seconds):>10} {share:>6.1f}"


def _loop_lines(loop: LoopTime, most: int) -> Iterable[str]:
    title = f"within {loop.position} {str(loop.node.op)[:34]}"
    if not loop.nodes:
        yield f"{title}: all steps are one kernel"
        return
    total = sum(row.seconds for row in loop.nodes) or 1.0
    yield f"{title:<46} {'where':>6} {'calls':>9} {'time':>10} {'%':>6}"
    yield from _node_lines(loop.nodes, total, most)
    for inner in loop.loops:
        yield from _loop_lines(inner, most)


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def _bytes(count: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} B"


def _written(value: Any, path: str | Path | None) -> str:
    text = json.dumps(value, indent=1)
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text


def _named(row: int, name: str) -> dict[str, Any]:
    return {"name": "thread_name", "ph": "M", "pid": 1, "tid": row, "args": {"name": name}}


def _in_a_row(row: int, kind: str, steps: Iterable[tuple[str, float, dict[str, Any]]]) -> list[dict[str, Any]]:
    events, start = [], 0.0
    for name, seconds, args in steps:
        length = 1e6 * seconds  # the format counts in microseconds
        event = {"name": name, "cat": kind, "ph": "X", "ts": start, "dur": length, "pid": 1, "tid": row, "args": args}
        events.append(event)
        start += length
    return events
