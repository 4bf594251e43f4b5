"""The OpenBLAS library inside SciPy's wheel: one BLAS for NumPy's peers and for the hand-written C."""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

#: Environment variables that say how many threads OpenBLAS takes.
BLAS_VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "GOTO_NUM_THREADS")


@dataclass(frozen=True)
class Blas:
    """A shared library and the prefix of its symbols (``scipy_`` in SciPy's wheels)."""

    library: Path
    prefix: str

    @property
    def link_flags(self) -> str:
        folder = self.library.parent
        return f"-L{folder} -l:{self.library.name} -Wl,-rpath,{folder}"


def scipy_openblas() -> Blas | None:
    """The library next to SciPy, or None where SciPy was built against another BLAS (distributions, macOS)."""
    spec = find_spec("scipy")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent.parent / "scipy.libs"
    for library in sorted(folder.glob("libscipy_openblas*.so*")):
        if not re.search(r"openblas64", library.name):  # 64-bit indices: another ABI
            return Blas(library, "scipy_")
    return None


@cache
def _loaded() -> tuple[ctypes.CDLL, str] | None:
    found = scipy_openblas()
    return None if found is None else (ctypes.CDLL(str(found.library)), found.prefix)


def set_threads(count: int) -> bool:
    """Let the BLAS inside SciPy use so many threads, for the whole process; False where there is no such library."""
    loaded = _loaded()
    setter = getattr(loaded[0], f"{loaded[1]}openblas_set_num_threads", None) if loaded else None
    if setter is None:
        return False
    setter(ctypes.c_int(count))
    return True


def threads() -> int:
    """How many threads the BLAS inside SciPy uses; 0 where there is no such library."""
    loaded = _loaded()
    getter = getattr(loaded[0], f"{loaded[1]}openblas_get_num_threads", None) if loaded else None
    return 0 if getter is None else int(getter())
