"""``function()``: from symbolic inputs and outputs to something that can be called."""

import time
import warnings
from collections.abc import Iterable, Mapping, Sequence, Sized
from typing import Any

from symcore.config import config
from symcore.errors import InconsistentGraphError, MissingInputError, UnusedInputError
from symcore.graph import trace
from symcore.graph.clone import as_variable_like, clone_graph
from symcore.graph.collector import full_collections_wait
from symcore.graph.fgraph import FunctionGraph
from symcore.graph.shared import Container, SharedVariable
from symcore.graph.test_values import paused
from symcore.graph.traverse import ancestors, toposort
from symcore.graph.traverse import inputs as graph_inputs
from symcore.graph.variable import Constant, Variable
from symopt.compiled import Function, link, profile_as_asked, second_program
from symopt.engine import rewrite
from symopt.interfaces import Signature
from symopt.io import In, Out, as_input
from symopt.less_memory import loops_of, profile_of
from symopt.mode import get_mode
from symopt.plan import MemoryPlan
from symopt.profile import ProfileStats
from symopt.ruleset import RuleSet

Pairs = Mapping[Any, Any] | Sequence[tuple[Any, Any]] | None


def function(
    inputs: Sequence[Any],
    outputs: Any = None,
    mode: Any = None,
    updates: Pairs = None,
    givens: Pairs = None,
    no_default_updates: bool | Sequence[Any] = False,
    accept_inplace: bool = False,
    name: str | None = None,
    rebuild_strict: bool = True,
    allow_input_downcast: bool | None = None,
    profile: "bool | ProfileStats | None" = None,
    on_unused_input: str | None = None,
    trust_input: bool = False,
) -> Function:
    """Compile a graph and return a callable.

    Parameters
    ----------
    inputs
        Symbolic variables, ``In(...)``, or pairs ``(variable, default)``, in the order of the call's arguments.
    outputs
        A variable (the call returns its value), a list (it returns a list), a dictionary (it returns one), or ``None``
        (it returns ``[]``). ``Out(variable, borrow=True)`` in place of a variable lets the function use the array
        again.
    mode
        A ``Mode`` or its name; by default ``config.mode``.
    updates
        ``{shared variable: new value}`` or a list of such pairs. All outputs and new values are computed from the old
        values; then the updates are committed. A call that fails changes nothing.
    givens
        ``{variable: what stands in its place}``.
    no_default_updates
        ``True``, or the shared variables whose ``default_update`` is not to be applied.
    name
        Shown in errors and profiles; by default the place of the call.
    rebuild_strict
        Whether givens must have the types of what they replace.
    allow_input_downcast
        Let arguments lose precision: see ``In``.
    accept_inplace
        For older code, which had to permit Ops that overwrite their inputs: they are always accepted, and handed copies
        of what something else still needs.
    profile
        Time every call and node (see ``Function.profile``); by default ``config.profile``. A ``ProfileStats`` collects
        the profiles of several functions.
    on_unused_input
        ``raise``, ``warn`` or ``ignore``; by default ``config.on_unused_input``.
    trust_input
        The initial value of ``f.trust_input``, for older code. Arguments are checked all the same: in C that takes some
        tens of nanoseconds.

    Raises
    ------
    MissingInputError
        An output needs a variable that has no value.
    UnusedInputError
        An input is not used, or given twice.
    TypeError
        Arguments of the wrong kind, or an update of another type than its shared variable.
    """
    started = time.perf_counter()
    if name is not None and not isinstance(name, str):
        raise TypeError(f"the name of a function is a text, got {name!r} ({type(name).__name__}).")
    snapshot = config.snapshot()
    if allow_input_downcast is None:
        allow_input_downcast = snapshot.allow_input_downcast
    ins = _inputs(inputs, allow_input_downcast)
    flat, single, keys = _outputs(outputs)
    pairs = _updates(updates)
    declared, states = ins, _states(ins)
    ins = [i for k, i in enumerate(declared) if k not in states]
    _add_state_updates(declared, states, pairs)
    read_instead = {declared[k].variable: s for k, s in states.items() if s is not declared[k].variable}
    with paused():  # test values are for what the user builds
        substitutions: list[dict[Any, Any]] = [_givens(givens, rebuild_strict), read_instead]
        flat, pairs = _complete(flat, pairs, substitutions, _left_out(no_default_updates))
    targets = [*flat, *pairs.values()]
    _check_inputs(ins, targets, on_unused_input or snapshot.on_unused_input)
    with full_collections_wait:
        chosen = get_mode(mode, snapshot)
        linker = chosen.make_linker(snapshot)
        with paused():
            fgraph, rules = _graph([i.variable for i in ins], targets, chosen.rules_in_use, linker)
            loops = loops_of(fgraph)
            report = rewrite(fgraph, rules)
        rewritten = time.perf_counter()
        plan = _plan(fgraph, ins, flat, pairs, linker)
        name = name or trace.describe(trace.here()).partition(" in ")[0]
        signature = Signature(ins, single, keys, name, declared if states else None, states)
        made = link(plan, signature, chosen, snapshot, linker)
    made.report = report
    made.trust_input = trust_input
    made.compile_times = {"rewrite": rewritten - started, "link": time.perf_counter() - rewritten}
    for node in loops:
        node.op.warn_of_forgotten(pairs)
    if profile is None:
        profile = snapshot.profile or profile_of(loops)
    profile_as_asked(made, profile)
    if max(len(loops), len(loops_of(fgraph))) > 1 and snapshot.loop_memory:  # a loop and its gradient, perhaps
        made.limit_rows(second_program(made, [i.variable for i in ins], targets, len(flat), list(pairs)))
    return made


