"""DEBUG mode: every rule, every kernel and the memory plan are checked on the values of the call.

A function of this mode runs node by node in Python. Checked are

* every replacement a rule made, at the first calls (see ``symopt.journal``): ``BadRewrite``;
* every node: that ``perform`` changes no input (``BadDestroy``), that its outputs share memory with nothing but what
  ``view`` declares (``BadView``) and are of the declared types, and that its C kernel, where it has one, gives the same
  values (``BadKernel``);
* the whole function in C, on copies of inputs and shared variables: what differs although every node is right is the
  memory plan's fault (``BadPlan``).

What raises changes no shared variable. Nodes that are not pure (``Print``) may run more than once.
"""

import contextlib
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from symcore import plugins
from symcore.config import Snapshot
from symcore.graph.fgraph import FunctionGraph
from symcore.graph.shared import Container, SharedVariable
from symcore.graph.variable import Apply, Constant, Variable
from symcore.ifelse import IfElse
from symcore.interpreter import annotate, run_node
from symcore.tensor.creation import AllocEmpty
from symopt.copying import derived_plan
from symopt.faults import (
    BadDestroy,
    BadKernel,
    BadPlan,
    BadRewrite,
    BadView,
    DebugError,
    built,
    differing,
    shown,
    summary,
    worst,
)
from symopt.interfaces import Program, Signature
from symopt.io import In
from symopt.journal import Journal, WatchedGraph
from symopt.plan import MemoryPlan
from symopt.reference import Definitions, Evaluator, Failed, moved, noisy, run_noisy, spread, unexplained
from symopt.ruleset import RuleSet
from symopt.vm import PyLinker, PyProgram

__all__ = ["BadDestroy", "BadKernel", "BadPlan", "BadRewrite", "BadView", "DebugError", "DebugLinker"]

#: The rules are checked at so many calls of a function, the first ones.
CHECKED_CALLS = 3
#: How long to look whether two arrays that interleave share an element; in candidates tried.
MOST_WORK: Any = 10_000


class DebugLinker(PyLinker):
    """Links plans to a program that checks everything; see the module."""

    name = "debug"

    def watch(
        self, inputs: Sequence[Variable[Any]], outputs: Sequence[Variable[Any]], rules: RuleSet
    ) -> tuple[FunctionGraph, RuleSet]:
        """Return the graph to rewrite, and the rules to rewrite it with, so that every step is noted."""
        fgraph = WatchedGraph(inputs, outputs)
        return fgraph, fgraph.journal.watching(rules)

    def link(self, plan: MemoryPlan, signature: Signature, config: Snapshot) -> PyProgram:
        """Return a program that checks rules (if ``plan`` is of a watched graph), nodes and plan."""
        journal = getattr(plan.fgraph, "journal", None)
        return DebugProgram(plan, signature, config, journal)


class DebugProgram(PyProgram):
    """A function body run by Python, with all checks. See ``symopt.interfaces.Program``."""

    def __init__(self, plan: MemoryPlan, signature: Signature, config: Snapshot, journal: Journal | None):
        self._kernels = kernels = NodesInC(plan.order, config)
        super().__init__(plan, signature, NodeCheck(kernels))
        self._journal = journal
        self._checks_left = CHECKED_CALLS
        self._whole = WholeInC(plan, signature, config) if kernels else None

    def _run(self, values: Sequence[Any]) -> list[Any]:
        leaves = {v: _copied(x) for v, x in zip(self._inputs, values, strict=True)}
        touched = [*self._shared, *(u.shared for u in self.plan.updates)]
        leaves |= {s: _copied(s.container.value) for s in touched}
        if self._journal is not None and self._checks_left:
            self._journal.check(leaves)
            self._checks_left -= 1
        in_c = self._whole.run(leaves) if self._whole is not None else None
        before = [u.shared.container.storage[0] for u in self.plan.updates]
        outputs = super()._run(values)
        if in_c is not None:
            updated = [u.shared.container.storage[0] for u in self.plan.updates]
            try:
                _check_whole(self.plan, [*outputs, *updated], in_c, leaves, self._kernels)
            except DebugError:
                for update, value in zip(self.plan.updates, before, strict=True):
                    update.shared.container.storage[0] = value
                raise
        return outputs


