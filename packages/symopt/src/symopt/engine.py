"""The engine: applies rules to a graph, phase by phase, until none applies any more.

Each phase starts with all nodes on a stack, inputs on top. A node that a rule replaces leaves; the nodes that enter or
get new inputs, and the users of their users, go (back) on the stack. So every node is visited once, and again only
when something near it has changed: the cost grows linearly with the graph.
"""

from collections import Counter
from collections.abc import Sequence
from time import perf_counter
from typing import Any

from symcore.errors import SymstackError
from symcore.graph.collector import full_collections_wait
from symcore.graph.fgraph import FunctionGraph
from symcore.graph.trace import describe, inherit
from symcore.graph.variable import Apply, Variable
from symopt.mode import Mode, get_mode
from symopt.phases import PHASES, Phase
from symopt.rule import Rule
from symopt.ruleset import Dispatch, RuleSet

#: A phase may make this many rewrites, and so many more per node that it starts with, before it counts as endless.
BUDGET, BUDGET_PER_NODE = 2_000, 50
#: How often one rule may replace the very same application (same Op, same inputs) within a phase, besides once for
#: every node that it starts with: many nodes may give rise to the same one, such as the transpose of a transpose.
REPEATS = 10
#: Users of users are visited again for at most this many users of a changed variable.
FAN_OUT = 8
#: How often rules on the whole graph and rules on nodes may take turns within a phase.
ROUNDS = 8


class RewriteError(SymstackError, RuntimeError):
    """A rule failed, or returned something that cannot take the place of its node."""


class RewriteLoopError(RewriteError):
    """Rules undo each other's work, or blow the graph up without end."""


class RuleStatistics:
    """What one rule did: how often it was tried, how often it changed something, and the seconds it took."""

    __slots__ = ("calls", "hits", "seconds")

    def __init__(self) -> None:
        self.calls = self.hits = 0
        self.seconds = 0.0

    def __repr__(self) -> str:
        return f"RuleStatistics(calls={self.calls}, hits={self.hits}, seconds={self.seconds:.6f})"


