"""What symcore uses only where it is installed. Imported by the functions that need it, at their first call."""

from importlib import import_module
from typing import Any


def scipy_module(name: str, asked: str) -> Any:
    """Return the module ``scipy.<name>``, which ``asked`` needs. Raises ``ImportError`` that names the extra."""
    try:
        return import_module(f"scipy.{name}")
    except ImportError as error:
        raise ImportError(f"{asked} needs SciPy ({error}). Install it with: pip install 'symcore[scipy]'") from None
