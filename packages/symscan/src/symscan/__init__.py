"""Symbolic loops: ``scan`` and the shapes made of it."""

import symscan.gradient
import symscan.tangent
from symscan.loops import foldl, foldr, map, reduce
from symscan.scanning import scan
from symscan.stepping import until

__version__ = "0.1.0"

__all__ = ["__version__", "foldl", "foldr", "map", "reduce", "scan", "until"]
