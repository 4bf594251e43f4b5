"""``OpFromGraph``: a graph as an Op, with derivatives that can be replaced."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.errors import MissingInputError
from symcore.gradient.grad import grad
from symcore.gradient.rop import R_op_from_L_op, Rop
from symcore.graph.clone import clone_graph
from symcore.graph.fgraph import FunctionGraph
from symcore.graph.null import DisconnectedType, NullType, disconnected
from symcore.graph.shared import SharedVariable
from symcore.graph.test_values import paused
from symcore.graph.variable import Apply, Constant, Variable
from symcore.interpreter import evaluate
from symcore.op import Op, Shape
from symcore.tensor.constant import as_tensor
from symcore.tensor.type import TensorType
from symcore.vectorize.dispatch import vectorize_node, walk

DEFAULT = "default"


class OpFromGraph(Op):
    """Make an Op of the graph between ``inputs`` and ``outputs``.

    Parameters
    ----------
    inputs, outputs
        Variables. Shared variables that the graph uses are captured: every node gets them as further inputs, so they
        are read when the function runs, and gradients with respect to them work.
    inline
        Let a call return the graph itself, with the arguments in place of ``inputs``, instead of one node. A graph
        whose derivatives are overridden stays a node, for the node carries them. (Compiled functions take every such
        node apart before anything else, whatever ``inline`` says: rule ``inline-graph``.)
    grad_overrides
        Instead of the graph's own gradient: ``(inputs, output_grads) -> gradients``, one per input; or a list with one
        entry per input: ``"default"`` or ``None`` for the graph's own, a function ``(inputs, output_grads) ->
        gradient``, or a variable of ``DisconnectedType`` or ``NullType`` (``grad_undefined``).
    lop_overrides
        The same with the outputs at hand: functions ``(inputs, outputs, output_grads)``. Only one of the two can be
        given.
    rop_overrides
        Instead of the graph's own directional derivative: ``(inputs, tangents) -> tangents``, one per output (a tangent
        of ``None`` is zero), or a list with one entry per output. Where only the gradient is overridden the directional
        derivative follows from it.
    connection_pattern
        ``pattern[input][output]``: which outputs depend differentiably on which inputs; found from the graph by
        default.
    name
        What the Op is called when graphs are printed.

    Examples
    --------
    >>> from symcore import OpFromGraph, tensor as T
    >>> x, y = T.dscalars("xy")
    >>> smooth_max = OpFromGraph([x, y], [T.log(T.exp(x) + T.exp(y))])
    >>> float(smooth_max(x, y + 1).eval({x: 1.0, y: 0.0}).round(6))
    1.693147

    Raises
    ------
    TypeError
        For inputs that are no variables, or are constants or shared variables.
    MissingInputError
        When an output needs a variable that is not among the inputs.

    Two are equal when their graphs and overrides are. Pickled with its graph; overriding functions must be found by
    their module's name.
    """

    fgraph: FunctionGraph

    def __init__(
        self,
        inputs: Sequence[Any],
        outputs: Sequence[Any],
        inline: bool = False,
        grad_overrides: Any = None,
        lop_overrides: Any = None,
        rop_overrides: Any = None,
        connection_pattern: Sequence[Sequence[bool]] | None = None,
        name: str | None = None,
    ):
        _check_variables(inputs, outputs)
        if grad_overrides is not None and lop_overrides is not None:
            raise TypeError("OpFromGraph takes grad_overrides or lop_overrides, not both: they say the same.")
        try:
            with paused():  # its variables stand for what is given later
                super().__init__(fgraph=FunctionGraph(inputs, outputs))
        except MissingInputError as error:
            raise MissingInputError(f"OpFromGraph: {error}") from None
        self.n_inputs = len(inputs)
        self.captured = tuple(v for v in self.fgraph.inputs[self.n_inputs :])
        self.inline = inline
        self.name = name
        self.lop_overrides = _overrides(
            "gradient", lop_overrides if grad_overrides is None else grad_overrides, self.n_inputs
        )
        self.without_outputs = grad_overrides is not None
        self.rop_overrides = _overrides("tangent", rop_overrides, len(outputs))
        self.pattern = (
            None if connection_pattern is None else tuple(tuple(map(bool, row)) for row in connection_pattern)
        )
        if self.pattern is not None and [len(row) for row in self.pattern] != [len(outputs)] * self.n_inputs:
            raise ValueError(
                f"connection_pattern needs a row per input ({self.n_inputs}) with an entry per output "
                f"({len(outputs)}), got {connection_pattern}."
            )
        self.key = graph_key(self.fgraph)
        self.__dict__["pure"] = all(node.op.pure for node in self.fgraph.nodes)

    def _values(self) -> tuple[Any, ...]:
        return self.key, self.lop_overrides, self.without_outputs, self.rop_overrides, self.pattern

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        state.pop("_pullback", None)
        return state

    def __str__(self) -> str:
        return f"OpFromGraph{{{self.name or f'{self.n_inputs} inputs, {len(self.fgraph)} nodes'}}}"

    __repr__ = __str__

    # ------------------------------------------------------------------ building

    def make_node(self, *inputs: Any) -> Apply:
        total = self.n_inputs + len(self.captured)
        if len(inputs) not in (self.n_inputs, total):
            raise TypeError(f"{self} takes {self.n_inputs} inputs, got {len(inputs)}.")
        given = [*inputs, *self.captured] if len(inputs) < total else list(inputs)
        variables = [_as_input(self, k, v, x) for k, (v, x) in enumerate(zip(given, self.fgraph.inputs, strict=True))]
        op = self
        if any(v.type != x.type for v, x in zip(variables, self.fgraph.inputs, strict=True)):
            with paused():
                op = self._specialised(variables)
        return Apply(op, variables, [y.type() for y in op.fgraph.outputs])

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """Apply the Op: return its output, or the list of its outputs. ``name=`` names the (first) output."""
        if not self.inline or self.lop_overrides or self.rop_overrides or self.pattern:
            return super().__call__(*inputs, **kwargs)
        outputs = expand(self.make_node(*inputs))
        if kwargs.get("name") is not None:
            outputs[0].name = kwargs["name"]
        return outputs if len(outputs) > 1 else outputs[0]

    def _specialised(self, variables: Sequence[Any]) -> "OpFromGraph":
        """Return the Op for inputs whose types know more: what may be broadcast is decided inside by these types."""
        inner = [
            x if isinstance(x, SharedVariable) else v.type(x.name)
            for v, x in zip(variables, self.fgraph.inputs, strict=True)
        ]
        outputs = clone_graph(self.fgraph.outputs, dict(zip(self.fgraph.inputs, inner, strict=True)))
        copy = OpFromGraph(inner[: self.n_inputs], outputs, connection_pattern=self.pattern, name=self.name)
        if len(copy.captured) != len(self.captured):  # a captured variable that lost its use keeps its place
            raise TypeError(f"{self} cannot take inputs of the types {', '.join(str(v.type) for v in variables)}.")
        copy.__dict__.update(
            lop_overrides=self.lop_overrides,
            without_outputs=self.without_outputs,
            rop_overrides=self.rop_overrides,
            inline=self.inline,
        )
        return copy

    # ------------------------------------------------------------------ computing

    def perform(self, node: Apply, *inputs: Any) -> Any:
        results = evaluate(list(self.fgraph.outputs), dict(zip(self.fgraph.inputs, inputs, strict=True)))
        own: list[Any] = []
        for (
            value
        ) in results:  # inside, outputs may be views of inputs, of constants or of each other; here they are not
            owned = isinstance(value, np.ndarray) and value.base is None and value.flags.writeable
            alone = owned and not any(v is value for v in (*inputs, *own))
            own.append(value if alone or not isinstance(value, np.ndarray) else value.copy())
        return tuple(own) if len(own) > 1 else own[0]

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape | None]:
        known: dict[Any, Any] = dict(zip(self.fgraph.inputs, input_shapes, strict=True))
        return [known.get(y) if y in known else _static_shape(y.type) for y in self.fgraph.outputs]

    # ------------------------------------------------------------------ differentiating

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        n_outs = len(self.fgraph.outputs)
        found = [reached(x, self.fgraph) for x in self.fgraph.inputs]
        if self.pattern is not None:
            found[: self.n_inputs] = [list(row) for row in self.pattern]
        if callable(self.lop_overrides):
            found[: self.n_inputs] = [[True] * n_outs] * self.n_inputs
        elif self.lop_overrides:
            for k, entry in enumerate(self.lop_overrides):
                if entry != DEFAULT:
                    found[k] = [not isinstance(getattr(entry, "type", None), DisconnectedType)] * n_outs
        return found

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        overrides = self.lop_overrides
        arguments = (
            (inputs[: self.n_inputs], output_grads)
            if self.without_outputs
            else (inputs[: self.n_inputs], outputs, output_grads)
        )
        if callable(overrides):
            own = _as_list(overrides(*arguments), self.n_inputs, f"the overridden gradient of {self}")
            return own if not self.captured else own + self._pulled(inputs, output_grads)[self.n_inputs :]
        terms = self._pulled(inputs, output_grads)
        for k, entry in enumerate(overrides or ()):
            if entry != DEFAULT:
                terms[k] = entry(*arguments) if callable(entry) else entry
        return terms

    def _pulled(self, inputs: Any, output_grads: Any) -> list[Any]:
        """Return the graph's own gradient: one node of an ``OpFromGraph`` made of it, once per Op."""
        if "_pullback" not in self.__dict__:
            with paused():
                self.__dict__["_pullback"] = self._make_pullback()
        fixed, positions, seeded, back = self.__dict__["_pullback"]
        terms = list(fixed)
        if back is not None:
            seeds = [output_grads[k] for k in seeded]
            for k, y in zip(positions, back.make_node(*inputs, *seeds).outputs, strict=True):
                terms[k] = y
        return terms

    def _make_pullback(self) -> Any:
        given, results = detached(self.fgraph)
        wrt = [k for k, x in enumerate(given) if _is_float(x)]
        seeded = [k for k, y in enumerate(results) if _is_float(y)]
        fixed: list[Any] = [disconnected() for _ in given]
        if not wrt or not seeded:
            return fixed, [], [], None
        seeds = [results[k].type() for k in seeded]
        # An output may be an input, or lead to another output: as variables of their own all of them are ends.
        known = {results[k].copy(): seed for k, seed in zip(seeded, seeds, strict=True)}
        found = grad(
            None,
            [given[k] for k in wrt],
            disconnected_inputs="ignore",
            known_grads=known,
            return_disconnected="disconnected",
            null_gradients="return",
        )
        terms, positions = [], []
        for k, g in zip(wrt, found, strict=True):
            if not isinstance(g.type, (DisconnectedType, NullType)):
                terms.append(g)
                positions.append(k)
            else:
                fixed[k] = g
        name = f"gradient of {self.name}" if self.name else None
        return fixed, positions, seeded, OpFromGraph([*given, *seeds], terms, name=name) if terms else None

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        overrides, n = self.rop_overrides, len(outputs)
        if callable(overrides):
            return _as_list(
                overrides(inputs[: self.n_inputs], tangents[: self.n_inputs]), n, f"the overridden R_op of {self}"
            )
        if self.lop_overrides and not overrides:
            return R_op_from_L_op(self, inputs, outputs, tangents)
        results = self._pushed(inputs, tangents)
        for k, entry in enumerate(overrides or ()):
            if entry != DEFAULT:
                results[k] = entry(inputs[: self.n_inputs], tangents[: self.n_inputs]) if callable(entry) else entry
        return results

    def _pushed(self, inputs: Any, tangents: Any) -> list[Any]:
        count = len(self.fgraph.outputs)
        moving = [k for k, t in enumerate(tangents) if t is not None and _is_float(self.fgraph.inputs[k])]
        if not moving:
            return [None] * count
        with paused():
            known, op = self._make_tangent(moving)
        if op is None:
            return [None] * count
        found = dict(zip(known, op.make_node(*inputs, *[tangents[k] for k in moving]).outputs, strict=True))
        return [found.get(k) for k in range(count)]

    def _make_tangent(self, moving: Sequence[int]) -> tuple[list[int], "OpFromGraph | None"]:
        """Return which outputs move with these inputs, and the Op of their tangents."""
        given, results = detached(self.fgraph)
        points = [given[k].type() for k in moving]
        forward = Rop(results, [given[k] for k in moving], points, "ignore", "none")
        known = [k for k, t in enumerate(forward) if t is not None]
        if not known:
            return known, None
        name = f"tangent of {self.name}" if self.name else None
        return known, OpFromGraph([*given, *points], [forward[k] for k in known], name=name)


