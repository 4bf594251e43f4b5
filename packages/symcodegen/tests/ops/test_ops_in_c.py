"""Every Op that has C: the C program against the reference interpreter, without any rule in between."""

import warnings

import numpy as np
import pytest

from symcodegen.expr import NoC
from symcodegen.linker import CLinker
from symcore import tensor as T
from symcore.interpreter import evaluate
from symcore.printing.ops_printing import Assert
from symcore.tensor import scalar_functions
from symcore.tensor.creation import AllocEmpty
from symcore.tensor.elemwise import TABLE, Composite, Elemwise, ScalarFn
from symcore.tensor.products import Gemm, Gemv, Ger
from symcore.tensor.reduce import Argmax
from symopt import Mode, RuleSet, function

pytestmark = pytest.mark.c
PLAIN = Mode("no rules", RuleSet(), CLinker)
REALS = ["float32", "float64"]
INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def values(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    info = np.iinfo(dtype)
    return rng.integers(max(info.min, -9), min(info.max, 9), shape).astype(dtype)


def layouts(array):
    """The same values in other memory: contiguous, Fortran order, strided, backwards."""
    yield array
    if array.ndim > 1:
        yield np.asfortranarray(array)
    if array.ndim:
        wide = np.repeat(array, 2, axis=-1)
        yield wide[..., ::2]
        yield np.ascontiguousarray(array[..., ::-1])[..., ::-1]


def compare(inputs, outputs, arrays, tolerance=None, in_c=True):
    """Compile with the C linker alone and compare with the interpreter on every layout."""
    outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    f = function(inputs, outputs, mode=PLAIN, on_unused_input="ignore")
    if in_c:
        python = [(str(n.op), how) for n, where, how in f.placement() if where == "Python"]
        assert not python, python
    for variant in zip(*[list(layouts(a))[:2] if a.ndim > 1 else list(layouts(a))[:1] for a in arrays], strict=False):
        check(f, inputs, outputs, variant, tolerance)
    strided = [list(layouts(a))[-2] if a.ndim else a for a in arrays]
    check(f, inputs, outputs, strided, tolerance)
    check(f, inputs, outputs, [list(layouts(a))[-1] for a in arrays], tolerance)


def check(f, inputs, outputs, arrays, tolerance):
    before = [a.copy() for a in arrays]
    got = f(*arrays)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = evaluate(outputs, dict(zip(inputs, arrays, strict=True)))
    for g, w, v in zip(got, wanted, outputs, strict=True):
        assert g.dtype == w.dtype == v.type.dtype
        assert g.shape == w.shape
        if tolerance is None and g.dtype.kind not in "fc":
            np.testing.assert_array_equal(g, w)
        else:
            eps = tolerance or {"float32": 2e-6, "complex64": 2e-6}.get(g.dtype.name, 1e-12)
            np.testing.assert_allclose(g, w, rtol=eps, atol=eps)
    for a, b in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(a, b)


# ------------------------------------------------------------------------------------------------ elementwise

WITHOUT_C: set[str] = set()
FLOAT_ONLY = {"sgn", "true_div"}


#: The functions of this one module: what other packages add to the table is tested with them.
CORE = {fn.name for fn in vars(scalar_functions).values() if isinstance(fn, ScalarFn)}


@pytest.mark.parametrize("name", sorted(CORE - WITHOUT_C))
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "int8", "uint8", "uint64", "bool"])
def test_scalar_function(name, dtype):
    fn = TABLE[name]
    nin = fn.nin or 3
    try:
        inputs = [T.tensor(dtype, shape=(None, None), name=f"x{k}") for k in range(nin)]
        output = fn(*inputs)
    except TypeError:
        pytest.skip(f"{name} does not take {dtype}")
    arrays = [values((5, 7), dtype, k) for k in range(nin)]
    if name == "pow" and np.dtype(dtype).kind == "i":
        arrays[1] = np.abs(arrays[1] % 9)
    if name in ("log", "log2", "log10", "log1p", "sqrt", "pow") and np.dtype(dtype).kind == "f":
        arrays[0] = np.abs(arrays[0]) + np.dtype(dtype).type(0.1)
    compare(inputs, output, arrays, 5e-6 if output.dtype == "float32" else 1e-13)


