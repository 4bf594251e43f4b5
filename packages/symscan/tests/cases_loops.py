"""Test cases of the rules on loops: what each makes of a loop, and which similar loops it must leave alone."""

from dataclasses import replace

from symcore import tensor as T
from symcore.graph.fgraph import FunctionGraph
from symcore.ifelse import ifelse
from symcore.printing.ops_printing import Assert
from symcore.tensor.elemwise import Elemwise, elemwise_name
from symopt.phases import PHASES
from symopt.rule import rewrite
from symopt.rules.catalog import all_rules
from symopt.ruleset import RuleSet
from symopt.testing import RuleCase, assert_rewrites, sample
from symscan import scan, until
from symscan.op import Scan
from symscan.spec import Rows, Spec


def rows(*args, **kwargs):
    """Return the outputs of ``scan`` alone."""
    return scan(*args, **kwargs)[0]


def keeping(outputs, *keep):
    """Return the outputs of the loop of which ``outputs`` (its rows, initial ones left out) come, with fewer rows kept.

    ``keep``: per output of the node, how many of its last rows.
    """
    node = _loop(outputs)
    op, k = node.op, len(node.op.spec.states)
    kept = [replace(r, keep=n) for r, n in zip(op.spec.rows, keep, strict=True)]
    return op.with_spec(replace(op.spec, states=tuple(kept[:k]), plain=tuple(kept[k:]))).make_node(*node.inputs).outputs


def lean(outputs):
    """Return the outputs of the same loop, marked as one that must not take memory for time."""
    op, inputs = _loop(outputs).op, _loop(outputs).inputs
    made = Scan(op.fgraph, op.spec, op.truncate, op.name, op.rewritten, lean=True).make_node(*inputs).outputs
    return list(made)


def inside(fn, spec, n, *outer):
    """Return the outputs of a loop of ``fn`` on inner variables, none of which is taken outside, as ``scan`` does.

    For one state, sequences and non-sequences: all of them with the taps of ``spec``.
    """
    sorted_ = spec.outer([n, *outer])
    read = [x for x, taps in zip(sorted_.sequences, spec.sequences, strict=True) for _ in taps]
    read += [x for x, r in zip(sorted_.states, spec.states, strict=True) for _ in r.taps]
    given = [T.TensorType(x.dtype, x.type.shape[1:])() for x in read] + [x.type() for x in sorted_.non_sequences]
    made = fn(*given)
    op = Scan(FunctionGraph(given, made if isinstance(made, list) else [made]), spec)
    return list(op.make_node(n, *outer).outputs)


def _loop(v):
    v = v[0] if isinstance(v, (list, tuple)) else v
    while not isinstance(v.owner.op, Scan):
        v = v.owner.inputs[0]
    return v.owner


def _double(x, h):
    return rows(lambda v, s: [s + v, v * 2], x, [h, None])


def _pair(x, first, second, **options):
    """Two states with equal steps."""
    return rows(lambda v, a, b: [a * v, b * v], x, [first, second], **options)


def _through(x, w, **options):
    """A state that a product of the sequence is added to."""
    return rows(lambda v, s: T.tanh(T.dot(v, w) + s), x, T.zeros(w.shape[1]), **options)


def _out(x, w):
    """A product of a state that no step reads."""
    return rows(lambda v, s: [T.tanh(v + s), T.dot(s, w)], x, [T.zeros(x.shape[1]), None])


def _fixed(*given):
    """A loop over ``x`` with one row ``h`` of a state and one non-sequence."""
    return Spec(((0,),), (Rows((-1,)),), n_non_sequences=given[0] if given else 1)


def _first(h):
    return h.dimshuffle("x", 0)


