"""Which line of the user's code built a node.

A frame is kept as ``(file, line, function)``; the text of the line is read only when an error is shown. While rules
rewrite a node, the nodes they make inherit its trace (``inherit``), so an error at run time can name the user's line.
"""

import contextlib
import linecache
import sys
import threading
from collections.abc import Iterator
from types import FrameType

Frame = tuple[str, int, str]

#: Top-level packages whose frames are never the user's.
INTERNAL = frozenset({"symcore", "symopt", "symcodegen", "symgpu", "symnnet", "symscan", "symstack"})

_local = threading.local()


def here() -> Frame | None:
    """Return the innermost frame outside the packages of the compiler, or the trace being inherited."""
    inherited = getattr(_local, "frame", None)
    if inherited is not None:
        return inherited
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name.partition(".")[0] not in INTERNAL:
            code = frame.f_code
            return code.co_filename, frame.f_lineno, code.co_name
        frame = frame.f_back
    return None


@contextlib.contextmanager
def inherit(frame: Frame | None) -> Iterator[None]:
    """Give the nodes made inside the block this trace."""
    before = getattr(_local, "frame", None)
    _local.frame = frame
    try:
        yield
    finally:
        _local.frame = before


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
    """Return ``file:line in function: text of the line``, or an empty string."""
    if frame is None:
        return ""
    file, line, function = frame
    text = linecache.getline(file, line).strip()
    return f"{file}:{line} in {function}: {text}" if text else f"{file}:{line} in {function}"
