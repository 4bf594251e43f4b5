"""``MRG_RandomStreams``: the combined multiple recursive generator MRG31k3p.

P. L'Ecuyer and R. Touzin, "Fast combined multiple recursive generators with multipliers of the form a = +-2^q +- 2^r",
Proceedings of the 2000 Winter Simulation Conference. Two recurrences of order 3,

    x_n = (2^22 x_{n-2} + (2^7 + 1) x_{n-3})   mod M1 = 2^31 - 1
    y_n = (2^15 y_{n-1} + (2^15 + 1) y_{n-3})  mod M2 = 2^31 - 21069

give ``(x_n - y_n mod M1) / 2^31``. Powers of their matrices jump ahead: streams are 2^134 steps apart, the substreams
of one draw 2^72.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar

import numpy as np

from symcore.graph.null import disconnected
from symcore.graph.variable import Apply
from symcore.op import Op, Shape
from symcore.random.uniform_streams import UniformStreams
from symcore.tensor.constant import as_tensor
from symcore.tensor.shapes import as_length, static_length
from symcore.tensor.shared import shared
from symcore.tensor.type import TensorType

M1, M2 = 2**31 - 1, 2**31 - 21069
_STEP = ([[0, 2**22, 2**7 + 1], [1, 0, 0], [0, 1, 0]], [[2**15, 0, 2**15 + 1], [1, 0, 0], [0, 1, 0]])
_MODULI = (M1, M2)
#: As many substreams a draw of unknown or large size uses.
MANY = 60 * 256
#: Scales to [0, 1): in float32 the largest factor that keeps M1 below 1 after rounding.
_SCALE = {"float64": 2.0**-31, "float32": np.float32(1.0 / (2**31 + 65))}

Matrix = list[list[int]]


def _times(a: Matrix, b: Matrix, modulus: int) -> Matrix:
    return [[sum(a[i][k] * b[k][j] for k in range(3)) % modulus for j in range(3)] for i in range(3)]


@cache
def jump_matrices(power: int) -> tuple[Matrix, Matrix]:
    """Return the matrices that move the two recurrences ahead by ``2**power`` steps."""
    if power == 0:
        return _STEP
    a, b = jump_matrices(power - 1)
    return _times(a, a, M1), _times(b, b, M2)


def jump(states: Any, matrices: tuple[Matrix, Matrix]) -> Any:
    """Return states (rows of six integers) moved ahead by ``matrices``."""
    halves = []
    for half, matrix, modulus in zip((states[:, :3], states[:, 3:]), matrices, _MODULI, strict=True):
        columns = [sum(half[:, k] * row[k] % modulus for k in range(3)) % modulus for row in matrix]
        halves += columns
    return np.stack(halves, axis=1)


def substreams(state: Any, count: int) -> Any:
    """Return ``count`` states, each 2^72 steps after the one before: int32, one per row, the first is ``state``."""
    states = np.asarray(state, np.int64).reshape(1, 6)
    power = 72
    while len(states) < count:
        states = np.concatenate([states, jump(states, jump_matrices(power))])
        power += 1
    return states[:count].astype(np.int32)


def draw(states: Any, count: int) -> tuple[Any, Any]:
    """Return the states after ``count`` draws, which take turns, and the draws: integers from 1 to M1."""
    x1, x2, x3, y1, y2, y3 = np.array(states.T, np.int64)
    drawn = np.empty(count, np.int64)
    for start in range(0, count, max(len(x1), 1)):
        k = min(len(x1), count - start)
        x = (2**22 * x2[:k] + (2**7 + 1) * x3[:k]) % M1
        y = (2**15 * y1[:k] + (2**15 + 1) * y3[:k]) % M2
        for old in ((x3, x2, x1, x), (y3, y2, y1, y)):
            for target, source in zip(old, old[1:], strict=False):
                target[:k] = source[:k]
        drawn[start : start + k] = x - y + np.where(x <= y, M1, 0)
    return np.stack([x1, x2, x3, y1, y2, y3], axis=1).astype(np.int32), drawn


class MRGUniform(Op):
    """Uniform draws from [0, 1). Inputs: states, an int32 matrix of six columns, then ``ndim`` lengths.

    Outputs: the next states, the draws. Draw ``i`` (in C order) comes from the row ``i`` modulo the number of rows.
    """

    ndim: int
    dtype: str

    def make_node(self, states: Any, *lengths: Any) -> Apply:
        states = as_tensor(states)
        if states.type.dtype.name != "int32" or states.type.ndim != 2:
            raise TypeError(f"{self} takes its states as an int32 matrix, got {states} of type {states.type}.")
        dims = [as_length(n) for n in lengths]
        if len(dims) != self.ndim:
            raise TypeError(f"{self} takes {self.ndim} lengths, got {len(dims)}.")
        return Apply(self, [states, *dims], [states.type(), TensorType(self.dtype, [static_length(n) for n in dims])()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        lengths = node.inputs[1:]
        return [input_shapes[0], tuple(n if static_length(n) is None else static_length(n) for n in lengths)]

    def perform(self, node: Apply, states: Any, *lengths: Any) -> Any:
        shape = tuple(int(n) for n in lengths)
        if min(shape, default=0) < 0:
            raise ValueError(f"a length cannot be negative: {self} got {shape}.")
        count = int(np.prod(shape, dtype=np.int64))
        if count and not len(states):
            raise ValueError(f"{self} got no states to draw from.")
        following, drawn = draw(states, count)
        work = np.dtype("float64" if self.dtype == "float64" else "float32")
        samples = (drawn.astype(work) * _SCALE[work.name]).astype(self.dtype)
        if self.dtype == "float16":  # rounding must not reach 1
            samples = np.minimum(samples, np.float16(1 - 2**-11))
        return following, samples.reshape(shape)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False, False] for _ in node.inputs]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [disconnected() for _ in inputs]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None, None]


class MRG_RandomStreams(UniformStreams):
    """Random variables drawn with MRG31k3p, each with substreams of its own.

    Parameters
    ----------
    seed
        A number from 1 to ``M2 - 1``, or six of them: three below M1 and three below M2, neither three all zero.

    A draw of ``n`` numbers uses ``n // 6`` substreams (``n`` where that is at most 6), no more than 15,360; where ``n``
    is not known, 15,360. ``nstreams`` chooses another number.

    Examples
    --------
    >>> from symcore.random import MRG_RandomStreams
    >>> MRG_RandomStreams(1234).uniform((4,)).eval()
    array([0.37257111, 0.65768584, 0.59250678, 0.31931473])
    """

    default_seed: ClassVar[int] = 12345

    def __init__(self, seed: int | Sequence[int] = default_seed):
        super().__init__()
        self.default_instance_seed = seed
        self.set_rstate(seed)

    def set_rstate(self, seed: int | Sequence[int]) -> None:
        """Set the state that the next variable starts from; the states of those made already stay as they are.

        Raises ``TypeError`` for a seed that is neither a number nor six of them, ``ValueError`` for one out of range.
        """
        numbers = [seed] * 6 if isinstance(seed, (int, np.integer)) else list(seed)
        if len(numbers) != 6 or not all(isinstance(n, (int, np.integer)) for n in numbers):
            raise TypeError(f"the seed of MRG31k3p is one integer or six, got {seed!r}.")
        if isinstance(seed, (int, np.integer)) and not 0 < seed < M2:
            raise ValueError(f"the seed of MRG31k3p must lie between 1 and {M2 - 1}, got {seed}.")
        for three, modulus in ((numbers[:3], M1), (numbers[3:], M2)):
            if not all(0 <= n < modulus for n in three) or not any(three):
                raise ValueError(f"three numbers of the seed must be below {modulus} and not all 0, got {three}.")
        self.rstate = np.array(numbers, np.int32)

    def inc_rstate(self) -> None:
        """Move the state that the next variable starts from ahead by 2^134 steps."""
        self.rstate = jump(self.rstate.astype(np.int64).reshape(1, 6), jump_matrices(134))[0].astype(np.int32)

    def get_substream_rstates(self, n_streams: int, dtype: Any = None, inc_rstate: bool = True) -> Any:
        """Return the states of ``n_streams`` substreams, an int32 matrix, and move the own state on.

        ``dtype`` has no influence. Raises ``ValueError`` for less than one stream.
        """
        if int(n_streams) < 1:
            raise ValueError(f"a draw needs at least one substream, got nstreams={n_streams}.")
        states = substreams(self.rstate, int(n_streams))
        if inc_rstate:
            self.inc_rstate()
        return states

    def n_streams(self, size: Sequence[Any]) -> int:
        """Return how many substreams a draw with the lengths ``size`` uses."""
        known = [static_length(as_length(n)) for n in size]
        if None in known:
            return MANY
        count = int(np.prod([n for n in known if n is not None], dtype=np.int64))
        return max(1, min(count // 6 if count > 6 else count, MANY))

    def _above_zero(self, u: Any) -> Any:
        return u  # this generator never gives 0

    def _streams_of_pairs(self, count: Any) -> int | None:
        return min(max(count, 1), MANY) if isinstance(count, int) else None

    def seed(self, seed: int | Sequence[int] | None = None) -> None:
        """Set the states of all variables anew, from ``seed`` or from the seed given at first."""
        self.set_rstate(self.default_instance_seed if seed is None else seed)
        for state, _ in self.state_updates:
            state.set_value(self.get_substream_rstates(len(state.get_value(borrow=True))), borrow=True)

    def _uniform(self, lengths: Sequence[Any], dtype: str, nstreams: int | None) -> Any:
        states = self.get_substream_rstates(self.n_streams(lengths) if nstreams is None else nstreams)
        state = shared(states, shape=(None, 6), borrow=True)
        following, samples = MRGUniform(len(lengths), dtype).make_node(state, *lengths).outputs
        return self._note(samples, state, following)
