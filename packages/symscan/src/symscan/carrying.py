"""``loop()``: a loop with an explicit, nested state."""

from collections.abc import Callable
from typing import Any

from symcore.graph.shared import SharedVariable
from symcore.graph.test_values import paused
from symcore.graph.variable import Variable
from symcore.tensor.constant import as_tensor
from symcore.tensor.type import TensorType
from symscan import examples
from symscan.arguments import OutputArgument, SequenceArgument
from symscan.scanning import Builder, Tracer, number_of_steps
from symscan.stepping import Returned, until
from symscan.structure import describe, fill, flatten, flatten_like


def loop(
    step: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    n_steps: Any = None,
    length_out: str = "all",
    name: str | None = None,
) -> tuple[Any, Any]:
    """Make ``carry, y = step(carry, x)`` for every ``x`` of ``xs``; return the last carry, and the ``y`` stacked.

    Carry, ``xs`` and ``y`` are tensors, or tuples, lists, named tuples, dictionaries and data classes of them, nested
    as you like; ``None`` stands for nothing. All state is in the carry: there are no updates to pass on.

    Parameters
    ----------
    step
        Called with symbolic variables: the carry, in the structure of ``init``, and one row of everything in ``xs``
        (``None`` without ``xs``). Returns the next carry, of the same structure, shapes and dtypes, and ``y``, of any
        structure. It may use any other variable as well.
    init
        The first carry. Python numbers in it are int64 and ``floatX``. A random generator's state may be in it too.
    xs
        Tensors that are walked along their first axis, together; the shortest decides.
    n_steps
        The number of steps, an ``int`` or an integer scalar, if ``xs`` does not say it or has too many rows.
    length_out
        ``"all"``: ``y`` of every step, stacked along a new first axis. ``"last"``: that of the last step alone.
    name
        Of the loop, for printing, profiles and errors.

    Returns
    -------
    carry, ys
        Both in the structures of what the step returns. After no steps the carry is ``init``; ``"all"`` of ``y`` has
        no rows, and ``"last"`` raises ``IndexError`` when the function is called.

    Raises
    ------
    TypeError
        A step that is not a function, that returns no pair or a carry of another structure, dtype or number of
        dimensions; leaves that are no tensors.
    ValueError
        Neither ``xs`` nor ``n_steps``; an unknown ``length_out``.

    Examples
    --------
    >>> from symcore import tensor as T
    >>> from symscan import loop
    >>> x = T.dvector("x")
    >>> def step(carry, v):
    ...     total = carry["total"] + v
    ...     return {"total": total, "count": carry["count"] + 1}, total / (carry["count"] + 1)
    >>> last, means = loop(step, {"total": 0.0, "count": 0}, x)
    >>> means.eval({x: [1, 2, 6]})
    array([1. , 1.5, 3. ])
    """
    if not callable(step):
        raise TypeError(f"loop needs a function to call for every step, got {step!r} ({type(step).__name__}).")
    if length_out not in ("all", "last"):
        raise ValueError(f"length_out must be 'all' or 'last', got {length_out!r}.")
    return _Loop(step, init, xs, name).build(n_steps, length_out)