class StepCase:
    """The rule that rewrites the steps of loops in one phase, with a rule of that phase for it to do it by.

    In four tests, as a ``RuleCase``: ``exp`` in a step becomes ``expm1 + 1``, once; a step without it is left alone.
    """

    def __init__(self, phase):
        @rewrite(Elemwise, phase=phase, name=f"marker-{phase}")
        def marker(node):
            """``exp(x) -> expm1(x) + 1``."""
            return T.expm1(node.inputs[0]) + 1 if elemwise_name(node.outputs[0]) == "exp" else None

        self.rule = f"step-{phase}"
        self.phase = phase
        self.rules = RuleSet(all_rules()[self.rule], marker)

    def __repr__(self):
        return self.rule

    def _rewritten(self, kind):
        x, h = T.dmatrix("x"), T.dvector("h")
        values = [sample(x.type, kind), sample(h.type, kind, 1)]
        nested = rows(lambda v, s: rows(lambda a, b: a * b, T.exp(v), s[0])[-1] + s, x, h)
        fgraph = assert_rewrites(self.rules, rows(lambda v, s: T.exp(s) - v, x, h), inputs=[x, h], values=values)
        assert_rewrites(self.rules, rows(lambda v, s: T.sin(s) - v, nested, h), inputs=[x, h], values=values)
        return fgraph

    def check_positive(self):
        [op] = [node.op for node in self._rewritten("ordinary").nodes if isinstance(node.op, Scan)]
        assert self.phase in op.rewritten
        names = {elemwise_name(v) for v in op.fgraph.clients if v.owner is not None}
        assert "expm1" in names and "exp" not in names

    def check_negative(self):
        x, h = T.dmatrix("x"), T.dvector("h")
        assert_rewrites(self.rules, rows(lambda v, s: T.sin(s) - v, x, h), unchanged=True)
        node = _loop(rows(lambda v, s: T.exp(s) - v, x, h))
        done = Scan(node.op.fgraph, node.op.spec, rewritten=PHASES).make_node(*node.inputs).outputs
        assert_rewrites(self.rules, list(done), unchanged=True)

    def check_special(self):
        self._rewritten("special")

    def check_empty(self):
        self._rewritten("empty")


TRIMMING = [
    RuleCase("loop-unused", "dmatrix dvector", lambda x, h: _double(x, h)[0], _double,
             lambda x, h: rows(lambda v, s: s + v, x, h)),
    RuleCase("loop-unused", "dmatrix dvector", lambda x, h: _double(x, h)[1],
             lambda x, h: rows(lambda v, a, b: [a + b, b * v], x, [h, h])[0], lambda x, h: rows(lambda v: v * 2, x)),
    RuleCase("loop-unused", "dmatrix dvector",
             lambda x, h: inside(lambda v, s, w: s + v, _fixed(), x.shape[0], x, _first(h), h)[0],
             lambda x, h: rows(lambda v, s: [s + v, until(s.sum() > 1)], x, h),
             lambda x, h: inside(lambda v, s: s + v, _fixed(0), x.shape[0], x, _first(h))[0]),
    RuleCase("loop-constant-input", "dmatrix dvector",
             lambda x, h: inside(lambda v, s, w: s + v * w, _fixed(), x.shape[0], x, _first(h), T.constant(2.0))[0],
             lambda x, h: inside(lambda v, s, w: s + v * w, _fixed(), x.shape[0], x, _first(h), h)[0],
             lambda x, h: inside(lambda v, s: s + v * T.constant(2.0), _fixed(0), x.shape[0], x, _first(h))[0]),
    RuleCase("loop-same-input", "dmatrix dvector",
             lambda x, h: rows(lambda a, b, s: a * b + s, [x, x], h, n_steps=x.shape[0]),
             lambda x, h: rows(lambda a, b, s: a * b + s, [x, x[::-1]], h, n_steps=x.shape[0]),
             lambda x, h: rows(lambda a, s: a * a + s, x, h, n_steps=x.shape[0])),
    RuleCase("loop-same-input", "dmatrix dvector",
             lambda x, h: rows(lambda a, b, c: a - b + c, [x, {"input": x, "taps": [2, 0]}],
                               n_steps=T.maximum(x.shape[0] - 2, 0)),
             lambda x, h: rows(lambda a, b: a - b, {"input": x, "taps": [0, 2]},
                               n_steps=T.maximum(x.shape[0] - 2, 0))),
    RuleCase("loop-same-input", "dmatrix dvector",
             lambda x, h: inside(lambda v, s, a, b: s + v * a * b, _fixed(2), x.shape[0], x, _first(h), h, h)[0],
             lambda x, h: inside(lambda v, s, a, b: s + v * a * b, _fixed(2), x.shape[0], x, _first(h), h, h + 1)[0]),
    RuleCase("loop-last-rows", "dmatrix dvector", lambda x, h: _loop(rows(lambda v, s: s + v, x, h)).outputs[0][-1],
             lambda x, h: _loop(rows(lambda v, s: s + v, x, h)).outputs[0],
             lambda x, h: keeping(rows(lambda v, s: s + v, x, h), 1)[0][-1]),
    RuleCase("loop-last-rows", "dmatrix dvector",
             lambda x, h: [(r := _loop(rows(lambda v, s: s + v, x, h)).outputs[0])[-1], r[-1, 0], r[-1, 1:]],
             lambda x, h: [(r := rows(lambda v, s: s + v, x, h))[-1], r.sum()], empty=[(0, 2), (2,)]),
    RuleCase("loop-last-rows", "dmatrix dvector",
             lambda x, h: rows(lambda v, s: s + v, T.concatenate([x, x + 1, T.ones((1, h.shape[0]))]), h)[-1],
             lambda x, h: rows(lambda v, s: (s + v, until(s.sum() > 9)), x, h)[-1]),
    RuleCase("loop-last-rows", "dmatrix dvector",
             lambda x, h: rows(lambda v: v * 2, T.concatenate([x, T.ones((2, h.shape[0]))]))[-2],
             lambda x, h: rows(lambda v: v * 2, x)[-9]),
]  # fmt: skip

