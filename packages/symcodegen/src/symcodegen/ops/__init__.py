"""C for the Ops of symcore. Importing this package registers it."""

from symcodegen.ops import creation, cumulative, elemwise, ifelse, join, products, reduce, shapes, sorting, subtensor

__all__ = ["creation", "cumulative", "elemwise", "ifelse", "join", "products", "reduce", "shapes", "sorting", "subtensor"]
