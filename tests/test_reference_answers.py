"""What a user of this language expects where NumPy does not say: recorded answers, one row each.

Expressions and answers stand as they were recorded. Where symstack decides otherwise, the row is in ``DIFFERENT``
with the reason; what waits for a part of the language that is not built is in ``ABSENT``. Every recorded row is in
one of the three.
"""

import numpy as np
import pytest

import symstack as ss
from symstack import tensor as T

# case, expression, answer: a value, or the type of the error
ROWS = [
    ("bool(x)", "bool(x)", "True"),
    ("bool(x>0)", "bool(x>0)", "raises TypeError"),
    ("len(x)", "len(x)", "raises TypeError"),
    ("iter(x)", "list(x)", "raises ValueError"),
    ("x[:]=0", "x[:] = 0", "raises TypeError"),
    ("x==y", "x==y", "False"),
    ("chained 0<x<1", "0<x<1", "raises TypeError"),
    ("missing input", "ss.function([x],x+y)", "raises MissingInputError"),
    ("unused input", "ss.function([x,y],x)", "raises UnusedInputError"),
    ("dup input", "ss.function([x,x],x)", "raises UnusedInputError"),
    ("non list inputs", "ss.function(x,x)", "raises Exception"),
    ("nonscalar cost", "T.grad(x,x)", "raises TypeError"),
    ("disconnected", "T.grad(x.sum(),y)", "raises DisconnectedInputError"),
    ("int wrt", "T.grad(x.sum(),i)", "raises DisconnectedInputError"),
    ("wrong ndim", "f(np.ones((2,2)),[1.])", "raises TypeError"),
    ("shape mismatch", "f([1.,2.],[1.,2.,3.])", "raises ValueError"),
    ("too few args", "f([1.])", "raises TypeError"),
    ("bad kw", "f([1.],z=[2.])", "raises TypeError"),
    ("downcast f64->f32", "g(np.ones(2))", "raises TypeError"),
    ("int64->f32", "g(np.ones(2,dtype='int64'))", "raises TypeError"),
    ("list->f32", "g([1.5,2])", "array([2.5, 3. ], dtype=float32)"),
    ("true div int", "(T.iscalar()/T.iscalar()).dtype", "'float64'"),
    ("int8/int8", "(T.bscalar()/T.bscalar()).dtype", "'float64'"),
    ("floordiv", "(T.iscalar()//T.iscalar()).dtype", "'int32'"),
    ("i32+1.0", "(T.iscalar()+1.0).dtype", "'float64'"),
    ("f32+1.0", "(T.fscalar()+1.0).dtype", "'float32'"),
    ("f32+np.float64", "(T.fscalar()+np.float64(1)).dtype", "'float64'"),
    ("i8+1", "(T.bscalar()+1).dtype", "'int8'"),
    ("i8+1000", "(T.bscalar()+1000).dtype", "'int16'"),
    ("f32+i32", "(T.fscalar()+T.iscalar()).dtype", "'float64'"),
    ("f32+i16", "(T.fscalar()+T.wscalar()).dtype", "'float32'"),
    ("u8+i8", "(T.scalar(dtype='uint8')+T.bscalar()).dtype", "'int16'"),
    ("x>0 dtype", "(x>0).dtype", "'bool'"),
    ("sum bool", "(x>0).sum().dtype", "'int64'"),
    ("sum int8", "T.bvector().sum().dtype", "'int64'"),
    ("sum f32", "T.fvector().sum().dtype", "'float32'"),
    ("mean int", "T.ivector().mean().dtype", "'float64'"),
    ("mean int8", "T.bvector().mean().dtype", "'float64'"),
    ("argmax", "x.argmax().dtype", "'int64'"),
    ("shape", "x.shape.dtype", "'int64'"),
    ("sqrt int8", "T.sqrt(T.bscalar()).dtype", "'float32'"),
    ("sqrt int32", "T.sqrt(T.iscalar()).dtype", "'float64'"),
    ("exp int64", "T.exp(T.lscalar()).dtype", "'float64'"),
    ("prod int16", "T.wvector().prod().dtype", "'int64'"),
    ("shared int", "ss.shared(7).type", "TensorType(int64, scalar)"),
    ("shared float", "ss.shared(1.5).type", "TensorType(float64, scalar)"),
    ("shared np", "ss.shared(np.ones((1,3))).broadcastable", "(False, False)"),
    ("shared list", "str(ss.shared([1,2]).type)", "'Generic'"),
    ("constant", "T.constant(1).type", "TensorType(int8, scalar)"),
    ("constant1d", "T.constant([1]).broadcastable", "(True,)"),
    ("set wrong dtype", "s.set_value(np.zeros(3,'complex128'))", "raises TypeError"),
    ("set wrong ndim", "s.set_value(np.zeros((3,3)))", "raises TypeError"),
    ("update type mismatch", "ss.function([],updates=[(s,M)])", "raises TypeError"),
    ("update f32<-f64", "ss.function([],updates=[(s32,s32+T.constant(1.0,dtype='float64'))])", "raises TypeError"),
    ("f() no outputs", "ss.function([],updates=[(s,s+1)])()", "[]"),
    ("single", "ss.function([],s)()", "array([1., 1., 1.])"),
    ("[single]", "ss.function([],[s])()", "[array([1., 1., 1.])]"),
    ("dict", "ss.function([],{'a':s,'b':s*2})()", "{'a': array([1., 1., 1.]), 'b': array([2., 2., 2.])}"),
    ("scalar out type", "type(ss.function([x],x.sum())([1.]))", "np.ndarray"),
    ("eval", "(x+1).eval({x:[1.,2.]})", "array([2., 3.])"),
    ("dimshuffle drop non-bcast", "M.dimshuffle(0)", "raises ValueError"),
    ("bcast runtime 1 vs n", "ss.function([x,y],x+y)([1.],[1.,2.])", "raises ValueError"),
    ("neg idx", "ss.function([x],x[-1])([1.,2.])", "array(2.)"),
    ("idx oob", "ss.function([x],x[5])([1.,2.])", "raises IndexError"),
    ("too many idx", "x[0,0]", "raises IndexError"),
    ("bool mask", "ss.function([x],x[T.gt(x,1)])([1.,2.,3.])", "array([2., 3.])"),
    ("adv 2", "ss.function([M],M[[0,1],[1,0]])(np.arange(4.).reshape(2,2))", "array([1., 2.])"),
    ("newaxis", "x[None,:].broadcastable", "(True, False)"),
    ("ellipsis", "T.tensor3()[...,0].ndim", "2"),
    ("step -1", "ss.function([x],x[::-1])([1.,2.,3.])", "array([3., 2., 1.])"),
    ("inc dup idx", "ss.function([x],T.inc_subtensor(x[[0,0]],1.))([0.,0.])", "array([2., 0.])"),
    ("cumsum int8", "T.cumsum(T.bvector()).dtype", "'int8'"),
    ("ifelse", "ss.function([i,x,y],ss.ifelse(i,x,y))(1,[1.],[2.])", "array([1.])"),
    ("ifelse type", "ss.ifelse(i,x,M)", "raises TypeError"),
    ("switch", "ss.function([x],T.switch(x>1,x,0))([1.,2.])", "array([0., 2.])"),
    ("pp", "ss.pp(T.nnet.sigmoid(x+y)*2)", "'(sigmoid((x + y)) * TensorConstant{2})'"),
    (
        "Rop",
        "ss.function([W,M,x],T.Rop(T.dot(x,W),W,M),on_unused_input='ignore')([[1,1],[1,1]],[[2,2],[2,2]],[0,1])",
        "array([2., 2.])",
    ),
    (
        "Lop",
        "ss.function([V,x],T.Lop(T.dot(x,W),W,V))([2,2],[0,1])",
        "array([[0., 0.], [2., 2.]])",
    ),
    ("jac", "ss.function([x],ss.gradient.jacobian(x**2,x))([4.,4.])", "array([[8., 0.], [0., 8.]])"),
    ("hess", "ss.function([x],ss.gradient.hessian((x**2).sum(),x))([4.,4.])", "array([[2., 0.], [0., 2.]])"),
    ("RS uniform", "ru()", "array([[0.12672381, 0.97091597], [0.13989098, 0.88754825]])"),
    ("RS 2nd", "[ru(), ru()][1]", "array([[0.31971415, 0.47584377], [0.24129163, 0.42046081]])"),
    ("MRG", "mu()", "array([0.37257111, 0.65768584, 0.59250678, 0.31931473])"),
    ("MRG normal", "mn()", "array([-0.86690459,  0.94790593,  1.67885771, -1.96506591])"),
    ("x/x opt", "ss.function([x],x/x)([0.,2.])", "array([1., 1.])"),
    ("x*0", "ss.function([x],x*0)([np.inf,np.nan])", "array([0., 0.])"),
    ("log softmax", "ss.function([M],T.log(T.nnet.softmax(M)))([[1000.,0.]])", "array([[    0., -1000.]])"),
    ("1-sigm", "ss.function([x],T.log(1-T.nnet.sigmoid(x)))([100.])", "array([-100.])"),
    ("log sigm", "ss.function([x],T.log(T.nnet.sigmoid(x)))([-1000.])", "array([-1000.])"),
    ("std ddof", "ss.function([x],x.std())([1.,2.,3.,4.])", "array(1.11803399)"),
    ("round mode", "ss.function([x],T.round(x))([0.5,1.5,2.5])", "array([0., 2., 2.])"),
    ("sgn grad", "ss.function([x],T.grad(abs(x).sum(),x))([0.,-1.])", "array([ 0., -1.])"),
    ("max grad ties", "ss.function([x],T.grad(x.max(),x))([1.,1.,0.])", "array([1., 1., 0.])"),
    ("maximum grad ties", "ss.function([x],T.grad(T.maximum(x,1.).sum(),x))([1.,2.])", "array([1., 1.])"),
    ("clip grad edge", "ss.function([x],T.grad(T.clip(x,0,1).sum(),x))([0.,1.,2.,.5])", "array([1., 1., 0., 1.])"),
    ("relu grad 0", "ss.function([x],T.grad(T.nnet.relu(x).sum(),x))([0.,1.,-1.])", "array([0.5, 1. , 0. ])"),
    ("mod neg", "ss.function([x],x%3)([-1.,-4.])", "array([2., 2.])"),
    ("int div neg", "ss.function([i],i//2)(-3)", "array(-2, dtype=int32)"),
    ("sqrt neg", "ss.function([x],T.sqrt(x))([-1.])", "array([nan])"),
    ("scan fib", "ss.function([], ss.scan(lambda a, b: a + b, n_steps=10,"
     " outputs_info=[dict(initial=T.constant(np.array([1., 1.])), taps=[-2, -1])])[0])()",
     "array([  2.,   3.,   5.,   8.,  13.,  21.,  34.,  55.,  89., 144.])"),
    ("scan until", "ss.function([x], ss.scan(lambda p, m: (p * 2, ss.scan_module.until(p * 2 > m)), n_steps=1024,"
     " outputs_info=T.constant(1.), non_sequences=T.constant(45.))[0], on_unused_input='ignore')([0.])",
     "array([ 2.,  4.,  8., 16., 32., 64.], dtype=float32)"),
    ("scan polynomial", "ss.function([x], ss.scan(lambda c, p, v: c * v**p, sequences=[x, T.arange(10000)],"
     " non_sequences=T.constant(3.), outputs_info=None)[0].sum())([1., 0., 2.])", "array(19.)"),
    ("A**k", "ss.function([x, i], ss.scan(lambda p, A: p * A, outputs_info=T.ones_like(x), non_sequences=x,"
     " n_steps=i)[0][-1])(np.arange(10.), 2)", "array([ 0.,  1.,  4.,  9., 16., 25., 36., 49., 64., 81.])"),
]

