"""Sums, elementwise products, comparisons, casts: sparse with sparse, and sparse with dense."""

from typing import Any, ClassVar

import numpy as np

from symcore.graph.null import disconnected
from symcore.graph.variable import Apply
from symcore.sparse.base import (
    _SparseOp,
    as_dense,
    as_matrix_pattern,
    as_sparse_or_tensor_variable,
    as_sparse_variable,
    check_shapes,
    common_shape,
    in_dtype_of,
    is_sparse,
)
from symcore.sparse.entries import (
    DenseFromSparse,
    SparseFromDense,
    at_entries,
    collected,
    dense_elements,
    entries,
    in_format,
    with_entries_of,
)
from symcore.sparse.type import SparseType, as_matrix, class_of, with_entries
from symcore.tensor import dtypes
from symcore.tensor import scalar_functions as sf
from symcore.tensor.constant import constant
from symcore.tensor.functions import true_div

#: Comparisons by SciPy's name of what finds where they hold; the others hold almost everywhere.
_COMPARED = {"eq": None, "neq": "__ne__", "lt": "__lt__", "le": None, "gt": "__gt__", "ge": None}


def _pair(op: Any, x: Any, y: Any, dtype: Any = None) -> tuple[Any, Any, SparseType]:
    """Return two sparse matrices in one format, and the type of what is elementwise made of them."""
    x = as_sparse_variable(x)
    y = in_format(y, x.type.format)
    found = dtypes.upcast(x.type.dtype, y.type.dtype) if dtype is None else dtype
    return x, y, SparseType(x.type.format, found, common_shape(op, x, y))


class AddSS(_SparseOp):
    """The sum of two sparse matrices, in the format of the first."""

    shape_of: ClassVar[int | None] = 0

    def make_node(self, x: Any, y: Any) -> Apply:
        x, y, made = _pair(self, x, y)
        return Apply(self, [x, y], [made()])

    def perform(self, node: Apply, x: Any, y: Any) -> Any:
        check_shapes(self, x, y)
        out = node.outputs[0].type
        with np.errstate(all="ignore"):
            return as_matrix(x, out.format, out.dtype) + as_matrix(y, out.format, out.dtype)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [in_dtype_of(output_grads[0], v) for v in inputs]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        given = [t for t in tangents if t is not None]
        return [self(*given) if len(given) == 2 else given[0] if given else None]

    @staticmethod
    def sampled(node: Apply, sparse: Any, dense: Any) -> Any:
        """Return the elements of the output at some positions, from those of the inputs."""
        return sparse(node.inputs[0]) + sparse(node.inputs[1])


class MulSS(_SparseOp):
    """The elementwise product of two sparse matrices, in the format of the first."""

    shape_of: ClassVar[int | None] = 0

    def make_node(self, x: Any, y: Any) -> Apply:
        x, y, made = _pair(self, x, y)
        return Apply(self, [x, y], [made()])

    def perform(self, node: Apply, x: Any, y: Any) -> Any:
        check_shapes(self, x, y)
        out = node.outputs[0].type
        with np.errstate(all="ignore"):
            return as_matrix(
                as_matrix(x, out.format, out.dtype).multiply(as_matrix(y, out.format, out.dtype)), out.format
            )

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [x, y], [g] = inputs, output_grads
        return [in_dtype_of(_times(b, g), a) for a, b in ((x, y), (y, x))]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [x, y], (u, v) = inputs, tangents
        terms = [self(u, y)] if u is not None else []
        terms += [self(x, v)] if v is not None else []
        return [AddSS()(*terms) if len(terms) == 2 else terms[0] if terms else None]


class MulSD(_SparseOp):
    """The elementwise product of a sparse matrix and a tensor broadcast to its shape: stored where the matrix is.

    Elements that are not stored stay zero, whatever the tensor holds there (even infinity).
    """

    shape_of: ClassVar[int | None] = 0
    structure_of: ClassVar[int | None] = 0

    def make_node(self, x: Any, y: Any) -> Apply:
        x = as_sparse_variable(x)
        y = as_matrix_pattern(self, as_dense(y, x), x)
        return Apply(self, [x, y], [x.type.clone(dtype=dtypes.upcast(x.type.dtype, y.type.dtype))()])

    def perform(self, node: Apply, x: Any, y: Any) -> Any:
        dtype = node.outputs[0].type.dtype
        factors = dense_elements(self, x, y, node.inputs[1].type.shape)
        with np.errstate(all="ignore"):
            return with_entries(x, x.data.ravel().astype(dtype, copy=False) * factors.astype(dtype, copy=False))

    def view(self, node: Apply) -> dict[int, int]:
        return {0: 0}  # of the positions

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [x, y], [g] = inputs, output_grads
        return [in_dtype_of(_scaled(g, y), x), in_dtype_of(collected(_times(x, g), y), y)]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [x, y], (u, v) = inputs, tangents
        terms = [self(u, y)] if u is not None else []
        terms += [self(x, v)] if v is not None else []
        return [AddSS()(*terms) if len(terms) == 2 else terms[0] if terms else None]

    @staticmethod
    def sampled(node: Apply, sparse: Any, dense: Any) -> Any:
        """Return the elements of the output at some positions, from those of the inputs."""
        return sparse(node.inputs[0]) * dense(node.inputs[1])

    @staticmethod
    def stored(node: Apply) -> Any:
        """Return the stored entries of the output, from those of the input."""
        x, y = node.inputs
        return entries(x) * at_entries(x, y)


