"""Elementwise work: ``ScalarFn`` describes one function of numbers, and ``Elemwise`` maps it over tensors.

Shapes, broadcasting, gradients, tangents, fusion, C and CUDA are each written once, over the table of scalar functions.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from symcore.graph.null import DisconnectedType, NullType
from symcore.graph.variable import Apply, Constant
from symcore.op import Op, Shape
from symcore.tensor import dtypes
from symcore.tensor.broadcast import broadcast_shape, check_broadcast, static_broadcast
from symcore.tensor.constant import as_tensors, scalar_value
from symcore.tensor.type import TensorType

DType = np.dtype[Any]
#: ``(dtypes of the inputs) -> (dtype to compute in, dtype of the output)``.
DTypeRule = Callable[[Sequence[DType]], tuple[DType, DType]]


class ScalarFn:
    """A function of numbers: name, NumPy function, derivatives and dtype rule. Made with ``scalar()`` in the table.

    Attributes
    ----------
    name
        Unique; equality, hash and pickle go by it.
    numpy
        Computes it on arrays, broadcasting.
    nin
        Number of inputs; ``None`` for any number (sums and products).
    partials
        One function per input, from the inputs and the output to the partial derivative (a variable, a number, or
        ``None`` for zero).
    pullback
        Instead of ``partials``: from inputs, output and gradient to the terms of the gradient.
    singular
        The partial derivatives can be infinite. A gradient of exactly zero then stays zero, so that the side of a
        ``switch`` that was not taken cannot leak NaN.
    unconverted
        Positions of inputs that are no numbers to compute with, such as the condition of a ``switch``: converting
        0.5 to the integers of the other inputs would make it false.
    """

    def __init__(
        self,
        name: str,
        numpy: Callable[..., Any],
        nin: int | None,
        rule: DTypeRule,
        partials: Sequence[Callable[..., Any] | None] | None = None,
        pullback: Callable[[Sequence[Any], Any, Any], Sequence[Any]] | None = None,
        singular: bool = False,
        symbol: str | None = None,
        doc: str = "",
        unconverted: tuple[int, ...] = (),
    ):
        self.name = name
        self.numpy = numpy
        self.nin = nin
        self.rule = rule
        self.partials = partials
        self.custom_pullback = pullback
        self.singular = singular
        self.symbol = symbol
        self.unconverted = unconverted
        self.__doc__ = doc or f"Elementwise {name}."
        self.__name__ = name
        self.nout = 1
        self.op = Elemwise(self)

    def __call__(self, *inputs: Any, name: str | None = None) -> Any:
        """Return the function of tensors, elementwise and broadcast."""
        output = self.op.make_node(*inputs).outputs[0]
        if name is not None:
            output.name = name
        return output

    def out_dtypes(self, inputs: Sequence[DType]) -> list[DType]:
        """Return the dtypes of the outputs for inputs of the given dtypes."""
        return [self.rule(inputs)[1]]

    def compute(self, inputs: Sequence[Any]) -> list[Any]:
        """Compute the outputs from arrays or NumPy scalars."""
        work, out = self.rule([x.dtype for x in inputs])
        cast = [x if x.dtype is work or k in self.unconverted else x.astype(work) for k, x in enumerate(inputs)]
        if self.nin is None:
            result = cast[0] if len(cast) > 1 else cast[0].copy()
            for x in cast[1:]:
                result = self.numpy(result, x)
        else:
            result = self.numpy(*cast)
        return [np.asarray(result).astype(out, copy=False)]

    def pull(self, inputs: Sequence[Any], outputs: Sequence[Any], output_grads: Sequence[Any]) -> list[Any]:
        """Return the gradient's terms, one per input, before any reduction over broadcast axes; ``None`` is zero."""
        [y], [g] = outputs, output_grads
        if self.custom_pullback is not None:
            return list(self.custom_pullback(inputs, y, g))
        if self.partials is None:
            return [None] * len(inputs)
        # Partials compute in the dtype of the output: an int8 would overflow, and truth values have no arithmetic.
        if not dtypes.is_discrete(y.type.dtype):
            inputs = [x.astype(y.type.dtype) if dtypes.is_discrete(x.type.dtype) else x for x in inputs]
        terms: list[Any] = []
        for partial in self.partials:
            slope = None if partial is None else partial(*inputs, y)
            term = None if slope is None else _times(g, slope)
            if term is not None and self.singular and not scalar_value(g):
                term = guard_zero(g, term)
            terms.append(term)
        return terms

    def mismatch(self, types: Sequence[TensorType], shapes: Sequence[tuple[int, ...]]) -> "Mismatch | None":
        """As that of ``Composite``, of which this is the one step."""
        return _mismatch([(self, tuple(range(len(types))), "")], types, shapes)

    def __reduce__(self) -> tuple[Any, ...]:
        return lookup, (self.name,)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, ScalarFn) and self.name == other.name)

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return self.name