def _check_variables(inputs: Any, outputs: Any) -> None:
    for what, given in (("inputs", inputs), ("outputs", outputs)):
        if not isinstance(given, (list, tuple)) or not all(isinstance(v, Variable) for v in given):
            raise TypeError(f"OpFromGraph takes lists of symbolic variables, got {what}={given!r}.")
    for v in inputs:
        if isinstance(v, (Constant, SharedVariable)):
            raise TypeError(
                f"{v} cannot be an input of OpFromGraph: it has a value. Leave it out; graphs use constants and "
                "shared variables directly."
            )
    if len(set(inputs)) != len(inputs):
        raise ValueError(f"OpFromGraph got an input twice: {inputs}.")
    if not outputs:
        raise ValueError("OpFromGraph needs at least one output.")


def _overrides(what: str, given: Any, count: int) -> Any:
    """Return overrides as one function, a tuple with one entry each, or ``None``."""
    if given is None or given == DEFAULT:
        return None
    if isinstance(given, (list, tuple)):
        if len(given) != count:
            raise ValueError(f"OpFromGraph needs {count} {what} overrides, one each; got {len(given)}.")
        entries = tuple(DEFAULT if entry is None else entry for entry in given)
        for entry in entries:
            if entry != DEFAULT and not callable(entry) and not isinstance(entry, Variable):
                raise TypeError(f"a {what} override is a function, a variable or 'default', got {entry!r}.")
        return None if all(entry == DEFAULT for entry in entries) else entries
    if not callable(given):
        raise TypeError(f"the {what} overrides are a function, or a list with one entry each, got {given!r}.")
    return given


