"""The vector mathematics as pieces of C text: a kernel embeds the functions it uses, and what these need, nothing else.

>>> text = snippets(["sym_exp_f32"])
>>> "sym_exp_f32" in text, "sym_log_f32" in text
(True, False)

The texts stand in ``runtime/symmath/*.h``. There, a line ``//@ name: prerequisites`` begins a piece. Functions are
called ``sym_<function>_<dtype>`` with dtype f32, f64, or i8 to u64; :func:`available` lists them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from pathlib import Path

__all__ = ["available", "prerequisites", "snippets"]

_FOLDER = Path(__file__).parent / "runtime" / "symmath"
_MARK = re.compile(r"^//@ *(\w+)(?:: *([\w ]*))?$")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
# floor_divide and mod of one integer type come from one macro, hence from one piece.
_ALIAS = re.compile(r"sym_(?:floor_divide|mod)_([iu](?:8|16|32|64))")


@functools.cache
def _pieces() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Text and direct prerequisites of every piece."""
    pieces: dict[str, tuple[str, tuple[str, ...]]] = {}
    for path in sorted(_FOLDER.glob("*.h")):
        name, needs, lines = "", (), []  # type: str, tuple[str, ...], list[str]
        for line in [*path.read_text(encoding="utf-8").splitlines(), "//@ end"]:
            mark = _MARK.match(line)
            if mark is None:
                lines.append(line)
                continue
            if name:
                pieces[name] = (_strip("\n".join(lines)), needs)
            name, needs, lines = mark[1], tuple((mark[2] or "").split()), []
    return pieces


def _strip(text: str) -> str:
    """Without comments and empty lines: the compiler reads this text for every kernel."""
    kept = (line.rstrip() for line in _COMMENT.sub("", text).splitlines())
    return "\n".join(line for line in kept if line)


def _piece_of(name: str) -> str:
    alias = _ALIAS.fullmatch(name)
    return f"sym_divide_{alias[1]}" if alias else name


def available() -> frozenset[str]:
    """Names that :func:`snippets` knows."""
    names = set(_pieces())
    for integer in (f"{sign}{bits}" for sign in "iu" for bits in (8, 16, 32, 64)):
        names |= {f"sym_floor_divide_{integer}", f"sym_mod_{integer}"}
    return frozenset(names)


def prerequisites(names: Iterable[str]) -> list[str]:
    """The pieces needed for these functions, in the order in which they must stand, each once.

    Raises KeyError naming a function that does not exist.
    """
    order: list[str] = []
    pieces = _pieces()

    def visit(name: str) -> None:
        piece = _piece_of(name)
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
    return f"#ifndef {guard}\n#define {guard}\n{_pieces()[piece][0]}\n#endif\n"
