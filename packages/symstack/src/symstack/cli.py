"""The program ``symstack``: ``demo``, ``doctor`` and ``cache``.

Exit status: 0 when all went well, 1 when something that should work does not, 2 when what was asked for cannot be done.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import symstack

__all__ = ["main"]

CACHE_ACTIONS = {
    "list": "the compiled objects, used least recently first",
    "verify": "look for damaged files; exit status 1 if there are any",
    "clear": "remove everything",
    "purge": "remove damaged and left-over files",
    "path": "the folder",
    "size": "bytes on disk",
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    program = argparse.ArgumentParser(prog="symstack", description="A compiler for mathematical expressions.")
    program.add_argument("--version", action="version", version=f"symstack {symstack.__version__}")
    commands = program.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="train a classifier on real images of digits")
    demo.add_argument("--model", choices=("mlp", "lenet"), default="mlp", help="which network (default: mlp)")
    demo.add_argument("--epochs", type=_positive, default=40, metavar="N", help="passes over the data (default: 40)")
    demo.add_argument("--json", type=Path, metavar="FILE", help="write the results to FILE")
    folder = Path("demo-output")
    demo.add_argument(
        "--out", type=Path, default=folder, metavar="DIR", help=f"folder of the pictures (default: {folder})"
    )

    commands.add_parser("doctor", help="versions, compiler, BLAS, cache, device; what is wrong and how to mend it")

    cache = commands.add_parser("cache", help="look at, check and empty the cache of compiled code")
    described = "; ".join(f"{name}: {text}" for name, text in CACHE_ACTIONS.items())
    cache.add_argument("action", nargs="?", choices=tuple(CACHE_ACTIONS), default="list", help=described)
    return program


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text}")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    options = parser().parse_args(arguments)
    try:
        status: int = import_module(f"symstack.commands.{options.command}").run(options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # what reads our output has gone: nothing is left to say, and nobody to say it to
        return 1
    return status
