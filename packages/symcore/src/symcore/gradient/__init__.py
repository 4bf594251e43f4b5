"""Derivatives: reverse (``grad``, ``Lop``), forward (``Rop``), matrices of them, and their checks."""

from symcore.errors import DisconnectedInputError, GradientError, NullTypeGradError
from symcore.gradient.flow import (
    consider_constant,
    disconnected_grad,
    grad_clip,
    grad_scale,
    undefined_grad,
    zero_grad,
)
from symcore.gradient.grad import Lop, grad
from symcore.gradient.matrices import hessian, jacobian
from symcore.gradient.rop import Rop
from symcore.gradient.subgraph import subgraph_grad
from symcore.gradient.verify import numeric_grad, verify_grad
from symcore.graph.null import DisconnectedType, NullType, grad_not_implemented, grad_undefined
