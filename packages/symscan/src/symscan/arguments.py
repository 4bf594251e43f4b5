"""What users pass as ``sequences`` and ``outputs_info``, checked and brought to one form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symcore.graph.variable import Variable
from symcore.tensor.constant import as_tensor
from symcore.tensor.type import TensorType
from symscan.lengths import too_few


@dataclass
class SequenceArgument:
    """A sequence with the taps in the order the step wants them; ``rows[j]``: the row of step 0 for each of them.

    ``where``: what it is called in errors.
    """

    x: Any
    taps: tuple[int, ...]
    rows: tuple[int, ...]
    where: str = ""
    slices: list[Any] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """How many steps fewer than rows there are."""
        return max(0, *self.taps) - min(0, *self.taps)


@dataclass
class OutputArgument:
    """What the step returns at one place: a state with an initial value, or a plain output (no taps).

    ``where``: what the initial value is called in errors. ``weak``: it is a number of Python, of whatever dtype the
    step makes.
    """

    taps: tuple[int, ...] = ()
    first: Any = None
    row: Any = None
    where: str = ""
    weak: bool = False
    values: list[Any] = field(default_factory=list)

    @property
    def depth(self) -> int:
        return -min(self.taps) if self.taps else 0


def as_list(given: Any) -> list[Any]:
    """Return an argument that may be one thing or several as a list."""
    if given is None:
        return []
    return list(given) if isinstance(given, (list, tuple)) else [given]


def sequence_arguments(given: Any, go_backwards: bool) -> list[SequenceArgument]:
    """Check ``sequences``. Raises ``TypeError`` for scalars and non-tensors, ``ValueError`` for keys and taps."""
    found = []
    for k, item in enumerate(as_list(given)):
        where, backwards = f"sequences[{k}]", _direction("go_backwards", go_backwards)
        taps: tuple[int, ...] = (0,)
        if isinstance(item, Mapping):
            _check_keys(where, item, {"input", "taps", "go_backwards"})
            if item.get("input") is None:
                raise ValueError(f"{where} is a dictionary without 'input', the tensor to walk along.")
            taps = _taps(where, item.get("taps", (0,)))
            backwards = _direction(f"go_backwards of {where}", item.get("go_backwards", go_backwards))
            item = item["input"]
        x = _tensor(where, item)
        if x.type.ndim == 0:
            hint = "Pass it in non_sequences"
            if not isinstance(item, Variable):
                hint = "A list is one sequence for each of its entries: numpy.array(list) is one sequence"
            raise TypeError(f"{where} is the scalar {item}, which has no rows to walk along. {hint}.")
        future, past = max(0, *taps), min(0, *taps)
        rows = x.type.shape[0]
        if rows is not None and rows < future - past:
            raise ValueError(too_few(where, taps, rows))
        if backwards:
            x = x[::-1]
        found.append(SequenceArgument(x, taps, tuple(future - t if backwards else t - past for t in taps), where))
    return found


def _direction(what: str, given: Any) -> bool:
    if not isinstance(given, (int, np.bool_)):
        raise TypeError(f"{what} must be True or False, got {given!r} ({type(given).__name__}).")
    return bool(given)


def fixed_arguments(given: Any) -> list[Any]:
    """Return ``non_sequences`` as variables. Raises ``TypeError`` for what no constant can be made of."""
    items = enumerate(as_list(given))
    return [v if isinstance(v, Variable) else _tensor(f"non_sequences[{k}]", v) for k, v in items]


def check_options(truncate_gradient: Any, name: Any) -> None:
    """Check options that nothing else looks at. Raises ``TypeError`` and ``ValueError``."""
    if not isinstance(truncate_gradient, (int, np.integer)) or isinstance(truncate_gradient, bool):
        raise TypeError(f"truncate_gradient must be an integer, got {truncate_gradient!r}.")
    if truncate_gradient < -1:
        raise ValueError(
            f"truncate_gradient must be a number of steps, or -1 for all of them; got {truncate_gradient}."
        )
    if name is not None and not isinstance(name, str):
        raise TypeError(f"name must be a string, got {name!r} ({type(name).__name__}).")


def output_arguments(given: Any) -> list[OutputArgument] | None:
    """Check ``outputs_info``; ``None``: as many plain outputs as the step returns."""
    if given is None:
        return None
    found = []
    for k, item in enumerate(as_list(given)):
        where = f"outputs_info[{k}]"
        taps: tuple[int, ...] = (-1,)
        if isinstance(item, Mapping):
            _check_keys(where, item, {"initial", "taps"})
            if item.get("initial") is None:
                if item.get("taps"):
                    raise ValueError(f"{where} has taps but no 'initial' value for the first steps to read.")
                item = None
            else:
                taps = _taps(where, item.get("taps") or (-1,))
                item = item["initial"]
        if item is None:
            found.append(OutputArgument())
            continue
        if max(taps) >= 0:
            raise ValueError(
                f"{where} has the taps {list(taps)}; a step can only read what earlier steps made: taps < 0."
            )
        found.append(_state(where, _tensor(where, item), taps))
        found[-1].weak = isinstance(item, (bool, int, float))
    return found


def _state(where: str, initial: Any, taps: tuple[int, ...]) -> OutputArgument:
    depth = -min(taps)
    if taps == (-1,):
        return OutputArgument(taps, initial.dimshuffle("x", *range(initial.type.ndim)), initial.type, where)
    needed = f"{where} has the taps {list(taps)}: its initial value needs {depth} rows, one per step before the first"
    if initial.type.ndim == 0:
        raise TypeError(f"{needed}; got the scalar {initial}.")
    rows = initial.type.shape[0]
    if rows is not None and rows < depth:
        raise ValueError(f"{needed}; got {rows}.")
    first = initial if rows == depth else initial[:depth]
    return OutputArgument(taps, first, TensorType(initial.type.dtype, initial.type.shape[1:]), where)


def _check_keys(where: str, item: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(item) - known - {"return_steps", "inplace", "store_steps"})
    if unknown:
        raise ValueError(f"{where} has the unknown key {unknown[0]!r}; it may have {', '.join(sorted(known))}.")


def _taps(where: str, given: Any) -> tuple[int, ...]:
    if isinstance(given, np.ndarray):
        given = given.tolist()
    taps = tuple(given) if isinstance(given, Sequence) else (given,)
    if not taps or not all(isinstance(t, int) or getattr(t, "dtype", None) is not None for t in taps):
        raise ValueError(f"the taps of {where} must be integers, got {given!r}.")
    taps = tuple(int(t) for t in taps)
    if len(set(taps)) != len(taps):
        raise ValueError(f"the taps of {where} must differ from each other, got {list(taps)}.")
    return taps


def _tensor(where: str, given: Any) -> Any:
    if isinstance(given, Variable) and not isinstance(given.type, TensorType):
        raise TypeError(f"{where} must be a tensor, got {given} of type {given.type}.")
    try:
        return as_tensor(given)
    except TypeError as error:
        raise TypeError(f"{where} must be a tensor: {error}") from None
