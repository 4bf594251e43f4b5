"""Lets the tests import the package beside them, ``random_graphs``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
