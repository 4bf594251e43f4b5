"""Every keyword that public programs use, in a call that is made, with the answer that NumPy or the language gives.

The table of uses looks keywords up in signatures; here each of them does what it says. The last test makes sure that
none of the keywords of the data is left out.
"""

import ast
import functools
import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import symstack as ss
from symstack import tensor as T

ROOT = Path(__file__).resolve().parents[1]
m = np.array([[1.0, 2.0], [3.0, 5.0]])
v = np.array([1.0, 2.0, 4.0])
spd = np.array([[4.0, 2.0], [2.0, 3.0]])


def seen(op, value):
    LOOKED.append(value.shape)


LOOKED: list[tuple[int, ...]] = []

# An expression of the names below, and what it gives: a value or an array for variables, else an equal object.
CALLS = [
    # inputs and constants
    ("T.matrix(name='a', dtype='int32').type", "T.imatrix().type"),
    ("T.vector(name='a', dtype='int64').name", "'a'"),
    ("T.scalar(name='a', dtype='uint8').dtype", "'uint8'"),
    ("T.tensor3(name='a', dtype='int32').type", "T.itensor3().type"),
    ("T.tensor4(dtype='float32').type", "T.ftensor4().type"),
    ("T.row(name='r', dtype='int64').broadcastable", "(True, False)"),
    ("T.lrow(name='r').name + T.lmatrix(name='l').name + T.dmatrix(name='d').name", "'rld'"),
    ("T.TensorType(dtype='float32', broadcastable=(True, False), name='t')", "T.frow().type"),
    ("T.constant(2, dtype='float64', name='two').name", "'two'"),
    ("T.constant(2, dtype='int8')", "np.int8(2)"),
    ("T.as_tensor_variable(v, name='w', ndim=2).type.broadcastable", "(True, False)"),
    ("T.as_tensor(3.0, name='three').name", "'three'"),
    ("np.asarray([1, 2], dtype='float32').dtype.name", "'float32'"),
    # shared variables
    ("ss.shared(value=m, name='w', borrow=True, strict=False).get_value(borrow=True) is m", "True"),
    ("ss.shared(np.ones((1, 3)), broadcastable=(True, False)).broadcastable", "(True, False)"),
    ("w.get_value(borrow=False, return_internal_type=True)", "m"),
    ("(w.set_value(2 * m, borrow=True), w.get_value())[1]", "2 * m"),
    # creation
    ("T.arange(0, stop=6, step=2, dtype='int32')", "np.arange(0, 6, 2, 'int32')"),
    ("T.zeros(shape=(2, 3), dtype='float32')", "np.zeros((2, 3), 'float32')"),
    ("T.ones((2,), dtype='int64')", "np.ones(2, 'int64')"),
    ("T.zeros_like(M, dtype='bool')", "np.zeros((2, 2), bool)"),
    ("T.ones_like(M, dtype='int8')", "np.ones((2, 2), 'int8')"),
    ("T.extra_ops.to_one_hot(T.constant([0, 2]), nb_class=3)", "np.eye(3)[[0, 2]]"),
    ("T.cast(M, dtype='int64')", "m.astype('int64')"),
    # reductions
    ("T.sum(M, axis=0, keepdims=True, dtype='float64')", "m.sum(0, keepdims=True)"),
    ("M.sum(axis=1, keepdims=True, dtype='float64')", "m.sum(1, keepdims=True)"),
    ("T.mean(M, axis=0, keepdims=True, dtype='float64')", "m.mean(0, keepdims=True)"),
    ("M.mean(axis=1, keepdims=True, dtype='float64')", "m.mean(1, keepdims=True)"),
    ("T.prod(M, axis=0, keepdims=True)", "m.prod(0, keepdims=True)"),
    ("T.max(M, axis=0, keepdims=True)", "m.max(0, keepdims=True)"),
    ("M.max(axis=1, keepdims=True)", "m.max(1, keepdims=True)"),
    ("T.min(M, axis=0, keepdims=True) + M.min(axis=0)", "m.min(0, keepdims=True) + m.min(0)"),
    ("T.argmax(M, axis=0, keepdims=True)", "m.argmax(0, keepdims=True)"),
    ("T.argmin(M, axis=1, keepdims=False)", "m.argmin(1)"),
    ("M.argmax(axis=1) + M.argmin(axis=0)", "m.argmax(1) + m.argmin(0)"),
    ("T.var(M, axis=0, keepdims=True)", "m.var(0, keepdims=True)"),
    ("M.var(axis=1, keepdims=True)", "m.var(1, keepdims=True)"),
    ("T.std(M, axis=0, keepdims=True)", "m.std(0, keepdims=True)"),
    ("M.std(axis=1, keepdims=True)", "m.std(1, keepdims=True)"),
    ("T.all(M > 1, axis=0, keepdims=True)", "(m > 1).all(0, keepdims=True)"),
    ("T.any(M > 2, axis=1, keepdims=True)", "(m > 2).any(1, keepdims=True)"),
    ("(M > 2).any(axis=0)", "(m > 2).any(0)"),
    ("T.cumsum(M, axis=1)", "m.cumsum(1)"),
    ("T.extra_ops.cumsum(M, axis=0) + T.extra_ops.cumprod(M, axis=1)", "m.cumsum(0) + m.cumprod(1)"),
    ("M.cumsum(axis=0) + M.cumprod(axis=0)", "m.cumsum(0) + m.cumprod(0)"),
    # shapes
    ("M.reshape(T.shape(M)[::-1], ndim=2)", "m.reshape(2, 2)"),
    ("T.reshape(M, newshape=T.as_tensor([4]), ndim=1)", "m.reshape(4)"),
    ("M.flatten(ndim=1)", "m.ravel()"),
    ("T.flatten(M, outdim=1)", "m.ravel()"),
    ("T.concatenate([M, M], axis=1)", "np.concatenate([m, m], axis=1)"),
    ("T.stack([x, x], axis=1)", "np.stack([v, v], axis=1)"),
    ("T.shape_padaxis(x, axis=1)", "v[:, None]"),
    ("T.repeat(M, 2, axis=1)", "m.repeat(2, axis=1)"),
    ("T.extra_ops.repeat(M, 2, axis=0)", "m.repeat(2, axis=0)"),
    ("T.tile(x, (2, 1), ndim=2)", "np.tile(v, (2, 1))"),
    ("T.argsort(-M, axis=1)", "np.argsort(-m, axis=1)"),
    ("M.compress([True, False], axis=1)", "m[:, :1]"),
    ("T.round(x / 2 + 0.25, mode='half_to_even')", "np.round(v / 2 + 0.25)"),
    ("M.copy(name='twin').name", "'twin'"),
    # products and linear algebra
    ("T.tensordot(M, M, axes=[[0], [1]])", "np.tensordot(m, m, axes=[[0], [1]])"),
    ("T.batched_tensordot(M, M, axes=[[1], [1]])", "(m * m).sum(1)"),
    ("T.slinalg.Solve(A_structure='general')(M, M)", "np.eye(2)"),
    ("T.slinalg.Solve(A_structure='lower_triangular')(T.tril(M), T.tril(M))", "np.eye(2)"),
    ("T.slinalg.Solve(A_structure='upper_triangular')(T.triu(M), T.triu(M))", "np.eye(2)"),
    ("T.slinalg.Cholesky(lower=True, on_error='raise')(spd)", "np.linalg.cholesky(spd)"),
    ("T.slinalg.Cholesky(lower=False, on_error='nan')(-spd)", "np.full((2, 2), np.nan)"),
    # derivatives
    ("T.grad(cost=(x * y).sum(), wrt=x, consider_constant=[y])", "v + 1"),
    ("T.grad(x.sum(), [y], disconnected_inputs='ignore')[0]", "np.zeros(3)"),
    ("ss.gradient.grad(x.sum(), [y], disconnected_inputs='ignore')[0]", "np.zeros(3)"),
    ("T.grad(None, x, known_grads={square: y})", "2 * v * (v + 1)"),
    ("ss.grad(cost=None, wrt=x, known_grads={square: y})", "2 * v * (v + 1)"),
    ("ss.gradient.verify_grad(T.sqr, [v], eps=1e-4, mode='FAST_COMPILE')", "None"),
    # graphs
    ("ss.clone(square, replace={x: y}, strict=False, share_inputs=True)", "(v + 1) ** 2"),
    ("ss.clone(square, share_inputs=False).owner is square.owner", "False"),
    ("ss.graph.inputs([T.exp(square)], blockers=[square])", "[]"),
    ("ss.graph.inputs([T.exp(square)])", "[x, *square.owner.inputs[1:]]"),
    ("list(ss.graph.ancestors([T.exp(square)], blockers=[square]))[1:]", "[square]"),
    ("list(ss.graph.walk([square], lambda a: a.owner and a.owner.inputs, bfs=True))", "[square, *square.owner.inputs]"),
    ("ss.Apply(op=square.owner.op, inputs=[x], outputs=[x.type()]).inputs", "[x]"),
    ("ss.graph.Apply(square.owner.op, inputs=[x], outputs=[x.type()]).outputs[0].index", "0"),
    ("ss.as_op(itypes=[T.dvector], otypes=[T.dvector], infer_shape=shapes_of)(twice)(x)", "2 * v"),
    ("ss.OpFromGraph([x], [square], inline=True, grad_overrides=None)(y)", "(v + 1) ** 2"),
    ("ss.grad(ss.OpFromGraph([x], [square], grad_overrides=slope)(x).sum(), x)", "3 * v"),
    ("ss.ifelse(T.constant(1), x, -x, name='choice')", "v"),
    # functions
    ("ss.function(inputs=[x], outputs=y, givens={y: x + 1}, name='plus')(v)", "v + 1"),
    ("ss.function([], w, updates=[(w, w + 1)], mode='DEBUG_MODE')()", "m"),
    ("ss.function([x, y], x, on_unused_input='ignore', mode='FAST_COMPILE')(v, v)", "v"),
    ("ss.function([f32], f32, allow_input_downcast=True, profile=False)(v).dtype.name", "'float32'"),
    ("ss.function([x], x + 1, profile=True, rebuild_strict=True, accept_inplace=True)(v)", "v + 1"),
    ("ss.function([x, ss.In(y, value=v)], x + y)(v)", "2 * v"),
    ("ss.function([x], x, mode=ss.Mode(linker='cvm' if cvm else 'py'))(v)", "v"),
    ("ss.function([x], x, mode=ss.NanGuardMode(nan_is_error=True, inf_is_error=True, big_is_error=True))(v)", "v"),
    ("x.eval({x: v})", "v"),
    ("y.eval({x: v, y: 2 * v}, on_unused_input='ignore', mode='FAST_COMPILE')", "2 * v"),
    # looking at values and graphs
    ("(ss.printing.Print('shape', attrs=['shape'], global_fn=seen)(M) + 0, LOOKED)[0]", "m"),
    ("ss.printing.debugprint(x, print_type=True, file='str').split()[-2:]", "['<TensorType(float64,', 'vector)>']"),
    ("ss.printing.min_informative_str(x, indent_level=1)", "' A. x'"),
    ("ss.printing.pydotprint(square, outfile=NOWHERE, compact=False, format='dot')", "None"),
    # configuration
    ("changed(ss.config.change_flags(compute_test_value='off', floatX='float32', exception_verbosity='high'))",
     "('off', 'float32', 'high')"),
    ("changed(ss.change_flags(compute_test_value='ignore'))", "('ignore', 'float64', 'low')"),
    # random numbers
    ("mrg.normal(size=(200,), avg=5.0, std=0.01, dtype='float32', truncate=True)", "Between(4.979, 5.021, 'float32')"),
    ("mrg.uniform(size=(200,), low=2.0, high=3.0, dtype='float32')", "Between(2, 3, 'float32')"),
    ("mrg.binomial(size=(200,), n=3, p=0.5, dtype='int8', ndim=None)", "Between(0, 3, 'int8')"),
    ("streams.binomial(size=(200,), n=1, prob=0.5, ndim=None)", "Between(0, 1, 'int64')"),
    ("mrg.multinomial(pvals=np.full((200, 4), 0.25), n=2, dtype='int32')", "Between(0, 2, 'int32')"),
    ("ss.MRG_RandomStreams(seed=3).uniform((2,))", "ss.MRG_RandomStreams(3).uniform((2,)).eval()"),
    ("T.shared_randomstreams.RandomStreams(seed=3).uniform((2,))", "ss.RandomStreams(3).uniform((2,)).eval()"),
    ("np.testing.assert_allclose(v, v + 1e-9, rtol=1e-6, atol=1e-6)", "None"),
]  # fmt: skip


