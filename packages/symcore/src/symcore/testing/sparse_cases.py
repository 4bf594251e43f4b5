"""The cases of the Ops of sparse matrices. Their values are made when asked for: without SciPy there are none.

``check_op`` looks at tensors. What an Op makes of sparse matrices, and its derivatives with respect to them, are
checked by ``check_sparse``, on the same cases.
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from symcore.extras import scipy_module
from symcore.gradient.rop import Rop
from symcore.gradient.verify import compare_grads
from symcore.interpreter import evaluate
from symcore.sparse.arithmetic import AddSS, CompareSS, MulSD, MulSS, SparseCast
from symcore.sparse.base import SparseLength, Transpose, is_sparse_variable
from symcore.sparse.base import constant as sparse_constant
from symcore.sparse.entries import (
    ConvertFormat,
    DenseAt,
    DenseFromSparse,
    Entries,
    SparseAt,
    SparseFromDense,
    SpSum,
    WithEntries,
)
from symcore.sparse.indexing import SliceSparse, TakeRows
from symcore.sparse.joining import BlockDiag, Diag, DiagonalMatrix, Remove0, SparseStack
from symcore.sparse.parts import CSM, FromCoordinates, PickElements, Positions
from symcore.sparse.products import SampledDot, SparseDot
from symcore.sparse.type import SparseType, is_sparse_value, with_entries
from symcore.sparse.verify import verify_grad_sparse
from symcore.tensor.type import TensorType
from symcore.testing.case import OpCase

_rng = np.random.default_rng(17)


class Stored:
    """A sparse input: a dense matrix, the format it is given in, and further arguments of SciPy's class."""

    def __init__(self, dense: Any, format: str = "csr", **options: Any):
        self.dense = np.asarray(dense)
        self.format = format
        self.options = options

    def matrix(self) -> Any:
        """Return the matrix of SciPy."""
        return getattr(scipy_module("sparse", "a sparse case"), f"{self.format}_matrix")(self.dense, **self.options)

    def __repr__(self) -> str:
        return f"{self.format}: {self.dense.dtype}{list(self.dense.shape)}"


class SparseCase(OpCase):
    """An ``OpCase`` of which some inputs are ``Stored``.

    ``structured`` says which derivatives with respect to sparse inputs are checked: with ``True`` those of stored
    entries, with ``False`` those of all elements. ``dense`` computes the output from dense arrays, as a dense array.
    """

    def __init__(
        self, op: Any, *inputs: Any, structured: bool = False, dense: Callable[..., Any] | None = None, **options: Any
    ):
        self.given = [x if isinstance(x, Stored) else np.asarray(x) for x in inputs]
        self.structured = structured
        self.dense = dense
        super().__init__(op, **options)
        self.shapes = [(None,) * (0 if isinstance(x, Stored) else x.ndim) for x in self.given]
        if any(not isinstance(x, Stored) and x.dtype == np.float64 for x in self.given):
            self.dtypes = ("float64", "float32")

    @property
    def inputs(self) -> list[Any]:  # type: ignore[override]
        """The inputs, sparse ones as constants; as they were given where there is no SciPy to make these."""
        if find_spec("scipy") is None:
            return list(self.given)
        return [sparse_constant(x.matrix()) if isinstance(x, Stored) else x for x in self.given]

    @inputs.setter
    def inputs(self, value: Any) -> None:
        """Nothing: they come from ``given``."""

    def variables(self, arrays: Sequence[Any], static: bool) -> list[Any]:
        """Return input variables for ``arrays``; of sparse ones too the lengths are known or not."""
        found = super().variables(arrays, static)
        return [v if static or not is_sparse_variable(v) else v.type.clone(shape=(None, None))(v.name) for v in found]

    def __repr__(self) -> str:
        shown = [str(x) if isinstance(x, Stored) else f"{x.dtype}{list(x.shape)}" for x in self.given]
        return f"{self.op}({', '.join(shown)})"


