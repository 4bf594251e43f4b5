"""Distributions made of uniform draws, for every generator that has those."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.random.from_uniform import ChoiceFromUniform, MultinomialFromUniform, chances
from symcore.random.poisson import PoissonFromUniform
from symcore.random.quantile import normal_quantile
from symcore.random.raw import float_dtype, probabilities
from symcore.random.shuffle import shuffled_rows
from symcore.tensor.broadcast import static_broadcast
from symcore.tensor.constant import as_tensor, constant
from symcore.tensor.creation import alloc
from symcore.tensor.elemwise import TABLE
from symcore.tensor.join import join
from symcore.tensor.scalar_functions import cast, floor, log, lt, sqrt
from symcore.tensor.shapes import Reshape, as_length, shape_i, shape_lengths, static_length
from symcore.tensor.sorting import argsort
from symcore.tensor.subtensor import getitem


class UniformStreams:
    """Random variables made of uniform draws. Abstract: a generator defines ``_uniform`` and ``seed``.

    Every method returns a variable with the attributes ``rng`` (the shared state it draws from) and ``update`` (the
    pair of the state and what it becomes). Where ``size`` is left out, the samples have the shape of the broadcast
    arguments.
    """

    def __init__(self) -> None:
        #: Pairs of the shared states and their next values, in the order in which the variables were made.
        self.state_updates: list[tuple[Any, Any]] = []

    def updates(self) -> list[tuple[Any, Any]]:
        """Return the pairs ``(state, next state)`` of all variables made so far."""
        return list(self.state_updates)

    def _uniform(self, lengths: Sequence[Any], dtype: str, nstreams: int | None) -> Any:
        """Return draws from [0, 1), with ``rng`` and ``update``, noted in ``state_updates``."""
        raise NotImplementedError

    def _note(self, samples: Any, state: Any, following: Any) -> Any:
        state.default_update = following
        samples.rng = state
        samples.update = (state, following)
        self.state_updates.append(samples.update)
        return samples

    # ------------------------------------------------------------------ distributions

    def uniform(
        self,
        size: Any = None,
        low: Any = 0.0,
        high: Any = 1.0,
        ndim: int | None = None,
        dtype: Any = None,
        nstreams: int | None = None,
    ) -> Any:
        """Return draws from ``[low, high)``. ``nstreams``: how many sequences run side by side, where there are
        such."""
        found = float_dtype(dtype, low, high)
        u = self._uniform(_lengths(size, ndim, low, high), found.name, nstreams)
        if _is_number(low, 0) and _is_number(high, 1):
            return u
        low, high = (cast(as_tensor(v), found) for v in (low, high))
        return _handed_on(u * (high - low) + low, u)

    def normal(
        self,
        size: Any = None,
        avg: Any = 0.0,
        std: Any = 1.0,
        ndim: int | None = None,
        dtype: Any = None,
        nstreams: int | None = None,
        truncate: bool = False,
    ) -> Any:
        """Return normal draws with mean ``avg`` and standard deviation ``std``, by the transform of Box and Muller
        (1958).

        With ``truncate`` see ``truncated_normal``.
        """
        if truncate:
            return self.truncated_normal(size, avg, std, ndim, dtype, nstreams)
        found = float_dtype(dtype, avg, std)
        lengths = _lengths(size, ndim, avg, std)
        count = _product(lengths)
        even = count + count % 2
        work = "float64" if found.name == "float64" else "float32"
        u = self._uniform([even], work, nstreams if nstreams is not None else self._streams_of_pairs(even))
        half = even // 2
        radius = sqrt(-2.0 * log(self._above_zero(getitem(u, slice(None, half)))))
        angle = getitem(u, slice(half, None)) * constant(np.asarray(2 * np.pi, work))
        z = join(0, radius * TABLE["cos"](angle), radius * TABLE["sin"](angle))
        z = cast(Reshape(len(lengths))(getitem(z, slice(None, count)), *lengths), found)
        return _handed_on(_placed(z, avg, std, found), u)

    def _above_zero(self, u: Any) -> Any:
        """Return draws whose logarithm is finite."""
        return 1 - u

    def _streams_of_pairs(self, count: Any) -> int | None:
        return None

    def truncated_normal(
        self,
        size: Any = None,
        avg: Any = 0.0,
        std: Any = 1.0,
        ndim: int | None = None,
        dtype: Any = None,
        nstreams: int | None = None,
    ) -> Any:
        """Return normal draws limited to two standard deviations around the mean, as quantiles of uniform draws."""
        found = float_dtype(dtype, avg, std)
        u = self._uniform(_lengths(size, ndim, avg, std), found.name, nstreams)
        z = normal_quantile(
            u * constant(np.asarray(1 - 2 * BELOW_MINUS_2, found)) + constant(np.asarray(BELOW_MINUS_2, found))
        )
        return _handed_on(_placed(z, avg, std, found), u)

    def binomial(
        self,
        size: Any = None,
        n: Any = 1,
        p: Any = 0.5,
        ndim: int | None = None,
        dtype: Any = "int64",
        nstreams: int | None = None,
        prob: Any = None,
    ) -> Any:
        """Return how many of ``n`` trials of probability ``p`` succeed; ``n`` draws are made for each.

        A probability that is not a number from 0 to 1 raises ``ValueError``: now, or when the function runs.
        """
        chance = chances(p if prob is None else prob)
        lengths = _lengths(size, ndim, chance)
        work = chance.type.dtype.name if chance.type.dtype.kind == "f" else "float64"
        if _is_number(n, 1):
            u = self._uniform(lengths, work, nstreams)
            return _handed_on(cast(lt(u, chance), dtype), u)
        trials = as_tensor(n)
        if trials.type.ndim or trials.type.dtype.kind not in "iu":
            raise TypeError(f"binomial needs one whole number of trials, got n={n} of type {trials.type}.")
        u = self._uniform([trials, *lengths], work, nstreams)
        return _handed_on(cast(lt(u, chance).sum(axis=0), dtype), u)

    def random_integers(
        self,
        size: Any = None,
        low: Any = 0,
        high: Any = 1,
        ndim: int | None = None,
        dtype: Any = "int64",
        nstreams: int | None = None,
    ) -> Any:
        """Return integers from ``low`` to ``high``, both included (less than 2**53 apart)."""
        low, high = as_tensor(low), as_tensor(high)
        u = self._uniform(_lengths(size, ndim, low, high), "float64", nstreams)
        return _handed_on(cast(low + floor(u * (high - low + 1)).astype("int64"), dtype), u)

    def multinomial(
        self,
        size: Any = None,
        n: Any = 1,
        pvals: Any = None,
        ndim: int | None = None,
        dtype: Any = "int64",
        nstreams: int | None = None,
    ) -> Any:
        """Return how often each outcome comes up in ``n`` trials, for every row of the probabilities ``pvals``.

        ``pvals``: a matrix with one distribution per row, or a vector. Raises ``ValueError`` if a size is given:
        there is one result per row.
        """
        if size is not None:
            raise ValueError("multinomial makes one draw per row of pvals and takes no size; repeat the rows instead.")
        p = self._probabilities("multinomial", pvals)
        u = self._uniform([shape_i(p, 0) * as_length(n)], p.type.dtype.name, nstreams)
        counts = MultinomialFromUniform(np.dtype(dtype).name)(p, u, n)
        return _handed_on(getitem(counts, 0) if _is_vector(pvals) else counts, u)

    def choice(
        self,
        size: Any = 1,
        a: Any = None,
        replace: bool = True,
        p: Any = None,
        ndim: int | None = None,
        dtype: Any = "int64",
        nstreams: int | None = None,
    ) -> Any:
        """Return ``size`` outcomes for every row of the probabilities ``p``: their positions, or elements of ``a``.

        ``p``: a matrix with one distribution per row (the result has a row for each), or a vector. Without ``p`` the
        numbers below ``a``, or the elements of the vector ``a``, are equally likely.
        """
        items = None if a is None else as_tensor(a)
        if p is None:
            if items is None:
                raise TypeError("choice needs probabilities p, or what to choose from: choice(size, a=10).")
            count = shape_i(items, 0) if items.type.ndim else items.astype("int64")
            p = alloc(1.0 / count.astype("float64"), count)
        rows = self._probabilities("choice", p)
        n = shape_lengths(size)
        if len(n) != 1:
            raise ValueError(f"choice takes one number of samples per row, got size={size}.")
        u = self._uniform([shape_i(rows, 0) * as_length(n[0])], rows.type.dtype.name, nstreams)
        found = ChoiceFromUniform(replace)(rows, u, n[0])
        found = getitem(found, 0) if _is_vector(p) else found
        found = getitem(items, found) if items is not None and items.type.ndim else cast(found, dtype)
        return _handed_on(found, u)

    def multinomial_wo_replacement(
        self,
        size: Any = None,
        n: Any = 1,
        pvals: Any = None,
        ndim: int | None = None,
        dtype: Any = "int64",
        nstreams: int | None = None,
    ) -> Any:
        """Return ``n`` different outcomes per row of ``pvals``; the older name of ``choice(n, replace=False,
        p=pvals)``."""
        return self.choice(n, None, False, pvals, ndim, dtype, nstreams)

    def poisson(
        self,
        size: Any = None,
        lam: Any = 1.0,
        ndim: int | None = None,
        dtype: Any = "int64",
        nstreams: int | None = None,
    ) -> Any:
        """Return Poisson draws with mean ``lam``, each from one uniform draw: tails end where its resolution does."""
        rate = as_tensor(lam)
        lengths = _lengths(size, ndim, rate)
        u = self._uniform(lengths, "float64", nstreams)
        return _handed_on(PoissonFromUniform(np.dtype(dtype).name)(alloc(rate, *lengths), u), u)

    def permutation(
        self,
        size: Any = None,
        n: Any = 1,
        ndim: int | None = None,
        dtype: Any = "int64",
        nstreams: int | None = None,
    ) -> Any:
        """Return permutations of ``range(n)``, along a last axis: the order of ``n`` uniform draws each.

        Equal draws keep their order. Two of ``n`` are equal with a probability of about ``n**2 / 2**32`` where the
        generator has 31 bits.
        """
        lengths = [] if size is None else shape_lengths(size, ndim)
        u = self._uniform([*lengths, as_length(n)], "float64", nstreams)
        return _handed_on(cast(argsort(u, -1, "stable"), dtype), u)

    def shuffle_row_elements(self, input: Any) -> Any:
        """Return ``input`` with the elements of every row (along the last axis) in an order of its own."""
        return shuffled_rows(self, input)

    @staticmethod
    def _probabilities(what: str, p: Any) -> Any:
        if p is None:
            raise TypeError(f"{what} needs probabilities: a matrix with one distribution per row, or a vector.")
        found = probabilities(p)
        if found.type.ndim == 1:
            found = found.dimshuffle("x", 0)
        if found.type.ndim != 2 or found.type.dtype.kind != "f":
            raise TypeError(f"{what} takes a float matrix of probabilities, or a vector, got {found.type}.")
        return found


#: The probability that a standard normal draw is below -2: ``erfc(sqrt(2)) / 2``.
BELOW_MINUS_2 = 0.022750131948179207195


def _is_vector(p: Any) -> bool:
    return probabilities(p).type.ndim == 1


def _is_number(value: Any, number: int) -> bool:
    return isinstance(value, (int, float)) and value == number


def _placed(z: Any, avg: Any, std: Any, dtype: Any) -> Any:
    avg, std = (v if _is_number(v, k) else cast(as_tensor(v), dtype) for v, k in ((avg, 0), (std, 1)))
    z = z if _is_number(std, 1) else z * std
    return z if _is_number(avg, 0) else z + avg


def _handed_on(samples: Any, source: Any) -> Any:
    samples.rng, samples.update = source.rng, source.update
    return samples


def _lengths(size: Any, ndim: int | None, *arguments: Any) -> list[Any]:
    """Return the lengths of the samples: the given size, or those of the broadcast arguments."""
    if size is not None:
        return shape_lengths(size, ndim)
    given = [as_tensor(a) for a in arguments]
    static = static_broadcast([a.type for a in given], "arguments of a random draw")
    lengths: list[Any] = []
    for axis, known in zip(range(-len(static), 0), static, strict=True):
        open_ = [a for a in given if a.type.ndim >= -axis and a.type.shape[axis] is None]
        lengths.append(known if known is not None else shape_i(open_[0], open_[0].type.ndim + axis))
    return lengths


def _product(lengths: Sequence[Any]) -> Any:
    """Return the number of samples: an int where it is known."""
    total: Any = 1
    for n in map(as_length, lengths):
        known = static_length(n)
        total = total * (n if known is None else known)
    return total