class _Loop:
    """Takes the structures apart for ``Tracer`` and ``Builder``, and puts their results together again."""

    def __init__(self, step: Any, init: Any, xs: Any, name: str | None):
        self.step, self.name = step, name
        given: list[tuple[str, Any]] = []
        self.carry_form = flatten(init, "init", given)
        #: Per leaf of the carry, in order: whether it is a tensor; others are handed on as they are.
        starts = [_first(where, value) for where, value in given]
        self.is_tensor = [isinstance(v.type, TensorType) for v in starts]
        self.outs = [
            OutputArgument((-1,), v.dimshuffle("x", *range(v.type.ndim)), v.type, where)
            for v, (where, _) in zip(starts, given, strict=True) if isinstance(v.type, TensorType)
        ]  # fmt: skip
        self.others = {v.type(v.name): v for v in starts if not isinstance(v.type, TensorType)}
        walked: list[tuple[str, Any]] = []
        self.xs_form = flatten(xs, "xs", walked)
        self.seqs = [_sequence(where, value) for where, value in walked]
        self.after: list[Any] = []
        self.y_form: Any = None

    def build(self, n_steps: Any, length_out: str) -> tuple[Any, Any]:
        if n_steps is None and not self.seqs:
            raise ValueError("loop cannot tell how many steps to make: give it xs, or n_steps.")
        n = number_of_steps(n_steps, self.seqs)
        tracer = _CarryTracer(self._flat_step, self.seqs, self.outs, [])
        tracer.with_examples = not self.others
        traced = tracer.trace()
        traced.updates.update(zip(self.others, self.after, strict=True))
        with paused():
            carry, ys = self._handed_out(Builder(self.seqs, tracer.outs, traced, -1, self.name, self.others), n)
        examples.of_outputs([v for v in carry if isinstance(v.type, TensorType)] + ys)
        if length_out == "last":
            ys = [rows[-1] for rows in ys]
        return fill(self.carry_form, iter(carry)), fill(self.y_form, iter(ys))

    def _handed_out(self, builder: Builder, n: Any) -> tuple[list[Any], list[Any]]:
        """Return the leaves of the last carry, and the rows of those of ``y``."""
        node = builder.loop(n)
        found = node.op.spec.results(node.outputs)
        count = len(self.outs)
        finals = builder.updated([rows[-1] for rows in found.states[count:]], found.carries)
        tensors, others = iter([rows[-1] for rows in found.states[:count]]), iter(self.others)
        return [next(tensors) if tensor else finals[next(others)] for tensor in self.is_tensor], found.plain

    def _flat_step(self, *given: Any) -> list[Any]:
        """Call the step on structures; return the tensors of the carry, then those of ``y``."""
        count = len(self.seqs)
        tensors, others = iter(given[count:]), iter(self.others)
        carry = fill(self.carry_form, iter([next(tensors) if t else next(others) for t in self.is_tensor]))
        result = self.step(carry, fill(self.xs_form, iter(given[:count])))
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise TypeError(f"the step of a loop returns two things, (carry, y); got {describe(result)}.")
        new: list[tuple[str, Any]] = []
        flatten_like(self.carry_form, result[0], "carry", new)
        ys: list[tuple[str, Any]] = []
        self.y_form = flatten(result[1], "y", ys)
        types = [v.type for v in self.others]
        self.after = [
            _handed_on(where, v, t)
            for t, (where, v) in zip(types, [p for p, t in zip(new, self.is_tensor, strict=True) if not t], strict=True)
        ]
        moved = [p for p, t in zip(new, self.is_tensor, strict=True) if t]
        return [_result(where, v) for where, v in (*moved, *ys)]


class _CarryTracer(Tracer):
    """Traces a step that returns new states for all of ``outs``, and then any number of values that no step reads."""

    def _check_count(self, returned: Returned) -> None:
        self.outs += [OutputArgument() for _ in range(len(returned.outputs) - len(self.outs))]


def _first(where: str, value: Any) -> Any:
    if isinstance(value, Variable):
        return value
    dtype = "int64" if type(value) is int else "floatX" if type(value) is float else None
    try:
        return as_tensor(value, dtype=dtype)
    except TypeError as error:
        raise TypeError(f"{where} must be a tensor: {error}") from None


def _sequence(where: str, value: Any) -> SequenceArgument:
    try:
        x = as_tensor(value)
    except TypeError as error:
        raise TypeError(f"{where} must be a tensor with rows to walk along: {error}") from None
    if x.type.ndim == 0:
        raise TypeError(f"{where} is the scalar {x}, which has no rows to walk along. Use it in the step as it is.")
    return SequenceArgument(x, (0,), (0,), where)


def _result(where: str, value: Any) -> Any:
    if isinstance(value, until):
        raise TypeError(f"{where} is until(...): a loop makes all its steps. Use scan to stop at a condition.")
    if isinstance(value, SharedVariable) and not isinstance(value.type, TensorType):
        raise TypeError(f"{where} is {value} of type {value.type}; only the carry hands on what is no tensor.")
    try:
        return as_tensor(value)
    except TypeError as error:
        raise TypeError(f"{where} must be a tensor: {error}") from None


def _handed_on(where: str, value: Any, wanted: Any) -> Any:
    if not isinstance(value, Variable) or not wanted.is_super(value.type):
        shown = f"{value} of type {value.type}" if isinstance(value, Variable) else repr(value)
        raise TypeError(f"{where} must be of type {wanted}, as it is at first; the step made {shown} of it.")
    return value
