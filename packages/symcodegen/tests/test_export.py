"""``export_c``: functions as plain C, built with warnings as errors, give the numbers of the function they were."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest

from symcodegen.export import ExportError, Library, export_c
from symcodegen.testing import NATIVE, STRICT, assert_same_exported, build_exported
from symcodegen.toolchain import ToolchainError
from symcodegen.user_c import COp
from symcore import as_op, grad, shared
from symcore import tensor as T
from symcore.ifelse import ifelse
from symcore.tensor.type import TensorType
from symopt import function

pytestmark = [
    pytest.mark.c,
    pytest.mark.default_mode,
    pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler"),
]
rng = np.random.default_rng(7)


def test_elementwise_chain(tmp_path):
    x, y = T.fmatrix("x"), T.fvector("y")
    f = function([x, y], T.tanh(x * y + 1) / (1 + T.exp(-x)) - T.log1p(abs(y)), name="chain")
    shapes = (3, 5), (1, 1), (0, 4), (70, 301)
    calls = [(rng.normal(size=s).astype("f"), rng.normal(size=s[1]).astype("f")) for s in shapes]
    assert_same_exported(f, tmp_path, *calls, calls[0])


def test_on_any_processor(tmp_path):
    x = T.fmatrix("x")
    f = function([x], [T.tanh(x) * T.exp(x), T.exp(x).sum(axis=1)])
    library = build_exported(f, tmp_path)
    value = rng.normal(size=(9, 300)).astype("f")
    eps = np.finfo("f").eps
    for got, want, ulps in zip(library(value), f(value), (8, 300), strict=True):  # of two functions; of a sum of 300
        np.testing.assert_allclose(got, want, rtol=ulps * eps)
    library.close()


def test_reductions_and_dtypes(tmp_path):
    x, n = T.dmatrix("x"), T.ivector("n")
    outputs = [x.sum(axis=0), x.mean(axis=1), x.max(), T.argmax(x, axis=1), x.prod(axis=0), T.sum(n), n.max() > 2,
               n * 2, T.log(T.exp(x).sum(axis=1))]  # fmt: skip
    f = function([x, n], outputs)
    assert_same_exported(f, tmp_path, (rng.normal(size=(5, 70)), [1, 2, 3]), (rng.normal(size=(400, 3)), [-5]))


def test_softmax_and_cross_entropy_gradient(tmp_path):
    x, t = T.fmatrix("x"), T.lvector("t")
    shifted = x - x.max(axis=1, keepdims=True)
    logp = shifted - T.log(T.exp(shifted).sum(axis=1, keepdims=True))
    cost = -logp[T.arange(t.shape[0]), t].mean()
    f = function([x, t], [cost, grad(cost, x)], name="loss")
    calls = [(rng.normal(size=(n, 10)).astype("f"), rng.integers(0, 10, n)) for n in (1, 32, 257)]
    assert_same_exported(f, tmp_path, *calls)
    library = build_exported(f, tmp_path / "again", *NATIVE)
    with pytest.raises(IndexError, match="index 10 is out of bounds for axis 1 with size 10"):
        library(calls[0][0], [10])
    assert (library(*calls[1])[1] == f(*calls[1])[1]).all()
    library.close()


def test_indexing(tmp_path):
    x, i, k = T.dmatrix("x"), T.lvector("i"), T.lscalar("k")
    outputs = [x[i], x[1:k, ::-2], x[k - 1], T.set_subtensor(x[i], 0.0), T.inc_subtensor(x[:, 1], x[:, 0]),
               T.inc_subtensor(x[i], 1.5), x.T.reshape((-1,)), T.concatenate([x, x[:2]], axis=0)]  # fmt: skip
    f = function([x, i, k], outputs)
    assert_same_exported(f, tmp_path, (rng.normal(size=(5, 4)), [0, 3, 3, -1], 3), (rng.normal(size=(9, 2)), [8], 7))


def test_choices(tmp_path):
    x, c = T.dvector("x"), T.lscalar("c")
    f = function([x, c], ifelse(c > 2, T.exp(x).sum(), x.prod()))
    assert_same_exported(f, tmp_path, ([1.0, 2.0], 1), ([1.0, 2.0], 3), ([1.0, 2.0], 1))


def training_step(sizes=(12, 9, 4), dtype="float32"):
    """One step of gradient descent with momentum of a network with one hidden layer."""
    local = np.random.default_rng(3)
    weights = []
    for k, (n, m) in enumerate(zip(sizes, sizes[1:], strict=False)):
        weights.append(shared(local.normal(size=(n, m)).astype(dtype) / n**0.5, name=f"W{k}"))
        weights.append(shared(np.zeros(m, dtype), name=f"b{k}"))
    x, t = T.matrix("x", dtype=dtype), T.lvector("t")
    h = T.tanh(x @ weights[0] + weights[1])
    z = h @ weights[2] + weights[3]
    logp = z - z.max(axis=1, keepdims=True)
    logp = logp - T.log(T.exp(logp).sum(axis=1, keepdims=True))
    cost = -logp[T.arange(t.shape[0]), t].mean()
    updates = []
    for w, g in zip(weights, grad(cost, weights), strict=True):
        v = shared(np.zeros_like(w.get_value()), name=f"v_{w.name}")
        step = np.asarray(0.9, dtype) * v - np.asarray(0.1, dtype) * g
        updates += [(v, step), (w, w + step)]
    return function([x, t], cost, updates=updates, name="step"), weights


def batch(n, sizes=(12, 9, 4), dtype="float32"):
    return rng.normal(size=(n, sizes[0])).astype(dtype), rng.integers(0, sizes[-1], n)


def test_training_step_changes_its_state_as_the_function_does(tmp_path):
    f, weights = training_step()
    library = build_exported(f, tmp_path, *NATIVE)
    # a product that the function leaves to BLAS is a loop in the library: sums of at most 20 terms in another order
    for n in (20, 20, 7, 20):
        values = batch(n)
        np.testing.assert_allclose(library(*values)[0], f(*values), rtol=1e-5)
    for w in weights:
        np.testing.assert_allclose(library.value(w.name), w.get_value(), rtol=1e-5, atol=1e-5)
    before = library.value("W0")
    with pytest.raises(IndexError):
        library(values[0], np.full(20, 99))
    np.testing.assert_array_equal(library.value("W0"), before)
    library.close()


@pytest.mark.skipif(shutil.which("clang") is None, reason="needs clang")
def test_clang_builds_it(tmp_path):
    f, _ = training_step()
    library = Library(export_c(f, tmp_path), *STRICT, cc="clang")
    for values in (batch(20), batch(3)):
        np.testing.assert_allclose(library(*values)[0], f(*values), rtol=100 * np.finfo("f").eps)
    library.close()


def test_states_are_independent_and_saved(tmp_path):
    f, weights = training_step()
    library = build_exported(f, tmp_path)
    values, start = batch(5), weights[0].get_value()
    costs = [library(*values)[0] for _ in range(3)]
    library.save(tmp_path / "values")
    first, library.state = library.state, library.new_state()
    np.testing.assert_array_equal(library.value("W0"), start)
    assert [library(*values)[0] for _ in range(3)] == costs
    following = library(*values)[0]
    library.load(tmp_path / "values")
    assert library(*values)[0] == following
    library.set_value("W0", np.zeros_like(start))
    np.testing.assert_array_equal(library.value("W0"), np.zeros_like(start))
    (tmp_path / "values").write_bytes(b"short")
    with pytest.raises(ValueError, match="does not hold the values of step"):
        library.load(tmp_path / "values")
    with pytest.raises(OSError, match="could not be written"):
        library.save(tmp_path / "no folder" / "values")
    library.close()
    library.state = first
    library.close()


@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
def test_without_a_blas_library(tmp_path, dtype):
    f, weights = training_step((300, 20, 5), dtype)
    library = build_exported(f, tmp_path, with_blas=False)
    values = batch(33, (300, 20, 5), dtype)
    for _ in range(3):
        # sums of 300 products in another order, through three steps
        np.testing.assert_allclose(library(*values)[0], f(*values), rtol=300 * np.finfo(dtype).eps)
    library.close()


def test_every_kind_of_product_without_a_library(tmp_path):
    a, b, v, w = T.dmatrix("a"), T.dmatrix("b"), T.dvector("v"), T.dvector("w")
    outputs = [a @ b, a.T @ b.T, (a[::2] @ b).T, a @ v, w @ a, T.outer(v, w) + b, v @ v, a[::-1, ::-1] @ b]
    f = function([a, b, v, w], outputs)
    values = [rng.normal(size=s) for s in ((40, 300), (300, 40), (300,), (40,))]
    library = build_exported(f, tmp_path, with_blas=False)
    for got, want in zip(library(*values), f(*values), strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=300 * np.finfo(float).eps * 300)
    library.close()


@pytest.mark.parametrize(("dtype", "letter"), [("float32", "s"), ("float64", "d")])
def test_small_products_have_kernels_chosen_for_their_shapes(tmp_path, dtype, letter):
    a, b, v = T.matrix("a", dtype=dtype), T.matrix("b", dtype=dtype), T.vector("v", dtype=dtype)
    f = function([a, b, v], [a @ b, a @ v, b + 2 * (a @ b)], name="small")
    library = build_exported(f, tmp_path, with_blas=False)
    rows = next(s for s in library.exported.sources if s.name == "small.c").read_text()
    assert f"{letter}_gemm_choose}}" in rows
    for n in (4, 16, 3, 40, 16, 1, 0):  # chosen anew for every shape, and not where there is none for it
        values = [rng.normal(size=s).astype(dtype) for s in ((n, n), (n, n), n)]
        for got, want in zip(library(*values), f(*values), strict=True):
            np.testing.assert_allclose(got, want, rtol=0, atol=4 * (n + 2) * np.finfo(dtype).eps * (n + 1) * 9)
    library.close()


@pytest.mark.parametrize(("dtype", "letter", "other"), [("float32", "s", "d"), ("float64", "d", "s")])
def test_products_of_other_types_are_left_out(tmp_path, dtype, letter, other):
    a, b = T.matrix("a", dtype=dtype), T.matrix("b", dtype=dtype)
    i = T.lvector("i")
    f = function([a, b, i], [a @ b, T.inc_subtensor(a[i], b[:2])], name="lean")
    values = [rng.normal(size=(40, 40)).astype(dtype), rng.normal(size=(40, 40)).astype(dtype), [7, 7]]
    libraries = [
        Library(export_c(f, tmp_path / name), *STRICT, "-O0", *flags)
        for name, flags in (("some", ()), ("all", ("-DSYM_ALL_PROCESSORS",)), ("native", ("-march=native",)))
    ]
    want = f(*values)
    for library in libraries:
        product, added = library(*values)
        # sums of 40 products of numbers below 6 in another order
        np.testing.assert_allclose(product, want[0], rtol=0, atol=40 * 36 * 40 * np.finfo(dtype).eps)
        np.testing.assert_array_equal(added, want[1])
        assert hasattr(library._library, f"lean__{letter}_gemm")
        assert not hasattr(library._library, f"lean__{other}_gemm")
        assert not hasattr(library._library, "lean__run_loop")  # no loop, either
    sets = [{s for s in ("avx512", "avx2", "vector") if hasattr(k._library, f"lean__products_{s}")} for k in libraries]
    assert len(sets[0]) == 1
    assert sets[0] < sets[1] or sets[0] == sets[1] == {"vector"}
    assert len(sets[2]) == 1
    for library in libraries:
        library.close()


def test_the_example_program(tmp_path):
    f, _ = training_step((800, 400, 10))  # its values are in a file
    values = batch(6, (800, 400, 10))
    exported = export_c(f, tmp_path, example=values)
    assert (tmp_path / "step.bin").stat().st_size > 1 << 20
    done = subprocess.run(exported.command(tmp_path / "run", *STRICT), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    printed = subprocess.run([tmp_path / "run"], capture_output=True, text=True, cwd=tmp_path, check=True).stdout
    assert printed.startswith("y0 (1): ")
    np.testing.assert_allclose(float(printed.split()[-1]), f(*values), rtol=800 * np.finfo("f").eps)


def test_two_exports_in_one_program(tmp_path):
    x = T.dvector("x")
    one = export_c(function([x], T.exp(x), name="one"), tmp_path / "one")
    two = export_c(function([x], x.sum(), name="two"), tmp_path / "two")
    (tmp_path / "main.c").write_text(
        '#include "one/one.h"\n#include "two/two.h"\n#include <stdio.h>\n'
        "int main(void) {\n    double x[] = {0, 0, 0}, y[3], sum;\n    const long long n[] = {3};\n"
        "    one_state *a = one_new();\n    two_state *b = two_new();\n"
        "    if (one_call(a, x, n, y) || two_call(b, y, n, &sum)) return 1;\n"
        '    printf("%g\\n", sum);\n    one_free(a);\n    two_free(b);\n    return 0;\n}\n'
    )
    sources = [str(s) for e in (one, two) for s in e.sources if s.name != "main.c"]
    done = subprocess.run(["cc", "-std=c11", *STRICT, tmp_path / "main.c", *sources, "-o", tmp_path / "run", "-lm"],
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert subprocess.run([tmp_path / "run"], capture_output=True, text=True, check=True).stdout == "3\n"


def test_c_of_a_user(tmp_path):
    vector = TensorType("float64", (None,))

    class Root(COp):
        by: float
        inputs, outputs, itypes, otypes = ("x",), ("y",), (vector,), (vector,)
        headers, libraries = ("<math.h>",), ("m",)
        code = """
        for (i64 i = 0; i < SYM_LEN(x, 0); i++) {
            if (SYM_AT(x, i) < 0) SYM_FAIL("element %lld is %g", i, SYM_AT(x, i));
            SYM_AT(y, i) = sqrt(SYM_AT(x, i)) * by;
        }"""

        def infer_shape(self, node, input_shapes):
            return input_shapes

    x = T.dvector("x")
    f = function([x], Root(2.0)(x) + Root(3.0)(x))
    assert_same_exported(f, tmp_path, ([1.0, 4.0],), (np.arange(100.0),))
    library = build_exported(f, tmp_path)
    with pytest.raises(ValueError, match=r"Root.*element 1 is -2"):
        library([0.0, -2.0])
    library.close()


def test_what_a_library_refuses(tmp_path):
    x = T.dvector("x")
    library = build_exported(function([x], x @ x + shared(1.0, name="b"), name="f"), tmp_path)
    assert library.function("set_blas", ctypes.c_int)(b"nothing", None) == -1
    with pytest.raises(TypeError, match="f has 1 inputs; got 2 values"):
        library([1.0], [2.0])
    with pytest.raises(ValueError, match=r"x of f is \(\?\); the value has shape \(1, 1\)"):
        library([[1.0]])
    with pytest.raises(ValueError, match="f has no shared variable W: it has b"):
        library.value("W")
    with pytest.raises(ValueError, match=r"b of f is \(\); the value has shape \(2,\)"):
        library.set_value("b", [1.0, 2.0])
    library.close()
    with pytest.raises(ToolchainError, match="does not build"):
        Library(library.exported, "-include", "no_such_header.h")


def test_static_shapes_are_checked_and_shapes_disagree(tmp_path):
    x, y = TensorType("float64", (3,))("x"), T.dvector("y")
    library = build_exported(function([x, y], x + y), tmp_path)
    assert library(np.ones(3), np.ones(3))[0].tolist() == [2, 2, 2]
    with pytest.raises(ValueError, match="argument x has length 4 along axis 0; it must be 3"):
        library(np.ones(4), np.ones(4))
    with pytest.raises(ValueError, match="length 4"):
        library(np.ones(3), np.ones(4))
    library.close()


@as_op([T.dvector], [T.dvector])
def in_python(v):
    return v


def test_what_is_not_in_c_is_listed(tmp_path):
    x = T.dvector("x")
    with pytest.raises(ExportError, match=r"(?s)cannot be exported.*in_python"):
        export_c(function([x], in_python(x) + 1), tmp_path)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="example has 2 values for the 1 inputs"):
        export_c(function([x], x + 1), tmp_path, example=[1, 2])


def test_names_and_constants(tmp_path):
    x, y = T.dvector("double"), T.dvector("x y")
    table = np.arange(12.0).reshape(3, 4)
    f = function([x, y], [(table @ x) + y, T.constant(np.array([True, False])) & (y[:2] > 0)], name="1 odd-name")
    assert export_c(f, tmp_path).name == "f_1_odd_name"
    assert_same_exported(f, tmp_path, (np.ones(4), np.ones(3)))


@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")
def test_the_header_is_c_and_cpp_whatever_names_are(tmp_path):
    words = ["class", "template", "operator", "bool", "_Complex", "__x", "NULL", "unix", "SYM_INDEX", "X", "A", "errno"]
    inputs = [T.dscalar(word) for word in words]
    table = shared(np.ones(2), name="this")
    total = sum(inputs, table.sum())
    assert_same_exported(function(inputs, total, name="main"), tmp_path, tuple(float(n) for n in range(len(words))))
    header = tmp_path / "f_main.h"
    for compiler, language in (("g++", "-xc++"), ("cc", "-xc")):
        subprocess.run([compiler, language, "-fsyntax-only", "-Wall", "-Wextra", "-Werror", header], check=True)


def test_a_long_name_is_cut(tmp_path):
    x = T.dvector("x" * 300)
    exported = export_c(function([x], x + 1, name="f" * 300), tmp_path)
    assert 50 < len(exported.name) < 200 and exported.command(tmp_path / "example")


def test_older_c_builds_it(tmp_path):
    x = T.dvector("x")
    exported = export_c(function([x], T.exp(x).sum()), tmp_path)
    for standard in ("-std=c99", "-std=gnu99", "-std=c11", "-std=gnu17"):
        checked = exported.command(tmp_path / "example", *STRICT[1:], standard, "-fsyntax-only")
        subprocess.run([word for word in checked if word not in ("-o", str(tmp_path / "example"))], check=True)


@pytest.mark.slow
def test_sanitized(tmp_path):
    f, _ = training_step()
    exported = export_c(f, tmp_path, example=batch(5))
    flags = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    done = subprocess.run(exported.command(tmp_path / "run", *flags), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ran = subprocess.run([tmp_path / "run"], capture_output=True, text=True)
    assert ran.returncode == 0 and not ran.stderr, ran.stderr


def test_a_library_reads_large_values(tmp_path):
    w, x = shared(rng.normal(size=200_000), name="w"), T.dscalar("x")
    library = build_exported(function([x], w[::50_000] * x, name="large"), tmp_path)
    assert library.exported.values == tmp_path / "large.bin"
    np.testing.assert_array_equal(library(2.0)[0], w.get_value()[::50_000] * 2)
    library.close()
