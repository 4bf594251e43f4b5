"""How an Op gets its C: ``c_impl(op, node)`` answers with a kernel, a routine, a branch, a loop, or ``None``.

The virtual machine knows these answers and no Op class. Implementations register on the class of the Op::

    @c_impl.register
    def softmax_c(op: Softmax, node):
        return CKernel(...)

``None`` means "not this node": it runs through ``perform``, and ``f.explain()`` says so with the reason from
``refuse``.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from symcore.graph.variable import Apply, Variable
from symcore.op import Op

COLLAPSED = "collapsed"
FULL = "full"


@dataclass(frozen=True)
class CKernel:
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


@dataclass(frozen=True)
class Routine:
    """Work of the prebuilt runtime: views, copies, BLAS, gathers. ``emit(builder, node)`` writes it into the program.

    ``lengths``: positions of inputs that are read as integers while shapes are prepared, not as data.
    ``fallible``: it may fail once the shapes have been checked. ``kernels``: elementwise kernels it needs besides.
    """

    how: str
    emit: Callable[[Any, Apply], None]
    lengths: tuple[int, ...] = ()
    fallible: bool = False
    kernels: dict[str, "CKernel"] = field(default_factory=dict)


@dataclass(frozen=True)
class Branch:
    """Only one of two blocks of nodes runs, chosen by a scalar condition."""

    condition: Variable[Any]
    then: Sequence[Variable[Any]]
    otherwise: Sequence[Variable[Any]]


@dataclass(frozen=True)
class Loop:
    """A sub-program runs again and again; ``slots`` says what it reads from and writes to in each step."""

    program: Any
    slots: Sequence[Any]


Answer = CKernel | Routine | Branch | Loop | None


@functools.singledispatch
def c_impl(op: Op, node: Apply) -> Answer:
    """Return how to run ``node`` in C, or ``None`` for "through ``perform``"."""
    return refuse(node, f"{type(op).__name__} has no C implementation")


def refuse(node: Apply, reason: str) -> Answer:
    """Note why a node has no C, for ``f.explain()``; returns ``None`` to hand on."""
    node.tag.no_c = reason
    return None


def reason(node: Apply) -> str:
    """Return why a node has no C."""
    return getattr(node.tag, "no_c", "no C for this node")
