"""The cases of this package's rules: each is four tests, and says which Op must come out."""

import numpy as np

from symcore import tensor as T
from symcore.gradient.grad import grad
from symcore.ifelse import ifelse
from symcore.tensor.reduce import Argmax
from symnnet.crossentropy import (
    CrossentropyCategorical1Hot,
    CrossentropyCategorical1HotGrad,
    CrossentropySoftmax1hot,
    CrossentropySoftmax1hotGrad,
    CrossentropySoftmax1hotWithGrad,
)
from symnnet.softmax import LogSoftmax, LogSoftmaxGrad, Softmax, SoftmaxGrad
from symopt.testing import RuleCase, apply_alone

ROWS, CLASSES = 4, 3


class NnetCase(RuleCase):
    """A case on scores ``x`` of 4 rows and 3 classes, with further inputs by the letters of ``given``.

    ``g``, ``w``: like ``x``. ``y``: a class per row, some counted from the end. ``v``: a number per row; ``s``: one;
    ``n``: how many rows. ``makes``: the class of the Op that must stand there afterwards.
    """

    KINDS = {"x": T.dmatrix, "g": T.dmatrix, "w": T.dmatrix, "y": T.lvector, "v": T.dvector, "s": T.dscalar,
             "n": T.lscalar}  # fmt: skip

    def __init__(self, rule, given, build, negative, makes, **options):
        self.given = given
        self.makes = makes
        super().__init__(rule, [self.KINDS[k]().type for k in given], build, negative, **options)

    def _values(self, kind, shapes, seed=0):
        rows = 0 if kind == "empty" else ROWS
        sizes = {"y": (rows,), "v": (rows,), "s": (), "n": ()}
        values = super()._values(kind, [sizes.get(k, (rows, CLASSES)) for k in self.given], seed)
        fixed = {"y": np.random.default_rng(seed).integers(-CLASSES, CLASSES, rows), "n": np.asarray(rows)}
        return [fixed.get(k, value) for k, value in zip(self.given, values, strict=True)]

    def check_positive(self):
        super().check_positive()
        inputs = self._inputs()
        before = self.build(*inputs)
        fgraph, _, _ = apply_alone(self.rule, before, inputs)
        assert any(type(node.op) is self.makes for node in fgraph.nodes), f"{self.rule} made no {self.makes.__name__}"


def p(x, axis=-1):
    return Softmax(axis)(x)


def ls(x, axis=-1):
    return LogSoftmax(axis)(x)


def exp_sum(x, axis=1, keep=True):
    return T.exp(x).sum(axis=axis, keepdims=keep)


def shifted(x, by, axis=1):
    return x - by.max(axis=axis, keepdims=True)


def rows(y):
    return T.arange(y.shape[0])


def spread(x, at, y, value, base=0.0):
    return T.inc_subtensor(T.full_like(x, base)[at, y], value)


def one_hot_cost(x, y):
    return CrossentropyCategorical1Hot()(p(x), y)


