"""``CLinker``: from a memory plan to a program of the C virtual machine."""

import copy
import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import symcodegen.ops.elemwise  # noqa: F401 - tells fusion what can be compiled
from symcodegen import blas, extension, threads
from symcodegen.cache import KernelCache, KernelSource
from symcodegen.dispatch import Answer, Loop, c_impl
from symcodegen.failures import step_error
from symcodegen.lowering import Lowering
from symcodegen.toolchain import CompilerMissing
from symcore import plugins
from symcore.config import Snapshot
from symcore.failure import Operand, Stored, locate, operand_in_c, role_of
from symcore.graph.variable import Apply
from symcore.locks import ForkLock
from symcore.tensor.indexing import SliceLength
from symcore.tensor.shapes import Shape_i
from symopt.compiled import Function
from symopt.interfaces import Signature
from symopt.less_memory import SecondProgram
from symopt.linker import warn_slow
from symopt.plan import MemoryPlan
from symopt.vm import PyLinker

if TYPE_CHECKING:
    from symcodegen.loops import Body

_caches: dict[Any, KernelCache] = {}
_lock = ForkLock()


def kernel_cache(config: Snapshot) -> KernelCache:
    """Return the process' cache of kernels for the configured folder and compiler."""
    key = (config.cache_dir, config.compiler, config.compiler_flags, config.cache_size)
    with _lock:
        if key not in _caches:
            _caches[key] = KernelCache(
                config.cache_dir or None,
                config.compiler or None,
                flags=config.compiler_flags.split(),
                limit=config.cache_size,
            )
        return _caches[key]


class CLinker:
    """Links plans to the C virtual machine. One linker serves one function."""

    name = "cvm"

    def __init__(self) -> None:
        plugins.load_in_use("symstack.c")  # modules whose import registers kernels
        self._answers: dict[Apply, Answer] = {}

    @staticmethod
    def why_not(config: Snapshot) -> str | None:
        """Return why functions cannot run in C here, or ``None`` if they can."""
        if config.compiler == "none":
            return "config.compiler is 'none'."
        return None if extension.load() is not None else extension.why_not()

    def answer(self, node: Apply) -> Answer:
        """Return how a node runs; asked for once per node."""
        if node not in self._answers:
            self._answers[node] = c_impl(node.op, node)
        return self._answers[node]

    def can_fail(self, node: Apply) -> bool:
        """Tell whether a node may fail once the shapes have been checked."""
        if isinstance(node.op, (Shape_i, SliceLength)):
            return False
        answer = self.answer(node)
        return answer is None or isinstance(answer, Loop) or bool(getattr(answer, "fallible", False))

    def link(self, plan: MemoryPlan, signature: Signature, config: Snapshot) -> Any:
        """Return a program. Without a compiler, and with kernels that no cache holds, it runs in Python."""
        cvm = extension.load()
        lowering = Lowering(plan, cvm, len(signature.inputs), self.answer)
        lowering.run()
        try:
            addresses = kernel_cache(config).load(list(lowering.sources.values())) if lowering.sources else {}
        except CompilerMissing as missing:
            warn_slow(str(missing))
            return PyLinker().link(plan, signature, config)
        if lowering.uses_blas:
            blas.load()
        workers = threads.count(config.threads)
        of_blas = 1 if threads.POOL else workers  # the machine's own threads share large products, in pieces
        told = lowering.uses_blas and blas.set_threads(of_blas)
        return CProgram(lowering, addresses, signature, cvm, workers, of_blas if told else 0)