def _plan(fgraph: FunctionGraph, ins: Sequence[In], flat: Sized, updated: Iterable[Any], linker: Any) -> MemoryPlan:
    mutable = [v for v, i in zip(fgraph.inputs, ins, strict=False) if i.mutable]
    return MemoryPlan(fgraph, len(flat), list(updated), mutable, linker.can_fail)


def _graph(
    inputs: Sequence[Variable[Any]], targets: Sequence[Variable[Any]], rules: RuleSet, linker: Any
) -> tuple[FunctionGraph, RuleSet]:
    """Return the graph to rewrite and the rules for it; a linker may want to see every step and bring its own."""
    if hasattr(linker, "watch"):
        watched: tuple[FunctionGraph, RuleSet] = linker.watch(inputs, targets, rules)
        return watched
    return FunctionGraph(inputs, targets), rules


def _inputs(inputs: Any, allow_downcast: bool | None) -> list[In]:
    if not isinstance(inputs, (list, tuple)):
        raise TypeError(
            f"the inputs of a function are a list, such as [x, y]; got {inputs!r} ({type(inputs).__name__})."
        )
    ins = [as_input(item, allow_downcast) for item in inputs]
    seen: dict[Variable[Any], int] = {}
    for position, i in enumerate(ins):
        if i.variable in seen:
            raise UnusedInputError(
                f"{i.variable} is given twice as an input, at positions {seen[i.variable]} and {position}."
            )
        seen[i.variable] = position
    names = [i.name for i in ins if i.name is not None]
    for n in names:
        if names.count(n) > 1 and not all(i.variable.name == n for i in ins if i.name == n):
            raise ValueError(f"two inputs are called {n!r}; give them different names.")
    return ins


def _states(declared: Sequence[In]) -> dict[int, SharedVariable[Any]]:
    """Return, by position, the shared variables that hold the values of inputs that keep them between calls."""
    states: dict[int, SharedVariable[Any]] = {}
    for k, i in enumerate(declared):
        if isinstance(i.variable, SharedVariable):  # In(w, shared=True)
            states[k] = i.variable
        elif i.is_state:
            ttype, kept = i.variable.type, i.value
            container = kept if isinstance(kept, Container) else Container(kept)
            states[k] = ttype.shared_class(ttype, name=i.name, container=container)
    return states


