"""The cases of the Ops that draw random numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np

from symcore.graph.variable import Constant
from symcore.random.draw import RandomDraw
from symcore.random.from_uniform import Chances, ChoiceFromUniform, MultinomialFromUniform
from symcore.random.mrg import MRGUniform, substreams
from symcore.random.philox import PhiloxUniform
from symcore.random.poisson import PoissonFromUniform
from symcore.random.quantile import normal_quantile
from symcore.random.state import copy_state, random_state_type
from symcore.testing.case import OpCase

STATE = Constant(random_state_type, np.random.RandomState(11))


def _drawn(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that gives the samples of a method at the state of the case, as outputs of ``RandomDraw``."""

    def expected(state: Any, *inputs: Any) -> tuple[Any, Any]:
        return None, method(copy_state(state), *inputs)

    return expected


def _int(value: Any) -> Any:
    return np.array(value, dtype="int64")


def _draws() -> list[OpCase]:
    p = np.array([0.2, 0.5, 0.3])
    low, high = np.array([[0.0, -1.0, 2.0]]), np.array([[1.0, 3.0, 2.5], [4.0, 0.5, 7.0]])
    options: dict[str, Any] = {"dtypes": ("float64",)}
    return [
        OpCase(RandomDraw("uniform", 2, "float64", False), STATE, low, high, shapes=[(), (1, None), (None, None)],
               expected=_drawn(lambda s, a, b: s.uniform(a, b)), **options),
        OpCase(RandomDraw("uniform", 2, "float32"), STATE, _int(2), _int(3), np.float64(-1.0), np.float64(2.0),
               expected=_drawn(lambda s, m, n, a, b: s.uniform(a, b, (m, n))), grad=False),
        OpCase(RandomDraw("normal", 2, "float64", False), STATE, low, high, shapes=[(), (1, None), (None, None)],
               expected=_drawn(lambda s, a, b: s.normal(a, b)), **options),
        OpCase(RandomDraw("normal", 1, "float64"), STATE, _int(0), np.float64(0.0), np.float64(1.0), **options),
        OpCase(RandomDraw("binomial", 1, "int64", False), STATE, _int([3, 40]), np.float64(0.3), undefined=[2],
               expected=_drawn(lambda s, n, p: s.binomial(n, p)), **options),
        OpCase(RandomDraw("poisson", 0, "int64"), STATE, np.float64(2.5), expected=_drawn(lambda s, m: s.poisson(m)),
               **options),
        OpCase(RandomDraw("random_integers", 1, "int32"), STATE, _int(5), _int(2), _int(7),
               expected=_drawn(lambda s, n, a, b: s.randint(a, b + 1, n))),
        OpCase(RandomDraw("choice", 1, "float64"), STATE, _int(4), p, p, grad=False,
               expected=_drawn(lambda s, n, a, p: s.choice(a, n, p=p)), **options),
        OpCase(RandomDraw("choice_without_replacement", 1, "int64"), STATE, _int(3), _int(5),
               expected=_drawn(lambda s, n, a: s.choice(a, n, replace=False))),
        OpCase(RandomDraw("permutation", 1, "int64"), STATE, _int(2), _int(4),
               expected=_drawn(lambda s, m, n: np.array([s.permutation(int(n)) for _ in range(m)]))),
        OpCase(RandomDraw("permutation", 1, "int64"), STATE, _int(0), _int(4)),
        OpCase(RandomDraw("multinomial", 1, "int64"), STATE, _int(2), _int(9), p, undefined=[3],
               expected=_drawn(lambda s, m, n, p: s.multinomial(n, p, m)), **options),
        OpCase(RandomDraw("multinomial", 1, "int64", False), STATE, _int([3, 5]), np.stack([p, p[::-1]]), undefined=[2],
               **options),
    ]  # fmt: skip


def _generators() -> list[OpCase]:
    key = np.array([234, 1, 7], dtype="uint64")
    states = substreams([1234] * 6, 4)
    return [
        *(OpCase(MRGUniform(2, dtype), states, _int(3), _int(5)) for dtype in ("float64", "float32", "float16")),
        OpCase(MRGUniform(1, "float64"), states, _int(0)), OpCase(MRGUniform(0, "float64"), states[:1]),
        *(OpCase(PhiloxUniform(2, dtype), key, _int(3), _int(5)) for dtype in ("float64", "float32", "float16")),
        OpCase(PhiloxUniform(1, "float64"), key, _int(0)), OpCase(PhiloxUniform(0, "float32"), key),
    ]  # fmt: skip


def _from_uniforms() -> list[OpCase]:
    pvals = np.array([[0.2, 0.5, 0.3], [0.0, 0.25, 0.75]])
    u = np.array([0.1, 0.1, 0.99, 0.3])
    probabilities = np.array([[1e-9, 0.01, 0.3], [0.5, 0.8, 0.999]])
    return [
        OpCase(Chances(), np.array([[0.1, 0.5, 0.75]]), expected=lambda p: p),
        OpCase(MultinomialFromUniform(), pvals, u, _int(2), undefined=[0],
               expected=lambda p, u, n: np.array([[1, 0, 1], [0, 1, 1]])),
        OpCase(MultinomialFromUniform("float32"), pvals[:0], u[:0], _int(3), undefined=[0]),
        OpCase(ChoiceFromUniform(), pvals, u, _int(2), undefined=[0],
               expected=lambda p, u, n: np.array([[0, 2], [1, 2]])),
        OpCase(ChoiceFromUniform(False), pvals, u, _int(2), undefined=[0],
               expected=lambda p, u, n: np.array([[0, 2], [1, 2]])),
        OpCase(normal_quantile, np.array([0.1, 0.3, 0.45, 0.8, 0.9])), OpCase(normal_quantile, np.float64(0.25)),
        OpCase(normal_quantile, probabilities, grad=False),
    ]  # fmt: skip


def _counts() -> list[OpCase]:
    rates, u = np.array([[0.5, 4.0, 200.0], [0.0, 64.0, 1e9]]), np.array([[0.9, 0.0, 0.5], [0.999, 0.25, 0.5]])
    found = np.array([[1, 0, 200], [0, 59, 10**9]])
    return [
        OpCase(PoissonFromUniform(), rates, u, dtypes=("float64",), undefined=[0], expected=lambda r, u: found),
        OpCase(PoissonFromUniform("int32"), _int([3, 7]), np.array([0.5, 0.5]), dtypes=("float64",),
               expected=lambda r, u: np.array([3, 7], "int32")),
        OpCase(PoissonFromUniform("float32"), rates[:0], u[:0], dtypes=("float64",), undefined=[0]),
    ]  # fmt: skip


CASES: list[OpCase] = [*_draws(), *_generators(), *_from_uniforms(), *_counts()]
