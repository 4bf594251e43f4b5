"""Graphs as text and pictures; Ops that print and check."""

import io
import pickle
import shutil

import numpy as np
import pytest

from symcore import Assert, FunctionGraph, Print, debugprint, dot_text, grad, pp, pydotprint, shared
from symcore import tensor as T
from symcore.interpreter import evaluate
from symcore.printing import render as render_module
from symcore.printing.debugprint import letters


def printed(obj, **options):
    return debugprint(obj, file="str", **options).splitlines()


@pytest.fixture
def out():
    x, w, b = T.vector("x"), T.matrix("W"), T.vector("b")
    return T.sigmoid(T.dot(x, w) + b)


# ------------------------------------------------------------------ debugprint


def test_debugprint_of_the_slides(out):
    dot = out.owner.inputs[0].owner.inputs[0]
    assert printed(dot) == ["dot [id A]", " ├─ x [id B]", " └─ W [id C]"]
    assert printed(out) == [
        "Elemwise{sigmoid} [id A]",
        " └─ Elemwise{add} [id B]",
        "     ├─ dot [id C]",
        "     │   ├─ x [id D]",
        "     │   └─ W [id E]",
        "     └─ b [id F]",
    ]


def test_debugprint_prints_nodes_once():
    x = T.vector("x")
    a = T.exp(x)
    assert printed(a * a) == [
        "Elemwise{mul} [id A]",
        " ├─ Elemwise{exp} [id B]",
        " │   └─ x [id C]",
        " └─ Elemwise{exp} [id B] ···",
    ]
    lines = printed([a, a + x])
    assert lines[2].startswith("Elemwise{add}") and lines[3].endswith("[id A] ···")


def test_debugprint_options(out):
    out.name = "out"
    assert printed(out)[0] == "Elemwise{sigmoid} [id A] 'out'"
    assert printed(out, ids="")[0] == "Elemwise{sigmoid} 'out'" and printed(out, ids="int")[1].endswith("[id 1]")
    assert f"[id {id(out.owner)}]" in printed(out, ids="id")[0]
    assert "<TensorType(float64, vector)>" in printed(out, print_type=True)[0]
    assert len(printed(out, depth=1)) == 1 and len(printed(out, depth=2)) == 2 and len(printed(out, depth=3)) == 4
    assert len(printed(out * 2, stop_on_name=True)) == 3
    view = T.matrix("m").T
    assert printed(view, print_view_map=True)[0].endswith("v={0: 0}")
    done = {}
    debugprint(out, file="str", done=done)
    assert debugprint(out, file="str", done=done).splitlines() == ["Elemwise{sigmoid} [id A] 'out' ···"]
    for wrong in ({"ids": "hex"}, {"depth": 0}):
        with pytest.raises(ValueError, match="ids|depth"):
            debugprint(out, **wrong)
    with pytest.raises(TypeError, match="compiled function"):
        debugprint("text")


def test_debugprint_writes_where_it_is_told(out, capsys):
    assert debugprint(out) is None
    assert capsys.readouterr().out.startswith("Elemwise{sigmoid}")
    file = io.StringIO()
    assert debugprint(out, file=file) is file and file.getvalue().count("\n") == 6


def test_debugprint_of_graphs_and_functions(out):
    fgraph = FunctionGraph(
        list(out.owner.inputs[0].owner.inputs[0].owner.inputs) + [out.owner.inputs[0].owner.inputs[1]], [out]
    )
    lines = printed(fgraph)
    assert [line.split()[-1] for line in lines] == ["2", "1", "0", "B]".replace("B", "D"), "E]", "F]"]
    assert "clients=[output 0]" in printed(fgraph, print_clients=True)[0]

    class Plan:
        """As functions have it: an order, and what is done in place."""

        order = fgraph.toposort()

        def describe(self, node):
            return "[(0, 0)]" if str(node.op) == "Elemwise{sigmoid}" else ""

    class Function:
        """A compiled function, as far as printing knows it."""

    function = Function()
    function.plan = Plan()
    function.fgraph = fgraph
    assert printed(function)[0] == "Elemwise{sigmoid}[(0, 0)] [id A] 2"

    class Updating(Plan):
        updated = (shared(1.0, "w"),)

    function.plan = Updating()
    assert printed(function)[0].startswith("w <- Elemwise{sigmoid}")

    class Maker:
        pass

    class Older:
        maker = Maker()

    Older.maker.fgraph = fgraph
    assert printed(Older()) == lines and len(printed([function, Older()])) == 7


