"""``COp``: C of a user in functions: views, parameters, shapes, headers and libraries, failures, without a compiler."""

import os
import pickle
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from symcodegen.linker import kernel_cache
from symcodegen.testing import run_in_c
from symcodegen.toolchain import CompileError
from symcodegen.user_c import COp
from symcore import grad, shared
from symcore import tensor as T
from symcore.config import config
from symcore.graph.variable import Apply
from symcore.tensor.type import TensorType
from symcore.testing import BACKENDS, OpCase, check_op, missing_cases, verify_grad
from symopt import function
from symopt.mode import get_mode

pytestmark = [
    pytest.mark.c,
    pytest.mark.default_mode,
    pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler"),
]
rng = np.random.default_rng(20)
PY = get_mode("FAST_RUN").with_linker("py")
VECTOR, MATRIX = TensorType("float64", (None,)), TensorType("float64", (None, None))


class _OfMatrix(COp):
    alpha: float
    inputs, outputs = ("x",), ("y",)

    def make_node(self, x):
        x = T.as_tensor(x)
        return Apply(self, [x], [x.type()])

    def infer_shape(self, node, input_shapes):
        return input_shapes

    def L_op(self, inputs, outputs, output_grads):
        return [type(self)(self.alpha)(output_grads[0])]


class Scaled(_OfMatrix):
    """``alpha * x`` of a float matrix."""

    code = """
    for (i64 i = 0; i < SYM_LEN(x, 0); i++)
        for (i64 j = 0; j < SYM_LEN(x, 1); j++) SYM_AT(y, i, j) = (dtype_y)(alpha * SYM_AT(x, i, j));
    """


class Shifted(_OfMatrix):
    """The same C, with the number handed over at each call, on memory without gaps."""

    arguments = ("alpha",)
    contiguous = True
    code = "for (i64 i = 0; i < SYM_SIZE(x); i++) SYM_DATA(y)[i] = (dtype_y)(alpha * SYM_DATA(x)[i]);"


CONVOLVE = """
static void patches(double *to, const sym_array *x, i64 image, i64 kh, i64 kw) {
    const i64 channels = SYM_LEN(x, 1), oh = SYM_LEN(x, 2) - kh + 1, ow = SYM_LEN(x, 3) - kw + 1;
    for (i64 c = 0; c < channels; c++)
        for (i64 a = 0; a < kh; a++)
            for (i64 b = 0; b < kw; b++)
                for (i64 i = 0; i < oh; i++)
                    for (i64 j = 0; j < ow; j++) *to++ = SYM_ELEMENT(double, x, image, c, i + a, j + b);
}
"""


class Convolve(COp):
    """Valid cross-correlation of images ``x[n, c, h, w]`` with filters ``w[o, c, kh, kw]``: patches, then one GEMM."""

    inputs, outputs = ("x", "w"), ("y",)
    itypes = (TensorType("float64", (None,) * 4),) * 2
    otypes = (TensorType("float64", (None,) * 4),)
    contiguous = True
    scratch = "SYM_LEN(w, 1) * SYM_LEN(w, 2) * SYM_LEN(w, 3) * SYM_LEN(y, 2) * SYM_LEN(y, 3) * sizeof(double)"
    support_code = CONVOLVE
    code = """
    const i64 kh = SYM_LEN(w, 2), kw = SYM_LEN(w, 3), rows = SYM_LEN(w, 1) * kh * kw;
    const i64 filters = SYM_LEN(w, 0), pixels = SYM_LEN(y, 2) * SYM_LEN(y, 3);
    if (SYM_LEN(x, 1) != SYM_LEN(w, 1))
        SYM_FAIL_SHAPE("images of %lld channels, filters of %lld.", SYM_LEN(x, 1), SYM_LEN(w, 1));
    for (i64 n = 0; n < SYM_LEN(x, 0); n++) {
        patches((double *)scratch, x, n, kh, kw);
        int failed = sym_dgemm(ctx, 'N', 'N', filters, pixels, rows, 1.0, SYM_DATA(w), rows, (double *)scratch, pixels,
                               0.0, SYM_DATA(y) + n * filters * pixels, pixels);
        if (failed) return failed;
    }
    """

    def infer_shape(self, node, input_shapes):
        (n, _, h, w), (o, _, kh, kw) = input_shapes
        return [(n, o, h - kh + 1, w - kw + 1)]


