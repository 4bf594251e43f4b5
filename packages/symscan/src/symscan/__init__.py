"""Symbolic loops: ``scan`` and the shapes made of it."""

import symscan.gradient
import symscan.remaking
import symscan.tangent
import symscan.vectorize
from symscan.carrying import loop
from symscan.checkpoints import scan_checkpoints
from symscan.loops import foldl, foldr, map, reduce
from symscan.scanning import scan
from symscan.stepping import until

__version__ = "0.1.0"

__all__ = ["__version__", "foldl", "foldr", "loop", "map", "reduce", "scan", "scan_checkpoints", "until"]
