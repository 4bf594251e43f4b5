"""NumPy's functions on symbolic tensors: each builds the graph that computes what NumPy computes."""

import math
import operator
import re

import numpy as np
import pytest

from symcore import tensor as T
from symcore.tensor.numpy_protocol import resolve
from symcore.tensor.numpy_twins import ACCUMULATE, REDUCE, UFUNCS, functions
from symcore.tensor.scalar_constants import NotScalarConstantError

VALUES = {
    "a": np.array([[0.5, -0.25, 2.0], [1.5, 0.125, -3.0]]),
    "c": np.array([[0.5, 2.0, 0.25], [-1.5, 4.0, 0.75]]),
    "v": np.array([0.25, 0.5, 0.75]),
    "w": np.array([-0.5, 0.0, 0.9]),
    "k": np.array([[3, 0, -7], [2, 5, 0]]),
    "p": np.array([2, 0, 1, 1]),
    "b": np.array([True, False, True]),
    "d": np.array([False, False, True]),
    "s": np.array([[4.0, 1.0, 0.5], [1.0, 3.0, -1.0], [0.5, -1.0, 5.0]]),
    "z": np.array([1 + 2j, -0.5j, -3 + 0j]),
    "t": np.arange(24.0).reshape(2, 3, 4) / 8,
    "f": np.array([0.5, -1.5], np.float32),
}

