"""``RandomStreams``: draws that give other samples at every call of a function, bit for bit those of NumPy."""

from typing import Any

import numpy as np

from symcore.random import raw
from symcore.random.shuffle import shuffled_rows
from symcore.random.state import RandomStateSharedVariable, random_state_type


class RandomStreams:
    """Random variables, each with a state of its own in a shared variable that every function call moves on.

    Parameters
    ----------
    seed
        The seed of the seeds: the state of every variable is ``RandomState(seed_k)`` with ``seed_k`` the next
        ``randint(2**30)`` of ``RandomState(seed)``. ``None``: from the operating system.

    Every method returns a variable with the attributes ``rng`` (the shared state) and ``update`` (the pair of the state
    and what it becomes). ``no_default_updates`` of ``function`` keeps states where they are.

    Examples
    --------
    >>> import numpy as np
    >>> from symcore.random import RandomStreams
    >>> draw = RandomStreams(seed=234).uniform((2,))
    >>> state = np.random.RandomState(np.random.RandomState(234).randint(2**30))
    >>> bool((draw.eval() == state.uniform(size=2)).all())
    True
    """

    def __init__(self, seed: int | None = None):
        self.default_instance_seed = seed
        self.gen_seedgen = np.random.RandomState(seed)
        #: Pairs of the shared states and their next values, in the order in which the variables were made.
        self.state_updates: list[tuple[Any, Any]] = []

    def updates(self) -> list[tuple[Any, Any]]:
        """Return the pairs ``(state, next state)`` of all variables made so far."""
        return list(self.state_updates)

    def seed(self, seed: int | None = None) -> None:
        """Set the states of all variables anew, from ``seed`` or from the seed given at first."""
        generator = np.random.RandomState(self.default_instance_seed if seed is None else seed)
        for state, _ in self.state_updates:
            state.set_value(np.random.RandomState(int(generator.randint(2**30))), borrow=True)

    def gen(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        """Return ``function(state, ...)``, one of ``symcore.random.raw`` or one like them, on a new state."""
        initial = np.random.RandomState(int(self.gen_seedgen.randint(2**30)))
        state = RandomStateSharedVariable(random_state_type, initial)
        following, samples = function(state, *args, **kwargs)
        state.default_update = following
        samples.rng = state
        samples.update = (state, following)
        self.state_updates.append(samples.update)
        return samples

    # ------------------------------------------------------------------ distributions: see symcore.random.raw

    def uniform(
        self, size: Any = None, low: Any = 0.0, high: Any = 1.0, ndim: int | None = None, dtype: Any = None
    ) -> Any:
        """Return draws from ``[low, high)``."""
        return self.gen(raw.uniform, size, low, high, ndim=ndim, dtype=dtype)

    def normal(
        self, size: Any = None, avg: Any = 0.0, std: Any = 1.0, ndim: int | None = None, dtype: Any = None
    ) -> Any:
        """Return normal draws with mean ``avg`` and standard deviation ``std``."""
        return self.gen(raw.normal, size, avg, std, ndim=ndim, dtype=dtype)

    def binomial(
        self,
        size: Any = None,
        n: Any = 1,
        p: Any = 0.5,
        ndim: int | None = None,
        dtype: Any = "int64",
        prob: Any = None,
    ) -> Any:
        """Return how many of ``n`` trials of probability ``p`` succeed."""
        return self.gen(raw.binomial, size, n, p, ndim=ndim, dtype=dtype, prob=prob)

    def poisson(self, size: Any = None, lam: Any = 1.0, ndim: int | None = None, dtype: Any = "int64") -> Any:
        """Return Poisson draws with mean ``lam``."""
        return self.gen(raw.poisson, size, lam, ndim=ndim, dtype=dtype)

    def random_integers(
        self, size: Any = None, low: Any = 0, high: Any = 1, ndim: int | None = None, dtype: Any = "int64"
    ) -> Any:
        """Return integers from ``low`` to ``high``, both included."""
        return self.gen(raw.random_integers, size, low, high, ndim=ndim, dtype=dtype)

    def choice(
        self,
        size: Any = None,
        a: Any = 2,
        replace: bool = True,
        p: Any = None,
        ndim: int | None = None,
        dtype: Any = None,
    ) -> Any:
        """Return draws from ``range(a)``, or from the elements of a vector ``a``, with probabilities ``p``."""
        return self.gen(raw.choice, size, a, replace, p, ndim=ndim, dtype=dtype)

    def permutation(self, size: Any = None, n: Any = 1, ndim: int | None = None, dtype: Any = "int64") -> Any:
        """Return permutations of ``range(n)``, along a last axis."""
        return self.gen(raw.permutation, size, n, ndim=ndim, dtype=dtype)

    def multinomial(
        self, size: Any = None, n: Any = 1, pvals: Any = (0.5, 0.5), ndim: int | None = None, dtype: Any = "int64"
    ) -> Any:
        """Return how often each outcome comes up in ``n`` trials."""
        return self.gen(raw.multinomial, size, n, pvals, ndim=ndim, dtype=dtype)

    def shuffle_row_elements(self, input: Any) -> Any:
        """Return ``input`` with the elements of every row (along the last axis) in an order of its own."""
        return shuffled_rows(self, input)
