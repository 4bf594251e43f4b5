"""Exceptions of failed nodes of programs in C."""

from collections.abc import Mapping
from typing import Any

from numpy.linalg import LinAlgError

from symcore.failure import Operand, report
from symcore.graph.variable import Apply

ERRORS: dict[str, type[Exception]] = {
    "shape": ValueError, "value": ValueError, "index": IndexError, "memory": MemoryError, "linalg": LinAlgError,
    "assertion": AssertionError,
}  # fmt: skip


def step_error(
    node: Apply | None, kind: str, message: str, cause: BaseException | None, held: Mapping[Any, Operand]
) -> BaseException:
    """Return the exception for a node that failed.

    ``kind`` and ``message`` are the machine's; ``cause`` is the exception of a Python node, or (``kind`` "loop") of a
    node within a step of a loop; ``held`` says what is known of variables by then.
    """
    if node is None:
        return cause or ERRORS.get(kind, RuntimeError)(message)
    operands = [held.get(v, Operand()) for v in node.inputs]
    if kind == "loop" and cause is not None:
        cause.add_note(message if message.startswith("while") else f"in {message} of {node.op}")
        report(cause, node, operands)
        return cause
    if cause is None:
        cause = ERRORS.get(kind, RuntimeError)(f"{node.op}: {message}")
        report(cause, node, operands)
    return cause