# case, expression, what was recorded, what symstack answers, why
DIFFERENT = [
    ("grad wrt int through", "T.grad((i*2.).sum(),i).eval({i: 5})", "Elemwise{mul}.0", "array(2.)",
     "the name of the node is not part of the language; its value is"),
    ("log(exp(x))", "ss.function([x],T.log(T.exp(x)))([1000.])", "array([inf])", "array([1000.])",
     "a more accurate rule gives x"),
    ("pp grad", "'x' in ss.pp(T.grad((x**2).sum(),x))", "((fill((x ** TensorConstant{2}), ...", "True",
     "the graph of a gradient before rewriting is not part of the language; that it prints is"),
]  # fmt: skip

RECORDED = 106


def names():
    """The variables that the expressions speak of, new for each row."""
    x, y, V = T.vector("x"), T.vector("y"), T.vector("V")
    fv = T.fvector("fv")
    ones = ss.shared(np.ones(3), name="s")
    streams, mrg = ss.RandomStreams(seed=234), ss.MRG_RandomStreams(1234)
    mrg_uniform = mrg.uniform((4,))
    return {
        "ss": ss, "T": T, "np": np, "x": x, "y": y, "V": V, "M": T.matrix("M"), "W": T.matrix("W"), "i": T.iscalar("i"),
        "fv": fv, "f": ss.function([x, y], x * y), "g": ss.function([fv], fv + 1),
        "s": ones, "s32": ss.shared(np.float32(1)),
        "ru": ss.function([], streams.uniform((2, 2))), "mu": ss.function([], mrg_uniform),
        "mn": ss.function([], mrg.normal((4,))),
    }  # fmt: skip


