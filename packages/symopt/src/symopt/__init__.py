"""From an expression to a callable: rewriting, modes, memory planning and ``function``."""

__version__ = "0.1.0"