# ---------------------------------------------------------------------- one node


class NodeCheck:
    """Runs a node and checks what it does; a ``Step`` of the Python virtual machine."""

    def __init__(self, kernels: "NodesInC"):
        self.kernels = kernels

    def __call__(self, node: Apply, inputs: Sequence[Any]) -> list[Any]:
        before = [_copied(x) for x in inputs]
        given = [_copied(x) if k in node.op.destroys(node) else x for k, x in enumerate(inputs)]
        values = _performed(node, given)
        _check_untouched(node, inputs, before, "perform")
        _check_memory(node, given, values)
        program = self.kernels.get(node)
        if program is not None and node.op.pure and not isinstance(node.op, AllocEmpty):  # its content is anything
            _check_kernel(node, inputs, values, program)
            _check_untouched(node, inputs, before, "its C kernel")
        return values


def _performed(node: Apply, inputs: Sequence[Any]) -> list[Any]:
    """Return what ``perform`` gives, as it is: ``run_node`` would hide that it hands back its inputs."""
    try:
        result = node.op.perform(node, *inputs)
        results = list(result) if len(node.outputs) != 1 or isinstance(result, tuple) else [result]
        if len(results) != len(node.outputs):
            raise ValueError(f"{node.op}.perform returned {len(results)} values for {len(node.outputs)} outputs.")
    except Exception as error:
        annotate(error, node, inputs)
        raise
    values = []
    for y, value in zip(node.outputs, results, strict=True):
        try:
            values.append(y.type.filter(value))
        except TypeError as error:
            raise BadKernel(
                f"output {y.index} of {shown(node, y)} is not of its type {y.type}: {error}\n  perform returned "
                f"{summary(value)}. Correct make_node, which declares the type, or perform.{built(node)}",
                node,
            ) from None
    return values


def _check_untouched(node: Apply, inputs: Sequence[Any], before: Sequence[Any], who: str) -> None:
    for k, (v, now, then) in enumerate(zip(node.inputs, inputs, before, strict=True)):
        if isinstance(now, np.ndarray) and not v.type.values_eq(now, then):
            raise BadDestroy(
                f"{who} of {shown(node, v)} changed its input {k}.\n  before: {summary(then)}\n  after:  {summary(now)}"
                f"\n  Work on a copy, or name the input in the Op's destroys().{built(node)}",
                node,
            )


def _check_memory(node: Apply, inputs: Sequence[Any], values: Sequence[Any]) -> None:
    """Outputs may share memory with the input that ``view`` declares, and with what shares that memory itself."""
    views = node.op.view(node)
    for k, value in enumerate(values):
        source = inputs[views[k]] if k in views else None
        others = [("input", i, x) for i, x in enumerate(inputs)] + [("output", j, x) for j, x in enumerate(values[:k])]
        for what, i, other in others:
            if not _share(value, other) or (source is not None and (other is source or _share(source, other))):
                continue
            declared = f"view() names input {views[k]}" if k in views else "view() does not name it"
            raise BadView(
                f"output {k} of {shown(node, node.outputs[k])} shares memory with its {what} {i}; {declared}.\n"
                f"  Return a copy, or declare it: view(node) gives {{{k}: {i}}}.{built(node)}",
                node,
            )


def _share(a: Any, b: Any) -> bool:
    if not (isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and np.may_share_memory(a, b)):
        return False
    try:
        return bool(np.shares_memory(a, b, max_work=MOST_WORK))
    except (RuntimeError, ValueError):  # too hard to tell: then the bounds, which overlap, have to do
        return True