def convolved(x, w):
    """A loop in NumPy."""
    n, _, h, width = x.shape
    o, _, kh, kw = w.shape
    y = np.zeros((n, o, h - kh + 1, width - kw + 1))
    for i in range(y.shape[2]):
        for j in range(y.shape[3]):
            y[:, :, i, j] = np.einsum("ncab,ocab->no", x[:, :, i : i + kh, j : j + kw], w)
    return y


def vector_op(code, **given):
    return COp(**{"inputs": ("x",), "outputs": ("y",), "itypes": (VECTOR,), "otypes": (VECTOR,), "code": code, **given})


SAME = {"shape_code": "y_shape[0] = x_shape[0];"}
EVERY = "for (i64 i = 0; i < SYM_LEN(x, 0); i++) SYM_AT(y, i) = {};"
CASES = [
    OpCase(Scaled(-1.5), rng.normal(size=(3, 4)), expected=lambda x: -1.5 * x, plain=False),
    OpCase(Shifted(2.0), rng.normal(size=(3, 4)), expected=lambda x: 2 * x, plain=False),
    OpCase(
        Convolve(), rng.normal(size=(2, 3, 5, 6)), rng.normal(size=(4, 3, 2, 3)), dtypes=("float64",), grad=False,
        expected=convolved, plain=False,
    ),
    OpCase(vector_op(EVERY.format("SYM_AT(x, i) + 1"), **SAME), [1.0, 2.0], dtypes=("float64",), grad=False,
           expected=lambda x: x + 1, plain=False),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.op.title)
def test_contract(case, monkeypatch):
    monkeypatch.setitem(BACKENDS, "C", run_in_c)
    check_op(case)


def test_every_op_of_the_package_has_a_case():
    assert missing_cases("symcodegen", CASES) == []


def test_gradient():
    verify_grad(lambda v: Scaled(3.0)(v * v).sum(), [rng.normal(size=(2, 3))], rng=rng)
    X = T.dmatrix("X")
    f = function([X], grad((Shifted(3.0)(X) ** 2).sum(), X))
    x = rng.normal(size=(2, 3))
    np.testing.assert_allclose(f(x), 18 * x, rtol=1e-14)


def test_where_it_runs_and_in_both_linkers():
    X = T.dmatrix("X")
    f, g = function([X], Scaled(3.0)(X)), function([X], Scaled(3.0)(X), mode=PY)
    assert "C of a user, Scaled" in f.explain()
    for x in (rng.normal(size=(3, 4)), rng.normal(size=(4, 3)).T, rng.normal(size=(6, 8))[::-2, ::2], np.ones((0, 3))):
        assert (f(x) == 3 * x).all() and (g(x) == 3 * x).all()


def test_convolution_of_images_of_any_strides():
    x, w = (T.tensor("float64", (None,) * 4, name=n) for n in "xw")
    f = function([x, w], Convolve()(x, w))
    image, filters = rng.normal(size=(2, 3, 9, 8)), rng.normal(size=(4, 3, 3, 2))
    # sums of 18 products in another order
    bound = 18 * np.finfo(float).eps * convolved(abs(image), abs(filters))
    assert (abs(f(image, filters) - convolved(image, filters)) <= bound).all()
    odd = image[:, :, ::-1, ::2]
    assert (abs(f(odd, filters) - convolved(odd, filters)) <= bound[..., :1].max() * 4).all()
    with pytest.raises(ValueError, match="Convolve: images of 2 channels, filters of 3"):
        f(image[:, :2], filters)