@pytest.mark.parametrize("source", [*REALS, *INTEGERS, "bool"])
@pytest.mark.parametrize("target", [*REALS, *INTEGERS, "bool"])
def test_cast(source, target):
    x = T.tensor(source, shape=(None, None))
    array = values((4, 6), source)
    if np.dtype(source).kind == "f":
        array = np.abs(array)  # a negative float has no defined unsigned value
    compare([x], T.cast(x, target), [array])


@pytest.mark.parametrize("dtype", REALS)
def test_special_values(dtype):
    special = np.array([0.0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 1e-40, 88, -88, 1e30], dtype)
    x, y = T.tensor(dtype, shape=(None,)), T.tensor(dtype, shape=(None,))
    a, b = (v.ravel() for v in np.meshgrid(special, special))
    for fn in (T.maximum, T.minimum, T.add, T.mul, T.sub, T.true_div, T.int_div, T.mod, T.eq, T.lt, T.pow):
        f = function([x, y], fn(x, y), mode=PLAIN)
        with np.errstate(all="ignore"):
            wanted = evaluate(fn(x, y), {x: a, y: b})
        np.testing.assert_allclose(f(a, b), wanted, rtol=1e-6, err_msg=str(fn))
    unary = "exp log log1p expm1 tanh sigmoid softplus sqrt sgn floor ceil isnan isinf"
    for fn in (TABLE[name] for name in unary.split()):
        f = function([x], fn(x), mode=PLAIN)
        with np.errstate(all="ignore"):
            wanted = evaluate(fn(x), {x: special})
        np.testing.assert_allclose(f(special), wanted, rtol=1e-6, atol=0, err_msg=str(fn))


def test_broadcasting():
    m, r, c, v, s = T.matrix(), T.row(), T.col(), T.vector(), T.scalar()
    arrays = [*(values(shape, "float64") for shape in ((300, 70), (1, 70), (300, 1), 70)), np.array(1.5)]
    compare([m, r, c, v, s], m * r + c * v - s, arrays)
    compare([m, r, c, v, s], [r + c, c * s, v + s, m.T + c.T], arrays)


def test_a_length_of_one_is_not_stretched_unless_the_type_says_so():
    x, y = T.vectors(2)
    f = function([x, y], x + y, mode=PLAIN)
    with pytest.raises(ValueError, match=r"length|shape|differ"):
        f([1.0], [1.0, 2.0])


@pytest.mark.parametrize("shape", [(0,), (1,), (255,), (256,), (257,), (1000,)])
def test_block_edges(shape):
    x, y = T.vectors(2)
    compare([x, y], T.exp(x) * y, [values(shape, "float64"), values(shape, "float64", 1)])


def test_composite_with_several_outputs():
    steps = ((TABLE["add"], (0, 1), "float64"), (TABLE["exp"], (2,), "float64"), (TABLE["lt"], (2, 0), "bool"))
    fn = Composite(2, steps, (2, 3, 4))
    x, y = T.matrix(), T.vector()
    compare([x, y], Elemwise(fn)(x, y), [values((6, 5), "float64"), values(5, "float64", 1)])


# ------------------------------------------------------------------------------------------------ reductions


