"""``scan_checkpoints()``: gradients in little memory, by making steps again instead of remembering them.

The loop becomes one of ``k`` blocks of ``N`` steps and a rest. Only the states between blocks are remembered; the
gradient goes through the blocks from the last to the first, and makes the ``N`` steps of each once more. Instead of
``n`` states there are ``n / N + N`` in memory; ``N`` near the square root of ``n`` makes that least. (A. Griewank,
"Achieving logarithmic growth of temporal and spatial complexity in reverse automatic differentiation", 1992; this is
the scheme with two levels.)
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from symcore.graph.fgraph import FunctionGraph
from symcore.graph.test_values import paused
from symcore.graph.variable import Apply, Constant
from symcore.printing.ops_printing import Assert
from symcore.tensor.constant import as_tensor
from symcore.tensor.join import concatenate
from symcore.tensor.scalar_functions import eq
from symcore.tensor.shapes import specify_shape
from symcore.tensor.type import TensorType
from symscan import examples
from symscan.arguments import check_options, fixed_arguments, output_arguments, sequence_arguments
from symscan.op import Scan
from symscan.scanning import Builder, Tracer, number_of_steps
from symscan.spec import Outer, Results, Rows, Spec


def scan_checkpoints(
    fn: Callable[..., Any],
    sequences: Any = None,
    outputs_info: Any = None,
    non_sequences: Any = None,
    name: str | None = None,
    n_steps: Any = None,
    save_every_N: int = 10,  # noqa: N803 - the name that users of this function know
    padding: bool = True,
) -> tuple[Any, dict[Any, Any]]:
    """Make a loop as ``scan`` does, but hand out, and remember for gradients, one step in ``save_every_N`` only.

    The gradient needs memory for about ``n_steps / save_every_N + save_every_N`` steps instead of ``n_steps``, and
    makes every step twice. Of steps that draw from a generator inside everything that the gradient reads is remembered.

    Parameters
    ----------
    fn, sequences, outputs_info, non_sequences, n_steps, name
        As of ``scan``. The step must not return ``until(...)``.
    save_every_N
        How many steps there are from one row that is handed out to the next.
    padding
        Allow a number of steps that is no multiple of ``save_every_N``: the last block is then shorter.

    Returns
    -------
    outputs, updates
        As of ``scan``. The outputs have ``ceil(n_steps / save_every_N)`` rows: those made by the steps ``N - 1``,
        ``2 N - 1`` and so on, and the one made by the last step.

    Raises
    ------
    TypeError, ValueError
        As ``scan``; a ``save_every_N`` that is no positive integer; ``until``; without ``padding``, a number of steps
        known to be no multiple of ``save_every_N`` (``AssertionError`` if it turns out when the function is called).

    Examples
    --------
    >>> import numpy as np
    >>> from symcore import grad
    >>> from symcore import tensor as T
    >>> from symscan import scan_checkpoints
    >>> x = T.dscalar("x")
    >>> powers, updates = scan_checkpoints(lambda p: p * x, outputs_info=T.ones_like(x), n_steps=7, save_every_N=3)
    >>> powers.eval({x: 2.0})
    array([  8.,  64., 128.])
    >>> float(grad(powers[-1], x).eval({x: 2.0}))
    448.0
    """
    if not callable(fn):
        raise TypeError(f"scan_checkpoints needs a function to call for every step, got {fn!r}.")
    if not isinstance(save_every_N, int) or isinstance(save_every_N, bool) or save_every_N < 1:
        raise ValueError(f"save_every_N must be a positive integer, got {save_every_N!r}.")
    seqs = sequence_arguments(sequences, False)
    check_options(-1, name)
    fixed = fixed_arguments(non_sequences)
    n = number_of_steps(n_steps, seqs)
    if not padding:
        n = _multiple(n, save_every_N)
    tracer = Tracer(fn, seqs, output_arguments(outputs_info), fixed)
    traced = tracer.trace()
    if traced.condition is not None:
        raise ValueError("the step of scan_checkpoints must not return until(...): the blocks of steps are whole.")
    with paused():  # the blocks are about variables of their own
        outputs, updates = _handed_out(Builder(seqs, tracer.outs, traced, -1, name), n, save_every_N)
    examples.of_outputs(outputs)
    return (outputs[0] if len(outputs) == 1 else outputs), updates


def _handed_out(builder: Builder, n: Any, block: int) -> tuple[list[Any], dict[Any, Any]]:
    found = in_blocks(builder.loop(n), block)
    outputs: list[Any] = [None] * len(builder.outs)
    for k, rows in zip(builder.states + builder.plain, found.states[: len(builder.states)] + found.plain, strict=True):
        outputs[k] = rows
    return outputs, builder.updated([rows[-1] for rows in found.first_rows[len(builder.states) :]], found.carries)


def _multiple(n: Any, block: int) -> Any:
    if isinstance(n, Constant):
        if int(n.data) % block:
            raise ValueError(
                f"n_steps is {int(n.data)}, no multiple of save_every_N = {block}. padding=True makes the last block "
                "shorter."
            )
        return n
    message = f"the number of steps is no multiple of save_every_N = {block}; padding=True allows a shorter block."
    return Assert(message)(n, eq(n % block, 0))


@dataclass
class Blocks:
    """What a loop in blocks hands out: rows of states and plain outputs after each block, carries, and the last
    ``depth`` rows of each state."""

    states: list[Any]
    plain: list[Any]
    carries: list[Any]
    first_rows: list[Any]


def in_blocks(node: Apply, block: int) -> Blocks:
    """Return what a node of ``Scan`` without condition makes, computed in blocks of ``block`` steps."""
    op: Any = node.op
    spec, outer = op.spec, op.spec.outer(node.inputs)
    n = outer.n_steps
    whole = as_tensor(int(n.data) // block) if isinstance(n, Constant) else n // block
    made = _outer_loop(node, block, whole)
    firsts = [rows[-1] for rows in made.states]
    states = [rows[1:, -1] for rows in made.states]
    plain, carries = made.plain, made.carries
    rest = n - whole * block if not isinstance(n, Constant) else as_tensor(int(n.data) % block)
    if isinstance(rest, Constant) and not int(rest.data):
        return Blocks(states, plain, carries, firsts)
    start = whole * block
    cut = [x[start:] for x in outer.sequences]
    last = spec.results(
        _all(op).make_node(*Outer(rest.astype("int64"), cut, firsts, carries, outer.non_sequences).flat()).outputs
    )
    states = [concatenate([a, b[r.depth :][-1:]]) for a, b, r in zip(states, last.states, spec.states, strict=True)]
    plain = [concatenate([a, b[-1:]]) for a, b in zip(plain, last.plain, strict=True)]
    ends = [_fitting(b[-r.depth :], f) for f, b, r in zip(firsts, last.states, spec.states, strict=True)]
    return Blocks(states, plain, last.carries, ends)


def _all(op: Scan) -> Scan:
    return op.with_spec(op.spec.keeping_all())


def _outer_loop(node: Apply, block: int, count: Any) -> Results:
    """Return the results of the loop over blocks: a state's row is its last ``depth`` rows of a block."""
    op: Any = node.op
    spec = op.spec
    outer = spec.outer(node.inputs)
    taps = [(x, tap) for x, taps in zip(outer.sequences, spec.sequences, strict=True) for tap in taps]
    walked = [_split(x[tap : tap + count * block], block, count) for x, tap in taps]
    slices = [TensorType(x.type.dtype, x.type.shape[1:])() for x in walked]
    firsts = [TensorType(x.type.dtype, (r.depth, *x.type.shape[1:]))() for x, r in
              zip(outer.states, spec.states, strict=True)]  # fmt: skip
    firsts = [TensorType(f.type.dtype, (f.type.shape[0], *taps[0].type.shape))()
              for f, taps in zip(firsts, spec.inner(op.fgraph.inputs).states, strict=True)]  # fmt: skip
    carries = [x.type() for x in outer.carries]
    fixed = [x.type(x.name) for x in outer.non_sequences]
    # Every tap is a sequence of its own: blocks of one tensor at different taps overlap.
    inner_spec = replace(spec.keeping_all(), sequences=((0,),) * len(walked))
    inner = Scan(op.fgraph, inner_spec, op.truncate, op.name, asked=op.asked)
    made = inner_spec.results(
        inner.make_node(*Outer(as_tensor(block).astype("int64"), slices, firsts, carries, fixed).flat()).outputs
    )
    after = [_fitting(rows[-r.depth :], f) for f, rows, r in zip(firsts, made.states, spec.states, strict=True)]
    results = Results(after, made.carries, [rows[-1] for rows in made.plain])
    blocks = Spec(((0,),) * len(walked), tuple(Rows((-1,)) for _ in firsts), (Rows(),) * len(made.plain),
                  spec.n_carries, spec.n_non_sequences)  # fmt: skip
    name = f"blocks of {op.name}" if op.name else None
    graph = FunctionGraph([*slices, *firsts, *carries, *fixed], results.flat())
    starts = [_fitting(x, f).dimshuffle("x", *range(x.type.ndim)) for x, f in zip(outer.states, firsts, strict=True)]
    given = Outer(count.astype("int64"), walked, starts, outer.carries, outer.non_sequences)
    return blocks.results(Scan(graph, blocks, -1, name, lean=True).make_node(*given.flat()).outputs)


def _split(x: Any, block: int, count: Any) -> Any:
    return x.reshape((count, block, *(x.shape[i] for i in range(1, x.type.ndim))))


def _fitting(x: Any, wanted: Any) -> Any:
    return x if wanted.type.is_super(x.type) else specify_shape(x, wanted.type.shape)
