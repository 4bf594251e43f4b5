"""Modules that another thread was importing when this process was forked: they are imported again.

Python holds a lock per module while it is imported. A forked child has the locks that other threads held, but not those
threads, so that it waits for ever when it imports such a module. This compiler imports much of itself, and of what it
needs, only when it is needed, so that a fork amid another thread's first compilation would meet it often. In the child
the modules that this compiler was importing, and those that they were importing in turn, are made unknown again. A
module that was only imported by others stays as it is.

The locks are Python's own business: where an interpreter keeps them differently, nothing is done.
"""

import importlib
import os
import sys
import threading
from types import FrameType
from typing import Any

from symcore.graph.trace import INTERNAL

#: Of threads that are in our code when the fork begins: the modules whose import they began before they came here.
_outside: dict[int, set[str]] = {}


def _locks() -> dict[str, Any]:
    found = getattr(getattr(importlib, "_bootstrap", None), "_module_locks", None)
    return found if isinstance(found, dict) else {}


def _is_ours(name: Any) -> bool:
    return isinstance(name, str) and name.partition(".")[0] in INTERNAL


def begun_outside(frame: FrameType | None) -> set[str] | None:
    """Return the modules that a thread at ``frame`` began to import before it came to our code; ``None`` if it is not
    there."""
    frames = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    names: set[str] = set()
    for f in reversed(frames):
        home = f.f_globals.get("__name__")
        if _is_ours(home):
            return names
        if home in ("_frozen_importlib", "importlib._bootstrap") and f.f_code.co_name == "_find_and_load":
            name = f.f_locals.get("name")
            if _is_ours(name):
                return names
            names.add(str(name))
    return None


def _before_fork() -> None:
    _outside.clear()
    for thread, frame in sys._current_frames().items():
        found = None if thread == threading.get_ident() else begun_outside(frame)
        if found is not None:
            _outside[thread] = found


def _after_fork() -> None:
    locks, held = _locks(), dict[int, list[str]]()
    for name, reference in list(locks.items()):
        owner = getattr(reference(), "owner", None)
        if owner is not None and owner != threading.get_ident():
            held.setdefault(owner, []).append(name)
    order = {name: k for k, name in enumerate(sys.modules)}
    for owner, names in held.items():
        for name in _for_us(names, _outside.get(owner), order):
            if getattr(getattr(sys.modules.get(name), "__spec__", None), "_initializing", False):
                del sys.modules[name]
            locks.pop(name, None)
    _outside.clear()


def _for_us(names: list[str], outside: set[str] | None, order: dict[str, int]) -> list[str]:
    """Return which of the modules that a thread was importing it was importing for us."""
    if outside is not None:
        return [name for name in names if name not in outside]
    # It came here after the fork began. One inside the other, as they came to be known; the innermost may not be yet.
    names = sorted(names, key=lambda name: order.get(name, len(order)))
    first = next((k for k, name in enumerate(names) if _is_ours(name)), len(names))
    return names[first:]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
