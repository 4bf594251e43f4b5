"""How an Op gets its C: ``c_impl(op, node)`` answers with a kernel, a routine, a branch, a loop, or ``None``.

The virtual machine knows these answers and no Op class. Implementations register on the class of the Op::

    @c_impl.register
    def softmax_c(op: Softmax, node):
        return CKernel(...)

A package with many kernels says which of its modules registers which, with ``c_impl.later``.

``None`` means "not this node": it runs through ``perform``, and ``f.explain()`` says so with the reason from
``refuse``.
"""

import functools
import importlib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from symcore.graph.fgraph import FunctionGraph
from symcore.graph.variable import Apply, Variable
from symcore.locks import ForkLock
from symcore.op import Op
from symcore.record import Record
from symcore.tensor.type import TensorType

COLLAPSED = "collapsed"
FULL = "full"


class CKernel(Record):
    """A generated kernel.

    Attributes
    ----------
    body
        C text defining ``int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const
        sym_ctx *ctx)``; operands are the node's outputs, then its inputs. ``i64`` and ``sym_ctx`` are there already.
    functions
        Names of the vector mathematics it uses (``sym_exp_f32``).
    layout
        ``collapsed`` (a loop nest) or ``full`` (every operand's shape); see the page on the C runtime.
    axes, stretch
        For ``collapsed``: per operand the axis that each loop moves along (-1: none), and the bit mask of the loops in
        which a length of 1 may be stretched.
    extras
        For ``full``: integers (or integer scalar variables) that precede the shapes in ``d``.
    reorder
        The loops may run in any order.
    fallible
        The kernel may fail once it runs.
    heavy
        Compile with -O3: reductions and the like, which the light flags leave slow.
    weight
        Work per byte touched, 1 for plain arithmetic.
    counted
        What runs the node where the lengths of its outputs are known to values alone: it finds them out.
    cut
        The kernel may be run in pieces by several threads. ``collapsed``: ``True``, along any loop that all outputs
        move along. ``full``: the positions of the operands (outputs, then inputs) of which a piece gets some rows of
        the first axis, all of equal length; the others go whole to every piece, which must not write to them. No
        element of a result may depend on where the pieces end, and nothing may be written to memory of the kernel's
        own.
    """

    body: str
    functions: tuple[str, ...] = ()
    layout: str = FULL
    axes: tuple[tuple[int, ...], ...] = ()
    stretch: tuple[int, ...] = ()
    extras: tuple[Any, ...] = ()
    reorder: bool = False
    fallible: bool = False
    heavy: bool = False
    weight: int = 1
    counted: "Routine | None" = None
    cut: bool | tuple[int, ...] = False


class Routine(Record):
    """Work of the prebuilt runtime: views, copies, BLAS, gathers. ``emit(builder, node)`` writes it into the program.

    ``lengths``: positions of inputs that are read as integers while shapes are prepared, not as data.
    ``fallible``: it may fail once the shapes have been checked. ``kernels``: elementwise kernels it needs besides.
    """

    how: str
    emit: Callable[[Any, Apply], None]
    lengths: tuple[int, ...] = ()
    fallible: bool = False
    kernels: Mapping[str, "CKernel"] = MappingProxyType({})


class Branch(Record):
    """Only one of two lists of values is computed, chosen by a scalar condition (zero: ``otherwise``).

    All are inputs of the node; the k-th output is ``then[k]`` or ``otherwise[k]``.
    """

    condition: Variable[Any]
    then: Sequence[Variable[Any]]
    otherwise: Sequence[Variable[Any]]


class LoopSequence(Record):
    """A tensor of which every step reads rows. Step ``i`` reads row ``rows[k] + step * i`` for each ``k``.

    ``rows[k] < 0`` counts from the end of the tensor. Taps -1, 0 and 1 walked forwards are ``rows=(0, 1, 2)``; a
    sequence walked backwards from its last row is ``rows=(-1,), step=-1``. Rows that no step reaches need not exist.
    """

    rows: tuple[int, ...] = (0,)
    step: int = 1

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if not self.rows or self.step not in (1, -1):
            raise ValueError(f"{self}: a sequence needs at least one row, and step 1 or -1.")


