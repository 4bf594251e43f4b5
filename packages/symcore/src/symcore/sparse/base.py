"""Sparse constants, how values become sparse variables, their lengths, and what the Ops of this folder share."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from symcore.graph.null import disconnected
from symcore.graph.variable import Apply, Constant, Variable
from symcore.op import Op, Shape
from symcore.sparse.type import SparseType, as_matrix, is_sparse_value, scipy_sparse
from symcore.tensor import dtypes
from symcore.tensor.constant import as_tensor, converters, signature_of
from symcore.tensor.constant import constant as dense_constant
from symcore.tensor.shapes import shape_i
from symcore.tensor.type import TensorType

INT = TensorType("int64", ())


def constant(value: Any, name: str | None = None) -> Any:
    """Return a sparse constant: a copy of a sparse matrix of SciPy. Raises ``TypeError`` for anything else.

    A matrix in one of the formats ``csc``, ``csr`` and ``bsr`` keeps it, any other becomes ``csr``.
    """
    scipy_sparse()
    if not is_sparse_value(value):
        raise TypeError(
            f"a sparse constant is made of a sparse matrix of SciPy, got {value!r} ({type(value).__name__})."
        )
    if value.ndim != 2:
        raise TypeError(f"a sparse constant has two dimensions, got a sparse array of shape {value.shape}.")
    stype = SparseType(value.format if value.format in ("csc", "bsr") else "csr", value.dtype, value.shape)
    data = stype.filter(value).copy()
    for array in (data.data, data.indices, data.indptr):
        array.flags.writeable = False
    data.has_canonical_format = True  # a look at it later would want to write what it found
    return stype.constant_class(stype, data, name)


def _from_scipy(value: Any) -> Any:
    """Tell the functions of tensors, which ask this for what is neither number nor array, that a value is sparse."""
    return constant(value) if is_sparse_value(value) else None


converters.append(_from_scipy)


def as_sparse_variable(value: Any, name: str | None = None) -> Any:
    """Return ``value`` as a sparse variable.

    Sparse variables pass through; a node with one output stands for it; sparse matrices of SciPy become constants.
    Raises ``TypeError`` for anything else; dense tensors become sparse by ``csr_from_dense`` and ``csc_from_dense``.
    """
    if isinstance(value, Apply):
        value = value.out()
    if isinstance(value, Variable):
        if not is_sparse_variable(value):
            raise TypeError(
                f"expected a sparse matrix, got {value} of type {value.type}. Make a dense matrix sparse with "
                "sparse.csr_from_dense(x) or sparse.csc_from_dense(x)."
            )
        return value
    return constant(value, name)


def as_sparse_or_tensor_variable(value: Any, name: str | None = None) -> Any:
    """Return ``value`` as a sparse variable if it is sparse, else as a tensor."""
    if is_sparse(value):
        return as_sparse_variable(value, name)
    return as_tensor(value, name)


def is_sparse_variable(value: Any) -> bool:
    """Tell whether a value is a sparse variable."""
    return isinstance(value, Variable) and isinstance(value.type, SparseType)


def is_sparse(value: Any) -> bool:
    """Tell whether a value is sparse: a variable, the only output of a node, or a matrix of SciPy."""
    if isinstance(value, Apply):
        value = value.outputs[0]
    return is_sparse_variable(value) or is_sparse_value(value)


def as_dense(value: Any, x: Any) -> Any:
    """Return ``value`` as a tensor; a Python number takes the dtype that it has beside ``x``."""
    if isinstance(value, (bool, int, float, complex)) and not isinstance(value, np.generic):
        return dense_constant(value, dtype=dtypes.weak(value, [x.type.dtype]))
    return as_tensor(value)


def as_matrix_pattern(op: Any, y: Any, x: Any) -> Any:
    """Return the tensor ``y`` with two axes, to be broadcast to the shape of the sparse ``x``.

    Raises ``TypeError`` for more than two axes, ``ValueError`` where static lengths say that it does not fit.
    """
    if y.type.ndim > 2:
        raise TypeError(f"{op} takes a tensor of at most two dimensions beside a sparse matrix, got {y.type}.")
    if y.type.ndim < 2:
        y = y.dimshuffle(*["x"] * (2 - y.type.ndim), *range(y.type.ndim))
    for axis, (m, n) in enumerate(zip(x.type.shape, y.type.shape, strict=True)):
        if m is not None and n not in (None, 1, m):
            raise ValueError(f"{op}: {y.type} does not broadcast to {x.type}: the lengths of axis {axis} differ.")
    return y


def in_dtype_of(term: Any, x: Any) -> Any:
    """Return a term of the gradient with respect to ``x`` in its dtype, if that is a float."""
    return term.astype(x.type.dtype) if x.type.dtype.kind in "fc" and term.type.dtype is not x.type.dtype else term


def check_fits(op: Any, y: Any, shape: Sequence[int], static: Sequence[int | None]) -> None:
    """Raise ``ValueError`` where an array does not broadcast to ``shape`` along the axes known to have length 1."""
    if any(m != n and s != 1 for m, n, s in zip(y.shape, shape, static, strict=True)):
        raise ValueError(f"{op}: an array of shape {y.shape} does not fit a sparse matrix of shape {tuple(shape)}.")


def common_shape(op: Any, x: Any, y: Any) -> tuple[int | None, ...]:
    """Return what is known of the shape that two matrices have in common. Raises ``ValueError`` if they cannot."""
    lengths = []
    for axis, (m, n) in enumerate(zip(x.type.shape, y.type.shape, strict=True)):
        if m is not None and n is not None and m != n:
            raise ValueError(f"{op} takes matrices of one shape, got {x.type} and {y.type}: axis {axis} differs.")
        lengths.append(n if m is None else m)
    return tuple(lengths)


def check_shapes(op: Any, x: Any, y: Any) -> None:
    """Raise ``ValueError`` where two values differ in shape."""
    if x.shape != y.shape:
        raise ValueError(f"{op} takes matrices of one shape, got shapes {x.shape} and {y.shape}.")


class _SparseOp(Op):
    """An Op with a sparse input or output. Abstract.

    ``shape_of`` is the input whose shape all outputs of two dimensions have, ``structure_of`` the one whose positions
    the output stores.
    """

    shape_of: ClassVar[int | None] = None
    structure_of: ClassVar[int | None] = None

    def lengths(self, node: Apply) -> Shape | None:
        """Return the lengths of the output if they are inputs of the node, or made of them."""
        return None

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> Sequence[Shape | None]:
        if self.shape_of is None:
            return [self.lengths(node)]
        return [dims(node, input_shapes, self.shape_of)]

    def __str__(self) -> str:
        return self.__repr__()


def dims(node: Apply, input_shapes: Sequence[Any], position: int) -> Shape | None:
    """Return the shape of an input for ``infer_shape``, or ``None`` where it may only be measured.

    Shape inference has shapes of tensors. For a sparse input it hands over ``None``: what is answered may contain new
    nodes, that ask for its lengths; or ``()``: it may not, for all nodes are laid out already.
    """
    x, given = node.inputs[position], input_shapes[position]
    if given is not None and len(given) == x.type.ndim:
        return tuple(given)
    if None not in x.type.shape:
        return tuple(x.type.shape)
    return (length(x, 0), length(x, 1)) if given is None else None


class SparseLength(_SparseOp):
    """The length of a sparse matrix along one axis, as a 0-d int64."""

    i: int

    def make_node(self, x: Any) -> Apply:
        x = as_sparse_variable(x)
        if self.i not in (0, 1):
            raise IndexError(f"axis {self.i} is out of range for {x}, a sparse matrix.")
        return Apply(self, [x], [INT()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [()]

    def perform(self, node: Apply, x: Any) -> Any:
        return np.array(x.shape[self.i], dtype=np.int64)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [disconnected()]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None]


class Transpose(_SparseOp):
    """The transposed matrix, as a view: a ``csc`` matrix becomes ``csr`` and the other way round."""

    def make_node(self, x: Any) -> Apply:
        x = as_sparse_variable(x)
        format = {"csc": "csr", "csr": "csc"}.get(x.type.format, x.type.format)
        return Apply(self, [x], [SparseType(format, x.type.dtype, x.type.shape[::-1])()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> Sequence[Shape | None]:
        shape = dims(node, input_shapes, 0)
        return [None if shape is None else shape[::-1]]

    def perform(self, node: Apply, x: Any) -> Any:
        return as_matrix(x.transpose(copy=False), node.outputs[0].type.format)

    def view(self, node: Apply) -> dict[int, int]:
        # The blocks of bsr are transposed too, which SciPy does in new memory.
        return {} if node.inputs[0].type.format == "bsr" else {0: 0}

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [transpose(output_grads[0])]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[0] is None else transpose(tangents[0])]


def transpose(x: Any) -> Any:
    """Return the transposed matrix. A ``csc`` matrix gives a ``csr`` one, and the other way round; nothing is moved."""
    x = as_sparse_variable(x)
    return x.owner.inputs[0] if x.owner is not None and isinstance(x.owner.op, Transpose) else Transpose()(x)


def length(x: Any, axis: int) -> Any:
    """Return the length of a sparse matrix or a tensor along an axis, as a symbolic integer.

    It is asked of the first variable with that length, so that matrices in between need not be computed for it.
    """
    while isinstance(x.type, SparseType) and x.type.shape[axis] is None:
        op = None if x.owner is None else x.owner.op
        known = op.lengths(x.owner) if isinstance(op, _SparseOp) else None
        if known is not None:
            return known[axis]
        if isinstance(op, Transpose):
            axis = 1 - axis
            x = x.owner.inputs[0]
        elif isinstance(op, _SparseOp) and op.shape_of is not None:
            x = x.owner.inputs[op.shape_of]
        else:
            return SparseLength(axis)(x)
    return shape_i(x, axis)


def signature(matrix: Any) -> Any:
    """Return a hashable key of a sparse matrix's content."""
    return (matrix.format, matrix.shape, *map(signature_of, (matrix.data, matrix.indices, matrix.indptr)))


def described(x: Constant[Any]) -> str:
    """Return how a sparse constant is printed."""
    return f"SparseConstant{{{x.data.format}, {x.data.dtype}, shape {x.data.shape}, {x.data.nnz} stored}}"
