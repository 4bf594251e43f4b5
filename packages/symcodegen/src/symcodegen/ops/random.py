"""C for uniform draws. Registered when the first of these Ops asks for its kernel: most programs draw nothing."""

from typing import Any

import numpy as np

from symcodegen.dispatch import Answer, CKernel, c_impl
from symcodegen.kernels.random import mrg_kernel, philox_kernel
from symcore.graph.variable import Apply
from symcore.random.mrg import _SCALE, MRGUniform
from symcore.random.philox import PhiloxUniform


@c_impl.register
def mrg_c(op: MRGUniform, node: Apply) -> Answer:
    """Streams side by side."""
    scale: Any = _SCALE["float32"]
    body, functions = mrg_kernel(np.dtype(op.dtype), op.ndim, scale)
    return CKernel(body, functions, fallible=True, heavy=True, weight=8)


@c_impl.register
def philox_c(op: PhiloxUniform, node: Apply) -> Answer:
    """Blocks side by side."""
    body, functions = philox_kernel(np.dtype(op.dtype), op.ndim)
    return CKernel(body, functions, fallible=True, heavy=True, weight=8)