class LoopState(Record):
    """A tensor computed from its own earlier values: step ``i`` reads those of steps ``i + taps[k]``.

    The initial value has ``before = -min(taps)`` rows, oldest first. The node returns the last ``keep`` of all ``before
    + n`` rows (all, if fewer), initial ones among them; ``None``: all. With ``keep`` the others are never in memory.
    """

    taps: tuple[int, ...] = (-1,)
    keep: int | None = None

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if not self.taps or max(self.taps) >= 0:
            raise ValueError(f"{self}: a state reads earlier steps, so every tap must be negative.")
        if self.keep is not None and self.keep < 1:
            raise ValueError(f"{self}: keep must be at least 1, or None for all rows.")

    @property
    def before(self) -> int:
        """How many rows the initial value has."""
        return -min(self.taps)


class LoopOutput(Record):
    """A value of every step that no later step reads: ``n`` rows, or the last ``keep`` of them (all, if fewer)."""

    keep: int | None = None

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if self.keep is not None and self.keep < 1:
            raise ValueError(f"{self}: keep must be at least 1, or None for all rows.")


class LoopSpec(Record):
    """What the inputs and outputs of a loop are, outside and inside.

    ===================  ============================================  =========================================
    order                node                                          inner graph
    ===================  ============================================  =========================================
    inputs               number of steps (0-d int64, >= 0)
    ..                   one per sequence: the whole tensor            one row per entry of ``rows``
    ..                   one per state: its initial rows               one row per tap
    ..                   one per carry: its initial value              its present value
    ..                   all others: the same in every step            the same, in the same order
    outputs              one per state: its rows                       its next row
    ..                   one per carry: its last value                 its next value
    ..                   one per output: its rows                      its row
    ..                                                                 with ``until``: a 0-d condition
    ===================  ============================================  =========================================

    A *carry* is a value of any type, Python objects among them, and may change its shape; a tensor of constant shape
    is better a state with ``keep=1``. With ``until`` the loop ends after the step whose condition is not zero, and
    what the node returns has the rows of the steps that were made.
    """

    sequences: tuple[LoopSequence, ...] = ()
    states: tuple[LoopState, ...] = ()
    carries: int = 0
    outputs: tuple[LoopOutput, ...] = ()
    until: bool = False

    @property
    def n_inner_inputs(self) -> int:
        """How many inputs of the inner graph come before those that are the same in every step."""
        return sum(len(s.rows) for s in self.sequences) + sum(len(s.taps) for s in self.states) + self.carries

    @property
    def n_node_inputs(self) -> int:
        """How many inputs of the node come before those that are the same in every step."""
        return 1 + len(self.sequences) + len(self.states) + self.carries

    @property
    def n_node_outputs(self) -> int:
        """How many outputs the node has."""
        return len(self.states) + self.carries + len(self.outputs)


class Loop(Record):
    """An inner graph runs ``n`` times; ``spec`` says where each of its inputs comes from and its outputs go.

    ``inner`` is a ``FunctionGraph`` as it is to be run: rewritten already, without shared variables among its inputs.
    """

    _by_identity = True

    inner: FunctionGraph
    spec: LoopSpec

    def check(self, node: Apply) -> None:
        """Raise ``ValueError`` when the specification does not fit the node and the inner graph."""
        steps = node.inputs[0].type if node.inputs else None
        if not isinstance(steps, TensorType) or steps.ndim or steps.dtype.kind not in "iu":
            raise ValueError(f"the first input of {node.op} is the number of steps, a 0-d integer; it is of {steps}.")
        spec, inner = self.spec, self.inner
        same = len(node.inputs) - spec.n_node_inputs
        wanted = spec.n_inner_inputs + same, spec.n_node_outputs + spec.until
        given = len(inner.inputs), len(inner.outputs)
        if same < 0 or wanted != given or len(node.outputs) != spec.n_node_outputs:
            raise ValueError(
                f"the loop of {node.op} has {len(node.inputs)} inputs and {len(node.outputs)} outputs, so {spec} asks "
                f"for an inner graph of {wanted[0]} inputs and {wanted[1]} outputs; it has {given[0]} and {given[1]}."
            )


Answer = CKernel | Routine | Branch | Loop | None