def _times(x: Any, g: Any) -> Any:
    """Return ``x * g``; a dense matrix that ``g`` was made of is multiplied as such."""
    if g.owner is not None and isinstance(g.owner.op, SparseFromDense):
        return MulSD()(x, g.owner.inputs[0])
    return MulSS()(x, g)


def _scaled(g: Any, y: Any) -> Any:
    """Return ``g * y``; a dense matrix that ``g`` was made of is multiplied as such."""
    if g.owner is not None and isinstance(g.owner.op, SparseFromDense):
        return g.owner.op(g.owner.inputs[0] * y)
    return MulSD()(g, y)


class CompareSS(_SparseOp):
    """An elementwise comparison of two sparse matrices: a sparse matrix of truth values, in the format of the first."""

    shape_of: ClassVar[int | None] = 0
    comparison: str

    def make_node(self, x: Any, y: Any) -> Apply:
        if self.comparison not in _COMPARED:
            raise ValueError(f"a comparison is one of {', '.join(_COMPARED)}, got {self.comparison!r}.")
        x, y, made = _pair(self, x, y, dtypes.BOOL)
        return Apply(self, [x, y], [made()])

    def perform(self, node: Apply, x: Any, y: Any) -> Any:
        check_shapes(self, x, y)
        dtype = dtypes.upcast(x.dtype, y.dtype)
        x, y = as_matrix(x, x.format, dtype), as_matrix(y, x.format, dtype)
        method = _COMPARED[self.comparison]
        if method is not None and dtype.kind != "c":
            return getattr(x, method)(y)
        return class_of(x.format)(getattr(sf, self.comparison).numpy(x.toarray(), y.toarray()))

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False], [False]]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [disconnected(), disconnected()]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None]


class SparseCast(_SparseOp):
    """The same matrix in another dtype."""

    shape_of: ClassVar[int | None] = 0
    structure_of: ClassVar[int | None] = 0
    dtype: str

    def make_node(self, x: Any) -> Apply:
        x = as_sparse_variable(x)
        made = x.type.clone(dtype=self.dtype)
        if x.type.dtype.kind == "c" and made.dtype.kind != "c":
            raise TypeError(f"a complex matrix cannot be cast to {self.dtype}; take its real part.")
        return Apply(self, [x], [made()])

    def perform(self, node: Apply, x: Any) -> Any:
        with np.errstate(all="ignore"):
            return with_entries(x, x.data.astype(self.dtype))

    def view(self, node: Apply) -> dict[int, int]:
        return {0: 0}  # of the positions

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[node.outputs[0].type.dtype.kind in "fc"]]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [x], [y] = inputs, outputs
        if y.type.dtype.kind not in "fc":
            return [disconnected()]
        return [cast(output_grads[0], x.type.dtype if x.type.dtype.kind in "fc" else y.type.dtype)]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        if tangents[0] is None or outputs[0].type.dtype.kind not in "fc":
            return [None]
        return [cast(tangents[0], self.dtype)]

    @staticmethod
    def stored(node: Apply) -> Any:
        """Return the stored entries of the output, from those of the input."""
        return entries(node.inputs[0]).astype(node.op.dtype)  # type: ignore[attr-defined]


def cast(x: Any, dtype: Any) -> Any:
    """Return a sparse matrix with another dtype. Raises ``TypeError`` from complex to real, and for float16."""
    x = as_sparse_variable(x)
    wanted = dtypes.as_dtype(dtype)
    return x if wanted is x.type.dtype else SparseCast(wanted.name)(x)


# ---------------------------------------------------------------------- as users write it


def neg(x: Any) -> Any:
    """Return ``-x``. Raises ``TypeError`` for truth values."""
    x = as_sparse_variable(x)
    if x.type.dtype.kind == "b":
        raise TypeError("truth values cannot be negated; cast them first.")
    return MulSD()(x, constant(np.array(-1).astype(x.type.dtype)))


def add(x: Any, y: Any) -> Any:
    """Return ``x + y``, of which at least one is sparse.

    Two sparse matrices give a sparse one, in the format of ``x``; a sparse matrix and a tensor (or a number) give a
    tensor, and the gradient with respect to the matrix is that of its stored entries.
    """
    x, y = _operands("add", x, y)
    if is_sparse(x) and is_sparse(y):
        return AddSS()(x, y)
    return DenseFromSparse()(x) + y if is_sparse(x) else x + DenseFromSparse()(y)


