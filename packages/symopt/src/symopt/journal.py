"""Checks every application of a rule: what it replaced and what it put there must have the same value.

While the rules work, a journal notes every node as it enters the graph or gets other inputs, and every replacement.
When the function is called, the journal is replayed on the very arguments of the call: each replaced variable and its
replacement are computed by the reference interpreter, from values that earlier entries have shown to be right. So the
whole check costs about as much as computing every node that ever was in the graph once, and the first replacement that
does not hold is the rule at fault, not something that follows from it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from symcore.graph.fgraph import FunctionGraph
from symcore.graph.traverse import toposort
from symcore.graph.variable import Apply, Variable
from symopt.faults import BadRewrite, built, differing, shown, summary, worst
from symopt.reference import Definitions, Evaluator, Failed, noisy, spread, unexplained
from symopt.rule import Rule
from symopt.ruleset import RuleSet


class Definition(NamedTuple):
    """From here on the outputs of ``node`` are computed from ``inputs``."""

    node: Apply
    inputs: tuple[Variable[Any], ...]


class Replacement(NamedTuple):
    """``rule`` put ``new`` in the place of ``old``; ``reason`` says so in words."""

    old: Variable[Any]
    new: Variable[Any]
    rule: Rule | None
    reason: str


class Journal:
    """What happened to a graph, in order. ``rule`` is the one that is at work."""

    def __init__(self) -> None:
        self.entries: list[Definition | Replacement] = []
        self.rule: Rule | None = None
        self._known: dict[Apply, tuple[Variable[Any], ...]] = {}

    def define(self, node: Apply) -> None:
        """Note how a node's outputs are computed from now on."""
        inputs = tuple(node.inputs)
        if self._known.get(node) != inputs:
            self._known[node] = inputs
            self.entries.append(Definition(node, inputs))

    def watching(self, rules: RuleSet) -> RuleSet:
        """Return rules that do the same and leave a note that it was they."""
        return RuleSet(
            *(
                Rule(r.name, _noted(r, self), r.tracks, r.phases, r.tags, r.doc, r.on_graph)
                for r in rules
            )
        )

    def check(self, leaves: Mapping[Variable[Any], Any]) -> int:
        """Replay on the values of inputs and shared variables; return how many replacements were compared.

        Raises ``BadRewrite`` for the first that changed a value.
        """
        return _Replay(leaves).run(self.entries)


def _noted(rule: Rule, journal: Journal) -> Callable[..., Any]:
    def on_graph(fgraph: Any) -> Any:
        journal.rule = rule
        return rule.function(fgraph)

    def on_node(node: Any, fgraph: Any) -> Any:
        journal.rule = rule
        return rule.apply(node, fgraph)

    return on_graph if rule.on_graph else on_node


class WatchedGraph(FunctionGraph):
    """A graph that keeps a journal of what is done to it. Parameters as of ``FunctionGraph``."""

    def __init__(self, inputs: Sequence[Variable[Any]], outputs: Sequence[Variable[Any]]):
        super().__init__(inputs, outputs)
        self.journal = Journal()
        for node in self.toposort():
            self.journal.define(node)
        self.on_touch.append(self.journal.define)

    def replace_all(self, pairs: Iterable[tuple[Variable[Any], Variable[Any]]], reason: str = "") -> None:
        """Do several replacements at once; see ``FunctionGraph``."""
        wanted = [(old, new) for old, new in pairs if old is not new]
        for _, new in wanted:
            for node in toposort([new], self.clients):
                self.journal.define(node)  # an equal node may be there already: then this one never enters
        for old, new in wanted:
            self.journal.entries.append(Replacement(old, new, self.journal.rule, reason))
        super().replace_all(wanted, reason)


class _Replay:
    def __init__(self, leaves: Mapping[Variable[Any], Any]):
        self.leaves = leaves
        self.definitions: Definitions = {}
        self.users: dict[Variable[Any], list[Apply]] = {}
        self.evaluator = Evaluator(self.definitions, leaves)

    def run(self, entries: Sequence[Definition | Replacement]) -> int:
        compared = 0
        for entry in entries:
            if isinstance(entry, Replacement):
                compared += self._check(entry)
                continue
            for y in entry.node.outputs:
                self.definitions[y] = entry.node, entry.inputs
            for v in entry.inputs:
                self.users.setdefault(v, []).append(entry.node)
        return compared

    def _check(self, entry: Replacement) -> bool:
        a, b = self.evaluator.value(entry.old), self.evaluator.value(entry.new)
        if isinstance(a, Failed):  # as it was written it has no value here: the side of a choice that is not taken, say
            return False
        if isinstance(b, Failed):
            error = f"{type(b.error).__name__}: {b.error}".partition("\n")[0]
            raise _bad(entry, f"computing it raises {error}", a, None)
        if entry.old.type.values_eq_approx(a, b):
            return True
        if not isinstance(a, np.ndarray) or a.dtype != b.dtype or a.shape != b.shape:
            raise _bad(entry, "it has another dtype, shape or value", a, b)
        bad = self._beyond_tags(entry, a, b, differing(a, b))
        if bad.any() and a.dtype.kind in "fc":
            old = spread(partial(noisy, self.definitions, self.leaves, entry.old), a)
            new = spread(partial(noisy, self.definitions, self.leaves, entry.new), b)
            bad = unexplained(a, b, bad, old, new)
        if bad.any():
            raise _bad(entry, worst(a, b, bad), a, b)
        self._forget_users(entry.old)
        return True

    def _beyond_tags(self, entry: Replacement, a: Any, b: Any, bad: Any) -> Any:
        """Return the differences that the tags of the rule do not announce."""
        tags = entry.rule.tags if entry.rule is not None else frozenset()
        if "nan_changing" in tags:
            if a.dtype.kind in "fc":
                bad = bad & np.isfinite(a)
            elif entry.old in self.definitions:
                read = [self.evaluator.value(v) for v in self.definitions[entry.old][1]]
                if any(isinstance(x, np.ndarray) and x.dtype.kind in "fc" and not np.isfinite(x).all() for x in read):
                    bad = np.zeros_like(bad)
        if "more_accurate" in tags and a.dtype.kind in "fc":
            bad = bad & ((np.isfinite(a) & (a != 0)) | (np.isnan(b) & ~np.isnan(a)))
        return bad

    def _forget_users(self, variable: Variable[Any]) -> None:
        """A rule gave a value that differs, as its tags announce: what was computed from the old one is out of date."""
        stack, seen = [variable], {variable}
        while stack:
            for node in self.users.get(stack.pop(), ()):
                for y in node.outputs:
                    if y not in seen:
                        seen.add(y)
                        self.evaluator.values.pop(y, None)
                        stack.append(y)


def _bad(entry: Replacement, what: str, a: Any, b: Any) -> BadRewrite:
    rule = entry.rule
    name = rule.name if rule is not None else entry.reason
    old, new = entry.old, entry.new
    lines = [f"rule {name!r} changed a value: {what}."]
    if rule is not None and rule.doc:
        lines.append(f"  the rule: {rule.doc.strip().splitlines()[0]}")
    lines.append(f"  it replaced {shown(old.owner, old)}: {summary(a)}")
    lines.append(f"  by          {shown(new.owner, new)}" + (f": {summary(b)}" if b is not None else ""))
    lines.append(f"  Leave it out, mode.excluding({name!r}), and correct its condition or its result.")
    return BadRewrite("\n".join(lines) + built(old.owner), name, old, new)