def test_debugprint_of_nodes_with_several_outputs_and_inner_graphs():
    m = T.matrix("m")
    rows, columns = T.nonzero(m)
    assert printed([rows, columns]) == ["Nonzero.0 [id A]", " └─ m [id B]", "Nonzero.1 [id A] ···"]
    from symcore import OpFromGraph

    x = T.vector("x")
    lines = printed(OpFromGraph([x], [T.exp(x) * x])(x))
    assert "Inner graphs:" in lines and any(
        line.startswith("Elemwise{mul}") for line in lines[lines.index("Inner graphs:") :]
    )


def test_debugprint_shortens_deep_indentation():
    x = T.vector("x")
    for _ in range(200):
        x = T.tanh(x)
    lines = printed(x)
    assert len(lines) == 201 and max(map(len, lines)) < 300 and lines[-1].lstrip().startswith("(193 levels)")


def test_letters():
    assert [letters(n) for n in (0, 25, 26, 51, 52, 701, 702)] == ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]


# ------------------------------------------------------------------ pp


X, Y, W = T.vector("x"), T.vector("y"), T.matrix("W")


@pytest.mark.parametrize(
    ("expression", "full", "minimal"),
    [
        (T.sigmoid(X + Y) * 2, "(sigmoid((x + y)) * TensorConstant{2})", "sigmoid(x + y) * TensorConstant{2}"),
        (X - (Y - X), "(x - (y - x))", "x - (y - x)"),
        ((X - Y) - X, "((x - y) - x)", "x - y - x"),
        ((X + Y) * X, "((x + y) * x)", "(x + y) * x"),
        (X**Y**X, "(x ** (y ** x))", "x ** y ** x"),
        ((X**Y) ** X, "((x ** y) ** x)", "(x ** y) ** x"),
        (-(X**Y), "(-(x ** y))", "-x ** y"),
        ((-X) ** Y, "((-x) ** y)", "(-x) ** y"),
        (X / (Y * X), "(x / (y * x))", "x / (y * x)"),
        ((X < Y) & (Y > X), "((x < y) & (y > x))", "x < y & y > x"),
        (T.dot(W, X).sum(), "sum(dot(W, x))", "sum(dot(W, x))"),
        (W.sum(axis=0), "sum(W, axis=0)", "sum(W, axis=0)"),
        (W.max(axis=(0, 1)), "max(W)", "max(W)"),
        ((W + 1.5).T, "(W + TensorConstant{1.5}).T", "(W + TensorConstant{1.5}).T"),
        (X.dimshuffle("x", 0), "x.dimshuffle('x', 0)", "x.dimshuffle('x', 0)"),
        (X.shape[0] + 1, None, "x.shape[0] + TensorConstant{1}"),
        (W[1:, ::-2], "W[1:, ::-2]", "W[1:, ::-2]"),
        (W[X.shape[0]], "W[x.shape[0]]", "W[x.shape[0]]"),
        (W[[0, 1]], "W[TensorConstant{[0 1]}]", "W[TensorConstant{[0 1]}]"),
        (T.set_subtensor(X[1:], Y), "set_subtensor(x[1:], y)", None),
        (
            T.inc_subtensor(W[[0], 1:], 2.0),
            None,
            "inc_subtensor(W[TensorConstant{[0]}, 1:], TensorConstant{2})",
        ),
        (X.astype("float32"), "cast(x, 'float32')", None),
        (X.zeros_like(), "alloc(TensorConstant{0}, x.shape[0])", None),
        (T.stack([X[0], X[1]]), "[x[0], x[1]]", None),
        (W.reshape((2, -1)), "W.reshape((TensorConstant{2}, TensorConstant{-1}))", None),
        (T.nonzero(W)[1], "Nonzero(W).1", None),
        (X.fill(2.0) + shared(1.0, "s"), None, "alloc(TensorConstant{2}, x.shape[0]) + s"),
    ],
)
def test_pp(expression, full, minimal):
    if full is not None:
        assert pp(expression) == full
    if minimal is not None:
        assert pp(expression, minimal=True) == minimal


def test_pp_of_gradients_and_lists():
    assert pp([X, X + Y]) == "x, (x + y)"
    assert pp(grad((X**2).sum(), X)) == pp(grad((X**2).sum(), X)) != ""
    with pytest.raises(TypeError, match="writes variables"):
        pp("x")


def test_pp_grows_as_the_graph_does():
    y = X
    for _ in range(60):
        y = y * y
    text = pp(y)
    assert len(text) < 10_000 and " where t1 = " in text


# ------------------------------------------------------------------ pictures


def test_dot_text_compact_and_bipartite(out):
    text = dot_text(out)
    assert text.startswith("digraph") and text.count("shape=box") == 3 and text.count("shape=ellipse") == 4
    assert text.count("->") == 6
    bipartite = dot_text(out, compact=False)
    assert bipartite.count("shape=ellipse") == 6 and bipartite.count("->") == 8