MERGING = [
    RuleCase("loops-merge", "dmatrix dvector",
             lambda x, h: [rows(lambda v, s: s + v, x, h), rows(lambda v: T.exp(v), x)],
             lambda x, h: [rows(lambda v, s: s + v, x, h), rows(lambda v: T.exp(v), x[::-1])]),
    RuleCase("loops-merge", "dmatrix dvector",
             lambda x, h: [rows(lambda s: s * h, outputs_info=h, n_steps=3), rows(lambda s: s + h, None, h, n_steps=3)],
             lambda x, h: [rows(lambda s: s * h, outputs_info=h, n_steps=3),
                           rows(lambda s: s + h, None, h, n_steps=4)]),
    RuleCase("loops-merge", "dmatrix dvector",
             lambda x, h: [rows(f, x) for f in (T.exp, T.sin, T.tanh)],
             lambda x, h: rows(lambda a, b: a + b, [x, rows(lambda v, s: v + s, x, h)])),
    RuleCase("loops-merge", "dmatrix dvector", lambda x, h: [rows(lambda v: v * 2, x), rows(lambda v: v + h, x)],
             lambda x, h: [rows(lambda v: (v * 2, until(v[0] > 2)), x), rows(lambda v: (v + h, until(v[0] > 1)), x)]),
    RuleCase("loops-merge", "dmatrix dvector", lambda x, h: [rows(lambda v: v * 2, x), rows(lambda v: v + h, x)],
             lambda x, h: [rows(lambda v: Assert("small")(v * 2, T.all(v < 9)), x), rows(lambda v: v + h, x)]),
    RuleCase("loops-merge", "dmatrix dvector", lambda x, h: [rows(lambda v: v * 2, x), rows(lambda v: v + h, x)],
             lambda x, h: [*lean(rows(lambda v: v * 2, x)), rows(lambda v: v + h, x)]),
    RuleCase("loops-merge", "dmatrix dvector",
             lambda x, h: ifelse(h.sum() > 0, [rows(lambda v: v * 2, x), rows(lambda v: T.exp(v), x)], [x, x]),
             lambda x, h: [rows(lambda v: v * 2, x), ifelse(h.sum() > 0, rows(lambda v: T.exp(v), x), x)]),
    RuleCase("loop-same-output", "dmatrix dvector", lambda x, h: rows(lambda v: [v * 2, v * 2], x),
             lambda x, h: rows(lambda v: [v * 2, v * 3], x), lambda x, h: [rows(lambda v: v * 2, x)] * 2),
    RuleCase("loop-same-output", "dmatrix dvector", lambda x, h: _pair(x, h, h), lambda x, h: _pair(x, h, h + 1),
             lambda x, h: [rows(lambda v, a: a * v, x, h)] * 2),
    RuleCase("loop-same-output", "dmatrix dvector",
             lambda x, h: rows(lambda v, a, b: [b * v, a * v], x, [h, h]),
             lambda x, h: rows(lambda v, a, b: [a * v, b + v], x, [h, h])),
    RuleCase("loop-same-output", "dmatrix dvector",  # only while each is supposed to equal the other
             lambda x, h: rows(lambda v, a, b, c: [a * v + c.sum(), b * v + c.sum(), c + a - b], x, [h, h, h]),
             lambda x, h: rows(lambda v, a, b, c: [a * v, b + c.sum(), c + 1], x, [h, h, h])),
]  # fmt: skip

