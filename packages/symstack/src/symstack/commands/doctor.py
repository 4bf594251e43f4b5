"""``symstack doctor``: what is installed and what works, and for what does not, the fix."""

from __future__ import annotations

import argparse
import platform
import sys
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


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    ``state``: ``ok``; ``note``, something that is not there and need not be; ``bad``, something that should work and does
    not. ``fix`` says what to do about a note or a fault.
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
    checks = (_python, _packages, _configuration, _compiler, _extension, _blas, _cache, _kernels, _device, _whole)
    for check in checks:
        yield from _guarded(check)


def _guarded(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    subject = check.__name__.lstrip("_")
    try:
        yield from check()
    except Exception as error:
        yield Finding("bad", subject, f"{type(error).__name__}: {error}", "reinstall symstack; if it stays, report this line")


# -- what is installed ---------------------------------------------------------------------------------------------------


def _python() -> Iterator[Finding]:
    text = f"{platform.python_version()} ({platform.python_implementation()}) on {platform.platform(terse=True)}, {sys.executable}"
    yield Finding("ok", "Python", text)


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

    changed = [f"{option.name}={getattr(config, option.name)}" for option in OPTIONS
               if getattr(config, option.name) != option.default]
    yield Finding("ok", "configuration", ", ".join(changed) or "all options as they come")


# -- from C to running code ----------------------------------------------------------------------------------------------


def _compiler() -> Iterator[Finding]:
    from symcodegen.toolchain import ToolchainError, find_compiler
    from symcore.config import config

    try:
        compiler = find_compiler(config.compiler or None)
    except ToolchainError as error:
        if config.compiler == "none":
            yield Finding("note", "C compiler", "switched off by compiler=none: functions run through NumPy",
                          "unset the option compiler in SYMSTACK_FLAGS or .symstackrc")
            return
        yield Finding("bad", "C compiler", str(error), "install gcc or clang (Debian, Ubuntu: apt-get install gcc; "
                      "Fedora: dnf install gcc; macOS: xcode-select --install), or set compiler=none to do without")
        return
    yield Finding("ok", "C compiler", f"{compiler.path}: {compiler.kind} {compiler.version} for {compiler.target}, "
                  f"{len(compiler.cpu_features)} processor features")


def _extension() -> Iterator[Finding]:
    from symcodegen import extension
    from symcore.config import config

    report = extension.report()
    if report.module is not None:
        yield Finding("ok", "virtual machine", report.origin)
    elif config.compiler == "none":
        yield Finding("note", "virtual machine", f"functions run through Python: {report.reason}", "see C compiler above")
    else:
        yield Finding("bad", "virtual machine", f"functions run through Python: {report.reason}",
                      "mend the C compiler, then reinstall symcodegen")


def _blas() -> Iterator[Finding]:
    from symcodegen import blas

    yield Finding("ok", "BLAS", blas.describe())


def _cache() -> Iterator[Finding]:
    import warnings

    from symstack.commands.cache import in_words, kernel_cache

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cache = kernel_cache()
        path = cache.path()
    if caught:
        yield Finding("bad", "cache", str(caught[0].message), "mend the folder, or name another one with the option cache_dir")
        return
    faults = cache.verify()
    text = f"{path}: {in_words(cache.size())} in {len(cache.entries())} objects, private to you"
    yield Finding("ok", "cache", text)
    if faults:
        yield Finding("note", "cache", f"{len(faults)} damaged files (never loaded)", "symstack cache purge")


def _kernels() -> Iterator[Finding]:
    """A kernel that nobody can have cached is compiled and called: the whole way from C text to a result."""
    import ctypes
    import secrets

    from symcodegen.cache import KernelSource
    from symcore.config import config

    from symstack.commands.cache import kernel_cache

    if config.compiler == "none":
        return
    number = secrets.randbelow(1 << 30)
    source = KernelSource("doctor", f"__attribute__((visibility(\"default\"))) int SYM_KERNEL(void) {{ return {number}; }}")
    address = kernel_cache().load([source])["doctor"]
    answer = ctypes.CFUNCTYPE(ctypes.c_int)(address)()
    if answer == number:
        yield Finding("ok", "compiled code", "a new kernel was compiled, loaded and called")
    else:
        yield Finding("bad", "compiled code", f"a new kernel gave {answer} where {number} is right", "try another C compiler")


# -- what runs it --------------------------------------------------------------------------------------------------------


def _device() -> Iterator[Finding]:
    from symcore.config import config

    try:
        import symgpu
    except ImportError:
        reason = "symgpu is not installed"
        fix = OPTIONAL["symgpu"]
    else:
        reason, fix = symgpu.why_not(), ""
    if not reason:
        yield Finding("ok", "device", "a CUDA device can be used")
        return
    wanted = config.device != "cpu" and not config.device.endswith("?")
    if wanted:
        fix = fix or "mend what is missing, or set device=cpu"
    yield Finding("bad" if wanted else "note", "device", f"no GPU: {reason}", fix)


def _whole() -> Iterator[Finding]:
    """The README's example in small: a gradient, compiled, against the same computed by NumPy."""
    import numpy as np

    import symstack as ss
    from symstack import tensor as T

    x = T.dvector("x")
    slope = ss.function([x], ss.grad(T.tanh(x).sum(), x))
    given = np.linspace(-2, 2, 9)
    difference = float(np.abs(slope(given) - (1 - np.tanh(given) ** 2)).max())
    if difference < 1e-14:
        yield Finding("ok", "a function", "a gradient was built, compiled and is right")
    else:
        yield Finding("bad", "a function", f"a compiled gradient is wrong by {difference:.1e}",
                      "set mode=FAST_COMPILE and linker=py to go on, and report this line")