def test_dot_text_colours_and_labels():
    x = T.vector("x")
    s = shared(np.ones(2), "weights")
    y = Print("p")(T.exp(x) * s + 2.0)
    text = dot_text(y, with_ids=True)
    for colour in ("#b8e0b8", "#a8c8f0", "#e8e8e8", "#a0e0e0", "#f8e0a0", "#ffd0ff"):
        assert colour in text
    assert "id=0" in text and "weights" in text and "fillcolor" not in dot_text(y, high_contrast=False)
    assert (
        "TensorType(float64, vector)"
        not in dot_text(x * s, var_with_name_simple=True).split("weights")[1].split("]")[0]
    )
    assert "#123456" in dot_text(y, colorCodes={"input": "#123456"})


def test_dot_text_escapes_names():
    x = T.vector('a"; } digraph evil { \\ \n \x00')
    text = dot_text(x * 2)
    assert 'a\\"; } digraph evil { \\\\ \\n ' in text and "\x00" not in text


def test_dot_text_cuts_long_labels_and_draws_inner_graphs():
    from symcore import OpFromGraph

    x = T.vector("n" * 300)
    assert "n" * 100 not in dot_text(x * 2) and "..." in dot_text(x * 2)
    y = T.vector("y")
    assert "subgraph cluster_0" in dot_text(OpFromGraph([y], [T.exp(y)])(y), scan_graphs=True)


def test_pydotprint_writes_text_without_any_program(out, tmp_path, capsys):
    path = tmp_path / "graph.dot"
    pydotprint(out, path)
    assert path.read_text() == dot_text(out) and str(path) in capsys.readouterr().out
    assert pydotprint(out, format="dot", return_image=True) == dot_text(out)
    with pytest.raises(ValueError, match="bmp"):
        pydotprint(out, format="bmp")


@pytest.mark.skipif(not render_module.find_programs(), reason="no Graphviz program here (pip install graphviz-pure)")
def test_pydotprint_draws(out, tmp_path):
    pydotprint(out, tmp_path / "a.png", print_output_file=False)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    svg = pydotprint(out, format="svg", compact=False, return_image=True)
    assert b"<svg" in svg and b"sigmoid" in svg
    file = io.BytesIO()
    pydotprint(out, file, format="svg")
    assert b"<svg" in file.getvalue()


def test_pydotprint_says_how_to_get_a_program(out, monkeypatch):
    monkeypatch.setattr(render_module, "find_programs", lambda: [])
    with pytest.raises(RuntimeError, match="pip install graphviz-pure") as error:
        pydotprint(out, "a.png")
    assert "\n" not in str(error.value)
    monkeypatch.setattr(render_module, "find_programs", lambda: [shutil.which("false") or "/no/such/program"])
    with pytest.raises(RuntimeError, match="could not be drawn as pdf"):
        pydotprint(out, "a.pdf")


# ------------------------------------------------------------------ Print and Assert


def test_print_prints_when_its_value_is_computed(capsys):
    x = T.vector("x")
    y = Print("the value", ["shape", "mean"])(x)
    got = evaluate(y * 2, {x: [1.0, 3.0]})
    assert got.tolist() == [2.0, 6.0]
    assert capsys.readouterr().out == "the value shape = (2,)\nthe value mean = 2.0\n"
    evaluate(x * 2, {x: [1.0]})
    assert capsys.readouterr().out == ""
    evaluate(Print("plain")(x), {x: [1.5]})
    assert capsys.readouterr().out == "plain __str__ = [1.5]\n"


def test_print_passes_gradients_and_calls_functions(capsys):
    x, u = T.vectors("xu")
    assert evaluate(grad((Print("a")(x) * 3).sum(), x), {x: [1.0]}).tolist() == [3.0]
    capsys.readouterr()
    seen = []
    evaluate(Print("a", global_fn=lambda op, value: seen.append((op.message, value.tolist())))(x), {x: [1.0]})
    assert seen == [("a", [1.0])] and capsys.readouterr().out == ""
    op = Print("a", ["min"])
    assert pickle.loads(pickle.dumps(op)) == op and op == Print("a", ("min",)) and op != Print("a") and not op.pure


def test_assert_checks_when_its_value_is_computed():
    x, c = T.vector("x"), T.scalar("c")
    y = Assert("x must be positive")(x, T.all(x > 0), c > 0) * 2
    assert evaluate(y, {x: [1.0], c: 1.0}).tolist() == [2.0]
    with pytest.raises(AssertionError, match=r"x must be positive \(condition 0"):
        evaluate(y, {x: [-1.0], c: 1.0})
    with pytest.raises(AssertionError, match="condition 1"):
        evaluate(y, {x: [1.0], c: 0.0})
    assert evaluate(grad(y.sum(), x), {x: [1.0], c: 1.0}).tolist() == [2.0]
    assert not Assert().pure and Assert("a") == Assert("a") != Assert("b")
