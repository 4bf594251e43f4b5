"""``RandomStateType``: the states of NumPy's ``RandomState`` as values of variables."""

import copy
from typing import Any

import numpy as np
from numpy.random.bit_generator import ISeedSequence

from symcore.graph.shared import SharedVariable
from symcore.graph.type import Type
from symcore.tensor.shared import constructors


class RandomStateType(Type):
    """Values are ``numpy.random.RandomState`` objects. Nothing in a graph changes one: drawing makes another."""

    def filter(self, value: Any, strict: bool = False, allow_downcast: bool | None = None) -> np.random.RandomState:
        """Return ``value`` if it is a ``RandomState``. Raises ``TypeError`` for anything else."""
        if not isinstance(value, np.random.RandomState):
            raise TypeError(
                f"expected a numpy.random.RandomState, got {value!r} ({type(value).__name__}). "
                "Make one from a seed: numpy.random.RandomState(seed)."
            )
        return value

    def values_eq(self, a: Any, b: Any) -> bool:
        """Tell whether two states will give the same draws."""
        return _content(a) == _content(b)

    def may_share_memory(self, a: Any, b: Any) -> bool:
        """Tell whether drawing from ``a`` could change ``b``."""
        return a is b or getattr(a, "_bit_generator", None) is getattr(b, "_bit_generator", b)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return "RandomStateType"

    __str__ = __repr__


#: The one type of its kind.
random_state_type = RandomStateType()


class RandomStateSharedVariable(SharedVariable[RandomStateType]):
    """A shared variable that holds a ``RandomState``."""


RandomStateType.shared_class = RandomStateSharedVariable


def _content(state: Any) -> Any:
    found = state.get_state(legacy=False)
    inner = {k: v.tobytes() if isinstance(v, np.ndarray) else v for k, v in found["state"].items()}
    return {**found, "state": inner}


class _NoSeed(ISeedSequence):
    """Zeros in place of a seed: for generators whose state is set at once, seeding them would cost more than that."""

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Any:
        return np.zeros(n_words, dtype)


def copy_state(state: np.random.RandomState) -> np.random.RandomState:
    """Return an independent ``RandomState`` in the same state."""
    found = state.get_state(legacy=False)
    if not isinstance(found, dict) or found["bit_generator"] != "MT19937":
        return copy.deepcopy(state)
    seed: Any = _NoSeed()
    twin = np.random.RandomState(np.random.MT19937(seed))
    twin.set_state(found)
    return twin


def shared_random_state(value: Any, name: str | None = None, borrow: bool = False, **_: Any) -> Any:
    """Return a shared variable holding a ``RandomState``; ``None`` for other values. ``shared()`` asks this first."""
    if not isinstance(value, np.random.RandomState):
        return None
    return RandomStateSharedVariable(random_state_type, value if borrow else copy_state(value), name=name)


constructors.append(shared_random_state)
