"""``symstack doctor``: what is installed and what works, and for what does not, the fix."""

from __future__ import annotations

import argparse
import platform
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from symstack.commands.console import Console

__all__ = ["Finding", "examine", "run"]

PACKAGES = ("symcore", "symopt", "symcodegen", "symnnet", "symscan", "symstack")
NEEDED = ("numpy", "scipy", "filelock", "platformdirs")
OPTIONAL = {
    "symgpu": "pip install 'symstack[gpu]' to compile for CUDA devices",
    "scikit-learn": "pip install 'symstack[demo]' for the data of symstack demo",
    "matplotlib": "pip install 'symstack[demo]' for the learning curve of symstack demo",
    "rich": "pip install 'symstack[demo]' for tables and progress bars",
}
GET_COMPILER = (
    "install gcc or clang (Debian, Ubuntu: apt-get install gcc; macOS: xcode-select --install; "
    "anywhere: pip install ziglang), or set compiler=none to do without"
)


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    ``state``: ``ok``; ``note``, something that is not there and need not be; ``bad``, something that should work and
    does not. ``fix`` says what to do about a note or a fault.
    """

    state: Literal["ok", "note", "bad"]
    subject: str
    text: str
    fix: str = ""


def run(options: argparse.Namespace) -> int:
    """Print the report; 0 unless something that should work does not."""
    console = Console()
    findings = list(examine())
    for finding in findings:
        console.line(f"{finding.state:<5}{finding.subject:<20}{finding.text}")
        if finding.fix:
            console.line(f"{'':<25}fix: {finding.fix}")
    bad = sum(finding.state == "bad" for finding in findings)
    console.line(f"{bad} of {len(findings)} checks failed." if bad else "Everything that should work does.")
    return 1 if bad else 0


def examine() -> Iterator[Finding]:
    """Make every check; one that raises becomes a ``bad`` finding of its own and does not stop the others."""
    from_c = (_compiler, _machine, _threads, _blas, _cache, _kernels)
    checks = (_python, _packages, _configuration, *from_c, _device, _whole)
    for check in checks:
        yield from _guarded(check)


def _guarded(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    subject = check.__name__.lstrip("_")
    try:
        yield from check()
    except Exception as error:
        yield _raised(subject, error)


def _raised(subject: str, error: Exception) -> Finding:
    """What a check that raised tells: a fault of the compiler, of a flag in the configuration, or of ours."""
    if type(error).__name__ in ("CompileError", "CompilerMissing"):
        said = re.sub(r"Check (it|the compiler): `symstack doctor`\.", "", str(error))
        fix = f"try another C compiler (option compiler): {GET_COMPILER}"
        return Finding("bad", subject, " ".join(said.split()), fix)
    text = f"{type(error).__name__}: {error}"
    if "config." in text:
        return Finding("bad", subject, text, "change that option in SYMSTACK_FLAGS or .symstackrc")
    return Finding("bad", subject, text, "reinstall symstack; if it stays, report this line")


# -- what is installed -------------------------------------------------------------------------------------------------


def _python() -> Iterator[Finding]:
    where = f"{platform.platform(terse=True)}, {sys.executable}"
    yield Finding("ok", "Python", f"{platform.python_version()} ({platform.python_implementation()}) on {where}")


def _packages() -> Iterator[Finding]:
    for name in (*PACKAGES, *NEEDED):
        try:
            yield Finding("ok", name, version(name))
        except PackageNotFoundError:
            yield Finding("bad", name, "not installed", f"pip install {'symstack' if name in PACKAGES else name}")
    for name, fix in OPTIONAL.items():
        try:
            yield Finding("ok", name, version(name))
        except PackageNotFoundError:
            yield Finding("note", name, "not installed (optional)", fix)


def _configuration() -> Iterator[Finding]:
    from symcore.config import OPTIONS, config

    values = [(option.name, getattr(config, option.name), option.default) for option in OPTIONS]
    changed = [f"{name}={value}" for name, value, default in values if value != default]
    yield Finding("ok", "configuration", ", ".join(changed) or "all options as they come")


# -- from C to running code --------------------------------------------------------------------------------------------


def _compiler() -> Iterator[Finding]:
    from symcodegen.toolchain import CompileError, ToolchainError, find_compiler
    from symcodegen.zig import is_zig
    from symcore.config import config

    try:
        compiler = find_compiler(config.compiler or None)
    except CompileError as error:
        yield _raised("C compiler", error)
        return
    except ToolchainError as error:
        if config.compiler == "none":
            text = "switched off by compiler=none: functions run through NumPy"
            yield Finding("note", "C compiler", text, "unset the option compiler in SYMSTACK_FLAGS or .symstackrc")
        else:
            yield Finding("bad", "C compiler", str(error), GET_COMPILER)
        return
    called = f"{compiler.kind} {compiler.version}"
    what = f"{'zig cc, ' if is_zig(compiler.argv) else ''}{called} for {compiler.target}"
    yield Finding("ok", "C compiler", f"{compiler.path}: {what}, {len(compiler.cpu_features)} processor features")


def _machine() -> Iterator[Finding]:
    from symcodegen import extension
    from symcore.config import config

    module = extension.load()
    if module is not None:
        origin = str(module.__file__)
        how = "built at installation" if "site-packages" in origin or "symcodegen" in origin else "built at first use"
        yield Finding("ok", "virtual machine", f"{how}: {origin}")
    elif config.compiler == "none":
        yield Finding("note", "virtual machine", str(extension.why_not()), "see C compiler above")
    else:
        yield Finding(
            "bad", "virtual machine", str(extension.why_not()), "mend the C compiler, then reinstall symcodegen"
        )


def _threads() -> Iterator[Finding]:
    from symcodegen import threads
    from symcore.config import config

    found = threads.granted()
    used = f"a call uses {threads.count(config.threads)} (config.threads = {config.threads})"
    yield Finding("ok", "threads", f"{used}; granted are {found.threads}: {found.reason}")


def _blas() -> Iterator[Finding]:
    import scipy

    from symcodegen import blas

    try:
        count = len(blas.pointers())
    except ImportError as error:
        yield Finding("bad", "BLAS", str(error), "pip install 'scipy>=1.13'")
        return
    try:
        built = scipy.show_config(mode="dicts")["Build Dependencies"]["blas"]
        name = f"{built['name']} {built['version']}"
    except (KeyError, TypeError):
        name = "a library that SciPy does not name"
    yield Finding("ok", "BLAS", f"{name}, {count} functions through SciPy {scipy.__version__}")


def _cache() -> Iterator[Finding]:
    import warnings

    from symstack.commands.cache import in_words, kernel_cache

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cache = kernel_cache()
        path = cache.path()
    if caught:
        fix = "mend the folder, or name another one with the option cache_dir"
        yield Finding("bad", "cache", str(caught[0].message), fix)
        return
    objects, size, files = cache.count()
    text = f"{path}: {in_words(size)} in {objects} objects, writable by you alone"
    yield Finding("ok", "cache", text)
    seen, faults = _sample(cache.examine())
    if faults:
        of = "" if seen == files else f" of {seen} looked at, of {files}"
        yield Finding("note", "cache", f"{faults} damaged files{of} (never loaded)", "symstack cache purge")
    elif seen < files:
        text = f"{seen} of {files} files looked at, all sound: symstack cache verify looks at the others"
        yield Finding("ok", "cache", text)


def _sample(files: Iterator[tuple[str, str]], seconds: float = 1.0) -> tuple[int, int]:
    """Look at files of the cache for so long; returns how many that were, and how many of them are damaged."""
    end = time.monotonic() + seconds
    seen = faults = 0
    for _, why in files:
        seen += 1
        faults += bool(why)
        if time.monotonic() > end:
            break
    return seen, faults


def _kernels() -> Iterator[Finding]:
    """A kernel that nobody can have cached is compiled and called: the whole way from C text to a result."""
    import ctypes
    import secrets
    import tempfile

    from symcodegen.cache import KernelCache, KernelSource
    from symcodegen.toolchain import CompilerMissing
    from symcore.config import config

    number = secrets.randbelow(1 << 30)
    exported = '__attribute__((visibility("default")))'
    source = KernelSource("doctor", f"{exported} int SYM_KERNEL(void) {{ return {number}; }}")
    with tempfile.TemporaryDirectory(prefix="symstack-doctor-") as folder:
        try:
            address = KernelCache(folder, config.compiler or None).load([source])["doctor"]
        except CompilerMissing:
            return  # said above
        answer = ctypes.CFUNCTYPE(ctypes.c_int)(address)()
    if answer == number:
        yield Finding("ok", "compiled code", "a new kernel was compiled, loaded and called")
    else:
        text = f"a new kernel gave {answer} where {number} is right"
        yield Finding("bad", "compiled code", text, "try another C compiler (option compiler)")


# -- what runs it ------------------------------------------------------------------------------------------------------


def _device() -> Iterator[Finding]:
    from symcore.config import config

    fix = ""
    try:
        import symgpu
    except ImportError:
        reason, fix = "symgpu is not installed", OPTIONAL["symgpu"]
    else:
        reason = symgpu.why_not()
    if not reason:
        yield Finding("ok", "device", "a CUDA device can be used")
    elif config.device == "cpu" or config.device.endswith("?"):
        yield Finding("note", "device", f"no GPU: {reason}", fix)
    else:
        fix = fix or "mend what is missing, or set device=cpu"
        yield Finding("bad", "device", f"device={config.device}, but no GPU can be used: {reason}", fix)


def _whole() -> Iterator[Finding]:
    """The README's example in small: a gradient through a product, compiled, against the same by NumPy."""
    import numpy as np

    import symstack as ss
    from symstack import tensor as T

    x, W = T.dmatrix("x"), T.dmatrix("W")
    function = ss.function([x, W], ss.grad(T.tanh(T.dot(x, W)).sum(), W))
    given, weights = np.linspace(-1, 1, 12).reshape(4, 3), np.linspace(-1, 2, 6).reshape(3, 2)
    wanted = given.T @ (1 - np.tanh(given @ weights) ** 2)
    difference = float(np.abs(function(given, weights) - wanted).max())
    python = sum(where == "Python" for _, where, _ in function.placement())
    where = f"{python} of its {len(function.placement())} nodes in Python" if python else "all of it in C"
    if difference < 1e-13:
        yield Finding("ok", "a function", f"a gradient was compiled and is right, {where}")
    else:
        fix = "set mode=FAST_COMPILE and linker=py to go on, and report this line"
        yield Finding("bad", "a function", f"a compiled gradient is wrong by {difference:.1e}, {where}", fix)
