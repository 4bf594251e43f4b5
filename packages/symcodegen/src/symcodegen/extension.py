"""Finding the C virtual machine: the extension built at installation, or the same sources built on first use.

>>> from symcodegen import extension
>>> cvm = extension.load()
>>> cvm is None or cvm.ABI_VERSION >= 1
True

Where neither works, :func:`load` returns None and :func:`why_not` says why in one line; everything then runs through
``perform``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterable
from importlib.machinery import ExtensionFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from symcodegen.cvm import sources
from symcore import notes
from symcore.locks import ForkLock

__all__ = ["build", "load", "why_not"]

MODULE = "symcodegen.cvm._cvm"
BUILD_TIMEOUT = 120.0

_lock = ForkLock()
_found: ModuleType | None = None
_reason: str | None = None
_looked = False


def load() -> ModuleType | None:
    """The extension module, found once per process; None if there is none (see :func:`why_not`). Thread-safe."""
    global _found, _reason, _looked
    if _looked:
        return _found
    with _lock:
        if not _looked:
            _found, _reason = _look()
            _looked = True
    return _found


def why_not() -> str | None:
    """Why :func:`load` returns None, in one line; None if it returns the module."""
    load()
    return _reason


def _look() -> tuple[ModuleType | None, str | None]:
    if os.environ.get("SYMSTACK_CVM") == "none":
        return None, "the C virtual machine is switched off: SYMSTACK_CVM=none."
    digest = _digest()
    broken = None
    try:
        installed = _import_installed(digest)
    except ImportError as error:  # built for another Python or NumPy, or for another machine
        installed, broken = None, _first_line(error)
    if installed is not None:
        return installed, None
    try:
        return _load_cached(digest), None
    except Exception as error:  # no compiler, no headers, no disk: each means "do without", and is reported
        return None, f"the C virtual machine {_what_is_there(broken)} and cannot be built now: {_first_line(error)}"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _what_is_there(broken: str | None) -> str:
    """What is wrong with the extension of the installation. ``broken``: why it cannot be imported."""
    spec = importlib.util.find_spec(MODULE)
    if spec is None or spec.origin is None:
        return "was not built at installation"
    why = "was built from other sources than those beside it" if broken is None else f"cannot be imported ({broken})"
    return f"at {spec.origin} {why} (`pip install --force-reinstall --no-deps`, of symcodegen or its folder, mends it)"


def _digest() -> str:
    """The digest of the sources: read once, and again where one of them has changed."""
    stamp = sources.stamp()
    found = notes.recall("sources", str(sources.HERE), stamp) if stamp else None
    if isinstance(found, str):
        return found
    digest = sources.digest()
    if stamp:
        notes.keep("sources", str(sources.HERE), stamp, digest)
    return digest


def _import_installed(digest: str) -> ModuleType | None:
    """The module beside its sources, unless they have changed since. A stale one must not even be imported: the digest
    inside it is looked for in the file."""
    spec = importlib.util.find_spec(MODULE)
    if spec is None or spec.origin is None or not _is_of(spec.origin, digest):
        return None
    return importlib.import_module(MODULE)


def _is_of(path: str, digest: str) -> bool:
    """Whether an extension was built from the sources of this digest: looked for once per file."""
    stamp = sources.stamp_of([path])
    if stamp is not None and notes.recall("extension", path, f"{digest} {stamp}") is True:
        return True
    holds = _holds(path, digest.encode())
    if holds and stamp is not None:
        notes.keep("extension", path, f"{digest} {stamp}", True)
    return holds


def _holds(path: str, text: bytes) -> bool:
    """Whether a file holds a text: read by pieces, for the text stands far before the end of an extension."""
    with open(path, "rb", buffering=0) as file:
        before = b""
        while piece := file.read(1 << 16):
            if text in before + piece:
                return True
            before = piece[1 - len(text) :]
    return False


# -- the build of first use ----------------------------------------------------------------------------------------


def _load_cached(digest: str) -> ModuleType:
    import tempfile  # noqa: PLC0415 - nothing of this is needed where the extension was built at installation

    import platformdirs  # noqa: PLC0415

    from symcodegen.cachestore import CacheUnusable, Store  # noqa: PLC0415
    from symcodegen.toolchain import ToolchainError  # noqa: PLC0415
    from symcodegen.turns import turn  # noqa: PLC0415

    key = _key(digest)
    try:
        store = Store.open(platformdirs.user_cache_path("symstack") / "extension", limit=1 << 28)
    except CacheUnusable:
        store = Store.open(Path(tempfile.mkdtemp(prefix="symstack-extension-")))
    module = _from_store(store, key)
    if module is not None:
        return module
    with turn(store.root / "tmp", key, BUILD_TIMEOUT, lambda: store.find(key) is not None) as mine:
        module = None if mine else _from_store(store, key)
        if module is None:
            with tempfile.TemporaryDirectory(prefix="build-", dir=store.root / "tmp") as folder:
                data = build(Path(folder), digest).read_bytes()
            store.publish(data, [key], {"module": MODULE, "python": sys.version.split()[0]})
            module = _from_store(store, key)
    if module is None:
        raise ToolchainError("the extension was built but cannot be read back from the cache.")
    return module


def _key(digest: str) -> str:
    """Everything that decides whether a built extension fits this process."""
    import sysconfig  # noqa: PLC0415 - for a build of first use alone

    import numpy  # noqa: PLC0415 - by now it is imported anyway

    parts = (digest, sysconfig.get_config_var("SOABI"), sys.version_info[:3], numpy.__version__, _flags())
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def _from_store(store: Any, key: str) -> ModuleType | None:
    """The module in the cache, if its bytes are those that were published; None is a miss."""
    object_id = store.find(key)
    checked = store.check(object_id) if object_id else None
    if checked is None or key not in checked[1]:
        return None
    loader = ExtensionFileLoader(MODULE, str(checked[0]))
    spec = importlib.util.spec_from_file_location(MODULE, checked[0], loader=loader)
    if spec is None:
        return None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    sys.modules[MODULE] = module
    return module


def _flags() -> tuple[str, ...]:
    """Flags of every compiler run; SYMSTACK_CVM_CFLAGS adds some (the sanitizers, in development)."""
    return (*sources.COMPILE_ARGS, "-fPIC", "-w", *os.environ.get("SYMSTACK_CVM_CFLAGS", "").split())


def _link_flags() -> tuple[str, ...]:
    return ("-shared", "-undefined", "dynamic_lookup") if sys.platform == "darwin" else ("-shared",)


def build(folder: Path, digest: str) -> Path:
    """Compile the sources into a shared object in ``folder``; returns its path.

    Uses the compiler that kernels use. Raises :class:`symcodegen.toolchain.ToolchainError` (no compiler, a compiler
    that fails or hangs, Python's headers missing) or OSError.
    """
    import sysconfig  # noqa: PLC0415

    import numpy  # noqa: PLC0415

    from symcodegen import zig  # noqa: PLC0415
    from symcodegen.process import run_all  # noqa: PLC0415
    from symcodegen.toolchain import ToolchainError, locate  # noqa: PLC0415

    if sys.platform == "win32":
        raise ToolchainError("on Windows the extension is built at installation only.")
    headers = [sysconfig.get_paths()["include"], sysconfig.get_paths()["platinclude"], numpy.get_include()]
    if not (Path(headers[0]) / "Python.h").is_file():
        raise ToolchainError(f"Python's header Python.h is not in {headers[0]}: install Python's development files.")
    argv = list(locate()[0][0])
    define = f'-DSYM_SOURCE_DIGEST="{digest}"'
    compile_ = [*argv, *_flags(), *dict.fromkeys(f"-I{path}" for path in headers), define, "-c"]
    # two compilers at once: the fixed cost of the headers dominates, and more would starve a small machine
    shares = [[str(sources.HERE / name) for name in sources.UNITS[i::2]] for i in range(2)]
    out = folder / "_cvm.so"
    objects = [str(folder / f"{name[:-2]}.o") for name in sources.UNITS]
    # Python has the C library loaded; zig would build one of its own first.
    libraries = ("-nostdlib",) if zig.is_zig(argv) else ("-lm", "-lpthread")
    link = [*argv, *_flags(), *_link_flags(), *objects, "-o", str(out), *libraries]
    with zig.own_cache(argv, folder) as kept:
        environment = {**os.environ, "TMPDIR": str(folder), "LC_ALL": "C", **kept}
        _check(run_all([[*compile_, *share] for share in shares], timeout=BUILD_TIMEOUT, cwd=folder, env=environment))
        _check(run_all([link], timeout=BUILD_TIMEOUT, cwd=folder, env=environment))
    return out


def _check(results: Iterable[Any]) -> None:
    from symcodegen.toolchain import ToolchainError  # noqa: PLC0415

    for result in results:
        if result.returncode is None:
            raise ToolchainError(f"{result.command[0]} did not finish within {BUILD_TIMEOUT:g} s and was killed.")
        if result.returncode != 0:
            lines = [line for line in result.output.splitlines() if "error" in line] or result.output.splitlines()[:1]
            raise ToolchainError(f"{result.command[0]} failed ({result.returncode}): {(lines or ['no output'])[0]}")
