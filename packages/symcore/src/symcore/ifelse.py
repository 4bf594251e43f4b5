"""``ifelse``: a choice between two values by a scalar condition; only the one that is wanted need be computed."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.null import disconnected
from symcore.graph.variable import Apply, Variable
from symcore.op import Op, Shape
from symcore.tensor import dtypes
from symcore.tensor.constant import as_tensor, as_tensors
from symcore.tensor.scalar_functions import neq, switch
from symcore.tensor.type import TensorType


class IfElse(Op):
    """Choose ``n_outs`` values by a scalar. Inputs: ``(condition, *then, *otherwise)``.

    ``T.switch`` chooses element by element and needs both sides; this chooses whole values. ``perform`` is given
    both; a virtual machine may leave the side that is not taken uncomputed. ``grad`` differentiates a side so that its
    gradient, too, is only asked for where the side is taken (``symcore.gradient.choices``); ``L_op`` tells of this
    node alone: a side gets the gradient, or zeros.
    """

    n_outs: int

    def make_node(self, *inputs: Any) -> Apply:
        if len(inputs) != 1 + 2 * self.n_outs:
            raise TypeError(
                f"{self} takes a condition and {self.n_outs} values for either side, got {len(inputs)} inputs."
            )
        condition = as_tensor(inputs[0])
        if condition.type.ndim:
            raise TypeError(
                f"the condition of ifelse must be a scalar, got {condition} of type {condition.type}. Reduce it "
                "with T.all or T.any, or choose element by element with T.switch."
            )
        pairs = [_matched(k, a, b) for k, (a, b) in enumerate(zip(*self.sides(inputs[1:]), strict=True))]
        return Apply(
            self, [condition, *(a for a, _, _ in pairs), *(b for _, b, _ in pairs)], [t() for _, _, t in pairs]
        )

    def sides(self, values: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Return the two halves of what belongs to the inputs after the condition: if true, otherwise."""
        return values[: self.n_outs], values[self.n_outs :]

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape | None]:
        condition = node.inputs[0]
        truth = condition if condition.type.dtype.kind == "b" else neq(condition, 0)
        return [
            tuple(_length(truth, m, n) for m, n in zip(a, b, strict=True)) if isinstance(y.type, TensorType) else None
            for y, a, b in zip(node.outputs, *self.sides(input_shapes[1:]), strict=True)
        ]

    def perform(self, node: Apply, condition: Any, *values: Any) -> Any:
        chosen = values[: self.n_outs] if condition else values[self.n_outs :]
        results = tuple(v.copy() if isinstance(v, np.ndarray) else v for v in chosen)
        return results if self.n_outs > 1 else results[0]

    def taken(self, condition: Any) -> list[int]:
        """Return the positions of the inputs whose values become the outputs, for a value of the condition."""
        start = 1 if condition else 1 + self.n_outs
        return list(range(start, start + self.n_outs))

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        own = [[i == k for k in range(self.n_outs)] for i in range(self.n_outs)]
        return [[False] * self.n_outs, *own, *own]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        condition = inputs[0]
        terms: list[list[Any]] = [[], []]
        for g, a, b in zip(output_grads, *self.sides(inputs[1:]), strict=True):
            for side, x in enumerate((a, b)):
                if getattr(g.type, "dtype", None) is None or not hasattr(x, "zeros_like"):
                    terms[side].append(disconnected())
                    continue
                zero = x.zeros_like(dtype=g.type.dtype)
                terms[side].append(ifelse(condition, *((g, zero) if side == 0 else (zero, g))))
        return [disconnected(), *terms[0], *terms[1]]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        results: list[Any] = []
        for a, b, u, v in zip(*self.sides(inputs[1:]), *self.sides(tangents[1:]), strict=True):
            if u is None and v is None:
                results.append(None)
                continue
            u, v = (x.zeros_like() if t is None else t for x, t in ((a, u), (b, v)))
            results.append(ifelse(inputs[0], u, v))
        return results

    def __str__(self) -> str:
        return "IfElse" if self.n_outs == 1 else f"IfElse{{{self.n_outs}}}"


def _length(truth: Any, m: Any, n: Any) -> Any:
    """The length of what is chosen; the same on both sides where it can be seen to be."""
    if m is n or (isinstance(m, int) and isinstance(n, int) and m == n):
        return m
    return switch(truth, as_tensor(m).astype("int64"), as_tensor(n).astype("int64"))


def _matched(position: int, a: Any, b: Any) -> tuple[Any, Any, Any]:
    """Return both sides of one output with their common type. Raises ``TypeError`` when there is none."""
    if not all(isinstance(v, Variable) and not isinstance(v.type, TensorType) for v in (a, b)):
        try:
            a, b = as_tensors([a, b])
        except TypeError as error:
            raise TypeError(f"ifelse cannot choose between {a} and {b} (output {position}): {error}") from None
    if a.type == b.type:
        return a, b, a.type
    if not isinstance(a.type, TensorType) or a.type.ndim != b.type.ndim:
        raise TypeError(
            f"ifelse chooses between values of one type; for output {position} it got {a.type} if true and {b.type} if "
            "false. Give both sides the same number of dimensions (x.dimshuffle, T.reshape)."
        )
    dtype = dtypes.upcast(a.type.dtype, b.type.dtype)
    shape = [m if m == n else None for m, n in zip(a.type.shape, b.type.shape, strict=True)]
    return a.astype(dtype), b.astype(dtype), TensorType(dtype, shape)


def ifelse(condition: Any, then_branch: Any, else_branch: Any, name: str | None = None) -> Any:
    """Return ``then_branch`` where the scalar ``condition`` is not zero, else ``else_branch``.

    Parameters
    ----------
    condition
        A scalar of any dtype; NaN counts as true, as it does in Python.
    then_branch, else_branch
        A value each, or two lists of equal length. Two values that belong together must have the same number of
        dimensions; differing dtypes are cast to the common one, and lengths that differ are not known of the result.
    name
        The name of the result; of several results ``name_0``, ``name_1`` ...

    Returns
    -------
    A variable, or a list where lists were given. Only the side that is taken is computed where the virtual machine
    can do so (the one of Python does).

    Raises
    ------
    TypeError
        When the condition is no scalar, or the two sides cannot have one type.
    ValueError
        When the lists differ in length.
    """
    several = isinstance(then_branch, (list, tuple)) or isinstance(else_branch, (list, tuple))
    sides = [list(v) if isinstance(v, (list, tuple)) else [v] for v in (then_branch, else_branch)]
    if len(sides[0]) != len(sides[1]) or not sides[0]:
        raise ValueError(
            f"ifelse needs as many values if true as if false, and at least one; got {len(sides[0])} and "
            f"{len(sides[1])}."
        )
    outputs = IfElse(len(sides[0])).make_node(condition, *sides[0], *sides[1]).outputs
    if name is not None:
        for k, y in enumerate(outputs):
            y.name = f"{name}_{k}" if several else name
    return outputs if several else outputs[0]