def test_two_outputs_of_other_types():
    split = COp(
        title="Split", inputs=("x",), outputs=("whole", "rest"), itypes=(VECTOR,),
        otypes=(TensorType("int32", (None,)), VECTOR), shape_code="whole_shape[0] = rest_shape[0] = x_shape[0];",
        code="""
        for (i64 i = 0; i < SYM_LEN(x, 0); i++) {
            SYM_AT(whole, i) = (dtype_whole)SYM_AT(x, i);
            SYM_AT(rest, i) = SYM_AT(x, i) - SYM_AT(whole, i);
        }""",
    )  # fmt: skip
    x = T.dvector("x")
    for mode in (None, PY):
        whole, rest = function([x], split(x), mode=mode)([1.5, -2.25])
        assert whole.dtype == "int32" and whole.tolist() == [1, -2] and rest.tolist() == [0.5, -0.25]


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "float32", "complex64", "complex128", "float16"])
def test_every_dtype(dtype):
    t = TensorType(dtype, (None,))
    reverse = vector_op("for (i64 i = 0; i < SYM_LEN(x, 0); i++) SYM_AT(y, i) = SYM_AT(x, SYM_LEN(x, 0) - 1 - i);",
                        itypes=(t,), otypes=(t,), **SAME)  # fmt: skip
    x = t("x")
    value = np.arange(5).astype(dtype)
    f = function([x], reverse(x))
    assert (f(value) == value[::-1]).all() and f(value).dtype == dtype


def test_parameters_are_constants_in_c():
    class Stretch(COp):
        by: int
        offset: float
        flag: bool
        steps: tuple[int, ...]
        word: str
        inputs, outputs, itypes, otypes = ("x",), ("y",), (VECTOR,), (TensorType("float64", (4,)),)
        code = """
        SYM_AT(y, 0) = by; SYM_AT(y, 1) = offset; SYM_AT(y, 2) = flag; SYM_AT(y, 3) = steps[1] + word[0] + sizeof word;
        """

    x = T.dvector("x")
    op = Stretch(-(2**63), -np.inf, True, (3, 5), 'a"\\%')
    assert op == Stretch(-(2**63), -np.inf, True, (3, 5), 'a"\\%') and op != Stretch(1, 0.1, True, (3, 5), "a")
    assert function([x], op(x))([1.0]).tolist() == [-(2.0**63), -np.inf, 1.0, 5 + 97 + 5]
    nan, tenth = Stretch(1, np.nan, False, (1, 2), ""), Stretch(1, 0.1, False, (1, 2), "")
    assert np.isnan(function([x], nan(x))([1.0])[1]) and function([x], tenth(x))([1.0])[1] == 0.1


def test_arguments_share_a_kernel():
    X = T.dmatrix("X")
    cache = kernel_cache(config.snapshot())
    x = np.ones((2, 2))
    assert function([X], Shifted(1.25)(X))(x)[0, 0] == 1.25
    before = cache.compilations
    for alpha in (0.1, -np.inf, 7.0, 2):
        assert function([X], Shifted(alpha)(X))(x)[0, 0] == alpha
    assert cache.compilations - before <= 1  # an int is handed over as an i64


