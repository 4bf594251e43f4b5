"""``Mode``: which rules rewrite a function, and which linker runs it."""

import difflib
from typing import Any

from symcore.config import Snapshot
from symcore.config import config as present_config
from symcore.locks import ForkLock
from symopt.linker import make_linker
from symopt.ruleset import RuleSet


def all_rules() -> RuleSet:
    """Return the rules of all installed packages. Importing them takes a while, and what was loaded needs none."""
    from symopt.rules.catalog import all_rules as found

    return found()


class Mode:
    """A linker and a set of rules. Immutable: ``including``, ``excluding`` and ``requiring`` return new modes.

    Parameters
    ----------
    name
        What ``get_mode`` knows it by, or any other name.
    rules
        The rules to apply; all that are installed by default.
    linker
        ``"auto"`` (the configured one), the name of a linker, or a linker.
    """

    __slots__ = ("_rules", "linker", "name")

    name: str
    linker: Any
    _rules: RuleSet | None

    def __init__(self, name: str = "custom", rules: RuleSet | None = None, linker: Any = "auto"):
        if rules is not None and not isinstance(rules, RuleSet):
            raise TypeError(f"the rules of a Mode must be a RuleSet, got {rules!r}. "
                            "Start from get_mode('FAST_RUN').rules.")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "_rules", rules)
        object.__setattr__(self, "linker", linker)

    @property
    def rules(self) -> RuleSet:
        """The rules to apply."""
        return all_rules() if self._rules is None else self._rules

    @property
    def rules_in_use(self) -> RuleSet:
        """Those of ``rules`` that the graphs of this process may need: see ``symopt.rules.rules_in_use``."""
        if self._rules is not None:
            return self._rules
        from symopt.rules.catalog import rules_in_use  # as for all_rules

        return rules_in_use()

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Mode cannot be changed; make another one, such as mode.excluding(...), instead of "
                             f"setting {name!r}.")

    def including(self, *keys: str) -> "Mode":
        """Return this mode with the installed rules added that answer to ``keys``: names, tags or phases of rules."""
        _check_keys(keys, self.rules)
        wanted = all_rules().only(*keys)
        have = self.rules
        # The order of the whole set is kept: a rule added later must not change which of two rules comes first.
        merged = [rule for rule in all_rules() if rule in wanted or rule in have]
        extra = [rule for rule in have if rule not in merged]
        return Mode(self.name, RuleSet(*merged, *extra), self.linker)

    def excluding(self, *keys: str) -> "Mode":
        """Return this mode without the rules that answer to one of ``keys``.

        Raises ``ValueError`` for a key that no installed rule answers to.
        """
        _check_keys(keys, self.rules)
        return Mode(self.name, self.rules - set(keys), self.linker)

    def requiring(self, *keys: str) -> "Mode":
        """Return this mode with only the rules that answer to every one of ``keys``."""
        _check_keys(keys, self.rules)
        return Mode(self.name, RuleSet(*(r for r in self.rules if all(r.answers_to(k) for k in keys))), self.linker)

    def with_linker(self, linker: Any) -> "Mode":
        """Return this mode with another linker."""
        return Mode(self.name, self.rules, linker)

    def make_linker(self, config: Snapshot) -> Any:
        """Return the linker to use under ``config``.

        Raises ``ValueError`` for the name of a linker that is not installed, ``RuntimeError`` for one that cannot run
        here.
        """
        return make_linker(self.linker, config)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mode) or (self.name, self.linker) != (other.name, other.linker):
            return False
        return self._rules is other._rules or self.rules == other.rules

    def __hash__(self) -> int:
        return hash(self.name)

    def __reduce__(self) -> tuple[Any, ...]:
        return Mode, (self.name, self._rules, self.linker)

    def __repr__(self) -> str:
        return f"Mode({self.name!r}, {len(self.rules)} rules, linker={self.linker!r})"


