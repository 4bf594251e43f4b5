"""Recurrent networks by scan: Elman, LSTM with masks, both directions, attention, truncated gradients."""

import numpy as np

import symstack as ss
from symstack import tensor as T


def weights(rng, *shape):
    scale = 1 / np.sqrt(shape[0])
    return ss.shared(rng.uniform(-scale, scale, shape).astype(ss.config.floatX))


def zeros(*shape):
    return ss.shared(np.zeros(shape, dtype=ss.config.floatX))


class CharacterRNN:
    """Predicts the next character: input and target are vectors of integers; perplexity falls."""

    def __init__(self, characters, hidden, rng, truncate_gradient=-1):
        self.W_in, self.W = weights(rng, characters, hidden), weights(rng, hidden, hidden)
        self.W_out = weights(rng, hidden, characters)
        self.b, self.b_out, self.h0 = zeros(hidden), zeros(characters), zeros(hidden)
        self.params = [self.W_in, self.W, self.W_out, self.b, self.b_out, self.h0]
        self.x, self.y = T.ivector("x"), T.ivector("y")

        def step(x_t, h_tm1):
            h_t = T.tanh(self.W_in[x_t] + T.dot(h_tm1, self.W) + self.b)
            s_t = T.dot(h_t, self.W_out) + self.b_out
            return [h_t, s_t]

        [self.h, self.s], _ = ss.scan(
            step, sequences=self.x, outputs_info=[self.h0, None], truncate_gradient=truncate_gradient
        )
        self.p = T.nnet.softmax(self.s)
        self.nll = -T.mean(T.log(self.p)[T.arange(self.y.shape[0]), self.y])
        self.predictions = T.argmax(self.p, axis=1)
        self.errors = T.mean(T.neq(self.predictions, self.y))

    def sampler(self, seed=1):
        """A function that draws ``n`` characters, each from the chances that the ones before it give."""
        first, n = T.iscalar("first"), T.iscalar("n")
        streams = ss.RandomStreams(seed)

        def draw(x_t, h_tm1):
            h_t = T.tanh(self.W_in[x_t] + T.dot(h_tm1, self.W) + self.b)
            p = T.nnet.softmax((T.dot(h_t, self.W_out) + self.b_out).dimshuffle("x", 0))
            return [T.cast(T.argmax(streams.multinomial(n=1, pvals=p), axis=1)[0], "int32"), h_t]

        [drawn, _], updates = ss.scan(draw, outputs_info=[first, self.h0], n_steps=n)
        return ss.function([first, n], drawn, updates=updates)


class LSTM:
    """One layer over ``(steps, examples, features)`` with a mask ``(steps, examples)``; gates joined in one product."""

    def __init__(self, features, hidden, rng, go_backwards=False):
        self.hidden, self.go_backwards = hidden, go_backwards
        self.W, self.U, self.b = weights(rng, features, 4 * hidden), weights(rng, hidden, 4 * hidden), zeros(4 * hidden)
        self.params = [self.W, self.U, self.b]

    def __call__(self, x, mask):
        n = self.hidden

        def part(a, k):
            return a[:, k * n : (k + 1) * n]

        def step(m_t, x_t, h_tm1, c_tm1, U):
            pre = T.dot(h_tm1, U) + x_t
            i, f, o = (T.nnet.sigmoid(part(pre, k)) for k in range(3))
            c = f * c_tm1 + i * T.tanh(part(pre, 3))
            c = m_t[:, None] * c + (1.0 - m_t)[:, None] * c_tm1
            h = o * T.tanh(c)
            h = m_t[:, None] * h + (1.0 - m_t)[:, None] * h_tm1
            return h, c

        start = T.alloc(np.asarray(0.0, dtype=ss.config.floatX), x.shape[1], n)
        (h, _), _ = ss.scan(
            step,
            sequences=[mask, T.dot(x, self.W) + self.b],
            outputs_info=[start, T.zeros_like(start)],
            non_sequences=[self.U],
            go_backwards=self.go_backwards,
            strict=True,
        )
        return h[::-1] if self.go_backwards else h


class Bidirectional:
    """Two layers over the same steps, one from the end, side by side."""

    def __init__(self, features, hidden, rng):
        self.layers = [LSTM(features, hidden, rng), LSTM(features, hidden, rng, go_backwards=True)]
        self.params = self.layers[0].params + self.layers[1].params

    def __call__(self, x, mask):
        return T.concatenate([layer(x, mask) for layer in self.layers], axis=2)


class Attention:
    """Reads ``context`` (positions, examples, features) again at every step of the output."""

    def __init__(self, features, hidden, rng):
        self.W_c, self.W_h, self.v = weights(rng, features, hidden), weights(rng, hidden, hidden), weights(rng, hidden)
        self.W_i, self.hidden = weights(rng, features, hidden), hidden
        self.params = [self.W_c, self.W_h, self.v, self.W_i]

    def __call__(self, context, mask, n_steps):
        projected = T.dot(context, self.W_c)

        def step(h_tm1, projected, context, mask):
            scores = T.dot(T.tanh(projected + T.dot(h_tm1, self.W_h)[None, :, :]), self.v)
            alpha = T.exp(scores - scores.max(0, keepdims=True)) * mask
            alpha = alpha / alpha.sum(0, keepdims=True)
            read = (context * alpha[:, :, None]).sum(0)
            return T.tanh(T.dot(read, self.W_i) + T.dot(h_tm1, self.W_h)), alpha

        start = T.zeros((context.shape[1], self.hidden), dtype=ss.config.floatX)
        (h, alphas), _ = ss.scan(
            step, outputs_info=[start, None], non_sequences=[projected, context, mask], n_steps=n_steps
        )
        return h, alphas