def test_file_headers_and_their_content(tmp_path):
    (tmp_path / "lower.h").write_text("#define FACTOR 2\n")
    (tmp_path / "mine.h").write_text('#include "lower.h"\n')
    (tmp_path / "code.c").write_text(
        "static int run(const sym_array *y, const sym_array *x, char *scratch, const sym_ctx *ctx) {\n"
        '    if (SYM_LEN(x, 0) > 3) SYM_FAIL("more than three");\n'
        "    for (i64 i = 0; i < SYM_LEN(x, 0); i++)\n"
        "        SYM_ELEMENT(double, y, i) = FACTOR * SYM_ELEMENT(double, x, i);\n"
        "    return 0;\n}\n"
    )
    given = {"file": tmp_path / "code.c", "headers": ("mine.h",), "include_dirs": (tmp_path,), "c_function": "run"}
    x = T.dvector("x")

    def made():
        return COp(inputs=("x",), outputs=("y",), itypes=(VECTOR,), otypes=(VECTOR,), **SAME, **given)

    first = made()
    assert function([x], first(x))([1.0, 2.0]).tolist() == [2.0, 4.0]
    (tmp_path / "lower.h").write_text("#define FACTOR 3\n")
    second = made()
    assert second != first and function([x], second(x))([1.0, 2.0]).tolist() == [3.0, 6.0]
    with pytest.raises(ValueError, match="more than three"):
        function([x], second(x))(np.ones(4))
    (tmp_path / "code.c").write_text("static int run() {\n    return unknown_name;\n}\n")
    with pytest.raises(CompileError, match=rf"unknown_name.*\n.*{re.escape(str(tmp_path))}/code.c:2:"):
        function([x], made()(x))


def test_files_that_do_not_serve(tmp_path):
    (tmp_path / "code.c").write_bytes(b"double x = 1; // \xff")
    with pytest.raises(ValueError, match="code.c of Binary is no text in UTF-8"):
        vector_op("", file=tmp_path / "code.c", title="Binary", **SAME)
    (tmp_path / "a,-plugin,b").mkdir()
    with pytest.raises(ValueError, match="has a comma"):
        vector_op("(void)0;", library_dirs=(tmp_path / "a,-plugin,b",), **SAME)


def test_inputs_are_not_written():
    x = T.dvector("x")
    for write in ("SYM_AT(x, 0) = 1;", "*SYM_DATA(x) = 1;"):
        with pytest.raises(CompileError, match=r"(?s)read-only.*C of Writer:1: "):
            function([x], vector_op(write, title="Writer", **SAME)(x))
    number, n = TensorType("float64", ()), T.dscalar("n")
    with pytest.raises(CompileError, match="read-only"):
        function([n], vector_op("SYM_SCALAR(x) = 1;", itypes=(number,), otypes=(number,))(n))


def test_values_of_a_failure_go_with_its_format():
    x = T.dvector("x")
    for fail in ('SYM_FAIL("%s", 3);', 'SYM_FAIL_INDEX("%lld");', 'SYM_FAIL_SHAPE("%d", SYM_LEN(x, 0));'):
        with pytest.raises(CompileError, match=r"(?s)format.*C of Wrong:2: SYM_FAIL"):
            function([x], vector_op(f"(void)0;\n{fail}", title="Wrong", **SAME)(x))
    loose = vector_op('if (SYM_LEN(x, 0) < 0) printf("%ld", SYM_LEN(x, 0));', headers=("<stdio.h>",), **SAME)
    function([x], loose(x))([1.0])  # other formats are the user's own affair


def test_libraries_and_flags(tmp_path):
    (tmp_path / "thrice.c").write_text("double thrice(double x) { return 3 * x; }\n")
    library = tmp_path / "libthrice.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "thrice.c"], check=True)
    op = vector_op(
        EVERY.format("thrice(cos(SYM_AT(x, i))) + N"), headers=("<math.h>",), support_code="double thrice(double);",
        libraries=("thrice", "m"), library_dirs=(tmp_path,), compile_flags=("-DN=4",), **SAME,
    )  # fmt: skip
    x = T.dvector("x")
    value = rng.normal(size=5)
    np.testing.assert_allclose(function([x], op(x))(value), 3 * np.cos(value) + 4, rtol=1e-14)


def test_helpers_of_two_ops_may_have_one_name():
    def op(n):
        return vector_op(EVERY.format("help()"), support_code=f"static double help(void) {{ return {n}; }}", **SAME)

    x = T.dvector("x")
    one, two = function([x], [op(1)(x), op(2)(x)])([0.0])
    assert (one[0], two[0]) == (1.0, 2.0)