@pytest.mark.parametrize("dtype", [*REALS, "int8", "int64", "uint8", "bool"])
@pytest.mark.parametrize("fn", ["sum", "prod", "max", "min", "any", "all"])
def test_reduction(fn, dtype):
    x = T.tensor(dtype, shape=(None, None, None))
    array = values((3, 70, 65), dtype)
    if fn == "prod":
        array = (
            np.where(array == 0, array.dtype.type(1), array)
            if np.dtype(dtype).kind != "f"
            else (1 + array / 1000).astype(dtype)
        )
        if np.dtype(dtype).kind != "f":
            array = np.sign(array).astype(dtype) if dtype != "bool" else array
    outputs = [getattr(T, fn)(x, axis=a) for a in (None, 0, 1, 2, (0, 2), (1, 2), (0, 1))]
    compare([x], outputs, [array], 1e-5 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("dtype", REALS)
def test_reductions_of_nan_and_nothing(dtype):
    x = T.tensor(dtype, shape=(None, None))
    array = values((4, 200), dtype)
    array[1, 100] = np.nan
    array[2, 3] = np.inf
    compare([x], [T.max(x, 1), T.min(x, 0), T.sum(x, 1), T.argmax(x, 1), T.argmax(x, 0)], [array], 1e-5)
    f = function([x], [x.sum(0), x.sum(1), x.prod(1)], mode=PLAIN)
    a, b, c = f(np.zeros((3, 0), dtype))
    assert a.shape == (0,) and b.tolist() == [0, 0, 0] and c.tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="no elements"):
        function([x], x.max(1), mode=PLAIN)(np.zeros((3, 0), dtype))


def test_sum_of_floats_is_as_accurate_as_numpy():
    rng = np.random.default_rng(1)
    array = rng.random(2_000_000).astype("float32")
    x = T.fvector()
    exact = array.astype("float64").sum()
    ours = abs(float(function([x], x.sum(), mode=PLAIN)(array)) - exact)
    numpys = abs(float(array.sum()) - exact)
    assert ours <= max(numpys, exact * 6e-8)


def test_argmax_over_several_axes():
    x = T.tensor3()
    compare([x], [Argmax((0, 1, 2))(x), Argmax((1, 2))(x), Argmax((0,))(x)], [values((3, 4, 5), "float64")])


# ------------------------------------------------------------------------------------------------ shapes and views


def test_views():
    x = T.tensor3()
    array = values((4, 5, 6), "float64")
    compare([x], [x.dimshuffle(2, "x", 0, 1), x[1], x[:, 1:4:2], x[::-1, ..., -2], x[-1, -1, -1], x[1:1]], [array])
    compare([x], [x.reshape((20, 6)), x.T.reshape((-1, 4)), x.flatten(), x[:, 1:3].flatten(2)], [array])
    compare([x], [x.shape, x.shape[1], x.size, x[0].shape], [array])


def test_symbolic_indices():
    x, i, j = T.matrix(), T.lscalar(), T.iscalar()
    arrays = [values((6, 5), "float64"), np.array(2), np.array(4, "int32")]
    compare([x, i, j], [x[i], x[i:j], x[:, j], x[::i], x[i, j]], arrays)
    f = function([x, i], x[i], mode=PLAIN)
    with pytest.raises(IndexError):
        f(np.zeros((2, 2)), 2)
    np.testing.assert_array_equal(f(np.eye(2), -1), [0, 1])


@pytest.mark.parametrize("dtype", ["float32", "int32", "int8"])
def test_writing_into_parts(dtype):
    x, v, s = T.tensor(dtype, shape=(None, None)), T.tensor(dtype, shape=(None,)), T.tensor(dtype, shape=())
    arrays = [values((4, 5), dtype), values(5, dtype, 1), values((), dtype, 2)]
    compare(
        [x, v, s],
        [
            T.set_subtensor(x[1], v),
            T.inc_subtensor(x[2:], v),
            T.inc_subtensor(x[:, 1], s),
            T.set_subtensor(x[::-2, ::2], s),
        ],
        arrays,
    )


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_gather_and_scatter(dtype):
    x, v = T.tensor(dtype, shape=(None, None)), T.tensor(dtype, shape=(None, None))
    i, j = T.lvector(), T.lvector()
    index, other = np.array([0, 2, 2, -1]), np.array([1, 1, 0, 2])
    arrays = [values((4, 3), dtype), values((4, 3), dtype, 1), index, other]
    written = [T.inc_subtensor(x[i], v), T.set_subtensor(x[i], v), T.inc_subtensor(x[i, j], v[:, 0])]
    compare([x, v, i, j], [x[i], x[i, j], *written, x[i, 1], T.inc_subtensor(x[i], v[0])], arrays)
    with pytest.raises(IndexError, match="out of bounds"):
        function([x, i], x[i], mode=PLAIN)(arrays[0], np.array([4]))


