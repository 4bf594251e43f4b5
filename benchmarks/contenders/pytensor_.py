"""PyTensor, with its C and its Numba backend. Both get the OpenBLAS that SciPy ships, as every other contender has."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np

from benchmarks.contenders.base import Contender, Prepared, RecurrentLayers, as_list
from benchmarks.contenders.blas import scipy_openblas
from benchmarks.usage import Stopwatch
from benchmarks.workloads import Data

# The BLAS routines that PyTensor's C code calls; SciPy's library exports them with a prefix.
_ROUTINES = ("dot", "gemv", "ger", "gemm", "scal", "axpy", "copy", "swap", "syrk", "symm", "trsm", "trmm")


class _PyTensor(RecurrentLayers, Contender):
    mode: ClassVar[str]

    def __init__(self, dtype: str, threads: int = 1, trust_input: bool = False) -> None:
        super().__init__(dtype, threads)
        self.trust_input = trust_input
        self.import_modules()
        import pytensor

        pytensor.config.floatX = dtype
        sys.setrecursionlimit(100_000)  # graphs of 2,000 nodes are traversed recursively

    @classmethod
    def import_modules(cls) -> None:
        import pytensor
        import pytensor.tensor as pt

        assert pt
        found = scipy_openblas()
        if found is not None:
            # Set in Python and not by PYTENSOR_FLAGS, which would split the options of the linker at their commas.
            pytensor.config.blas__ldflags = found.link_flags
            renamed = [f"-D{t}{name}_={found.prefix}{t}{name}_" for name in _ROUTINES for t in "sd"]
            pytensor.config.gcc__cxxflags = " ".join(renamed)

    def _function(self, inputs: Sequence[Any], outputs: Any, updates: Any = None) -> Any:
        import pytensor

        function = pytensor.function(list(inputs), outputs, updates=updates, mode=self.mode)
        function.trust_input = self.trust_input
        return function

    def _shared(self, data: Data, *names: str) -> list[Any]:
        import pytensor

        return [pytensor.shared(data[name].copy(), name=name) for name in names]

    def _negative_log_likelihood(self, x: Any, y: Any) -> Any:
        import pytensor.tensor as pt

        return -pt.mean(pt.special.log_softmax(x, axis=1)[pt.arange(y.shape[0]), y])

    def _step(self, cost: Any, parameters: list[Any], inputs: list[Any], data: Data) -> Prepared:
        import pytensor

        rate = np.dtype(self.dtype).type(data["learning_rate"])
        updates = [(p, p - rate * g) for p, g in zip(parameters, pytensor.grad(cost, parameters), strict=True)]
        call = partial(self._function(inputs, cost, updates), data["x"], data["y"])
        return Prepared(call, lambda value: [np.asarray(value), *(p.get_value() for p in parameters)])

    def add_one(self, data: Data) -> Prepared:
        import pytensor.tensor as pt

        x = pt.vector("x")
        return Prepared(partial(self._function([x], x + 1), data["x"]), as_list)

    def five_ops(self, data: Data) -> Prepared:
        import pytensor.tensor as pt

        x = pt.vector("x")
        return Prepared(partial(self._function([x], pt.exp(-(x * 2.0)) / (x + 3.0)), data["x"]), as_list)

    def ten_updates(self, data: Data) -> Prepared:
        import pytensor.tensor as pt

        x, states = pt.scalar("x"), self._shared(data, *(f"s{i}" for i in range(10)))
        call = partial(self._function([x], [], [(s, s * 0.9 + x) for s in states]), data["x"])
        return Prepared(call, lambda _: [s.get_value() for s in states])

    def fused_chain(self, data: Data) -> Prepared:
        import pytensor.tensor as pt

        x, y, z = pt.vectors("x", "y", "z")
        a, b = (np.dtype(self.dtype).type(data[name]) for name in "ab")
        out = 1 / (1 + pt.exp(-(a * x + b))) * pt.tanh(y) + pt.log1p(z * z)
        return Prepared(partial(self._function([x, y, z], out), *(data[name] for name in "xyz")), as_list)

    def cross_entropy_gradient(self, data: Data) -> Prepared:
        import pytensor
        import pytensor.tensor as pt

        x, y = pt.matrix("x"), pt.lvector("y")
        cost = self._negative_log_likelihood(x, y)
        function = self._function([x, y], [cost, pytensor.grad(cost, x)])
        return Prepared(partial(function, data["x"], data["y"]), as_list)

    def logsumexp_rows(self, data: Data) -> Prepared:
        from pytensor import tensor as pt

        x = pt.matrix("x", dtype=self.dtype)
        return Prepared(partial(self._function([x], pt.logsumexp(x, axis=1)), data["x"]), as_list)

    def matrix_product(self, data: Data) -> Prepared:
        from pytensor import tensor as pt

        a, b = (pt.tensor(k, dtype=self.dtype, shape=(None,) * data[k].ndim) for k in "ab")
        return Prepared(partial(self._function([a, b], pt.matmul(a, b)), data["a"], data["b"]), as_list)

    batched_product = matrix_product

    def column_moments(self, data: Data) -> Prepared:
        from pytensor import tensor as pt

        x = pt.matrix("x", dtype=self.dtype)
        return Prepared(partial(self._function([x], [x.mean(axis=0), x.var(axis=0)]), data["x"]), as_list)

    def embedding_step(self, data: Data) -> Prepared:
        from pytensor import tensor as pt

        x, y = pt.lvector("x"), pt.matrix("y", dtype=self.dtype)
        [W] = self._shared(data, "W")
        return self._step(((W[x] - y) ** 2).mean(), [W], [x, y], data)

    def logistic_step(self, data: Data) -> Prepared:
        import pytensor.tensor as pt

        x, y = pt.matrix("x"), pt.lvector("y")
        W, b = self._shared(data, "W", "b")
        return self._step(self._negative_log_likelihood(x @ W + b, y), [W, b], [x, y], data)

    def mlp_step(self, data: Data) -> Prepared:
        import pytensor.tensor as pt

        x, y = pt.matrix("x"), pt.lvector("y")
        parameters = W1, b1, W2, b2 = self._shared(data, "W1", "b1", "W2", "b2")
        penalty = np.dtype(self.dtype).type(data["l2"]) * ((W1**2).sum() + (W2**2).sum())
        cost = self._negative_log_likelihood(pt.tanh(x @ W1 + b1) @ W2 + b2, y) + penalty
        return self._step(cost, parameters, [x, y], data)

    def _chain_graph(self, data: Data) -> tuple[list[Any], list[Any]]:
        import pytensor
        import pytensor.tensor as pt

        h0, W = pt.matrices("h", "W")
        h = h0
        for _ in range(data["layers"]):
            h = pt.tanh(h @ W)
        cost = (h * h).mean()
        return [h0, W], [cost, *pytensor.grad(cost, [h0, W])]

    def layer_chain(self, data: Data) -> Prepared:
        function = self._function(*self._chain_graph(data))
        return Prepared(partial(function, data["h"], data["W"]), as_list)

    def logistic_map(self, data: Data) -> Prepared:
        import pytensor
        import pytensor.tensor as pt

        x, r = pt.scalar("x"), pt.scalar("r")
        values = pytensor.scan(
            lambda x, r: r * x * (1 - x), outputs_info=x, non_sequences=r, n_steps=data["steps"], return_updates=False
        )
        return Prepared(partial(self._function([x, r], values[-1]), data["x"], data["r"]), as_list)

    def power(self, data: Data) -> Prepared:
        import pytensor
        import pytensor.tensor as pt

        a = pt.vector("a")
        values = pytensor.scan(
            lambda p, a: p * a, outputs_info=pt.ones_like(a), non_sequences=a, n_steps=data["steps"],
            return_updates=False,
        )  # fmt: skip
        return Prepared(partial(self._function([a], values[-1]), data["a"]), as_list)

    def _recurrent(self, data: Data, step: Any, n_states: int, gradient: bool) -> Prepared:
        import pytensor
        import pytensor.tensor as pt

        x, weights = pt.tensor3("x"), [pt.matrix("W"), pt.matrix("U"), pt.vector("b")]
        zeros = pt.zeros((x.shape[1], data["hidden"]), dtype=self.dtype)
        states = pytensor.scan(step, x, [zeros] * n_states, weights, return_list=True, return_updates=False)
        cost = (states[0] ** 2).mean()
        outputs = [cost, *pytensor.grad(cost, weights)] if gradient else [states[0]]
        return Prepared(partial(self._function([x, *weights], outputs), *(data[k] for k in "xWUb")), as_list)

    @staticmethod
    def _rnn_step(x: Any, h: Any, W: Any, U: Any, b: Any) -> Any:
        import pytensor.tensor as pt

        return pt.tanh(x @ W + h @ U + b)

    @staticmethod
    def _lstm_step(x: Any, h: Any, c: Any, W: Any, U: Any, b: Any) -> Any:
        import pytensor.tensor as pt

        n = h.shape[1]
        gates = x @ W + h @ U + b
        i, f, g, o = (gates[:, k * n : (k + 1) * n] for k in range(4))
        c = pt.sigmoid(f) * c + pt.sigmoid(i) * pt.tanh(g)
        return [pt.sigmoid(o) * pt.tanh(c), c]

    def rewrite_layer_chain(self, data: Data) -> dict[str, float]:
        from pytensor.compile.io import In
        from pytensor.compile.mode import get_mode

        watch = Stopwatch()
        inputs, outputs = self._chain_graph(data)
        built = watch.read()["cpu_s"]
        mode = get_mode(self.mode)
        # The maker rewrites when it is made and compiles when its function is created, which is not done here.
        mode.function_maker([In(v) for v in inputs], outputs, mode)
        return {"build": built, "rewrite": watch.read()["cpu_s"] - built}


class PyTensorC(_PyTensor):
    mode = "CVM"

    @classmethod
    def why_not(cls) -> str:
        return "" if shutil.which("g++") or shutil.which("clang++") else "no C++ compiler found (g++ or clang++)"


class PyTensorNumba(_PyTensor):
    mode = "NUMBA"
