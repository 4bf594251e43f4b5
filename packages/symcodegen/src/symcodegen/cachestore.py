"""The kernel cache on disk: content-addressed, safe without locks, distrustful of what it reads.

Layout under the root (a directory of mode 0700 that belongs to the user)::

    objects/<sha256>.so     a shared object, named by its content: two processes can never disagree about a name
    objects/<sha256>.json   its manifest: the kernels inside, size, sha256, how it was made
    index/<kernel key>      which object serves this kernel: a batch of one function serves later functions too
    toolchain/<key>         what probing a compiler answered
    tmp/                    private temporary files, before they are renamed into place

Every file is written privately, synced and renamed, so a reader sees the whole file or none; objects come before their
manifest, manifests before the index. Whatever is damaged, missing or of another version is a miss and heals by being
written again. Only JSON is parsed; nothing is ever unpickled.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from symcore.record import Record

__all__ = ["CacheEntry", "CacheUnusable", "Store"]

FORMAT = 1
SUFFIX = ".dll" if os.name == "nt" else ".so"
_HEX = re.compile(r"[0-9a-f]{32,64}")
_FOLDERS = ("objects", "index", "toolchain", "tmp")
_RECORD_CAP = 4 << 20
"""Bytes read of a manifest or an index entry: a larger one is junk."""
_STALE_SECONDS = 3600.0
_TOUCH_SECONDS = 3600.0

fault_hook: Callable[[str], None] | None = None
"""Called with the name of each file operation just before it happens. For tests that kill or fail the process there."""


def _step(name: str) -> None:
    if fault_hook is not None:
        fault_hook(name)


class CacheUnusable(RuntimeError):  # noqa: N818 - reads as the condition it reports
    """The directory cannot serve as a cache: not ours, open to others, not writable, or not a directory."""


class CacheEntry(Record):
    """One shared object of the cache: its hash, size in bytes, kernel keys, time of last use, and how it was made."""

    object_id: str
    size: int
    kernels: tuple[str, ...]
    used: float
    info: dict[str, Any]


class Store:
    """A cache directory. ``Store.open(root)`` checks or makes it; every method tolerates other processes in it.

    ``limit`` is the size in bytes above which the objects used least recently are removed.
    """

    def __init__(self, root: Path, limit: int) -> None:
        self.root = root
        self.limit = limit
        self._published = limit  # so that the first publication looks at the size

    @classmethod
    def open(cls, root: Path, limit: int = 1 << 30) -> Store:
        """The store at ``root``, created with mode 0700 if it is not there. Raises CacheUnusable, saying what to do."""
        try:
            _step("mkdir")
            root = _where(root)  # what a link leads to is made, too
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_ours(root)
            for name in _FOLDERS:
                (root / name).mkdir(mode=0o700, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            taken = error.filename or root
            raise CacheUnusable(f"the cache directory {root} cannot be used: {taken} is no directory.") from error
        except OSError as error:
            raise CacheUnusable(f"the cache directory {root} cannot be used: {error.strerror or error}.") from error
        return cls(root, limit)

    # -- reading ------------------------------------------------------------------------------------------------------

    def find(self, key: str) -> str | None:
        """The hash of an object said to hold this kernel; not checked yet."""
        record = _read_record(self.root / "index" / key)
        object_id = record.get("object") if record else None
        return object_id if isinstance(object_id, str) and _HEX.fullmatch(object_id) else None

    def check(self, object_id: str) -> tuple[Path, frozenset[str]] | None:
        """Path and kernel keys of an object whose bytes match its manifest; None (a miss) if anything is amiss."""
        manifest = self._manifest(object_id)
        if manifest is None or not self._matches(object_id, manifest):
            return None
        path = self._object(object_id)
        self._touch(path)
        return path, frozenset(manifest["kernels"])

    def _matches(self, object_id: str, manifest: dict[str, Any]) -> bool:
        """Whether the bytes of an object are those that were written."""
        _step("read object")
        try:
            data = self._object(object_id).read_bytes()
        except OSError:
            return False
        return len(data) == manifest["size"] and hashlib.sha256(data).hexdigest() == object_id

    def _manifest(self, object_id: str) -> dict[str, Any] | None:
        record = _read_record(self._object(object_id).with_suffix(".json"))
        if record is None or record.get("format") != FORMAT or record.get("sha256") != object_id:
            return None
        kernels = record.get("kernels")
        if not isinstance(record.get("size"), int) or not isinstance(kernels, list):
            return None
        return record if all(isinstance(key, str) and _HEX.fullmatch(key) for key in kernels) else None

    def _object(self, object_id: str) -> Path:
        return self.root / "objects" / f"{object_id}{SUFFIX}"

    def _touch(self, path: Path) -> None:
        """Note the use, at most once an hour: eviction needs no better clock, and a warm start writes nothing."""
        with contextlib.suppress(OSError):
            now = time.time()
            if now - path.stat().st_mtime > _TOUCH_SECONDS:
                _step("touch")
                os.utime(path, (now, now))

    # -- writing ------------------------------------------------------------------------------------------------------

    def publish(self, data: bytes, keys: Iterable[str], info: dict[str, Any]) -> str:
        """Put an object and its kernels into the cache; returns its hash. Raises OSError if the disk refuses."""
        kernels = sorted(keys)
        object_id = hashlib.sha256(data).hexdigest()
        path = self._object(object_id)
        manifest = {"format": FORMAT, "sha256": object_id, "size": len(data), "kernels": kernels, "info": info}
        self._write(path, data)
        self._write(path.with_suffix(".json"), _to_json(manifest))
        for key in kernels:
            # Not synced: an index entry lost in a power cut costs one recompilation, a sync costs a millisecond each.
            self._write(self.root / "index" / key, _to_json({"format": FORMAT, "object": object_id}), sync=False)
        self._published += len(data)
        if self._published > self.limit // 16:
            self._published = 0
            self.evict()
        return object_id

    def write_toolchain(self, key: str, record: dict[str, Any]) -> None:
        """Keep what probing a compiler answered."""
        self._write(self.root / "toolchain" / key, _to_json({"format": FORMAT, "record": record}))

    def read_toolchain(self, key: str) -> Any:
        """What :meth:`write_toolchain` kept, or None."""
        kept = _read_record(self.root / "toolchain" / key)
        return kept.get("record") if kept and kept.get("format") == FORMAT else None

    def _write(self, path: Path, data: bytes, sync: bool = True) -> None:
        """Write privately, sync, rename into place. Leaves nothing behind if it fails."""
        temporary = self.root / "tmp" / f"{path.name[:40]}.{os.getpid()}.{os.urandom(6).hex()}"
        _step("create")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        try:
            try:
                _step("write")
                view = memoryview(data)
                while view:
                    view = view[os.write(handle, view) :]
                if sync:
                    _step("sync")
                    os.fsync(handle)
            finally:
                os.close(handle)
            _step("rename")
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise

    # -- care: what the command line offers --------------------------------------------------------------------------

    def entries(self) -> list[CacheEntry]:
        """All objects with a readable manifest, used least recently first."""
        found = []
        for path in self._files("objects"):
            if path.suffix != ".json":
                continue
            manifest = self._manifest(path.stem)
            try:
                status = self._object(path.stem).stat()
            except OSError:
                continue
            if manifest is not None:
                info = manifest["info"] if isinstance(manifest.get("info"), dict) else {}
                found.append(CacheEntry(path.stem, status.st_size, tuple(manifest["kernels"]), status.st_mtime, info))
        return sorted(found, key=lambda entry: entry.used)

    def verify(self) -> list[str]:
        """What is damaged, a line each: ``objects/<file>: <why>``. Empty if all is well. Changes nothing."""
        return [f"{file}: {why}" for file, why in self.examine() if why]

    def examine(self) -> Iterator[tuple[str, str]]:
        """Look at one file after another: ``(objects/<file>, what is wrong with it)``, ``""`` where nothing is.

        The files are in the order of their hashes, which is none: the first of them are a fair sample. Changes nothing.
        """
        objects = self._names("objects")
        stem, manifest = "", None
        for name in objects:
            before, (stem, suffix) = stem, os.path.splitext(name)
            if stem != before:  # an object and its manifest stand beside each other
                manifest = self._manifest(stem)
            why = ""
            if suffix == ".json" and manifest is None:
                why = "not a manifest of this version"
            elif suffix == SUFFIX and manifest is None:
                why = "no manifest"
            elif suffix == SUFFIX and manifest is not None and not self._matches(stem, manifest):
                why = "its bytes are not those that were written"
            yield f"objects/{name}", why
        there = set(objects)
        for name in self._names("index"):
            object_id = self.find(name)
            yield f"index/{name}", "" if f"{object_id}{SUFFIX}" in there else "leads nowhere"

    def count(self) -> tuple[int, int, int]:
        """How many objects there are, their bytes, and how many files :meth:`examine` looks at. Opens none of them."""
        objects = total = files = 0
        for folder in ("objects", "index"):
            with contextlib.suppress(OSError), os.scandir(self.root / folder) as scan:
                for one in scan:
                    files += one.is_file(follow_symlinks=False)
                    if folder == "objects" and one.name.endswith(SUFFIX):
                        objects += 1
                        with contextlib.suppress(OSError):
                            total += one.stat(follow_symlinks=False).st_size
        return objects, total, files

    def purge(self) -> int:
        """Remove what :meth:`verify` would report and what killed processes left; returns how many files went.

        Files of the last hour that may belong to a running publication stay.
        """
        removed = 0
        old = time.time() - _STALE_SECONDS
        for path in self._files("objects"):
            manifest = self._manifest(path.stem) if path.suffix == ".json" else None
            if path.suffix == ".json" and (manifest is None or not self._matches(path.stem, manifest)):
                # A manifest comes after its whole object, so this pair is damaged, not in the making.
                removed += self._remove(path) + self._remove(self._object(path.stem))
            elif path.suffix != ".json" and not path.with_suffix(".json").exists():
                removed += self._is_older(path, old) and self._remove(path)
        for path in self._files("index"):
            object_id = self.find(path.name)
            if object_id is None or self._manifest(object_id) is None:
                removed += self._remove(path)
        for path in self._files("tmp"):
            removed += self._is_older(path, old) and self._remove(path)
        return removed

    def clear(self) -> int:
        """Remove everything the cache wrote; returns how many files went. What processes have loaded stays loaded."""
        return sum(self._remove(path) for folder in reversed(_FOLDERS) for path in self._files(folder))

    def size(self) -> int:
        """Bytes of all files."""
        total = 0
        for folder in _FOLDERS:
            with contextlib.suppress(OSError), os.scandir(self.root / folder) as scan:
                for one in scan:
                    with contextlib.suppress(OSError):
                        total += one.stat(follow_symlinks=False).st_size if one.is_file(follow_symlinks=False) else 0
        return total

    def evict(self) -> int:
        """Remove the objects used least recently until three quarters of ``limit`` are left; returns how many went."""
        entries = self.entries()
        total = sum(entry.size for entry in entries)
        if total <= self.limit:
            return 0
        gone = 0
        for entry in entries[:-1]:  # the newest one is what was just asked for
            if total <= self.limit * 3 // 4:
                break
            self._forget(entry)
            total -= entry.size
            gone += 1
        return gone

    def discard(self, object_id: str) -> None:
        """Remove one object and its index entries: it did not load."""
        manifest = self._manifest(object_id)
        kernels = tuple(manifest["kernels"]) if manifest else ()
        self._forget(CacheEntry(object_id, 0, kernels, 0.0, {}))

    def _forget(self, entry: CacheEntry) -> None:
        for key in entry.kernels:
            if self.find(key) == entry.object_id:
                self._remove(self.root / "index" / key)
        path = self._object(entry.object_id)
        self._remove(path.with_suffix(".json"))
        self._remove(path)

    def _files(self, folder: str) -> Iterator[Path]:
        for name in self._names(folder):
            yield self.root / folder / name

    def _names(self, folder: str) -> list[str]:
        try:
            with os.scandir(self.root / folder) as scan:
                return sorted(one.name for one in scan if one.is_file(follow_symlinks=False))
        except OSError:
            return []

    @staticmethod
    def _is_older(path: Path, moment: float) -> bool:
        try:
            return path.stat().st_mtime < moment
        except OSError:
            return False

    @staticmethod
    def _remove(path: Path) -> bool:
        _step("unlink")
        try:
            path.unlink()
        except OSError:
            return False  # another process was faster, or holds it open (Windows)
        return True


# -- helpers ---------------------------------------------------------------------------------------------------------


def _to_json(record: dict[str, Any]) -> bytes:
    return json.dumps(record, sort_keys=True, separators=(",", ":")).encode()


def _read_record(path: Path) -> dict[str, Any] | None:
    """A JSON object, or None if there is none: whatever else the file holds is never interpreted."""
    _step("read record")
    try:
        with open(path, "rb") as file:
            data = file.read(_RECORD_CAP + 1)
    except OSError:
        return None
    if len(data) > _RECORD_CAP:
        return None
    try:
        record = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _where(root: Path) -> Path:
    """The path without links. Raises OSError where they lead in a circle."""
    circle = OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    try:
        path = root.resolve()
    except RuntimeError as error:  # before Python 3.13
        raise circle from error
    if path.is_symlink():  # since then a circle is left as it is
        raise circle
    return path


def _check_ours(root: Path) -> None:
    """Raise CacheUnusable unless nobody but the user (and root) can write to the directory or replace it."""
    if not os.access(root, os.R_OK | os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "it may not be written")
    if not hasattr(os, "getuid"):
        return  # Windows: profile directories are private by access list
    me = os.getuid()
    status = root.stat()
    if status.st_uid != me:
        raise CacheUnusable(f"the cache directory {root} belongs to user {status.st_uid}, not to you ({me}).")
    if stat.S_IMODE(status.st_mode) & 0o022 and os.listdir(root):
        # Others could have planted objects that this process would run.
        raise CacheUnusable(
            f"the cache directory {root} can be written by others (mode {stat.S_IMODE(status.st_mode):04o}), so what "
            f"it holds cannot be trusted. Delete it, or check its content and `chmod 700` it."
        )
    if stat.S_IMODE(status.st_mode) != 0o700:
        os.chmod(root, 0o700)
    for parent in root.parents:
        above = parent.stat()
        if above.st_mode & 0o002 and not above.st_mode & stat.S_ISVTX:
            raise CacheUnusable(f"the cache directory {root} lies in {parent}, where anybody may replace it. Move it.")
