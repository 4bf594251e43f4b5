"""What the user's step function returns: outputs, updates of shared variables, a condition to stop."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from symcore.graph.shared import SharedVariable
from symcore.graph.variable import Variable
from symcore.tensor.constant import as_tensor
from symcore.tensor.type import TensorType


class until:  # noqa: N801 - a word of the language, such as ``return`` is
    """What a step returns after its outputs to end the loop: ``return x, until(x > limit)``.

    The loop makes the step in which the (scalar) condition is first true, and ends after it.
    """

    def __init__(self, condition: Any):
        condition = as_tensor(condition)
        if condition.type.ndim:
            raise TypeError(
                f"until() needs a scalar condition, got {condition} of type {condition.type}. Use T.any or T.all."
            )
        self.condition = condition


@dataclass
class Returned:
    """The parts of what a step returned."""

    outputs: list[Any]
    updates: dict[Any, Any]
    condition: Any = None


def parse(result: Any) -> Returned:
    """Sort what a step returned; the parts may come in any order. Raises ``TypeError`` for what is none of them."""
    if isinstance(result, until):
        return Returned([], {}, result.condition)
    if isinstance(result, Mapping) or _is_updates(result):
        return Returned([], _updates(result))
    if result is None:
        raise TypeError(
            "the step returned None: has it no return? A step returns tensors, a dictionary of updates, and "
            "until(condition)."
        )
    if not isinstance(result, (list, tuple)):
        return Returned([_output(0, result)], {})
    rest: list[Any] = []
    updates: dict[Any, Any] = {}
    condition = None
    for item in result:
        if isinstance(item, until):
            if condition is not None:
                raise ValueError("the step returned until(...) twice; combine the conditions: until(T.or_(a, b)).")
            condition = item.condition
        elif isinstance(item, Mapping) or _is_updates(item):
            updates.update(_updates(item))
        else:
            rest.append(item)
    if len(rest) == 1 and isinstance(rest[0], (list, tuple)):
        rest = list(rest[0])
    rest = [item for item in rest if item != []] if any(isinstance(i, list) for i in rest) else rest
    return Returned([_output(k, item) for k, item in enumerate(rest)], updates, condition)


def _is_updates(item: Any) -> bool:
    return (
        isinstance(item, (list, tuple))
        and bool(item)
        and all(isinstance(p, (list, tuple)) and len(p) == 2 and isinstance(p[0], SharedVariable) for p in item)
    )


def _updates(item: Any) -> dict[Any, Any]:
    from symopt.function import update_value

    pairs = list(item.items()) if isinstance(item, Mapping) else list(item)
    for shared, _ in pairs:
        if not isinstance(shared, SharedVariable):
            raise TypeError(f"the step updates {shared!r}, which is not a shared variable.")
    return {shared: update_value(shared, new) for shared, new in pairs}


def _output(position: int, item: Any) -> Any:
    if isinstance(item, Variable) and not isinstance(item.type, TensorType):
        raise TypeError(f"output {position} of the step is {item} of type {item.type}; a loop stacks tensors.")
    try:
        return as_tensor(item)
    except TypeError as error:
        raise TypeError(
            f"output {position} of the step is {item!r}: {error} A step returns tensors, a dictionary of updates, and "
            "until(condition)."
        ) from None