def _check_kernel(node: Apply, inputs: Sequence[Any], values: Sequence[Any], program: "NodeInC") -> None:
    try:
        in_c = program(inputs)
    except Exception as error:
        raise BadKernel(
            f"{shown(node, node.outputs[0])} raises in C, and not in perform: {type(error).__name__}: {error}"
            f"{_inputs_text(inputs)}{built(node)}",
            node,
        ) from error
    for k, (y, a, b) in enumerate(zip(node.outputs, values, in_c, strict=True)):
        if y.type.values_eq_approx(a, b):
            continue
        if not isinstance(a, np.ndarray) or a.dtype != b.dtype or a.shape != b.shape:
            what = f"it is {summary(b)} instead of {summary(a)}"
        else:
            bad = differing(a, b)
            if a.dtype.kind in "fc":
                bad = unexplained(a, b, bad, spread(partial(_noisy, node, inputs, k), a))
            if not bad.any():
                continue
            what = worst(a, b, bad)
        raise BadKernel(
            f"output {k} of {shown(node, y)} differs in C from perform: {what}.{_inputs_text(inputs)}{built(node)}",
            node,
        )


def _noisy(node: Apply, inputs: Sequence[Any], k: int, noise: np.random.Generator) -> Any:
    try:
        with np.errstate(all="ignore"):
            return run_noisy(node, [moved(x, noise) for x in inputs], noise)[k]
    except Exception as error:
        return Failed(error)


def _inputs_text(inputs: Sequence[Any]) -> str:
    return "".join(f"\n  input {k}: {summary(x)}" for k, x in enumerate(inputs[:6]))


# ---------------------------------------------------------------------- nodes in C


class NodeInC:
    """One node as a program of its own. Called with the values of all the node's inputs."""

    def __init__(self, program: Program, positions: Sequence[int]):
        self.program = program
        self.positions = positions

    def __call__(self, inputs: Sequence[Any]) -> list[Any]:
        return self.program(*[inputs[k] for k in self.positions])


class NodesInC:
    """The nodes of a function that have C, each as a program of its own; empty where nothing runs in C."""

    def __init__(self, nodes: Sequence[Apply], config: Snapshot):
        self.config = config
        self._found: dict[Any, NodeInC | None] = {}
        self._present = c_linker(config) is not None
        if self._present:
            self._compile_together(nodes)

    def __bool__(self) -> bool:
        return self._present

    def get(self, node: Apply) -> NodeInC | None:
        """Return a node's program, or ``None`` where it has no C."""
        if not self._present:
            return None
        key = _key(node)
        if key not in self._found:
            self._found[key] = self._link(node)
        return self._found[key]

    def run(self, node: Apply, inputs: Sequence[Any]) -> list[Any]:
        """Run a node in C where it has C, else by ``perform``."""
        program = self.get(node)
        return run_node(node, inputs) if program is None else program(inputs)

    def _link(self, node: Apply) -> NodeInC | None:
        positions, variables, outputs = _alone(node)
        program = _linked(variables, outputs, self.config)
        in_c = program is not None and any(where == "C" for _, where, _ in program.placement())
        return NodeInC(program, positions) if program is not None and in_c else None

    def _compile_together(self, nodes: Sequence[Apply]) -> None:
        """Bring all kernels into the cache with one run of the compiler, not one each."""
        distinct = {_key(node): node for node in nodes}
        variables: list[Variable[Any]] = []
        outputs: list[Variable[Any]] = []
        for node in distinct.values():
            _, more_variables, more_outputs = _alone(node)
            variables += more_variables
            outputs += more_outputs
        with contextlib.suppress(Exception):  # a kernel that cannot be compiled is named when its node is linked
            _linked(variables, outputs, self.config)


def c_linker(config: Snapshot) -> Any:
    """Return a new C linker, or ``None`` where ``config`` or the machine has none."""
    found = None if config.linker == "py" else plugins.load("symstack.linkers").get("cvm")
    return None if found is None or found.why_not(config) is not None else found()


def _linked(variables: Sequence[Variable[Any]], outputs: Sequence[Variable[Any]], config: Snapshot) -> Program | None:
    linker = c_linker(config)
    if linker is None:
        return None
    plan = MemoryPlan(FunctionGraph(variables, outputs), len(outputs), [], (), linker.can_fail)
    program: Program = linker.link(plan, Signature([In(v) for v in variables], False, None, "DEBUG"), config)
    return program


