"""Cases of linear algebra and of special functions, those that need SciPy to run in a list of their own."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from symcore.linalg.decompositions import QR, SVD, Cholesky, Eig, Eigh
from symcore.linalg.inverses import Adjugate, Det, MatrixInverse, MatrixPinv, SLogDet
from symcore.linalg.products import Expm
from symcore.linalg.solving import Lstsq, SolveGeneral, SolveTriangular
from symcore.tensor.elemwise import TABLE
from symcore.testing.case import OpCase

_rng = np.random.default_rng(3)


def _normal(*shape: int) -> Any:
    return _rng.normal(size=shape)


def _well(n: int) -> Any:
    """Return a matrix far from singular."""
    return np.eye(n) * 3 + 0.4 * _normal(n, n)


def _definite(n: int) -> Any:
    a = 0.4 * _normal(n, n)
    return a @ a.T + np.diag(np.arange(1.0, n + 1))


_TALL, _WIDE = np.eye(4, 3) * 2 + 0.4 * _normal(4, 3), np.eye(3, 5) * 2 + 0.4 * _normal(3, 5)
_SPREAD = np.diag([4.0, 2.5, 1.0]) + 0.3 * _normal(3, 3)


def _inverses() -> list[OpCase]:
    return [
        OpCase(MatrixInverse(), _well(3), expected=np.linalg.inv),
        OpCase(MatrixInverse(), np.zeros((0, 0))),
        OpCase(MatrixInverse(), np.array([[2, 1], [1, 1]]), expected=np.linalg.inv),
        OpCase(MatrixInverse(), _well(2) + 1j * _normal(2, 2), expected=np.linalg.inv),
        OpCase(MatrixPinv(), _TALL, expected=np.linalg.pinv),
        OpCase(MatrixPinv(), _WIDE, expected=np.linalg.pinv),
        OpCase(Det(), _well(3), expected=np.linalg.det),
        OpCase(Det(), np.array([[1, 2], [2, 4]]), grad=False, expected=np.linalg.det),
        OpCase(Adjugate(), _well(3), expected=lambda x: np.linalg.det(x) * np.linalg.inv(x)),
        OpCase(Adjugate(), np.array([[1, 2], [2, 4]]), grad=False, expected=lambda x: np.array([[4, -2], [-2, 1]])),
        OpCase(Adjugate(singular=True), np.array([[1, 2], [2, 4]]), grad=False,
               expected=lambda x: np.array([[4, -2], [-2, 1]])),
        OpCase(SLogDet(), -_well(3), expected=np.linalg.slogdet),
        OpCase(Lstsq(), _TALL, _normal(4), unconnected=[1, 3],
               expected=lambda a, b: np.linalg.lstsq(a, b, rcond=None)),
        OpCase(Lstsq(), _WIDE, _normal(3, 2), unconnected=[1, 3],
               expected=lambda a, b: np.linalg.lstsq(a, b, rcond=None)),
        OpCase(SolveGeneral(), _well(3), _normal(3), expected=np.linalg.solve),
        OpCase(SolveGeneral(), _well(3), _normal(3, 2), expected=np.linalg.solve),
        OpCase(SolveGeneral(), np.array([[2, 1], [1, 1]]), _normal(2, 1)),
    ]  # fmt: skip


def _decompositions() -> list[OpCase]:
    rotation = np.array([[0.0, -1.0], [1.0, 0.5]])
    return [
        OpCase(Cholesky(), _definite(4), expected=np.linalg.cholesky),
        OpCase(Cholesky(False), _definite(3), expected=lambda x: np.linalg.cholesky(x).T),
        OpCase(Cholesky(on_error="nan"), -_definite(3), grad=False, expected=lambda x: np.full((3, 3), np.nan)),
        OpCase(Eig(), rotation, expected=lambda x: tuple(np.linalg.eig(x))),
        OpCase(Eigh(), _definite(4), expected=lambda x: tuple(np.linalg.eigh(x))),
        OpCase(Eigh("U"), _definite(3), expected=lambda x: tuple(np.linalg.eigh(x, "U"))),
        OpCase(SVD(), _TALL, undefined=[0], expected=lambda x: tuple(np.linalg.svd(x))),
        OpCase(SVD(False), _SPREAD, expected=lambda x: tuple(np.linalg.svd(x, False))),
        OpCase(SVD(False), np.vstack([_SPREAD, _normal(1, 3)])),
        OpCase(SVD(False), np.hstack([_SPREAD, _normal(3, 2)])),
        OpCase(SVD(compute_uv=False), _WIDE, expected=lambda x: np.linalg.svd(x, compute_uv=False)),
        OpCase(QR(), _TALL, expected=lambda x: tuple(np.linalg.qr(x))),
        OpCase(QR(), _WIDE, expected=lambda x: tuple(np.linalg.qr(x))),
        OpCase(QR("r"), _well(3), expected=lambda x: np.linalg.qr(x, "r")),
        OpCase(QR("complete"), _TALL, undefined=[0], expected=lambda x: tuple(np.linalg.qr(x, "complete"))),
    ]


def _each(function: Callable[..., float]) -> Callable[..., Any]:
    """Return a function of numbers as one of arrays."""
    return lambda *xs: np.vectorize(function, otypes=["float64"])(*xs)


def _special_in_numpy() -> list[OpCase]:
    x, zero = np.array([[0.3, 1.7, 2.2]]), np.array([0.0, 0.5, 2.0])
    return [
        OpCase(TABLE["xlogx"], x, expected=lambda x: x * np.log(x)),
        OpCase(TABLE["xlogx"], zero, grad=False, expected=lambda x: x * np.log(np.where(x == 0, 1, x))),
        OpCase(TABLE["xlogy0"], x, 2 * x, expected=lambda x, y: x * np.log(y)),
        OpCase(
            TABLE["xlogy0"],
            zero,
            np.array([0.0, np.inf, 1.0]),
            grad=False,
            expected=lambda x, y: np.array([0, np.inf, 0]),
        ),
        OpCase(TABLE["sinc"], np.array([0.0, 0.4, -1.3]), expected=np.sinc),
    ]


def _special() -> list[OpCase]:
    x, low = np.array([[0.3, 1.7], [2.2, -0.6]]), np.array([-0.8, 0.1, 0.6])
    positive = np.array([0.4, 1.3, 2.6, 5.1])
    order = np.array([1, 2, 3, 2])
    cases = [
        OpCase(TABLE["erf"], x, expected=_each(math.erf)),
        OpCase(TABLE["erfc"], x, expected=_each(math.erfc)),
        OpCase(TABLE["erfcx"], x, expected=_each(lambda x: math.exp(x * x) * math.erfc(x))),
        OpCase(TABLE["erfinv"], low),
        OpCase(TABLE["erfcinv"], 1 + low),
        OpCase(TABLE["gamma"], positive, expected=_each(math.gamma)),
        OpCase(TABLE["gammaln"], positive, expected=_each(math.lgamma)),
        OpCase(TABLE["gammaln"], np.zeros((0, 2))),
        OpCase(TABLE["erf"], np.array([-2, 0, 1], "int8"), expected=_each(math.erf)),
    ]
    cases += [OpCase(TABLE[name], positive) for name in ("psi", "tri_gamma", "j0", "j1", "i0", "i1")]
    cases += [OpCase(TABLE[name], np.float64(0.7)) for name in ("erf", "psi", "i1")]
    for name in ("gammainc", "gammaincc", "jv", "iv", "polygamma"):
        cases.append(OpCase(TABLE[name], order, positive))
        cases.append(OpCase(TABLE[name], order.astype("float64"), positive, undefined=[0]))
    return cases


def _in_scipy() -> list[OpCase]:
    lower, rhs = _well(3), _normal(3, 2)
    return [
        OpCase(SolveTriangular(), lower, rhs, expected=lambda a, b: np.linalg.solve(np.tril(a), b)),
        OpCase(SolveTriangular(False), lower, _normal(3), expected=lambda a, b: np.linalg.solve(np.triu(a), b)),
        OpCase(SolveTriangular(True, True), lower, rhs, expected=lambda a, b: np.linalg.solve(np.tril(a).T, b)),
        OpCase(SolveTriangular(False, True, True), lower, rhs,
               expected=lambda a, b: np.linalg.solve(np.triu(a, 1).T + np.eye(3, dtype=a.dtype), b)),
        OpCase(SolveTriangular(), np.zeros((0, 0)), np.zeros((0, 2))),
        OpCase(Expm(), 0.4 * _normal(3, 3)),
        OpCase(Expm(), np.zeros((2, 2)), expected=lambda x: np.eye(2)),
    ]  # fmt: skip


#: Cases that run through SciPy; without it their Ops raise ``ImportError``.
SCIPY_CASES: list[OpCase] = [*_in_scipy(), *_special()]
#: One list of all cases.
LINALG_CASES: list[OpCase] = [*_inverses(), *_decompositions(), *_special_in_numpy(), *SCIPY_CASES]