UFUNC_CASES = """
    np.add(a, 1); np.subtract(a, c); np.multiply(a, f64); np.divide(k, 2); np.floor_divide(k, 3); np.remainder(k, 3);
    np.power(c, 2); np.float_power(v, 2); np.negative(a); np.positive(a); np.absolute(z); np.fabs(a); np.rint(a);
    np.sign(a); np.conjugate(z); np.exp(z); np.exp2(a); np.expm1(a); np.log(v); np.log2(v); np.log10(v); np.log1p(v);
    np.sqrt(v); np.cbrt(a); np.square(k); np.reciprocal(v); np.sin(a); np.cos(a); np.tan(a); np.arcsin(v); np.arccos(v);
    np.arctan(a); np.arctan2(a, c); np.sinh(a); np.cosh(a); np.tanh(a); np.arcsinh(a); np.arccosh(v + 1); np.arctanh(w);
    np.deg2rad(a); np.radians(a); np.rad2deg(a); np.degrees(a); np.ceil(a); np.floor(a); np.trunc(a); np.maximum(a, 0);
    np.minimum(a, c); np.fmax(np.log(w), v); np.fmin(v, np.log(w)); np.less(a, c); np.less_equal(a, 0.5);
    np.greater(k, 2); np.greater_equal(k, 2); np.equal(k, 0); np.not_equal(k, k.T[0][0]); np.bitwise_and(k, 6);
    np.bitwise_or(k, 6); np.bitwise_xor(k, 6); np.invert(b); np.logical_and(a, k); np.logical_or(k, 0);
    np.logical_xor(k, b); np.logical_not(k); np.isnan(np.log(w)); np.isinf(np.log(w)); np.isfinite(np.log(w));
    np.divmod(k, 4); np.logaddexp(a, c); np.heaviside(a, 0.5); np.matmul(a, s); np.vecdot(z, z); np.ones(3) + a;
    np.float32(2) * f; np.float64(2) * f; np.ones((2, 2)) @ a; np.ones(3) < v; 2.0 ** v; np.float64(2) ** v;
    np.arange(3) == v; np.add.reduce(a); np.add.reduce(a, axis=1, keepdims=True); np.multiply.reduce(k, axis=None);
    np.add.reduce(f, dtype="float64"); np.maximum.reduce(a, axis=1); np.minimum.reduce(a); np.logical_and.reduce(k);
    np.logical_or.reduce(k, axis=1); np.add.accumulate(a); np.multiply.accumulate(a, axis=1); np.subtract.outer(v, w);
    np.logaddexp.outer(a, v)
"""
FUNCTION_CASES = """
    np.shape(a); np.ndim(a); np.size(a); np.size(a, axis=1); np.reshape(a, (3, 2)); np.ravel(a); np.transpose(t);
    np.transpose(t, (1, 0, 2)); np.permute_dims(t, axes=(2, 0, 1)); np.matrix_transpose(t); np.swapaxes(t, 0, 2);
    np.moveaxis(t, 0, -1); np.squeeze(np.expand_dims(a, 1), axis=1); np.expand_dims(a, 0); np.broadcast_to(v, (2, 3));
    np.broadcast_arrays(a, np.ones((2, 1))); np.atleast_1d(v, a); np.atleast_2d(v); np.repeat(a, 2, axis=1);
    np.repeat(a, 2); np.tile(v, 2); np.roll(a, 1, axis=1); np.flip(a); np.fliplr(a); np.flipud(a);
    np.concatenate([a, c], axis=1); np.concatenate((a, c), axis=None); np.concatenate([f, f], dtype="float64");
    np.concat([a, np.zeros((1, 3))]); np.stack([a, c], axis=-1); np.hstack([v, w]); np.vstack([v, a]);
    np.dstack([a, c]); np.column_stack([v, w]); np.append(a, c); np.append(a, c, axis=0); np.split(a, 3, axis=1);
    np.split(v, [1, 2]); np.meshgrid(v, p); np.copy(a); np.zeros_like(k); np.empty_like(k) * 0;
    np.ones_like(a, dtype="int8"); np.full_like(a, 7);
    np.sum(a); np.sum(k, axis=(0, 1)); np.sum(a, 1, keepdims=True); np.sum(f, dtype="float64"); np.prod(a, axis=0);
    np.mean(a, axis=1); np.mean(k); np.var(a, axis=0, ddof=1); np.std(a); np.max(a, axis=1); np.amax(a); np.min(k);
    np.amin(a, axis=0); np.all(k, axis=0); np.any(k); np.argmax(a, axis=1); np.argmin(a); np.ptp(a, axis=0);
    np.average(a, axis=1, weights=v); np.average(a); np.count_nonzero(k, axis=1); np.cumsum(a); np.cumsum(k, axis=1);
    np.cumsum(b); np.cumprod(a, axis=0); np.diff(a); np.diff(v, 2); np.trace(s, offset=1); np.sort(a, axis=0);
    np.argsort(a, axis=1); np.searchsorted(v, w); np.unique(k); np.unique(p, return_counts=True); np.bincount(p);
    np.bincount(p, minlength=6); np.nonzero(k); np.flatnonzero(k); np.argwhere(k); np.where(a > 0, a, c); np.where(k);
    np.select([a > 1, a < 0], [a, c], 5.0); np.choose(p[1:], [v, w, v + w]); np.compress(b, a, axis=1);
    np.extract(b, v); np.take(a, [0, 2], axis=1); np.take(a, p); np.take_along_axis(a, np.argsort(a, axis=1), axis=1);
    np.diag(v); np.diag(s, k=1); np.diagonal(t, 0, 1, 2); np.tril(s); np.triu(s, 1); np.clip(a, -1, 1);
    np.clip(a, None, 1); np.clip(a, 0, None); np.clip(a, min=0, max=1); np.clip(a, None, None); np.round(a);
    np.round(a, 1); np.around(k, -1); np.fix(a); np.real(z); np.imag(z); np.imag(a); np.angle(z, deg=True); np.sinc(a);
    np.isclose(v, w); np.allclose(v, v); np.iscomplexobj(z); np.isrealobj(z); np.result_type(f, k, 2);
    np.ravel_multi_index((p, p), (3, 4)); np.unravel_index(p, (2, 2)); np.round(a, -1);
    np.dot(a, s); np.vdot(z, z); np.inner(a, v); np.outer(a, v); np.tensordot(t, a, axes=([0, 1], [0, 1]));
    np.einsum("ij,kj->ik", a, c, optimize=True); np.kron(s, a); np.linalg.norm(a); np.linalg.norm(a, axis=1);
    np.linalg.norm(s, ord=1); np.linalg.vector_norm(a, axis=1, ord=1); np.linalg.matrix_norm(a); np.linalg.inv(s);
    np.linalg.pinv(a); np.linalg.det(s); np.linalg.slogdet(s); np.linalg.solve(s, v); np.linalg.lstsq(s, v);
    np.linalg.eigvalsh(s); np.linalg.svd(a, compute_uv=False); np.linalg.svdvals(a); np.linalg.qr(s, mode="r");
    np.linalg.cholesky(s); np.linalg.cholesky(s, upper=True); np.linalg.matrix_power(s, 3);
    np.linalg.multi_dot([a, s, v]);
    np.linalg.tensorinv(s, ind=1); np.linalg.tensorsolve(s, v); np.linalg.matmul(a, s); np.linalg.matrix_transpose(t);
    np.linalg.trace(s); np.linalg.diagonal(t); np.linalg.outer(v, w); np.linalg.tensordot(a, s, axes=1);
    np.linalg.eigh(s)[0]; np.sort(np.linalg.eig(s)[0].real); np.fft.rfft(a); np.fft.rfft(a, axis=0, norm="ortho");
    np.fft.irfft(np.fft.rfft(t, axis=-1)); np.fft.irfft(np.fft.rfft(np.broadcast_to(v, (3,))), n=3);
    np.fft.fft(z); np.fft.fft(t, axis=1, norm="forward"); np.fft.ifft(z); np.fft.fft(f, norm="ortho");
    np.fft.ifft(np.fft.fft(t, axis=1), axis=1); np.i0(v)
"""
#: Where our recorded rule for dtypes differs from NumPy's.
OTHER_DTYPE = {'np.fft.fft(f, norm="ortho")', "np.linalg.lstsq(s, v)"}


