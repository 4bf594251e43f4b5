"""Derivatives: reverse (``grad``, ``Lop``), forward (``Rop``), and their checks."""