def test_the_compiler_names_the_line_of_the_user():
    x = T.dvector("x")
    with pytest.raises(CompileError, match=r"(?s)nonsense.*C of Wrong:3: SYM_AT\(y, 0\) = nonsense;"):
        function([x], vector_op("int a = 1;\n(void)a;\nSYM_AT(y, 0) = nonsense;", title="Wrong", **SAME)(x))
    with pytest.raises(CompileError, match="Wrong, support code:2:"):
        function([x], vector_op("(void)0;", title="Wrong", support_code="\nint f( {", **SAME)(x))


def test_positions_are_counted_and_undefined_names_are_placed():
    x = T.dvector("x")
    with pytest.raises(CompileError, match=r"(?s)one position for each axis of y.*C of Wrong:2: SYM_AT\(y, 0, 1\)"):
        function([x], vector_op("(void)0;\nSYM_AT(y, 0, 1) = 1;", title="Wrong", **SAME)(x))
    with pytest.raises(CompileError, match=r"(?s)nothing defines absent.*C of Wrong:2: SYM_AT\(y, 0\) = absent"):
        function([x], vector_op("(void)0;\nSYM_AT(y, 0) = absent(1);", title="Wrong", **SAME)(x))
    with pytest.raises(TypeError, match="code of Wrong must be C as a string, not 3"):
        vector_op(3, title="Wrong", **SAME)


def test_a_failure_names_the_op_and_the_line_of_python():
    op = vector_op('if (SYM_AT(x, 0) < 0) SYM_FAIL("element %lld is %g", (i64)0, SYM_AT(x, 0));', title="Root", **SAME)
    x = T.dvector("x")
    with pytest.raises(ValueError, match=r"Root: element 0 is -2") as caught:
        function([x], op(x))([-2.0])
    assert "test_user_c.py" in "".join(caught.value.__notes__)
    with pytest.raises(ValueError, match="element 0 is -2"):
        function([x], op(x), mode=PY)([-2.0])


def test_a_failure_leaves_shared_variables_alone():
    s = shared(np.ones(3), name="s")
    op = vector_op(
        'SYM_AT(y, 0) = 5; if (SYM_AT(x, 1) > 0) SYM_FAIL("late"); SYM_AT(y, 1) = SYM_AT(y, 2) = 5;',
        title="Late",
        **SAME,
    )
    f = function([], [], updates=[(s, op(s * 2))])
    with pytest.raises(ValueError, match="late"):
        f()
    assert s.get_value().tolist() == [1, 1, 1]
    s.set_value(-np.ones(3))
    f()
    assert s.get_value().tolist() == [5, 5, 5]


def test_pickle():
    X = T.dmatrix("X")
    f = pickle.loads(pickle.dumps(function([X], Scaled(2.0)(X))))
    assert f(np.ones((2, 2))).tolist() == [[2, 2], [2, 2]]
    assert pickle.loads(pickle.dumps(Scaled(2.0))) == Scaled(2.0)


WITHOUT = """
import warnings; warnings.simplefilter("ignore")
from test_user_c_helper import op, twin
from symcore import tensor as T
from symopt import function
x = T.dvector("x")
assert function([x], twin(x))([1.0]).tolist() == [2.0]
try:
    function([x], op(x))([1.0])
except RuntimeError as error:
    assert "Lonely is written in C" in str(error) and "twin" in str(error), error
else:
    raise AssertionError("no compiler, no twin, and yet a result")
"""
HELPER = """
import numpy as np
from symcodegen.user_c import COp
from symcore.tensor.type import TensorType
V = TensorType("float64", (None,))
class Lonely(COp):
    inputs, outputs, itypes, otypes = ("x",), ("y",), (V,), (V,)
    code = "for (i64 i = 0; i < SYM_LEN(x, 0); i++) SYM_AT(y, i) = SYM_AT(x, i) + 1;"
    def infer_shape(self, node, s):
        return s
op, twin = Lonely(), Lonely(twin=lambda x: x + 1)
"""


