"""From C texts to addresses of loaded kernels: compile what is missing, once, in one batch; remember the rest.

::

    cache = KernelCache()
    address = cache.load([KernelSource("add", "int SYM_KERNEL(...) {...}", heavy=False)])["add"]

A kernel is known by a hash of its text, the ABI version, the flags, the compiler and the processor's features. All
kernels of one call that no earlier object holds are compiled together: light and heavy ones in a translation unit each,
in parallel, into one shared object. The disk is described in :mod:`symcodegen.cachestore`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import struct
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symcodegen.cachestore import SUFFIX, CacheEntry, CacheUnusable, Store
from symcodegen.toolchain import (
    COMPILE_TIMEOUT,
    CompileError,
    Compiler,
    CompilerMissing,
    Extras,
    Unit,
    check_flags,
    compiler_record_key,
    find_compiler,
    from_record,
    load_error,
    locate,
    processor_key,
    to_record,
)
from symcore.graph import trace
from symcore.record import Record

if TYPE_CHECKING:
    import ctypes

__all__ = ["ABI_VERSION", "CacheWarning", "KernelCache", "KernelSource", "default_root"]

ABI_VERSION = 3
"""Version of the kernel ABI; a kernel built for another one is never found."""
PLACEHOLDER = "SYM_KERNEL"
DEFAULT_LIMIT = 1 << 30


class CacheWarning(UserWarning):
    """The cache directory cannot be used; kernels are compiled anew in each process."""


class KernelSource(Record):
    """A kernel to load.

    ``body`` is its whole C text; every occurrence of ``SYM_KERNEL`` becomes the generated function name, also inside a
    longer identifier, so that ``SYM_KERNEL_part`` is a helper of this kernel alone. The function returns int. Text
    that several kernels of a batch may repeat must stand in include guards (as what :mod:`symcodegen.symmath` gives
    does). ``name`` is how the caller calls it; it enters the C text in an escaped comment only. ``heavy`` asks for -O3.
    ``extras`` are flags and libraries of a user; such a kernel is an object by itself, and its helpers may have any
    name.
    """

    name: str
    body: str
    heavy: bool = False
    extras: Extras | None = None


def _batches(kernels: Mapping[str, KernelSource]) -> list[dict[str, KernelSource]]:
    """What is compiled together: all kernels, but for each of a user, which has flags and names of its own."""
    ours = {key: kernel for key, kernel in kernels.items() if kernel.extras is None}
    alone = [{key: kernel} for key, kernel in kernels.items() if kernel.extras is not None]
    return [batch for batch in (ours, *alone) if batch]


def default_root() -> Path:
    """The user's cache folder, e.g. ``~/.cache/symstack``."""
    import platformdirs  # noqa: PLC0415 - costs 20 ms, and a configured root does without

    return platformdirs.user_cache_path("symstack") / "kernels"


