"""``vectorize_graph``: what a graph does for one value, for a batch of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from symcore.graph.variable import Variable
from symcore.tensor.shapes import Reshape, SpecifyShape, shape_i
from symcore.tensor.type import TensorType
from symcore.vectorize.blockwise import RULES
from symcore.vectorize.dispatch import has_batch, walk

__all__ = ["RULES", "vectorize_graph"]


def vectorize_graph(outputs: Any, replace: Mapping[Any, Any]) -> Any:
    """Return ``outputs`` computed for every entry of batches that take the places of some variables.

    Parameters
    ----------
    outputs
        A variable, or a list or tuple of them.
    replace
        ``{variable: batch}``: a batch has the dtype of its variable and one or more axes before those of it, equally
        many in all batches and of equal lengths. Variables that are not named are the same for every entry.

    Returns
    -------
    Outputs of shape ``batch axes + shape for one entry``; those that depend on none of the replaced variables (or
    only on their shapes) as they were. Nothing loops where the Ops on the way have a rule (elementwise, shapes,
    reductions, products, indexing, sorting, running sums, linear algebra, choices and graphs made of these); for the
    others ``Blockwise`` runs the Op entry by entry.

    Raises
    ------
    TypeError
        For a batch of another dtype, or of a type that has no axes.
    ValueError
        For batches without or with different numbers of batch axes.

    Examples
    --------
    >>> from symcore import tensor as T
    >>> from symcore.vectorize import vectorize_graph
    >>> x, xs = T.dvector("x"), T.dmatrix("xs")
    >>> norms = vectorize_graph(T.sqrt((x * x).sum()), {x: xs})
    >>> norms.eval({xs: [[3.0, 4.0], [5.0, 12.0]]})
    array([ 5., 13.])
    """
    if not isinstance(replace, Mapping):
        raise TypeError(f"vectorize_graph takes a dictionary {{variable: batch}}, got {replace!r}.")
    wanted = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    count = _batch_axes(replace)
    lead: list[Any] = []
    for i in range(count):
        known = [b for b in replace.values() if b.type.shape[i] is not None]
        lead.append(shape_i((known or list(replace.values()))[0], i))
    mapping = {x: _one_batch_axis(x, batch, lead) for x, batch in replace.items()}
    results = [
        _apart(new, lead) if has_batch(new, old) else new
        for old, new in zip(wanted, walk(wanted, mapping), strict=True)
    ]
    return type(outputs)(results) if isinstance(outputs, (list, tuple)) else results[0]


def _batch_axes(replace: Mapping[Any, Any]) -> int:
    counts = set()
    for x, batch in replace.items():
        for v in (x, batch):
            if not isinstance(v, Variable) or not isinstance(v.type, TensorType):
                raise TypeError(f"vectorize_graph puts tensors in the place of tensors, got {v!r} in {{{x}: {batch}}}.")
        if batch.type.dtype != x.type.dtype:
            raise TypeError(f"the batch for {x} must be of dtype {x.type.dtype}, got {batch.type}. Cast it first.")
        counts.add(batch.type.ndim - x.type.ndim)
    if len(counts) != 1 or min(counts) < 1:
        shown = ", ".join(f"{x} ({x.type}): {batch.type}" for x, batch in replace.items())
        raise ValueError(
            f"all batches need the same number of axes before those of their variable, at least one; got {{{shown}}}."
        )
    return int(counts.pop())


def _one_batch_axis(x: Any, batch: Any, lead: Sequence[Any]) -> Any:
    """Return a batch with its batch axes merged, and with what is known of the shape of an entry."""
    count = len(lead)
    if count > 1:
        total = lead[0]
        for n in lead[1:]:
            total = total * n
        batch = Reshape(1 + x.type.ndim)(batch, total, *[shape_i(batch, i) for i in range(count, batch.type.ndim)])
    if not x.type.is_super(TensorType(batch.type.dtype, batch.type.shape[1:])):
        batch = SpecifyShape((None, *x.type.shape))(batch)
    return batch


def _apart(result: Any, lead: Sequence[Any]) -> Any:
    if len(lead) == 1:
        return result
    own = [shape_i(result, i) for i in range(1, result.type.ndim)]
    return Reshape(len(lead) + len(own))(result, *lead, *own)