def _add_state_updates(declared: Sequence[In], states: dict[int, SharedVariable[Any]], pairs: dict[Any, Any]) -> None:
    """Let inputs that keep their value be updated in their shared variables."""
    for k, s in states.items():
        if declared[k].update is None:
            continue
        if s in pairs:
            raise ValueError(f"{s} is updated twice: by its In(..., update=...) and by updates.")
        pairs[s] = update_value(s, declared[k].update)


def _outputs(outputs: Any) -> tuple[list[Variable[Any]], bool, list[str] | None]:
    keys = None
    single = False
    if outputs is None:
        items: list[Any] = []
    elif isinstance(outputs, dict):
        if not all(isinstance(k, str) for k in outputs):
            raise TypeError("a dictionary of outputs has strings as keys.")
        keys = list(outputs)
        items = list(outputs.values())
    elif isinstance(outputs, (list, tuple)):
        items = list(outputs)
    else:
        items, single = [outputs], True
    flat = []
    for item in items:
        variable = item.variable if isinstance(item, Out) else item
        if not isinstance(variable, Variable):
            from symcore.tensor.constant import as_tensor

            try:
                variable = as_tensor(variable)
            except TypeError:
                raise TypeError(
                    f"outputs holds symbolic variables, got {variable!r} ({type(variable).__name__})."
                ) from None
        flat.append(variable)
    return flat, single, keys


def _pairs(given: Any, what: str) -> list[tuple[Any, Any]]:
    if given is None:
        return []
    items = list(given.items()) if isinstance(given, Mapping) else list(given)
    for item in items:
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            raise TypeError(f"{what} is a dictionary or a list of pairs; got the entry {item!r}.")
    return [(a, b) for a, b in items]


def _updates(updates: Any) -> dict[SharedVariable[Any], Variable[Any]]:
    result: dict[SharedVariable[Any], Variable[Any]] = {}
    for shared, new in _pairs(updates, "updates"):
        if not isinstance(shared, SharedVariable):
            raise TypeError(
                f"only shared variables can be updated; got {shared!r} ({type(shared).__name__}).{_not_updated(shared)}"
            )
        if shared in result:
            raise ValueError(f"{shared} is updated twice.")
        result[shared] = update_value(shared, new)
    return result


def _not_updated(given: Any) -> str:
    """Return what to do about an update of something that is no shared variable."""
    if isinstance(given, Constant):
        return " Make what shall change with shared(value)."
    parts = [v for v in graph_inputs([given]) if isinstance(v, SharedVariable)] if isinstance(given, Variable) else []
    if not parts:
        return ""
    return f" To change a part of {parts[0]}, update the whole: ({parts[0]}, T.set_subtensor({parts[0]}[index], new))."


def update_value(shared: SharedVariable[Any], new: Any) -> Variable[Any]:
    """Return the new value of a shared variable as a variable of its type; raises ``TypeError`` if it does not fit."""
    if not isinstance(new, Variable):
        new = shared.type.constant_class(shared.type, shared.type.filter(new))
    if not shared.type.is_super(new.type):
        hint = ""
        if getattr(new.type, "ndim", None) == getattr(shared.type, "ndim", -1) and hasattr(new.type, "dtype"):
            hint = (
                f" Cast the update: new.astype('{shared.type.dtype}')."
                if new.type.dtype != shared.type.dtype
                else " State its shape with T.specify_shape or T.patternbroadcast."
            )
            if getattr(new.type, "format", None) != getattr(shared.type, "format", None):
                hint = " Sparse and dense matrices, and formats, are made into each other by asformat() and toarray()."
        raise TypeError(
            f"the update of {shared} has type {new.type}, the shared variable has type {shared.type}.{hint}" + _at(new)
        )
    return new


def _at(variable: Variable[Any]) -> str:
    where = trace.describe(variable.owner.trace) if variable.owner is not None else ""
    return f"\n  built at {where}" if where else ""