WRITTEN_OUT = [
    NnetCase("log-of-softmax", "x", lambda x: T.log(p(x)), lambda x: T.log(p(x) * 2), LogSoftmax),
    NnetCase("log-of-softmax", "x", lambda x: T.log(p(x, 0)), lambda x: T.exp(p(x, 0)), LogSoftmax),
    NnetCase("softmax-written-out", "xg", lambda x, g: T.exp(x) / exp_sum(x), lambda x, g: T.exp(x) / exp_sum(g),
             Softmax),
    NnetCase("softmax-written-out", "x", lambda x: T.exp(x) / exp_sum(x, 0), lambda x: T.exp(x) / T.exp(x).sum(),
             Softmax),
    NnetCase("softmax-written-out", "x", lambda x: T.reciprocal(exp_sum(x)) * T.exp(x),
             lambda x: [exp_sum(x) / T.exp(x), T.exp(x) * exp_sum(x)], Softmax),
    NnetCase("log-softmax-written-out", "xg", lambda x, g: x - T.log(exp_sum(x)), lambda x, g: x - T.log(exp_sum(g)),
             LogSoftmax),
    NnetCase("log-softmax-written-out", "x", lambda x: x - T.log(exp_sum(x, keep=False)).dimshuffle(0, "x"),
             lambda x: [x - exp_sum(x), T.log(exp_sum(x)) - x, x - T.log(exp_sum(x, 0, False))], LogSoftmax),
    NnetCase("softmax-of-shifted", "xg", lambda x, g: p(shifted(x, x)), lambda x, g: p(shifted(x, g)), Softmax),
    NnetCase("softmax-of-shifted", "x", lambda x: ls(shifted(x, x)), lambda x: ls(shifted(x, x, 0)), LogSoftmax),
    NnetCase("argmax-of-softmax", "x", lambda x: T.argmax(p(x), axis=1), lambda x: T.argmax(p(x), axis=0), Argmax),
    NnetCase("argmax-of-softmax", "x", lambda x: T.argmax(ls(x), axis=1), lambda x: T.argmax(ls(x)), Argmax),
    NnetCase("softmax-grad-of-quotient", "xg", lambda x, g: grad((T.log(p(x)) * g).sum(), x),
             lambda x, g: SoftmaxGrad()(g / (p(x) + 1), p(x)), LogSoftmaxGrad),
    NnetCase("softmax-grad-of-quotient", "xg", lambda x, g: SoftmaxGrad()(g / p(x), p(x)),
             lambda x, g: SoftmaxGrad()(p(x) / g, p(x)), LogSoftmaxGrad),
    NnetCase("softmax-grad-of-quotient", "xg", lambda x, g: SoftmaxGrad()(-(g * T.reciprocal(p(x))), p(x)),
             lambda x, g: SoftmaxGrad()(T.switch(T.eq(x, 0), 0.0, g / p(x)), p(x)), LogSoftmaxGrad),
]  # fmt: skip