@pytest.mark.parametrize("flags", ["compiler=none", "linker=auto"])
def test_without_a_compiler(tmp_path, flags):
    (tmp_path / "test_user_c_helper.py").write_text(HELPER)
    environment = {"SYMSTACK_FLAGS": f"{flags},cache_dir={tmp_path / 'cache'}", "CC": "none", "PATH": "/nowhere",
                   "PYTHONPATH": str(tmp_path), "HOME": str(tmp_path)}  # fmt: skip
    for name in {"LD_PRELOAD", "ASAN_OPTIONS", "UBSAN_OPTIONS"} & os.environ.keys():  # a sanitizer's library
        environment[name] = os.environ[name]
    done = subprocess.run([sys.executable, "-c", WITHOUT], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_twin_is_what_debug_compares_with():
    x = T.dvector("x")
    wrong = vector_op(EVERY.format("SYM_AT(x, i) + 1"), twin=lambda x: x + 2, title="Wrong", **SAME)
    with pytest.raises(Exception, match="Wrong"):
        function([x], wrong(x), mode="DEBUG")([1.0])
    right = vector_op(EVERY.format("SYM_AT(x, i) + 1"), twin=lambda x: x + 1, **SAME)
    assert function([x], right(x), mode="DEBUG")([1.0]).tolist() == [2.0]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"code": "  "}, ValueError, "has no C"),
        ({"outputs": ()}, ValueError, "names no outputs"),
        ({"outputs": ("x",)}, ValueError, "uses a name twice"),
        ({"inputs": ("x; system",)}, ValueError, "cannot be a name in C"),
        ({"inputs": ("ctx",)}, ValueError, "cannot be a name in C"),
        ({"inputs": "x"}, TypeError, "give a tuple"),
        ({"headers": ('a.h"\nint',)}, ValueError, "header"),
        ({"libraries": ("-Wl,x",)}, ValueError, "library"),
        ({"include_dirs": ("/nowhere/at/all",)}, ValueError, "is no folder"),
        ({"inputs": ("unix",)}, ValueError, "cannot be a name in C"),  # a macro of compilers
        ({"code": "// \ud800"}, ValueError, "half a character"),
        ({"compile_flags": ("-fplugin=x.so",)}, ValueError, "is refused"),
        ({"compile_flags": ("-ffast-math",)}, ValueError, "is refused"),
        ({"c_params": {"n": object()}}, TypeError, "parameter n"),
        ({"c_params": {"n": 2**64}}, ValueError, "64 bits"),
        ({"c_params": {"int": 1}}, ValueError, "cannot be a name"),
        ({"arguments": ("n",)}, TypeError, "argument n"),
        ({"itypes": ()}, ValueError, "itypes"),
        ({"c_function": "f(); g"}, ValueError, "cannot be a name"),
    ],
)
def test_what_makes_no_sense_is_refused(given, error, message):
    with pytest.raises(error, match=message):
        vector_op(given.pop("code", "(void)0;"), **given)


def test_an_op_says_its_shape():
    x = T.dvector("x")
    with pytest.raises(TypeError, match="does not say which shape"):
        function([x], vector_op("(void)0;", title="Shapeless")(x))
    with pytest.raises(ValueError, match="the length of axis 0 of y would be -1"):
        function([x], vector_op("(void)0;", shape_code="y_shape[0] = -1;")(x))([1.0])
    with pytest.raises(TypeError, match="no itypes"):
        vector_op("(void)0;", itypes=None)(x)
    with pytest.raises(TypeError, match="input 0"):
        vector_op("(void)0;", **SAME)(T.fmatrix())


def test_titles_cannot_leave_their_line():
    op = vector_op(EVERY.format("1"), title='evil"\n#error */ ??/', **SAME)
    x = T.dvector("x")
    assert function([x], op(x))([3.0]).tolist() == [1.0]
