"""C for the Ops of symcore. Importing this package registers it."""

from symcodegen.ops import creation, elemwise, ifelse, join, products, reduce, shapes, subtensor

__all__ = ["creation", "elemwise", "ifelse", "join", "products", "reduce", "shapes", "subtensor"]
