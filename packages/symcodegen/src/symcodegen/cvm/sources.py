"""What the extension is built from. Used by ``setup.py`` and by :mod:`symcodegen.extension`; standard library only."""

from __future__ import annotations

import hashlib
import sys
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
    "cut.c",
    "threads.c",
    "python_node.c",
    "errors.c",
    "routines.c",
    "copy.c",
    "index.c",
    "matrix.c",
    "blas.c",
    "products.c",
    "products_avx512.c",
    "products_avx2.c",
    "products_vector.c",
)
HEADERS = (
    "cvm.h",
    "interface.h",
    "kernels.h",
    "matrix.h",
    "blas_template.h",
    "products.h",
    "products_blocked.h",
    "products_template.h",
    "products_x86.h",
    "threads.h",
)

#: ``-fwrapv`` is what Python itself is built with; no flag changes floating-point results.
COMPILE_ARGS = (
    () if sys.platform == "win32" else ("-O2", "-std=gnu11", "-fvisibility=hidden", "-fwrapv", "-Wall", "-Wextra")
)


def digest() -> str:
    """Hexadecimal digest of every file that enters the extension: two builds with the same one are the same code."""
    hasher = hashlib.blake2b(digest_size=16)
    for path in sorted([HERE / name for name in UNITS + HEADERS] + [ABI_HEADER]):
        text = path.read_bytes().replace(b"\r\n", b"\n")
        hasher.update(f"{path.name} {len(text)}\n".encode() + text)
    return hasher.hexdigest()