def _as_input(op: Any, position: int, value: Any, inner: Any) -> Any:
    if not isinstance(value, Variable) and isinstance(inner.type, TensorType):
        value = as_tensor(inner.type.filter(value))
    if not isinstance(value, Variable) or not inner.type.is_super(value.type):
        got = value.type if isinstance(value, Variable) else repr(value)
        raise TypeError(f"input {position} of {op} must be {inner.type}, got {got}. Cast or reshape it first.")
    return value


def _as_list(terms: Any, count: int, what: str) -> list[Any]:
    found = list(terms) if isinstance(terms, (list, tuple)) else [terms]
    if len(found) != count:
        raise ValueError(f"{what} returned {len(found)} terms, {count} are needed.")
    return found


def _is_float(v: Any) -> bool:
    """Tell whether a variable is a tensor, or a sparse matrix, of floats."""
    return getattr(getattr(v.type, "dtype", None), "kind", "") in ("f", "c")


def _static_shape(ttype: Any) -> Shape | None:
    return ttype.shape if isinstance(ttype, TensorType) and None not in ttype.shape else None


def detached(fgraph: FunctionGraph) -> tuple[list[Any], list[Any]]:
    """Return inputs and outputs of a copy of a graph; captured shared variables become inputs like the others."""
    inputs = [x.type(x.name) for x in fgraph.inputs]
    return inputs, clone_graph(fgraph.outputs, dict(zip(fgraph.inputs, inputs, strict=True)))


