"""Loops in C: what ``Scan`` means to the C virtual machine. Imported through the entry point ``symstack.c``."""

from typing import Any

from symcodegen.dispatch import Loop, LoopOutput, LoopSequence, LoopSpec, LoopState, c_impl
from symscan.op import Scan


@c_impl.register
def loop_c(op: Scan, node: Any) -> Any:
    """Return the loop as the machine's own: the inner graph has been rewritten with the graph around it."""
    spec = op.spec
    return Loop(
        op.fgraph,
        LoopSpec(
            sequences=tuple(LoopSequence(taps) for taps in spec.sequences),
            states=tuple(LoopState(rows.taps, rows.keep) for rows in spec.states),
            carries=spec.n_carries,
            outputs=tuple(LoopOutput(rows.keep) for rows in spec.plain),
            until=spec.until,
        ),
    )