def test_creation():
    n, m, s = T.lscalar(), T.lscalar(), T.scalar()
    arrays = [np.array(4), np.array(3), np.array(2.5)]
    outputs = [T.zeros((n, m)), T.alloc(s, m, n), T.arange(n), T.arange(m, n * 3, m), T.eye(n, m, 1), T.ones(n)]
    compare([n, m, s], outputs, arrays)


def test_join_and_stack():
    x, y, s = T.matrix(), T.matrix(), T.scalar()
    arrays = [values((3, 4), "float64"), values((3, 4), "float64", 1), np.array(2.0)]
    outputs = [T.concatenate([x, y]), T.join(1, x, y, x), T.stack([x, y], axis=1), T.stack([s, s * 2])]
    compare([x, y, s], outputs, arrays)
    f = function([x, y], T.concatenate([x, y]), mode=PLAIN)
    with pytest.raises(ValueError):
        f(np.zeros((2, 3)), np.zeros((2, 4)))


# ------------------------------------------------------------------------------------------------ products


@pytest.mark.parametrize("dtype", REALS)
def test_dot(dtype):
    m, n, v, w = (T.tensor(dtype, shape=(None,) * k) for k in (2, 2, 1, 1))
    arrays = [values((4, 5), dtype), values((5, 3), dtype, 1), values(5, dtype, 2), values(5, dtype, 3)]
    tolerance = 2e-5 if dtype == "float32" else 1e-12
    outputs = [T.dot(m, n), T.dot(m, v), T.dot(v, n), T.dot(v, w), T.dot(n.T, m.T), T.outer(v, w)]
    compare([m, n, v, w], outputs, arrays, tolerance)
    empty = [np.zeros((4, 0), dtype), np.zeros((0, 3), dtype), np.zeros(0, dtype), np.zeros(0, dtype)]
    got = function([m, n, v, w], [T.dot(m, n), T.dot(m, v), T.dot(v, w)], mode=PLAIN)(*empty)
    assert [g.shape for g in got] == [(4, 3), (4,), ()]
    assert all((g == 0).all() for g in got)


@pytest.mark.parametrize("dtype", REALS)
def test_blas_forms(dtype):
    c, a, b = (T.tensor(dtype, shape=(None, None)) for _ in range(3))
    x, y, alpha, beta = (T.tensor(dtype, shape=(None,) * k) for k in (1, 1, 0, 0))
    arrays = [values(shape, dtype, seed) for seed, shape in enumerate([(4, 3), (4, 5), (5, 3), 5, 4])]
    arrays += [np.array(0.5, dtype), np.array(-2, dtype)]
    inputs = [c, a, b, x, y, alpha, beta]
    tolerance = 2e-5 if dtype == "float32" else 1e-12
    outputs = [Gemm()(c, alpha, a, b, beta), Gemv()(y, alpha, a, x, beta), Ger()(a, alpha, y, x)]
    compare(inputs, outputs, arrays, tolerance)


def test_beta_zero_does_not_read_the_buffer():
    a, x = T.matrix(), T.vector()
    zero, one = T.constant(0.0, dtype="float64"), T.constant(1.0, dtype="float64")
    y = Gemv()(AllocEmpty("float64")(a.shape[0]), one, a, x, zero)
    compare([a, x], y, [values((4, 5), "float64"), values(5, "float64")])


