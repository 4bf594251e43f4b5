"""``PhiloxStreams``: draws from the counter-based generator Philox4x32-10.

J. K. Salmon, M. A. Moraes, R. O. Dror and D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", Proceedings of
SC11 (2011). Ten rounds of multiplications and exclusive ors turn a key and a counter into four random words. Every
number depends on its own counter alone, so it is the same in whatever order, and on whatever device, the numbers are
made.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.null import disconnected
from symcore.graph.variable import Apply
from symcore.op import Op, Shape
from symcore.random.uniform_streams import UniformStreams
from symcore.tensor.constant import as_tensor
from symcore.tensor.shapes import as_length, static_length
from symcore.tensor.shared import shared
from symcore.tensor.type import TensorType

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10

#: States: key, number of the stream, number of the next block of four words.
STATE = TensorType("uint64", (3,))


def philox4x32(counters: Any, key: tuple[int, int]) -> Any:
    """Return four random 32-bit words for every counter.

    ``counters``: uint64, shape ``(n, 4)``, every entry a word; ``key``: two words. The result is shaped like the
    counters.
    """
    c0, c1, c2, c3 = (counters[:, k] for k in range(4))
    k0, k1 = key
    for _ in range(ROUNDS):
        p0, p1 = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c1, c2, c3 = (
            (p1 >> _HALF) ^ c1 ^ np.uint64(k0), p1 & _LOW, (p0 >> _HALF) ^ c3 ^ np.uint64(k1), p0 & _LOW,
        )  # fmt: skip
        k0, k1 = (k0 + _WEYL[0]) & 0xFFFFFFFF, (k1 + _WEYL[1]) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=1)


def words(state: Any, blocks: int) -> Any:
    """Return the next ``4 * blocks`` words of a state, as uint64."""
    key, stream, first = (int(n) for n in state)
    numbers = np.arange(blocks, dtype=np.uint64) + np.uint64(first)
    counters = np.empty((blocks, 4), np.uint64)
    counters[:, 0], counters[:, 1] = numbers & _LOW, numbers >> _HALF
    counters[:, 2], counters[:, 3] = np.uint64(stream & 0xFFFFFFFF), np.uint64(stream >> 32)
    return philox4x32(counters, (key & 0xFFFFFFFF, key >> 32)).ravel()


class PhiloxUniform(Op):
    """Uniform draws from [0, 1). Inputs: a state (key, stream, next block; uint64), then ``ndim`` lengths.

    Outputs: the next state, the draws. A float64 takes 53 bits of two words, smaller floats 24 bits of one (float16:
    11); number ``i``, in C order, takes word ``i`` or words ``2i`` and ``2i + 1``.
    """

    ndim: int
    dtype: str

    def make_node(self, state: Any, *lengths: Any) -> Apply:
        state = as_tensor(state)
        if state.type.dtype is not STATE.dtype or state.type.ndim != 1:
            raise TypeError(f"{self} takes its state as {STATE}, got {state} of type {state.type}.")
        dims = [as_length(n) for n in lengths]
        if len(dims) != self.ndim:
            raise TypeError(f"{self} takes {self.ndim} lengths, got {len(dims)}.")
        return Apply(self, [state, *dims], [state.type(), TensorType(self.dtype, [static_length(n) for n in dims])()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        lengths = node.inputs[1:]
        return [input_shapes[0], tuple(n if static_length(n) is None else static_length(n) for n in lengths)]

    def perform(self, node: Apply, state: Any, *lengths: Any) -> Any:
        shape = tuple(int(n) for n in lengths)
        if min(shape, default=0) < 0:
            raise ValueError(f"a length cannot be negative: {self} got {shape}.")
        count = int(np.prod(shape, dtype=np.int64))
        per_number = 2 if self.dtype == "float64" else 1
        blocks = -(-count * per_number // 4)
        drawn = words(state, blocks)[: count * per_number]
        if per_number == 2:
            high, low = drawn[0::2] >> np.uint64(5), drawn[1::2] >> np.uint64(6)
            samples = ((high << np.uint64(26)) + low).astype(np.float64) * 2.0**-53
        else:
            bits = 24 if self.dtype == "float32" else 11
            samples = (drawn >> np.uint64(32 - bits)).astype(np.float32) * np.float32(2.0**-bits)
        following = np.array(state)
        following[2] += np.uint64(blocks)
        return following, samples.astype(self.dtype).reshape(shape)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False, False] for _ in node.inputs]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [disconnected() for _ in inputs]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None, None]


class PhiloxStreams(UniformStreams):
    """Random variables drawn with Philox4x32-10: the same numbers on every backend.

    Parameters
    ----------
    seed
        The key, a number from 0 to ``2**64 - 1``. The variables made from one object draw from streams of their own,
        numbered in the order in which they are made.

    Raises ``ValueError`` for a seed out of range. ``nstreams`` of the methods has no influence.
    """

    def __init__(self, seed: int = 0):
        super().__init__()
        self.default_instance_seed = _key(seed)

    def seed(self, seed: int | None = None) -> None:
        """Set the states of all variables to their beginnings, under ``seed`` or the seed given at first."""
        key = self.default_instance_seed if seed is None else _key(seed)
        for stream, (state, _) in enumerate(self.state_updates):
            state.set_value(np.array([key, stream, 0], np.uint64), borrow=True)

    def _uniform(self, lengths: Sequence[Any], dtype: str, nstreams: int | None) -> Any:
        initial = np.array([self.default_instance_seed, len(self.state_updates), 0], np.uint64)
        state = shared(initial, shape=(3,), borrow=True)
        following, samples = PhiloxUniform(len(lengths), dtype).make_node(state, *lengths).outputs
        return self._note(samples, state, following)


def _key(seed: Any) -> int:
    if not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**64:
        raise ValueError(f"the seed of PhiloxStreams is an integer from 0 to 2**64 - 1, got {seed!r}.")
    return int(seed)
