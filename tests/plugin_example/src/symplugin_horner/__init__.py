"""Polynomials by Horner's scheme: an example of a package that extends symstack from outside."""

from symplugin_horner.op import Horner

__version__ = "1.0.0"

__all__ = ["Horner", "__version__"]