#: The table: ``name -> ScalarFn``.
TABLE: dict[str, ScalarFn] = {}
#: Makers of parametric functions (``cast_float32``): ``prefix -> maker(rest of the name)``.
FAMILIES: dict[str, Callable[[str], ScalarFn]] = {}


def lookup(name: str) -> ScalarFn:
    """Return the function of that name. Raises ``KeyError`` naming it."""
    if name in TABLE:
        return TABLE[name]
    prefix, _, rest = name.partition("_")
    if prefix in FAMILIES:
        return FAMILIES[prefix](rest)
    raise KeyError(f"there is no scalar function {name!r} in the table; is the package that defines it imported?")


def _times(g: Any, slope: Any) -> Any:
    if isinstance(slope, (int, float)):
        if slope == 1:
            return g
        if slope == -1:
            return -g
        if slope == 0:
            return None
    return times(g, slope)


def times(g: Any, *factors: Any) -> Any:
    """Return the product of a gradient and what it is scaled by.

    Where a ``switch`` has made the gradient zero, which is how it keeps it from the side that was not taken, it stays
    zero, though a factor be infinite there or NaN.
    """
    if not factors:
        return g
    node = g.owner
    if node is not None and isinstance(node.op, Elemwise) and node.op.fn is TABLE["switch"]:
        condition, yes, no = node.inputs
        if scalar_value(no) == 0:
            return TABLE["switch"](condition, TABLE["mul"](yes, *factors), no)
        if scalar_value(yes) == 0:
            return TABLE["switch"](condition, yes, TABLE["mul"](no, *factors))
    return TABLE["mul"](g, *factors)


def guard_zero(g: Any, term: Any) -> Any:
    """Return ``term`` where ``g`` is not zero and zero where it is, so that ``0 * inf`` gives 0."""
    return TABLE["switch"](TABLE["eq"](g, 0), 0, term)


class Composite:
    """Several scalar functions as one, the work of a fused kernel.

    ``steps[k] = (function, arguments, dtype)``; argument ``i < nin`` is input ``i``, ``nin + j`` the result of step
    ``j``; ``results`` are the arguments returned. Hashable; shared sub-expressions are computed once.
    """

    def __init__(self, nin: int, steps: tuple[tuple[ScalarFn, tuple[int, ...], str], ...], results: tuple[int, ...]):
        self.nin = nin
        self.steps = steps
        self.results = results
        self.nout = len(results)
        self._hash = hash((nin, steps, results))

    @property
    def name(self) -> str:
        """The expression, with ``i0, i1, ...`` for the inputs. A long step that is used again gets a name of its own:
        written out, such steps could each double the text."""
        texts = [f"i{k}" for k in range(self.nin)]
        uses = Counter(a for _, arguments, _ in self.steps for a in arguments)
        named: list[str] = []
        for k, (fn, arguments, _) in enumerate(self.steps, self.nin):
            inner = [texts[a] for a in arguments]
            infix = fn.symbol and len(inner) > 1
            text = f"({f' {fn.symbol} '.join(inner)})" if infix else f"{fn.name}({', '.join(inner)})"
            if uses[k] > 1 and len(text) > 60:
                named.append(f"t{len(named)} = {text}; ")
                text = f"t{len(named) - 1}"
            texts.append(text)
        return f"Composite{{{''.join(named)}{', '.join(texts[r] for r in self.results)}}}"

    def out_dtypes(self, inputs: Sequence[DType]) -> list[DType]:
        """Return the dtypes of the outputs."""
        found = [*inputs, *(dtypes.as_dtype(d) for *_, d in self.steps)]
        return [found[r] for r in self.results]

    def compute(self, inputs: Sequence[Any]) -> list[Any]:
        """Compute the outputs from arrays or NumPy scalars."""
        values = list(inputs)
        for fn, arguments, _ in self.steps:
            values.append(fn.compute([values[a] for a in arguments])[0])
        return [values[r] for r in self.results]

    def mismatch(self, types: Sequence[TensorType], shapes: Sequence[tuple[int, ...]]) -> "Mismatch | None":
        """Return the first step whose arguments cannot be broadcast together, for inputs of these types and shapes."""
        return _mismatch(self.steps, types, shapes)

    def expand(self, inputs: Sequence[Any]) -> list[Any]:
        """Return all values (inputs, then steps) as separate elementwise nodes."""
        values = list(inputs)
        for fn, arguments, _ in self.steps:
            values.append(fn(*[values[a] for a in arguments]))
        return values

    def pull(self, inputs: Sequence[Any], outputs: Sequence[Any], output_grads: Sequence[Any]) -> list[Any]:
        """Return the gradient's terms, one per input, by the chain rule backwards over the steps."""
        values = self.expand(inputs)
        grads: list[Any] = [None] * len(values)

        for result, g in zip(self.results, output_grads, strict=True):
            grads[result] = _plus(grads[result], g)
        for k in reversed(range(len(self.steps))):
            fn, arguments, _ = self.steps[k]
            g = grads[self.nin + k]
            if g is None:
                continue
            if _has_no_value(g):  # what depends on an unknown slope is unknown
                terms: list[Any] = [g] * len(arguments)
            else:
                terms = fn.pull([values[a] for a in arguments], [values[self.nin + k]], [g])
            for a, term in zip(arguments, terms, strict=True):
                grads[a] = _plus(grads[a], term)
        return grads[: self.nin]

    def __reduce__(self) -> tuple[Any, ...]:
        return Composite, (self.nin, self.steps, self.results)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Composite) and (self.nin, self.steps, self.results) == (
            other.nin,
            other.steps,
            other.results,
        )

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return self.name