def _check_keys(keys: tuple[str, ...], rules: RuleSet) -> None:
    for key in keys:
        if not isinstance(key, str):
            raise TypeError(f"rules are chosen by names, tags and phases, got {key!r}.")
        if not rules.knows(key) and not all_rules().knows(key):
            names = {text for rule in all_rules() for text in (rule.name, *rule.tags, *rule.phases)}
            near = difflib.get_close_matches(key, names, n=2)
            hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
            raise ValueError(f"no rule has the name, tag or phase {key!r}.{hint}")


_ALIASES = {"debug": "DEBUG", "debug_mode": "DEBUG", "debugmode": "DEBUG", "fast_run": "FAST_RUN",
            "fast_compile": "FAST_COMPILE"}
_lock = ForkLock()
_modes: dict[str, Mode] = {}
_adjusted: dict[Any, Mode] = {}


def _predefined(name: str) -> Mode | None:
    if name == "FAST_RUN":
        return Mode(name)
    if name == "FAST_COMPILE":
        return Mode(name, all_rules().only("fast_compile"), "py")
    if name == "DEBUG":
        from symopt.debug import DebugLinker  # loaded by those who debug

        return Mode(name, None, DebugLinker)
    return None


def register_mode(name: str, mode: Mode) -> None:
    """Let ``get_mode(name)`` find ``mode``. Raises ``ValueError`` if the name is taken by another mode."""
    with _lock:
        if _modes.get(name, mode) is not mode or name.lower() in _ALIASES:
            raise ValueError(f"there is a mode {name!r} already; register yours under another name.")
        _modes[name] = mode


def _named(name: Any) -> Mode:
    if not isinstance(name, str):
        raise TypeError(f"a mode is a Mode, or a name such as 'FAST_RUN'; got {name!r} ({type(name).__name__}).")
    with _lock:
        canonical = name if name in _modes else _ALIASES.get(name.lower(), name)
        found = _modes.get(canonical) or _predefined(canonical)
        if found is None:
            known = ", ".join(dict.fromkeys(["FAST_RUN", "FAST_COMPILE", "DEBUG", *_modes]))
            raise ValueError(f"there is no mode {name!r}; there are {known}. "
                             "Make your own with Mode(name, rules, linker).")
        return _modes.setdefault(canonical, found)


def get_mode(mode: "Mode | str | None" = None, config: Snapshot | None = None) -> Mode:
    """Return a mode: a given one, one by its name, or by default that of the configuration.

    The options ``including``, ``excluding`` and ``nan_safe`` of ``config`` (a snapshot; the present values by default)
    apply to every mode. Raises ``ValueError`` for a name that is not known, ``TypeError`` for what is neither.
    """
    options = present_config.snapshot() if config is None else config
    found = mode if isinstance(mode, Mode) else _named(options.mode if mode is None else mode)
    if not (options.including or options.excluding or options.nan_safe):
        return found
    key = (found, options.including, options.excluding, options.nan_safe)
    with _lock:
        adjusted = _adjusted.get(key)
        if adjusted is None:
            adjusted = found
            if options.including:
                adjusted = adjusted.including(*filter(None, options.including.split(":")))
            excluded = [k for k in options.excluding.split(":") if k] + ["nan_changing"] * options.nan_safe
            if excluded:
                adjusted = adjusted.excluding(*excluded)
            if isinstance(mode, Mode):
                return adjusted  # a user's mode is not kept alive
            _adjusted[key] = adjusted
        return adjusted


def linker_of(name: str) -> Any:
    """Return the linker of ``get_mode(name)``, without loading all rules for it."""
    with _lock:
        found = _modes.get(name)
    if found is None and name in ("FAST_RUN", "FAST_COMPILE"):
        return "auto" if name == "FAST_RUN" else "py"
    return _named(name).linker


def portable(mode: Mode) -> Mode | str:
    """Return a mode that is known everywhere by its name as that name, others as they are."""
    try:
        return mode.name if get_mode(mode.name) == mode else mode
    except ValueError:
        return mode
