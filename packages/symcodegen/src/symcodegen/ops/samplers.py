"""C for discrete samples from uniform draws, and for checks of what they are drawn with.

Registered when the first of these Ops asks for its kernel: most programs draw nothing.
"""

from typing import Any

import numpy as np

from symcodegen.dispatch import Answer, CKernel, Routine, c_impl, refuse
from symcodegen.expr import NoC
from symcodegen.kernels.samplers import (
    chances_kernel,
    choice_kernel,
    in_bounds_kernel,
    multinomial_kernel,
    poisson_kernel,
)
from symcodegen.ops.shapes import view_slot
from symcore.graph.variable import Apply
from symcore.random.from_uniform import OUTSIDE, Chances, ChoiceFromUniform, MultinomialFromUniform
from symcore.random.poisson import PoissonFromUniform
from symcore.tensor.discrete import InBounds
from symcore.tensor.type import TensorType

_NOBODY = TensorType("uint8", ())


@c_impl.register
def multinomial_c(op: MultinomialFromUniform, node: Apply) -> Answer:
    """Sums of the probabilities of a row, then a search for each draw."""
    p, u = (v.type.dtype for v in node.inputs[:2])
    try:
        return CKernel(*multinomial_kernel(p, u, np.dtype(op.dtype)), fallible=True, weight=8)
    except NoC as why:
        return refuse(node, f"no C for {why}")


@c_impl.register
def choice_c(op: ChoiceFromUniform, node: Apply) -> Answer:
    """The same; without replacement with new sums after each."""
    p, u = (v.type.dtype for v in node.inputs[:2])
    try:
        return CKernel(choice_kernel(p, u, op.replace), fallible=True, weight=8)
    except NoC as why:
        return refuse(node, f"no C for {why}")


@c_impl.register
def poisson_c(op: PoissonFromUniform, node: Apply) -> Answer:
    """A search in a table that lasts as long as the rate stays, or sums from 0."""
    rate, u = (v.type for v in node.inputs)
    return CKernel(*poisson_kernel(rate.dtype, u.dtype, np.dtype(op.dtype), u.ndim), fallible=True, weight=32)


def checked(kernel: CKernel) -> Routine:
    """Return what runs a kernel that fails for wrong values of the first input, which is handed on as a view."""

    def emit(b: Any, n: Apply) -> None:
        b.kernel(kernel, [b.temp(_NOBODY, ())], [b.slot(v) for v in n.inputs], name=f"check of {n.op}")
        b.subtensor(view_slot(b, n), b.slot(n.inputs[0]), ())

    return Routine("a check", emit, fallible=True)


@c_impl.register
def chances_c(op: Chances, node: Apply) -> Answer:
    """A look at each."""
    p = node.inputs[0].type
    return checked(CKernel(*chances_kernel(p.dtype, p.ndim, OUTSIDE), fallible=True))


@c_impl.register
def in_bounds_c(op: InBounds, node: Apply) -> Answer:
    """The least and the largest."""
    return checked(CKernel(in_bounds_kernel(node.inputs[0].type.ndim), fallible=True, heavy=True))