def cases(text):
    return [" ".join(c.split()) for c in text.split(";")]


def variable(name, value):
    return T.TensorType(value.dtype, [None] * value.ndim)(name)


def computed(expression):
    """Return what ``expression`` computes symbolically, and what NumPy makes of the same text."""
    names = set(re.findall(r"\b[a-z]\b", expression)) & set(VALUES)
    symbols = {n: variable(n, VALUES[n]) for n in names}
    with np.errstate(all="ignore"):
        wanted = eval(expression, {"np": np, "f64": np.ones(3) * 2, **{n: VALUES[n] for n in names}})
    graph = eval(expression, {"np": np, "f64": np.ones(3) * 2, **symbols})
    given = {v: VALUES[n] for n, v in symbols.items()}
    if isinstance(graph, (tuple, list)):
        return [g.eval(given) for g in graph], list(wanted)
    if not hasattr(graph, "eval"):
        return [np.asarray(graph)], [np.asarray(wanted)]
    return [graph.eval(given)], [wanted]


@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")  # of NumPy 2.5, where it still works
@pytest.mark.parametrize("expression", cases(UFUNC_CASES) + cases(FUNCTION_CASES))
def test_computes_what_numpy_computes(expression):
    if "i0" in expression:
        pytest.importorskip("scipy")
    found, wanted = computed(expression)
    assert len(found) == len(wanted)
    for got, want in zip(found, wanted, strict=True):
        want = np.asarray(want)
        if got.dtype.kind in "fc":
            eps = max(np.finfo(got.dtype).eps, np.finfo(want.dtype).eps)
            scale = np.abs(want[np.isfinite(want)]).max(initial=1.0)
            np.testing.assert_allclose(got, want, rtol=64 * eps, atol=64 * eps * scale)
        elif got.dtype != object:
            np.testing.assert_array_equal(got, want)
        else:
            assert got == want
        assert got.shape == want.shape
        if expression not in OTHER_DTYPE:
            assert got.dtype == want.dtype


