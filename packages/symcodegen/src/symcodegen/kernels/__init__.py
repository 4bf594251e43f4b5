"""Generators of C text for whole kernels."""
