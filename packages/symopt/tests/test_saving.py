"""Files of functions and graphs: nothing is lost, nothing is run, and what is wrong with a file is said."""

import dataclasses
import json
import os
import random
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import symopt
from symcore import OpFromGraph
from symcore import tensor as T
from symcore.from_function import as_op
from symcore.gradient.grad import grad
from symcore.graph.type import Type
from symcore.graph.variable import Apply, Constant
from symcore.ifelse import ifelse
from symcore.interpreter import evaluate
from symcore.op import Op
from symcore.random import RandomStreams
from symcore.tensor.shared import shared
from symcore.tensor.type import TensorType
from symcore.testing.core_cases import CASES
from symopt import In, Mode, MonitorMode, RuleSet, function
from symopt.archive import VERSION
from symopt.loading import NewerFileError, SavedFileError, UnknownOpError

PY = Mode("plain", RuleSet(), "py")


def again(what, path, **options):
    symopt.save(path, what)
    return symopt.load(path, **options)


def changed(path, edit):
    """Rewrite the document of a file."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    document = json.loads(members["graph.json"])
    edit(document)
    members["graph.json"] = json.dumps(document).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "saved.sym"


class Shifted(Op):
    """An Op in the style of older code."""

    __props__ = ("by",)

    def __init__(self, by):
        self.by = by

    def make_node(self, x):
        x = T.as_tensor(x)
        return Apply(self, [x], [x.type()])

    def perform(self, node, x):
        return x + np.asarray(self.by, x.dtype)


class Doubled(Op):
    """An Op of annotated parameters."""

    times: int = 2

    make_node = Shifted.make_node

    def perform(self, node, x):
        return x * np.asarray(self.times, x.dtype)


@dataclasses.dataclass(frozen=True)
class Setting:
    """A parameter of an Op."""

    factor: float
    names: tuple[str, ...] = ()


class Tuned(Op):
    """An Op with a parameter that is a record."""

    setting: Setting

    make_node = Shifted.make_node

    def perform(self, node, x):
        return x * np.asarray(self.setting.factor, x.dtype)


class Secretive(Op):
    """An Op that does not say what it was made of."""

    def __init__(self, path):
        self.path = path

    make_node = Shifted.make_node


# ---------------------------------------------------------------------- functions


@pytest.mark.parametrize("mode", ["FAST_RUN", "FAST_COMPILE", "DEBUG", PY, Mode("own", None, "py")], ids=str)
def test_a_function_comes_back(mode, file):
    x, w = T.dmatrix("x"), shared(np.full((3, 2), 0.5), name="w")
    b = shared(np.zeros(2), name="b")
    cost = T.log(1 + T.exp(T.dot(x, w) + b)).sum()
    dw, db = grad(cost, [w, b])
    f = function([x], {"cost": cost, "slope": db}, updates=[(w, w - 0.1 * dw), (b, b - 0.1 * db)],
                 mode=mode, name="step")  # fmt: skip
    f.save(file)
    g = symopt.load(file)
    assert [str(n.op) for n in g.plan.order] == [str(n.op) for n in f.plan.order]
    assert (g.name, str(g), g.trust_input, g.compile_times["rewrite"]) == ("step", "function step", False, 0)
    assert g.mode.name == f.mode.name
    assert {s.name for s in g.get_shared()} == {"w", "b"}
    assert not {*g.get_shared()} & {w, b}
    data = np.linspace(-1, 1, 12).reshape(4, 3)
    for _ in range(3):
        one, two = f(data), g(x=data)
        assert list(two) == ["cost", "slope"]
        for key in one:
            np.testing.assert_array_equal(one[key], two[key])
    for s in g.get_shared():
        np.testing.assert_array_equal(s.get_value(), {"w": w, "b": b}[s.name].get_value())
    g.fgraph.check()
    assert g.explain() == f.explain()
    assert "test_saving.py" in str(g.plan.order[0].trace)


def test_settings_of_inputs_come_back(file):
    x, y, s = T.fvector("x"), T.dscalar("y"), T.dscalar("s")
    ins = [
        In(x, strict=True, mutable=True), In(y, name="why", value=2.0, implicit=True), In(s, value=1.0, update=s + 1),
    ]  # fmt: skip
    f = function(ins, [x * y, s], mode=PY)
    f(np.ones(1, "float32"))
    g = again(f, file)
    for got, want in zip(g.signature.declared, f.signature.declared, strict=True):
        for name in ("name", "strict", "mutable", "implicit", "borrow", "shared", "allow_downcast", "has_default"):
            assert getattr(got, name) == getattr(want, name), name
    assert [v.tolist() for v in g(np.ones(1, "float32"))] == [[2], 2]
    assert [v.tolist() for v in g(np.ones(1, "float32"), 10.0, why=3.0)] == [[3], 10]
    assert g["s"] == 11
    assert f["s"] == 2
    with pytest.raises(TypeError, match="strict"):
        g(np.ones(1))
    assert g.plan.mutable
    h = again(g, file)  # a second time round
    assert h["s"] == 11
    w = shared(1.0, name="w")
    k = again(function([y, In(w, shared=True, update=w + y)], w), file)
    assert (k(1.0), k(1.0), k["w"]) == (1, 2, 3)


def test_shared_variables_keep_what_they_share(file):
    a = shared(np.zeros(2), name="a")
    b = a.clone()
    b.name = "b"
    f = function([], [a + 1, b + 2], updates=[(a, a + 5)], mode=PY)
    g = again(f, file)
    g()
    one, two = g.get_shared()
    assert one.container is two.container
    assert one.get_value().tolist() == [5, 5]
    assert a.get_value().tolist() == [0, 0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.0, 5e-324, 1 + 2j])
def test_every_number_comes_back(value, file):
    v = again(T.as_tensor(np.asarray(value)) + T.zscalar("z"), file)
    [found] = [c.data for c in v.owner.inputs if isinstance(c, Constant)] or [
        u.data for c in v.owner.inputs if c.owner is not None for u in c.owner.inputs
    ]
    assert found.tobytes() == np.asarray(value).tobytes()


# ---------------------------------------------------------------------- graphs


@pytest.mark.parametrize("case", [c for c in CASES if c.plain], ids=lambda c: c.name or str(c.op))
def test_every_op_comes_back(case, file):
    arrays = case.arrays("float64")
    node = case.op.make_node(*case.variables(arrays, False))
    copies = again(list(node.outputs), file)
    twin = copies[0].owner
    assert twin.op == node.op
    assert hash(twin.op) == hash(node.op)
    assert str(twin.op) == str(node.op)
    assert [v.type for v in twin.inputs] == [v.type for v in node.inputs]
    assert [v.type for v in copies] == [v.type for v in node.outputs]


def test_forms_of_graphs(file):
    x, y = T.dvectors("xy")
    assert again(x + y, file).eval is not None
    one, two = again((x + y, x * y), file)
    assert one.owner.inputs == two.owner.inputs  # what was one variable is one
    both = again({"sum": x + y, "x": x}, file)
    assert both["sum"].owner.inputs[0] is both["x"]
    assert both["x"].name == "x"
    assert again([], file) == []
    for bad in (3, [x, 3], None):
        with pytest.raises(TypeError, match="writes a function, a variable"):
            symopt.save(file, bad)
    with pytest.raises(TypeError, match="strings as keys"):
        symopt.save(file, {1: x})


def test_inner_graphs_choices_and_random_streams(file):
    x, y = T.dscalars("xy")
    w = shared(3.0, name="w")
    inner = OpFromGraph([x, y], [x * y + w, x - y])
    outer = OpFromGraph([x], [inner(x, x + 1)[0] * 2])
    v = ifelse(T.gt(x, 0), outer(x), inner(x, 2.0)[1])
    copy = again(v, file)
    given = [u for u in T_inputs(copy) if u.name == "x"]
    for value in (1.5, -1.5):
        want = evaluate([v], {x: np.asarray(value)})[0]
        assert evaluate([copy], {given[0]: np.asarray(value)})[0] == want
    stream = RandomStreams(7)
    draw = function([], stream.uniform((3,)), mode=PY)
    first = draw()
    loaded = again(draw, file)
    assert loaded().tolist() == draw().tolist() != first.tolist()
    graph = again(stream.normal((2,)), file)  # the default update of its state comes along
    f = function([], graph)
    assert f().tolist() != f().tolist()


def T_inputs(v):
    from symcore.graph.traverse import inputs

    return inputs([v])


def test_a_long_chain(file):
    y = T.dscalar("x")
    for k in range(5000):
        y = T.sin(y) + float(k % 3)
    z = again(y, file)
    depth = 0
    while z.owner is not None:
        z, depth = next(v for v in z.owner.inputs if not isinstance(v, Constant)), depth + 1
    assert depth == 10_000


# ---------------------------------------------------------------------- Ops of others


def test_ops_of_users_are_handed_over(file):
    x = T.dvector("x")
    f = function([x], Doubled(3)(Shifted((1.0, 2.0))(x)))
    f.save(file)
    told = r"uses the Op (Shifted|Doubled) .* load\(path, ops=\[(Shifted|Doubled)\]\)"
    with pytest.raises(UnknownOpError, match=told) as info:
        symopt.load(file)
    assert info.value.missing.endswith(("Shifted", "Doubled"))
    g = symopt.load(file, ops=[Shifted, Doubled])
    assert g([1.0, 1.0]).tolist() == f([1.0, 1.0]).tolist() == [6, 9]
    renamed = type("Renamed", (), {})
    with pytest.raises(TypeError, match="classes of Ops"):
        symopt.load(file, ops=[renamed])
    named = {f"{__name__}:Shifted": Shifted, "Doubled": Doubled}
    assert symopt.load(file, ops=named)([1.0, 1.0]).tolist() == [6, 9]
    other = type("Shifted", (Op,), {})
    with pytest.raises(ValueError, match="two classes called"):
        symopt.load(file, ops=[Shifted, other])


def test_records_among_the_parameters(file):
    x = T.dvector("x")
    f = function([x], Tuned(Setting(2.5, ("a", "b")))(x))
    f.save(file)
    with pytest.raises(UnknownOpError, match="the class Setting"):
        symopt.load(file, ops=[Tuned])
    g = symopt.load(file, ops=[Tuned, Setting])
    assert g([2.0]).tolist() == [5]
    assert g.plan.order[-1].op.setting == Setting(2.5, ("a", "b"))


def test_what_cannot_be_saved_is_named(file):
    x = T.dvector("x")
    python = as_op(itypes=[T.dvector], otypes=[T.dvector])(lambda x: x)
    with pytest.raises(TypeError, match="cannot be saved: it holds .*no functions"):
        symopt.save(file, python(x))
    with pytest.raises(TypeError, match="Secretive has a constructor of its own"):
        symopt.save(file, Secretive("secret")(x))
    with pytest.raises(TypeError, match="cannot be saved: the linker of the mode 'MonitorMode'"):
        function([x], x + 1, mode=MonitorMode()).save(file)
    with pytest.raises(TypeError, match="cannot be saved: it holds <object"):
        symopt.save(file, Shifted(object())(x))
    assert not list(file.parent.iterdir())  # nothing half written is left


def test_a_file_is_replaced_at_once(file, monkeypatch):
    x = T.dvector("x")
    symopt.save(file, x + 1)
    before = file.read_bytes()
    monkeypatch.setattr(os, "replace", lambda *a: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        symopt.save(file, x + 2)
    assert file.read_bytes() == before
    assert len(list(file.parent.iterdir())) == 1


def test_another_mode(file):
    x = T.dvector("x")
    function([x], T.exp(x)).save(file)
    assert symopt.load(file, mode="FAST_COMPILE").mode.name == "FAST_COMPILE"
    seen = []
    g = symopt.load(file, mode=MonitorMode(post_func=lambda k, node, values: seen.append(node)))
    g([1.0])
    assert len(seen) == 1
    changed(file, lambda d: d.update(mode="FANCY"))
    with pytest.raises(SavedFileError, match="saved in the mode 'FANCY'.*load"):
        symopt.load(file)


# ---------------------------------------------------------------------- files that are wrong


def test_newer_versions_are_refused(file):
    symopt.save(file, T.dvector("x") + 1)
    changed(file, lambda d: d.update(version=VERSION + 1))
    told = rf"version {VERSION + 1} .*\(by symcore .*up to {VERSION}\. Install a newer"
    with pytest.raises(NewerFileError, match=told):
        symopt.load(file)


def test_files_of_other_kinds(file):
    with pytest.raises(FileNotFoundError):
        symopt.load(file)
    for content in (b"", b"PK", b"not a zip file", b"\x80\x04K\x01."):
        file.write_bytes(content)
        with pytest.raises(SavedFileError, match="is not a saved graph or function, or it is damaged"):
            symopt.load(file)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme", "hello")
    with pytest.raises(SavedFileError, match=r"no graph\.json"):
        symopt.load(file)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("graph.json", "{}")
    with pytest.raises(SavedFileError, match="another kind"):
        symopt.load(file)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("graph.json", "{}" + " " * 10**6)
    with pytest.raises(SavedFileError, match="compressed"):  # no file unpacks to more than its size
        symopt.load(file)


@pytest.fixture
def step(file):
    x, w = T.dmatrix("x"), shared(np.full((3, 2), 0.5), name="w")
    f = function([x], T.tanh(T.dot(x, w)).sum(), updates=[(w, w * 0.5)], mode="FAST_COMPILE")
    f.save(file)
    return f


def test_truncated_files(step, file):
    content = file.read_bytes()
    for length in range(0, len(content), max(1, len(content) // 50)):
        file.write_bytes(content[:length])
        with pytest.raises(SavedFileError):
            symopt.load(file)


def test_mutated_files_give_the_value_or_our_error(step, file):
    content, rng = file.read_bytes(), random.Random(0)
    data = np.linspace(0, 1, 6).reshape(2, 3)
    want, fine = step(data), 0
    for _ in range(400):
        mutated = bytearray(content)
        for _ in range(rng.choice([1, 1, 3])):
            mutated[rng.randrange(len(mutated))] = rng.randrange(256)
        file.write_bytes(mutated)
        try:
            found = symopt.load(file)(data)
        except SavedFileError:
            continue
        assert found == want
        fine += 1
    assert fine < 400


@pytest.mark.parametrize(
    "edit",
    [
        lambda d: d.pop("steps"),
        lambda d: d["steps"].pop(),
        lambda d: d["steps"].reverse(),
        lambda d: d["steps"].append(["run", "os:system", "true"]),
        lambda d: d.update(inputs=[99]),
        lambda d: d.update(inputs=[True]),
        lambda d: d.update(n_outputs=7),
        lambda d: d.update(n_outputs=-1),
        lambda d: d.update(updated=[0]),
        lambda d: d.update(keys=["a", "b"]),
        lambda d: d.update(kind="program"),
        lambda d: d.update(version="1"),
        lambda d: d.update(mutable=[55]),
        lambda d: d.update(states=[[0, 0]]),
        lambda d: d.update(default_updates=[[0, 0]]),
        lambda d: d["declared"].append(d["declared"][0]),
        lambda d: d.update(containers=[{"array": 77}]),
        lambda d: d.update(containers=[{"array": "../../etc/passwd"}]),
        lambda d: d.update(containers=[{"pickle": "gASVAAA="}]),
        lambda d: d.update(containers=["text"]),
    ],
)
def test_documents_that_make_no_sense(step, file, edit):
    changed(file, edit)
    with pytest.raises(SavedFileError):
        symopt.load(file)


@pytest.mark.parametrize(
    "name",
    ["os:system", "subprocess:Popen", "builtins:eval", "symcore.op:Op.__init__", "symstack.__main__:x", "symopt.io:os",
     "symopt.compiled:Function", "symcore.nothing:Op", "symcore.graph.type:Type", "::", "symcore.op:", 3, None,
     "symcore/../os:x"],
)  # fmt: skip
def test_only_ops_are_made(step, file, name):
    def edit(document):
        for s in document["steps"]:
            if s[0] == "op":
                s[1] = name

    changed(file, edit)
    with pytest.raises(SavedFileError):
        symopt.load(file)


def test_nodes_with_types_that_their_ops_would_not_give(step, file):
    """Kernels trust types: a file must not make them write float64 into memory for int8."""

    def edit(document):
        for s in document["steps"]:
            if s[0] == "node":
                s[3] = [["int8", shape] for _, shape in s[3]]

    changed(file, edit)
    with pytest.raises(SavedFileError, match="do not belong together"):
        symopt.load(file)


class Hidden(Type):
    """A type of a user's own."""

    def __init__(self, size=1):
        self.size = size

    def filter(self, value, strict=False, allow_downcast=None):
        return value

    def __eq__(self, other):
        return type(self) is type(other) and self.size == other.size

    def __hash__(self):
        return hash(self.size)


