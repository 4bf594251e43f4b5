"""What the inputs and outputs of a loop are: the roles that ``Scan`` knows, in the one order used everywhere.

Let a loop make ``n`` steps, numbered from 0.

===============  ===============================================  ========================================
role             outer value                                      inner values of step ``i``
===============  ===============================================  ========================================
sequence         ``x``, at least ``n + taps[-1]`` rows            one per tap: row ``x[i + tap]``
state            ``depth`` initial rows                           one per tap (negative): what step
                                                                  ``i + tap`` made; gives the next value
plain output     none                                             gives a value that no step reads
carry            a value of any type                              the value of the step before; the next one
non-sequence     a value                                          that value
condition        none                                             gives a number: stop after this step if true
===============  ===============================================  ========================================

Outer inputs: the number of steps, sequences, initial rows of the states, initial carries, non-sequences. Outer outputs:
the rows of the states (the initial ones first), the last carries, the rows of the plain outputs; after a loop that its
condition ended, the rows of the steps made. Inner inputs: slices of the sequences, taps of the states, carries,
non-sequences. Inner outputs: states, carries, plain outputs, condition.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Rows:
    """Rows that a loop makes: of a state (negative ``taps``, ascending) or of a plain output (no taps).

    ``keep``: how many of the last rows are handed out; ``None`` for all of them.
    """

    taps: tuple[int, ...] = ()
    keep: int | None = None

    @property
    def depth(self) -> int:
        """How many initial rows there are."""
        return -self.taps[0] if self.taps else 0


@dataclass(frozen=True)
class Spec:
    """The roles of a loop's inputs and outputs. ``sequences``: per sequence its taps, ascending, none negative."""

    sequences: tuple[tuple[int, ...], ...] = ()
    states: tuple[Rows, ...] = ()
    plain: tuple[Rows, ...] = ()
    n_carries: int = 0
    n_non_sequences: int = 0
    until: bool = False

    @property
    def rows(self) -> tuple[Rows, ...]:
        """The states, then the plain outputs."""
        return self.states + self.plain

    @property
    def n_outer_inputs(self) -> int:
        return 1 + len(self.sequences) + len(self.states) + self.n_carries + self.n_non_sequences

    @property
    def n_outer_outputs(self) -> int:
        return len(self.rows) + self.n_carries

    @property
    def n_inner_inputs(self) -> int:
        taps = [*self.sequences, *(s.taps for s in self.states)]
        return sum(map(len, taps)) + self.n_carries + self.n_non_sequences

    @property
    def n_inner_outputs(self) -> int:
        return len(self.rows) + self.n_carries + self.until

    def outer(self, inputs: Sequence[Any]) -> "Outer":
        """Sort the inputs of a node by role."""
        [n, *rest] = inputs
        return Outer(n, *_cut(rest, len(self.sequences), len(self.states), self.n_carries, self.n_non_sequences))

    def inner(self, inputs: Sequence[Any]) -> "Inner":
        """Sort the inner inputs by role; taps are grouped by the sequence or state they belong to."""
        lengths = [*map(len, self.sequences), *(len(s.taps) for s in self.states)]
        groups = _cut(inputs, *lengths, self.n_carries, self.n_non_sequences)
        k = len(self.sequences)
        return Inner(groups[:k], groups[k : k + len(self.states)], groups[-2], groups[-1])

    def results(self, outputs: Sequence[Any]) -> "Results":
        """Sort the outputs of a node, or the inner outputs (the condition last, if there is one), by role."""
        count = len(self.states), self.n_carries, len(self.plain), len(outputs) - self.n_outer_outputs
        states, carries, plain, condition = _cut(outputs, *count)
        return Results(states, carries, plain, condition[0] if condition else None)

    def keeping_all(self) -> "Spec":
        """Return the same with all rows handed out."""
        states, plain = ([replace(r, keep=None) for r in rows] for rows in (self.states, self.plain))
        return replace(self, states=tuple(states), plain=tuple(plain))


@dataclass
class Outer:
    """The inputs of a node of ``Scan``."""

    n_steps: Any
    sequences: list[Any]
    states: list[Any]
    carries: list[Any]
    non_sequences: list[Any]

    def flat(self) -> list[Any]:
        """Return them in the order of the node."""
        return [self.n_steps, *self.sequences, *self.states, *self.carries, *self.non_sequences]


@dataclass
class Inner:
    """The inputs of one step."""

    sequences: list[list[Any]]
    states: list[list[Any]]
    carries: list[Any]
    non_sequences: list[Any]

    def flat(self) -> list[Any]:
        """Return them in the order of the inner graph."""
        return [*(v for g in (*self.sequences, *self.states) for v in g), *self.carries, *self.non_sequences]


@dataclass
class Results:
    """The outputs of a node of ``Scan``, or of one step; then there may be a condition."""

    states: list[Any]
    carries: list[Any]
    plain: list[Any]
    condition: Any = None

    @property
    def rows(self) -> list[Any]:
        """The states, then the plain outputs."""
        return self.states + self.plain

    def flat(self) -> list[Any]:
        """Return them in their order."""
        return [*self.states, *self.carries, *self.plain, *([] if self.condition is None else [self.condition])]


def _cut(values: Sequence[Any], *lengths: int) -> list[list[Any]]:
    def pieces() -> Iterator[list[Any]]:
        at = 0
        for n in lengths:
            yield list(values[at : at + n])
            at += n

    return list(pieces())
