"""The whole compiler under one name."""

__version__ = "0.1.0"
