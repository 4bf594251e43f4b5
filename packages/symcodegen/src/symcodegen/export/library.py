"""An exported function, built as a library and called through ctypes: to check an export, or to measure it."""

import ctypes
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from symcodegen import blas
from symcodegen.export.operands import Exported, Operand
from symcodegen.toolchain import ToolchainError

_KINDS: dict[int, type[Exception]] = {
    1: ValueError, 2: ValueError, 3: IndexError, 4: MemoryError, 5: ValueError, 6: AssertionError,
}  # fmt: skip
_POINTER, _LENGTH = ctypes.c_void_p, ctypes.c_longlong


class Library:
    """What ``export_c`` wrote, built and loaded, with a state of its own.

    It is called as the function is, with one value per input, and returns the list of outputs. Raises
    ``ToolchainError`` with the compiler's words where it does not build. Failures of calls are raised as
    ``ValueError``, ``IndexError`` or ``MemoryError`` with the message of the library.

    Parameters
    ----------
    exported
        What ``export_c`` returned.
    flags
        Flags of the compiler; by default ``-O2``.
    with_blas
        Hand it the BLAS functions of SciPy that functions use in this process.
    cc
        The compiler.
    """

    def __init__(self, exported: Exported, *flags: str, with_blas: bool = True, cc: str = "cc"):
        self.exported = exported
        path = Path(exported.folder) / f"{exported.name}.so"
        self._build(path, flags, cc)
        self._library = ctypes.CDLL(str(path))
        if with_blas and self.has("set_blas"):
            for name, address in blas.pointers().items():
                self.function("set_blas", ctypes.c_int)(name.encode(), _POINTER(address))
        self.state = self.new_state()
        if exported.values is not None:
            self.load(exported.values)

    def _build(self, path: Path, flags: Sequence[str], cc: str) -> None:
        self._compile(self.exported.command(path, *flags, shared=True, cc=cc))

    def _compile(self, command: Sequence[str]) -> None:
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise ToolchainError(f"{command[0]} does not build {self.exported.folder}:\n{done.stderr}")

    def new_state(self) -> Any:
        """Return a state with the values that the shared variables had, or zeros if these are in a file.

        Raises ``MemoryError``.
        """
        state = self.function("new", _POINTER)()
        if not state:
            raise MemoryError(f"{self.exported.name}: no memory for a state.")
        return _POINTER(state)

    def has(self, name: str) -> bool:
        """Say whether there is a function of this last name: ``call``, say, where no computed value decides shapes."""
        return hasattr(self._library, f"{self.exported.name}_{name}")

    def function(self, name: str, result: Any) -> Any:
        """Return a function of the library by its last name, with the ctypes type of its result."""
        found = getattr(self._library, f"{self.exported.name}_{name}")
        found.restype = result
        return found

    def __call__(self, *values: Any) -> list[np.ndarray[Any, Any]]:
        arguments, _kept = self._arguments(values)
        self._checked(self.function("run", ctypes.c_int)(self.state, *arguments))
        return [self._read(f"result_{v.name}", v) for v in self.exported.outputs]

    def call(self, *values: Any) -> list[np.ndarray[Any, Any]]:
        """Return the same, computed into arrays of the caller; for functions whose shapes no computed value decides."""
        arguments, _kept = self._arguments(values)
        outputs = self.exported.outputs
        lengths = [(_LENGTH * max(len(v.shape), 1))() for v in outputs]
        wanted = [n for n, v in zip(lengths, outputs, strict=True) if v.shape]
        self._checked(self.function("shapes", ctypes.c_int)(self.state, *arguments, *wanted))
        results = [np.empty(tuple(n)[: len(v.shape)], v.dtype) for n, v in zip(lengths, outputs, strict=True)]
        given = [_POINTER(r.ctypes.data) for r in results]
        self._checked(self.function("call", ctypes.c_int)(self.state, *arguments, *given))
        return results

    def bound(self, *values: Any) -> Callable[[], None]:
        """Return a call on these values without arguments and results: what C programs pay."""
        arguments, kept = self._arguments(values)
        run, state = self.function("run", ctypes.c_int), self.state

        def call(kept: Any = kept) -> None:
            self._checked(run(state, *arguments))

        return call

    def value(self, name: str) -> np.ndarray[Any, Any]:
        """Return the present value of a shared variable."""
        return self._read(f"get_{name}", self._shared(name))

    def set_value(self, name: str, value: Any) -> None:
        """Give a shared variable a value. Raises ``ValueError`` for a shape that its type does not admit."""
        v = self._shared(name)
        array = np.array(value, dtype=v.dtype, order="C")
        lengths = [(_LENGTH * array.ndim)(*array.shape)] if array.ndim else []
        give = self.function(f"set_{name}", ctypes.c_int)
        if array.ndim != len(v.shape) or give(self.state, _POINTER(array.ctypes.data), *lengths):
            raise ValueError(f"{name} of {self.exported.name} is {v.axes}; the value has shape {array.shape}.")

    def save(self, path: str | Path) -> None:
        """Write the values of all shared variables. Raises ``OSError``."""
        if self.function("save", ctypes.c_int)(self.state, str(path).encode()):
            raise OSError(f"the values of {self.exported.name} could not be written to {path}.")

    def load(self, path: str | Path) -> None:
        """Read what ``save`` wrote. Raises ``ValueError`` for a file that holds something else."""
        if self.function("load", ctypes.c_int)(self.state, str(path).encode()):
            raise ValueError(f"{path} does not hold the values of {self.exported.name}.")

    def close(self) -> None:
        """End the state; the object must not be used any more."""
        if self.state:
            self.function("free", None)(self.state)
        self.state = None

    def _shared(self, name: str) -> Operand:
        found = {v.name: v for v in self.exported.states}
        if name not in found:
            known = ", ".join(found) or "none"
            raise ValueError(f"{self.exported.name} has no shared variable {name}: it has {known}.")
        return found[name]

    def _arguments(self, values: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """Return the arguments of a call, and what must live as long as they do."""
        inputs = self.exported.inputs
        if len(values) != len(inputs):
            raise TypeError(f"{self.exported.name} has {len(inputs)} inputs; got {len(values)} values.")
        arguments: list[Any] = []
        kept: list[Any] = []
        for v, value in zip(inputs, values, strict=True):
            array = np.array(value, dtype=v.dtype, order="C")
            if array.ndim != len(v.shape):
                raise ValueError(f"{v.name} of {self.exported.name} is {v.axes}; the value has shape {array.shape}.")
            kept.append(array)
            arguments.append(_POINTER(array.ctypes.data))
            if array.ndim:
                arguments.append((_LENGTH * array.ndim)(*array.shape))
        return arguments, kept

    def _read(self, name: str, v: Operand) -> np.ndarray[Any, Any]:
        lengths = (_LENGTH * max(len(v.shape), 1))()
        address = self.function(name, _POINTER)(self.state, *([lengths] if v.shape else []))
        shape, dtype = tuple(lengths)[: len(v.shape)], np.dtype(v.dtype)
        count = int(np.prod(shape, dtype=np.int64))
        data = ctypes.string_at(address, count * dtype.itemsize) if count else b""
        return np.frombuffer(data, dtype, count).reshape(shape).copy()

    def _checked(self, kind: int) -> None:
        if kind:
            message = self.function("message", ctypes.c_char_p)(self.state).decode(errors="replace")
            raise _KINDS.get(kind, ValueError)(message)