def test_every_entry_of_the_tables_has_a_case_and_a_function():
    text = UFUNC_CASES + FUNCTION_CASES
    for name in UFUNCS:
        assert re.search(rf"np\.{name}[.(]", text), name
        assert isinstance(getattr(np, name), np.ufunc) and callable(resolve(UFUNCS[name]))
    for table, method in ((REDUCE, "reduce"), (ACCUMULATE, "accumulate")):
        for name, target in table.items():
            assert f"np.{name}.{method}(" in text and callable(resolve(target))
    for name, twin in functions().items():
        assert f"np.{name}(" in text, name
        assert callable(resolve(twin.target))
        assert callable(operator.attrgetter(name)(np))


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("np.exp(x, out=np.zeros(3))", "cannot write a symbolic result"),
        ("np.exp(x, where=x > 0)", "where"),
        ("np.add(x, 1, dtype='float32')", "astype"),
        ("np.add.at(x, [0], 1)", "inc_subtensor"),
        ("np.add.reduceat(x, [0, 1])", "reduceat"),
        ("np.subtract.reduce(x)", "np.subtract.reduce"),
        ("np.maximum.accumulate(x)", "np.maximum.accumulate"),
        ("np.maximum.reduce(x, dtype='float32')", "dtype"),
        ("np.add.reduce(x, where=[True])", "where"),
        ("np.spacing(x)", "np.spacing of symbolic"),
        ("np.frexp(x)", "np.frexp of symbolic"),
        ("np.median(x)", "np.median of symbolic"),
        ("np.sum(x, out=np.zeros(()))", "out"),
        ("np.sum(x, where=[True])", "where"),
        ("np.sum(x, initial=3)", "initial"),
        ("np.squeeze(x)", "axis="),
        ("np.linalg.pinv(T.dmatrix(), hermitian=True)", "hermitian"),
        ("np.reshape(x, (1, 3), order='F')", "order"),
        ("np.asarray(x)", "symbolic and has no values"),
        ("np.array([x, x])", "symbolic and has no values"),
        ("float(x)", "float"),
        ("int(x)", "int"),
        ("complex(x)", "complex"),
        ("math.exp(x)", "float"),
        ("range(x)", "arange"),
        ("[1, 2][x]", "Python"),
        ("operator.index(x)", "symbolic"),
    ],
)
def test_what_a_graph_cannot_follow_is_refused_in_words(expression, words):
    names = {"np": np, "T": T, "math": math, "operator": operator, "x": T.dvector("x")}
    with pytest.raises(TypeError, match=re.escape(words)):
        eval(expression, names)


def test_in_place_on_an_array_is_refused():
    values = np.ones(3)
    with pytest.raises(TypeError, match="cannot write a symbolic result"):
        values += T.dvector("x")
    np.testing.assert_array_equal(values, np.ones(3))


def test_what_another_library_brings_along_gets_its_chance():
    class Other:
        def __array_ufunc__(self, *args, **kwargs):
            return "theirs"

    assert np.add(T.dvector("x"), Other()) == "theirs"


# --- methods ----------------------------------------------------------------------------------------------------------

METHODS = """
    a.T; a.shape; a.size; z.real; z.imag; a.imag; a.dot(s); a.sum(axis=0);
    a.sum(axis=0, dtype="float64", keepdims=True);
    a.prod(axis=1); a.mean(); a.var(axis=0); a.std(); a.min(); a.max(axis=1); a.argmin(); a.argmax(axis=0);
    k.any(axis=0);
    k.all(); a.reshape((3, 2)); a.reshape(-1); a.flatten(); a.ravel(); t.transpose(1, 0, 2); s.diagonal(1); s.trace();
    t.trace(0, 1, 2); t.diagonal(0, 0, 2); a.astype("float32"); a.take([0, 2], 1); a.copy(); a.repeat(2, 1);
    a.repeat(2);
    a.round(); a.clip(-1, 1); np.sort(a); a.argsort(axis=0); k.nonzero(); z.conj(); a.cumsum(axis=1); a.cumprod(0);
    v.searchsorted(w); a.swapaxes(0, 1); p[1:].choose([v, w, v + w]); a.compress(b, 1); a.squeeze();
    divmod(k, 4); divmod(7, p + 1); round(v); round(a, 1); round(k); -a; +a; abs(a); ~b; k & 3; 3 | k; 3 ^ k;
    2 // (k + 8)
"""


@pytest.mark.parametrize("expression", cases(METHODS))
def test_methods_compute_what_those_of_arrays_do(expression):
    # Python rounds an array of floats as NumPy does, but has no __round__ for arrays in every version
    wanted_text = expression.replace("round(v)", "np.round(v)").replace("round(a, 1)", "np.round(a, 1)")
    wanted_text = wanted_text.replace("round(k)", "np.round(k)")
    names = set(re.findall(r"\b[a-z]\b", expression)) & set(VALUES)
    symbols = {n: variable(n, VALUES[n]) for n in names}
    graph = eval(expression, {"np": np, **symbols})
    wanted = eval(wanted_text, {"np": np, **VALUES})
    given = {v: VALUES[n] for n, v in symbols.items()}
    several = isinstance(graph, tuple)
    for g, want in zip(graph if several else [graph], wanted if several else [wanted], strict=True):
        np.testing.assert_allclose(g.eval(given), want, rtol=1e-14)


