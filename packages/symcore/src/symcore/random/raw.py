"""Draws from a given state: every function takes a state and returns ``(next state, samples)``.

``size`` is a tuple of numbers and integer scalars, or an integer vector (then ``ndim`` says how long it is); without it
the samples have the shape of the broadcast arguments. At equal states the samples are those of the method of the same
name of ``numpy.random.RandomState``. Its distributions: Matsumoto & Nishimura's Mersenne Twister and the algorithms
that NumPy has frozen for it.
"""

from typing import Any

import numpy as np

from symcore.random.draw import DISTRIBUTIONS, RandomDraw
from symcore.tensor import dtypes
from symcore.tensor.constant import as_tensor
from symcore.tensor.shapes import shape_lengths


def draw(dist: str, state: Any, size: Any, arguments: list[Any], ndim: int | None, dtype: Any) -> tuple[Any, Any]:
    """Draw from a distribution, one of ``symcore.random.draw``; return the next state and the samples.

    ``dist`` is its name, ``arguments`` its parameters. ``state``: a variable holding a ``RandomState``. ``size``: the
    shape; without it that of the parameters, of ``ndim`` axes. ``dtype``: of the samples.
    """
    known = DISTRIBUTIONS[dist]
    given = [as_tensor(a) for a in arguments]
    name = dtypes.as_dtype(dtype).name
    if size is None and known.elementwise:
        rank = max(a.type.ndim - c for a, c in zip(given, known.core, strict=True))
        if ndim is not None and ndim != rank:
            raise ValueError(f"{dist}: the arguments have {rank} dimensions, ndim says {ndim}.")
        node = RandomDraw(dist, rank, name, sized=False).make_node(state, *given)
    else:
        lengths = shape_lengths(() if size is None else size, ndim)
        node = RandomDraw(dist, len(lengths), name).make_node(state, *lengths, *given)
    return node.outputs[0], node.outputs[1]


def float_dtype(dtype: Any, *arguments: Any) -> Any:
    """Return the dtype of a continuous draw: as given, or what ``floatX`` and the arguments have in common."""
    if dtype is not None:
        return dtypes.as_dtype(dtype)
    found = [as_tensor(a).type.dtype for a in arguments if not isinstance(a, (int, float))]
    return dtypes.upcast(dtypes.as_dtype("floatX"), *found)


def _reals(*arguments: Any) -> list[Any]:
    """Python numbers as float64 constants: what NumPy's methods compute with."""
    return [np.float64(a) if isinstance(a, (int, float)) else a for a in arguments]


def probabilities(given: Any) -> Any:
    """Return the probabilities ``given`` as a variable; lists of numbers in float64, whatever ``floatX`` is."""
    if isinstance(given, (list, tuple)) and all(isinstance(v, (int, float)) for v in given):
        return as_tensor(np.asarray(given, np.float64))
    return as_tensor(given)


def uniform(
    state: Any, size: Any = None, low: Any = 0.0, high: Any = 1.0, ndim: int | None = None, dtype: Any = None
) -> tuple[Any, Any]:
    """Draw uniformly from ``[low, high)``.

    ``state``, ``size``, ``ndim``, ``dtype`` as in ``draw``; returns the next state, and the numbers.
    """
    return draw("uniform", state, size, _reals(low, high), ndim, float_dtype(dtype, low, high))


def normal(
    state: Any, size: Any = None, avg: Any = 0.0, std: Any = 1.0, ndim: int | None = None, dtype: Any = None
) -> tuple[Any, Any]:
    """Draw from the normal distribution with mean ``avg`` and standard deviation ``std``.

    ``state``, ``size``, ``ndim``, ``dtype`` as in ``draw``; returns the next state, and the numbers.
    """
    return draw("normal", state, size, _reals(avg, std), ndim, float_dtype(dtype, avg, std))


def binomial(
    state: Any,
    size: Any = None,
    n: Any = 1,
    p: Any = 0.5,
    ndim: int | None = None,
    dtype: Any = "int64",
    prob: Any = None,
) -> tuple[Any, Any]:
    """Draw how many of ``n`` trials of probability ``p`` succeed. ``prob`` is the older name of ``p``.

    ``state``, ``size``, ``ndim``, ``dtype`` as in ``draw``; returns the next state, and the numbers.
    """
    return draw("binomial", state, size, [n, *_reals(p if prob is None else prob)], ndim, dtype)


def poisson(
    state: Any, size: Any = None, lam: Any = 1.0, ndim: int | None = None, dtype: Any = "int64"
) -> tuple[Any, Any]:
    """Draw from the Poisson distribution with mean ``lam``.

    ``state``, ``size``, ``ndim``, ``dtype`` as in ``draw``; returns the next state, and the numbers.
    """
    return draw("poisson", state, size, _reals(lam), ndim, dtype)


def random_integers(
    state: Any, size: Any = None, low: Any = 0, high: Any = 1, ndim: int | None = None, dtype: Any = "int64"
) -> tuple[Any, Any]:
    """Draw integers from ``low`` to ``high``, both included.

    ``state``, ``size``, ``ndim``, ``dtype`` as in ``draw``; returns the next state, and the integers.
    """
    return draw("random_integers", state, size, [low, high], ndim, dtype)


def choice(
    state: Any,
    size: Any = None,
    a: Any = 2,
    replace: bool = True,
    p: Any = None,
    ndim: int | None = None,
    dtype: Any = None,
) -> tuple[Any, Any]:
    """Draw from ``range(a)``, or from the elements of a vector ``a``, with probabilities ``p`` (equal by default).

    ``replace``: an element can come again. ``state``, ``size``, ``ndim``, ``dtype`` as in ``draw``; returns the next
    state, and what was drawn.
    """
    items = as_tensor(a)
    if dtype is None:
        dtype = items.type.dtype if items.type.ndim else "int64"
    dist = "choice" if replace else "choice_without_replacement"
    return draw(dist, state, size, [items] if p is None else [items, probabilities(p)], ndim, dtype)


def permutation(
    state: Any, size: Any = None, n: Any = 1, ndim: int | None = None, dtype: Any = "int64"
) -> tuple[Any, Any]:
    """Draw permutations of ``range(n)``; the samples have the shape ``size + (n,)``.

    ``state``, ``ndim``, ``dtype`` as in ``draw``; returns the next state, and the permutations.
    """
    return draw("permutation", state, size, [n], ndim, dtype)


def multinomial(
    state: Any, size: Any = None, n: Any = 1, pvals: Any = (0.5, 0.5), ndim: int | None = None, dtype: Any = "int64"
) -> tuple[Any, Any]:
    """Draw how often each outcome comes up in ``n`` trials; ``pvals``: the probabilities, along the last axis.

    ``state``, ``size``, ``ndim``, ``dtype`` as in ``draw``; returns the next state, and the counts.
    """
    return draw("multinomial", state, size, [n, probabilities(pvals)], ndim, dtype)
