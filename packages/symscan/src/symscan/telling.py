"""What errors say of the rows of a loop: whose they are, and why there are so few."""

import re

from symcore.graph import trace
from symcore.graph.fgraph import FunctionGraph
from symcore.graph.variable import Apply, Constant
from symscan.spec import Spec

_STATE = re.compile(r"state(\d+)\[t[-+]\d+\]")  # what the step's arguments are called, see scanning.Tracer


def of_rows(spec: Spec, fgraph: FunctionGraph, name: str | None, node: Apply, output: int) -> str:
    """Return, for an error about a row of output ``output`` that is not there, which rows these are and what to do."""
    where = trace.describe(node.trace)
    loop = f"the loop {name}" if name else "a loop"
    loop += f" (built at {where})" if where else ""
    return (
        f"these are rows of {_output(spec, fgraph, output)} of {loop}, which has one for every step that it made; "
        f"{_decided_by(spec, node)}. Make more steps, or choose where there may be too few: "
        "ifelse(T.gt(rows.shape[0], 0), rows[-1], initial)."
    )


def _output(spec: Spec, fgraph: FunctionGraph, output: int) -> str:
    """Return what the user calls an output: the initial value that it has. Places are not what they were in ``scan``:
    states come first, and rules leave out what nobody reads."""
    if output < len(spec.states):
        given = _STATE.fullmatch(spec.inner(fgraph.inputs).states[output][0].name or "")
        return f"the state of outputs_info[{given[1]}]" if given else "a state"
    return "an output without initial value"


def _decided_by(spec: Spec, node: Apply) -> str:
    """Return what decides how many steps a loop makes."""
    outer = spec.outer(node.inputs)
    n = outer.n_steps
    if isinstance(n, Constant):
        number = f"n_steps is {int(n.data)}"
    elif n.owner is None:
        number = f"n_steps is {n}"
    else:
        names = [x.name for x in outer.sequences if x.name]
        named = f" ({', '.join(names)})" if names else ""
        number = f"n_steps, or the shortest of its sequences{named}, decides how many"
    return f"{number}, and its condition may end it before" if spec.until else number
