"""What the extension is built from. Used by ``setup.py`` and by :mod:`symcodegen.extension`; standard library only."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).resolve().parent
ABI_HEADER = HERE.parent / "runtime" / "symabi.h"

#: Translation units, in the order they are compiled.
UNITS = (
    "module.c",
    "program.c",
    "caller.c",
    "parse.c",
    "parse_node.c",
    "analyse.c",
    "prepare.c",
    "registers.c",
    "shapes.c",
    "views.c",
    "collapse.c",
    "loop.c",
    "parse_loop.c",
    "arena.c",
    "services.c",
    "context.c",
    "inputs.c",
    "shared.c",
    "steps.c",
    "run.c",
    "repeat.c",
    "cut.c",
    "members.c",
    "threads.c",
    "python_node.c",
    "errors.c",
    "routines.c",
    "copy.c",
    "index.c",
    "nests.c",
    "reduction.c",
    "combine.c",
    "combine_avx512.c",
    "combine_avx2.c",
    "combine_vector.c",
    "matrix.c",
    "blas.c",
    "products.c",
    "products_avx512.c",
    "products_avx2.c",
    "products_vector.c",
    "sorting.c",
    "sorting_complex.c",
    "sorting_avx512.c",
    "sorting_avx2.c",
    "sorting_vector.c",
)
HEADERS = (
    "cvm.h",
    "interface.h",
    "kernels.h",
    "matrix.h",
    "nests.h",
    "blas_template.h",
    "combine.h",
    "combine_one.h",
    "combine_template.h",
    "products.h",
    "products_blocked.h",
    "products_sweep.h",
    "products_template.h",
    "products_tiny.h",
    "products_x86.h",
    "sorting.h",
    "sorting_complex.h",
    "sorting_core.h",
    "sorting_network.h",
    "sorting_order.h",
    "sorting_positions.h",
    "sorting_template.h",
    "sorting_x86.h",
    "threads.h",
)

#: ``-fwrapv`` is what Python itself is built with; no flag changes floating-point results.
COMPILE_ARGS = (
    () if sys.platform == "win32" else ("-O2", "-std=gnu11", "-fvisibility=hidden", "-fwrapv", "-Wall", "-Wextra")
)


def files() -> list[Path]:
    """Every file that enters the extension."""
    return sorted([HERE / name for name in UNITS + HEADERS] + [ABI_HEADER])


def stamp() -> str | None:
    """:func:`stamp_of` the :func:`files`."""
    folder = str(HERE)
    return stamp_of([*(f"{folder}/{name}" for name in UNITS + HEADERS), str(ABI_HEADER)])


def stamp_of(paths: Iterable[str]) -> str | None:
    """Sizes and times of files, which change when one of them does; None where that may not be so yet.

    Clocks of file systems tick every few milliseconds: a file that was changed just now may change again and keep its
    time.
    """
    rows = []
    for path in paths:
        status = os.stat(path)
        rows.append((path, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
    newest = max(max(row[2:]) for row in rows)
    return None if time.time_ns() - newest < _SETTLED else repr(rows)


#: Nanoseconds after which two changes of a file are sure to have two times, on any file system.
_SETTLED = 3_000_000_000


def digest() -> str:
    """Hexadecimal digest of every file that enters the extension: two builds with the same one are the same code."""
    hasher = hashlib.blake2b(digest_size=16)
    for path in files():
        text = path.read_bytes().replace(b"\r\n", b"\n")
        hasher.update(f"{path.name} {len(text)}\n".encode() + text)
    return hasher.hexdigest()
