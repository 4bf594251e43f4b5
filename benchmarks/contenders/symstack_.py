"""symstack, through its public names; only the rewriting alone is reached through the package that owns it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from benchmarks.contenders.base import Contender, Prepared, as_list
from benchmarks.usage import Stopwatch
from benchmarks.workloads import Data


class Symstack(Contender):
    def __init__(self, dtype: str, threads: int = 1) -> None:
        super().__init__(dtype, threads)
        import symstack as ss

        ss.config.floatX = dtype

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

    def rewrite_layer_chain(self, data: Data) -> dict[str, float]:
        """The first two steps of ``function``: the graph of the function, cloned and merged, and its rewriting."""
        from symcore.graph.fgraph import FunctionGraph
        from symopt.engine import rewrite

        watch = Stopwatch()
        inputs, outputs = self._chain_graph(data)
        built = watch.read()["cpu_s"]
        rewrite(FunctionGraph(inputs, outputs))
        return {"build": built, "rewrite": watch.read()["cpu_s"] - built}
