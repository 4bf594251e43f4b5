"""``Function``: a compiled graph that can be called, copied and pickled without being rewritten again."""

import copy
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from symcore.config import Snapshot, config
from symcore.graph.fgraph import FunctionGraph
from symcore.graph.shared import Container, SharedVariable
from symcore.graph.test_values import paused
from symcore.tensor.elemwise import Composite
from symopt.arguments import Containers, Values, bind, standing_in
from symopt.copying import derived_plan, same_plan
from symopt.interfaces import Program, Signature
from symopt.less_memory import SecondProgram, in_less_memory, loops_of
from symopt.linker import make_linker
from symopt.mode import Mode, get_mode, linker_of, portable
from symopt.plan import MemoryPlan
from symopt.profile import Profile, ProfileStats


class Function:
    """What ``function()`` returns. Call it with one value per input, by position or by name.

    Attributes
    ----------
    linked
        The program that runs it.
    fgraph
        The rewritten graph.
    plan
        The memory plan.
    mode, name
        As given to ``function()``.
    compile_times
        Seconds spent in rewriting and linking.
    report
        What the rules did and how long they took; ``None`` for a copy, for nothing was rewritten.
    profile
        The times of its calls (see ``symopt.profile.Profile``) while profiling is on, else ``None``.
    """

    #: The machine that a plain call goes to without leaving C, where there is one.
    program: Any = None

    def __init__(self, program: Program, plan: MemoryPlan, signature: Signature, mode: Any, config: Snapshot):
        self.linked = program
        self.plan = plan
        self.signature = signature
        self._mode = mode
        self.config = config
        self.name = signature.name
        self.trust_input = False
        self.compile_times: dict[str, float] = {}
        self.report: Any = None
        self.profile: Profile | None = None
        self._plain_program: Any = None
        self._subsets: dict[tuple[int, ...], Function] = {}
        #: What takes over where a call would keep too many rows of loops, if the program can tell.
        self._second: SecondProgram | None = None

    @property
    def mode(self) -> Mode:
        """The mode. What was loaded looks it up when it is first asked for: a mode brings all rules with it."""
        if isinstance(self._mode, str):
            self._mode = get_mode(self._mode)
        found: Mode = self._mode
        return found

    def _make_linker(self) -> Any:
        wanted = linker_of(self._mode) if isinstance(self._mode, str) else self._mode.linker
        return make_linker(wanted, self.config)

    @property
    def fgraph(self) -> Any:
        """The rewritten graph."""
        return self.plan.fgraph

    @property
    def maker(self) -> Any:
        """The older way to reach the graph: ``f.maker.fgraph``."""
        return SimpleNamespace(fgraph=self.plan.fgraph, mode=self.mode, inputs=self.signature.inputs)

    # ------------------------------------------------------------------ calling

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._call_general(args, kwargs)

    def _call_general(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Bind the arguments, run, and hand the outputs back in the form that was asked for.

        ``output_subset``, a list of positions or keys of outputs, is taken out of ``kwargs``: only these are computed.
        """
        if "output_subset" in kwargs:
            rest = {key: value for key, value in kwargs.items() if key != "output_subset"}
            wanted = kwargs["output_subset"]
            return self._call_general(args, rest) if wanted is None else self._call_subset(wanted, args, rest)
        if kwargs or not self.signature.plain or len(args) != len(self.signature.inputs):
            args, given = bind(self, args, kwargs)
            if given:
                with standing_in(self, given):
                    return self._run(args)
        return self._run(args)

    def _run(self, args: tuple[Any, ...]) -> Any:
        return self._wrap_outputs(self.linked(*args) if self.profile is None else self.profile.run(args))

    def limit_rows(self, second: SecondProgram) -> None:
        """Let ``second`` run the calls whose loops would keep too many rows, if the program can tell."""

    def _wrap_outputs(self, outputs: list[Any]) -> Any:
        if self.signature.single:
            return outputs[0]
        if self.signature.keys is not None:
            return dict(zip(self.signature.keys, outputs, strict=True))
        return outputs

    def _call_subset(self, wanted: Sequence[Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Compute some outputs, and all updates. Return a list, or a dictionary where outputs have keys."""
        positions = tuple(self._output_position(item) for item in wanted)
        part = self._subsets.get(positions)
        if part is None:
            name = f"{self.name}[{', '.join(map(str, positions))}]"
            part = self._subsets.setdefault(positions, self._derived(name, outputs=positions))
        values = part._call_general(args, kwargs)
        keys = self.signature.keys
        return values if keys is None else {keys[k]: v for k, v in zip(positions, values, strict=True)}

    def _output_position(self, item: Any) -> int:
        keys, count = self.signature.keys, self.plan.n_outputs
        if keys is not None and item in keys:
            return keys.index(item)
        if not isinstance(item, int) or not -count <= item < count:
            choice = f"the keys {', '.join(map(repr, keys))}, or " if keys is not None else ""
            raise ValueError(
                f"output_subset of {self} holds {item!r}; there are {choice}positions from 0 to {count - 1}."
            )
        return item % count

    def __str__(self) -> str:
        return f"function {self.name}" if self.name else "function"

    __repr__ = __str__

    # ------------------------------------------------------------------ looking

    def all_shared(self) -> list[Any]:
        """Return the shared variables that the function reads or updates, and those that keep values of its inputs."""
        found = list(self.fgraph.inputs[len(self.signature.inputs) :])
        return found + [u.shared for u in self.plan.updates if u.shared not in found]

    def get_shared(self) -> list[Any]:
        """Return the shared variables that the function reads or updates."""
        hidden = {s for k, s in self.signature.states.items() if not self.signature.declared[k].shared}
        return [s for s in self.all_shared() if s not in hidden]

    @property
    def value(self) -> Values:
        """What inputs are when they are left out, and what shared variables hold: ``f.value[x]``."""
        return Values(self)

    @property
    def container(self) -> Containers:
        """The containers of inputs and shared variables: ``f.container[x].value``."""
        return Containers(self)

    def __getitem__(self, key: Any) -> Any:
        return Values(self)[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        Values(self)[key] = value

    def __contains__(self, key: Any) -> bool:
        return key in Values(self)

    __iter__ = None  # what has __getitem__ would be iterated over by positions

    def placement(self) -> list[tuple[Any, str, str]]:
        """Return, per node in the order of execution, ``(node, where it runs, how or why)``."""
        return self.linked.placement()

    def explain(self) -> str:
        """Return a table: where each node runs, what is fused or in place, what fell back to Python and why.

        ``[(0, 1)]`` says that output 0 is written over input 1. The last line counts.
        """
        rows = []
        for k, (node, where, how) in enumerate(self.placement()):
            inplace = self.plan.describe(node)
            fused = _fused(node)
            told = ", ".join([part for part in (how, f"{fused} operations fused" if fused > 1 else "") if part])
            rows.append(
                f"{k:4d}  {where:<7} {node.op}{' ' + inplace if inplace else ''}" + (f"  ({told})" if told else "")
            )
        for update, direct in zip(self.plan.updates, self._direct(), strict=True):
            how = "written in place" if direct else "second buffer, swapped in"
            rows.append(f"      update {update.shared}: {how}")
        return "\n".join([*rows, *self._note_on_rows(), self._counts()])

    def _note_on_rows(self) -> list[str]:
        """Return a line about gradients of loops that remember everything, whatever ``config.loop_memory`` says."""
        limit = self.config.loop_memory
        if not limit or len(loops_of(self.fgraph)) < 2:
            return []
        if self._second is None:
            why = "it runs in Python, is a copy that was saved, or is itself the program that makes steps again"
        elif self._second.saves_nothing:
            why = "no gradient could make steps again"
        else:
            return []
        return [f"      loops keep all the rows that they need, beyond the {limit} bytes of config.loop_memory: {why}"]

    def _counts(self) -> str:
        placed = self.placement()
        wheres = Counter(where for _, where, _ in placed)
        fused = [n for n in (_fused(node) for node, _, _ in placed) if n > 1]
        direct = sum(self._direct())
        counts = ", ".join(f"{count} {where}" for where, count in sorted(wheres.items()))
        return (
            f"{len(placed)} nodes: {counts or 'none'}; {sum(fused)} operations fused into {len(fused)}; "
            f"{len(self.plan.inplace)} in place; {direct} of {len(self.plan.updates)} updates in place"
        )

    def _direct(self) -> list[bool]:
        """Return per update whether it is written in place: where the plan allows it, the machine has the last word."""
        machine = getattr(self.linked, "machine", None)
        return list(getattr(machine, "direct", [u.direct for u in self.plan.updates]))

    def _repr_html_(self) -> str:
        """Return a table of inputs, outputs, updates and nodes: what a notebook shows."""
        from symcore.printing.rich import function_html  # loaded by those who look

        return function_html(self)

    def profile_on(self) -> None:
        """Time every call and every node from now on; ``f.profile`` has the figures."""
        if self.profile is not None:
            return
        if hasattr(self.linked, "profile"):
            self.linked.profile = True
        self._plain_program = self.program
        if self._plain_program is not None:  # a plain call never leaves C: without a program it comes through Python
            self.program = None
        self.profile = Profile(self)

    def profile_off(self) -> Profile | None:
        """Stop timing; return the figures so far."""
        found, self.profile = self.profile, None
        if found is not None:
            if hasattr(self.linked, "profile"):
                self.linked.profile = False
            if self._plain_program is not None:
                self.program = self._plain_program
        return found

    # ------------------------------------------------------------------ copying

    def copy(
        self,
        share_memory: bool = False,
        swap: Mapping[SharedVariable[Any], SharedVariable[Any]] | None = None,
        delete_updates: bool = False,
        name: str | None = None,
        profile: bool | ProfileStats | None = None,
    ) -> "Function":
        """Return a function of the same graph. Nothing is rewritten again, and kernels are used again.

        Parameters
        ----------
        share_memory
            Use the same memory for intermediate results. A copy with ``swap`` or ``delete_updates`` has its own all
            the same.
        swap
            ``{shared variable of this function: the one of the same type that takes its place}``.
        delete_updates
            Leave all updates out.
        name
            Shown in errors and profiles; by default this function's.
        profile
            Time its calls: ``True``, or the ``ProfileStats`` that is to collect them.

        Raises
        ------
        ValueError
            ``swap`` names a variable that the function does not use, or two variables that are updated become one.
        TypeError
            What is swapped in is not a shared variable of the same type.
        """
        name = self.name if name is None else name
        swap = self._checked_swap(swap or {})
        drop = delete_updates and bool(self.plan.updates)
        if share_memory and not swap and not drop:
            made = _made(self.linked, self.plan, self.signature.changed(name=name), self._mode, self.config)
            made.trust_input, made._second = self.trust_input, self._second
        else:
            for s in [] if share_memory else self._states():
                swap.setdefault(s, _twin(s))
            made = self._derived(name, swap=swap, updates=False) if drop else self._rebound(name, swap)
        profile_as_asked(made, profile)
        return made

    def _checked_swap(self, swap: Mapping[Any, Any]) -> dict[SharedVariable[Any], SharedVariable[Any]]:
        known = self.get_shared()
        for old, new in swap.items():
            if not any(old is s for s in known):
                names = ", ".join(map(str, known)) or "none"
                raise ValueError(f"swap names {old}, which {self} does not use; its shared variables are: {names}.")
            if not isinstance(new, SharedVariable) or new.type != old.type:
                given = new.type if isinstance(new, SharedVariable) else f"{new!r} ({type(new).__name__})"
                raise TypeError(f"only a shared variable of type {old.type} can take the place of {old}; got {given}.")
        updated = [swap.get(s, s) for s in self.plan.updated]
        if len(set(updated)) < len(updated):
            raise ValueError(f"after the swap of {self} a shared variable would be updated twice: {updated}.")
        return dict(swap)

    def _states(self) -> list[SharedVariable[Any]]:
        """The variables that hold values of inputs and that no other function knows of unless it asked for them."""
        declared = self.signature.declared
        return [s for k, s in self.signature.states.items() if not declared[k].shared]

    def _signature(self, name: str, swap: Mapping[SharedVariable[Any], SharedVariable[Any]]) -> Signature:
        states = {k: swap.get(s, s) for k, s in self.signature.states.items()}
        return self.signature.changed(name=name, states=states)

    def _rebound(self, name: str, swap: Mapping[SharedVariable[Any], SharedVariable[Any]]) -> "Function":
        """Return a function that differs in its shared variables alone: the memory plan, and C, are as they were."""
        started = time.perf_counter()
        ins = self.signature.inputs
        plan = same_plan(self.plan, len(ins), swap)
        if plan is None:
            return self._derived(name, swap)
        signature = self._signature(name, swap)
        if hasattr(self.linked, "rebound"):
            made = _made(self.linked.rebound(plan, signature, swap), plan, signature, self._mode, self.config)
        else:
            made = link(plan, signature, self._mode, self.config, self._make_linker())
        made.trust_input = self.trust_input
        made.compile_times = {"rewrite": 0.0, "link": time.perf_counter() - started}
        if self._second is not None:
            made.limit_rows(self._second.derived(lambda other: other._rebound(name, swap)))
        return made

    def _derived(
        self,
        name: str,
        swap: Mapping[SharedVariable[Any], SharedVariable[Any]] | None = None,
        outputs: Sequence[int] | None = None,
        updates: bool = True,
    ) -> "Function":
        """Return a function of a copy of the rewritten graph; with ``outputs`` it returns a list of these."""
        started = time.perf_counter()
        ins = self.signature.inputs
        linker = self._make_linker()
        plan = derived_plan(self.plan, len(ins), linker.can_fail, swap, outputs, updates)
        signature = self._signature(name, swap or {})
        if outputs is not None:
            signature = signature.changed(single=False, keys=None)
        made = link(plan, signature, self._mode, self.config, linker)
        made.trust_input = self.trust_input
        made.compile_times = {"rewrite": 0.0, "link": time.perf_counter() - started}
        if self._second is not None:
            made.limit_rows(self._second.derived(lambda other: other._derived(name, swap, outputs, updates)))
        return made

    def free(self) -> None:
        """Give back what is kept for the next call: memory of intermediate results, prepared shapes, partial functions.

        The next call takes what it needs again.
        """
        self._subsets.clear()
        if self._second is not None:
            self._second.free()
        machine = getattr(self.linked, "machine", None)
        if machine is not None:
            machine.clear()

    def sync_shared(self) -> None:
        """Wait until the shared variables hold what the calls so far gave them; for older code.

        A call returns when its updates are committed: there is nothing to wait for, and this has no effect.
        """

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the function to a file that is data, not code; ``symopt.load(path)`` reads it. See ``symopt.save``."""
        from symopt.saving import save

        save(path, self)

    def __copy__(self) -> "Function":
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> "Function":
        made = self._rebound(self.name, {s: copy.deepcopy(s, memo) for s in self.all_shared()})
        memo[id(self)] = made
        return made

    def _portable_mode(self) -> Mode | str:
        return self._mode if isinstance(self._mode, str) else portable(self._mode)

    def __reduce__(self) -> tuple[Any, ...]:
        plan = self.plan
        mutable = [k for k, v in enumerate(self.fgraph.inputs) if v in plan.mutable]
        state = (self.fgraph, plan.n_outputs, plan.updated, mutable, self.signature, self._portable_mode())
        return _loaded, (*state, self.trust_input, self.second_source())

    def second_source(self) -> FunctionGraph | None:
        """Return the graph from which a program is made that keeps fewer rows of loops; ``None`` if none can be."""
        return None if self._second is None or self._second.source is None else self._second.source()


def link(plan: MemoryPlan, signature: Signature, mode: Mode | str, config: Snapshot, linker: Any) -> Function:
    """Return a function that follows ``plan``, run by what ``linker`` makes of it."""
    with paused():  # a linker builds expressions for shapes, which need no test values
        program = linker.link(plan, signature, config)
    return _made(program, plan, signature, mode, config)


def _fused(node: Any) -> int:
    """Return how many operations of the expression a node does at once."""
    known = getattr(node.op, "operations", None)
    if known is not None:
        return int(known)
    part = getattr(node.op, "fn", None)
    return len(part.steps) if isinstance(part, Composite) else 0


def profile_as_asked(made: Function, wanted: Any) -> None:
    """Switch profiling on for ``True`` and for a ``ProfileStats``, which collects it; raises ``TypeError``."""
    if wanted is None or isinstance(wanted, (bool, int)):
        if wanted:
            made.profile_on()
        return
    if not isinstance(wanted, ProfileStats):
        raise TypeError(f"profile is True, False, or a ProfileStats; got {wanted!r} ({type(wanted).__name__}).")
    made.profile_on()
    if made.profile is not None:
        wanted.profiles.append(made.profile)


def _made(program: Program, plan: MemoryPlan, signature: Signature, mode: Mode | str, config: Snapshot) -> Function:
    made: Function = getattr(program, "function_class", Function)(program, plan, signature, mode, config)
    return made


def _loaded(
    fgraph: Any,
    n_outputs: int,
    updated: Any,
    mutable: Any,
    signature: Signature,
    mode: Any,
    trust_input: bool,
    source: Any = None,
) -> Function:
    """Link a pickled graph; it was rewritten before it was pickled. ``source``: of its second program."""
    started = time.perf_counter()
    made = relinked(fgraph, n_outputs, updated, mutable, signature, mode, trust_input, started)
    if source is not None:
        remake_rows(made, source, n_outputs, updated)
    return made


def remake_rows(made: Function, source: FunctionGraph, n_outputs: int, updated: Sequence[Any]) -> None:
    """Let a function that was loaded have a second program, made from ``source`` when a call needs it."""
    if made.config.loop_memory:
        inputs = source.inputs[: len(made.signature.inputs)]
        made.limit_rows(second_program(made, inputs, source.outputs, n_outputs, updated))


def second_program(
    first: Function, inputs: Sequence[Any], targets: Sequence[Any], n_outputs: int, updated: Sequence[Any]
) -> SecondProgram:
    """Return what makes the same function with loops that remember less, should a call need it.

    ``targets``: its outputs and the new values of ``updated``, as they were before any rule was applied.
    """

    def make() -> Function | None:
        from symopt.engine import rewrite  # what was loaded needs no rules, but for this
        from symopt.rules.inline_graphs import RULES

        with paused():
            graph = FunctionGraph(inputs, targets)
            rewrite(graph, RULES)
            if not in_less_memory(graph):
                return None
            rewrite(graph, first.mode.rules_in_use)
        linker = first.mode.make_linker(first.config)
        ins = zip(graph.inputs, first.signature.inputs, strict=False)
        plan = MemoryPlan(graph, n_outputs, updated, [v for v, i in ins if i.mutable], linker.can_fail)
        return link(plan, first.signature, first.mode, first.config, linker)

    return SecondProgram(make, first.config.loop_memory, lambda: FunctionGraph(inputs, targets))


def relinked(
    fgraph: Any,
    n_outputs: int,
    updated: Any,
    mutable: Any,
    signature: Signature,
    mode: Mode | str,
    trust_input: bool,
    started: float,
) -> Function:
    """Return a function of a graph that was rewritten elsewhere, linked under the configuration of this process."""
    snapshot = config.snapshot()
    linker = make_linker(linker_of(mode) if isinstance(mode, str) else mode.linker, snapshot)
    plan = MemoryPlan(fgraph, n_outputs, updated, [fgraph.inputs[k] for k in mutable], linker.can_fail)
    made = link(plan, signature, mode, snapshot, linker)
    made.trust_input = trust_input
    made.compile_times = {"rewrite": 0.0, "link": time.perf_counter() - started}
    return made


def _twin(s: SharedVariable[Any]) -> SharedVariable[Any]:
    """Return a variable that holds a copy of what ``s`` holds."""
    made: SharedVariable[Any] = type(s)(s.type, name=s.name, container=Container(s.get_value()))
    return made
