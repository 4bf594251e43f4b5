"""The table of differences from earlier compilers: every row is true, and every recorded exception is a row."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

import symstack as ss
from symstack import tensor as T

ROOT = Path(__file__).resolve().parents[1]
SECTION = "## From earlier compilers of this language"

x, y, M, f32 = T.dvector("x"), T.dvector("y"), T.dmatrix("M"), T.fvector("f32")

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
    "working in place": [
        "T.inc_subtensor(x[0], 1.0, inplace=True).owner.op == T.inc_subtensor(x[0], 1.0).owner.op",
        "untouched()",
    ],
}  # fmt: skip


def refuses(error, call, *arguments):
    with pytest.raises(error):
        call(*arguments)
    return True


def untouched():
    value = np.ones(3)
    return ss.function([x], T.set_subtensor(x[0], 5.0, inplace=True))(value)[0] == 5.0 and value[0] == 1.0


@pytest.fixture(scope="module")
def gaussian():
    from symcore.tensor.scalar_functions import scalar

    return scalar("differences_gaussian", lambda v: np.exp(-v * v), lambda v, y: -2 * v * y)


def rows():
    """The rows of the table, by first cell."""
    text = (ROOT / "docs" / "differences.md").read_text(encoding="utf-8").partition(SECTION)[2]
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    return {cells[0]: cells[1:] for cells in ([c.strip() for c in line.strip("|").split("|")] for line in lines)}


def test_every_row_has_evidence_and_a_reason():
    assert set(rows()) == set(EVIDENCE)
    assert all(len(cells) == 3 and all(cells) for cells in rows().values())


@pytest.mark.parametrize("what", EVIDENCE)
def test_what_a_row_says_is_true(what, gaussian):
    scope = {**globals(), "gaussian": gaussian}
    for expression in EVIDENCE[what]:
        found = eval(f"[{expression}]" if " for " in expression else expression, scope)
        assert all(found) if isinstance(found, list) else found, expression


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
    assert set(CASES.values()) <= set(rows())


def test_the_page_leads_to_the_table_of_names():
    text = (ROOT / "docs" / "differences.md").read_text(encoding="utf-8")
    assert re.search(r"\[\]\(generated/api_usage\.md\)", text)