class RewriteReport:
    """What rewriting did and what it cost.

    Attributes
    ----------
    seconds
        Per phase, the wall-clock seconds.
    rules
        Per rule name that was tried: ``RuleStatistics``.
    nodes_before, nodes_after
        Number of nodes.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.rules: dict[str, RuleStatistics] = {}
        self.nodes_before = self.nodes_after = 0

    @property
    def total_seconds(self) -> float:
        """Seconds of all phases together."""
        return sum(self.seconds.values())

    def hits(self) -> dict[str, int]:
        """Return ``{rule: number of changes}`` of the rules that changed something, most first."""
        changed = {name: s.hits for name, s in self.rules.items() if s.hits}
        return dict(sorted(changed.items(), key=lambda item: -item[1]))

    def __str__(self) -> str:
        lines = [f"rewriting: {self.nodes_before} -> {self.nodes_after} nodes in {1e3 * self.total_seconds:.1f} ms"]
        lines += [f"  {phase:14s} {1e3 * seconds:8.2f} ms" for phase, seconds in self.seconds.items()]
        slowest = sorted(self.rules.items(), key=lambda item: -item[1].seconds)
        lines += [f"  {name:28s} {1e3 * s.seconds:8.2f} ms {s.hits:6d} of {s.calls} hit" for name, s in slowest[:20]]
        return "\n".join(lines)


def rewrite(
    fgraph: FunctionGraph, mode: Any = None, config: Any = None, phases: Sequence[Phase] = PHASES
) -> RewriteReport:
    """Rewrite ``fgraph`` in place, through all phases.

    Parameters
    ----------
    mode
        A ``Mode``, the name of one, a ``RuleSet``, a single ``Rule``, or ``None`` for the mode of the configuration.
    config
        The snapshot of the configuration to look the mode up with; the present one by default.
    phases
        Only these phases, in this order.

    Raises
    ------
    RewriteError
        When a rule raises or returns something that cannot take the place of its node; names the rule and the node.
    RewriteLoopError
        When rules undo each other's work; names them.
    """
    if isinstance(mode, Rule):
        rules = RuleSet(mode)
    elif isinstance(mode, RuleSet):
        rules = mode
    elif isinstance(mode, Mode):
        rules = mode.rules_in_use
    else:
        rules = get_mode(mode, config).rules_in_use
    report = RewriteReport()
    report.nodes_before = len(fgraph)
    fgraph.rules = rules
    with full_collections_wait:
        for phase in phases:
            dispatch = rules.dispatch(phase)
            if dispatch:
                start = perf_counter()
                _Pass(fgraph, phase, dispatch, report).run()
                report.seconds[phase] = perf_counter() - start
    fgraph.rules = None
    report.nodes_after = len(fgraph)
    return report


class _Pass:
    """One phase at work on one graph."""

    def __init__(self, fgraph: FunctionGraph, phase: str, dispatch: Dispatch, report: RewriteReport):
        self.fgraph = fgraph
        self.phase = phase
        self.dispatch = dispatch
        self.statistics = report.rules
        self.stack: list[Apply] = []
        self.queued: set[Apply] = set()
        self.touched: list[Apply] = []
        self.rewrites = 0
        self.budget = BUDGET + BUDGET_PER_NODE * len(fgraph)
        self.repeats = REPEATS + len(fgraph)
        #: How often each rule replaced each application, and the nodes, kept alive so that their ids stay theirs.
        self.replaced: Counter[Any] = Counter()
        self.kept: list[Apply] = []
        self.hits: Counter[str] = Counter()

    def run(self) -> None:
        fgraph = self.fgraph
        fgraph.on_touch.append(self.touched.append)
        try:
            self.stack = fgraph.toposort()[::-1]
            self.queued.update(self.stack)
            self._visit_nodes()
            for _ in range(ROUNDS):
                for rule in self.dispatch.graph_rules:
                    self._run_on_graph(rule)
                before = self.rewrites
                self._visit_nodes()
                if self.rewrites == before:  # rules on nodes found nothing new to do: neither would those on the graph
                    break
        finally:
            fgraph.on_touch.remove(self.touched.append)

    def _visit_nodes(self) -> None:
        stack, queued, nodes, rules_of = self.stack, self.queued, self.fgraph.nodes, self.dispatch.of
        while stack:
            node = stack.pop()
            queued.discard(node)
            if node not in nodes:
                continue
            rules = rules_of(node.op)
            if rules:
                with inherit(node.trace):
                    self._try_rules(node, rules)

    def _try_rules(self, node: Apply, rules: tuple[Rule, ...]) -> None:
        fgraph, statistics = self.fgraph, self.statistics
        start = perf_counter()
        for rule in rules:
            entry = statistics.get(rule.name)
            if entry is None:
                entry = statistics[rule.name] = RuleStatistics()
            entry.calls += 1
            try:
                result = rule.function(node, fgraph) if rule.wants_graph else rule.function(node)
            except Exception as error:
                raise RewriteError(f"{_where(rule, node)} raised {type(error).__name__}: {error}") from error
            changed = result is not None and self._commit(rule, node, result)
            now = perf_counter()
            entry.seconds += now - start
            start = now
            if changed:
                entry.hits += 1
                if node in fgraph.nodes:
                    self._push(node)
                return

    def _run_on_graph(self, rule: Rule) -> None:
        entry = self.statistics.setdefault(rule.name, RuleStatistics())
        entry.calls += 1
        start = perf_counter()
        try:
            changes = rule.function(self.fgraph)
        except Exception as error:
            message = f"rule {rule.name!r} on the whole graph raised {type(error).__name__}: {error}"
            raise RewriteError(message) from error
        entry.seconds += perf_counter() - start
        entry.hits += changes
        self._requeue()

    # ------------------------------------------------------------------ changing the graph

    def _commit(self, rule: Rule, node: Apply, result: Any) -> bool:
        """Put what a rule returned into the graph; tell whether anything changed."""
        pairs = _as_pairs(rule, node, result)
        if not pairs:
            return False
        key = (rule, node.op, *map(id, node.inputs))
        try:
            self.fgraph.replace_all(pairs, f"rule {rule.name!r}")
        except Exception as error:
            raise RewriteError(f"{_where(rule, node)}: {error}") from error
        if not self.touched and all(old in self.fgraph.clients for old, _ in pairs):
            return False  # what the rule built was there already, under the same name
        self._count(rule, node, key)
        self._requeue()
        return True

    def _requeue(self) -> None:
        fgraph, touched = self.fgraph, self.touched
        for node in reversed(touched):
            if node in fgraph.nodes:
                self._push_users(node)
        for node in reversed(touched):
            if node in fgraph.nodes:
                self._push(node)
        touched.clear()

    def _push(self, node: Apply) -> None:
        if node not in self.queued:
            self.queued.add(node)
            self.stack.append(node)

    def _push_users(self, node: Apply) -> None:
        """Visit the users of a node again: their patterns may look through it."""
        clients = self.fgraph.clients
        for output in node.outputs:
            users = clients[output]
            if len(users) <= FAN_OUT:
                for user, _ in users:
                    if user is not None:
                        self._push(user)

    def _count(self, rule: Rule, node: Apply, key: Any) -> None:
        self.rewrites += 1
        self.hits[rule.name] += 1
        self.kept.append(node)
        self.replaced[key] += 1
        if self.replaced[key] > self.repeats:
            partners = sorted({k[0].name for k, n in self.replaced.items() if n > self.repeats // 2})
            raise RewriteLoopError(
                f"phase {self.phase}: the rules {', '.join(map(repr, partners))} undo each other's work on "
                f"{_show(node)}. Exclude one of them, mode.excluding({partners[0]!r}), and correct its condition.")
        if self.rewrites > self.budget:
            busiest = ", ".join(f"{name!r} ({n} times)" for name, n in self.hits.most_common(3))
            raise RewriteLoopError(
                f"phase {self.phase} made {self.rewrites} rewrites without coming to an end; the busiest rules are "
                f"{busiest}. Exclude the one that makes the graph grow, mode.excluding(name), and correct it.")


def _as_pairs(rule: Rule, node: Apply, result: Any) -> list[tuple[Variable[Any], Variable[Any]]]:
    if isinstance(result, Variable):
        if len(node.outputs) != 1:
            raise RewriteError(f"{_where(rule, node)} returned one variable for {len(node.outputs)} outputs; return a "
                               "list with one variable (or None) per output.")
        return [(node.outputs[0], result)] if result is not node.outputs[0] else []
    if isinstance(result, (list, tuple)) and len(result) == len(node.outputs):
        result = dict(zip(node.outputs, result, strict=True))
    if not isinstance(result, dict):
        raise RewriteError(f"{_where(rule, node)} returned {result!r}; a rule returns None, a variable, a list with "
                           "one variable per output, or a dictionary {old variable: new variable}.")
    pairs = [(old, new) for old, new in result.items() if new is not None and new is not old]
    for pair in pairs:
        if not all(isinstance(v, Variable) for v in pair):
            raise RewriteError(f"{_where(rule, node)} returned {pair[1]!r} for {pair[0]!r}; both must be variables.")
    return pairs


def _show(node: Apply) -> str:
    text = f"{node.op}({', '.join(str(v) for v in node.inputs)})"
    return text if len(text) <= 200 else text[:197] + "..."


def _where(rule: Rule, node: Apply) -> str:
    line = describe(node.trace)
    return f"rule {rule.name!r} on {_show(node)}" + (f" (built at {line})" if line else "")
