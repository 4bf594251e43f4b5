"""Benchmark harness: the same mathematics in symstack, in its peers and in hand-written C, measured side by side.

``python -m benchmarks --help`` lists the commands; ``benchmarks/README.md`` says how each figure is taken.
"""