def answer_names():
    scalar = ()
    return {
        "array": np.array, "np": np, "nan": np.nan, "inf": np.inf, "float32": np.float32, "int32": np.int32,
        "int64": "int64", "int8": "int8", "float64": "float64", "TensorType": T.TensorType, "scalar": scalar,
    }  # fmt: skip


def error_types():
    import builtins

    from symcore import errors

    return {**vars(builtins), **vars(errors)}


def same(actual, expected):
    """Whether an answer is the recorded one: arrays to the digits that were printed, with their dtype and shape."""
    if isinstance(expected, dict):
        return (
            isinstance(actual, dict)
            and list(actual) == list(expected)
            and all(same(actual[key], expected[key]) for key in expected)
        )
    if isinstance(expected, list):
        return isinstance(actual, list) and len(actual) == len(expected) and all(map(same, actual, expected))
    if isinstance(expected, np.ndarray):
        if not isinstance(actual, np.ndarray) or (actual.dtype, actual.shape) != (expected.dtype, expected.shape):
            return False
        return bool(np.allclose(actual, expected, rtol=1e-12, atol=5.1e-9, equal_nan=True))
    return type(actual) is type(expected) and bool(actual == expected)


def check(expression, answer):
    scope = names()
    kind = "exec" if " = " in expression else "eval"
    code = compile(expression, "<recorded>", kind)
    if answer.startswith("raises "):
        with pytest.raises(error_types()[answer.removeprefix("raises ")]):
            exec(code, scope) if kind == "exec" else eval(code, scope)
        return
    actual, expected = eval(code, scope), eval(answer, answer_names())
    assert same(actual, expected), f"{expression} gave {actual!r}, recorded is {answer}"


