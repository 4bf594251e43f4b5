"""The tensor language. ``from symcore import tensor as T``."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

# ---------------------------------------------------------------------- accumulating, sorting, counting, arranging
from symcore.tensor.constant import as_tensor, constant
from symcore.tensor.constructors import *  # noqa: F403
from symcore.tensor.constructors import CONSTRUCTORS, tensor
from symcore.tensor.creation import alloc, arange, eye, full_like, identity_like, ones, ones_like, zeros, zeros_like
from symcore.tensor.functions import (
    allclose,
    ceil_intdiv,
    dimshuffle,
    expand_dims,
    flatten,
    iround,
    isclose,
    nonzero,
    norm,
    patternbroadcast,
    ptp,
    round,
    shape_padaxis,
    shape_padleft,
    shape_padright,
    size,
    squeeze,
    swapaxes,
    transpose,
    true_div,
    unbroadcast,
)
from symcore.tensor.functions import shape_vector as shape
from symcore.tensor.join import concatenate, join, split, stack
from symcore.tensor.products import batched_dot, dot, matmul, outer, tensordot
from symcore.tensor.reductions import all, any, argmax, argmin, max, max_and_argmax, mean, min, prod, std, sum, var
from symcore.tensor.scalar_functions import (
    abs,
    add,
    and_,
    angle,
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    cast,
    cbrt,
    ceil,
    clip,
    conj,
    cos,
    cosh,
    deg2rad,
    divmod,
    eq,
    exp,
    exp2,
    expm1,
    floor,
    ge,
    gt,
    imag,
    int_div,
    invert,
    isinf,
    isnan,
    le,
    log,
    log1p,
    log2,
    log10,
    lt,
    maximum,
    minimum,
    mod,
    mul,
    neg,
    neq,
    or_,
    pow,
    rad2deg,
    real,
    reciprocal,
    second,
    sgn,
    sigmoid,
    sin,
    sinh,
    softplus,
    sqr,
    sqrt,
    sub,
    switch,
    tan,
    tanh,
    trunc,
    where,
    xor,
)
from symcore.tensor.shapes import addbroadcast, reshape, specify_shape
from symcore.tensor.shared import shared
from symcore.tensor.special_functions import (
    chi2sf,
    digamma,
    erf,
    erfc,
    erfcinv,
    erfcx,
    erfinv,
    gamma,
    gammainc,
    gammaincc,
    gammal,
    gammaln,
    gammau,
    i0,
    i1,
    iv,
    j0,
    j1,
    jv,
    polygamma,
    psi,
    sinc,
    tri_gamma,
    xlogx,
    xlogy0,
)
from symcore.tensor.subtensor import inc_subtensor, set_subtensor, take
from symcore.tensor.type import TensorType
from symcore.tensor.variable import TensorConstant, TensorSharedVariable, TensorVariable

if _TYPE_CHECKING:
    from symcore.tensor.arranging import (
        atleast_1d,
        atleast_2d,
        atleast_3d,
        bartlett,
        flip,
        horizontal_stack,
        hstack,
        logsumexp,
        moveaxis,
        repeat,
        roll,
        stacklists,
        tile,
        vertical_stack,
        vstack,
    )
    from symcore.tensor.contraction import batched_tensordot, einsum
    from symcore.tensor.counting import bincount, ravel_multi_index, searchsorted, to_one_hot, unique, unravel_index
    from symcore.tensor.cumulative import cumprod, cumsum, diff
    from symcore.tensor.diagonals import (
        alloc_diag,
        diag,
        diagonal,
        extract_diag,
        fill_diagonal,
        fill_diagonal_offset,
        trace,
        tri,
        tril,
        triu,
    )
    from symcore.tensor.gather import (
        broadcast_arrays,
        broadcast_to,
        choose,
        compress,
        flatnonzero,
        nonzero_values,
        take_along_axis,
    )
    from symcore.tensor.grids import meshgrid, mgrid, ogrid
    from symcore.tensor.older_names import (
        advanced_inc_subtensor1,
        advanced_set_subtensor1,
        advanced_subtensor1,
        largest,
        smallest,
        tensor_copy,
    )
    from symcore.tensor.scalar_constants import EmptyConstantError, NotScalarConstantError, get_scalar_constant_value
    from symcore.tensor.sorting import (
        argsort,
        argtopk,
        inverse_permutation,
        permute_row_elements,
        sort,
        topk,
        topk_and_argtopk,
    )

#: Module -> names that are taken from it when they are first used, so that importing the language stays quick.
_LATER = {
    "arranging": """
        atleast_1d atleast_2d atleast_3d bartlett flip horizontal_stack hstack logsumexp moveaxis repeat
        roll stacklists tile vertical_stack vstack
    """,
    "contraction": "batched_tensordot einsum",
    "counting": "bincount ravel_multi_index searchsorted to_one_hot unique unravel_index",
    "cumulative": "cumprod cumsum diff",
    "diagonals": "alloc_diag diag diagonal extract_diag fill_diagonal fill_diagonal_offset trace tri tril triu",
    "gather": "broadcast_arrays broadcast_to choose compress flatnonzero nonzero_values take_along_axis",
    "grids": "meshgrid mgrid ogrid",
    "older_names": """
        advanced_inc_subtensor1 advanced_set_subtensor1 advanced_subtensor1 largest smallest tensor_copy
    """,
    "scalar_constants": "EmptyConstantError NotScalarConstantError get_scalar_constant_value",
    "sorting": "argsort argtopk inverse_permutation permute_row_elements sort topk topk_and_argtopk",
}
_HOMES = {name: module for module, names in _LATER.items() for name in names.split()}

# Other names of the same functions, as code in this language spells them.
as_tensor_variable = as_tensor
abs_ = abs
square = sqr
inv = reciprocal
fill = second
floor_div = floor_divide = int_div
divide = true_div
subtract = sub
multiply = mul
power = pow
negative = neg
sign = sgn
bitwise_and = logical_and = and_
bitwise_or = logical_or = or_
bitwise_xor = logical_xor = xor
bitwise_not = invert
less, less_equal, greater, greater_equal, equal, not_equal = lt, le, gt, ge, eq, neq
concat = concatenate
permute_dims = transpose
amax, amin = max, min
globals().update(CONSTRUCTORS)


def __getattr__(name: str) -> _Any:
    module = _HOMES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(_import_module(f"{__name__}.{module}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
