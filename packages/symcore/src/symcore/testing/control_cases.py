"""The cases of the Ops that choose between graphs or contain them."""

from typing import Any

import numpy as np

from symcore.from_graph import OpFromGraph
from symcore.ifelse import IfElse
from symcore.tensor.elemwise import TABLE
from symcore.tensor.products import Dot
from symcore.tensor.subtensor import Nonzero
from symcore.tensor.type import TensorType
from symcore.testing.case import OpCase
from symcore.vectorize.blockwise import Blockwise

_rng = np.random.default_rng(2)


def _normal(*shape: int) -> Any:
    return _rng.normal(size=shape)


def steeper(inputs: Any, output_grads: Any) -> list[Any]:
    """A gradient that is not that of the graph."""
    return [output_grads[0] * 3.0, output_grads[0].sum()]


def tanh_by_its_value(inputs: Any, outputs: Any, output_grads: Any) -> Any:
    """The gradient of ``tanh(x) * s`` with respect to ``x``, from the output."""
    [_, s], [y], [g] = inputs, outputs, output_grads
    return g * (s - y * y / s)


def _scaled_tanh(**options: Any) -> OpFromGraph:
    x, s = TensorType("float64", (None,))(), TensorType("float64", ())()
    return OpFromGraph([x, s], [TABLE["tanh"](x) * s], **options)


def _choices() -> list[OpCase]:
    yes, no = np.array(True), np.array(0, dtype="int8")
    return [
        OpCase(IfElse(1), yes, _normal(3), _normal(4), expected=lambda c, a, b: a),
        OpCase(IfElse(1), no, _normal(3), _normal(4), expected=lambda c, a, b: b),
        OpCase(
            IfElse(1), np.float64(0.5), _normal(2, 0), _normal(2, 0), expected=lambda c, a, b: a, same_jacobian=False
        ),
        OpCase(
            IfElse(1), yes, np.array([1, 2], dtype="int8"), np.array([3, 4], dtype="int32"), expected=lambda c, a, b: a
        ),
        OpCase(
            IfElse(2), no, _normal(3), _normal(1, 2), _normal(3), _normal(2, 2), expected=lambda c, a, b, d, e: (d, e)
        ),
    ]


def _graphs() -> list[OpCase]:
    x, y = TensorType("float64", (None, None))(), TensorType("float64", (None,))()
    several = OpFromGraph([x, y], [x * y, x.sum(), x.T], name="several")
    nested = OpFromGraph([x, y], [TABLE["exp"](several(x, y)[0]).sum(axis=0), y])
    options: dict[str, Any] = {"dtypes": ("float64",), "plain": False}
    return [
        OpCase(several, _normal(3, 4), _normal(4), expected=lambda x, y: (x * y, x.sum(), x.T), **options),
        OpCase(several, _normal(0, 4), _normal(4), **options),
        OpCase(nested, _normal(3, 4), _normal(4), expected=lambda x, y: (np.exp(x * y).sum(0), y), **options),
        OpCase(_scaled_tanh(lop_overrides=[tanh_by_its_value, None]), _normal(5), np.float64(1.7), **options),
        OpCase(_scaled_tanh(grad_overrides=steeper), _normal(5), np.float64(1.7), same_jacobian=False, **options),
    ]


def _batches() -> list[OpCase]:
    options: dict[str, Any] = {"dtypes": ("float64",), "plain": False}
    scaled = _scaled_tanh()
    return [
        OpCase(Blockwise(Dot(), (True, True)), _normal(3, 2), _normal(3, 2),
               expected=lambda a, b: (a * b).sum(1), **options),
        OpCase(Blockwise(Dot(), (False, True)), _normal(4, 2), _normal(3, 2), expected=lambda a, b: b @ a.T, **options),
        OpCase(Blockwise(Dot(), (True, False)), _normal(0, 4, 2), _normal(2), **options),
        OpCase(Blockwise(scaled, (True, False)), _normal(3, 4), np.float64(1.5),
               expected=lambda a, s: np.tanh(a) * s, **options),
        OpCase(Blockwise(scaled, (False, True)), _normal(4), _normal(3),
               expected=lambda a, s: np.tanh(a) * s[:, None], **options),
        OpCase(Blockwise(TABLE["sgn"].op, (True,)), _normal(3, 4), expected=np.sign, **options),
        OpCase(Blockwise(Nonzero(), (True,)), np.array([[1, 0, 2], [0, 3, 4]]),
               expected=lambda x: np.array([[0, 2], [1, 2]]), **options),
    ]  # fmt: skip


CASES: list[OpCase] = [*_choices(), *_graphs(), *_batches()]
