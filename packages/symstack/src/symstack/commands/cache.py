"""``symstack cache``: look at, check and empty the cache of compiled code."""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from typing import TYPE_CHECKING

from symstack.commands.console import Console

if TYPE_CHECKING:
    from symcodegen.cache import KernelCache

__all__ = ["in_words", "kernel_cache", "run"]


def kernel_cache() -> KernelCache:
    """The cache that functions compiled now would use, by the present configuration."""
    from symcodegen.cache import KernelCache
    from symcore.config import config

    flags = config.compiler_flags.split()
    return KernelCache(config.cache_dir or None, config.compiler or None, flags=flags, limit=config.cache_size)


def in_words(count: int) -> str:
    """``1536`` -> ``'1.5 KB'``."""
    size = float(count)
    for unit in ("B", "KB", "MB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GB"


def run(options: argparse.Namespace) -> int:
    """Do ``options.action`` and return the exit status: 1 for damaged files, and for a folder that cannot be used."""
    console = Console()
    cache = kernel_cache()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cache.path()  # functions would go on in a temporary folder; there is nothing to do or to say about that one
    if caught:
        print(f"symstack cache: {caught[0].message}", file=sys.stderr)
        return 1
    actions = {"list": _list, "verify": _verify, "clear": _clear, "purge": _purge, "path": _path, "size": _size}
    return actions[options.action](cache, console)


def _list(cache: KernelCache, console: Console) -> int:
    entries = cache.entries()
    if not entries:
        console.line(f"{cache.path()} holds no compiled code.")
        return 0
    rows = []
    for entry in entries:
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used))
        rows.append((entry.object_id[:12], str(len(entry.kernels)), in_words(entry.size), used))
    console.table(("object", "kernels", "size", "used"), rows)
    console.line(f"{len(entries)} objects, {in_words(cache.size())} in {cache.path()}")
    return 0


def _verify(cache: KernelCache, console: Console) -> int:
    faults = cache.verify()
    for fault in faults:
        console.line(fault)
    if faults:
        console.line(f"{len(faults)} damaged files, which are never loaded. `symstack cache purge` removes them.")
        return 1
    console.line(f"{len(cache.entries())} objects, all as they were written.")
    return 0


def _clear(cache: KernelCache, console: Console) -> int:
    console.line(f"Removed {cache.clear()} files from {cache.path()}.")
    return 0


def _purge(cache: KernelCache, console: Console) -> int:
    console.line(f"Removed {cache.purge()} damaged or left-over files from {cache.path()}.")
    return 0


def _path(cache: KernelCache, console: Console) -> int:
    console.line(str(cache.path()))
    return 0


def _size(cache: KernelCache, console: Console) -> int:
    console.line(f"{cache.size()} bytes ({in_words(cache.size())})")
    return 0