def _alone(node: Apply) -> tuple[list[int], list[Variable[Any]], list[Variable[Any]]]:
    """Return a copy of a node on inputs of its own: positions and variables of those that are no constants, outputs."""
    own: dict[Variable[Any], Variable[Any]] = {}
    positions = []
    for k, v in enumerate(node.inputs):
        if v not in own:
            own[v] = v if isinstance(v, Constant) else v.type(v.name)
            if own[v] is not v:
                positions.append(k)
    copy = node.clone_with_new_inputs([own[v] for v in node.inputs])
    return positions, [own[node.inputs[k]] for k in positions], copy.outputs


def _key(node: Apply) -> Any:
    """Return what nodes have in common that run the same C."""
    first: dict[Variable[Any], int] = {}
    inputs = []
    for k, v in enumerate(node.inputs):
        inputs.append((v.type, v.signature() if isinstance(v, Constant) else first.setdefault(v, k)))
    return node.op, tuple(inputs), tuple(y.type for y in node.outputs)


# ---------------------------------------------------------------------- the whole function


class WholeInC:
    """The function in C, planned as it would be in earnest, on shared variables of its own."""

    def __init__(self, plan: MemoryPlan, signature: Signature, config: Snapshot):
        self.program: Program | None = None
        self.inputs = plan.fgraph.inputs[: len(signature.inputs)]
        if not all(node.op.pure for node in plan.order):
            return
        linker = c_linker(config)
        touched = [v for v in plan.fgraph.inputs if isinstance(v, SharedVariable)] + list(plan.updated)
        self.twins = {s: _twin(s) for s in touched}
        own = derived_plan(plan, len(signature.inputs), linker.can_fail, self.twins)
        self.updated = [u.shared for u in own.updates]
        self.program = linker.link(own, signature, config)

    def run(self, leaves: dict[Variable[Any], Any]) -> list[Any] | BaseException | None:
        """Return the outputs and the new values of shared variables, or what it raised; ``None`` if it cannot run."""
        if self.program is None:
            return None
        for shared, twin in self.twins.items():
            twin.container.storage[0] = _copied(leaves[shared])
        try:
            outputs = self.program(*[_copied(leaves[v]) for v in self.inputs])
        except Exception as error:
            return error
        return [*outputs, *(s.container.storage[0] for s in self.updated)]


def _twin(shared: SharedVariable[Any]) -> SharedVariable[Any]:
    twin: SharedVariable[Any] = shared.clone()
    twin.container = Container(shared.container.value)
    return twin


def _check_whole(
    plan: MemoryPlan, values: Sequence[Any], in_c: Any, leaves: dict[Variable[Any], Any], kernels: NodesInC
) -> None:
    """Compare the whole function in C with Python, and where they differ with C node by node, each in fresh memory."""
    advice = "Each node by itself agrees: look at what the plan does in place, f.explain()."
    if isinstance(in_c, BaseException):
        if any(isinstance(node.op, IfElse) for node in plan.order):
            return  # C may compute the side of a choice that is not taken
        raise BadPlan(f"the whole function raises in C, and not in Python: {in_c}\n  {advice}") from in_c
    definitions: Definitions = {y: (node, tuple(node.inputs)) for node in plan.order for y in node.outputs}
    alone = Evaluator(definitions, leaves, run=kernels.run)
    for k, (v, value, b) in enumerate(zip(plan.fgraph.outputs, values, in_c, strict=True)):
        if v.type.values_eq_approx(value, b):
            continue
        a = alone.value(v)
        if isinstance(a, Failed) or v.type.values_eq_approx(a, b):
            continue
        bad: Any = np.ones(1, dtype=bool)
        what = f"it is {summary(b)} instead of {summary(a)}"
        if isinstance(a, np.ndarray) and a.dtype == b.dtype and a.shape == b.shape:
            bad = differing(a, b)
            if a.dtype.kind in "fc":
                bad = unexplained(a, b, bad, spread(partial(noisy, definitions, leaves, v), a))
            what = worst(a, b, bad) if bad.any() else ""
        if bad.any():
            which = f"output {k}" if k < plan.n_outputs else f"the update of {plan.updated[k - plan.n_outputs]}"
            raise BadPlan(f"{which} differs when the whole function runs in C: {what}.\n  {advice}{built(v.owner)}")


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value
