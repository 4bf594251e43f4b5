"""The phases of rewriting: names in one list. What comes first in the list runs first."""

import difflib
from collections.abc import Iterable

#: A phase is a name of this list.
Phase = str

PHASES: tuple[Phase, ...] = (
    "canonicalize",  # one form for equal mathematics: constants folded, fills sunk, shapes lifted, terms cancelled
    "stabilize",  # forms that neither over- nor underflow
    "specialize",  # cheaper Ops: powers, BLAS
    "device",  # lifting to a device
    "fuse",  # elementwise chains become single kernels
)


def check_phases(phases: Phase | Iterable[Phase]) -> tuple[Phase, ...]:
    """Return one phase, or several, as a tuple. Raises ``ValueError`` for a name that is not in ``PHASES``."""
    given = (phases,) if isinstance(phases, str) else tuple(phases)
    for name in given:
        if name not in PHASES:
            near = difflib.get_close_matches(name, PHASES, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"there is no phase {name!r}.{hint} The phases are {', '.join(PHASES)}.")
    if not given:
        raise ValueError(f"a rule needs a phase; the phases are {', '.join(PHASES)}.")
    return given
