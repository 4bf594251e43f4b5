"""``RandomGraph``: a program of the tensor language, line by line, with the values it was made for."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import symstack as ss
from random_graphs.values import as_source
from symcore.interpreter import evaluate
from symstack import tensor as T

Array = np.ndarray[Any, Any]


@dataclass
class Entry:
    """One variable of the program: its name in the text, itself, and its value for the given inputs."""

    name: str
    var: Any
    value: Array
    role: str = "made"  # or "input", "shared", "index"

    @property
    def kind(self) -> str:
        """``b``, ``i``, ``u`` or ``f``."""
        return self.value.dtype.kind

    @property
    def dtype(self) -> str:
        """Name of the dtype."""
        return self.value.dtype.name

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return self.value.ndim

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths for the given inputs."""
        return self.value.shape

    @property
    def static(self) -> tuple[int | None, ...]:
        """What the type knows of the lengths."""
        return tuple(self.var.type.shape)


@dataclass
class RandomGraph:
    """A program and the values of its inputs. ``draw(low, high)`` chooses; its ``repr`` is a program to run."""

    draw: Callable[[int, int], int]
    lines: list[str] = field(default_factory=list)
    pool: list[Entry] = field(default_factory=list)
    given: dict[str, Array] = field(default_factory=dict)  # input -> the array as it lies in memory
    outputs: list[Entry] = field(default_factory=list)
    updates: list[tuple[Entry, Entry]] = field(default_factory=list)
    failing: bool = False  # the last output fails where the last input is out of bounds
    names: dict[str, Any] = field(default_factory=lambda: {"T": T, "ss": ss, "np": np})

    def flip(self, chances: int = 2) -> bool:
        """Return true once in ``chances``; false is the simpler choice."""
        return self.draw(0, chances - 1) == chances - 1

    def choose(self, items: Any) -> Any:
        """Return one of ``items``, of which the first is the simplest."""
        return items[self.draw(0, len(items) - 1)]

    def pick(self, condition: Callable[[Entry], bool] = lambda e: True) -> Entry | None:
        """Return an entry that meets a condition, often a late one; ``None`` if there is none."""
        found = [e for e in reversed(self.pool) if e.role != "index" and condition(e)]
        if len(found) > 3 and not self.flip(3):
            found = found[:3]
        return self.choose(found) if found else None

    def add_input(self, name: str, text: str, value: Array, role: str) -> Entry:
        """Enter a line that makes an input or a shared variable."""
        self.names[f"{name}_value"] = value
        var = eval(text, self.names)
        plain = np.array(value, dtype=value.dtype.newbyteorder("="), order="C", subok=False)
        if role == "shared":
            self.lines.append(f"{name} = {text.replace(f'{name}_value', as_source(value))}")
        else:
            self.lines.append(f"{name} = {text}")
            self.given[name] = value
        return self._enter(Entry(name, var, plain, role))

    def add(self, text: str) -> Entry | None:
        """Enter a line; leave it out, and return ``None``, where its value says nothing (NaN, huge)."""
        try:
            var = eval(text, self.names)
            value = evaluate(var, {e.var: e.value for e in self.pool if e.role != "shared"})
        except Exception as error:
            error.add_note(f"{self!r}# refused: {text}")
            raise
        if not _telling(value):
            return None
        name = f"v{len(self.pool)}"
        self.lines.append(f"{name} = {text}")
        return self._enter(Entry(name, var, value))

    def _enter(self, entry: Entry) -> Entry:
        self.names[entry.name] = entry.var
        self.pool.append(entry)
        return entry

    @property
    def inputs(self) -> list[Entry]:
        """The symbolic inputs."""
        return [e for e in self.pool if e.name in self.given]

    @property
    def ends(self) -> list[Entry]:
        """The lines that no other line uses, the last first."""
        text = "\n".join(line.partition("=")[2] for line in self.lines)
        used = set(re.findall(r"\bv\d+\b", text))
        return [e for e in reversed(self.pool) if e.role == "made" and e.name not in used]

    @property
    def shared(self) -> list[Entry]:
        """The shared variables."""
        return [e for e in self.pool if e.role == "shared"]

    def __repr__(self) -> str:
        lines = ["", "import numpy as np, symstack as ss", "from symstack import tensor as T", *self.lines]
        lines.append(f"inputs = [{', '.join(e.name for e in self.inputs)}]")
        lines.append(f"outputs = [{', '.join(e.name for e in self.outputs)}]")
        lines.append(f"updates = [{', '.join(f'({s.name}, {v.name})' for s, v in self.updates)}]")
        values = [f"{as_source(v)}{_layout(v)}" for v in self.given.values()]
        lines.append("values = [" + ",\n          ".join(values) + "]")
        return "\n".join(lines) + "\n"


def _layout(x: Array) -> str:
    flags = [] if x.flags.c_contiguous else [f"strides {x.strides}"]
    flags += [] if x.dtype.isnative else ["byteswapped"]
    flags += [] if x.flags.aligned else ["misaligned"]
    return f"  # {', '.join(flags)}\n         " if flags else ""


def _telling(value: Array) -> bool:
    if value.size > 4000 or value.ndim > 4:
        return False
    if value.dtype.kind != "f" or not value.size:
        return True
    with np.errstate(all="ignore"):
        return bool(np.isfinite(value).mean() >= 0.5 and (np.nan_to_num(np.abs(value), posinf=0) < 1e12).all())
