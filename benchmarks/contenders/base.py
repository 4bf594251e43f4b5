"""What a contender is: a class with one method per kind of workload."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np

from benchmarks.workloads import Data


class Prepared(NamedTuple):
    """A computation that is ready to be timed.

    ``call()`` does it once, to the end (asynchronous libraries wait inside), and returns something that ``fetch`` turns
    into NumPy arrays: first the results, then the updated state in the order of ``Workload.state``.
    """

    call: Callable[[], Any]
    fetch: Callable[[Any], list[np.ndarray]]


class Contender:
    """Base of the contenders.

    A subclass has, for each kind of workload it can do, a method ``kind(data) -> Prepared``; a kind it lacks is an
    empty cell in the tables. It updates copies of the state, never the caller's arrays. ``import_modules`` is what a
    user of the library imports before doing anything; compile latency starts after it. ``rewrite_layer_chain(data)``,
    where there is one, builds the graph of the layer chain with its gradients and rewrites it, and returns the CPU
    seconds of the two stages, ``build`` first.
    """

    def __init__(self, dtype: str, threads: int = 1) -> None:
        self.dtype = dtype
        self.threads = threads

    @classmethod
    def import_modules(cls) -> None:
        """Import the library."""

    @classmethod
    def blas_threads(cls, threads: int) -> int:
        """How many threads the BLAS inside SciPy, which several contenders share, has in this one's turns."""
        return threads

    def making(self) -> AbstractContextManager[None]:
        """What surrounds the making of a computation."""
        return nullcontext()

    @classmethod
    def why_not(cls) -> str:
        """Why this contender cannot take part although its packages are installed; empty if it can."""
        return ""


class RecurrentLayers:
    """The kinds of recurrent layers, for contenders that say what a step is and how to make a loop of it."""

    _rnn_step: Callable[..., Any]
    _lstm_step: Callable[..., Any]

    def _recurrent(self, data: Data, step: Callable[..., Any], n_states: int, gradient: bool) -> Prepared:
        """A loop of ``step`` over ``n_states`` states: all values of the first, or its cost and gradients."""
        raise NotImplementedError

    def _layer(self, data: Data, kind: str, gradient: bool) -> Prepared:
        if kind == "RNN":
            return self._recurrent(data, self._rnn_step, 1, gradient)
        return self._recurrent(data, self._lstm_step, 2, gradient)

    def rnn_forward(self, data: Data) -> Prepared:
        return self._layer(data, "RNN", gradient=False)

    def rnn_gradient(self, data: Data) -> Prepared:
        return self._layer(data, "RNN", gradient=True)

    def lstm_forward(self, data: Data) -> Prepared:
        return self._layer(data, "LSTM", gradient=False)

    def lstm_gradient(self, data: Data) -> Prepared:
        return self._layer(data, "LSTM", gradient=True)


def as_list(result: Any) -> list[np.ndarray]:
    """Fetch of a call that returns an array, or several, that NumPy can read."""
    return [np.asarray(value) for value in (result if isinstance(result, list | tuple) else [result])]