class Between:
    """Equal to arrays of a dtype whose elements lie in a range, both ends included, and differ."""

    def __init__(self, low, high, dtype):
        self.low, self.high, self.dtype = low, high, dtype

    def check(self, found):
        assert found.dtype == self.dtype and self.low <= found.min() < found.max() <= self.high


class Nowhere:
    """A file that keeps nothing but the fact that something was written."""

    def write(self, data):
        assert data


def changed(context):
    with context:
        return ss.config.compute_test_value, ss.config.floatX, ss.config.exception_verbosity


@pytest.fixture
def scope():
    x, y, M = T.dvector("x"), T.dvector("y"), T.dmatrix("M")
    square = x**2
    from symcodegen import extension

    return {
        **globals(), "x": x, "y": y, "M": M, "square": square, "w": ss.shared(m.copy(), name="w"),
        "f32": T.fvector("f32"), "mrg": ss.MRG_RandomStreams(7), "streams": ss.RandomStreams(7),
        "cvm": extension.load(),
        "twice": functools.partial(np.multiply, 2), "shapes_of": lambda node, shapes: shapes,
        "slope": [lambda inputs, grads: 3 * inputs[0] * grads[0]], "NOWHERE": Nowhere(),
    }  # fmt: skip


def computed(found, scope):
    """The value of a variable at the values of the names; anything else as it is."""
    if not isinstance(found, ss.Variable):
        return found
    values = {scope["x"]: v, scope["y"]: v + 1, scope["M"]: m}
    needed = set(ss.graph.inputs([found]))
    return found.eval({k: value for k, value in values.items() if k in needed})


