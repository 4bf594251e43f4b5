"""The vector mathematics as pieces of C text: a kernel embeds the functions it uses, and what these need, nothing else.

>>> text = snippets(["sym_exp_f32"])
>>> "sym_exp_f32" in text, "sym_log_f32" in text
(True, False)

The texts stand in ``runtime/symmath/*.h``. There, a line ``//@ name: prerequisites`` begins a piece. Functions are
called ``sym_<function>_<dtype>`` with dtype f32, f64, or i8 to u64; :func:`available` lists them.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable

__all__ = ["available", "prerequisites", "snippets"]

_FOLDER = os.path.join(os.path.dirname(__file__), "runtime", "symmath")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
# floor_divide and mod of one integer type come from one macro, hence from one piece.
_OF_ONE_MACRO = {
    f"sym_{name}_{sign}{bits}": f"sym_divide_{sign}{bits}"
    for name in ("floor_divide", "mod") for sign in "iu" for bits in (8, 16, 32, 64)
}  # fmt: skip


@functools.cache
def _pieces() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Text and direct prerequisites of every piece."""
    texts = []
    for file in sorted(os.listdir(_FOLDER)):
        if file.endswith(".h"):
            with open(os.path.join(_FOLDER, file), "rb", buffering=0) as opened:
                texts.append("\n//@ \n" + opened.read().decode("utf-8").replace("\r\n", "\n"))
    pieces: dict[str, tuple[str, tuple[str, ...]]] = {}
    for piece in "".join(texts).split("\n//@ ")[1:]:
        mark, _, body = piece.partition("\n")
        name, _, needs = mark.partition(":")
        pieces[name] = body, tuple(needs.split())
    pieces.pop("")  # what stands before the first piece of a file
    return pieces


def _strip(text: str) -> str:
    """Without comments and empty lines: the compiler reads this text for every kernel."""
    kept = (line.rstrip() for line in _COMMENT.sub("", text).splitlines())
    return "\n".join(line for line in kept if line)


@functools.cache
def available() -> frozenset[str]:
    """Names that :func:`snippets` knows."""
    return frozenset(_pieces()).union(_OF_ONE_MACRO)


def prerequisites(names: Iterable[str]) -> list[str]:
    """The pieces needed for these functions, in the order in which they must stand, each once.

    Raises KeyError naming a function that does not exist.
    """
    order: list[str] = []
    pieces = _pieces()

    def visit(name: str) -> None:
        piece = _OF_ONE_MACRO.get(name, name)
        if piece in order:
            return
        if piece not in pieces:
            raise KeyError(f"symmath has no function {name!r}. See symcodegen.symmath.available().")
        for need in pieces[piece][1]:
            visit(need)
        order.append(piece)

    for name in names:
        visit(name)
    return order


def snippets(names: Iterable[str]) -> str:
    """C text that defines the named functions and their prerequisites, each once and in order.

    Each piece stands in include guards: texts of several kernels may be joined in one translation unit.
    """
    return "".join(_guarded(piece) for piece in prerequisites(names))


@functools.cache
def _guarded(piece: str) -> str:
    guard = f"SYM_HAVE_{piece}"
    return f"#ifndef {guard}\n#define {guard}\n{_strip(_pieces()[piece][0])}\n#endif\n"