TARGETS = [
    NnetCase("pick-of-log-softmax", "xyn", lambda x, y, n: ls(x)[rows(y), y],
             lambda x, y, n: [ls(x)[T.arange(n), y], ls(x)[y, rows(y)], ls(x, 0)[rows(y), y],
                              ls(x)[T.arange(1, y.shape[0] + 1) - 1, y]], CrossentropySoftmax1hot),
    NnetCase("pick-of-log-softmax", "xy", lambda x, y: (-ls(x))[rows(y), y], lambda x, y: ls(x)[y, rows(y)],
             CrossentropySoftmax1hot),
    NnetCase("pick-of-log-softmax-by-number", "xyn", lambda x, y, n: ls(x)[T.arange(n), y],
             lambda x, y, n: [ls(x)[rows(y), y], ls(x)[T.arange(0, n * 2, 2) // 2, y]], CrossentropySoftmax1hot),
    NnetCase("pick-of-log-softmax-by-number", "xyn", lambda x, y, n: (-ls(x))[T.arange(n), y],
             lambda x, y, n: ls(x, 0)[T.arange(n), y], CrossentropySoftmax1hot),
    NnetCase("log-of-picked-softmax", "xy", lambda x, y: T.log(p(x)[rows(y), y]),
             lambda x, y: T.log(p(x)[y, rows(y)]), CrossentropySoftmax1hot),
    NnetCase("log-of-picked-softmax-by-number", "xyn", lambda x, y, n: T.log(p(x)[T.arange(n), y]),
             lambda x, y, n: T.log(p(x, 0)[T.arange(n), y]), CrossentropySoftmax1hot),
    NnetCase("crossentropy-of-softmax", "xy", one_hot_cost,
             lambda x, y: CrossentropyCategorical1Hot()(p(x, 0), y), CrossentropySoftmax1hot),
]  # fmt: skip


def _gradients(at, kind, given):
    """The rules on gradients with respect to what is picked by ``[at(y, n), y]``."""
    log_rule, rule = f"log-softmax-grad-at-targets{kind}", f"softmax-grad-at-targets{kind}"
    return [
        NnetCase(log_rule, given, lambda x, y, v, n: LogSoftmaxGrad()(spread(x, at(y, n), y, v), ls(x)),
                 lambda x, y, v, n: LogSoftmaxGrad()(spread(x, at(y, n), y, v, base=1.0), ls(x)),
                 CrossentropySoftmax1hotGrad),
        NnetCase(log_rule, given, lambda x, y, v, n: LogSoftmaxGrad()(-spread(x, at(y, n), y, v) * 3.0, ls(x)),
                 lambda x, y, v, n: [LogSoftmaxGrad()(spread(x, at(y, n), y, v) * x, ls(x)),
                                     LogSoftmaxGrad(0)(spread(x, at(y, n), y, v), ls(x, 0))],
                 CrossentropySoftmax1hotGrad),
        NnetCase(rule, given,
                 lambda x, y, v, n: SoftmaxGrad()(spread(x, at(y, n), y, v / p(x)[at(y, n), y]), p(x)),
                 lambda x, y, v, n: [SoftmaxGrad()(spread(x, at(y, n), y, v), p(x)),
                                     SoftmaxGrad()(spread(x, at(y, n), y, v / p(x)[at(y, n), y * 0]), p(x))],
                 CrossentropySoftmax1hotGrad),
        NnetCase(rule, given, lambda x, y, v, n: grad(T.log(p(x)[at(y, n), y]).sum(), x),
                 lambda x, y, v, n: SoftmaxGrad()(spread(x, at(y, n), y, v * p(x)[at(y, n), y]), p(x)),
                 CrossentropySoftmax1hotGrad),
    ]  # fmt: skip


GRADIENTS = [
    *_gradients(lambda y, n: rows(y), "", "xyvn"),
    *_gradients(lambda y, n: T.arange(n), "-by-number", "xyvn"),
    NnetCase("softmax-grad-of-crossentropy", "xyv", lambda x, y, v: grad(one_hot_cost(x, y).sum(), x),
             lambda x, y, v: SoftmaxGrad()(CrossentropyCategorical1HotGrad()(v, abs(x), y), p(x)),
             CrossentropySoftmax1hotGrad),
    NnetCase("one-gradient-for-all-rows", "xyvs",
             lambda x, y, v, s: CrossentropySoftmax1hotGrad()(T.alloc(s, y.shape[0]), x, y),
             lambda x, y, v, s: CrossentropySoftmax1hotGrad()(T.fill(y, v), x, y), CrossentropySoftmax1hotGrad),
    NnetCase("one-gradient-for-all-rows", "xys",
             lambda x, y, s: CrossentropySoftmax1hotGrad()(T.fill(y, s) * -2.0, x, y),
             lambda x, y, s: CrossentropySoftmax1hotGrad()(s, x, y), CrossentropySoftmax1hotGrad),
    NnetCase("one-gradient-for-all-rows", "xys",
             lambda x, y, s: CrossentropySoftmax1hotWithGrad()(T.alloc(s, y.shape[0]), x, y),
             lambda x, y, s: CrossentropySoftmax1hotWithGrad()(s, x, y), CrossentropySoftmax1hotWithGrad),
    NnetCase("crossentropy-with-grad", "xyv",
             lambda x, y, v: [CrossentropySoftmax1hot()(x, y), CrossentropySoftmax1hotGrad()(v, x, y)],
             lambda x, y, v: [CrossentropySoftmax1hot()(x, y * 0), CrossentropySoftmax1hotGrad()(v, x, y)],
             CrossentropySoftmax1hotWithGrad),
    NnetCase("crossentropy-with-grad", "xyv",
             lambda x, y, v: [CrossentropySoftmax1hotGrad()(v, x, y), T.exp(CrossentropySoftmax1hot()(x, y))],
             lambda x, y, v: [CrossentropySoftmax1hot()(x, y),
                              CrossentropySoftmax1hotGrad()(T.exp(CrossentropySoftmax1hot()(x, y)), x, y)],
             CrossentropySoftmax1hotWithGrad),
    NnetCase("crossentropy-with-grad", "xyv",
             lambda x, y, v: ifelse(
                 v.sum() > 0, [CrossentropySoftmax1hot()(x, y), CrossentropySoftmax1hotGrad()(v, x, y)], [v, x]),
             lambda x, y, v: [CrossentropySoftmax1hot()(x, y),
                              ifelse(v.sum() > 0, CrossentropySoftmax1hotGrad()(v, x, y), x)],
             CrossentropySoftmax1hotWithGrad),
]  # fmt: skip

CASES = [*WRITTEN_OUT, *TARGETS, *GRADIENTS]