def expand(node: Apply) -> list[Any]:
    """Return what the outputs of a node of ``OpFromGraph`` are, as the inner graph on the node's inputs."""
    assert isinstance(node.op, OpFromGraph)
    fgraph = node.op.fgraph
    return clone_graph(fgraph.outputs, dict(zip(fgraph.inputs, node.inputs, strict=True)))


def reached(x: Variable[Any], fgraph: FunctionGraph) -> list[bool]:
    """Tell for every output of a graph whether it depends differentiably on ``x``."""
    found = {x}
    for node in fgraph.toposort():
        if found.isdisjoint(node.inputs):
            continue
        pattern = node.op.connection_pattern(node)
        for k, y in enumerate(node.outputs):
            if any(v in found and pattern[i][k] for i, v in enumerate(node.inputs)):
                found.add(y)
    return [y in found for y in fgraph.outputs]


def graph_key(fgraph: FunctionGraph) -> Any:
    """Return a hashable key that two graphs share when they compute the same in the same way."""
    numbers: dict[Variable[Any], int] = {v: k for k, v in enumerate(fgraph.inputs)}
    steps: list[Any] = [tuple(v.type for v in fgraph.inputs)]

    def number(v: Variable[Any]) -> Any:
        return (v.type, v.signature()) if isinstance(v, Constant) else numbers[v]

    for node in fgraph.toposort():
        steps.append((node.op, tuple(map(number, node.inputs))))
        for y in node.outputs:
            numbers[y] = len(numbers)
    return (*steps, tuple(map(number, fgraph.outputs)))


@vectorize_node.register(OpFromGraph)
def _over_a_batch(op: OpFromGraph, node: Apply, inputs: Sequence[Any], batched: Sequence[bool]) -> Sequence[Any]:
    """The inner graph over the batch. (Overridden derivatives have been used by then: they are built before.)"""
    if op.lop_overrides or op.rop_overrides or op.pattern:
        from symcore.vectorize.blockwise import Blockwise

        return Blockwise(op, batched).make_node(*inputs).outputs
    given, results = detached(op.fgraph)
    return walk(results, dict(zip(given, inputs, strict=True)))
