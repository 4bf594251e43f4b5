"""``T.nlinalg``: linear algebra as ``numpy.linalg`` has it. Nothing here needs SciPy."""

from symcore.linalg.decompositions import QR, SVD, Eig, Eigh, eig, eigh, qr, svd
from symcore.linalg.inverses import (
    Det,
    MatrixInverse,
    MatrixPinv,
    SLogDet,
    det,
    inv,
    matrix_inverse,
    matrix_power,
    pinv,
    slogdet,
    tensorinv,
)
from symcore.linalg.products import kron, matrix_dot, norm
from symcore.linalg.solving import Lstsq, lstsq, solve, tensorsolve
from symcore.tensor.diagonals import alloc_diag, diag, extract_diag, trace

__all__ = [
    "QR", "SVD", "Det", "Eig", "Eigh", "Lstsq", "MatrixInverse", "MatrixPinv", "SLogDet", "alloc_diag", "det", "diag",
    "eig", "eigh", "extract_diag", "inv", "kron", "lstsq", "matrix_dot", "matrix_inverse", "matrix_power", "norm",
    "pinv", "qr", "slogdet", "solve", "svd", "tensorinv", "tensorsolve", "trace",
]  # fmt: skip
