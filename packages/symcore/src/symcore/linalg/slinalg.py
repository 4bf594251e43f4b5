"""``T.slinalg``: linear algebra as ``scipy.linalg`` has it. Triangular systems and ``expm`` need SciPy to run."""

from symcore.linalg.decompositions import Cholesky, cholesky, eigvalsh
from symcore.linalg.products import Expm, expm, kron
from symcore.linalg.solving import (
    Solve,
    SolveTriangular,
    cho_solve,
    solve,
    solve_lower_triangular,
    solve_symmetric,
    solve_triangular,
    solve_upper_triangular,
)

__all__ = [
    "Cholesky", "Expm", "Solve", "SolveTriangular", "cho_solve", "cholesky", "eigvalsh", "expm", "kron", "solve",
    "solve_lower_triangular", "solve_symmetric", "solve_triangular", "solve_upper_triangular",
]  # fmt: skip
