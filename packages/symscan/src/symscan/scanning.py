"""``scan()``: from a step function to a node of ``Scan``."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from symcore.errors import MissingInputError
from symcore.graph.clone import clone_graph
from symcore.graph.fgraph import FunctionGraph
from symcore.graph.shared import SharedVariable
from symcore.graph.test_values import paused
from symcore.graph.traverse import ancestors, inputs, toposort
from symcore.graph.variable import Constant
from symcore.tensor import dtypes
from symcore.tensor.constant import as_tensor
from symcore.tensor.scalar_functions import minimum
from symcore.tensor.type import TensorType
from symscan import examples
from symscan.arguments import (
    OutputArgument,
    SequenceArgument,
    check_options,
    fixed_arguments,
    output_arguments,
    sequence_arguments,
)
from symscan.asking import Asked, asked
from symscan.handing import Handed, Updates
from symscan.lengths import EnoughRows
from symscan.op import Scan
from symscan.spec import Rows, Spec
from symscan.stepping import Returned, parse


def scan(
    fn: Callable[..., Any],
    sequences: Any = None,
    outputs_info: Any = None,
    non_sequences: Any = None,
    n_steps: Any = None,
    truncate_gradient: int = -1,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
    profile: Any = False,
    allow_gc: bool | None = None,
    strict: bool = False,
    return_list: bool = False,
) -> tuple[Any, dict[Any, Any]]:
    """Make a loop of ``fn``, and return what its steps return, stacked along a new first axis, and its updates.

    Parameters
    ----------
    fn
        The step. It is called with symbolic variables: the slices of ``sequences`` (per sequence one for each tap, in
        the order of the taps), the earlier values of the outputs that have an initial value (likewise), then
        ``non_sequences``. It returns the outputs (one, or a list), and may return a dictionary of updates of shared
        variables and ``until(condition)``. It may use any other variable as well.
    sequences
        Tensors walked along their first axis, or dictionaries ``{"input": x, "taps": [-1, 0, 2]}``: step ``t`` gets
        ``x[t - 1], x[t], x[t + 2]``, and ``t`` starts and ends where all of them exist.
    outputs_info
        Per output of the step: its initial value; ``{"initial": x0, "taps": [-2, -1]}`` to read further back, where
        ``x0`` then has one row per step back; or ``None`` for an output that no step reads. ``None`` for all: no
        output is read.
    non_sequences
        What is the same at every step.
    n_steps
        The number of steps, an ``int`` or an integer scalar; by default as many as the shortest sequence allows.
    truncate_gradient
        How many steps back gradients go; -1 for all.
    go_backwards
        Walk along the sequences from their ends.
    name
        Of the loop, for printing, profiles and errors.
    strict
        Refuse steps that use variables which are not among ``non_sequences``.
    return_list
        Return a list of outputs even if there is only one.
    mode
        The rules that rewrite the steps, and those of its gradients, in place of the function's: a ``Mode`` such as
        ``get_mode().excluding("fuse-elemwise")``, or a name. Where its linker is not the default one
        (``"FAST_COMPILE"``, ``"DEBUG"``, a ``NanGuardMode``), the steps are run by it, one by one from Python, whatever
        runs the rest.
    profile
        ``True`` (or a name), or a ``ProfileStats``: functions that the loop stands in are profiled, unless they are
        told otherwise; ``f.profile.loops()`` has the nodes of the steps.
    allow_gc
        Without effect, with one warning: memory is planned.

    Returns
    -------
    outputs, updates
        A variable, or a list of them if the step returns several; and ``{shared variable: its value after the loop}``,
        to be passed on to ``function(updates=...)``.

    Raises
    ------
    TypeError
        Arguments of a wrong kind; a step whose outputs have another type than their initial values.
    ValueError
        Neither ``sequences`` nor ``n_steps``; taps that cannot be; a step that returns another number of outputs. When
        the function is called: a sequence that has fewer rows than its taps skip.
    MissingInputError
        ``strict``, and the step uses what it was not given.

    Examples
    --------
    >>> import numpy as np
    >>> from symcore import tensor as T
    >>> from symscan import scan
    >>> x = T.dvector("x")
    >>> sums, updates = scan(lambda v, total: total + v, sequences=x, outputs_info=np.float64(0))
    >>> sums.eval({x: [1, 2, 3]})
    array([1., 3., 6.])
    """
    if not callable(fn):
        raise TypeError(f"scan needs a function to call for every step, got {fn!r} ({type(fn).__name__}).")
    check_options(truncate_gradient, name)
    wishes = asked(mode, profile, allow_gc)
    seqs = sequence_arguments(sequences, go_backwards)
    fixed = fixed_arguments(non_sequences)
    n = number_of_steps(n_steps, seqs)
    tracer = Tracer(fn, seqs, output_arguments(outputs_info), fixed)
    traced = tracer.trace()
    with paused():  # the copy of the step is about variables of its own
        builder = Builder(seqs, tracer.outs, traced, truncate_gradient, name, asked=wishes)
        if strict:
            builder.refuse_others(fixed)
        outputs, updates = builder.handed_out(builder.loop(n))
    examples.of_outputs(outputs)
    return (outputs[0] if len(outputs) == 1 and not return_list else outputs), updates


def number_of_steps(given: Any, sequences: Sequence[SequenceArgument]) -> Any:
    """Return the number of steps that was asked for, or that the shortest of the sequences allows, as an int64."""
    if given is not None:
        n = as_tensor(given)
        if n.type.ndim or n.type.dtype.kind not in "iu":
            raise TypeError(f"n_steps must be an integer or an integer scalar, got {given} of type {n.type}.")
        if isinstance(n, Constant) and int(n.data) < 0:
            raise ValueError(f"n_steps must not be negative, got {int(n.data)}; go_backwards=True walks backwards.")
        if isinstance(n, Constant):
            _check_lengths(int(n.data), sequences)
        return n.astype("int64")
    if not sequences:
        raise ValueError("scan cannot tell how many steps to make: give it sequences, or n_steps.")
    n = None
    for s in sequences:
        rows = s.x.type.shape[0]
        if rows is not None:
            count = as_tensor(rows - s.lost)
        elif s.lost:
            count = EnoughRows(s.where, s.taps, s.lost)(s.x.shape[0]) - s.lost
        else:
            count = s.x.shape[0]
        n = count if n is None else minimum(n, count)
    return n.astype("int64")


def _check_lengths(n: int, sequences: Sequence[SequenceArgument]) -> None:
    for s in sequences:
        rows = s.x.type.shape[0]
        if n and rows is not None and rows - s.lost < n:
            beyond = f" and {s.lost} more for its taps {list(s.taps)}" if s.lost else ""
            raise ValueError(
                f"n_steps is {n}, which needs {n} rows{beyond} of {s.where}; it has {rows}. Ask for fewer steps, or "
                "leave n_steps out: the shortest sequence then decides."
            )


class Tracer:
    """Calls the step on symbolic variables until its states have the types that the step makes.

    ``with_examples``: what it is called with may have test values.
    """

    with_examples = True

    def __init__(self, fn: Any, seqs: list[SequenceArgument], outs: list[OutputArgument] | None, fixed: list[Any]):
        self.fn, self.seqs, self.given, self.fixed = fn, seqs, outs, fixed
        self.outs: list[OutputArgument] = list(outs or ())

    def trace(self) -> Returned:
        """Return what the step returned; the slices and taps it was given are in ``seqs`` and ``outs``."""
        for _ in range(3 + max((len(o.row.shape) for o in self.outs if o.taps), default=0)):
            arguments = self._arguments()
            with examples.watched(self.with_examples and examples.give(self.seqs, self.outs)):
                returned = parse(self._call(arguments))
                self._check_count(returned)
                settled = self._settled(returned)
            if settled:
                return returned
        raise TypeError("the types of the states of this loop change with every step; use T.specify_shape in the step.")

    def _arguments(self) -> list[Any]:
        arguments: list[Any] = []
        for k, s in enumerate(self.seqs):
            t = TensorType(s.x.type.dtype, s.x.type.shape[1:])
            label = s.x.name or f"sequence{k}"
            s.slices = [t(f"{label}[t{tap:+d}]" if tap else f"{label}[t]") for tap in s.taps]
            arguments += s.slices
        for k, o in enumerate(self.outs):
            o.values = [o.row(f"state{k}[t{tap:+d}]") for tap in o.taps]
            arguments += o.values
        return arguments + self.fixed

    def _call(self, arguments: list[Any]) -> Any:
        """Call the step; if it cannot take its arguments, say what it is called with."""
        try:
            return self.fn(*arguments)
        except TypeError:
            import inspect

            try:
                signature = inspect.signature(self.fn)
            except (TypeError, ValueError):  # some callables of C have none
                raise
            try:
                signature.bind(*arguments)
            except TypeError as error:
                slices, states = sum(len(s.slices) for s in self.seqs), sum(len(o.values) for o in self.outs)
                raise TypeError(
                    f"the step is called with {len(arguments)} arguments: {slices} of sequences, then {states} of "
                    f"outputs_info (one for each tap), then {len(self.fixed)} of non_sequences. Its signature is "
                    f"{signature}, which does not take them ({error})."
                ) from None
            raise  # it was not the call that failed, but something in the step

    def _check_count(self, returned: Returned) -> None:
        if self.given is None:
            self.outs = [OutputArgument() for _ in returned.outputs]
        elif len(returned.outputs) != len(self.outs):
            raise ValueError(
                f"outputs_info has {len(self.outs)} entries, but the step returned {len(returned.outputs)} outputs; "
                "there must be one entry for each, None for those that no step reads."
            )

    def _settled(self, returned: Returned) -> bool:
        """Cast outputs to their states where that loses nothing, widen states; tell whether none was widened."""
        settled = True
        for k, (o, y) in enumerate(zip(self.outs, returned.outputs, strict=True)):
            if not o.taps:
                continue
            if y.type.ndim != o.row.ndim:
                raise TypeError(
                    f"the initial value {o.where} makes a state of {o.row.ndim} dimensions ({o.row}), but the "
                    f"step returned {y.type.ndim} dimensions ({y.type}) for it. Give the initial value the shape of a "
                    "step's result."
                )
            if y.type.dtype != o.row.dtype and o.weak:
                o.first, o.row = o.first.astype(y.type.dtype), TensorType(y.type.dtype, o.row.shape)
                settled = False
            elif y.type.dtype != o.row.dtype:
                if dtypes.upcast(y.type.dtype, o.row.dtype) != o.row.dtype:
                    raise TypeError(
                        f"the initial value {o.where} has dtype {o.row.dtype}, but the step returned "
                        f"{y.type.dtype} for it, which does not fit in there. Cast one of them: "
                        f"initial.astype('{y.type.dtype}'), or result.astype('{o.row.dtype}') in the step."
                    )
                y = returned.outputs[k] = y.astype(o.row.dtype)
            common = tuple(m if m == n else None for m, n in zip(o.row.shape, y.type.shape, strict=True))
            if common != tuple(o.row.shape):
                o.row = TensorType(o.row.dtype, common)
                settled = False
        return settled


class Builder:
    """Makes the node from a traced step: finds what it updates and what it uses from outside.

    ``starts``: initial values of what is updated and is no shared variable, which has its own.
    """

    def __init__(self, seqs: list[SequenceArgument], outs: list[OutputArgument], step: Returned, truncate: int,
                 name: str | None, starts: Mapping[Any, Any] | None = None,
                 asked: Asked | None = None):  # fmt: skip
        self.starts, self.asked = dict(starts or {}), asked
        self.seqs, self.outs, self.truncate, self.name = seqs, outs, truncate, name
        self.states = [k for k, o in enumerate(outs) if o.taps]
        self.plain = [k for k, o in enumerate(outs) if not o.taps]
        self.outputs, self.condition = step.outputs, step.condition
        self.updates = dict(step.updates)
        self.own_updates = list(step.updates)
        self._add_default_updates()
        #: Shared variables that change from step to step: tensors as states, others as carries.
        self.moving = [s for s in self.updates if isinstance(s.type, TensorType)]
        self.carried = [s for s in self.updates if not isinstance(s.type, TensorType)]
        self.captured = self._captured()

    def _results(self) -> list[Any]:
        return [*self.outputs, *self.updates.values(), *([] if self.condition is None else [self.condition])]

    def _add_default_updates(self) -> None:
        from symopt.function import update_value

        while True:
            found = [v for v in ancestors(self._results()) if isinstance(v, SharedVariable)
                     and v.default_update is not None and v not in self.updates]  # fmt: skip
            if not found:
                return
            self.updates.update((v, update_value(v, v.default_update)) for v in found)

    def _captured(self) -> list[Any]:
        """Return what is computed outside of the loop: everything that depends on nothing that changes in it."""
        changing = {v for s in self.seqs for v in s.slices} | {v for o in self.outs for v in o.values}
        changing |= set(self.updates)
        found: dict[Any, None] = {}
        results = self._results()
        for node in toposort(results):
            if any(v in changing for v in node.inputs):
                found.update((v, None) for v in node.inputs if v not in changing and not isinstance(v, Constant))
                changing.update(node.outputs)
        found.update((v, None) for v in results if v not in changing and not isinstance(v, Constant))
        return list(found)

    def refuse_others(self, fixed: Sequence[Any]) -> None:
        """Raise ``MissingInputError`` when the step uses a variable that is not among ``fixed``."""
        allowed = set(fixed)
        for v in inputs(self.captured, allowed):
            if v not in allowed and not isinstance(v, Constant):
                raise MissingInputError(
                    f"the step uses {v} (of type {v.type}), which is not among non_sequences. Add it there, or leave "
                    "strict=True out."
                )

    def loop(self, n: Any) -> Any:
        """Return a node that makes ``n`` steps."""
        inner_inputs: list[Any] = []
        orders = [sorted(range(len(s.rows)), key=s.rows.__getitem__) for s in self.seqs]
        for s, order in zip(self.seqs, orders, strict=True):
            inner_inputs += [s.slices[j] for j in order]
        rows = []
        for k in self.states:
            o = self.outs[k]
            inner_inputs += [v for _, v in sorted(zip(o.taps, o.values, strict=True), key=lambda p: p[0])]
            rows.append(Rows(tuple(sorted(o.taps))))
        current = {s: s.type(s.name) for s in self.updates}
        inner_inputs += [current[s] for s in (*self.moving, *self.carried)]
        others = {v: v.type(v.name) for v in self.captured}
        inner_inputs += others.values()
        spec = Spec(
            sequences=tuple(tuple(s.rows[j] for j in order) for s, order in zip(self.seqs, orders, strict=True)),
            states=(*rows, *(Rows((-1,), 1) for _ in self.moving)),
            plain=(Rows(),) * len(self.plain),
            n_carries=len(self.carried),
            n_non_sequences=len(others),
            until=self.condition is not None,
        )
        wanted = [
            *(self.outputs[k] for k in self.states), *(self.updates[s] for s in (*self.moving, *self.carried)),
            *(self.outputs[k] for k in self.plain), *([] if self.condition is None else [self.condition]),
        ]  # fmt: skip
        made = clone_graph(wanted, {**current, **others})
        loop = Scan(FunctionGraph(inner_inputs, made), spec, self.truncate, self.name, asked=self.asked)
        return loop.make_node(
            n, *(s.x for s in self.seqs), *(self.outs[k].first for k in self.states),
            *(s.dimshuffle("x", *range(s.type.ndim)) for s in self.moving),
            *(self.starts.get(s, s) for s in self.carried), *self.captured,
        )  # fmt: skip

    def handed_out(self, node: Any) -> tuple[list[Any], dict[Any, Any]]:
        """Return the outputs and the updates of a node that ``loop`` made."""
        found = node.op.spec.results(node.outputs)
        outputs: list[Any] = [None] * len(self.outs)
        for k, rows in zip(self.states, found.states, strict=False):
            outputs[k] = rows[self.outs[k].depth :]
        for k, rows in zip(self.plain, found.plain, strict=True):
            outputs[k] = rows
        updates = self.updated([rows[-1] for rows in found.states[len(self.states) :]], found.carries)
        if not self.own_updates:  # those of generators are made in any case
            return outputs, updates
        node.op.handed = Handed(self.own_updates)
        return outputs, Updates(updates, node.op.handed)

    def updated(self, moving: Sequence[Any], carried: Sequence[Any]) -> dict[Any, Any]:
        """Return the updates, given the last values of ``moving`` and ``carried``.

        A generator goes on from where the loop left it: its default update is its state after the loop.
        """
        updates: dict[Any, Any] = dict(zip((*self.moving, *self.carried), (*moving, *carried), strict=True))
        for shared, last in updates.items():
            if isinstance(shared, SharedVariable) and shared.default_update is not None:
                shared.default_update = last
        return updates
