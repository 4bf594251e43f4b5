"""Word vectors by skip-gram with negative sampling: only the rows that a batch reads are updated.

T. Mikolov et al., "Distributed representations of words and phrases and their compositionality" (2013).
"""

import numpy as np

import symstack as ss
from symstack import tensor as T


class SkipGram:
    def __init__(self, words, size, rng, seed=1):
        self.W = ss.shared(rng.uniform(-0.5, 0.5, (words, size)).astype(ss.config.floatX), name="W")
        self.C = ss.shared(np.zeros((words, size), dtype=ss.config.floatX), name="C")
        self.words, self.streams = words, ss.MRG_RandomStreams(seed)

    def cost(self, rows, good, bad):
        """Minus the log-likelihood of ``good`` (n, size) after ``rows`` (n, size), against ``bad`` (n, k, size)."""
        yes = T.log(T.nnet.sigmoid(T.sum(rows * good, axis=1)))
        no = T.log(T.nnet.sigmoid(-T.sum(rows[:, None, :] * bad, axis=2)))
        return -(yes + no.sum(axis=1)).sum()

    def noise(self, n, k):
        """``(n, k)`` words, each as likely as any other."""
        u = self.streams.uniform((n, k), low=0.0, high=self.words, dtype="float64")
        return T.cast(T.floor(u), "int64")

    def train(self, k, rate, mode=None):
        """A function of words and their contexts, with ``k`` drawn words for each pair."""
        word, context = T.lvector("word"), T.lvector("context")
        return ss.function(
            [word, context], **self.step(word, context, self.noise(word.shape[0], k), rate), mode=mode
        )

    def step(self, word, context, negative, rate):
        rows, good, bad = self.W[word], self.C[context], self.C[negative]
        cost = self.cost(rows, good, bad)
        g_rows, g_good, g_bad = T.grad(cost, [rows, good, bad])
        C_new = T.inc_subtensor(good, -rate * g_good)
        return {
            "outputs": cost,
            "updates": [
                (self.W, T.inc_subtensor(rows, -rate * g_rows)),
                (self.C, T.inc_subtensor(C_new[negative], -rate * g_bad)),
            ],
        }

    def nearest(self):
        """A function of a word that gives all words, the nearest by cosine first."""
        word = T.lscalar("word")
        unit = self.W / T.sqrt(T.sqr(self.W).sum(axis=1, keepdims=True))
        return ss.function([word], T.argsort(-T.dot(unit, unit[word])))
