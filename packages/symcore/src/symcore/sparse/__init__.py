"""Sparse matrices: ``from symcore import sparse``. Values are those of SciPy, an extra of this package.

Variables of three formats, products with dense matrices, functions of the stored entries, and gradients, which are
either *regular* (of all elements) or *structured* (of the stored entries alone); each function says which.
"""

from importlib.util import find_spec as _find_spec

from symcore.sparse import variable as _variable  # gives the variables their operators
from symcore.sparse.arithmetic import (
    add,
    add_s_s_data,
    cast,
    col_scale,
    eq,
    ge,
    gt,
    le,
    lt,
    mul,
    mul_s_v,
    neg,
    neq,
    row_scale,
    structured_add_s_v,
    sub,
    true_divide,
)
from symcore.sparse.base import (
    as_sparse_or_tensor_variable,
    as_sparse_variable,
    constant,
    is_sparse,
    is_sparse_variable,
    transpose,
)
from symcore.sparse.casts import bcast, ccast, dcast, fcast, icast, lcast, wcast, zcast
from symcore.sparse.constructors import (
    bsr_dmatrix,
    bsr_fmatrix,
    bsr_matrix,
    csc_dmatrix,
    csc_fmatrix,
    csc_matrix,
    csr_dmatrix,
    csr_fmatrix,
    csr_matrix,
    matrix,
)
from symcore.sparse.entries import (
    DenseFromSparse,
    SparseFromDense,
    SpSum,
    bsr_from_dense,
    csc_from_dense,
    csr_from_dense,
    dense_from_sparse,
    entries,
    sp_ones_like,
    sp_sum,
    with_entries_of,
)
from symcore.sparse.indexing import get_item_2d, get_item_2lists, get_item_list, get_item_scalar
from symcore.sparse.joining import (
    block_diag,
    clean,
    diag,
    ensure_sorted_indices,
    hstack,
    remove0,
    square_diagonal,
    vstack,
)
from symcore.sparse.parts import (
    CSC,
    CSM,
    CSR,
    csm_data,
    csm_indices,
    csm_indptr,
    csm_properties,
    csm_shape,
    sp_zeros_like,
)
from symcore.sparse.products import dot, sampling_dot, structured_dot, true_dot, usmm
from symcore.sparse.structured import (
    abs,
    arcsin,
    arcsinh,
    arctan,
    arctanh,
    ceil,
    conj,
    deg2rad,
    expm1,
    floor,
    log1p,
    rad2deg,
    rint,
    sgn,
    sin,
    sinh,
    sqr,
    sqrt,
    structured,
    structured_add,
    structured_exp,
    structured_log,
    structured_maximum,
    structured_minimum,
    structured_pow,
    structured_sigmoid,
    tan,
    tanh,
    trunc,
)
from symcore.sparse.type import SparseType
from symcore.sparse.variable import SparseConstant, SparseSharedVariable, SparseVariable
from symcore.sparse.verify import verify_grad_sparse

#: Whether SciPy is there; without it every use of this module says so.
enable_sparse: bool = _find_spec("scipy") is not None

# Other names of the same functions, as code in this language spells them.
as_sparse = as_sparse_variable
conjugate = conj
abs_ = abs
mul_s_s = mul_s_d = mul
add_s_s = add_s_d = add
sub_s_s = sub_s_d = sub
ones_like = sp_ones_like
zeros_like = sp_zeros_like
_is_sparse, _is_sparse_variable = is_sparse, is_sparse_variable
