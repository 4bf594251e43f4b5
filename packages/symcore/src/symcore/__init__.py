"""Symbolic expressions: types, variables, Ops, graphs, gradients, printing and the reference interpreter."""

__version__ = "0.1.0"
