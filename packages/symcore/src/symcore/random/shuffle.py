"""Shuffled rows, for every kind of streams that draws permutations."""

from typing import Any

from symcore.tensor.constant import as_tensor
from symcore.tensor.creation import arange
from symcore.tensor.shapes import shape_i
from symcore.tensor.subtensor import getitem


def shuffled_rows(streams: Any, input: Any) -> Any:
    """Return ``input`` with the elements of every row (along the last axis) in an order of its own.

    The result has the attributes ``rng`` and ``update`` of the permutations, drawn from ``streams``. Raises
    ``ValueError`` for a scalar.
    """
    x = as_tensor(input)
    if not x.type.ndim:
        raise ValueError("shuffle_row_elements needs a tensor of at least one dimension.")
    lengths = [shape_i(x, i) for i in range(x.type.ndim)]
    order = streams.permutation(size=tuple(lengths[:-1]), n=lengths[-1])
    rows = [
        arange(n).dimshuffle(*[0 if a == i else "x" for a in range(x.type.ndim)]) for i, n in enumerate(lengths[:-1])
    ]
    shuffled = getitem(x, (*rows, order))
    shuffled.rng, shuffled.update = order.rng, order.update
    return shuffled