def check_sparse(case: SparseCase) -> None:
    """Check the output of a case against NumPy, and ``L_op`` and ``R_op`` with respect to all its float inputs.

    Raises ``AssertionError`` (``GradientError`` is one).
    """
    points = [x.matrix() if isinstance(x, Stored) else x for x in case.given]
    variables = [_variable(p) for p in points]
    y = case.op(*variables)
    if case.dense is not None:
        found = _array(evaluate(y, dict(zip(variables, points, strict=True))))
        wanted = np.asarray(case.dense(*map(_array, points)))
        assert found.dtype == y.type.dtype and found.shape == wanted.shape, f"{case}: {found!r}, not {wanted!r}"
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)
    moving = [k for k, p in enumerate(points) if p.dtype == np.float64]
    if case.grad and moving and y.type.dtype.kind == "f":
        _check_backward(case, points, moving)
        _check_forward(case, points, moving)


def _check_backward(case: SparseCase, points: Sequence[Any], moving: Sequence[int]) -> None:
    def output(*variables: Any) -> Any:
        given = dict(zip(moving, variables, strict=True))
        return case.op(*[given.get(k, p) for k, p in enumerate(points)])

    verify_grad_sparse(output, [points[k] for k in moving], structured=case.structured)


def _check_forward(case: SparseCase, points: Sequence[Any], moving: Sequence[int]) -> None:
    """Compare ``R_op`` with the differences of the outputs at points of a line through the inputs."""
    rng = np.random.default_rng(5)
    variables = [_variable(points[k]) for k in moving]
    given = dict(zip(moving, variables, strict=True))
    y = case.op(*[given.get(k, p) for k, p in enumerate(points)])
    directions = [_direction(rng, points[k], case.structured) for k in moving]
    tangents = [v.type() for v in variables]
    values = dict(zip((*variables, *tangents), (*[points[k] for k in moving], *directions), strict=True))
    found = _array(evaluate(Rop(y, variables, tangents), values))

    def moved(h: float) -> Any:
        ends = [_moved(points[k], d, h) for k, d in zip(moving, directions, strict=True)]
        return _array(evaluate(y, dict(zip(variables, ends, strict=True))))

    def central(h: float) -> Any:
        return (moved(h) - moved(-h)) / (2 * h)

    compare_grads(found, (4 * central(5e-4) - central(1e-3)) / 3, case.tol, case.tol, f"{case.op} (R_op)")


def _variable(point: Any) -> Any:
    if is_sparse_value(point):
        return SparseType(point.format, point.dtype)()
    return TensorType(point.dtype, (None,) * point.ndim)()


def _direction(rng: np.random.Generator, point: Any, structured: bool) -> Any:
    if not is_sparse_value(point):
        return rng.normal(size=point.shape)
    if structured:
        return with_entries(point, rng.normal(size=point.data.shape))
    return type(point)(rng.normal(size=point.shape))


def _moved(point: Any, direction: Any, h: float) -> Any:
    if is_sparse_value(point) and point.data.shape == direction.data.shape:
        return with_entries(point, point.data + h * direction.data)
    return point + direction * h


def _array(value: Any) -> Any:
    return value.toarray() if is_sparse_value(value) else value


# ---------------------------------------------------------------------- values


def _scattered(m: int, n: int) -> Any:
    """Return a matrix of which about half the elements, and one whole row, are zero."""
    found = _rng.uniform(0.5, 2.0, (m, n)) * _rng.choice([-1.0, 1.0], (m, n)) * (_rng.random((m, n)) < 0.6)
    found[min(1, m - 1)] = 0.0
    return found


def _int(*values: int) -> Any:
    return np.array(values, dtype="int64")


def _normal(*shape: int) -> Any:
    return _rng.normal(size=shape)


