"""Notes of one process for the next: what was found on this machine, under a stamp of what was looked at.

::

    found = notes.recall("sources", folder, stamp)
    if found is None:
        found = ...
        notes.keep("sources", folder, stamp, found)

They are files of JSON in the folder of this user's caches, and only ever save time: one that is missing, damaged, of
somebody else or under another stamp is none, and a folder that cannot be written keeps none.
"""

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any


def cache_root() -> Path:
    """Return the folder of this user's caches (``config.cache_dir`` if set); it need not exist."""
    from symcore.config import config

    if config.cache_dir:
        return Path(os.path.expanduser(config.cache_dir))
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "symstack"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "symstack"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "symstack"


def _file(name: str, place: str) -> str:
    return os.path.join(cache_root(), f"{name}-{hashlib.blake2b(place.encode(), digest_size=16).hexdigest()}.json")


def recall(name: str, place: str, stamp: str) -> Any:
    """Return what was kept under ``name`` about ``place``, if it was kept under the same stamp; else ``None``."""
    try:
        with open(_file(name, place), "rb") as file:
            if hasattr(os, "getuid") and os.fstat(file.fileno()).st_uid != os.getuid():
                return None  # somebody else wrote it
            data = json.loads(file.read())
    except (OSError, ValueError, RecursionError):
        return None
    return data.get("found") if isinstance(data, dict) and data.get("stamp") == stamp else None


def keep(name: str, place: str, stamp: str, found: Any) -> None:
    """Keep ``found`` (of what JSON has) for later processes, in place of what was kept about ``place`` before."""
    import tempfile  # not where everything was found before

    try:
        path = _file(name, place)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=os.path.dirname(path), suffix=".tmp", delete=False, encoding="utf-8"
        ) as file:
            json.dump({"stamp": stamp, "found": found}, file)
        os.replace(file.name, path)
    except OSError:
        pass  # a note that cannot be written only costs time
