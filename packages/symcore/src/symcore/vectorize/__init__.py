"""A graph over a batch: ``vectorize_graph(outputs, {x: batched_x})``, ``vectorize(function)(batched_x)``."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

if _TYPE_CHECKING:
    from symcore.vectorize.blockwise import Blockwise
    from symcore.vectorize.dispatch import vectorize_node
    from symcore.vectorize.functions import vectorize
    from symcore.vectorize.graph import vectorize_graph

_HOMES = {
    "Blockwise": "symcore.vectorize.blockwise",
    "vectorize": "symcore.vectorize.functions",
    "vectorize_graph": "symcore.vectorize.graph",
    "vectorize_node": "symcore.vectorize.dispatch",
}

__all__ = list(_HOMES)  # noqa: PLE0605 - the names of the table, all strings


def __getattr__(name: str) -> _Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'symcore.vectorize' has no attribute {name!r}")
    value = globals()[name] = getattr(_import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