BATCHING = [
    RuleCase("loop-invariant", "dmatrix dvector",
             lambda x, h: inside(lambda v, s, w: s + v * T.exp(w).sum(), _fixed(), x.shape[0], x, _first(h), h)[0],
             lambda x, h: inside(lambda v, s, w: s + v * w, _fixed(), x.shape[0], x, _first(h), h)[0],
             lambda x, h: inside(lambda v, s, w: s + v * w, _fixed(), x.shape[0], x, _first(h),
                                 T.exp(h).sum())[0]),
    RuleCase("loop-invariant", "dmatrix dvector",
             lambda x, h: inside(lambda v, s, w: [s + v * w, w * 2], Spec(((0,),), (Rows((-1,)),), (Rows(),), 0, 1),
                                 x.shape[0], x, _first(h), h),
             lambda x, h: inside(lambda v, s, w, c: s + v * Assert("small")(w, c), _fixed(2), x.shape[0], x,
                                 _first(h), h, T.all(h < 9))[0]),
    RuleCase("loop-sequence-work", "dmatrix dmatrix", _through,
             lambda x, w: rows(lambda v, s: T.tanh(v + s), x, T.zeros(x.shape[1])),
             shapes=[(3, 4), (4, 5)]),
    RuleCase("loop-sequence-work", "dmatrix dmatrix", _through, lambda x, w: lean(_through(x, w)),
             shapes=[(3, 4), (4, 5)]),
    RuleCase("loop-sequence-work", "dmatrix dmatrix", _through,
             lambda x, w: rows(lambda v, s: (T.dot(v, w) + s, until(v[0] > 2)), x, T.zeros(w.shape[1])),
             shapes=[(3, 4), (4, 5)], empty=[(0, 4), (4, 5)]),
    RuleCase("loop-sequence-work", "dvector dscalar", lambda x, w: rows(lambda v, s: s * w + T.exp(v * w), x, w),
             lambda x, w: rows(lambda v, s: s * w + v, x, w)),
    RuleCase("loop-sequence-work", "dmatrix dmatrix",  # the product depends on the shape of a row only
             lambda x, w: rows(lambda v, s: T.dot(T.ones_like(v), w) + s, x, T.zeros(w.shape[1])),
             lambda x, w: rows(lambda v, s: T.ones_like(v) * 2 + s, x, T.zeros(x.shape[1])),
             shapes=[(3, 4), (4, 5)]),
    RuleCase("loop-output-work", "dmatrix dmatrix",
             lambda x, w: rows(lambda v, s: [v + s, T.dot(T.ones_like(s), w)], x, [T.zeros(x.shape[1]), None]),
             lambda x, w: rows(lambda v, s: [v + s, T.ones_like(s)], x, [T.zeros(x.shape[1]), None]),
             shapes=[(3, 4), (4, 5)]),
    RuleCase("loop-output-work", "dmatrix dmatrix", _out,
             lambda x, w: rows(lambda v, s: T.tanh(v + T.dot(s, w)), x, T.zeros(x.shape[1])),
             shapes=[(3, 4), (4, 5)]),
    RuleCase("loop-output-work", "dmatrix dmatrix", _out, lambda x, w: lean(_out(x, w)), shapes=[(3, 4), (4, 5)]),
    RuleCase("loop-output-work", "dmatrix dmatrix", _out,
             lambda x, w: rows(lambda v, s: [T.tanh(v + s), T.dot(s, w), until(s[0] > 2)], x,
                               [T.zeros(x.shape[1]), None]), shapes=[(3, 4), (4, 5)]),
    RuleCase("loop-output-work", "dmatrix dmatrix", _out,
             lambda x, w: keeping(_out(x, w), None, 1), shapes=[(3, 4), (4, 5)]),
    RuleCase("loop-output-work", "dmatrix dmatrix", _out,  # the next step reads the product
             lambda x, w: rows(lambda v, s: [(p := T.dot(v + s, w)), p], x, [T.zeros(w.shape[1]), None]),
             shapes=[(3, 4), (4, 5)]),
    RuleCase("loop-output-work", "dmatrix dmatrix", _out,  # the same of new memory
             lambda x, w: rows(lambda v, k: [T.minimum(k, 4), T.dot(T.alloc(v[0], k), T.alloc(v[1], k))], x,
                               [T.constant(3), None]),
             shapes=[(3, 4), (4, 5)]),
    RuleCase("loop-output-work", "dmatrix dmatrix", _out,  # only a step says how far the slice goes
             lambda x, w: rows(lambda v, k: [T.minimum(k, 4), T.dot(v, w[:, :k])], x, [T.constant(3), None]),
             shapes=[(3, 4), (4, 5)]),
    RuleCase("loop-sum", "dmatrix dmatrix", lambda x, w: keeping(rows(lambda v, s: s + v, x, T.zeros(x.shape[1])), 1),
             lambda x, w: keeping(rows(lambda v, s: s * v, x, T.zeros(x.shape[1])), 1)),
    RuleCase("loop-sum", "dmatrix dmatrix", lambda x, w: keeping(rows(lambda v, s: s + v, x, T.zeros(x.shape[1])), 1),
             lambda x, w: keeping(rows(lambda v, s: [s + v] * 2, x, [T.zeros(x.shape[1]), None]), 1, None)),
    RuleCase("loop-sum", "dtensor3 dtensor3",
             lambda a, b: keeping(rows(lambda v, w, s: s + T.dot(v.T, w), [a, b],
                                       T.zeros((a.shape[2], b.shape[2]))), 1),
             lambda a, b: rows(lambda v, w, s: s + T.dot(v.T, w), [a, b], T.zeros((a.shape[2], b.shape[2]))),
             shapes=[(3, 2, 4), (3, 2, 5)]),
    RuleCase("loop-sum", "dtensor3 dtensor3",
             lambda a, b: keeping(rows(lambda v, w, s: s + T.dot(v, w), [a, b], T.zeros((a.shape[1], b.shape[2]))), 1),
             lambda a, b: keeping(lean(rows(lambda v, w, s: s + T.dot(v, w), [a, b],
                                            T.zeros((a.shape[1], b.shape[2])))), 1),
             shapes=[(3, 4, 2), (3, 2, 5)]),
    RuleCase("loop-sum", "dmatrix dmatrix",
             lambda x, w: keeping(rows(lambda v, s: [s + v.sum(), v * 2], x, [T.zeros(()), None]), 1, None),
             lambda x, w: keeping(rows(lambda v, s, r: [s + v.sum(), r + s], x, [T.zeros(()), T.zeros(())]), 1, None)),
    RuleCase("loop-sum", "dmatrix dmatrix", lambda x, w: keeping(rows(lambda v, s: s + v, x, T.zeros(x.shape[1])), 1),
             lambda x, w: keeping(rows(lambda v, s: (s + v, until(v[0] > 0)), x, T.zeros(x.shape[1])), 1)),
]  # fmt: skip

CASES = [*TRIMMING, *MERGING, *BATCHING, *(StepCase(phase) for phase in PHASES if phase != "device")]
