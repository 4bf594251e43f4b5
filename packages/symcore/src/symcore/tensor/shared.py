"""``shared()``: variables whose value persists."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symcore.config import config
from symcore.graph.shared import SharedVariable
from symcore.tensor import dtypes
from symcore.tensor.type import TensorType

#: Constructors tried before the one for arrays: ``(value, name, strict, allow_downcast, borrow, target) -> variable``
#: or ``None``. Device packages and other types add theirs.
constructors: list[Callable[..., SharedVariable[Any] | None]] = []


def shared(
    value: Any,
    name: str | None = None,
    strict: bool = False,
    allow_downcast: bool | None = None,
    borrow: bool = False,
    broadcastable: Sequence[bool] | None = None,
    target: str | None = None,
    shape: Sequence[int | None] | None = None,
) -> Any:
    """Return a shared variable holding ``value``: an array or a number.

    Its type has the dtype and the number of dimensions of the value; no length is fixed unless ``shape`` (or
    ``broadcastable``) says so. The value is copied unless ``borrow``. Raises ``TypeError`` for lists and other objects
    that are neither arrays nor numbers.
    """
    if target or config.device != "cpu":
        from symcore import plugins

        plugins.load("symstack.shared")
    for constructor in constructors:
        made = constructor(value, name=name, strict=strict, allow_downcast=allow_downcast, borrow=borrow, target=target)
        if made is not None:
            return made
    if not isinstance(value, (np.ndarray, np.generic, bool, int, float, complex)) and not hasattr(value, "__array__"):
        raise TypeError(
            f"shared() takes an array or a number, got {value!r} ({type(value).__name__}). "
            "Make it an array first: shared(np.asarray(value))."
        )
    if isinstance(value, int) and not isinstance(value, (bool, np.generic)):
        array = np.asarray(value, dtype=np.int64 if value <= np.iinfo(np.int64).max else np.uint64)
    elif isinstance(value, float) and not isinstance(value, np.generic):
        array = np.asarray(value, dtype=dtypes.as_dtype("floatX"))
    else:
        array = np.asarray(value)
    if shape is None:
        shape = [None] * array.ndim if broadcastable is None else [1 if b else None for b in broadcastable]
    ttype = TensorType(array.dtype, shape)
    if array is value and not borrow:
        array = array.copy()
    return ttype.shared_class(ttype, array, name=name, strict=strict, allow_downcast=allow_downcast)
