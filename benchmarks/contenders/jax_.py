"""JAX on the CPU: ``jit``, with the state donated so that updates reuse its buffers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.contenders.base import Contender, Prepared, RecurrentLayers, as_list
from benchmarks.usage import Stopwatch
from benchmarks.workloads import Data


class Jax(RecurrentLayers, Contender):
    def __init__(self, dtype: str, threads: int = 1) -> None:
        super().__init__(dtype, threads)
        self.import_modules()

    @classmethod
    def import_modules(cls) -> None:
        import jax
        import jax.numpy

        assert jax.numpy

    def _prepare(self, function: Callable[..., Any], *arguments: Any) -> Prepared:
        """Outputs of one program become ready together, so waiting for the first one is enough."""
        import jax
        import jax.numpy as jnp

        compiled, device = jax.jit(function), [jnp.asarray(a) for a in arguments]

        def call_one() -> Any:
            return compiled(*device).block_until_ready()

        def call_many() -> Any:
            results = compiled(*device)
            results[0].block_until_ready()
            return results

        single = not isinstance(jax.eval_shape(function, *device), list | tuple)
        return Prepared(call_one if single else call_many, as_list)

    def _step(self, loss: Callable[..., Any], names: tuple[str, ...], data: Data) -> Prepared:
        import jax
        import jax.numpy as jnp

        state, rate = [jnp.array(data[name]) for name in names], data["learning_rate"]
        x, y = jnp.asarray(data["x"]), jnp.asarray(data["y"])

        def step(parameters: list[Any], x: Any, y: Any) -> tuple[Any, list[Any]]:
            cost, gradients = jax.value_and_grad(loss)(parameters, x, y)
            return cost, [p - rate * g for p, g in zip(parameters, gradients, strict=True)]

        compiled = jax.jit(step, donate_argnums=0)

        def call() -> Any:
            nonlocal state
            cost, state = compiled(state, x, y)
            return cost.block_until_ready()

        # Copies: the next call donates the state, and its arrays die.
        return Prepared(call, lambda cost: [np.asarray(cost), *(np.array(s) for s in state)])

    @staticmethod
    def _cross_entropy(x: Any, y: Any) -> Any:
        import jax
        import jax.numpy as jnp

        return -jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], axis=1).mean()

    def add_one(self, data: Data) -> Prepared:
        return self._prepare(lambda x: x + 1, data["x"])

    def five_ops(self, data: Data) -> Prepared:
        import jax.numpy as jnp

        return self._prepare(lambda x: jnp.exp(-(x * 2.0)) / (x + 3.0), data["x"])

    def ten_updates(self, data: Data) -> Prepared:
        import jax
        import jax.numpy as jnp

        compiled = jax.jit(lambda states, x: [s * 0.9 + x for s in states], donate_argnums=0)
        x, states = jnp.asarray(data["x"]), [jnp.array(data[f"s{i}"]) for i in range(10)]

        def call() -> None:
            nonlocal states
            states = compiled(states, x)
            states[0].block_until_ready()

        return Prepared(call, lambda _: [np.array(s) for s in states])

    def fused_chain(self, data: Data) -> Prepared:
        import jax.numpy as jnp

        def chain(x: Any, y: Any, z: Any) -> Any:
            return 1 / (1 + jnp.exp(-(a * x + b))) * jnp.tanh(y) + jnp.log1p(z * z)

        a, b = data["a"], data["b"]
        return self._prepare(chain, data["x"], data["y"], data["z"])

    def cross_entropy_gradient(self, data: Data) -> Prepared:
        import jax

        return self._prepare(jax.value_and_grad(self._cross_entropy), data["x"], data["y"])

    def logsumexp_rows(self, data: Data) -> Prepared:
        import jax

        return self._prepare(lambda x: jax.nn.logsumexp(x, axis=1), data["x"])

    def matrix_product(self, data: Data) -> Prepared:
        return self._prepare(lambda a, b: a @ b, data["a"], data["b"])

    batched_product = matrix_product

    def column_moments(self, data: Data) -> Prepared:
        return self._prepare(lambda x: (x.mean(axis=0), x.var(axis=0)), data["x"])

    def embedding_step(self, data: Data) -> Prepared:
        return self._step(lambda parameters, x, y: ((parameters[0][x] - y) ** 2).mean(), ("W",), data)

    def logistic_step(self, data: Data) -> Prepared:
        def loss(parameters: list[Any], x: Any, y: Any) -> Any:
            W, b = parameters
            return self._cross_entropy(x @ W + b, y)

        return self._step(loss, ("W", "b"), data)

    def mlp_step(self, data: Data) -> Prepared:
        import jax.numpy as jnp

        def loss(parameters: list[Any], x: Any, y: Any) -> Any:
            W1, b1, W2, b2 = parameters
            penalty = l2 * ((W1**2).sum() + (W2**2).sum())
            return self._cross_entropy(jnp.tanh(x @ W1 + b1) @ W2 + b2, y) + penalty

        l2 = data["l2"]
        return self._step(loss, ("W1", "b1", "W2", "b2"), data)

    @staticmethod
    def _chain(count: int) -> Callable[..., Any]:
        import jax
        import jax.numpy as jnp

        def loss(h: Any, W: Any) -> Any:
            for _ in range(count):
                h = jnp.tanh(h @ W)
            return (h * h).mean()

        def with_gradients(h: Any, W: Any) -> tuple[Any, Any, Any]:
            cost, (gh, gW) = jax.value_and_grad(loss, argnums=(0, 1))(h, W)
            return cost, gh, gW

        return with_gradients

    def layer_chain(self, data: Data) -> Prepared:
        return self._prepare(self._chain(data["layers"]), data["h"], data["W"])

    def logistic_map(self, data: Data) -> Prepared:
        import jax

        def last(x: Any, r: Any) -> Any:
            return jax.lax.fori_loop(0, data["steps"], lambda _, x: r * x * (1 - x), x)

        return self._prepare(last, data["x"], data["r"])

    def power(self, data: Data) -> Prepared:
        import jax
        import jax.numpy as jnp

        def last(a: Any) -> Any:
            return jax.lax.fori_loop(0, data["steps"], lambda _, p: p * a, jnp.ones_like(a))

        return self._prepare(last, data["a"])

    def _recurrent(self, data: Data, step: Any, n_states: int, gradient: bool) -> Prepared:
        import jax
        import jax.numpy as jnp

        def states(weights: Any, x: Any) -> Any:
            zeros = jnp.zeros((x.shape[1], data["hidden"]), x.dtype)
            return jax.lax.scan(lambda carry, x: step(weights, carry, x), (zeros,) * n_states, x)[1]

        def cost_and_gradients(weights: Any, x: Any) -> Any:
            cost, gradients = jax.value_and_grad(lambda w: (states(w, x) ** 2).mean())(weights)
            return cost, *gradients

        weights = tuple(jnp.asarray(data[k]) for k in "WUb")
        function = cost_and_gradients if gradient else states
        compiled, x = jax.jit(function), jnp.asarray(data["x"])

        def call() -> Any:
            return jax.block_until_ready(compiled(weights, x))

        return Prepared(call, as_list)

    @staticmethod
    def _rnn_step(weights: Any, carry: Any, x: Any) -> Any:
        import jax.numpy as jnp

        W, U, b = weights
        h = jnp.tanh(x @ W + carry[0] @ U + b)
        return (h,), h

    @staticmethod
    def _lstm_step(weights: Any, carry: Any, x: Any) -> Any:
        import jax
        import jax.numpy as jnp

        (W, U, b), (h, c) = weights, carry
        i, f, g, o = jnp.split(x @ W + h @ U + b, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    def rewrite_layer_chain(self, data: Data) -> dict[str, float]:
        """JAX rewrites inside XLA, in one call with code generation: that stage cannot be told apart."""
        import jax

        watch = Stopwatch()
        traced = jax.jit(self._chain(data["layers"])).trace(data["h"], data["W"])
        built = watch.read()["cpu_s"]
        traced.lower().compile()
        return {"build": built, "rewrite and compile": watch.read()["cpu_s"] - built}
