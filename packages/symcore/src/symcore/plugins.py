"""Plugins: entry points of other packages, loaded once, in sorted order, at the first compile and never at import.

Groups and what they hold: ``symstack.rewrites`` (a ``RuleSet``), ``symstack.c`` and ``symstack.gpu`` (modules whose
import registers kernels), ``symstack.linkers`` (linker classes), ``symstack.shared`` (constructors of containers on a
device). Installed distributions are looked at in their folders: ``importlib.metadata`` costs ten times as much, and is
asked about archives alone. What was found is kept on disk, keyed by the state of the folders.
"""

import hashlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from symcore import notes
from symcore.locks import ForkLock

GROUPS = ("symstack.rewrites", "symstack.c", "symstack.gpu", "symstack.linkers", "symstack.shared")

_lock = ForkLock()
_loaded: dict[str, dict[str, Any]] = {}
_in_use: dict[str, dict[str, Any]] = {}
_names: dict[str, list[list[str]]] | None = None


def load(group: str) -> dict[str, Any]:
    """Return ``{entry name: object}`` of a group, sorted by name.

    Raises ``ImportError`` naming the distribution's entry when a plugin cannot be imported.
    """
    with _lock:
        if group not in _loaded:
            _loaded[group] = {name: _resolve(group, name, target) for name, target in _entries(group)}
        return _loaded[group]


#: Packages of this project whose entries of a group concern their own Ops alone.
_OWN_OPS = {
    "symstack.c": frozenset({"symnnet", "symscan", "symgpu"}),
    "symstack.rewrites": frozenset({"symscan"}),
}


def load_in_use(group: str) -> dict[str, Any]:
    """Return ``{entry name: object}`` of the entries that concern a process as it stands: asked again, those since.

    Left out are entries about Ops of this project's packages that nobody has imported: then no graph holds one.
    """
    with _lock:
        if group in _loaded:
            return _loaded[group]
        seen, own = _in_use.setdefault(group, {}), _OWN_OPS.get(group, frozenset())
        for name, target in _entries(group):
            root = target.partition(":")[0].partition(".")[0]
            if name not in seen and (root not in own or root in sys.modules):
                seen[name] = _resolve(group, name, target)
        return {name: seen[name] for name, _ in _entries(group) if name in seen}


def names(group: str) -> list[str]:
    """Return the names of a group's entries without importing them."""
    with _lock:
        return [name for name, _ in _entries(group)]


def _entries(group: str) -> list[list[str]]:
    global _names
    if _names is None:
        _names = _recalled() or _scan()
    return _names.get(group, [])


def _resolve(group: str, name: str, target: str) -> Any:
    module, _, attribute = target.partition(":")
    try:
        __import__(module)
        value = sys.modules[module]
        for part in filter(None, attribute.split(".")):
            value = getattr(value, part)
    except Exception as error:
        raise ImportError(f"plugin {name!r} of group {group!r} ({target}) cannot be loaded: {error}") from error
    return value


def _recalled() -> dict[str, list[list[str]]] | None:
    """Return what an earlier process found in the same folders in the same state."""
    data: Any = notes.recall("plugins", _fingerprint(), "")
    if not isinstance(data, dict) or set(data) != set(GROUPS):
        return None
    rows = [row for group in data.values() if isinstance(group, list) for row in group]
    sound = all(isinstance(row, list) and len(row) == 2 and all(isinstance(t, str) for t in row) for row in rows)
    return data if sound and all(isinstance(group, list) for group in data.values()) else None


def _scan() -> dict[str, list[list[str]]]:
    state = _fingerprint()
    found: dict[str, set[tuple[str, str]]] = {group: set() for group in GROUPS}
    seen: set[str] = set()
    for entry in _searched():
        for distribution, text in _texts(entry or "."):
            if distribution not in seen:  # the first on the path is the one that would be imported
                seen.add(distribution)
                for group, name, target in _parsed(text):
                    found[group].add((name, target))
    plain = {group: [list(pair) for pair in sorted(pairs)] for group, pairs in found.items()}
    # Seen while something was being installed, entries may be missing: that is not what later processes should read.
    if _fingerprint() == state:
        notes.keep("plugins", state, "", plain)
    return plain


def _searched() -> list[str]:
    """Return where distributions may lie: ``sys.path`` without the standard library, whose folders are large."""
    file = getattr(os, "__file__", None)  # None in a program frozen into one file
    library = os.path.dirname(file) if file else None
    own = (library, os.path.join(library, "lib-dynload")) if library else ()
    return [entry for entry in dict.fromkeys(sys.path) if entry not in own]


def _texts(entry: str) -> Iterator[tuple[str, str]]:
    """Yield the name of each distribution in an entry of ``sys.path``, and the text of its entry points."""
    if os.path.isfile(entry):
        from importlib.metadata import distributions

        for d in distributions(path=[entry]):
            yield _normalized(d.metadata["Name"]), d.read_text("entry_points.txt") or ""
        return
    try:
        folders = sorted(e.name for e in os.scandir(entry) if e.name.endswith((".dist-info", ".egg-info")))
    except OSError:
        return
    for folder in folders:
        try:
            text = Path(entry, folder, "entry_points.txt").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):  # it has none (a file instead of a folder, too)
            text = ""
        yield _normalized(os.path.splitext(folder)[0].partition("-")[0]), text


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()


def _parsed(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield ``(group, name, target)`` of our groups in the text of entry points; lines of no sense are passed over."""
    group = ""
    for line in map(str.strip, text.splitlines() if "[symstack." in text else ()):
        if line.startswith("["):
            group = line.strip("[]")
        elif group in GROUPS and "=" in line and not line.startswith("#"):
            name, _, target = line.partition("=")
            yield group, name.strip(), target.partition("[")[0].strip()


def _fingerprint() -> str:
    digest = hashlib.blake2b(sys.version.encode(), digest_size=16)
    for entry in _searched():
        # Not the time of the folder itself: whoever writes a file beside a script would make the next run scan again.
        digest.update(f"{entry}\0".encode() + _metadata_stamp(entry))
    return digest.hexdigest()


def _metadata_stamp(folder: str) -> bytes:
    """Names and times of the metadata folders in ``folder``: every installation and removal changes them."""
    try:
        with os.scandir(folder or ".") as listing:
            rows = [
                (e.name, e.stat().st_mtime_ns)
                for e in listing
                if e.name.endswith((".dist-info", ".egg-info"))
            ]
    except OSError:
        return b""
    return repr(sorted(rows)).encode()
