"""C for discrete samples from uniform draws.

Registered when the first of these Ops asks for its kernel: most programs draw nothing.
"""

import numpy as np

import symcodegen.ops.checks  # noqa: F401  # the probabilities' check stands in the same module of symcore
from symcodegen.dispatch import Answer, CKernel, c_impl, refuse
from symcodegen.expr import NoC
from symcodegen.kernels.samplers import choice_kernel, multinomial_kernel, poisson_kernel
from symcore.graph.variable import Apply
from symcore.random.from_uniform import ChoiceFromUniform, MultinomialFromUniform
from symcore.random.poisson import PoissonFromUniform


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
