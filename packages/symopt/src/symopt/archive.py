"""The container of saved graphs and functions: a zip file of one JSON document and the arrays it refers to.

::

    graph.json      {"format": "symstack graph", "version": 1, "packages": {...}, ...}
    values/0.npy    the arrays, uncompressed, without Python objects

Members are stored, not compressed, so a file never unpacks to more than its own size, and every member has a checksum.
Nothing in it is ever executed.
"""

import contextlib
import io
import json
import math
import os
import secrets
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

FORMAT = "symstack graph"
#: Raised by one with every change that older readers cannot read.
VERSION = 1
_DOCUMENT = "graph.json"


class SavedFileError(ValueError):
    """A file is no saved graph or function, is damaged, or does not say what such a file says."""


class NewerFileError(SavedFileError):
    """A file was written by a later version of this format."""


class UnknownOpError(SavedFileError):
    """A file uses an Op (or a type) that this process does not know. ``missing``: its name."""

    def __init__(self, message: str, missing: str = ""):
        super().__init__(message)
        self.missing = missing


def write(path: str | os.PathLike[str], document: dict[str, Any], arrays: Sequence[np.ndarray[Any, Any]]) -> None:
    """Write a file at once: it appears whole or not at all. Raises ``OSError``."""
    target = Path(path)
    text = json.dumps({"format": FORMAT, "version": VERSION, **document}, allow_nan=False, separators=(",", ":"))
    name = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with open(name, "xb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                archive.writestr(_DOCUMENT, text)
                for k, array in enumerate(arrays):
                    archive.writestr(_member(k), _npy(array))
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _member(k: int) -> str:
    return f"values/{k}.npy"


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=False)
    return buffer.getvalue()


class Reader:
    """An open file: ``document``, and its arrays by number, each read when it is first asked for.

    Raises ``SavedFileError`` for what is no such file or is damaged, ``NewerFileError``, and ``OSError`` where the file
    cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)
        content = self.path.read_bytes()
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content))
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError, IndexError) as error:
            why = "it is cut off or no zip file" if isinstance(error, zipfile.BadZipFile) else str(error)
            raise self.damaged(why) from None
        self._arrays: dict[int, np.ndarray[Any, Any]] = {}
        self.document = self._document()

    def damaged(self, why: str) -> SavedFileError:
        """Return the error for a file that cannot be read, and why."""
        return SavedFileError(
            f"{self.path} is not a saved graph or function, or it is damaged: {why}. Save it again, or fetch it again."
        )

    def _document(self) -> dict[str, Any]:
        try:
            document = json.loads(self._read(_DOCUMENT).decode("utf-8"))
        except (ValueError, RecursionError) as error:
            if isinstance(error, SavedFileError):
                raise
            raise self.damaged(f"its {_DOCUMENT} is no JSON ({error})") from None
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise self.damaged("it is a zip file of another kind")
        version = document.get("version")
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            raise self.damaged(f"its version is {version!r}")
        if version > VERSION:
            written = document.get("packages")
            by = f" (by {', '.join(f'{k} {v}' for k, v in written.items())})" if isinstance(written, dict) else ""
            raise NewerFileError(
                f"{self.path} was saved in version {version} of the format{by}; this installation reads versions up to "
                f"{VERSION}. Install a newer symopt, or save the file again with an older one."
            )
        return document

    def _read(self, member: str) -> bytes:
        try:
            info = self._archive.getinfo(member)
            if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
                raise self.damaged(f"{member} is compressed or encrypted")
            data = self._archive.read(info)
        except KeyError:
            raise self.damaged(f"it has no {member}") from None
        except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
            if isinstance(error, SavedFileError):
                raise
            raise self.damaged(f"{member} cannot be read ({error})") from None
        if len(data) != info.file_size:
            raise self.damaged(f"{member} is cut off")
        return data

    def array(self, k: Any) -> np.ndarray[Any, Any]:
        """Return array number ``k``; every call gives the same object."""
        if not isinstance(k, int):
            raise self.damaged(f"it refers to the array {k!r}")
        if k not in self._arrays:
            self._arrays[k] = self._parsed(_member(k))
        return self._arrays[k]

    def _parsed(self, member: str) -> np.ndarray[Any, Any]:
        data = self._read(member)
        try:
            buffer = io.BytesIO(data)
            version = np.lib.format.read_magic(buffer)
            if version not in ((1, 0), (2, 0)):
                raise ValueError(f"npy version {version}")
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(buffer)
            # The header is checked against the data before anything is allocated for it.
            if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(data) - buffer.tell():
                raise ValueError("its header does not fit its data")
            buffer.seek(0)
            return np.lib.format.read_array(buffer, allow_pickle=False)
        except (ValueError, TypeError, KeyError, SyntaxError, EOFError, OverflowError, MemoryError) as error:
            raise self.damaged(f"{member} is no array ({error})") from None


def is_name(text: Any) -> bool:
    """Tell whether a value is the dotted name of a module or class, and no more than that."""
    return isinstance(text, str) and all(part.isidentifier() for part in text.split("."))


def number_text(value: float) -> str:
    """Return an infinity or NaN as text, which JSON has no numbers for."""
    return repr(value)


def number(text: Any) -> float:
    """Return the number that ``number_text`` wrote."""
    if text not in ("nan", "inf", "-inf"):
        raise ValueError(f"{text!r} is no number")
    return float(text)


__all__ = ["FORMAT", "VERSION", "NewerFileError", "Reader", "SavedFileError", "UnknownOpError", "is_name", "number",
           "number_text", "write"]
