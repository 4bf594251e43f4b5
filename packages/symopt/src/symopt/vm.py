"""The Python virtual machine: follows the plan node by node through ``perform``. Needs no compiler.

Of the two sides of an ``IfElse`` it computes the one that is taken.
"""

from collections.abc import Callable, Sequence
from time import perf_counter_ns
from typing import Any

from symcore.config import Snapshot
from symcore.failure import locate, stored_values
from symcore.graph.generic import copied
from symcore.graph.shared import SharedVariable, new_owner
from symcore.graph.variable import Apply, Constant, Variable
from symcore.ifelse import IfElse
from symcore.interpreter import run_node
from symopt.interfaces import Signature
from symopt.lazy import needed_at, wanted
from symopt.plan import MemoryPlan

#: Computes the outputs of a node from the values of its inputs. Modes that look at values bring their own.
Step = Callable[[Apply, Sequence[Any]], list[Any]]


class PyLinker:
    """Links plans to the Python virtual machine."""

    name = "py"

    @staticmethod
    def why_not(config: Snapshot) -> str | None:
        """Return why it cannot run here: it always can."""
        return None

    def can_fail(self, node: Apply) -> bool:
        """Every ``perform`` may raise."""
        return True

    def link(self, plan: MemoryPlan, signature: Signature, config: Snapshot) -> "PyProgram":
        """Return a program that runs every node's ``perform``."""
        return PyProgram(plan, signature)


class PyProgram:
    """A function body run by Python, each node by ``step``. See ``symopt.linker.Program``."""

    def __init__(self, plan: MemoryPlan, signature: Signature, step: Step = run_node):
        self.plan = plan
        self.signature = signature
        self._plain_step = self._step = step
        self._timings: dict[int, list[int]] = {}
        self._inputs = plan.fgraph.inputs[: len(signature.inputs)]
        self._shared = [v for v in plan.fgraph.inputs[len(signature.inputs) :] if isinstance(v, SharedVariable)]
        self._lazy, latest = needed_at(plan.order, plan.fgraph.outputs)
        self._dead = _dead_after(plan, latest)
        # Read ones too: holding one container while waiting for another would let two calls wait for each other.
        touched = [*self._shared, *(u.shared for u in plan.updates)]
        self._storages = list({id(s.container): s.container.storage for s in touched}.values())

    def __call__(self, *values: Any) -> list[Any]:
        filtered = [i.filter(v) for i, v in zip(self.signature.inputs, values, strict=True)]
        owner, taken = acquire(self._storages)
        try:
            return self._run(filtered)
        finally:
            release(owner, taken)

    def _run(self, values: Sequence[Any]) -> list[Any]:
        plan = self.plan
        storage: dict[Variable[Any], Any] = dict(zip(self._inputs, values, strict=True))
        for shared in self._shared:
            storage[shared] = shared.container.value
        for update in plan.updates:
            storage.setdefault(update.shared, update.shared.container.value)

        for node, dead in zip(plan.order, self._dead, strict=True):
            if node not in self._lazy:
                try:
                    self._compute(node, storage)
                except Exception as error:
                    self._explain(error, storage)
                    raise
            for v in dead:
                storage.pop(v, None)  # a side that was not taken left nothing behind
        outputs = []
        for v, taken in zip(plan.fgraph.outputs[: plan.n_outputs], plan.copied, strict=True):
            value = _read(v, storage)
            outputs.append(copied(value) if taken else value)
        new = []
        for update in plan.updates:
            value = update.shared.type.filter(_read(update.new, storage))
            own = update.new.owner is not None and plan.root.get(update.new, update.new) is update.new
            new.append(value if own else copied(value))
        for update, value in zip(plan.updates, new, strict=True):  # nothing can fail from here on
            update.shared.container.storage[0] = value
        return outputs

    def _compute(self, node: Apply, storage: dict[Variable[Any], Any]) -> None:
        """Run a node, and before it what it needs and was left out so far."""
        stack = [node]
        while stack:
            current = stack[-1]
            if all(y in storage for y in current.outputs):
                stack.pop()
                continue
            needed = current.inputs
            if isinstance(current.op, IfElse):
                condition = current.inputs[0]
                known = condition.owner is None or condition in storage
                needed = wanted(current, _read(condition, storage)) if known else [condition]
            missing = [v.owner for v in needed if v.owner is not None and v not in storage]
            if missing:
                stack += missing
            elif isinstance(current.op, IfElse):
                if known:
                    self._choose(current, needed, storage)
                    stack.pop()
            else:
                values = self._step(current, [_read(v, storage) for v in needed])
                storage.update(zip(current.outputs, values, strict=True))
                stack.pop()

    def _explain(self, error: Exception, storage: dict[Variable[Any], Any]) -> None:
        """Tell in the details of an error where its node stands, and what the function held."""
        node = getattr(getattr(error, "details", None), "node", None)
        if node in self.plan.position:
            stored = stored_values(storage, self._inputs, self.plan.fgraph.outputs)
            locate(error, node, self.plan.position[node], len(self.plan.order), self.signature.name, stored)

    def _choose(self, node: Apply, chosen: Sequence[Variable[Any]], storage: dict[Variable[Any], Any]) -> None:
        """Hand the chosen values on: as they are where nothing else can see them, else as copies."""
        clients, root = self.plan.fgraph.clients, self.plan.root
        for y, v in zip(node.outputs, chosen, strict=True):
            alone = v.owner is not None and root.get(v, v) is v and len(clients[v]) == 1
            value = _read(v, storage)
            storage[y] = value if alone else copied(value)

    @property
    def profile(self) -> bool:
        """Whether every node is timed."""
        return self._step == self._timed

    @profile.setter
    def profile(self, on: bool) -> None:
        self._step = self._timed if on else self._plain_step

    def _timed(self, node: Apply, inputs: Sequence[Any]) -> list[Any]:
        start = perf_counter_ns()
        values = self._plain_step(node, inputs)
        entry = self._timings.setdefault(self.plan.position[node], [0, 0])
        entry[0] += 1
        entry[1] += perf_counter_ns() - start
        return values

    def timings(self) -> list[tuple[int, int, int]]:
        """Return ``(position of the node, calls, nanoseconds)`` of the nodes that ran while ``profile`` was set."""
        return [(position, calls, ns) for position, (calls, ns) in sorted(self._timings.items())]

    def placement(self) -> list[tuple[Apply, str, str]]:
        """Return, per node, that it runs in Python."""
        return [(node, "Python", "perform") for node in self.plan.order]


