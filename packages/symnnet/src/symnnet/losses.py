"""Losses: cross-entropies of two classes and of many."""

from typing import Any

from symcore.tensor.constant import as_tensor
from symcore.tensor.creation import alloc
from symcore.tensor.join import join
from symcore.tensor.reductions import argmax, max
from symcore.tensor.scalar_functions import log, softplus
from symcore.tensor.shapes import shape_i
from symnnet.activations import softmax
from symnnet.crossentropy import CrossentropyCategorical1Hot, CrossentropySoftmax1hot

__all__ = [
    "binary_crossentropy", "categorical_crossentropy", "crossentropy_categorical_1hot", "crossentropy_softmax_1hot",
    "crossentropy_softmax_1hot_with_bias", "crossentropy_softmax_argmax_1hot_with_bias",
    "crossentropy_softmax_max_and_argmax_1hot", "crossentropy_softmax_max_and_argmax_1hot_with_bias",
    "prepend_0_to_each_row", "prepend_1_to_each_row", "prepend_scalar_to_each_row", "sigmoid_binary_crossentropy",
]  # fmt: skip


def binary_crossentropy(output: Any, target: Any) -> Any:
    """Return ``-(target log(output) + (1 - target) log(1 - output))`` elementwise; probabilities in [0, 1].

    Infinite where an output of exactly 0 or 1 is wrong. Where ``output`` is a sigmoid, ``sigmoid_binary_crossentropy``
    of its argument is safe, and the compiler turns this one into it.
    """
    output, target = as_tensor(output), as_tensor(target)
    return -(target * log(output) + (1 - target) * log(1 - output))


def sigmoid_binary_crossentropy(output: Any, target: Any) -> Any:
    """Return ``binary_crossentropy(sigmoid(output), target)`` elementwise, right for an ``output`` of any size.

    It is ``target softplus(-output) + (1 - target) softplus(output)``: nothing overflows, and nothing cancels in the
    value or in its derivative for targets in [0, 1].
    """
    output, target = as_tensor(output), as_tensor(target)
    return target * softplus(-output) + (1 - target) * softplus(output)


def categorical_crossentropy(coding_dist: Any, true_dist: Any) -> Any:
    """Return the cross-entropy of each row of probabilities ``coding_dist`` under ``true_dist``: a vector.

    Parameters
    ----------
    coding_dist
        A float matrix (examples, classes); what ``softmax`` gives. The compiler fuses both.
    true_dist
        An integer vector with the right class of each row, or a matrix of probabilities (or one-hot rows).

    Raises
    ------
    TypeError
        For other ranks.
    ValueError, IndexError
        At run time, for as many classes as there are no rows, and for a class out of bounds.
    """
    p, target = as_tensor(coding_dist), as_tensor(true_dist)
    if target.type.ndim == p.type.ndim:
        return -(target * log(p)).sum(axis=p.type.ndim - 1)
    if target.type.ndim == p.type.ndim - 1:
        return crossentropy_categorical_1hot(p, target)
    raise TypeError(
        f"categorical_crossentropy needs a matrix of probabilities and either a matrix of the same kind or an integer "
        f"vector of classes, got {p.type} and {target.type}."
    )


def crossentropy_categorical_1hot(coding_dist: Any, true_one_of_n: Any) -> Any:
    """Return ``-log(coding_dist[i, true_one_of_n[i]])`` for each row ``i`` of a matrix of probabilities."""
    return CrossentropyCategorical1Hot()(coding_dist, true_one_of_n)


def crossentropy_softmax_1hot(x: Any, y_idx: Any) -> list[Any]:
    """Return ``[-log(softmax(x))[i, y_idx[i]] for each row i, softmax(x)]``. A vector ``x`` is taken as one row."""
    x = as_tensor(x)
    if x.type.ndim == 1:
        x = x.dimshuffle("x", 0)
    y = as_tensor(y_idx)
    if y.type.ndim == 0:
        y = y.dimshuffle("x")
    return [CrossentropySoftmax1hot()(x, y), softmax(x)]


def crossentropy_softmax_1hot_with_bias(x: Any, b: Any, y_idx: Any) -> list[Any]:
    """Return ``crossentropy_softmax_1hot(x + b, y_idx)``."""
    return crossentropy_softmax_1hot(as_tensor(x) + b, y_idx)


def crossentropy_softmax_argmax_1hot_with_bias(x: Any, b: Any, y_idx: Any) -> list[Any]:
    """Return the cross-entropy of each row of ``x + b``, its softmax, and the class it would choose.

    ``x``: a float matrix of scores; ``b``: a vector; ``y_idx``: an integer vector, the right class of each row.
    """
    scores = as_tensor(x) + b
    return [*crossentropy_softmax_1hot(scores, y_idx), argmax(scores, axis=-1)]


def crossentropy_softmax_max_and_argmax_1hot(x: Any, y_idx: Any) -> list[Any]:
    """Return the cross-entropy of each row of ``x``, its softmax, the largest probability and its class.

    ``x``: a float matrix of scores; ``y_idx``: an integer vector, the right class of each row.
    """
    x = as_tensor(x)
    nll, p = crossentropy_softmax_1hot(x, y_idx)
    return [nll, p, max(p, axis=-1), argmax(x, axis=-1)]


def crossentropy_softmax_max_and_argmax_1hot_with_bias(x: Any, b: Any, y_idx: Any) -> list[Any]:
    """Return ``crossentropy_softmax_max_and_argmax_1hot(x + b, y_idx)``."""
    return crossentropy_softmax_max_and_argmax_1hot(as_tensor(x) + b, y_idx)


def prepend_scalar_to_each_row(val: Any, mat: Any) -> Any:
    """Return the matrix ``mat`` with one more column on the left, filled with the scalar ``val``."""
    mat, val = as_tensor(mat), as_tensor(val)
    if mat.type.ndim != 2 or val.type.ndim:
        raise TypeError(f"prepend_scalar_to_each_row needs a scalar and a matrix, got {val.type} and {mat.type}.")
    column = alloc(val.astype(mat.type.dtype), shape_i(mat, 0), 1)
    return join(1, column, mat)


def prepend_0_to_each_row(mat: Any) -> Any:
    """Return the matrix ``mat`` with a column of zeros on its left."""
    return prepend_scalar_to_each_row(0, mat)


def prepend_1_to_each_row(mat: Any) -> Any:
    """Return the matrix ``mat`` with a column of ones on its left."""
    return prepend_scalar_to_each_row(1, mat)