_A, _B, _C = _scattered(4, 5), _scattered(4, 5), _scattered(5, 3)
_SQUARE = _scattered(4, 4)
_WHERE = (_A != 0).astype("int64")
_COUNT = int(_WHERE.sum())
_EMPTY = np.zeros((0, 3))
_FORMATS = ("csr", "csc", "bsr")
_BLOCKS = Stored(np.kron([[1.0, 0.0], [0.0, 2.0]], [[1.5, -1.0], [0.0, 2.0]]), "bsr", blocksize=(2, 2))


def _entries() -> list[OpCase]:
    cases: list[OpCase] = []
    for f in _FORMATS:
        x, where = Stored(_A, f), Stored(_WHERE, f)
        cases += [
            SparseCase(Entries(), x, structured=True),
            SparseCase(WithEntries(), where, _normal(_COUNT)),
            SparseCase(DenseAt(), where, _normal(4, 5)),
            SparseCase(DenseAt(), where, _normal(5)),
            SparseCase(SparseAt(), where, x),
            SparseCase(SparseAt(), where, Stored(_B, "csc")),
            SparseCase(DenseFromSparse(False), x, dense=np.array),
            SparseCase(DenseFromSparse(), x, structured=True, dense=np.array),
            SparseCase(SparseFromDense(f), _A, dense=np.array),
            SparseCase(SparseFromDense(f), _A[0], dense=lambda x: x[None]),
            SparseCase(ConvertFormat("csc"), x, dense=np.array),
            SparseCase(Transpose(), x, dense=np.transpose),
            SparseCase(SpSum((0, 1)), x, dense=np.sum),
            SparseCase(SpSum((0,)), x, dense=lambda x: x.sum(0)),
            SparseCase(SpSum((1,)), x, dense=lambda x: x.sum(1)),
            SparseCase(SpSum((1,), True), x, structured=True),
            SparseCase(SpSum((0,)), Stored((_A > 0), f), dense=lambda x: x.sum(0)),
            SparseCase(SpSum((0, 1)), Stored(_WHERE.astype("uint8"), f), dense=np.sum),
            SparseCase(SparseLength(1), x, dense=lambda x: 5),
            SparseCase(Remove0(), x, dense=np.array),
        ]
    return [
        *cases,
        SparseCase(Entries(), _BLOCKS, structured=True),
        SparseCase(DenseAt(), _BLOCKS, _normal(4, 4), grad=False),
        SparseCase(Transpose(), _BLOCKS, dense=np.transpose),
        SparseCase(DenseFromSparse(), Stored(_EMPTY), dense=np.array),
        SparseCase(SpSum((0,)), Stored(_EMPTY), dense=lambda x: x.sum(0)),
        SparseCase(SparseFromDense("csr"), _EMPTY, dense=np.array),
    ]


def _parts() -> list[OpCase]:
    indices, indptr = _int(3, 0, 2, 2), _int(0, 2, 2, 4)  # unsorted, and one position twice
    rows, columns = _int(0, 3, -1, 0), _int(4, 1, 2, 4)
    return [
        SparseCase(CSM("csr"), _normal(4), indices, indptr, _int(3, 4)),
        SparseCase(CSM("csc"), _normal(4), indices, indptr, _int(4, 3)),
        SparseCase(Positions("indices"), Stored(_A)),
        SparseCase(Positions("indptr"), Stored(_A, "csc")),
        SparseCase(FromCoordinates("csr"), _normal(4), _int(0, 3, 1, 0), columns, np.int64(4), np.int64(5)),
        SparseCase(FromCoordinates("csc"), _normal(0), _int(), _int(), np.int64(2), np.int64(0)),
        *(SparseCase(PickElements(), Stored(_A, f), rows, columns, dense=lambda x, i, j: x[i, j]) for f in _FORMATS),
        SparseCase(PickElements(), Stored(_A), _int(), _int(), dense=lambda x, i, j: x[i, j]),
    ]


