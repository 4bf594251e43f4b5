"""C for the Ops of symcore. Importing this package registers it."""

from symcodegen.ops import (
    arrays,
    counting,
    creation,
    cumulative,
    diagonals,
    elemwise,
    flow,
    ifelse,
    join,
    positions,
    products,
    reduce,
    shapes,
    sorting,
    subtensor,
)

__all__ = [
    "arrays",
    "counting",
    "creation",
    "cumulative",
    "diagonals",
    "elemwise",
    "flow",
    "ifelse",
    "join",
    "positions",
    "products",
    "reduce",
    "shapes",
    "sorting",
    "subtensor",
]
