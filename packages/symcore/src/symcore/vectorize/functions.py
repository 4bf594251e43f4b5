"""``vectorize``: a function of one entry, as a function of batches."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from symcore.tensor.constant import as_tensor
from symcore.tensor.type import TensorType
from symcore.vectorize.graph import vectorize_graph


def vectorize(function: Callable[..., Any], batched: Sequence[bool] | None = None) -> Callable[..., Any]:
    """Return a function of batches that does for every entry what ``function`` does for one.

    Parameters
    ----------
    function
        Takes symbolic tensors, returns one or a list or tuple of them.
    batched
        Which arguments are batches, with the entries along their first axis; by default all. The others go to
        ``function`` as they are, the same for every entry.

    Returns
    -------
    A function that takes tensors (or arrays) and returns what ``function`` does, with the batch as a first axis
    wherever a result depends on one. Batches of one call have equal lengths. Applied twice, it takes batches of those.

    Raises
    ------
    TypeError
        When called with another number of arguments than ``batched`` has, or with a batch that has no axis.

    Examples
    --------
    >>> from symcore import tensor as T
    >>> from symcore.vectorize import vectorize
    >>> distance = lambda p, q: T.sqrt(((p - q) ** 2).sum())  # of two points
    >>> points, origin = T.dmatrix("points"), T.dvector("origin")
    >>> to_origin = vectorize(distance, batched=[True, False])(points, origin)
    >>> to_origin.eval({points: [[3.0, 4.0], [6.0, 8.0]], origin: [0.0, 0.0]})
    array([ 5., 10.])

    All pairs, by a batch inside a batch:

    >>> rows = lambda p: vectorize(distance, batched=[False, True])(p, points)
    >>> vectorize(rows)(points).eval({points: [[0.0, 0.0], [3.0, 4.0]]})
    array([[0., 5.],
           [5., 0.]])
    """

    @functools.wraps(function)
    def over_batches(*arguments: Any) -> Any:
        flags = [True] * len(arguments) if batched is None else list(batched)
        if len(flags) != len(arguments):
            raise TypeError(f"batched says of {len(flags)} arguments whether they are batches, got {len(arguments)}.")
        if not any(flags):
            return function(*arguments)
        given = [as_tensor(x) if b else x for x, b in zip(arguments, flags, strict=True)]
        entries = [_entry(x, k) if b else x for k, (x, b) in enumerate(zip(given, flags, strict=True))]
        replaced = {e: x for e, x, b in zip(entries, given, flags, strict=True) if b}
        return vectorize_graph(function(*entries), replaced)

    return over_batches


def _entry(batch: Any, position: int) -> Any:
    if not batch.type.ndim:
        raise TypeError(f"argument {position} is to be a batch, so it needs an axis for the entries; got {batch.type}.")
    return TensorType(batch.type.dtype, batch.type.shape[1:])(batch.name)