def _arithmetic() -> list[OpCase]:
    cases: list[OpCase] = []
    for f in _FORMATS:
        x, y = Stored(_A, f), Stored(_B, f)
        cases += [
            SparseCase(AddSS(), x, y, dense=np.add),
            SparseCase(MulSS(), x, y, dense=np.multiply),
            SparseCase(MulSD(), x, _normal(4, 5), dense=np.multiply),
            SparseCase(MulSD(), x, _normal(5), dense=np.multiply),
            SparseCase(MulSD(), x, _normal(), dense=np.multiply),
            SparseCase(MulSD(), Stored(_WHERE, f), _normal(4, 5), dense=np.multiply),
            SparseCase(SparseCast("float32"), x, tol=1e-2, grad=False, dense=lambda x: x.astype("float32")),
            SparseCase(SparseCast("float64"), Stored(_WHERE, f), dense=lambda x: x.astype("float64")),
            SparseCase(SparseCast("int8"), x, dense=lambda x: x.astype("int8")),
        ]
        cases += [
            SparseCase(CompareSS(name), x, y, dense=compare)
            for name, compare in {"eq": np.equal, "neq": np.not_equal, "lt": np.less, "le": np.less_equal,
                                  "gt": np.greater, "ge": np.greater_equal}.items()
        ]  # fmt: skip
    return [*cases, SparseCase(AddSS(), Stored(_A, "csr"), Stored(_B, "csc"), dense=np.add)]


def _products() -> list[OpCase]:
    cases: list[OpCase] = []
    for f in _FORMATS:
        x, y = Stored(_A, f), Stored(_C, "csr")
        for structured in (False, True):
            cases += [
                SparseCase(SparseDot(structured), x, _normal(5, 3), structured=structured, dense=np.dot),
                SparseCase(SparseDot(structured), x, _normal(5), structured=structured, dense=np.dot),
                SparseCase(SparseDot(structured), x, y, structured=structured, dense=np.dot),
            ]
        cases.append(SparseCase(SampledDot(), _normal(4, 2), _normal(5, 2), Stored(_WHERE, f)))
    return [*cases, SparseCase(SparseDot(), Stored(_WHERE), _int(1, 0, 2, 3, 1), dense=np.dot),
            SparseCase(SparseDot(), Stored(_EMPTY), _normal(3, 2), dense=np.dot)]  # fmt: skip


def _indexing_and_joining() -> list[OpCase]:
    part = ("slice", "input", None, -2)
    cases: list[OpCase] = []
    for f in _FORMATS:
        x = Stored(_A, f)
        cases += [
            SparseCase(TakeRows(), x, _int(2, 0, -1, 2), dense=lambda x, i: x[i]),
            SparseCase(TakeRows(), x, _int(), dense=lambda x, i: x[i]),
            SparseCase(SliceSparse((("slice", 1, "input", None), part)), x, np.int64(-1), np.int64(4),
                       dense=lambda x, stop, start: x[1:stop, start::-2]),
            SparseCase(SliceSparse(("input", ("slice", None, 3, None))), x, np.int64(-2),
                       dense=lambda x, i: x[[i], :3]),
            SparseCase(SliceSparse((("slice", None, None, None), 2)), x, dense=lambda x: x[:, [2]]),
            SparseCase(SparseStack(0, f), x, Stored(_B, "csc"), dense=lambda *b: np.vstack(b)),
            SparseCase(SparseStack(1, f), x, Stored(_SQUARE), dense=lambda *b: np.hstack(b)),
            SparseCase(BlockDiag(f), x, Stored(_C), dense=lambda a, b: np.block(
                [[a, np.zeros((4, 3))], [np.zeros((5, 5)), b]])),
            SparseCase(Diag(), Stored(_SQUARE, f), dense=np.diagonal),
            SparseCase(Diag(), x, dense=np.diagonal),
            SparseCase(DiagonalMatrix(f), _normal(3), np.int64(3), np.int64(3), dense=lambda v, m, n: np.diag(v)),
        ]  # fmt: skip
    return cases


#: Cases that run through SciPy; without it their Ops raise ``ImportError``.
SPARSE_CASES: list[OpCase] = [*_entries(), *_parts(), *_arithmetic(), *_products(), *_indexing_and_joining()]
