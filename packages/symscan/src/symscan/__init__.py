"""Symbolic loops. Not built yet: every name exists and raises ``NotImplementedError`` when it is called."""

from symscan.loops import foldl, foldr, map, reduce, scan, until

__version__ = "0.1.0"

__all__ = ["__version__", "foldl", "foldr", "map", "reduce", "scan", "until"]
