"""Probabilistic models: densities by name, transforms with their Jacobians, one flat vector of values, Monte Carlo.

Hamiltonian Monte Carlo follows R. M. Neal, "MCMC using Hamiltonian dynamics" (2011), with a fixed number of
leapfrog steps.
"""

from collections import OrderedDict

import numpy as np

import symstack as ss
from symstack import tensor as T


def bound(logp, *conditions):
    """``logp`` where all conditions hold, else minus infinity."""
    ok = T.constant(1)
    for condition in conditions:
        ok = T.mul(ok, T.cast(condition, "int8"))
    return T.switch(ok, logp, -np.inf)


def parameter(value):
    """A variable as it is; else in full precision: numbers alone take the smallest dtype that holds them."""
    return value if isinstance(value, ss.Variable) else T.as_tensor_variable(np.asarray(value, dtype="float64"))


class Normal:
    def __init__(self, mu=0.0, sd=1.0):
        self.mu, self.sd = parameter(mu), parameter(sd)
        self.tau = self.sd**-2

    def logp(self, value):
        return bound((-self.tau * (value - self.mu) ** 2 + T.log(self.tau / np.pi / 2.0)) / 2.0, self.sd > 0)


class Gamma:
    def __init__(self, alpha, beta):
        self.alpha, self.beta = parameter(alpha), parameter(beta)

    def logp(self, value):
        a, b = self.alpha, self.beta
        return bound(
            -T.gammaln(a) + a * T.log(b) - b * value + T.switch(T.eq(a, 1), 0, (a - 1) * T.log(value)),
            value >= 0,
            a > 0,
            b > 0,
        )


class Beta:
    def __init__(self, alpha, beta):
        self.alpha, self.beta = parameter(alpha), parameter(beta)

    def logp(self, value):
        a, b = self.alpha, self.beta
        norm = T.gammaln(a) + T.gammaln(b) - T.gammaln(a + b)
        return bound((a - 1) * T.log(value) + (b - 1) * T.log1p(-value) - norm, value >= 0, value <= 1)


class Binomial:
    def __init__(self, n, p):
        self.n, self.p = parameter(n), parameter(p)

    def logp(self, value):
        n, p = self.n, self.p
        ways = T.gammaln(n + 1) - T.gammaln(value + 1) - T.gammaln(n - value + 1)
        powers = T.switch(T.eq(value, 0), 0.0, value * T.log(p)) + T.switch(
            T.eq(n - value, 0), 0.0, (n - value) * T.log1p(-p)
        )
        return bound(ways + powers, value >= 0, value <= n, p >= 0, p <= 1)


class NormalMixture:
    def __init__(self, weights, mu, sd):
        self.weights = parameter(weights)
        self.parts = Normal(mu, sd)

    def logp(self, value):
        parts = T.log(self.weights) + self.parts.logp(T.shape_padright(value))
        top = T.max(parts, axis=-1, keepdims=True)
        return T.sum(T.log(T.sum(T.exp(parts - top), axis=-1, keepdims=True)) + top, axis=-1)


class Log:
    """From the positive numbers to all."""

    name = "log"

    def forward(self, x):
        return T.log(x)

    def backward(self, z):
        return T.exp(z)

    def jacobian_det(self, z):
        return z


class LogOdds:
    """From (0, 1) to all numbers."""

    name = "logodds"

    def forward(self, x):
        return T.log(x / (1 - x))

    def backward(self, z):
        return T.nnet.sigmoid(z)

    def jacobian_det(self, z):
        return -T.nnet.softplus(z) - T.nnet.softplus(-z)


class Model:
    """Free variables by name, with the terms of the logarithm of their joint density."""

    def __init__(self):
        self.free, self.terms, self.start, self.named = OrderedDict(), [], OrderedDict(), OrderedDict()

    def var(self, name, distribution, shape=(), transform=None, start=None):
        start = np.full(shape, 0.5 if start is None else start)
        kind = T.TensorType("float64", [n == 1 for n in shape])
        if transform is None:
            value = free = kind(name)
            term = distribution.logp(value)
        else:
            free = kind(f"{name}_{transform.name}_")
            value = transform.backward(free)
            value.name = name
            term = distribution.logp(value) + transform.jacobian_det(free)
            start = transform.forward(T.as_tensor(start)).eval()
        free.tag.test_value = start
        self.free[free.name], self.named[name] = free, value
        self.start[free.name] = start
        self.terms.append(T.sum(term))
        return value

    def observe(self, distribution, data):
        self.terms.append(T.sum(distribution.logp(T.as_tensor_variable(data))))

    @property
    def logp(self):
        return T.add(*self.terms)

    def dlogp(self):
        """The gradient as a vector, free variables in order."""
        return T.concatenate([T.grad(self.logp, v).flatten() for v in self.free.values()])

    def fn(self, outputs, **keywords):
        """A function of a dictionary of values."""
        return ss.function([ss.In(v, name=name) for name, v in self.free.items()], outputs, **keywords)

    def flat(self):
        """A vector, and what to put in the place of each free variable to read it from there."""
        joined = T.dvector("joined")
        joined.tag.test_value = np.concatenate([np.ravel(v) for v in self.start.values()])
        replacements, at = {}, 0
        for name, v in self.free.items():
            shape = self.start[name].shape
            size = int(np.prod(shape))
            part = joined[at : at + size].reshape(shape)
            replacements[v] = T.patternbroadcast(part.astype(v.dtype), v.broadcastable)
            at += size
        return joined, replacements


def joined_logp(model):
    """``(vector, logp, gradient, Hessian)`` as expressions of one vector."""
    joined, replacements = model.flat()
    logp = ss.clone(model.logp, replace=replacements, strict=False)
    return joined, logp, T.grad(logp, joined), ss.gradient.hessian(logp, joined)


def leapfrog(energy_gradient, q, p, step, n_steps):
    """``n_steps`` leapfrog steps of size ``step``; the last positions and momenta."""

    def one(q, p, step):
        half = p - step / 2 * energy_gradient(q)
        q = q + step * half
        return q, half - step / 2 * energy_gradient(q)

    (qs, ps), updates = ss.scan(one, outputs_info=[q, p], non_sequences=[step], n_steps=n_steps)
    assert not updates
    return qs[-1], ps[-1]


def hmc(energy, size, chains, step=0.2, n_steps=10, seed=1, mode=None):
    """``(positions, function)``: each call moves all chains by one accepted or rejected trajectory.

    ``energy`` maps ``(chains, size)`` to ``(chains,)``. The function returns the rate of acceptance; the step size, a
    shared variable too, follows it.
    """
    streams = ss.RandomStreams(seed)
    positions = ss.shared(np.zeros((chains, size)), name="positions")
    stepsize = ss.shared(np.float64(step), name="stepsize")
    momenta = streams.normal(size=(chains, size))

    def gradient(q):
        return T.grad(energy(q).sum(), q)

    q, p = leapfrog(gradient, positions, momenta, stepsize, n_steps)
    before = energy(positions) + (momenta**2).sum(axis=1) / 2
    after = energy(q) + (p**2).sum(axis=1) / 2
    accept = T.lt(streams.uniform(size=(chains,)), T.exp(before - after))
    new_step = T.clip(T.switch(accept.mean() > 0.8, stepsize * 1.02, stepsize * 0.98), 0.01, 1.0)
    updates = [(positions, T.switch(accept.dimshuffle(0, "x"), q, positions)), (stepsize, new_step)]
    return positions, ss.function([], accept.mean(), updates=updates, mode=mode)
