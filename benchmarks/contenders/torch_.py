"""PyTorch on the CPU: eager with autograd, and ``torch.compile`` of the whole step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.contenders.base import Contender, Prepared, RecurrentLayers
from benchmarks.workloads import Data


def _fetch(result: Any) -> list[np.ndarray]:
    values = result if isinstance(result, list | tuple) else [result]
    return [value.detach().numpy().copy() for value in values]


class _Torch(Contender):
    def __init__(self, dtype: str, threads: int = 1) -> None:
        super().__init__(dtype, threads)
        import torch

        torch.set_num_threads(threads)

    @classmethod
    def import_modules(cls) -> None:
        import torch

        assert torch

    def _wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function as this contender runs it."""
        return function

    def _with_gradients(self, loss: Callable[..., Any], wrt: list[Any], extra: list[Any]) -> Callable[[], Any]:
        """A call that gives ``(cost, *gradients)`` of ``loss(wrt, *extra)``."""
        raise NotImplementedError

    def _step(self, loss: Callable[..., Any], names: tuple[str, ...], data: Data) -> Prepared:
        """Gradient descent on ``loss(parameters, x, y)``."""
        raise NotImplementedError

    def add_one(self, data: Data) -> Prepared:
        import torch

        return Prepared(partial(self._wrap(lambda x: x + 1), torch.tensor(data["x"])), _fetch)

    def five_ops(self, data: Data) -> Prepared:
        import torch

        function = self._wrap(lambda x: torch.exp(-(x * 2.0)) / (x + 3.0))
        return Prepared(partial(function, torch.tensor(data["x"])), _fetch)

    def ten_updates(self, data: Data) -> Prepared:
        import torch

        def update(states: list[Any], x: Any) -> None:
            for s in states:
                s.mul_(0.9).add_(x)

        x, states = torch.tensor(data["x"]), [torch.tensor(data[f"s{i}"]) for i in range(10)]
        return Prepared(partial(self._wrap(update), states, x), lambda _: _fetch(states))

    def fused_chain(self, data: Data) -> Prepared:
        import torch

        def chain(x: Any, y: Any, z: Any) -> Any:
            return 1 / (1 + torch.exp(-(a * x + b))) * torch.tanh(y) + torch.log1p(z * z)

        a, b = data["a"], data["b"]
        return Prepared(partial(self._wrap(chain), *(torch.tensor(data[name]) for name in "xyz")), _fetch)

    def cross_entropy_gradient(self, data: Data) -> Prepared:
        import torch
        from torch.nn.functional import cross_entropy

        x, y = torch.tensor(data["x"]), torch.tensor(data["y"])
        return Prepared(self._with_gradients(lambda wrt, y: cross_entropy(wrt[0], y), [x], [y]), _fetch)

    def logsumexp_rows(self, data: Data) -> Prepared:
        import torch

        return Prepared(partial(self._wrap(lambda x: torch.logsumexp(x, 1)), torch.tensor(data["x"])), _fetch)

    def matrix_product(self, data: Data) -> Prepared:
        import torch

        operands = torch.tensor(data["a"]), torch.tensor(data["b"])
        return Prepared(partial(self._wrap(lambda a, b: a @ b), *operands), _fetch)

    batched_product = matrix_product

    def column_moments(self, data: Data) -> Prepared:
        import torch

        function = self._wrap(lambda x: (x.mean(0), x.var(0, correction=0)))
        return Prepared(partial(function, torch.tensor(data["x"])), _fetch)

    def embedding_step(self, data: Data) -> Prepared:
        return self._step(lambda parameters, x, y: ((parameters[0][x] - y) ** 2).mean(), ("W",), data)

    def logistic_step(self, data: Data) -> Prepared:
        from torch.nn.functional import cross_entropy

        def loss(parameters: list[Any], x: Any, y: Any) -> Any:
            W, b = parameters
            return cross_entropy(x @ W + b, y)

        return self._step(loss, ("W", "b"), data)

    def mlp_step(self, data: Data) -> Prepared:
        import torch
        from torch.nn.functional import cross_entropy

        def loss(parameters: list[Any], x: Any, y: Any) -> Any:
            W1, b1, W2, b2 = parameters
            penalty = l2 * ((W1**2).sum() + (W2**2).sum())
            return cross_entropy(torch.tanh(x @ W1 + b1) @ W2 + b2, y) + penalty

        l2 = data["l2"]
        return self._step(loss, ("W1", "b1", "W2", "b2"), data)

    def layer_chain(self, data: Data) -> Prepared:
        import torch

        def loss(wrt: list[Any]) -> Any:
            h, W = wrt
            for _ in range(count):
                h = torch.tanh(h @ W)
            return (h * h).mean()

        count = data["layers"]
        return Prepared(self._with_gradients(loss, [torch.tensor(data["h"]), torch.tensor(data["W"])], []), _fetch)


