"""A restricted Boltzmann machine: free energy, Gibbs chains by scan, contrastive divergence, persistent chains.

The gradient is that of the difference of two mean free energies, with the end of the chain held constant (G. E. Hinton,
"Training products of experts by minimizing contrastive divergence", 2002; T. Tieleman, 2008, for persistent chains).
"""

import numpy as np

import symstack as ss
from symstack import tensor as T


class RBM:
    def __init__(self, visible, hidden, rng, streams=None):
        floatx = ss.config.floatX
        bound = 4 * np.sqrt(6.0 / (visible + hidden))
        self.W = ss.shared(rng.uniform(-bound, bound, (visible, hidden)).astype(floatx), name="W", borrow=True)
        self.hbias = ss.shared(np.zeros(hidden, dtype=floatx), name="hbias", borrow=True)
        self.vbias = ss.shared(np.zeros(visible, dtype=floatx), name="vbias", borrow=True)
        self.visible = visible
        self.streams = streams or ss.RandomStreams(int(rng.integers(2**30)))
        self.params = [self.W, self.hbias, self.vbias]

    def free_energy(self, v):
        wx_b = T.dot(v, self.W) + self.hbias
        return -T.dot(v, self.vbias) - T.sum(T.log(1 + T.exp(wx_b)), axis=1)

    def h_given_v(self, v):
        pre = T.dot(v, self.W) + self.hbias
        mean = T.nnet.sigmoid(pre)
        return pre, mean, self.streams.binomial(size=mean.shape, n=1, p=mean, dtype=ss.config.floatX)

    def v_given_h(self, h):
        pre = T.dot(h, self.W.T) + self.vbias
        mean = T.nnet.sigmoid(pre)
        return pre, mean, self.streams.binomial(size=mean.shape, n=1, p=mean, dtype=ss.config.floatX)

    def gibbs_hvh(self, h):
        pre_v, v_mean, v = self.v_given_h(h)
        pre_h, h_mean, h = self.h_given_v(v)
        return [pre_v, v_mean, v, pre_h, h_mean, h]

    def gibbs_vhv(self, v):
        pre_h, h_mean, h = self.h_given_v(v)
        pre_v, v_mean, v = self.v_given_h(h)
        return [pre_h, h_mean, h, pre_v, v_mean, v]

    def cost_updates(self, x, lr=0.1, persistent=None, k=1):
        """The monitoring cost and the updates of ``k`` steps of (persistent) contrastive divergence."""
        start = self.h_given_v(x)[2] if persistent is None else persistent
        [pre_vs, _, vs, _, _, hs], updates = ss.scan(
            self.gibbs_hvh, outputs_info=[None, None, None, None, None, start], n_steps=k, name="gibbs_hvh"
        )
        end = vs[-1]
        cost = T.mean(self.free_energy(x)) - T.mean(self.free_energy(end))
        grads = T.grad(cost, self.params, consider_constant=[end])
        for param, grad in zip(self.params, grads, strict=True):
            updates[param] = param - grad * T.cast(lr, dtype=ss.config.floatX)
        if persistent is not None:
            updates[persistent] = hs[-1]
            return self.pseudo_likelihood(x, updates), updates
        return self.reconstruction(x, pre_vs[-1]), updates

    def reconstruction(self, x, pre):
        terms = x * T.log(T.nnet.sigmoid(pre)) + (1 - x) * T.log(1 - T.nnet.sigmoid(pre))
        return T.mean(T.sum(terms, axis=1))

    def pseudo_likelihood(self, x, updates):
        """The chance of one bit given all others, another bit at each call."""
        bit = ss.shared(value=0, name="bit")
        xi = T.round(x)
        energy = self.free_energy(xi)
        flipped = T.set_subtensor(xi[:, bit], 1 - xi[:, bit])
        cost = T.mean(self.visible * T.log(T.nnet.sigmoid(self.free_energy(flipped) - energy)))
        updates[bit] = (bit + 1) % self.visible
        return cost


def bars(side):
    """All pictures of ``side`` by ``side`` points with horizontal bars, or with vertical ones."""
    patterns = (np.arange(2**side)[:, None] >> np.arange(side)) & 1
    rows = np.repeat(patterns[:, :, None], side, axis=2)
    return np.concatenate([rows, rows.transpose(0, 2, 1)]).reshape(-1, side * side).astype(ss.config.floatX)