#: What each module of ``symcodegen.ops`` registers, by where the Op stands in ``symcore``. It is imported when the
#: first of its Ops is met: all of them, with their kernels, would take as long as rewriting a training step.
_HOMES = {
    "checks": "printing.ops_printing.Assert random.from_uniform.Chances tensor.discrete.InBounds",
    "counting": "tensor.arranging.RepeatedPositions tensor.counting.BinCount tensor.counting.Unique "
                "tensor.subtensor.Nonzero",
    "creation": "tensor.creation.Alloc tensor.creation.AllocEmpty tensor.creation.ARange tensor.creation.Eye",
    "cumulative": "tensor.cumulative.CumOp tensor.cumulative.Recurrence",
    "diagonals": "tensor.diagonals.ExtractDiag tensor.diagonals.WriteDiag",
    "elemwise": "tensor.elemwise.Elemwise",
    "flow": "gradient.flow.DisconnectedGrad gradient.flow.GradClip gradient.flow.GradScale "
            "gradient.flow.UndefinedGrad gradient.flow.ZeroGrad",
    "ifelse": "ifelse.IfElse",
    "indexed": "tensor.indexed_map.IndexedMap",
    "join": "tensor.join.Join",
    "linalg": "linalg.decompositions.Cholesky linalg.inverses.Det linalg.inverses.MatrixInverse "
              "linalg.inverses.SLogDet linalg.solving.SolveGeneral linalg.solving.SolveTriangular",
    "logsumexp": "tensor.log_sum_exp.LogSumExp",
    "positions": "tensor.counting.RavelMultiIndex tensor.counting.SearchSorted tensor.counting.UnravelIndex",
    "products": "tensor.products.BatchedDot tensor.products.Dot tensor.products.Gemm tensor.products.Gemv "
                "tensor.products.Ger",
    "random": "random.mrg.MRGUniform random.philox.PhiloxUniform",
    "reduce": "tensor.map_reduce.MapReduce tensor.reduce.Argmax tensor.reduce.Reduce",
    "samplers": "random.from_uniform.ChoiceFromUniform random.from_uniform.MultinomialFromUniform "
                "random.poisson.PoissonFromUniform",
    "shapes": "tensor.shapes.DimShuffle tensor.shapes.MakeVector tensor.shapes.Reshape tensor.shapes.ShapeOf "
              "tensor.shapes.SpecifyShape",
    "sorting": "tensor.sorting.Argsort tensor.sorting.Sort tensor.sorting.TopK",
    "subtensor": "tensor.subtensor.AdvancedIncSubtensor tensor.subtensor.AdvancedSubtensor "
                 "tensor.subtensor.IncSubtensor tensor.subtensor.Subtensor",
}  # fmt: skip


class _Implementations:
    """``c_impl``: a generic function on the class of an Op that imports the module of an Op's kernels when it is met.

    ``c_impl.register`` is that of ``functools.singledispatch``. What somebody registered for an Op of ours before our
    own kernels came stays.
    """

    def __init__(self, otherwise: Callable[[Any, Apply], Answer]) -> None:
        self._generic = functools.singledispatch(otherwise)
        self._absent: dict[tuple[str, str], str] = {}
        self._lock = ForkLock()
        self.__doc__ = otherwise.__doc__
        self.register: Any = self._generic.register

    def later(self, module: str, *ops: str) -> None:
        """Let ``module``, which registers the C of these Ops, be imported when a graph has one of them.

        ``ops``: where their classes are defined, ``package.module.Name``. Graphs have Ops of few kinds, so that most
        functions are compiled without most modules of kernels.
        """
        with self._lock:
            absent = dict(self._absent)
            for op in ops:
                home, _, name = op.rpartition(".")
                absent[home, name] = module
            self._absent = absent  # as one: it is read without the lock

    def __call__(self, op: Op, node: Apply) -> Answer:
        kind = type(op)
        for base in kind.__mro__:
            if (base.__module__, base.__qualname__) in self._absent:
                self._bring(base)
        found: Answer = self._generic.dispatch(kind)(op, node)
        return found

    def _bring(self, kind: type) -> None:
        with self._lock:
            home = self._absent.get((kind.__module__, kind.__qualname__))
            if home is None:
                return  # another thread was faster
            before = dict(self._generic.registry)
            importlib.import_module(home)
            for known, function in before.items():
                if self._generic.registry[known] is not function:
                    self._generic.register(known, function)
            self._absent = {op: h for op, h in self._absent.items() if h != home}


@_Implementations
def c_impl(op: Op, node: Apply) -> Answer:
    """Return how to run ``node`` in C, or ``None`` for "through ``perform``"."""
    return refuse(node, f"{type(op).__name__} has no C implementation")


for _module, _ops in _HOMES.items():
    c_impl.later(f"symcodegen.ops.{_module}", *(f"symcore.{op}" for op in _ops.split()))


def refuse(node: Apply, reason: str) -> Answer:
    """Note why a node has no C, for ``f.explain()``; returns ``None`` to hand on."""
    node.tag.no_c = reason
    return None


def reason(node: Apply) -> str:
    """Return why a node has no C."""
    return getattr(node.tag, "no_c", "no C for this node")
