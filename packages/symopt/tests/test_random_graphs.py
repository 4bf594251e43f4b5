"""Random graphs, rewritten by all rules that keep NaN, against the reference interpreter; gradients, by all rules."""

import numpy as np
import pytest

from symcore import tensor as T
from symcore.gradient.grad import grad
from symcore.graph.equal import equal_computations
from symcore.graph.fgraph import FunctionGraph
from symcore.graph.traverse import explicit_inputs
from symcore.interpreter import evaluate
from symcore.tensor.elemwise import TABLE
from symopt.engine import rewrite
from symopt.rules import RULES

ROWS, COLUMNS = 3, 4
second = TABLE["second"]
SAFE = RULES - {"nan_changing"}

UNARY = [
    T.tanh, T.sigmoid, T.neg, abs, T.sin, T.cos, lambda x: T.exp(T.tanh(x)), lambda x: T.log(1 + T.sqr(x)),
    lambda x: T.sqrt(T.sqr(x)), lambda x: x * 2, lambda x: x / 4, lambda x: x + 1, lambda x: 1 - x, lambda x: T.neg(-x),
    lambda x: T.tanh(x) ** 2, lambda x: T.tanh(x) ** 3, T.zeros_like, lambda x: second(x, 0.5), lambda x: x.copy(),
    lambda x: T.log(T.exp(T.tanh(x))), lambda x: T.log(T.sigmoid(x)), lambda x: 1 - T.sigmoid(x), lambda x: x * 1 + 0,
    lambda x: 1 / (1 + T.exp(-x)), lambda x: T.log(1 - T.exp(-1 - T.sqr(x))), lambda x: x.astype("float32"),
    lambda x: T.log(T.exp(T.tanh(x)) + T.exp(T.sin(x))), lambda x: T.softplus(x) - x, lambda x: (x + x) * 3,
]
BINARY = [
    T.add, T.sub, lambda x, y: T.tanh(x) * T.sin(y), T.maximum, T.minimum, lambda x, y: x / (1 + T.sqr(y)), second,
    lambda x, y: T.add(x, y, x), lambda x, y: (x + y) * 0.5, lambda x, y: x - 0.1 * (y + 0.5 * x),
    lambda x, y: T.switch(T.eq(y, y), x, y),
]
SHAPED = [
    lambda x: x.T, lambda x: x.sum(axis=0), lambda x: x.sum(axis=-1), lambda x: x.mean(),
    lambda x: x.dimshuffle("x", *range(x.ndim)),
    lambda x: x.max(axis=0), lambda x: x[1:], lambda x: x[::2][:1], lambda x: x.reshape((-1,)), lambda x: x[0],
    lambda x: x.sum(axis=0, keepdims=True), lambda x: T.inc_subtensor(x[1:], 1.5), lambda x: x[:],
    lambda x: T.dot(x, x.T), lambda x: (T.tanh(x) * 2).sum(), lambda x: T.log(T.exp(T.tanh(x)).sum(axis=-1)),
    lambda x: T.zeros_like(x).sum(axis=0), lambda x: x + x.shape[0], lambda x: T.ones_like(x).T,
]


def pick(rng, items):
    return items[int(rng.integers(len(items)))]


def random_graph(seed):
    """Return inputs, values and outputs of a random graph of about a dozen operations."""
    rng = np.random.default_rng(seed)
    inputs = [T.dmatrix("A"), T.dmatrix("B"), T.dvector("v"), T.drow("r"), T.dcol("c"), T.dscalar("s")]
    shapes = [(ROWS, COLUMNS), (ROWS, COLUMNS), (COLUMNS,), (1, COLUMNS), (ROWS, 1), ()]
    values = [rng.normal(size=shape) for shape in shapes]
    pool = list(inputs)
    for _ in range(int(rng.integers(4, 16))):
        kind = rng.random()
        x = pick(rng, pool[-8:])
        try:
            if kind < 0.4:
                new = pick(rng, UNARY)(x)
            elif kind < 0.8:
                new = pick(rng, BINARY)(x, pick(rng, pool))
            elif x.ndim:
                new = pick(rng, SHAPED)(x)
            else:
                continue
            if new.ndim > 3:
                continue
            evaluate(new, dict(zip(inputs, values, strict=True)))
        except (ValueError, TypeError, IndexError):
            continue  # shapes that do not go together
        pool.append(new)
    outputs = [pool[int(k)] for k in {len(pool) - 1, int(rng.integers(len(pool))), int(rng.integers(len(pool)))}]
    return inputs, values, outputs


def assert_close(wanted, got, seed):
    assert wanted.dtype == got.dtype, f"seed {seed}: dtype"
    assert wanted.shape == got.shape, f"seed {seed}: shape"
    precision = 1e-4 if wanted.dtype == "float32" else 1e-5
    scale = max(1.0, float(np.abs(wanted[np.isfinite(wanted)]).max(initial=0)))
    np.testing.assert_allclose(got, wanted, rtol=precision, atol=precision * scale, err_msg=f"seed {seed}")


@pytest.mark.parametrize("block", range(10))
def test_values_types_and_shapes_are_kept(block):
    for seed in range(20 * block, 20 * (block + 1)):
        inputs, values, outputs = random_graph(seed)
        fgraph = FunctionGraph(inputs, outputs)
        rewrite(fgraph, SAFE)
        fgraph.check()
        wanted = evaluate(outputs, dict(zip(inputs, values, strict=True)))
        got = evaluate(list(fgraph.outputs), dict(zip(fgraph.inputs, values, strict=True)))
        for y, new, a, b in zip(outputs, fgraph.outputs, wanted, got, strict=True):
            assert y.type.is_super(new.type), f"seed {seed}: {new.type} is no {y.type}"
            assert_close(a, b, seed)


@pytest.mark.parametrize("block", range(5))
def test_gradients_with_all_rules(block):
    for seed in range(1000 + 10 * block, 1010 + 10 * block):
        inputs, values, outputs = random_graph(seed)
        cost = outputs[0].sum().astype("float64")
        wrt = [x for x in inputs if x in explicit_inputs([cost])]
        if not wrt:
            continue
        targets = [cost, *grad(cost, wrt, disconnected_inputs="ignore")]
        fgraph = FunctionGraph(inputs, targets)
        rewrite(fgraph, RULES)
        fgraph.check()
        wanted = evaluate(targets, dict(zip(inputs, values, strict=True)))
        got = evaluate(list(fgraph.outputs), dict(zip(fgraph.inputs, values, strict=True)))
        for a, b in zip(wanted, got, strict=True):
            assert_close(a, b, seed)


def test_the_same_graph_is_rewritten_the_same_way():
    for seed in range(10):
        inputs, _, outputs = random_graph(seed)
        first, second_time = FunctionGraph(inputs, outputs), FunctionGraph(inputs, outputs)
        rewrite(first, RULES)
        rewrite(second_time, RULES)
        assert [n.op for n in first.toposort()] == [n.op for n in second_time.toposort()]
        same = dict(zip(first.inputs, second_time.inputs, strict=True))
        assert equal_computations(first.outputs, second_time.outputs, same)