@pytest.mark.default_mode
@pytest.mark.parametrize(("expression", "answer"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_recorded_answer(expression, answer):
    check(expression, answer)


@pytest.mark.default_mode
@pytest.mark.parametrize(
    ("expression", "answer"), [(row[1], row[3]) for row in DIFFERENT], ids=[row[0] for row in DIFFERENT]
)
def test_answer_that_differs_on_purpose(expression, answer):
    check(expression, answer)


def test_every_recorded_row_is_accounted_for():
    cases = [row[0] for row in ROWS] + [row[0] for row in DIFFERENT]
    assert len(cases) == len(set(cases)) == RECORDED


def test_setting_a_wrong_value_changes_nothing():
    s = ss.shared(np.ones(3), name="s")
    for wrong in (np.zeros(3, "complex128"), np.zeros((3, 3))):
        with pytest.raises(TypeError):
            s.set_value(wrong)
    np.testing.assert_array_equal(s.get_value(), np.ones(3))


def test_the_comparison_notices_differences():
    assert same(np.array([1.0, np.nan]), np.array([1.0, np.nan]))
    assert not same(np.array([1.0]), np.array([1.0], np.float32))
    assert not same(np.array([1.0]), np.array([1.1]))
    assert not same([np.array(1.0)], np.array(1.0))
    assert not same({"a": 1}, {"b": 1})