class TorchEager(RecurrentLayers, _Torch):
    def power(self, data: Data) -> Prepared:
        import torch

        def last(a: Any) -> Any:
            p = torch.ones_like(a)
            for _ in range(data["steps"]):
                p = p * a
            return p

        return Prepared(partial(last, torch.tensor(data["a"])), _fetch)

    def _recurrent(self, data: Data, step: Any, n_states: int, gradient: bool) -> Prepared:
        import torch

        def states(weights: list[Any], x: Any) -> Any:
            carry, rows = [torch.zeros(x.shape[1], data["hidden"], dtype=x.dtype)] * n_states, []
            for row in x.unbind(0):
                carry = step(weights, carry, row)
                rows.append(carry[0])
            return torch.stack(rows)

        return self._loop(states, [torch.tensor(data[k]) for k in "WUb"], torch.tensor(data["x"]), gradient)

    def _loop(self, states: Any, weights: list[Any], x: Any, gradient: bool) -> Prepared:
        import torch

        if gradient:
            return Prepared(self._with_gradients(lambda w, x: (states(w, x) ** 2).mean(), weights, [x]), _fetch)

        def call() -> Any:
            with torch.no_grad():
                return states(weights, x)

        return Prepared(call, _fetch)

    @staticmethod
    def _rnn_step(weights: list[Any], carry: list[Any], x: Any) -> list[Any]:
        import torch

        W, U, b = weights
        return [torch.tanh(x @ W + carry[0] @ U + b)]

    @staticmethod
    def _lstm_step(weights: list[Any], carry: list[Any], x: Any) -> list[Any]:
        import torch

        (W, U, b), (h, c) = weights, carry
        i, f, g, o = (x @ W + h @ U + b).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return [torch.sigmoid(o) * torch.tanh(c), c]
    def _with_gradients(self, loss: Callable[..., Any], wrt: list[Any], extra: list[Any]) -> Callable[[], Any]:
        import torch

        def call() -> Any:
            cost = loss(wrt, *extra)
            return cost, *torch.autograd.grad(cost, wrt)

        for value in wrt:
            value.requires_grad_(True)
        return call

    def _step(self, loss: Callable[..., Any], names: tuple[str, ...], data: Data) -> Prepared:
        import torch

        def call() -> Any:
            cost = loss(parameters, x, y)
            gradients = torch.autograd.grad(cost, parameters)
            with torch.no_grad():
                for p, g in zip(parameters, gradients, strict=True):
                    p.sub_(g, alpha=rate)
            return cost

        parameters = [torch.tensor(data[name], requires_grad=True) for name in names]
        x, y, rate = torch.tensor(data["x"]), torch.tensor(data["y"]), data["learning_rate"]
        return Prepared(call, lambda cost: _fetch([cost, *parameters]))


class TorchFused(TorchEager):
    """The layers ``torch.nn.RNN`` and ``torch.nn.LSTM``: written by hand for this very computation."""

    def _layer(self, data: Data, kind: str, gradient: bool) -> Prepared:
        import torch

        inputs, hidden = data["x"].shape[2], data["hidden"]
        layer = getattr(torch.nn, kind)(inputs, hidden)
        zero = torch.zeros_like(layer.bias_hh_l0)

        def states(weights: list[Any], x: Any) -> Any:
            W, U, b = weights
            given = {"weight_ih_l0": W.T, "weight_hh_l0": U.T, "bias_ih_l0": b, "bias_hh_l0": zero}
            return torch.func.functional_call(layer, given, (x,))[0]

        return self._loop(states, [torch.tensor(data[k]) for k in "WUb"], torch.tensor(data["x"]), gradient)


class TorchCompile(_Torch):
    @classmethod
    def import_modules(cls) -> None:
        import torch
        import torch._dynamo

        assert torch._dynamo

    @classmethod
    def why_not(cls) -> str:
        from shutil import which

        return "" if which("g++") or which("clang++") else "no C++ compiler found (g++ or clang++)"

    def _wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        import torch

        return torch.compile(function, fullgraph=True, dynamic=False)

    def _with_gradients(self, loss: Callable[..., Any], wrt: list[Any], extra: list[Any]) -> Callable[[], Any]:
        import torch

        def both(wrt: list[Any], *extra: Any) -> Any:
            gradients, cost = torch.func.grad_and_value(loss)(wrt, *extra)
            return cost, *gradients

        compiled = self._wrap(both)

        def call() -> Any:
            with torch.no_grad():
                return compiled(wrt, *extra)

        return call

    def _step(self, loss: Callable[..., Any], names: tuple[str, ...], data: Data) -> Prepared:
        import torch

        def step(parameters: list[Any], x: Any, y: Any) -> Any:
            gradients, cost = torch.func.grad_and_value(loss)(parameters, x, y)
            for p, g in zip(parameters, gradients, strict=True):
                p.sub_(rate * g)
            return cost

        def call() -> Any:
            with torch.no_grad():
                return compiled(parameters, x, y)

        compiled = self._wrap(step)
        parameters = [torch.tensor(data[name]) for name in names]
        x, y, rate = torch.tensor(data["x"]), torch.tensor(data["y"]), data["learning_rate"]
        return Prepared(call, lambda cost: _fetch([cost, *parameters]))
