"""The tables of the documentation are whole, and what the README says is missing is missing."""

import importlib.util
import inspect
import re
from pathlib import Path

import numpy as np
import pytest

import symgpu
import symstack as ss
from symcodegen import extension
from symcore.config import OPTIONS
from symcore.tensor.elemwise import TABLE
from symcore.testing import op_classes
from symopt.rules.catalog import all_rules
from symstack import tensor as T

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tables():
    spec = importlib.util.spec_from_file_location("documentation_tables", ROOT / "docs" / "tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def first_cells(page):
    """What the first column of all tables of a page names."""
    return {
        name
        for line in page.splitlines()
        if line.startswith("| `")
        for name in re.findall("`(.*?)`", line[: line.index(" | ")])
    }


def section(title):
    """The text of a section of the README."""
    return README.partition(f"## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.skipif(extension.load() is None, reason="no C virtual machine to ask where Ops run")
def test_the_table_of_ops_has_every_op_and_scalar_function(tables):
    page = tables.ops_page()
    classes = {cls.__name__ for package in tables.PACKAGES for cls in op_classes(package)}
    scalars = {name for name, fn in TABLE.items() if not name.startswith("cast_") and is_ours(fn)}
    assert classes | scalars <= first_cells(page)
    row = next(line for line in page.splitlines() if line.startswith("| `Softmax`"))
    assert "C (kernel)" in row and "| yes |" in row
    row = next(line for line in page.splitlines() if line.startswith("| `UndefinedGrad`"))
    assert "| undefined |" in row
    row = next(line for line in page.splitlines() if line.startswith("| `FromFunctionOp`"))
    assert "| Python |" in row


def is_ours(fn):
    """Other tests enter functions of their own."""
    return (getattr(fn.numpy, "__module__", None) or "numpy").partition(".")[0] in ("numpy", "symcore", "symnnet")


def test_the_table_of_rules_has_every_rule(tables):
    page = tables.rules_page()
    ours = {rule.name for rule in all_rules() if tables.home_of(rule) in tables.RULE_PACKAGES}
    assert len(ours) > 100 and ours <= first_cells(page)
    assert re.search(r"^\| `log-of-exp` \| ``log\(exp\(x\)\) -> x`` \| `more_accurate` \|$", page, re.MULTILINE)


def test_the_table_of_options_has_every_option(tables):
    assert {option.name for option in OPTIONS} == first_cells(tables.config_page())


def test_the_list_of_names_tells_what_is_built(tables):
    built, _, missing = tables.names_page().partition("## Not built yet")
    assert {"function", "grad", "shared", "dot", "exp", "softmax"} <= first_cells(built)
    assert "`T.nnet.conv2d`" in missing and not {"`ss.function`", "`ss.scan`"} & set(missing.split())


def test_what_the_readme_says_is_missing_is_missing(tables):
    named = re.findall(r"`(ss|T)\.([\w.]+)`", section("What does not work yet"))
    assert named
    for root, path in named:
        value = ss if root == "ss" else T
        for part in path.split("."):
            value = getattr(value, part)
        absent = "not built yet" in (value.__doc__ or "").lower() or tables.is_stub(value)
        assert absent, f"{root}.{path} is built: take it out of the README's list."


def test_the_readme_names_all_that_is_missing_at_the_top(tables):
    named = re.findall(r"`ss\.(\w+)`", section("What does not work yet"))
    assert {name for name, value in tables.public(ss) if tables.is_stub(value)} <= set(named)


# --- what the README says ---------------------------------------------------------------------------

x, c, M = T.dvector("x"), T.dscalar("c"), T.dmatrix("M")

#: What stands in bold at the head of a point of the README -> expressions that are true because of it.
EVIDENCE = {
    "Tensors": [
        "ss.function([M], T.einsum('ij->j', M))(np.ones((2, 3))).tolist() == [2.0, 2.0, 2.0]",
        "T.fft.rfft(M).type.ndim == 3 and T.nlinalg.svd(M)[0].ndim == 2 and x[x > 0].ndim == 1",
    ],
    "Sparse matrices": ["(T.sparse.csr_matrix('S') @ x).type.ndim == 1"],
    "Random numbers": ["{s(1).uniform((2,)).ndim for s in streams} == {1}"],
    "Gradients": [
        "ss.grad(T.switch(x > 0, T.log(x), 0.0).sum(), x).eval({x: [0.0, 2.0]}).tolist() == [0.0, 0.5]",
        "T.hessian((x**2).sum(), x).eval({x: [1.0]}).tolist() == [[2.0]]",
        "T.Rop(2 * x, x, x).eval({x: [1.0]}).tolist() == T.Lop(2 * x, x, x).eval({x: [1.0]}).tolist() == [2.0]",
    ],
    "Functions": ["a_failed_call_changes_nothing()"],
    "Loops": [
        "ss.grad(ss.scan(lambda v, s: s * v, x, 1.0 * c)[0][-1], c).eval({x: [2.0, 3.0], c: 1.0}) == 6.0",
        "one_side_only('FAST_RUN') and one_side_only('FAST_COMPILE')",
    ],
    "Simplification": ["places(x / x) != places(x / x, ss.get_mode('FAST_RUN').excluding('nan_changing'))"],
    "C": ["'Python' not in places(ss.grad(T.nnet.softmax(T.dot(M, M))[0, 0], M))"],
    "Python in, Python on top": ["ss.jit(lambda v: np.exp(v).sum())(np.zeros(3)) == 3.0", "{ss.as_op, ss.OpFromGraph}"],
    "Devices": ["not symgpu.available() and symgpu.why_not()"],
    "Convolution, pooling and batch normalisation": ["all(tables.is_stub(f) for _, f in tables.own_names(T.signal))"],
    "One thread": ["ss.config.threads == 1"],
    "No C": [
        "'Python' not in places(T.arcsin(T.zvector()) + T.sort(T.zvector()))",
        "all('Python' in places(f) for f in (T.nlinalg.svd(T.matrix())[1], T.fft.rfft(T.matrix())))",
        "'Python' not in places(T.jv(2, x) + T.polygamma(2, x) + T.gammainc(2, x))",
    ],
}  # fmt: skip


def a_failed_call_changes_nothing():
    total = ss.shared(np.zeros(2))
    step = ss.function([x], T.dot(x, [1.0, 1.0]), updates=[(total, total + 1)])
    with pytest.raises(ValueError, match="shape"):
        step([1.0])
    return total.get_value().tolist() == [0.0, 0.0]


def one_side_only(mode):
    @ss.as_op(itypes=[T.dvector], otypes=[T.dvector])
    def never(value):
        raise RuntimeError("the other side was computed")

    return ss.function([c, x], ss.ifelse(c > 0, x, never(x)), mode=mode)(1.0, [3.0]).tolist() == [3.0]


def places(expression, mode=None):
    inputs = [v for v in ss.graph.inputs([expression]) if v.owner is None and not hasattr(v, "data")]
    return ss.function(inputs, expression, mode=mode).explain()


def points():
    """The heads of the points in the README's two lists."""
    text = section("What works") + section("What does not work yet")
    heads = re.findall(r"^\* \*\*(.+?)\*\*", text, re.MULTILINE)
    assert len(heads) == len(re.findall(r"^\* ", text, re.MULTILINE)), "every point begins with a word in bold"
    return heads


def test_every_point_of_the_readme_has_evidence():
    assert points() == list(EVIDENCE)


@pytest.mark.c
@pytest.mark.skipif(extension.load() is None, reason="no C virtual machine to ask where nodes run")
@pytest.mark.parametrize("point", EVIDENCE)
def test_what_the_readme_says_is_true(point, tables):
    pytest.importorskip("scipy")
    scope = {**globals(), "symgpu": symgpu, "tables": tables}
    scope["streams"] = (ss.RandomStreams, ss.MRG_RandomStreams, ss.PhiloxStreams)
    for expression in EVIDENCE[point]:
        assert eval(expression, scope), expression


# --- docstrings -------------------------------------------------------------------------------------


def documented(tables):
    """``(path, value)`` of every public function and class of the language."""
    rooms = {"ss": ss, "ss.gradient": ss.gradient, "ss.graph": ss.graph, "ss.printing": ss.printing, "T": T}
    for room, module in rooms.items():
        yield from ((f"{room}.{name}", value) for name, value in tables.public(module))
    for room, module in tables.namespaces(T):
        yield from ((f"T.{room}.{name}", value) for name, value in tables.own_names(module))


def test_every_public_name_says_what_it_is(tables):
    """At least half a line, which is not what is made for a function that has none."""
    docs = {path: " ".join((inspect.getdoc(value) or "").split()) for path, value in documented(tables)}
    assert len(docs) > 600
    made = re.compile(r"Elementwise \w+\.$|\w+\(.*\)$")  # by ScalarFn, and by dataclasses
    assert [path for path, doc in docs.items() if len(doc) < 36 or made.match(doc)] == []


def test_docstrings_name_every_parameter(tables):
    """All but the name of the result, and those of constructors; or they lead to the function that tells of them."""
    silent = {}
    for path, value in documented(tables):
        if not inspect.isfunction(value) or value.__module__.endswith(".constructors") or tables.is_stub(value):
            continue
        doc = inspect.getdoc(value) or ""
        parameters = inspect.signature(value).parameters.values()
        named = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        missing = [name for name in named if name != "name" and not re.search(rf"\b{name}\b", doc)]
        if missing and "parameters are those of" not in doc:
            silent[path] = missing
    assert silent == {}


def test_every_scalar_function_has_a_line_and_every_line_a_function():
    import symcore.tensor.special_functions  # noqa: F401 - enters its own into the table
    from symcore.tensor import scalar_docs

    core = {name for name, fn in TABLE.items() if fn.__doc__.partition("\n")[0] in scalar_docs.LINES.values()}
    assert core == set(scalar_docs.LINES)
    rules = {*vars(symcore.tensor.scalar_functions), *vars(symcore.tensor.special_functions)}
    assert rules >= set(scalar_docs.RULES)
