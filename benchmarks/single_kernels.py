"""What functions of one usual Op cost cold, for ``python -m benchmarks.starts --kernels``.

Each of them is compiled in a process of its own with an empty cache. The table says what of its CPU time went into
compilers; the rest is building, rewriting and loading.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

BOUND = 120.0
ROWS, COLUMNS = 12, 8


def _reductions() -> dict[str, Callable[..., Any]]:
    """Return reductions of a matrix over rows, columns and everything, by name."""
    from symstack import tensor as T

    makers: dict[str, Callable[..., Any]] = {
        "sum": T.sum, "mean": T.mean, "var": T.var, "std": T.std, "max": T.max, "min": T.min, "prod": T.prod,
        "argmax": T.argmax, "logsumexp": T.logsumexp, "ptp": T.ptp,
        "norm": lambda x, axis: T.sqrt(T.sum(T.sqr(x), axis=axis)),
        "norm1": lambda x, axis: T.sum(abs(x), axis=axis),
        "all": lambda x, axis: T.all(x > 0, axis=axis),
        "max_and_argmax": lambda x, axis: T.max_and_argmax(x, axis=axis),
    }  # fmt: skip

    def over(maker: Callable[..., Any], axis: int | None) -> Callable[..., Any]:
        return lambda x, y, i, b: maker(x, axis=axis)

    return {f"{name} {axis}": over(maker, axis) for name, maker in makers.items() for axis in (0, 1, None)}


def _others() -> dict[str, Callable[..., Any]]:
    """Return the other functions: of matrices ``x`` and ``y``, indices ``i`` and truths ``b``."""
    import symstack as ss
    from symstack import tensor as T

    return {
        "x + 1": lambda x, y, i, b: x + 1,
        "tanh": lambda x, y, i, b: T.tanh(x),
        "pow": lambda x, y, i, b: x**y,
        "sin": lambda x, y, i, b: T.sin(x),
        "erf": lambda x, y, i, b: T.erf(x),
        "gammaln": lambda x, y, i, b: T.gammaln(x),
        "sigmoid": lambda x, y, i, b: T.sigmoid(x),
        "softplus": lambda x, y, i, b: T.softplus(x),
        "relu": lambda x, y, i, b: T.nnet.relu(x),
        "softmax": lambda x, y, i, b: T.nnet.softmax(x),
        "log_softmax": lambda x, y, i, b: T.nnet.logsoftmax(x),
        "x > y": lambda x, y, i, b: x > y,
        "where": lambda x, y, i, b: T.where(b, x, y),
        "cast int32": lambda x, y, i, b: T.cast(x, "int32"),
        "cast float16": lambda x, y, i, b: T.cast(x, "float16"),
        "cumsum": lambda x, y, i, b: T.cumsum(x, axis=0),
        "cumprod": lambda x, y, i, b: T.cumprod(x, axis=1),
        "sort": lambda x, y, i, b: T.sort(x, axis=1),
        "argsort": lambda x, y, i, b: T.argsort(x, axis=1),
        "topk": lambda x, y, i, b: T.topk(x, 3, axis=1),
        "take rows": lambda x, y, i, b: x[i],
        "take pairs": lambda x, y, i, b: x[i, i],
        "scatter add": lambda x, y, i, b: T.inc_subtensor(x[i], 1),
        "scatter set": lambda x, y, i, b: T.set_subtensor(x[i], 1),
        "slice set": lambda x, y, i, b: T.set_subtensor(x[1:3], 1),
        "one-hot": lambda x, y, i, b: T.to_one_hot(i, COLUMNS, dtype=x.dtype),
        "x.T + y.T": lambda x, y, i, b: x.T + y.T * 2,
        "dot": lambda x, y, i, b: T.dot(x, y.T),
        "dot + y": lambda x, y, i, b: T.dot(x.T, y) + 1,
        "outer": lambda x, y, i, b: T.outer(x[0], y[0]),
        "concatenate": lambda x, y, i, b: T.concatenate([x, y], axis=1),
        "eye": lambda x, y, i, b: T.eye(3, dtype=x.dtype),
        "diag": lambda x, y, i, b: T.diag(x[0]),
        "tril": lambda x, y, i, b: T.tril(x),
        "uniform": lambda x, y, i, b: ss.RandomStreams(1).uniform(size=(3, 4), dtype=x.dtype),
        "normal": lambda x, y, i, b: ss.RandomStreams(1).normal(size=(3, 4), dtype=x.dtype),
        "nonzero": lambda x, y, i, b: T.nonzero(b),
    }  # fmt: skip


def cases() -> dict[str, Callable[..., Any]]:
    """Return all functions by name."""
    return _reductions() | _others()


def single(name: str, dtype: str) -> Callable[[], object]:
    """Return a call of the function ``name`` of matrices of ``dtype``."""
    import numpy as np

    import symstack as ss
    from symstack import tensor as T

    x, y, i, b = T.matrix("x", dtype), T.matrix("y", dtype), T.lvector("i"), T.matrix("b", "bool")
    made = cases()[name](x, y, i, b)
    f = ss.function([x, y, i, b], made, on_unused_input="ignore")
    numbers = np.random.default_rng(1).uniform(0.5, 1.5, (2, ROWS, COLUMNS)).astype(dtype)
    return lambda: f(numbers[0], numbers[1], np.arange(3), numbers[0] > 1)