class KernelCache:
    """Loads kernels, compiling at most once what no cache holds. Safe from any number of threads and processes.

    ``root``: the directory (default :func:`default_root`; ``~`` is the home directory); if it cannot be used, one
    CacheWarning is given and a private temporary directory serves. ``compiler``: a :class:`Compiler`, a command
    (``"gcc"``, ``"none"``), or None for $CC, cc, gcc, clang. ``flags``: more compiler flags, on the allow list of
    :func:`symcodegen.toolchain.check_flags`.
    ``limit``: bytes on disk. ``timeout``: seconds one compilation may take. ``abi``: version of the kernel ABI.
    """

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        compiler: Compiler | str | None = None,
        *,
        flags: Sequence[str] = (),
        limit: int = DEFAULT_LIMIT,
        timeout: float = COMPILE_TIMEOUT,
        abi: int = ABI_VERSION,
    ) -> None:
        self._root = None if root is None else Path(os.path.expanduser(root))
        self._compiler = compiler if isinstance(compiler, Compiler) else None
        self._command = compiler if isinstance(compiler, str) else None
        self._flags = check_flags(flags)
        self._limit = limit
        self._timeout = timeout
        self._abi = abi
        self._missing: CompilerMissing | None = None
        self._store: Store | None = None
        self._warned = False
        self._contexts: dict[bool, Any] = {}
        self._addresses: dict[str, int] = {}
        self._libraries: dict[str, ctypes.CDLL] = {}
        self._held: dict[str, frozenset[str]] = {}  # the kernels of each library
        self._flights: dict[str, threading.Event] = {}
        self._mutex = threading.Lock()
        self._setup = threading.RLock()
        self.compilations = 0
        """How many batches this object has compiled."""
        _LIVE.add(self)

    # -- loading ------------------------------------------------------------------------------------------------------

    def load(self, kernels: Sequence[KernelSource]) -> dict[str, int]:
        """Addresses of the kernels by name.

        Raises CompilerMissing if something must be compiled and there is no compiler, CompileError if it fails,
        ValueError if two different kernels have one name or a text lacks the placeholder.
        """
        by_name: dict[str, str] = {}
        sources: dict[str, KernelSource] = {}
        for kernel in kernels:
            key = self.key(kernel)
            if by_name.setdefault(kernel.name, key) != key:
                raise ValueError(f"two different kernels are called {kernel.name!r}. Give each its own name.")
            sources[key] = kernel
        pending = {key: kernel for key, kernel in sources.items() if key not in self._addresses}
        while pending:
            self._load_pending(pending)
            pending = {key: kernel for key, kernel in pending.items() if key not in self._addresses}
        return {name: self._addresses[key] for name, key in by_name.items()}

    def key(self, kernel: KernelSource) -> str:
        """The kernel's key, 40 hex digits: equal for equal text, ABI, flags, compiler and processor features."""
        if PLACEHOLDER not in kernel.body:
            raise ValueError(f"kernel {kernel.name!r} does not define {PLACEHOLDER}. Use it as the function's name.")
        hasher = self._context(kernel.heavy).copy()
        if kernel.extras is not None:
            hasher.update(json.dumps([kernel.extras.compile, kernel.extras.link, kernel.extras.digest]).encode())
        hasher.update(_canonical(kernel.body).encode())
        digest: str = hasher.hexdigest()
        return digest

    def symbol(self, key: str) -> str:
        """Name of the C function of this key."""
        return f"k_{key}"

    def _context(self, heavy: bool) -> Any:
        context = self._contexts.get(heavy)
        if context is None:
            compiler = self.compiler
            flags = (*compiler.flags(heavy), *compiler.link_flags)
            parts = ["symstack kernel", self._abi, heavy, flags, compiler.identity, compiler.cpu_features]
            context = hashlib.blake2b(json.dumps(parts).encode() + b"\0", digest_size=20)
            self._contexts[heavy] = context
        return context

    def _load_pending(self, pending: Mapping[str, KernelSource]) -> None:
        """Load what no other thread is loading, then wait for what others are."""
        with self._mutex:
            theirs = [flight for key in pending if (flight := self._flights.get(key)) is not None]
            mine = {
                key: kernel
                for key, kernel in pending.items()
                if key not in self._flights and key not in self._addresses
            }
            done = threading.Event()
            self._flights.update(dict.fromkeys(mine, done))
        try:
            if mine:
                missing = self._from_disk(mine)
                if missing:
                    self._build(missing)
        finally:
            with self._mutex:
                for key in mine:
                    self._flights.pop(key, None)
            done.set()
        # Own work comes first, so two threads that wait for each other's kernels cannot block. If the other thread
        # failed, load() comes back here and tries by itself, so that everybody gets the error of their own kernel.
        for flight in theirs:
            flight.wait()

    def _from_disk(self, wanted: Mapping[str, KernelSource]) -> dict[str, KernelSource]:
        """Load what valid objects hold; returns what is missing."""
        unusable: set[str] = set()
        for key in wanted:
            # Kernels of one function were compiled together, more often than not: the index is asked about one.
            object_id = None if key in self._addresses else self.store.find(key)
            if object_id is None or object_id in unusable:
                continue
            held = self._open(object_id)
            if held is None:
                unusable.add(object_id)
            elif key in held:
                self._bind(self._libraries[object_id], [k for k in wanted if k in held and k not in self._addresses])
        return {key: kernel for key, kernel in wanted.items() if key not in self._addresses}

    def _open(self, object_id: str) -> frozenset[str] | None:
        """Load an object of the cache; returns the keys of its kernels, None if it is damaged."""
        if object_id not in self._held:
            checked = self.store.check(object_id)
            if checked is None:
                return None
            try:
                self._libraries[object_id] = _open_library(checked[0])
            except OSError:
                self.store.discard(object_id)  # written whole, yet not loadable here: a mount without exec, say
                return None
            self._held[object_id] = checked[1]
        return self._held[object_id]

    def _bind(self, library: ctypes.CDLL, keys: Iterable[str]) -> list[str]:
        """Note the addresses of these kernels; returns the keys the library does not have."""
        absent = []
        for key in keys:
            address = _address(library, self.symbol(key))
            if address:
                self._addresses[key] = address
            else:
                absent.append(key)
        return absent

    # -- compiling ----------------------------------------------------------------------------------------------------

    def _build(self, missing: dict[str, KernelSource]) -> None:
        """Compile the batch, unless another process is at it and publishes it in time."""
        if self._missing is not None:
            raise self._missing
        from symcodegen.turns import turn  # noqa: PLC0415 - not needed on a warm start

        batch = hashlib.blake2b("".join(sorted(missing)).encode(), digest_size=16).hexdigest()
        with turn(self.store.root / "tmp", batch, self._timeout, lambda: not self._from_disk(missing)) as needed:
            if needed:
                rest = self._from_disk(missing)
                for together in _batches(rest):
                    self._compile(together)

    def _compile(self, batch: Mapping[str, KernelSource]) -> None:
        started = time.perf_counter()
        last: CompileError | None = None
        for scratch in self._scratch_directories():
            try:
                data = self._compile_in(scratch, batch)
                break
            except CompileError as error:
                if not error.disk_full:
                    raise
                last = error
            except OSError as error:
                reason = f"no room to compile in {scratch}: {error.strerror or error}. Free some, or set TMPDIR."
                last = CompileError(reason, disk_full=True)
            finally:
                _remove_tree(scratch)
        else:
            raise last or CompileError("no directory to compile in. Set TMPDIR to one that can be written.")
        self.compilations += 1
        info = {
            "abi": self._abi,
            "compiler": self.compiler.identity,
            "names": {key: kernel.name[:80] for key, kernel in batch.items()},
            "compile_ms": round((time.perf_counter() - started) * 1e3, 1),
            "created": int(time.time()),
        }
        self._publish(data, batch, info)

    def _compile_in(self, scratch: Path, batch: Mapping[str, KernelSource]) -> bytes:
        """Compile and load in a private directory: only an object that loads is ever published."""
        from symcodegen.units import translation_units  # noqa: PLC0415 - not needed on a warm start

        units = []
        for name, kernels in translation_units(batch).items():
            path = scratch / f"{name}.c"
            path.write_text(self._unit_text(kernels), encoding="utf-8")
            units.append(Unit(path, name == "heavy"))
        out = scratch / f"kernels{SUFFIX}"
        [extras] = {kernel.extras for kernel in batch.values()}
        self.compiler.compile(units, out, timeout=self._timeout, scratch=scratch, extras=extras)
        data = out.read_bytes()
        try:
            library = _open_library(out)
        except OSError as error:
            raise load_error(self.compiler.path, error, [kernel.body for kernel in batch.values()]) from error
        absent = self._bind(library, batch)
        if absent:
            names = ", ".join(repr(batch[key].name) for key in absent)
            raise CompileError(f"the compiled object lacks the kernels {names}. Their text must define {PLACEHOLDER}.")
        object_id = hashlib.sha256(data).hexdigest()
        self._libraries[object_id], self._held[object_id] = library, frozenset(batch)
        return data

    def _unit_text(self, kernels: Mapping[str, KernelSource]) -> str:
        parts = []
        for key, kernel in kernels.items():
            text = _canonical(kernel.body).replace(PLACEHOLDER, self.symbol(key))
            parts.append(f"/* {_comment(kernel.name)} */\n{_EXPORT.format(self.symbol(key))}{text}\n")
        return "".join(parts)

    def _scratch_directories(self) -> Iterator[Path]:
        """Fresh private directories to compile in: the system's temporary folder, then the cache's own disk."""
        import tempfile  # noqa: PLC0415 - not needed on a warm start

        for parent in (None, self.store.root / "tmp"):
            with contextlib.suppress(OSError):
                yield Path(tempfile.mkdtemp(prefix="symstack-", dir=parent))

    def _publish(self, data: bytes, batch: Mapping[str, KernelSource], info: dict[str, Any]) -> None:
        """Share the object with later processes. The kernels are loaded already: a full disk costs only the sharing."""
        try:
            self.store.publish(data, batch, info)
        except OSError as error:
            self._warn(f"the cache directory {self.store.root} cannot be written: {error.strerror or error}.")

    # -- the pieces, found at first use ------------------------------------------------------------------------------

    @property
    def store(self) -> Store:
        """The directory in use: the root, or a private temporary one if the root is unusable."""
        with self._setup:
            if self._store is None:
                root = default_root() if self._root is None else self._root
                try:
                    self._store = Store.open(root, self._limit)
                except CacheUnusable as error:
                    self._store = self._private_store(str(error))
            return self._store

    def _private_store(self, reason: str) -> Store:
        import tempfile  # noqa: PLC0415 - not needed where the root is usable

        try:
            store = Store.open(Path(tempfile.mkdtemp(prefix="symstack-cache-")), self._limit)
        except OSError as error:
            raise CacheUnusable(f"{reason} Nor is there a temporary directory: {error}. Set TMPDIR.") from error
        _remove_at_exit(store.root)
        self._warn(reason)
        return store

    def _warn(self, reason: str) -> None:
        """Say once per cache that kernels will not be found by later processes, and why."""
        with self._setup:
            if self._warned:
                return
            self._warned = True
        text = f"{reason} Until that is mended, every process compiles its kernels anew, in a temporary directory."
        warnings.warn(text, CacheWarning, stacklevel=trace.users_level())

    @property
    def compiler(self) -> Compiler:
        """The compiler in use, found at first access. Raises CompilerMissing or CompileError."""
        with self._setup:
            if self._compiler is None:
                self._compiler = self._find_compiler()
            return self._compiler

    def _find_compiler(self) -> Compiler:
        """The compiler whose answers are on record, else probe the candidates and put them on record.

        Where there is none any more, the one that was last found on this processor still says under which keys its
        kernels are kept: what the cache holds is loaded, and the first kernel that it does not hold raises.
        """
        try:
            compiler = self._present_compiler()
        except CompilerMissing as missing:
            remembered = None if self._command or os.environ.get("CC", "").strip() else self._remembered()
            if remembered is None:
                raise
            self._missing = missing
            return remembered
        if not self._command and self._remembered() != compiler:
            with contextlib.suppress(OSError):
                self.store.write_toolchain(_last_key(), to_record(compiler))
        return compiler

    def _remembered(self) -> Compiler | None:
        record = self.store.read_toolchain(_last_key())
        argv = record.get("argv") if isinstance(record, dict) else None
        if not isinstance(argv, list) or not all(isinstance(word, str) for word in argv):
            return None
        return from_record(record, tuple(argv), self._flags)

    def _present_compiler(self) -> Compiler:
        argv, _ = locate(self._command)[0]
        try:
            key = compiler_record_key(argv)
        except OSError:
            return find_compiler(self._command, self._flags)
        known = from_record(self.store.read_toolchain(key), argv, self._flags)
        if known is not None:
            return known
        compiler = find_compiler(self._command, self._flags)
        if compiler.argv == argv:
            with contextlib.suppress(OSError):
                self.store.write_toolchain(key, to_record(compiler))
        return compiler

    # -- care: for the command line ----------------------------------------------------------------------------------

    def path(self) -> Path:
        """The directory in use."""
        return self.store.root

    def entries(self) -> list[CacheEntry]:
        """The cached objects, used least recently first."""
        return self.store.entries()

    def verify(self) -> list[str]:
        """A line per damaged file; empty if all is well."""
        return self.store.verify()

    def examine(self) -> Iterator[tuple[str, str]]:
        """The files one after another, in no order, each with what is wrong with it: see :meth:`Store.examine`."""
        return self.store.examine()

    def count(self) -> tuple[int, int, int]:
        """How many objects are cached, their bytes, and how many files :meth:`examine` looks at."""
        return self.store.count()

    def purge(self) -> int:
        """Remove damaged and left-over files; returns how many."""
        return self.store.purge()

    def clear(self) -> int:
        """Remove everything; returns how many files. Loaded kernels stay loaded."""
        return self.store.clear()

    def size(self) -> int:
        """Bytes on disk."""
        return self.store.size()

    def _after_fork(self) -> None:
        """A child has the parent's loaded kernels, but not the threads that held the locks."""
        self._mutex = threading.Lock()
        self._setup = threading.RLock()
        self._flights = {}


