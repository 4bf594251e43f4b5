"""``Rule``: one named rewrite, as a value. It comes in three forms, most to least declarative.

``equation("log-exp", (log, (exp, "x")), "x", phase="stabilize")``
    a pattern and what takes its place; see ``match``.
``@rewrite(Dot, phase="specialize")``
    on a function ``(node)`` or ``(node, fgraph)`` that returns ``None`` (does not apply), a variable, a list with one
    variable per output of the node (``None`` leaves that output alone), or ``{old variable: new variable}``.
``@graph_rewrite(phase="fuse")``
    on a function of the whole ``FunctionGraph``, which changes it and returns how many changes it made.
"""

import importlib
from collections.abc import Callable, Iterable
from typing import Any

from symopt.match import compile_pattern, compile_result, head, show
from symopt.phases import Phase, check_phases


class Rule:
    """One rewrite. Immutable; pickles by where it is defined.

    Attributes
    ----------
    name
        Unique within a rule set; the handle to switch it off.
    phases
        The phases in which it runs.
    tracks
        The Op classes whose nodes it is shown (subclasses included), or scalar functions for the ``Elemwise`` nodes of
        those functions. Empty for a rule on the whole graph.
    tags
        Handles shared with other rules. ``nan_changing``, ``more_accurate`` and ``shape_hiding`` state what a rule may
        change; ``fast_compile`` puts it into the mode of that name.
    doc
        The equation it stands for.
    """

    __slots__ = ("doc", "function", "name", "on_graph", "phases", "recipe", "tags", "tracks", "wants_graph")

    name: str
    function: Callable[..., Any]
    tracks: tuple[Any, ...]
    phases: tuple[Phase, ...]
    tags: frozenset[str]
    doc: str
    on_graph: bool
    wants_graph: bool
    recipe: Any

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        tracks: Iterable[Any],
        phase: Phase | Iterable[Phase],
        tags: Iterable[str] = (),
        doc: str = "",
        on_graph: bool = False,
        recipe: Any = None,
    ):
        if isinstance(tags, str):
            raise TypeError(f"the tags of rule {name!r} must be a set of strings, got the string {tags!r}.")
        put = object.__setattr__
        put(self, "name", name)
        put(self, "function", function)
        put(self, "tracks", tuple(tracks))
        put(self, "phases", check_phases(phase))
        put(self, "tags", frozenset(tags))
        put(self, "doc", doc)
        put(self, "on_graph", on_graph)
        put(self, "wants_graph", not on_graph and function.__code__.co_argcount == 2)
        put(self, "recipe", recipe)
        if not on_graph and not self.tracks:
            raise ValueError(f"rule {name!r} must say which Op classes or scalar functions it tracks.")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Rule cannot be changed; make another one instead of setting {name!r}.")

    def apply(self, node: Any, fgraph: Any) -> Any:
        """Return what the rule makes of a node (see the module's docstring), changing nothing."""
        return self.function(node, fgraph) if self.wants_graph else self.function(node)

    def answers_to(self, key: str) -> bool:
        """Tell whether ``key`` is the name, a tag or a phase of this rule."""
        return key == self.name or key in self.tags or key in self.phases

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Rule) and self.recipe is not None and self.recipe == other.recipe

    def __hash__(self) -> int:
        return hash(self.name)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.recipe is not None:
            return _remake, (self.recipe,)
        return _look_up, (self.function.__module__, self.function.__qualname__)

    def __repr__(self) -> str:
        tags = f", tags={{{', '.join(sorted(self.tags))}}}" if self.tags else ""
        return f"<Rule {self.name!r} in {'/'.join(self.phases)}{tags}: {self.doc.splitlines()[0] if self.doc else ''}>"


def _look_up(module: str, qualname: str) -> Any:
    value: Any = importlib.import_module(module)
    for part in qualname.split("."):
        value = getattr(value, part)
    return value


def _remake(recipe: tuple[Any, ...]) -> Rule:
    name, pattern, result, phase, tags, where = recipe
    return equation(name, pattern, result, phase=phase, tags=tags, where=where)


def rewrite(
    *tracks: Any, phase: Phase | Iterable[Phase], tags: Iterable[str] = (), name: str | None = None
) -> Callable[[Callable[..., Any]], Rule]:
    """Make a rule of a function of a node; see the module's docstring. The name is the function's, with hyphens.

    Raises ``TypeError`` when the function takes neither ``(node)`` nor ``(node, fgraph)``.
    """

    def decorate(function: Callable[..., Any]) -> Rule:
        if function.__code__.co_argcount not in (1, 2):
            raise TypeError(f"a rule is a function of (node) or (node, fgraph); {function.__name__} takes "
                            f"{function.__code__.co_argcount} arguments.")
        return Rule(name or function.__name__.replace("_", "-"), function, tracks, phase, tags, function.__doc__ or "")

    return decorate


def graph_rewrite(
    *, phase: Phase | Iterable[Phase], tags: Iterable[str] = (), name: str | None = None
) -> Callable[[Callable[..., Any]], Rule]:
    """Make a rule of a function of the whole graph; see the module's docstring."""

    def decorate(function: Callable[..., Any]) -> Rule:
        if function.__code__.co_argcount != 1:
            raise TypeError(f"a rule on the graph is a function of (fgraph); {function.__name__} takes "
                            f"{function.__code__.co_argcount} arguments.")
        full_name = name or function.__name__.replace("_", "-")
        return Rule(full_name, function, (), phase, tags, function.__doc__ or "", on_graph=True)

    return decorate


def equation(
    name: str, pattern: Any, result: Any, *, phase: Phase | Iterable[Phase] = "canonicalize", tags: Iterable[str] = (),
    where: Callable[[dict[str, Any]], bool] | None = None,
) -> Rule:
    """Make a rule of a pattern and its replacement.

    Parameters
    ----------
    pattern
        A tuple: a scalar function or an Op, then one pattern per input. A string is a variable (the same string twice
        must be the same variable), a number a constant all of whose elements are that number, ``("x", guard)`` a
        variable for which ``guard(variable)`` holds. Inputs of ``add`` and ``mul`` match in any order.
    result
        Built like a pattern of strings, numbers and tuples.
    where
        Called with ``{name: variable}`` after a match; ``False`` refuses it.

    The replacement is declined when its dtype would differ; a shape that would get lost is kept by an ``Alloc``.
    """
    match = compile_pattern(pattern)
    build = compile_result(result)

    def apply(node: Any, fgraph: Any) -> Any:
        bound = match(node)
        if bound is None or (where is not None and not where(bound)):
            return None
        return build(bound, node, fgraph)

    tags = frozenset(tags)
    recipe = (name, pattern, result, phase, tags, where)
    return Rule(name, apply, (head(pattern),), phase, tags, f"``{show(pattern)} -> {show(result)}``", recipe=recipe)