@pytest.mark.parametrize(("call", "answer"), CALLS, ids=[call for call, _ in CALLS])
def test_a_call_that_programs_make(call, answer, scope):
    found, expected = computed(eval(call, scope), scope), eval(answer, scope)
    if isinstance(expected, Between):
        expected.check(found)
    elif isinstance(expected, (np.ndarray, np.generic)):
        assert found.dtype == expected.dtype and found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    else:
        assert type(found) is type(expected) and found == expected


def test_the_function_given_to_print_was_called(scope):
    LOOKED.clear()
    computed(ss.printing.Print("shape", global_fn=seen)(scope["M"]), scope)
    assert LOOKED == [(2, 2)]


# --- whether nothing is left out --------------------------------------------------------------------

#: Tested with the loops and the sparse matrices themselves.
ELSEWHERE = ("ss.scan", "ss.map", "ss.foldl", "ss.foldr", "T.sparse.")


def keywords_in(code):
    """The pairs (name or method, keyword) of all calls in an expression."""
    for node in ast.walk(ast.parse(code, mode="eval")):
        if isinstance(node, ast.Call):
            path = ast.unparse(node.func)
            for name in {path, re.sub(r".*\.", ".", path)}:
                yield from ((name, k.arg) for k in node.keywords)


def test_every_keyword_of_the_data_stands_in_a_call():
    spec = importlib.util.spec_from_file_location("documentation_api_usage", ROOT / "docs" / "api_usage.py")
    usage = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(usage)
    tried = {pair for call, _ in CALLS for pair in keywords_in(call)}
    left_out = []
    for row in usage.rows():
        if row.state in ("present", "renamed") and row.group == usage.LANGUAGE and row.name != "TensorVariable()[...]":
            kind, _, method = row.name.partition("()")
            here = method if "()" in row.name and kind in usage.RECEIVERS else row.here
            if not here.startswith(ELSEWHERE):
                foreign = {"**", *row.refused, *usage.FOREIGN_KEYWORDS.get(row.name, ())}
                left_out += [(here, k) for k in row.keywords if k not in foreign and (here, k) not in tried]
    assert left_out == []
