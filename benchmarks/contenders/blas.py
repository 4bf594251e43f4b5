"""The OpenBLAS library inside SciPy's wheel: one BLAS for NumPy's peers and for the hand-written C."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


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
