"""Random numbers: streams of draws whose state is kept in shared variables, and the Ops that draw.

A draw is pure: equal states and arguments give equal samples. The next state is a further result, which a function puts
into the shared variable when it runs (``default_update``).
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

if _TYPE_CHECKING:
    from symcore.random.mrg import MRG_RandomStreams
    from symcore.random.philox import PhiloxStreams
    from symcore.random.state import RandomStateType, random_state_type
    from symcore.random.streams import RandomStreams

_HOMES = {
    "MRG_RandomStreams": "symcore.random.mrg",
    "PhiloxStreams": "symcore.random.philox",
    "RandomStateType": "symcore.random.state",
    "random_state_type": "symcore.random.state",
    "RandomStreams": "symcore.random.streams",
}

__all__ = list(_HOMES)  # noqa: PLE0605 - the names of the table, all strings


def __getattr__(name: str) -> _Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'symcore.random' has no attribute {name!r}")
    value = globals()[name] = getattr(_import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
