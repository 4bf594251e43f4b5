"""Which line of the user's code built a node.

A trace is ``(file, line, function)``, followed by the trace of the caller where ``config.traceback_limit`` asks for
more than one line; the text of the lines is read only when an error is shown. While rules rewrite a node, the nodes
they make inherit its trace (``inherit``), so an error at run time can name the user's line.
"""

import contextlib
import linecache
import sys
import threading
from collections.abc import Iterator, Sequence
from types import CodeType, FrameType
from typing import Any

from symcore.config import config

#: ``(file, line, function)``, or ``(file, line, function, the same of the caller)``.
Frame = tuple[Any, ...]

#: Top-level packages whose frames are never the user's.
INTERNAL = frozenset({"symcore", "symopt", "symcodegen", "symgpu", "symnnet", "symscan", "symstack"})

_local = threading.local()
_quick = config.quick
#: Name of a module -> whether its frames are the user's.
_users: dict[str, bool] = {}
#: ``(id of a code object, position in it) -> (the code object, which so keeps its id, and the trace)``. The nodes of
#: one line share one trace, and the number of a line is looked up once.
_places: dict[tuple[int, int], tuple[CodeType, Frame]] = {}
_MOST_PLACES = 4096


def here() -> Frame | None:
    """Return the innermost frame outside the packages of the compiler, or the trace being inherited."""
    inherited = getattr(_local, "frame", None)
    if inherited is not None:
        return inherited
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        users = _users.get(name)
        if users is None:
            users = _users[name] = name.partition(".")[0] not in INTERNAL
        if users:
            limit = _quick.traceback_limit
            if limit is None:
                limit = config.traceback_limit
            if limit != 1:
                return _with_callers(frame, limit)
            code = frame.f_code
            known = _places.get((id(code), frame.f_lasti))
            return known[1] if known is not None else _remember(code, frame)
        frame = frame.f_back
    return None


def users_level() -> int:
    """Return the ``stacklevel`` with which the warning of the function that calls this names the user's line."""
    level = 1
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in INTERNAL:
        level += 1
        frame = frame.f_back
    return level


def _remember(code: CodeType, frame: FrameType) -> Frame:
    if len(_places) >= _MOST_PLACES:  # code that is made anew all the time must not stay for ever
        _places.clear()
    found = code.co_filename, frame.f_lineno, code.co_name
    _places[id(code), frame.f_lasti] = code, found
    return found


def _with_callers(frame: FrameType, limit: int) -> Frame:
    """Return a trace of at most ``limit`` frames of the user's code, but always of one; all of them below zero."""
    code = frame.f_code
    kept = [(code.co_filename, frame.f_lineno, code.co_name)]
    outer = frame.f_back
    while outer is not None and len(kept) != max(limit, limit == 0):
        if outer.f_globals.get("__name__", "").partition(".")[0] not in INTERNAL:
            code = outer.f_code
            kept.append((code.co_filename, outer.f_lineno, code.co_name))
        outer = outer.f_back
    found: Frame = kept.pop()
    while kept:
        found = (*kept.pop(), found)
    return found


class Steps(tuple[Any, ...]):
    """The trace of a node that does the work of several: that of the last of them, and in ``steps`` that of each."""

    steps: Sequence[Frame | None]

    def __new__(cls, frame: Frame, steps: Sequence[Frame | None] = ()) -> "Steps":
        made = super().__new__(cls, frame)
        made.steps = tuple(steps)
        return made


def together(steps: Sequence[Frame | None], frame: Frame | None = None) -> Frame | None:
    """Return the trace of a node that does, in this order, the work of nodes with these traces, and then perhaps more,
    of the trace ``frame``."""
    last = frame or next((step for step in reversed(steps) if step is not None), None)
    return last if last is None or {last, *steps} == {last} else Steps(last, steps)


def each(frame: Frame | None, count: int) -> Sequence[Frame | None]:
    """Return the traces of the ``count`` operations that a node does the work of."""
    steps = frame.steps if isinstance(frame, Steps) else ()
    return steps if len(steps) == count else (frame,) * count


class inherit:
    """Give the nodes made inside the block this trace: ``with inherit(node.trace): ...``."""

    __slots__ = ("before", "frame")  # a class, for the block is entered once per node

    def __init__(self, frame: Frame | None):
        self.frame = frame

    def __enter__(self) -> None:
        self.before = getattr(_local, "frame", None)
        _local.frame = self.frame

    def __exit__(self, *error: object) -> None:
        _local.frame = self.before


@contextlib.contextmanager
def recording() -> Iterator[None]:
    """While a Python function runs only to record its graph, no symbolic variable has a truth value (see ``jit``)."""
    before = is_recording()
    _local.recording = True
    try:
        yield
    finally:
        _local.recording = before


def is_recording() -> bool:
    """Tell whether this thread is inside ``recording``."""
    return getattr(_local, "recording", False)


def describe(frame: Frame | None) -> str:
    """Return ``file:line in function: text of the line`` of the innermost line, or an empty string."""
    if frame is None:
        return ""
    file, line, function = frame[:3]
    text = linecache.getline(file, line).strip()
    return f"{file}:{line} in {function}: {text}" if text else f"{file}:{line} in {function}"


def callers(frame: Frame | None) -> list[str]:
    """Return the lines that led to the innermost one, as ``describe`` writes them, the nearest first."""
    lines = []
    while frame is not None and len(frame) > 3:
        frame = frame[3]
        lines.append(describe(frame))
    return lines