def test_methods_without_a_twin():
    x = T.dmatrix("x")
    given = {x: VALUES["a"]}
    np.testing.assert_array_equal(x.sort(0).eval(given), np.sort(VALUES["a"], 0))
    np.testing.assert_array_equal(x.ptp(axis=1).eval(given), [2.25, 4.5])
    np.testing.assert_array_equal(x.nonzero_values().eval(given), VALUES["a"].ravel())
    np.testing.assert_array_equal(x.fill(3).eval(given), np.full((2, 3), 3.0))
    np.testing.assert_array_equal(x.zeros_like().eval(given), np.zeros((2, 3)))
    np.testing.assert_array_equal(x.ones_like().eval(given), np.ones((2, 3)))
    np.testing.assert_allclose(x.norm(2, axis=1).eval(given), np.linalg.norm(VALUES["a"], axis=1))
    np.testing.assert_array_equal(x.dimshuffle(1, "x", 0).eval(given), VALUES["a"].T[:, None])
    np.testing.assert_array_equal(x.round("half_away_from_zero").eval(given), [[1, 0, 2], [2, 0, -3]])
    assert x.ndim == 2 and x.dtype == "float64" and x.broadcastable == (False, False)
    assert x.transfer("cpu") is x
    assert T.constant(np.full(3, 2.5)).get_scalar_constant_value() == 2.5
    with pytest.raises(NotScalarConstantError, match="not known"):
        x.get_scalar_constant_value()
    with pytest.raises(TypeError, match="name of a device"):
        x.transfer(3)


@pytest.mark.parametrize("axis", [1.0, "a", True, (0, 0), 5, T.iscalar("k"), [0.5], object()])
def test_odd_axes_are_refused_in_words(axis):
    with pytest.raises((TypeError, ValueError), match="axis"):
        T.dmatrix("x").sum(axis=axis)


# --- arrays of other libraries ----------------------------------------------------------------------------------------


class WithArray:
    """Lends its memory by ``__array__``, as the tensors of other libraries do."""

    def __init__(self, data):
        self.data = data

    def __array__(self, dtype=None, copy=None):
        return self.data if dtype is None else self.data.astype(dtype)


class WithInterface:
    """Lends its memory by ``__array_interface__``."""

    def __init__(self, data):
        self.data = data

    @property
    def __array_interface__(self):
        return self.data.__array_interface__


class WithDLPack:
    """Lends its memory by DLPack alone."""

    def __init__(self, data):
        self.data = data

    def __dlpack__(self, **options):
        return self.data.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.data.__dlpack_device__()


class Elsewhere(WithDLPack):
    """Lies on another device."""

    def __dlpack__(self, **options):
        raise BufferError("the array is on a device that the host cannot read")


OTHERS = [WithArray, WithInterface, WithDLPack]


@pytest.mark.parametrize("other", OTHERS)
def test_arrays_of_other_libraries_are_values(other):
    data = np.array([1.0, -2.0, 3.0])
    x = T.dvector("x")
    np.testing.assert_array_equal((x * 2).eval({x: other(data)}), data * 2)
    assert np.shares_memory(x.type.filter(other(data)), data)  # not copied
    assert T.fvector("f").type.filter(other(data.astype("int16"))).dtype == np.float32
    with pytest.raises(TypeError, match="losing precision"):
        T.fvector("f").type.filter(other(data))
    with pytest.raises(TypeError, match="strict"):
        x.type.filter(other(data), strict=True)


@pytest.mark.parametrize("other", OTHERS)
def test_arrays_of_other_libraries_are_constants_and_shared_values(other):
    data = np.array([1, 2, 3])
    x = T.dvector("x")
    constant = T.as_tensor_variable(other(data))
    assert constant.dtype == "int64"  # a dtype of its own: not the smallest for these numbers
    assert (x + other(data)).type.dtype == "float64"
    s, lent = T.shared(other(data)), T.shared(other(data), borrow=True)
    data[0] = 7
    assert s.get_value()[0] == constant.data[0] == 1 and lent.get_value()[0] == 7
    s.set_value(other(data))
    data[0] = 9
    assert s.get_value()[0] == 7
    s.set_value(other(data), borrow=True)
    data[0] = 11
    assert s.get_value(borrow=True)[0] == 11