# -- helpers ---------------------------------------------------------------------------------------------------------

def _last_key() -> str:
    """Under which name the compiler that was last found on this kind of processor is on record."""
    return f"last-{processor_key()}"


# Objects are built with hidden visibility; this declaration, compatible with the definition that follows, exports it.
_EXPORT = '__attribute__((visibility("default"))) int {0}();\n'


def _canonical(text: str) -> str:
    """The text without what cannot change its meaning: line-ending style and trailing blanks."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")  # those of C; Python knows more ends of lines, which may stand in comments
    return "\n".join(line.rstrip(" \t") for line in lines).strip("\n") + "\n"


def _comment(name: str) -> str:
    """A name made harmless inside a C comment (no ``*/``, no line splice, no trigraph)."""
    return re.sub(r"[^A-Za-z0-9_ .,()=+-]", "_", name)[:80]


def _open_library(path: Path) -> ctypes.CDLL:
    """dlopen, refusing what the loader would crash on. Raises OSError."""
    import ctypes  # noqa: PLC0415 - not needed before the first kernel

    if sys.platform.startswith("linux"):
        _check_elf(path)
    mode = getattr(os, "RTLD_NOW", 0) | getattr(os, "RTLD_LOCAL", 0)
    return ctypes.CDLL(str(path.absolute()), mode=mode)


def _check_elf(path: Path) -> None:
    """Raise OSError unless the file is ELF and whole: its section table, which comes last, lies inside it."""
    with open(path, "rb") as file:
        head = file.read(64)
        size = os.fstat(file.fileno()).st_size
    if len(head) < 64 or head[:4] != b"\x7fELF":
        raise OSError("it is not an ELF object")
    order = "<" if head[5] == 1 else ">"
    if head[4] == 2:  # 64-bit
        offset, entry, count = *struct.unpack_from(order + "Q", head, 40), *struct.unpack_from(order + "HH", head, 58)
    else:
        offset, entry, count = *struct.unpack_from(order + "I", head, 32), *struct.unpack_from(order + "HH", head, 46)
    if offset + entry * count > size:
        raise OSError("it is truncated")


def _address(library: ctypes.CDLL, symbol: str) -> int:
    import ctypes  # noqa: PLC0415

    try:
        function = getattr(library, symbol)
    except AttributeError:
        return 0
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def _remove_tree(directory: Path) -> None:
    import shutil  # noqa: PLC0415 - pulls in the compression modules; a warm start does without

    shutil.rmtree(directory, ignore_errors=True)


def _remove_at_exit(directory: Path) -> None:
    import atexit  # noqa: PLC0415

    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # a forked child leaves it to its parent
            _remove_tree(directory)

    atexit.register(remove)


_LIVE: weakref.WeakSet[KernelCache] = weakref.WeakSet()


def _after_fork() -> None:
    for cache in _LIVE:
        cache._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
