"""The Op: mathematics only. It knows neither its rule nor its C."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.variable import Apply
from symcore.op import Op
from symcore.tensor import as_tensor


class Horner(Op):
    """The polynomial ``c[0] + c[1] x + ... + c[n] x**n`` of every element of ``x``, by Horner's scheme.

    ``x`` is a tensor of floats of any shape; the output has its shape and its dtype.

    Raises ``ValueError`` when there is no coefficient, ``TypeError`` when ``x`` does not hold floats.
    """

    coefficients: tuple[float, ...]

    def make_node(self, x: Any) -> Apply:
        x = as_tensor(x)
        if not self.coefficients:
            raise ValueError("Horner needs at least one coefficient, got none: the zero polynomial is Horner((0.0,)).")
        if np.dtype(x.type.dtype).kind != "f":
            raise TypeError(f"{self} needs a tensor of floats, got {x.type}. Cast it first: x.astype('float64').")
        return Apply(self, [x], [x.type()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Any]) -> Sequence[Any]:
        return input_shapes

    def perform(self, node: Apply, x: Any) -> Any:
        # In place on a new array: a Python float then never raises the precision, nor turns 0-d arrays into scalars.
        result = np.full_like(x, self.coefficients[-1])
        for coefficient in self.coefficients[-2::-1]:
            result *= x
            result += coefficient
        return result

    def inplace(self, node: Apply) -> dict[int, tuple[int, ...]]:
        return {0: (0,)}  # element by element: an output may take over the memory of the input

    def derivative(self) -> "Horner":
        """The Op of the derivative: ``n * c[n]`` for every power, the zero polynomial for a constant."""
        powers = enumerate(self.coefficients)
        return Horner(tuple(power * coefficient for power, coefficient in powers)[1:] or (0.0,))

    def L_op(self, inputs: Sequence[Any], outputs: Sequence[Any], output_grads: Sequence[Any]) -> list[Any]:
        [x], [gradient] = inputs, output_grads
        return [gradient * self.derivative()(x)]

    def R_op(self, inputs: Sequence[Any], outputs: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
        return [None] if tangents[0] is None else self.L_op(inputs, outputs, tangents)  # elementwise: diagonal Jacobian
