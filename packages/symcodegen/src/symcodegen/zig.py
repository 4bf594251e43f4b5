"""``zig cc``: a C compiler that pip installs, for machines that have none.

The wheel ``ziglang`` holds the program ``zig``, whose word ``cc`` is clang with headers and a linker of its own. It is
run where the wheel put it, so no Python is started for it. What differs from clang elsewhere is told here:

* the names of processors are spelled with underscores (``-march=x86_64_v3``);
* without optimisation it adds checks whose reports a library would have to hold (``__ubsan_handle_*``);
* what it compiles is copied into a cache in the home directory, which nobody asked for.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

PACKAGE = "ziglang"
FLAGS = ("-fno-sanitize=undefined",)
_PROCESSOR = r"(-m(?:arch|cpu|tune)=)(.+)"


def find() -> str | None:
    """Return the path of the program in the installed wheel, or ``None``."""
    from importlib.util import find_spec  # noqa: PLC0415 - asked where there is no other compiler

    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).with_name("zig.exe" if os.name == "nt" else "zig")
    return str(path) if path.is_file() else None


def is_zig(argv: Sequence[str]) -> bool:
    """Say whether a command is ``zig cc``, whatever flags follow."""
    return len(argv) > 1 and argv[1] == "cc" and Path(argv[0]).stem == "zig"


def spelled(words: Sequence[str]) -> list[str] | None:
    """Return ``[program, *flags]`` if words ask for zig, else ``None``.

    It is asked for as ``zig``, ``zig cc`` or ``python -m ziglang cc``; the program is ``zig`` where no path is given.
    """
    if list(words[1:3]) == ["-m", PACKAGE]:
        words = ["zig", *words[3:]]
    if not words or Path(words[0]).stem != "zig":
        return None
    return [words[0], *words[2 if words[1:2] == ["cc"] else 1 :]]


def translated(flags: Sequence[str]) -> list[str]:
    """Return flags of gcc and clang in its spelling."""
    found = ((flag, re.fullmatch(_PROCESSOR, flag)) for flag in flags)
    return [flag if match is None else match[1] + match[2].replace("-", "_") for flag, match in found]


@contextlib.contextmanager
def own_cache(argv: Sequence[str], scratch: Path | None) -> Iterator[dict[str, str]]:
    """Give what zig copies a folder that goes when the command is done, in ``scratch`` or among temporary files.

    Yields the variables of the environment that say so: none for another compiler.
    """
    if not is_zig(argv):
        yield {}
        return
    import tempfile  # noqa: PLC0415 - pulls in random

    with tempfile.TemporaryDirectory(prefix="zig-", dir=scratch, ignore_cleanup_errors=True) as folder:
        yield {"ZIG_GLOBAL_CACHE_DIR": folder, "ZIG_LOCAL_CACHE_DIR": folder}
