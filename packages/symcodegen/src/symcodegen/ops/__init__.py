"""C for the Ops of symcore. Importing this package registers it."""

from symcodegen.ops import creation, elemwise, join, products, reduce, shapes, subtensor

__all__ = ["creation", "elemwise", "join", "products", "reduce", "shapes", "subtensor"]
