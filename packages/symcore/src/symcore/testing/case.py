"""``OpCase``: an Op with inputs to try it on."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symcore.graph.variable import Constant
from symcore.op import Op
from symcore.tensor.elemwise import ScalarFn
from symcore.tensor.type import TensorType


class OpCase:
    """An Op, values to apply it to, and what may be asked of it there.

    Parameters
    ----------
    op
        The Op, or a scalar function (which stands for its ``Elemwise``).
    inputs
        One value per input: arrays or numbers; a ``Constant`` stands for a value of another type. Derivatives are
        checked by finite differences, so the Op has to be smooth around float inputs, or ``grad=False``.
    shapes
        Static shape per input; ``None``: no length is known. (Every case is also tried with all lengths known.)
    dtypes
        Float dtypes to try: float64 inputs are cast to each.
    grad
        Check ``L_op`` and ``R_op``.
    same_jacobian
        ``L_op`` and ``R_op`` belong to one Jacobian, that of ``perform``. ``False`` for Ops made to bend gradients.
    undefined
        Inputs whose gradient is declared undefined (``NullType``).
    unconnected
        Float outputs that are declared to have no gradient at all (``connection_pattern``), though they move.
    layouts
        Try inputs in Fortran order, sliced and reversed.
    expected
        NumPy function of the inputs that gives the outputs.
    values
        Compare the values of the outputs; ``False`` for uninitialised memory.
    tol
        Relative error allowed of derivatives against finite differences, in float64.
    plain
        The parameters of the Op are plain data that can be written to JSON.
    name
        What the case is called in reports.
    """

    def __init__(
        self,
        op: Op | ScalarFn,
        *inputs: Any,
        shapes: Sequence[Any] | None = None,
        dtypes: Sequence[str] = ("float64", "float32"),
        grad: bool = True,
        same_jacobian: bool = True,
        undefined: Sequence[int] = (),
        unconnected: Sequence[int] = (),
        layouts: bool = True,
        expected: Callable[..., Any] | None = None,
        values: bool = True,
        tol: float = 1e-6,
        plain: bool = True,
        name: str = "",
    ):
        self.op: Op = op.op if isinstance(op, ScalarFn) else op
        self.inputs: list[Any] = [x if isinstance(x, Constant) else np.asarray(x) for x in inputs]
        self.shapes = [(None,) * np.ndim(x) for x in self.inputs] if shapes is None else [tuple(s) for s in shapes]
        self.dtypes = dtypes if any(_is_float64(x) for x in self.inputs) else ("float64",)
        self.grad = grad
        self.same_jacobian = same_jacobian
        self.undefined = set(undefined)
        self.unconnected = set(unconnected)
        self.layouts = layouts
        self.expected = expected
        self.values = values
        self.tol = tol
        self.plain = plain
        self.name = name

    def arrays(self, dtype: str) -> list[Any]:
        """Return the inputs, float64 ones as ``dtype``."""
        values = [x.data if isinstance(x, Constant) else x for x in self.inputs]
        return [x.astype(dtype) if _is_float64(x) else x for x in values]

    def variables(self, arrays: Sequence[Any], static: bool) -> list[Any]:
        """Return input variables for ``arrays``, with all lengths known or as the case has them."""
        return [
            given.type(f"in{k}")
            if isinstance(given, Constant)
            else TensorType(x.dtype, x.shape if static else shape)(f"in{k}")
            for k, (given, x, shape) in enumerate(zip(self.inputs, arrays, self.shapes, strict=True))
        ]

    def __repr__(self) -> str:
        shown = [str(x.type) if isinstance(x, Constant) else f"{x.dtype}{list(x.shape)}" for x in self.inputs]
        return f"{self.name or self.op}({', '.join(shown)})"


def is_array(x: Any) -> bool:
    """Tell whether a value is an array or a number of NumPy, and not of a type of its own."""
    return isinstance(x, (np.ndarray, np.generic))


def _is_float64(x: Any) -> bool:
    return is_array(x) and x.dtype == np.float64
