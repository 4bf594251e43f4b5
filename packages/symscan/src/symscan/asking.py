"""What the user asks for one loop beyond its meaning: rules of its own for the steps, who runs them, a profile."""

import warnings
from dataclasses import dataclass, field
from typing import Any

from symcore.graph import trace

_said: set[str] = set()


@dataclass(frozen=True)
class Asked:
    """``mode``: the ``Mode`` that the steps are compiled in, ``None`` for that of the function. ``profile``: ``True``
    or a ``ProfileStats`` for the functions that the loop stands in, if they are told nothing else; it does not count
    for equality."""

    mode: Any = None
    profile: Any = field(default=None, compare=False)

    @property
    def own_linker(self) -> bool:
        """Whether the steps are run by another linker than the function: node by node, or watched."""
        return self.mode is not None and self.mode.linker not in ("auto", "cvm")

    def rules(self, others: Any) -> Any:
        """Return the rules for the steps; ``others``: those of the function. ``None``: the linker applies them."""
        if self.mode is None:
            return others
        return None if self.own_linker else self.mode.rules_in_use

    def compiled(self, fgraph: Any, name: str) -> Any:
        """Return a step, from a list of values to a list of values, that the mode's own linker runs."""
        from symopt.function import function

        made = function(fgraph.inputs, fgraph.outputs, mode=self.mode, on_unused_input="ignore", name=name)
        return lambda values: made(*values)


def asked(mode: Any, profile: Any, allow_gc: Any) -> Asked | None:
    """Return what was asked for, ``None`` for nothing. Raises ``TypeError`` and ``ValueError``."""
    if allow_gc is not None:
        _warn(
            "scan: allow_gc has no effect. The memory of the steps is planned and used again by every step; "
            "config.loop_memory limits what gradients remember. Leave the keyword out."
        )
    if isinstance(profile, str):  # older code names its profiles so; the loop's name names them here
        profile = True
    if profile is not None and not isinstance(profile, (bool, int)):
        from symopt.profile import ProfileStats

        if not isinstance(profile, ProfileStats):
            raise TypeError(
                f"profile is True, False, a name, or a ProfileStats; got {profile!r} ({type(profile).__name__}). It is "
                "that of the functions that the loop stands in: f.profile.loops() has the nodes of its steps."
            )
    if mode is not None:
        from symopt.mode import get_mode

        mode = get_mode(mode)
    profile = None if profile is False or profile == 0 else profile
    return None if mode is None and profile is None else Asked(mode, profile)


def _warn(message: str) -> None:
    """Warn once per process."""
    if message not in _said:
        _said.add(message)
        warnings.warn(message, stacklevel=trace.users_level())