def _read(v: Variable[Any], storage: dict[Variable[Any], Any]) -> Any:
    return v.data if isinstance(v, Constant) else storage[v]


def _dead_after(plan: MemoryPlan, latest: dict[Apply, int]) -> list[list[Variable[Any]]]:
    """Return, per node, the values that nothing reads any more once it has run."""
    last: dict[Variable[Any], int] = {}
    for node in plan.order:
        for v in (*node.outputs, *node.inputs):
            last[v] = max(last.get(v, -1), latest[node])
    for v in (*plan.fgraph.outputs, *plan.fgraph.inputs):
        last.pop(v, None)
    dead: list[list[Variable[Any]]] = [[] for _ in plan.order]
    for v, k in last.items():
        if not isinstance(v, Constant):
            dead[k].append(v)
    return dead


def acquire(storages: Sequence[list[Any]]) -> tuple[Any, list[list[Any]]]:
    """Own the containers, one after the other in one order for all calls; return the lock and those taken with it.

    A container that this very thread owns already (a node of a running function calls another function) stays its
    owner's.
    """
    owner = new_owner()
    owner.acquire()
    taken: list[list[Any]] = []
    try:
        for storage in sorted(storages, key=id):
            _take(storage, owner, taken)
    except BaseException:  # Ctrl-C while it waits, or a value that no thread will ever let go
        release(owner, taken)
        raise
    return owner, taken


def _take(storage: list[Any], owner: Any, taken: list[list[Any]]) -> None:
    while True:
        if _own(storage, owner):
            taken.append(storage)
            return
        held = storage[1]
        if held is None:
            continue
        if held._is_owned():
            return
        held.acquire()
        held.release()


def _own(storage: list[Any], owner: Any) -> bool:
    # No call and no jump backwards stand between the look and the store: the interpreter does not switch threads there.
    if storage[1] is None:
        storage[1] = owner
        return True
    return False


def release(owner: Any, taken: Sequence[list[Any]]) -> None:
    for storage in taken:
        storage[1] = None
    owner.release()
