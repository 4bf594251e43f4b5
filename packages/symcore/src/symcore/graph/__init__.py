"""Graphs of variables and nodes: structure, traversal, copies, equality, pickling."""

from symcore.graph import pickling