def test_products_without_c_run_in_python_and_say_so(monkeypatch):
    monkeypatch.setattr("symcodegen.kernels.integer_dot.product_kernel", _no_product)
    m, n = T.imatrix(), T.imatrix()
    f = function([m, n], T.dot(m, n), mode=PLAIN)
    assert "no C for a product of nothing" in f.explain()
    np.testing.assert_array_equal(f([[1, 2]], [[3], [4]]), [[11]])


def _no_product(*given):
    raise NoC("product of nothing")


# ------------------------------------------------------------------------------------------------ lengths in registers


def test_lengths_made_of_truth_values_and_floats():
    x, i, j = T.vector(), T.lscalar(), T.lscalar()
    arrays = [np.arange(6.0), np.array(1), np.array(2)]
    either = T.cast((i > 0) + (j > 0), "int64")  # a sum of truth values is a truth value
    below = T.switch(T.lt(j, 2.5), 4, 1)  # the machine's registers hold no 2.5
    bits = -T.invert(j) + (i & j)
    compare([x, i, j], [x[:either], x[:below], x[:bits], x[: T.zeros((below,)).shape[0]]], arrays)


def test_stated_lengths_are_checked():
    x, n = T.matrix(), T.lscalar()
    outputs = [T.specify_shape(x, (n, None)), T.specify_shape(x, (None, 4)) * 2, T.specify_shape(x, (n, n + 1))]
    array = values((3, 4), "float64")
    compare([x, n], outputs, [array, np.array(3)])
    for output in outputs[::2]:
        with pytest.raises(ValueError, match="equal"):
            function([x, n], output, mode=PLAIN)(array, 5)


def test_a_mask_of_another_length_is_refused():
    x, mask = T.vector(), T.tensor("bool", shape=(None,))
    f = function([x, mask], x[mask], mode=PLAIN)
    assert f(np.arange(3.0), np.array([True, False, True])).tolist() == [0, 2]
    with pytest.raises(IndexError, match="mask"):
        f(np.arange(3.0), np.array([True, False]))


@pytest.mark.parametrize("exponent", ["int8", "int32", "int64"])
@pytest.mark.parametrize("base", ["int8", "uint8", "int64"])
def test_powers_of_integers(base, exponent):
    """They wrap around as NumPy's do; a negative exponent anywhere is refused before anything is written."""
    x, y = T.tensor(base, shape=(None, None)), T.tensor(exponent, shape=(None,))
    f = function([x, y], [x**y, (x**y).sum()], mode=PLAIN)
    assert not [how for _, where, how in f.placement() if where == "Python"]
    a, n = values((6, 9), base), np.arange(9).astype(exponent)
    got = f(a, n)[0]
    assert got.dtype == np.power(a, n).dtype
    np.testing.assert_array_equal(got, np.power(a, n))
    np.testing.assert_array_equal(f(a[::-1, ::2], n[::-2])[0], np.power(a[::-1, ::2], n[::-2]))
    with pytest.raises(ValueError, match=r"negative integer power.*-2"):
        f(a, n - 2)
    with pytest.raises(ValueError, match="negative integer power"):
        f(a[:0], n - 1)


def test_assertions():
    x, limit = T.vector(), T.TensorType("float16", ())()
    y = Assert('at most 100% of "it"')(x, T.all(x > 0), x.sum() < limit)
    f = function([x, limit], y * 2, mode=PLAIN)
    assert not [how for _, where, how in f.placement() if where == "Python"]
    np.testing.assert_array_equal(f([1.0, 2.0], 4.0), [2, 4])
    for given, position in (([-1.0], 0), ([20.0], 1)):
        with pytest.raises(AssertionError, match=rf'at most 100% of "it" \(condition {position}'):
            f(given, 4.0)
