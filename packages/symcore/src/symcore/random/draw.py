"""``RandomDraw``: samples of a distribution by NumPy's ``RandomState``, bit for bit what its methods give."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symcore.graph.null import disconnected, grad_undefined
from symcore.graph.variable import Apply
from symcore.op import Op, Shape
from symcore.random.state import RandomStateType, copy_state, random_state_type
from symcore.tensor.broadcast import broadcast_shape, static_broadcast
from symcore.tensor.constant import as_tensor
from symcore.tensor.elemwise import unbroadcast_to
from symcore.tensor.shapes import as_length, static_length
from symcore.tensor.type import TensorType


@dataclass(frozen=True)
class Distribution:
    """What ``RandomDraw`` must know of a distribution.

    Attributes
    ----------
    sample
        ``(state, size or None, arguments) -> samples``; the state moves on.
    core
        Per argument the number of its last axes that belong to one sample.
    extra
        From argument types and argument shapes to the axes that a sample itself has.
    elementwise
        The samples' shape is that of the broadcast arguments where no size is given.
    """

    sample: Callable[[np.random.RandomState, Any, Sequence[Any]], Any]
    core: tuple[int, ...]
    extra: Callable[[Sequence[Any], Sequence[Any]], list[Any]] = lambda inputs, shapes: []
    elementwise: bool = True


def _plain(arguments: Sequence[Any]) -> list[Any]:
    """Numbers instead of 0-d arrays: NumPy draws those by another, faster route."""
    return [x.item() if np.ndim(x) == 0 else x for x in arguments]


def _method(name: str) -> Callable[..., Any]:
    def sample(state: np.random.RandomState, size: Any, arguments: Sequence[Any]) -> Any:
        return getattr(state, name)(*_plain(arguments), size=size)

    return sample


def _integers(state: np.random.RandomState, size: Any, arguments: Sequence[Any]) -> Any:
    low, high = _plain(arguments)
    return state.randint(low, high + 1, size=size)


def _choice(replace: bool) -> Callable[..., Any]:
    def sample(state: np.random.RandomState, size: Any, arguments: Sequence[Any]) -> Any:
        a, *p = _plain(arguments[:1]) + list(arguments[1:])
        return state.choice(a, size=() if size is None else size, replace=replace, p=_normalised(p[0]) if p else None)

    return sample


def _normalised(p: Any) -> Any:
    """Probabilities in float64; what rounding to a smaller float left over of their sum is taken away."""
    wide = np.asarray(p, np.float64)
    total = wide.sum(axis=-1, keepdims=True)
    inexact = np.asarray(p).dtype != np.float64 and np.all(np.abs(total - 1) < 1e-3)
    return wide / total if inexact else wide


def _permutations(state: np.random.RandomState, size: Any, arguments: Sequence[Any]) -> Any:
    shape, n = tuple(size or ()), int(arguments[0])
    rows = [state.permutation(n) for _ in range(int(np.prod(shape)))]
    return np.array(rows, dtype=np.int64).reshape((*shape, n))


def _multinomials(state: np.random.RandomState, size: Any, arguments: Sequence[Any]) -> Any:
    n, p = arguments[0], _normalised(arguments[1])
    shape = np.broadcast_shapes(n.shape, p.shape[:-1]) if size is None else tuple(size)
    counts = np.broadcast_to(n, shape).ravel()
    rows = np.broadcast_to(p, (*shape, p.shape[-1])).reshape(-1, p.shape[-1])
    drawn = [state.multinomial(int(k), row) for k, row in zip(counts, rows, strict=True)]
    return np.array(drawn, dtype=np.int64).reshape((*shape, p.shape[-1]))


def _count_of_permutation(inputs: Sequence[Any], shapes: Sequence[Any]) -> list[Any]:
    known = static_length(inputs[0])
    return [inputs[0] if known is None else known]


def _last_of_pvals(inputs: Sequence[Any], shapes: Sequence[Any]) -> list[Any]:
    return [shapes[1][-1]]


DISTRIBUTIONS: dict[str, Distribution] = {
    "uniform": Distribution(_method("uniform"), (0, 0)),
    "normal": Distribution(_method("normal"), (0, 0)),
    "binomial": Distribution(_method("binomial"), (0, 0)),
    "poisson": Distribution(_method("poisson"), (0,)),
    "random_integers": Distribution(_integers, (0, 0)),
    "choice": Distribution(_choice(True), (1, 1), elementwise=False),
    "choice_without_replacement": Distribution(_choice(False), (1, 1), elementwise=False),
    "permutation": Distribution(_permutations, (0,), _count_of_permutation, elementwise=False),
    "multinomial": Distribution(_multinomials, (0, 1), _last_of_pvals),
}


class RandomDraw(Op):
    """Draw samples. Inputs: a state, ``ndim`` lengths if ``sized``, the arguments; outputs: the next state, the
    samples.

    Parameters
    ----------
    dist
        A name of ``DISTRIBUTIONS``.
    ndim
        How many axes of independent samples there are.
    dtype
        That of the samples.
    sized
        Whether the lengths of these axes are given; otherwise they are those of the broadcast arguments.
    """

    dist: str
    ndim: int
    dtype: str
    sized: bool = True

    def _parts(self, inputs: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Return the lengths and the arguments among the inputs."""
        start = 1 + (self.ndim if self.sized else 0)
        return inputs[1:start], inputs[start:]

    def make_node(self, state: Any, *inputs: Any) -> Apply:
        if not isinstance(getattr(state, "type", None), RandomStateType):
            raise TypeError(
                f"{self} draws from a variable of RandomStateType, such as shared(numpy.random.RandomState(1)); "
                f"got {state!r}."
            )
        lengths, arguments = self._parts((state, *inputs))
        dims = [as_length(n) for n in lengths]
        known = DISTRIBUTIONS[self.dist]
        given = [as_tensor(a) for a in arguments]
        if not 1 <= len(given) <= len(known.core) or (len(given) < len(known.core) and known.elementwise):
            raise TypeError(f"{self} takes {len(known.core)} arguments, got {len(given)}.")
        for position, (a, core) in enumerate(zip(given, known.core, strict=False)):
            if a.type.ndim - core > self.ndim:
                raise ValueError(
                    f"argument {position} of {self} has {a.type.ndim} dimensions, the samples {self.ndim + core}."
                )
            if a.type.dtype.kind not in "biuf":
                raise TypeError(f"argument {position} of {self} must hold real numbers, got {a.type}.")
        batch = [static_length(n) for n in dims] if self.sized else list(_batch_static(given, known.core))
        extra = [n if isinstance(n, int) else None for n in known.extra(given, [a.type.shape for a in given])]
        return Apply(self, [state, *dims, *given], [random_state_type(), TensorType(self.dtype, (*batch, *extra))()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape | None]:
        known = DISTRIBUTIONS[self.dist]
        (lengths, given), (_, shapes) = self._parts(node.inputs), self._parts(input_shapes)
        if self.sized:
            batch = [n if static_length(n) is None else static_length(n) for n in lengths]
        else:
            types = _batch_types(given, known.core)
            batch = list(broadcast_shape(types, [s[: t.ndim] for s, t in zip(shapes, types, strict=True)]))
        extra = [
            n if isinstance(n, int) or n.type.dtype.name == "int64" else n.astype("int64")
            for n in known.extra(given, shapes)
        ]
        return [None, (*batch, *extra)]

    def perform(self, node: Apply, state: Any, *inputs: Any) -> Any:
        return self.perform_in_place(node, copy_state(state), *inputs)

    def perform_in_place(self, node: Apply, state: Any, *inputs: Any) -> Any:
        """As ``perform``, but let ``state`` itself move on: for who has a copy that nobody else reads."""
        lengths, arguments = self._parts((state, *inputs))
        size = tuple(int(n) for n in lengths) if self.sized else None
        samples = np.asarray(DISTRIBUTIONS[self.dist].sample(state, size, arguments))
        return state, samples.astype(self.dtype, copy=False)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        fixed = len(node.inputs) - len(self._parts(node.inputs)[1])
        return [[False, k >= fixed and v.type.dtype.kind == "f"] for k, v in enumerate(node.inputs)]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        _, arguments = self._parts(inputs)
        fixed = len(inputs) - len(arguments)
        slopes = self._slopes(arguments, outputs[1])
        terms: list[Any] = [disconnected() for _ in inputs[:fixed]]
        for k, a in enumerate(arguments):
            if a.type.dtype.kind != "f":
                terms.append(disconnected())
            elif slopes is None:
                terms.append(grad_undefined(self, fixed + k, a, "A draw of integers has no derivative."))
            else:
                g = output_grads[1]
                terms.append(unbroadcast_to(g if slopes[k] is None else g * slopes[k], a))
        return terms

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        _, arguments = self._parts(inputs)
        slopes = self._slopes(arguments, outputs[1])
        total = None
        for k, t in enumerate(tangents[len(inputs) - len(arguments) :]):
            if t is not None and slopes is not None:
                term = outputs[1].ones_like() * (t if slopes[k] is None else t * slopes[k])
                total = term if total is None else total + term
        return [None, total]

    def _slopes(self, arguments: Sequence[Any], y: Any) -> list[Any] | None:
        """Return the derivatives of the samples, at a fixed state, with respect to place and width; ``None`` is 1."""
        if self.dist == "normal":
            return [None, (y - arguments[0]) / arguments[1]]
        if self.dist == "uniform":
            share = (y - arguments[0]) / (arguments[1] - arguments[0])
            return [1 - share, share]
        return None


def _batch_types(arguments: Sequence[Any], core: Sequence[int]) -> list[TensorType]:
    return [TensorType(a.type.dtype, a.type.shape[: a.type.ndim - c]) for a, c in zip(arguments, core, strict=False)]


def _batch_static(arguments: Sequence[Any], core: Sequence[int]) -> tuple[int | None, ...]:
    return static_broadcast(_batch_types(arguments, core), "arguments of a random draw")