def test_types_of_users(file):
    v = Hidden(5)("v")
    symopt.save(file, v)
    with pytest.raises(UnknownOpError, match="the type Hidden"):
        symopt.load(file)
    w = symopt.load(file, ops=[Hidden])
    assert (w.type, w.name) == (Hidden(5), "v")
    assert again(T.dvector(), file).type is TensorType("float64", (None,))


# ---------------------------------------------------------------------- another process


def test_loading_rewrites_and_compiles_nothing(file):
    x, w = T.dmatrix("x"), shared(np.ones((3, 2)), name="w")
    f = function([x], T.tanh(T.dot(x, w)).sum(), updates=[(w, w * 0.5)])
    f.save(file)
    value = float(f(np.ones((4, 3))))
    code = (
        "import importlib, sys, subprocess, numpy as np, symopt\n"
        "m = importlib.import_module('symopt.function')\n"
        "def refuse(*a, **k): raise AssertionError('rewritten or compiled')\n"
        "m.rewrite = refuse\n"
        "subprocess.Popen = refuse\n"
        "f = symopt.load(sys.argv[1])\n"
        "print(repr(float(f(np.ones((4, 3))))), f.get_shared()[0].get_value().sum())\n"
    )
    out = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True)
    assert out.returncode == 0, out.stderr
    found, total = out.stdout.split()
    assert float(found) == pytest.approx(value)
    assert float(total) == 3
