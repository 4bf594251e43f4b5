"""Graphs: types, variables, nodes, and the structure that rewriting works on."""
