"""The tables of differences, from earlier compilers and from NumPy: every row is true, and every exception is a row."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
from numpy_differential.case import DIFFERENCES

import symstack as ss
from symstack import tensor as T

ROOT = Path(__file__).resolve().parents[1]
EARLIER, NUMPY = "From earlier compilers of this language", "From NumPy, by the language"

x, y, M, f32 = T.dvector("x"), T.dvector("y"), T.dmatrix("M"), T.fvector("f32")
i8, z, truth = T.bvector("i8"), T.zvector("z"), T.vector("truth", dtype="bool")
f16 = T.vector("f16", dtype="float16")
tenths, halves = np.full(1_000_000, 0.1, "float32"), np.linspace(-300, 300, 99).astype("float16")
bools, threes = np.array([True, False]), np.array([3], "int8")

# first cell of the row -> expressions that are true because of it
EVIDENCE = {
    "`log(exp(x))` at 1000": ["ss.function([x], T.log(T.exp(x)))([1000.0])[0] == 1000.0"],
    "names of nodes": [
        "str(x * x) == 'Elemwise{mul}.out'",
        "'Elemwise{Composite{' in str(ss.function([x], T.exp(x) * x + 1).fgraph.toposort())",
    ],
    "graphs of gradients before they are compiled": [
        "'(TensorConstant{2} * x)' in ss.pp(T.grad((x**2).sum(), x))",
        "T.grad((x**2).sum(), x).eval({x: [3.0]}).tolist() == [6.0]",
    ],
    "Python floats beside float tensors": [
        "(f32 * 0.1).dtype == 'float32'",
        "(f32 * np.float64(0.1)).dtype == 'float64'",
    ],
    "elementwise Ops of different ranks": ["(x + M).owner.inputs == [x, M]"],
    "`T.nnet.softmax` of a vector": ["T.nnet.softmax(x).ndim == 1"],
    "gradients through poles": ["ss.grad(T.sqrt(x)[0], x).eval({x: [4.0, 0.0]}).tolist() == [0.25, 0.0]"],
    "a comparison of symbolic variables in `if`": ["refuses(TypeError, bool, c) for c in (T.eq(x, y), x > y, x <= y)"],
    "draws of `verify_grad`": [
        "T.verify_grad(T.sqr, [np.ones(2)]) is None",
        "refuses(ss.gradient.GradientError, T.verify_grad, lambda v: ss.gradient.grad_scale(v, 2.0), [np.ones(2)])",
    ],
    "options": [
        "refuses(AttributeError, getattr, ss.config, 'gcc__cxxflags')",
        "refuses(AttributeError, setattr, ss.config, 'no_such_option', 1)",
    ],
    "modes and rules": [
        "'fuse-elemwise' not in [rule.name for rule in ss.get_mode('FAST_RUN').excluding('fuse-elemwise').rules]",
        "refuses(TypeError, lambda: ss.Mode(optimizer='fast_run'))",
    ],
    "classes of scalar functions": [
        "gaussian(x).owner.op == T.Elemwise(gaussian)",
        "abs(ss.grad(gaussian(x).sum(), x).eval({x: [1.0]})[0] + 2 * np.exp(-1.0)) < 1e-12",
        "refuses(TypeError, lambda: T.Elemwise(gaussian, name='own'))",
    ],
    "`scan_checkpoints`": [
        "ss.scan_checkpoints(lambda s: s + 1, None, T.zeros(()), n_steps=7, save_every_N=3)[0].eval().tolist()"
        " == [3, 6, 7]",
        "ss.scan_checkpoints(lambda a, b: [a + b, a], None, [{'initial': np.ones(2), 'taps': [-2, -1]}, None],"
        " n_steps=4, save_every_N=2)[0][1].eval().tolist() == [1, 3]",
    ],
    "`perform` of an Op of one's own": [
        "ss.function([x], [doubled(x), T.grad(doubled(x).sum(), x)])([3.0])[0].tolist() == [6]",
        "T.grad(doubled(x).sum(), x).eval({x: [3.0]}).tolist() == [2]",
    ],
    "working in place": [
        "T.inc_subtensor(x[0], 1.0, inplace=True).owner.op == T.inc_subtensor(x[0], 1.0).owner.op",
        "untouched()",
    ],
}  # fmt: skip

#: The same for the table of differences from NumPy.
FROM_NUMPY = {
    "broadcasting": [
        "refuses(ValueError, ss.function([x, M], x + M), [1.0], np.zeros((3, 2)))",
        "stretched()",
    ],
    "Python numbers alone": ["T.constant(1).dtype == 'int8' and T.constant(0.5).dtype == 'float32'"],
    "Python integers beside integers": [
        "(i8 + 1000).eval({i8: threes}).dtype == 'int16'",
        "refuses(OverflowError, lambda: threes + 1000)",
    ],
    "functions of 8-bit integers and truth values": [
        "T.exp(i8).dtype == T.exp(truth).dtype == 'float32'",
        "np.exp(threes).dtype == np.exp(bools).dtype == 'float16'",
    ],
    "`/` of integers": ["in_float32('(i8 / i8).dtype') == 'float32'", "(i8 / i8).dtype == 'float64'"],
    "`round` of integers": ["T.round(i8).dtype == 'float32'", "T.floor(i8).dtype == np.round(threes).dtype == 'int8'"],
    "`sqr`, `sgn`, `ceil`, `floor`, `trunc` of truth values": [
        "{f(truth).dtype for f in (T.sqr, T.sgn, T.ceil, T.floor, T.trunc)} == {'int8'}",
        "np.floor(bools).dtype == 'bool' and refuses(TypeError, np.sign, bools)",
    ],
    "`reciprocal` of integers": ["T.reciprocal(i8).eval({i8: [2]})[0] == 0.5", "np.reciprocal(np.array([2]))[0] == 0"],
    "`cumsum` and `cumprod`": [
        "T.cumsum(i8).dtype == T.cumprod(i8).dtype == 'int8'",
        "np.cumsum(threes).dtype == 'int64'",
    ],
    "`conj` of truth values": ["T.conj(truth).dtype == 'bool'", "np.conj(bools).dtype == 'int8'"],
    "`1 * x`": [
        "ss.function([z], 1 * z)([complex(np.inf, 0)])[0] == complex(np.inf, 0)",
        "np.isnan(quietly(np.multiply, 1, np.array([complex(np.inf, 0)])).imag[0])",
    ],
    "sums and products of float16 and float32": [
        "abs(ss.function([f32], f32.sum())(tenths) - 1e5) < 4096 * 2.0**-24 * 1e5",
        "ss.function([f32], f32.sum(), mode='FAST_COMPILE')(tenths) == np.float32(tenths.sum(dtype='float64'))",
    ],
    "`mean`, `var`, `std` of float16": [
        "f16.var().eval({f16: halves}) == np.var(halves.astype('float32')).astype('float16')",
        "f16.std().eval({f16: 100 * halves}) == np.std((100 * halves).astype('float32')).astype('float16')",
        "np.isinf(quietly(np.std, 100 * halves))",
    ],
    "`==`": ["(x == x) is True and (x == M) is False"],
    "`bool` of a comparison": ["refuses(TypeError, bool, x > 0)"],
    "complex where a real is wanted": [
        "refuses(TypeError, ss.function([x], 2 * x, allow_input_downcast=True), np.array([1j]))"
    ],
    "casts of floats that the integer type does not hold (NaN, infinite, too large, negative to unsigned)": [
        "quietly(T.cast(x, 'uint8').eval, {x: [np.nan, -1.5, 1e30]}).dtype == 'uint8'",
        "T.cast(T.clip(x, 0, 255), 'uint8').eval({x: [-1.5, 7.9, 1e30]}).tolist() == [0, 7, 255]",
    ],
    "`out.resize(...)` of a result": ["resized()"],
}  # fmt: skip


def stretched():
    row = T.drow("row")
    return ss.function([row, M], row + M)([[1.0, 2.0]], np.zeros((3, 2))).shape == (3, 2)


def in_float32(expression):
    with ss.config.override(floatX="float32"):
        return eval(expression)


def quietly(function, *arguments):
    with np.errstate(over="ignore", invalid="ignore"):
        return function(*arguments)


def resized():
    out = ss.function([x], 2 * x)([1.0, 2.0])
    refuses(ValueError, out.resize, (3,))
    out.resize((3,), refcheck=False)
    return out.tolist() == [2.0, 4.0, 0.0]


def refuses(error, call, *arguments):
    with pytest.raises(error):
        call(*arguments)
    return True


class Doubled(ss.Op):
    def make_node(self, x):
        return ss.Apply(self, [x], [x.type()])

    def perform(self, node, x):
        return 2 * x

    def grad(self, inputs, output_grads):
        return [2 * output_grads[0]]


doubled = Doubled()


def untouched():
    value = np.ones(3)
    return ss.function([x], T.set_subtensor(x[0], 5.0, inplace=True))(value)[0] == 5.0 and value[0] == 1.0


@pytest.fixture(scope="module")
def gaussian():
    from symcore.tensor.scalar_functions import scalar

    return scalar("differences_gaussian", lambda v: np.exp(-v * v), lambda v, y: -2 * v * y)


def rows(section):
    """The rows of the table of a section, by first cell."""
    text = (ROOT / "docs" / "differences.md").read_text(encoding="utf-8")
    text = text.partition(f"## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    return {cells[0]: cells[1:] for cells in ([c.strip() for c in line.strip("|").split("|")] for line in lines)}


@pytest.mark.parametrize(("section", "evidence"), [(EARLIER, EVIDENCE), (NUMPY, FROM_NUMPY)], ids=["earlier", "numpy"])
def test_every_row_has_evidence_and_a_reason(section, evidence):
    assert list(rows(section)) == list(evidence)
    assert all(len(cells) == 3 and all(cells) for cells in rows(section).values())


@pytest.mark.default_mode
@pytest.mark.parametrize("what", EVIDENCE)
def test_what_a_row_says_is_true(what, gaussian):
    check(EVIDENCE[what], {**globals(), "gaussian": gaussian})


@pytest.mark.default_mode
@pytest.mark.parametrize("what", FROM_NUMPY)
def test_what_a_row_says_of_numpy_is_true(what):
    check(FROM_NUMPY[what], globals())


def check(expressions, scope):
    for expression in expressions:
        several = expression.startswith("refuses(") and " for " in expression
        found = eval(f"[{expression}]" if several else expression, scope)
        assert all(found) if isinstance(found, list) else found, expression


#: What the comparison with NumPy, function by function, excepts -> the row that says so.
EXCEPTED = {
    "float of 8 bits": "functions of 8-bit integers and truth values",
    "rounding of integers": "`round` of integers",
    "floor of bool": "`sqr`, `sgn`, `ceil`, `floor`, `trunc` of truth values",
    "reciprocal of integers": "`reciprocal` of integers",
    "running sums": "`cumsum` and `cumprod`",
    "conjugate of bool": "`conj` of truth values",
    "one times infinity": "`1 * x`",
    "variance of float16": "`mean`, `var`, `std` of float16",
    "accumulator": "sums and products of float16 and float32",
}


def test_every_exception_of_the_comparison_with_numpy_is_a_row():
    assert set(EXCEPTED) == set(DIFFERENCES)
    assert set(EXCEPTED.values()) <= set(rows(NUMPY))


# --- against the recorded answers -------------------------------------------------------------------

#: Recorded case -> the row that says why the answer is another one.
CASES = {
    "log(exp(x))": "`log(exp(x))` at 1000",
    "grad wrt int through": "names of nodes",
    "pp grad": "graphs of gradients before they are compiled",
}


def recorded():
    """The cases of ``DIFFERENT`` in the test of recorded answers, read from its source."""
    source = (ROOT / "tests" / "test_reference_answers.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "DIFFERENT":
            return [row[0] for row in ast.literal_eval(node.value)]
    raise AssertionError("there is no table DIFFERENT in the test of recorded answers")


def test_every_recorded_exception_is_a_row():
    assert set(recorded()) == set(CASES)
    assert set(CASES.values()) <= set(rows(EARLIER))


def test_the_page_leads_to_the_table_of_names():
    text = (ROOT / "docs" / "differences.md").read_text(encoding="utf-8")
    assert re.search(r"\[\]\(generated/api_usage\.md\)", text)
