"""``RuleSet``: an ordered set of rules, as a value: ``CORE + MORE - {"name or tag"}``."""

from collections.abc import Iterable, Iterator
from typing import Any

from symcore.locks import ForkLock
from symcore.tensor.elemwise import Elemwise, ScalarFn
from symopt.phases import PHASES, Phase
from symopt.rule import Rule


class RuleSet:
    """Rules in the order in which they are tried on a node. Immutable, picklable; equal if it holds equal rules.

    Raises ``ValueError`` when two different rules have one name. The same rule given twice counts once.
    """

    __slots__ = ("__weakref__", "_by_name", "_dispatch", "_lock")

    def __init__(self, *rules: "Rule | RuleSet"):
        self._by_name: dict[str, Rule] = {}
        self._dispatch: dict[Phase, Dispatch] = {}
        self._lock = ForkLock()
        for given in rules:
            for rule in given if isinstance(given, RuleSet) else (given,):
                if not isinstance(rule, Rule):
                    raise TypeError(f"a RuleSet is made of rules and rule sets, got {rule!r}. Decorate the function "
                                    "with @rewrite or @graph_rewrite.")
                known = self._by_name.setdefault(rule.name, rule)
                if known is not rule and known != rule:
                    raise ValueError(f"two different rules are named {rule.name!r}; give one of them another name.")

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, item: object) -> bool:
        if isinstance(item, str):
            return item in self._by_name
        return isinstance(item, Rule) and self._by_name.get(item.name) == item

    def __getitem__(self, name: str) -> Rule:
        try:
            return self._by_name[name]
        except KeyError:
            raise KeyError(f"there is no rule {name!r} in this set; its rules: {', '.join(self._by_name)}.") from None

    def __add__(self, other: Any) -> "RuleSet":
        if isinstance(other, (Rule, RuleSet)):
            return RuleSet(self, other)
        return NotImplemented

    def __sub__(self, other: Any) -> "RuleSet":
        """Leave out rules: a name, tag or phase, several of them, a rule, or a rule set."""
        if isinstance(other, (str, Rule)):
            other = (other,)
        keys = [key.name if isinstance(key, Rule) else key for key in other]
        return RuleSet(*(r for r in self if not any(r.answers_to(key) for key in keys)))

    def only(self, *keys: str) -> "RuleSet":
        """Return the rules that answer to at least one of ``keys`` (names, tags, phases)."""
        return RuleSet(*(r for r in self if any(r.answers_to(key) for key in keys)))

    def by_phase(self, phase: Phase) -> list[Rule]:
        """Return the rules that run in ``phase``."""
        return [rule for rule in self if phase in rule.phases]

    def knows(self, key: str) -> bool:
        """Tell whether ``key`` is a phase, or the name or a tag of some rule."""
        return key in PHASES or any(rule.answers_to(key) for rule in self)

    def dispatch(self, phase: Phase) -> "Dispatch":
        """Return the table of the phase's rules by Op. It is made once and kept."""
        found = self._dispatch.get(phase)
        if found is None:
            with self._lock:
                found = self._dispatch.setdefault(phase, Dispatch(self.by_phase(phase)))
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RuleSet) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self._by_name))

    def __reduce__(self) -> tuple[Any, ...]:
        return RuleSet, tuple(self)

    def __repr__(self) -> str:
        return f"RuleSet({', '.join(self._by_name)})"


class Dispatch:
    """Which rules of one phase to try on a node: found once per Op class, or per scalar function for ``Elemwise``."""

    __slots__ = ("_asked", "_found", "_node_rules", "_of", "graph_rules")

    def __init__(self, rules: Iterable[Rule]):
        rules = list(rules)
        self.graph_rules = [rule for rule in rules if rule.on_graph]
        self._node_rules = [rule for rule in rules if not rule.on_graph]
        self._found: dict[Any, tuple[Rule, ...]] = {}
        #: Positions of the rules by what they track: a class has to be met among the bases of an Op's class.
        self._of: dict[Any, list[int]] = {}
        #: Classes that decide by themselves what counts as a subclass (``abc``), and positions of the rules.
        self._asked: list[tuple[type, int]] = []
        for position, rule in enumerate(self._node_rules):
            for track in rule.tracks:
                if isinstance(track, type) and type(track).__subclasscheck__ is not type.__subclasscheck__:
                    self._asked.append((track, position))
                else:
                    self._of.setdefault(track, []).append(position)

    def __bool__(self) -> bool:
        return bool(self._node_rules or self.graph_rules)

    def of(self, op: Any) -> tuple[Rule, ...]:
        """Return the rules to try on nodes of ``op``, in order."""
        kind = type(op)
        key = op.fn if kind is Elemwise and type(op.fn) is ScalarFn else kind
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._look_up(kind, key)
        return found

    def _look_up(self, kind: type, key: Any) -> tuple[Rule, ...]:
        positions = {position for track, position in self._asked if issubclass(kind, track)}
        for track in {*kind.__mro__, key}:
            positions.update(self._of.get(track, ()))
        return tuple(self._node_rules[position] for position in sorted(positions))
