"""symstack, through its public names; only the rewriting alone is reached through the package that owns it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from benchmarks.contenders.base import Contender, Prepared, RecurrentLayers, as_list
from benchmarks.contenders.blas import BLAS_VARIABLES
from benchmarks.usage import Stopwatch
from benchmarks.workloads import Data


class Symstack(RecurrentLayers, Contender):
    def __init__(self, dtype: str, threads: int = 1) -> None:
        super().__init__(dtype, threads)
        import symstack as ss

        ss.config.floatX = dtype

    @classmethod
    def blas_threads(cls, threads: int) -> int:
        return 1  # its own threads share large products, in pieces

    @contextmanager
    def making(self) -> Iterator[None]:
        """With several threads, out of sight of the number of BLAS threads in the environment.

        It is there for the peers; symstack would leave large products to a BLAS with so many threads, which is not what
        it does for a user who sets ``config.threads`` alone.
        """
        hidden = {n: os.environ.pop(n) for n in BLAS_VARIABLES if n in os.environ} if self.threads > 1 else {}
        try:
            yield
        finally:
            os.environ.update(hidden)

    @classmethod
    def import_modules(cls) -> None:
        import symstack
        from symstack import tensor

        assert symstack and tensor

    def _constant(self, value: float) -> Any:
        return np.dtype(self.dtype).type(value)

    @staticmethod
    def _shared(data: Data, *names: str) -> list[Any]:
        import symstack as ss

        return [ss.shared(data[name].copy(), name=name) for name in names]

    @staticmethod
    def _negative_log_likelihood(x: Any, y: Any) -> Any:
        from symstack import tensor as T

        return -T.mean(T.log(T.nnet.softmax(x))[T.arange(y.shape[0]), y])

    def _step(self, cost: Any, parameters: list[Any], inputs: list[Any], data: Data) -> Prepared:
        import symstack as ss

        rate = self._constant(data["learning_rate"])
        updates = [(p, p - rate * g) for p, g in zip(parameters, ss.grad(cost, parameters), strict=True)]
        call = partial(ss.function(inputs, cost, updates=updates), data["x"], data["y"])
        return Prepared(call, lambda value: [np.asarray(value), *(p.get_value() for p in parameters)])

    def add_one(self, data: Data) -> Prepared:
        import symstack as ss
        from symstack import tensor as T

        x = T.vector("x")
        return Prepared(partial(ss.function([x], x + 1), data["x"]), as_list)

    def five_ops(self, data: Data) -> Prepared:
        import symstack as ss
        from symstack import tensor as T

        x = T.vector("x")
        return Prepared(partial(ss.function([x], T.exp(-(x * 2.0)) / (x + 3.0)), data["x"]), as_list)

    def ten_updates(self, data: Data) -> Prepared:
        import symstack as ss
        from symstack import tensor as T

        x, states = T.scalar("x"), self._shared(data, *(f"s{i}" for i in range(10)))
        call = partial(ss.function([x], [], updates=[(s, s * 0.9 + x) for s in states]), data["x"])
        return Prepared(call, lambda _: [s.get_value() for s in states])

    def fused_chain(self, data: Data) -> Prepared:
        import symstack as ss
        from symstack import tensor as T

        x, y, z = T.vector("x"), T.vector("y"), T.vector("z")
        a, b = self._constant(data["a"]), self._constant(data["b"])
        out = 1 / (1 + T.exp(-(a * x + b))) * T.tanh(y) + T.log1p(z * z)
        return Prepared(partial(ss.function([x, y, z], out), *(data[name] for name in "xyz")), as_list)

    def cross_entropy_gradient(self, data: Data) -> Prepared:
        import symstack as ss
        from symstack import tensor as T

        x, y = T.matrix("x"), T.lvector("y")
        cost = self._negative_log_likelihood(x, y)
        function = ss.function([x, y], [cost, ss.grad(cost, x)])
        return Prepared(partial(function, data["x"], data["y"]), as_list)

    def logsumexp_rows(self, data: Data) -> Prepared:
        import symstack as ss
        from symstack import tensor as T

        x = T.matrix("x")
        return Prepared(partial(ss.function([x], T.logsumexp(x, axis=1)), data["x"]), as_list)

    def matrix_product(self, data: Data) -> Prepared:
        return self._product(data, "dot")

    def batched_product(self, data: Data) -> Prepared:
        return self._product(data, "matmul")

    def _product(self, data: Data, name: str) -> Prepared:
        import symstack as ss
        from symstack import tensor as T

        a, b = ({1: T.vector, 2: T.matrix, 3: T.tensor3}[data[k].ndim](k) for k in "ab")
        return Prepared(partial(ss.function([a, b], getattr(T, name)(a, b)), data["a"], data["b"]), as_list)

    def column_moments(self, data: Data) -> Prepared:
        import symstack as ss
        from symstack import tensor as T

        x = T.matrix("x")
        return Prepared(partial(ss.function([x], [x.mean(axis=0), x.var(axis=0)]), data["x"]), as_list)

    def embedding_step(self, data: Data) -> Prepared:
        from symstack import tensor as T

        x, y = T.lvector("x"), T.matrix("y")
        [W] = self._shared(data, "W")
        return self._step(((W[x] - y) ** 2).mean(), [W], [x, y], data)

    def logistic_step(self, data: Data) -> Prepared:
        from symstack import tensor as T

        x, y = T.matrix("x"), T.lvector("y")
        W, b = self._shared(data, "W", "b")
        return self._step(self._negative_log_likelihood(T.dot(x, W) + b, y), [W, b], [x, y], data)

    def mlp_step(self, data: Data) -> Prepared:
        from symstack import tensor as T

        x, y = T.matrix("x"), T.lvector("y")
        parameters = W1, b1, W2, b2 = self._shared(data, "W1", "b1", "W2", "b2")
        hidden = T.tanh(T.dot(x, W1) + b1)
        penalty = self._constant(data["l2"]) * ((W1**2).sum() + (W2**2).sum())
        cost = self._negative_log_likelihood(T.dot(hidden, W2) + b2, y) + penalty
        return self._step(cost, parameters, [x, y], data)

    @staticmethod
    def _chain_graph(data: Data) -> tuple[list[Any], list[Any]]:
        import symstack as ss
        from symstack import tensor as T

        h0, W = T.matrix("h"), T.matrix("W")
        h = h0
        for _ in range(data["layers"]):
            h = T.tanh(T.dot(h, W))
        cost = (h * h).mean()
        return [h0, W], [cost, *ss.grad(cost, [h0, W])]

    def layer_chain(self, data: Data) -> Prepared:
        import symstack as ss

        return Prepared(partial(ss.function(*self._chain_graph(data)), data["h"], data["W"]), as_list)

    def logistic_map(self, data: Data) -> Prepared:
        import symstack as ss
        from symstack import tensor as T

        x, r = T.scalar("x"), T.scalar("r")
        values, _ = ss.scan(lambda x, r: r * x * (1 - x), outputs_info=x, non_sequences=r, n_steps=data["steps"])
        return Prepared(partial(ss.function([x, r], values[-1]), data["x"], data["r"]), as_list)

    def power(self, data: Data) -> Prepared:
        import symstack as ss
        from symstack import tensor as T

        a = T.vector("a")
        values, _ = ss.scan(lambda p, a: p * a, outputs_info=T.ones_like(a), non_sequences=a, n_steps=data["steps"])
        return Prepared(partial(ss.function([a], values[-1]), data["a"]), as_list)

    def _recurrent(self, data: Data, step: Any, n_states: int, gradient: bool) -> Prepared:
        import symstack as ss
        from symstack import tensor as T

        x, weights = T.tensor3("x"), [T.matrix("W"), T.matrix("U"), T.vector("b")]
        zeros = T.zeros((x.shape[1], data["hidden"]))
        states, _ = ss.scan(step, x, [zeros] * n_states, weights, return_list=True)
        cost = (states[0] ** 2).mean()
        outputs = [cost, *ss.grad(cost, weights)] if gradient else [states[0]]
        return Prepared(partial(ss.function([x, *weights], outputs), *(data[k] for k in "xWUb")), as_list)

    @staticmethod
    def _rnn_step(x: Any, h: Any, W: Any, U: Any, b: Any) -> Any:
        from symstack import tensor as T

        return T.tanh(T.dot(x, W) + T.dot(h, U) + b)

    @staticmethod
    def _lstm_step(x: Any, h: Any, c: Any, W: Any, U: Any, b: Any) -> Any:
        from symstack import tensor as T

        n = h.shape[1]
        gates = T.dot(x, W) + T.dot(h, U) + b
        i, f, g, o = (gates[:, k * n : (k + 1) * n] for k in range(4))
        c = T.sigmoid(f) * c + T.sigmoid(i) * T.tanh(g)
        return [T.sigmoid(o) * T.tanh(c), c]

    def rewrite_layer_chain(self, data: Data) -> dict[str, float]:
        """The first two steps of ``function``: the graph of the function, cloned and merged, and its rewriting."""
        from symcore.graph.fgraph import FunctionGraph
        from symopt.engine import rewrite

        watch = Stopwatch()
        inputs, outputs = self._chain_graph(data)
        built = watch.read()["cpu_s"]
        rewrite(FunctionGraph(inputs, outputs))
        return {"build": built, "rewrite": watch.read()["cpu_s"] - built}
