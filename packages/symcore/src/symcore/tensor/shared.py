"""``shared()``: variables whose value persists."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from symcore.config import config
from symcore.graph.generic import shared_generic
from symcore.graph.shared import SharedVariable
from symcore.graph.variable import Variable
from symcore.tensor import dtypes
from symcore.tensor.exchange import as_array, is_array, is_lent
from symcore.tensor.type import TensorType

#: Constructors tried before the one for arrays: ``(value, name, strict, allow_downcast, borrow, target) -> variable``
#: or ``None``. Device packages and other types add theirs.
constructors: list[Callable[..., SharedVariable[Any] | None]] = []
#: Where values of other libraries come from -> the module that adds the constructor for them, imported at the first.
_LATER = {"scipy.sparse": "symcore.sparse"}


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
    """Return a shared variable holding ``value``: an array, a number, or any other Python object.

    The type for an array has its dtype and number of dimensions; no length is fixed unless ``shape`` (or
    ``broadcastable``) says so. What is neither an array nor a number (a list, a dictionary, text, ``None`` ...) is held
    as it is, under the type ``Generic``: Ops that take Python objects can use it. Make it an array, or a list of
    tensors an ``np.stack``, to compute with it. The value is copied unless ``borrow``.
    ``target``: the device that holds it, by default ``config.device``.

    Raises ``TypeError`` for a symbolic variable, and for a shape, ``strict`` or ``allow_downcast`` given with an object
    that is no array.
    """
    if target or config.device != "cpu":
        from symcore import plugins

        plugins.load("symstack.shared")
    for library, module in _LATER.items():
        if type(value).__module__.startswith(library):
            import_module(module)
    for constructor in constructors:
        made = constructor(value, name=name, strict=strict, allow_downcast=allow_downcast, borrow=borrow, target=target)
        if made is not None:
            return made
    array_like = isinstance(value, (bool, int, float, complex)) or is_array(value)
    if not array_like or isinstance(value, Variable):
        if shape is not None or broadcastable is not None or strict or allow_downcast is not None:
            raise TypeError(
                f"shape, broadcastable, strict and allow_downcast are for arrays and numbers; shared() got {value!r} "
                f"({type(value).__name__}). Make it an array first: shared(np.asarray(value))."
            )
        return shared_generic(value, name, borrow)
    array = _array(value)
    if shape is None:
        shape = [None] * array.ndim if broadcastable is None else [1 if b else None for b in broadcastable]
    ttype = TensorType(array.dtype, shape)
    if not borrow and is_lent(array, value):
        array = array.copy()
    return ttype.shared_class(ttype, array, name=name, strict=strict, allow_downcast=allow_downcast)


def _array(value: Any) -> Any:
    """Return a number or an array as an array; numbers of Python become int64 (or uint64) and ``floatX``."""
    if isinstance(value, int) and not isinstance(value, (bool, np.generic)):
        return np.asarray(value, dtype=np.int64 if value <= np.iinfo(np.int64).max else np.uint64)
    if isinstance(value, float) and not isinstance(value, np.generic):
        return np.asarray(value, dtype=dtypes.as_dtype("floatX"))
    return as_array(value)
