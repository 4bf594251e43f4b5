"""Checks in a library's own code that run on test values, where the user has turned these on.

``get_debug_values`` gives the values to look at, or none; ``debug_assert`` and ``debug_error_message`` complain as
``config.compute_test_value`` asks. See ``symcore.graph.test_values``.
"""

import warnings
from typing import Any

from symcore.config import config
from symcore.errors import TestValueError
from symcore.graph.test_values import get_test_value


def get_debug_values(*args: Any) -> list[tuple[Any, ...]]:
    """Return a list with one tuple, the test values of ``args``; an empty list where there is nothing to check.

    Empty when test values are off, and when one is missing, unless the option is ``"raise"`` or ``"pdb"``: then that
    raises ``TestValueError``; with ``"warn"`` it warns. Meant for a loop, whose body is a check::

        for n, k in get_debug_values(x.shape[0], y.shape[0]):
            debug_assert(n == k, "x and y need as many rows")
    """
    wanted = config.compute_test_value
    if wanted == "off":
        return []
    try:
        return [tuple([get_test_value(arg) for arg in args])]
    except TestValueError as error:
        if wanted in ("raise", "pdb"):
            raise
        if wanted == "warn":
            warnings.warn(str(error), stacklevel=2)
        return []


def debug_error_message(message: str) -> None:
    """Complain about test values with ``message``: warn where the option ``compute_test_value`` is ``"warn"``,
    otherwise raise ``ValueError``.

    Raises ``RuntimeError`` when test values are off: then there is nothing to complain about.
    """
    _complain(ValueError, message)


def debug_assert(condition: Any, message: str | None = None) -> None:
    """Complain unless ``condition`` holds, with ``message``: warn where the option ``compute_test_value`` is
    ``"warn"``, otherwise raise ``AssertionError``.
    """
    if not condition:
        _complain(AssertionError, message or "a check of test values failed")


def _complain(kind: type[Exception], message: str) -> None:
    wanted = config.compute_test_value
    if wanted == "off":
        raise RuntimeError(
            f"a check of test values failed while config.compute_test_value is 'off': {message}. Check only inside "
            "'for values in get_debug_values(...)'."
        )
    if wanted != "warn":
        raise kind(message)
    warnings.warn(message, stacklevel=3)
