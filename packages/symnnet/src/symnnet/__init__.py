"""Neural-network Ops, their rewriting rules and their kernels."""

__version__ = "0.1.0"
