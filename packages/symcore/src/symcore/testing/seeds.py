"""Random inputs of a test that depend on nothing but its name.

A generator at the top of a test file gives a test other numbers whenever the tests before it change: another order,
another split over processes. A failure on one machine is then gone on the next. ``reseed`` in a fixture prevents that.
"""

from types import ModuleType
from zlib import crc32

import numpy as np


def reseed(module: ModuleType, name: str) -> None:
    """Start every ``numpy.random.Generator`` at the top of ``module`` anew, from ``name``, in place."""
    for value in vars(module).values():
        if isinstance(value, np.random.Generator):
            value.bit_generator.state = type(value.bit_generator)(crc32(name.encode())).state
