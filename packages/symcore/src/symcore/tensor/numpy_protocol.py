"""NumPy's functions applied to symbolic tensors build graph: the two protocols by which NumPy asks its arguments.

``np.exp(x)`` and ``np.ones(3) + x`` come in through ``__array_ufunc__`` (NEP 13), ``np.concatenate([x, y])`` and
``np.linalg.inv(x)`` through ``__array_function__`` (NEP 18). What has no twin in the tensor language, and arguments
such as ``out=`` that have no meaning for a graph, raise ``TypeError`` saying so.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from symcore.graph.variable import Variable
from symcore.tensor.constant import as_tensor
from symcore.tensor.numpy_twins import ACCUMULATE, REDUCE, UFUNCS, Parameter, Twin, functions
from symcore.tensor.reduce import normalize_axis
from symcore.tensor.type import TensorType

_MODULES = {"here": "symcore.tensor.numpy_compositions", "linalg": "symcore.linalg.nlinalg"}
#: Arguments of every ufunc, with the values that change nothing.
_NEUTRAL = {"where": True, "casting": "same_kind", "order": "K", "subok": True, "keepdims": False}


def resolve(target: str) -> Any:
    """Return the function that a name in the tables stands for."""
    module, _, name = target.rpartition(".")
    return getattr(import_module(_MODULES.get(module, "symcore.tensor")), name)


def _ours(value: Any) -> bool:
    """Tell whether a value can stand in an expression: what other libraries bring along must get a chance itself."""
    if isinstance(value, Variable):
        return isinstance(value.type, TensorType)
    if isinstance(value, (np.ndarray, np.generic, bool, int, float, complex, list, tuple)):
        return True
    return not hasattr(value, "__array_ufunc__")


# ---------------------------------------------------------------------- ufuncs


def apply_ufunc(ufunc: np.ufunc, method: str, inputs: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Answer ``ufunc.method(*inputs, **kwargs)`` with graph; ``NotImplemented`` if an input is of another library.

    Raises ``TypeError`` for a ufunc without a twin, for the methods ``at`` and ``reduceat``, and for ``out=``,
    ``where=`` and other arguments that a graph cannot follow.
    """
    name = ufunc.__name__
    if not all(_ours(v) for v in inputs):
        return NotImplemented
    if method == "at" or not _changes_nothing("out", kwargs.get("out")):
        raise TypeError(
            f"np.{name}{'.at' if method == 'at' else ''} cannot write a symbolic result into an array: leave out= out, "
            "or use y = T.inc_subtensor(x[index], value)."
        )
    if method == "__call__":
        _refuse(f"np.{name}", {k: v for k, v in kwargs.items() if not _changes_nothing(k, v)})
        return _function(UFUNCS, ufunc, "")(*inputs)
    if method == "outer":
        _refuse(f"np.{name}.outer", {k: v for k, v in kwargs.items() if not _changes_nothing(k, v)})
        return _outer(_function(UFUNCS, ufunc, ""), *inputs)
    if method == "reduce":
        return _reduce(ufunc, *inputs, **kwargs)
    if method == "accumulate":
        return _accumulate(ufunc, *inputs, **kwargs)
    raise TypeError(f"np.{name}.{method} of symbolic tensors is not supported; write it with functions of T.")


def _changes_nothing(name: str, value: Any) -> bool:
    if isinstance(value, tuple) and name == "out":
        return all(v is None for v in value)
    return value is None or (isinstance(value, (bool, str)) and value == _NEUTRAL.get(name))


def _function(table: Mapping[str, str], ufunc: np.ufunc, method: str) -> Any:
    target = table.get(ufunc.__name__)
    if target is None:
        known = f" np.{', np.'.join(table)} have it." if len(table) < 10 else ""
        raise TypeError(
            f"np.{ufunc.__name__}{method} of symbolic tensors is not supported: the tensor language has nothing like "
            f"it.{known} Write it with functions of T, or apply it to computed arrays."
        )
    return resolve(target)


def _refuse(what: str, given: Mapping[str, Any]) -> None:
    if given:
        hint = " Cast with .astype instead." if "dtype" in given else ""
        hint = hint or (" Use T.switch(condition, ...) instead." if "where" in given else "")
        raise TypeError(
            f"{what} of symbolic tensors does not take {', '.join(f'{k}={v!r}' for k, v in given.items())}.{hint}"
        )


def _outer(function: Any, a: Any, b: Any) -> Any:
    a, b = as_tensor(a), as_tensor(b)
    return function(a.dimshuffle(*range(a.type.ndim), *["x"] * b.type.ndim), b)


def _reduce(
    ufunc: np.ufunc, x: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: bool = False, **more: Any
) -> Any:
    function = _function(REDUCE, ufunc, ".reduce")
    neutral = {"initial": (None, np._NoValue), "where": (True, np._NoValue)}
    _refuse(f"np.{ufunc.__name__}.reduce", {k: v for k, v in more.items() if not _among(v, neutral.get(k, ()))})
    if dtype is None:
        return function(x, axis=axis, keepdims=keepdims)
    if ufunc not in (np.add, np.multiply):
        _refuse(f"np.{ufunc.__name__}.reduce", {"dtype": dtype})
    return function(x, axis=axis, keepdims=keepdims, dtype=dtype)


def _accumulate(ufunc: np.ufunc, x: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
    _function(ACCUMULATE, ufunc, ".accumulate")
    x = as_tensor(x)
    [axis] = normalize_axis(axis, x.type.ndim)
    return resolve(f"here.{ACCUMULATE[ufunc.__name__]}")(x, axis, dtype)


# ---------------------------------------------------------------------- other functions


def apply_function(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Answer ``function(*args, **kwargs)`` of NumPy with graph.

    Raises ``TypeError`` for a function without a twin and for arguments that a graph cannot follow.
    """
    name = f"{function.__module__}.{function.__name__}".removeprefix("numpy.")
    twin = functions().get(name)
    if twin is None:
        raise TypeError(
            f"np.{name} of symbolic tensors is not supported: the tensor language has nothing like it. Write it with "
            "functions of T, or apply it to computed arrays."
        )
    positional, keywords = _arguments(f"np.{name}", twin, args, kwargs)
    return resolve(twin.target)(*positional, **keywords)


def _arguments(
    what: str, twin: Twin, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments for the twin of a NumPy function, from the arguments that function was given."""
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    left, named = list(args), dict(kwargs)
    for p in twin.parameters:
        if p.way == "rest":
            positional += left
            left = []
        elif left:
            _place(what, p, left.pop(0), positional, keywords)
        elif p.name in named:
            _place(what, p, named.pop(p.name), positional, keywords)
        elif p.way == "position":
            raise TypeError(f"{what} needs the argument {p.name!r}.")
    if left or named:
        raise TypeError(f"{what} got arguments that it does not have: {[*left, *named]}.")
    return positional, keywords


def _place(what: str, p: Parameter, value: Any, positional: list[Any], keywords: dict[str, Any]) -> None:
    if p.way == "position":
        positional.append(value)
    elif p.way == "keyword":
        if value is not np._NoValue and not (value is None and p.to != "axis"):
            keywords[p.to] = value
    elif p.way == "refused" and value is not None and value is not np._NoValue and str(value) != p.to:
        _refuse(what, {p.name: value})


def _among(value: Any, values: Sequence[Any]) -> bool:
    return any(value is v for v in values)