def test_arrays_that_cannot_be_read_are_refused_in_words():
    x = T.dvector("x")
    for use in (x.type.filter, T.shared, T.constant, T.as_tensor_variable):
        with pytest.raises(TypeError, match="Elsewhere.*device"):
            use(Elsewhere(np.ones(3)))


def test_set_value_does_not_share_memory_with_views():
    data = np.zeros(4)
    s = T.shared(np.zeros(2))
    part = data[:2]
    s.set_value(part)
    part[0] = 5
    assert s.get_value()[0] == 0


# --- indices, comparisons, complex numbers ----------------------------------------------------------------------------

INDICES = ["x[:,j,...,k]", "x[:,j,k]", "x[:,0,...,k]", "x[i,...,0,k]", "x[j%3,0,...,k]", "x[...,j,k]", "x[:,j,k,...]",
           "x[j%3,:,...,k]", "x[:,2,...,j]", "x[:,...,j,k]", "x[m,...,i[:2],k[:2]]", "x[:,m4,...,k[:2]]",
           "x[:,n,...,k]", "x[:,i,None,k]", "x[None,:,i,...,k]"]  # fmt: skip


@pytest.mark.parametrize("text", INDICES)
def test_dots_place_axes_as_numpy_does(text):
    values = np.arange(60.0).reshape(3, 4, 5)
    names = {"i": np.array([0, 2, 1]), "j": np.array([[1], [3]]), "k": np.array([4, 0, 1]), "n": np.array(1),
             "m": np.array([True, False, True]), "m4": np.array([True, False, True, False]), "np": np}  # fmt: skip
    x = T.dtensor3("x")
    wanted, part = eval(text, {"x": values, **names}), eval(text, {"x": x, **names})
    np.testing.assert_array_equal(part.eval({x: values}), wanted)
    assert part.type.ndim == wanted.ndim
    if "None" in text:
        return
    index = eval(f"np.s_[{text[2:-1]}]", names)
    added, replaced = values.copy(), values.copy()
    np.add.at(added, index, 2.0)
    np.testing.assert_array_equal(T.inc_subtensor(part, 2.0).eval({x: values}), added)
    new = -np.arange(wanted.size, dtype=float).reshape(wanted.shape)
    replaced[index] = new
    np.testing.assert_array_equal(T.set_subtensor(part, new).eval({x: values}), replaced)


def test_parts_with_their_axes_exchanged_can_be_written_to():
    x = T.dmatrix("x")
    values = np.arange(12.0).reshape(3, 4)
    wanted = values.copy()
    wanted[1:].T[...] = [-1.0, -2.0]
    np.testing.assert_array_equal(T.set_subtensor(x[1:].T, np.array([-1.0, -2.0])).eval({x: values}), wanted)
    with pytest.raises(ValueError, match="dimensions"):
        T.set_subtensor(x[1:].T, np.zeros((1, 2, 2)))


@pytest.mark.parametrize("name", ["lt", "le", "gt", "ge", "eq", "neq"])
def test_signed_and_unsigned_integers_compare_exactly(name):
    a = np.array([2**63 - 1, 2**53 + 1, -1, 0, 2**53, -(2**63), 5]).repeat(7)
    b = np.tile(np.array([2**63, 2**53, 2**64 - 1, 0, 2**53 + 1, 2**63 + 1, 5], np.uint64), 7)
    wanted = [getattr(operator, {"neq": "ne"}.get(name, name))(int(p), int(q)) for p, q in zip(a, b, strict=True)]
    x, y = T.lvector("x"), T.TensorType("uint64", (None,))("y")
    compare = getattr(T, name)
    np.testing.assert_array_equal(compare(x, y).eval({x: a, y: b}), wanted)
    np.testing.assert_array_equal(compare(T.constant(a), T.constant(b)).eval(), wanted)


@pytest.mark.parametrize(
    "name",
    ["floor", "ceil", "trunc", "deg2rad", "rad2deg", "sigmoid", "softplus", "mod", "int_div", "arctan2", "iround"],
)
def test_what_is_not_defined_for_complex_numbers_is_refused_when_built(name):
    z = T.zvector("z")
    arguments = {"iround": ("half_away_from_zero",), "mod": (2,), "int_div": (2,), "arctan2": (1.0,)}.get(name, ())
    with pytest.raises(TypeError, match="complex"):
        getattr(T, name)(z, *arguments)