class CProgram:
    """A function body run by the C virtual machine. See ``symopt.interfaces.Program``.

    ``machine`` is the machine's own object: profiling, timings and statistics are its. ``workers``: threads that may
    share the work of a kernel, the caller among them; ``blas_workers``: threads that BLAS is told to use before a call,
    0 for none of our business.
    """

    def __init__(
        self,
        lowering: Lowering,
        addresses: dict[str, int],
        signature: Signature,
        cvm: Any,
        workers: int = 1,
        blas_workers: int = 0,
    ):
        self._workers = workers, blas_workers
        self.plan = lowering.plan
        self._placement = _told_of_threads(lowering, workers)
        self._bodies = lowering.bodies
        self._order = self._first_order = lowering.plan.order
        self._slot_of = lowering.slot_of()
        self._name = signature.name
        nodes = _linked(lowering, addresses, cvm)
        inputs = [(lowering.slot(v), i.filter) for v, i in zip(self.plan.fgraph.inputs, signature.inputs, strict=False)]
        self._shared = lowering.shared
        self._description = (lowering.slots, nodes, inputs), (lowering.updates, lowering.outputs)
        self.function_class = _function_class(cvm)
        self._start(cvm, signature.name)

    def _start(self, cvm: Any, name: str) -> None:
        body, ends = self._description
        self.machine = cvm.Program(*body, self._shared, *ends, self._error, name)
        self.machine.threads, self.machine.blas_threads = self._workers

    def rebound(self, plan: MemoryPlan, signature: Signature, swap: Mapping[Any, Any]) -> "CProgram":
        """Return the same program on other shared variables, ``{old: new}``; ``plan`` is this one's, of the new."""
        made = copy.copy(self)
        made.plan, made._order, made._name = plan, plan.order, signature.name
        places = zip(plan.order, self._placement, strict=True)
        made._placement = [(node, where, how) for node, (_, where, how) in places]
        storages = {id(old.container.storage): new.container.storage for old, new in swap.items()}
        made._shared = [(slot, storages.get(id(storage), storage)) for slot, storage in self._shared]
        made._start(extension.load(), signature.name)
        return made

    def __call__(self, *values: Any) -> list[Any]:
        return self.machine(*values)

    def placement(self) -> list[tuple[Apply, str, str]]:
        """Return, per node in order, where it runs and how, or why not in C."""
        return self._placement

    @property
    def profile(self) -> bool:
        """Whether every node is timed."""
        return self.machine.profile

    @profile.setter
    def profile(self, on: bool) -> None:
        self.machine.profile = on
        for body in self._bodies:
            body.profile(on)

    def loops(self) -> "list[Body]":
        """Return the programs of the steps of loops."""
        return self._bodies

    def _error(
        self, tag: int, kind: str, message: str, operands: Any, cause: BaseException | None, slots: Any
    ) -> BaseException:
        """Make the exception for a failed node: what happened, the node, its operands, the user's line.

        ``operands`` are those of the machine's node, which need not be the graph's; ``slots`` says of every slot the
        dtype, the shape and the strides, where they are known.
        """
        if not 0 <= tag < len(self._order):
            return step_error(None, kind, message, cause, {})
        node = self._order[tag]
        held = {v: operand_in_c(slots[k]) for v, k in self._slot_of.items() if k < len(slots)}
        held_now = dict(zip(node.inputs, (held.get(v, Operand()) for v in self._first_order[tag].inputs), strict=True))
        cause = step_error(node, kind, message, cause, held_now)
        first = self.plan.fgraph.inputs
        roles = {**dict.fromkeys(self.plan.fgraph.outputs, "output"), **dict.fromkeys(first, "input")}
        stored = [Stored(role_of(v, roles), v, o) for v, o in held.items() if o.shape is not None]
        locate(cause, node, tag, len(self._order), self._name, stored)
        return cause


def _linked(lowering: Lowering, addresses: dict[str, int], cvm: Any) -> list[tuple[Any, ...]]:
    """Return the nodes of the program with the addresses of their kernels."""
    if lowering.bodies:
        from symcodegen.loops import linked  # noqa: PLC0415 - many programs have no loop

        return linked(lowering, addresses, cvm)
    kernels = ((addresses[node[1].name] if isinstance(node[1], KernelSource) else node[1]) for node in lowering.nodes)
    return [(node[0], kernel, *node[2:]) for node, kernel in zip(lowering.nodes, kernels, strict=True)]


def _told_of_threads(lowering: Lowering, workers: int) -> list[tuple[Apply, str, str]]:
    """Return where the nodes run, with a word on those whose work threads share where it is enough."""
    if workers < 2:
        return lowering.placement
    shared = lowering.shared_by_threads()
    return [
        (node, where, f"{how}, large ones by {workers} threads" if node in shared else how)
        for node, where, how in lowering.placement
    ]


@functools.cache
def _function_class(cvm: Any) -> Any:
    """Return the class of functions whose plain call never leaves C."""

    class CFunction(cvm.Caller, Function):
        """A function run by the C virtual machine."""

        def __init__(self, linked: CProgram, plan: Any, signature: Any, mode: Any, config: Any):
            Function.__init__(self, linked, plan, signature, mode, config)
            if signature.plain:  # otherwise the arguments of a call are not the machine's: it goes through Python
                self.program = linked.machine
            if signature.keys is not None:
                self.return_kind = cvm.RETURN_WRAPPED
            else:
                self.return_kind = cvm.RETURN_ONE if signature.single else cvm.RETURN_LIST

        def limit_rows(self, second: SecondProgram) -> None:
            self._second = second
            _limit(self, second.limit)

        def _run(self, args: tuple[Any, ...]) -> Any:
            try:
                return Function._run(self, args)
            except cvm.RowLimitExceeded:
                return _run_second(self, args)

        __repr__ = Function.__repr__
        __reduce__ = Function.__reduce__

    return CFunction


def _limit(function: Any, limit: int) -> None:
    """Let calls raise ``RowLimitExceeded`` when their loops would keep more bytes; 0: never."""
    function.linked.machine.row_limit = limit
    for body in function.linked.loops():
        body.row_limit = limit


def _run_second(function: Any, args: tuple[Any, ...]) -> Any:
    """Run a call that the function's own program refused, for its loops would keep too much."""
    other = function._second.function(function.name) if function._second is not None else None
    if other is None:  # as much would be kept in any case: call after call need not find that out
        _limit(function, 0)
        return Function._run(function, args)
    if function.profile is None:
        return other._run(args)
    return function._wrap_outputs(function.profile.run(args, other.linked))