def _givens(givens: Any, strict: bool) -> dict[Variable[Any], Variable[Any]]:
    result: dict[Variable[Any], Variable[Any]] = {}
    for old, new in _pairs(givens, "givens"):
        if not isinstance(old, Variable):
            raise TypeError(f"givens replaces symbolic variables; got {old!r} ({type(old).__name__}).")
        try:
            result[old] = as_variable_like(new, old, strict)
        except InconsistentGraphError as error:
            asked = getattr(old.type, "dtype", None)
            other = asked is not None and asked != getattr(getattr(new, "type", new), "dtype", asked)
            raise InconsistentGraphError(
                f"givens: {str(error).partition(' Cast or')[0]} Cast{f', new.astype({str(asked)!r}),' * other} or "
                "reshape it first, or pass "
                "rebuild_strict=False to let the graph take its type."
            ) from None
    return result


def _complete(
    flat: list[Any], pairs: dict[Any, Any], substitutions: Sequence[dict[Any, Any]], left_out: set[Any] | None
) -> tuple[list[Any], dict[Any, Any]]:
    """Make the substitutions, and add the default updates of the shared variables that are read after them.

    A default update is written in the variables that the user sees (a stream of random numbers moves on by the shape of
    what it drew for), so that the substitutions are made in it as well: all in one copy, which keeps nodes that outputs
    and updates have in common in common. Which shared variables are read is known only after that, and the new updates
    may read more: it is repeated until there are no more.
    """
    while True:
        new_flat, new_pairs = _substitute(flat, pairs, substitutions)
        added = {} if left_out is None else _default_updates([*new_flat, *new_pairs.values()], left_out.union(pairs))
        if not added:
            return new_flat, new_pairs
        pairs = pairs | added


def _substitute(
    flat: list[Any], pairs: dict[Any, Any], substitutions: Sequence[dict[Any, Any]]
) -> tuple[list[Any], dict[Any, Any]]:
    for substitution in substitutions:
        if substitution:
            new = clone_graph([*flat, *pairs.values()], dict(substitution))
            flat, pairs = new[: len(flat)], dict(zip(pairs, new[len(flat) :], strict=True))
    return flat, pairs


def _left_out(no_default_updates: Any) -> set[Any] | None:
    """Return the shared variables whose default update is not to be applied; ``None`` stands for all."""
    if no_default_updates is True:
        return None
    if not isinstance(no_default_updates, (bool, list, tuple, set, frozenset)):
        raise TypeError(
            f"no_default_updates is True, False or a list of shared variables; got {no_default_updates!r} "
            f"({type(no_default_updates).__name__})."
        )
    return set() if isinstance(no_default_updates, bool) else set(no_default_updates)


def _default_updates(targets: Sequence[Any], left_out: set[Any]) -> dict[Any, Any]:
    """Return the default updates of the shared variables that ``targets`` read, but for those left out."""
    return {
        v: update_value(v, v.default_update)
        for v in ancestors(targets)
        if isinstance(v, SharedVariable) and v not in left_out and v.default_update is not None
    }


def _check_inputs(ins: Sequence[In], targets: Sequence[Variable[Any]], on_unused: str) -> None:
    if on_unused not in ("raise", "warn", "ignore"):
        raise ValueError(f"on_unused_input is 'raise', 'warn' or 'ignore'; got {on_unused!r}.")
    used = set(ancestors(targets))
    for i in ins:
        if i.variable in used:
            continue
        message = f"the input {i.variable} is not used to compute any output or update."
        if on_unused == "raise":
            raise UnusedInputError(message + " Leave it out, or pass on_unused_input='ignore'.")
        if on_unused == "warn":
            warnings.warn(message, stacklevel=trace.users_level())
    given = {i.variable for i in ins}
    for v in graph_inputs(targets, given):
        if v not in given and not isinstance(v, (Constant, SharedVariable)):
            raise MissingInputError(_missing(v, targets))


def _missing(variable: Variable[Any], targets: Sequence[Variable[Any]]) -> str:
    message = (
        f"{variable} (of type {variable.type}) is needed, and is neither an input, nor shared, nor constant. "
        "Add it to the inputs, or give it a value with givens."
    )
    for node in toposort(targets):
        if variable in node.inputs:
            where = trace.describe(node.trace)
            return message + (f"\n  used at {where}" if where else "")
    return message