class Mismatch(NamedTuple):
    """Arguments that do not fit: of which step, of how many, what it computes, and their shapes (1: stretched)."""

    step: int
    steps: int
    name: str
    shapes: list[tuple[int, ...]]


def _mismatch(
    steps: Sequence[Any], types: Sequence[TensorType], shapes: Sequence[tuple[int, ...]]
) -> Mismatch | None:
    ndim = max(map(len, shapes), default=0)
    values: list[tuple[int | None, ...]] = [  # per axis a length, or None: it may be stretched
        (None,) * (ndim - len(shape)) + tuple(None if m == 1 else n for m, n in zip(t.shape, shape, strict=True))
        for t, shape in zip(types, shapes, strict=True)
    ]
    for number, (fn, arguments, _) in enumerate(steps):
        lengths = [{*axis} - {None} for axis in zip(*(values[a] for a in arguments), strict=True)]
        if any(len(known) > 1 for known in lengths):
            found = [tuple(1 if n is None else n for n in values[a]) for a in arguments]
            return Mismatch(number, len(steps), fn.name, found)
        values.append(tuple(known.pop() if known else None for known in lengths))
    return None


class Elemwise(Op):
    """Apply a scalar function to every element. Inputs of fewer dimensions are padded with ones on the left."""

    fn: Any
    default_output: ClassVar[int | None] = None

    def make_node(self, *inputs: Any) -> Apply:
        fn = self.fn
        if fn.nin is not None and len(inputs) != fn.nin:
            raise TypeError(f"{fn} takes {fn.nin} inputs, got {len(inputs)}.")
        if not inputs:
            raise TypeError(f"{fn} needs at least one input.")
        variables = as_tensors(inputs)
        types = [v.type for v in variables]
        shape = static_broadcast(types, fn)
        outs = fn.out_dtypes([t.dtype for t in types])
        return Apply(self, variables, [TensorType.of(d, shape)() for d in outs])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        shape = broadcast_shape([v.type for v in node.inputs], input_shapes)
        return [shape] * len(node.outputs)

    def perform(self, node: Apply, *inputs: Any) -> Any:
        shape = check_broadcast([v.type for v in node.inputs], [x.shape for x in inputs], self)
        with np.errstate(all="ignore"):
            results = self.fn.compute(inputs)
        results = [r if r.shape == shape else np.broadcast_to(r, shape).copy() for r in results]
        return tuple(_own(r, inputs) for r in results) if len(results) > 1 else _own(results[0], inputs)

    def L_op(self, inputs: Sequence[Any], outputs: Sequence[Any], output_grads: Sequence[Any]) -> list[Any]:
        terms = self.fn.pull(inputs, outputs, output_grads)
        return [t if _has_no_value(t) else unbroadcast_to(t, x) for t, x in zip(terms, inputs, strict=True)]

    def R_op(self, inputs: Sequence[Any], outputs: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
        # The Jacobian is diagonal: each input's term of the pullback, fed with that input's tangent, is its
        # pushforward.
        results: list[Any] = [None] * len(outputs)
        for position, tangent in enumerate(tangents):
            if tangent is None:
                continue
            for k in range(len(outputs)):
                seeds = [tangent if j == k else None for j in range(len(outputs))]
                if len(outputs) > 1 and any(s is None for s in seeds):
                    seeds = [s if s is not None else TABLE["second"](outputs[j], 0) for j, s in enumerate(seeds)]
                results[k] = _plus(results[k], self.fn.pull(inputs, outputs, seeds)[position])
        return [r if _has_no_value(r) else _like(r, y) for r, y in zip(results, outputs, strict=True)]

    def inplace(self, node: Apply) -> dict[int, tuple[int, ...]]:
        return fitting(range(len(node.outputs)), range(len(node.inputs)), node)

    def __str__(self) -> str:
        return f"Elemwise{{{self.fn.name}}}"

    __repr__ = __str__


def fitting(results: Iterable[int], operands: Sequence[int], node: Apply) -> dict[int, tuple[int, ...]]:
    """Return, for each of some results of a node, which of ``operands`` have its dtype and axes, so that it may be
    written over them: an ``Op.inplace`` of work that reads these at the same element alone."""
    allowed = {}
    for k in results:
        y = node.outputs[k].type
        found = tuple(
            i
            for i in operands
            if (x := node.inputs[i].type).dtype is y.dtype and x.ndim == y.ndim and x.broadcastable == y.broadcastable
        )
        if found:
            allowed[k] = found
    return allowed


def _has_no_value(term: Any) -> bool:
    """Tell whether a term of a gradient is none (zero), disconnected, undefined or not implemented."""
    return term is None or isinstance(term.type, (NullType, DisconnectedType))


def _plus(sum_: Any, term: Any) -> Any:
    """Add two terms of a gradient. ``None`` is zero; a sum with an unknown term is unknown."""
    if term is None or isinstance(term.type, DisconnectedType):
        return sum_
    if sum_ is None or isinstance(term.type, NullType):
        return term
    return sum_ if isinstance(sum_.type, NullType) else sum_ + term


def _own(result: Any, inputs: Sequence[Any]) -> Any:
    """Make sure that a result is an array of its own: NumPy hands back its input for casts that change nothing."""
    result = np.asarray(result)
    return result.copy() if any(result is x or result.base is x for x in inputs) else result


def unbroadcast_to(term: Any, x: Any) -> Any:
    """Sum ``term`` over the axes along which ``x`` was stretched; cast it to the dtype of ``x`` if that is a float."""
    extra = term.type.ndim - x.type.ndim
    axes = [*range(extra)]
    stretched = [a for a, (s, t) in enumerate(zip(x.type.shape, term.type.shape[extra:], strict=True)) if s == 1 != t]
    if extra or stretched:
        term = term.sum(axis=tuple(axes + [a + extra for a in stretched]), keepdims=True)
        if extra:
            term = term.dimshuffle(*range(extra, term.type.ndim))
    if term.type.dtype is not x.type.dtype and x.type.dtype.kind in "fc":
        term = term.astype(x.type.dtype)
    return term


def _like(tangent: Any, y: Any) -> Any:
    """Give a tangent the shape and dtype of the output it belongs to."""
    if tangent.type.dtype is not y.type.dtype and y.type.dtype.kind in "fc":
        tangent = tangent.astype(y.type.dtype)
    return tangent if tangent.type.broadcastable == y.type.broadcastable else TABLE["second"](y, tangent)


def elemwise_name(variable: Any) -> str | None:
    """Return the name of the scalar function that computes ``variable``, or ``None``."""
    owner = variable.owner
    return owner.op.fn.name if owner is not None and type(owner.op) is Elemwise else None


def is_constant(variable: Any) -> bool:
    """Tell whether a variable is a constant."""
    return isinstance(variable, Constant)