def sub(x: Any, y: Any) -> Any:
    """Return ``x - y``, of which at least one is sparse; see ``add``."""
    x, y = _operands("sub", x, y)
    if is_sparse(x) and is_sparse(y):
        return AddSS()(x, neg(y))
    return DenseFromSparse()(x) - y if is_sparse(x) else x - DenseFromSparse()(y)


def mul(x: Any, y: Any) -> Any:
    """Return the elementwise ``x * y``, of which at least one is sparse: a sparse matrix.

    A tensor of up to two dimensions is broadcast as in NumPy. What is not stored stays zero.
    """
    x, y = _operands("mul", x, y)
    if is_sparse(x) and is_sparse(y):
        return MulSS()(x, y)
    return MulSD()(x, y) if is_sparse(x) else MulSD()(y, x)


def true_divide(x: Any, y: Any) -> Any:
    """Return the sparse ``x`` with its stored entries divided by the elements of the tensor ``y``, broadcast.

    What is not stored stays zero. Raises ``TypeError`` for a sparse ``y``, by whose zeros nothing can be divided.
    """
    x = as_sparse_variable(x)
    if is_sparse(y):
        raise TypeError(f"cannot divide by the sparse matrix {y}: it is zero where nothing is stored.")
    return with_entries_of(x, true_div(entries(x), at_entries(x, as_dense(y, x))))


def _operands(asked: str, x: Any, y: Any) -> tuple[Any, Any]:
    if is_sparse(x):
        x = as_sparse_variable(x)
        return x, as_sparse_variable(y) if is_sparse(y) else as_dense(y, x)
    if not is_sparse(y):
        raise TypeError(f"sparse.{asked} takes at least one sparse matrix, got {x} and {y}; use T.{asked}.")
    y = as_sparse_variable(y)
    return as_dense(x, y), y


def _compare(name: str, x: Any, y: Any) -> Any:
    x, y = _operands(name, x, y)
    if is_sparse(x) and is_sparse(y):
        return CompareSS(name)(x, y)
    return getattr(sf, name)(*[DenseFromSparse()(v) if is_sparse(v) else v for v in (x, y)])


def eq(x: Any, y: Any) -> Any:
    """Return where ``x == y``: sparse truth values for two sparse matrices, else a dense matrix of them."""
    return _compare("eq", x, y)


def neq(x: Any, y: Any) -> Any:
    """Return where ``x != y``: sparse truth values for two sparse matrices, else a dense matrix of them."""
    return _compare("neq", x, y)


def lt(x: Any, y: Any) -> Any:
    """Return where ``x < y``: sparse truth values for two sparse matrices, else a dense matrix of them."""
    return _compare("lt", x, y)


def le(x: Any, y: Any) -> Any:
    """Return where ``x <= y``: sparse truth values for two sparse matrices, else a dense matrix of them."""
    return _compare("le", x, y)


def gt(x: Any, y: Any) -> Any:
    """Return where ``x > y``: sparse truth values for two sparse matrices, else a dense matrix of them."""
    return _compare("gt", x, y)


def ge(x: Any, y: Any) -> Any:
    """Return where ``x >= y``: sparse truth values for two sparse matrices, else a dense matrix of them."""
    return _compare("ge", x, y)


def add_s_s_data(x: Any, y: Any) -> Any:
    """Return the sum of two sparse matrices that store entries at the same positions, without looking at these."""
    x, y = as_sparse_variable(x), as_sparse_variable(y)
    if x.type.format != y.type.format:
        raise TypeError(f"add_s_s_data takes matrices of one format, got {x.type} and {y.type}.")
    return with_entries_of(x, entries(x) + entries(y))


def mul_s_v(x: Any, v: Any) -> Any:
    """Return the sparse ``x`` with column ``j`` multiplied by ``v[j]``."""
    return MulSD()(x, as_vector("mul_s_v", v))


def structured_add_s_v(x: Any, v: Any) -> Any:
    """Return the sparse ``x`` with ``v[j]`` added to the stored entries of column ``j``."""
    x = as_sparse_variable(x)
    return with_entries_of(x, entries(x) + at_entries(x, as_vector("structured_add_s_v", v)))


def col_scale(x: Any, s: Any) -> Any:
    """Return the sparse ``x`` with column ``j`` multiplied by ``s[j]``."""
    return MulSD()(x, as_vector("col_scale", s))


def row_scale(x: Any, s: Any) -> Any:
    """Return the sparse ``x`` with row ``i`` multiplied by ``s[i]``."""
    return MulSD()(x, as_vector("row_scale", s).dimshuffle(0, "x"))


def as_vector(asked: str, value: Any) -> Any:
    """Return ``value`` as a dense vector. Raises ``TypeError`` for anything else."""
    v = as_sparse_or_tensor_variable(value)
    if v.type.ndim != 1:
        raise TypeError(f"{asked} takes a vector beside the sparse matrix, got {v} of type {v.type}.")
    return v
