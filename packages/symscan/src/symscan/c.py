"""Loops in C: what ``Scan`` means to the C virtual machine. Imported through the entry point ``symstack.c``."""

from typing import Any

from symcodegen.dispatch import Answer, CKernel, Loop, LoopOutput, LoopSequence, LoopSpec, LoopState, c_impl, refuse
from symcodegen.kernels.walk import ENTRY
from symcodegen.ops.checks import checked
from symcodegen.user_text import quoted
from symscan.lengths import EnoughRows, too_few
from symscan.op import Scan


@c_impl.register
def loop_c(op: Scan, node: Any) -> Any:
    """Return the loop as the machine's own: the inner graph has been rewritten with the graph around it. A mode that
    the user gave the loop may want its steps run by a linker of its own."""
    if op.asked is not None and op.asked.own_linker:
        return refuse(node, f"its steps run in the mode {op.asked.mode.name!r} that the loop was given")
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


@c_impl.register
def enough_rows_c(op: EnoughRows, node: Any) -> Answer:
    """A comparison. Operands of the kernel: a byte that nobody reads, the number of rows."""
    before, after = too_few(op.where, op.taps, "\n").replace("%", "%%").split("\n")
    text = (
        f"    *p[0] = 0;\n    const i64 rows = *(const i64 *)p[1];\n    if (rows < {op.least})\n"
        f'        return ctx->fail(ctx, SYM_VALUE, {quoted(before)} "%lld" {quoted(after)}, rows);\n    return 0;\n}}\n'
    )
    return checked(CKernel(ENTRY + text, fallible=True))
