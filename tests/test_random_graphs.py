"""Random programs: every way of computing one agrees with the reference interpreter.

What "agrees" means is told in ``random_graphs.reference``: a result may differ by what rounding the numbers on the way
moves it, and no further; where numbers over- or underflow, rules tagged ``more_accurate`` may tell more. On the way the
promises that every call makes are checked too: inputs stay as they are, no output shares memory with anything that the
caller can reach, two calls give the same, results that were handed out do not change, and a call that fails leaves
every shared variable as it was.

The long run is ``python tests/random_graphs --draws 10000``.
"""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from random_graphs.compare import WAYS, Checker, Disagreement
from random_graphs.generator import Choices, graphs, random_graph, smaller
from random_graphs.graph import RandomGraph
from random_graphs.misuse import MISUSES, misuse, refused_well
from random_graphs.reference import reference
from random_graphs.values import LAYOUTS, laid_out, numbers

import symstack as ss
from symstack import tensor as T

DRAWS = int(os.environ.get("SYMSTACK_RANDOM_DRAWS", "250"))  # of each of two kinds
pytestmark = [pytest.mark.c, pytest.mark.default_mode]  # it chooses its modes itself


@pytest.mark.slow
@settings(max_examples=DRAWS, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(graphs())
def test_every_way_computes_what_the_interpreter_does(graph):
    Checker(graph).check()


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, DRAWS, 10))
def test_larger_programs(first):
    for seed in range(first, first + 10):
        Checker(random_graph(Choices.of(seed), 16)).check()


# --- the test itself: it must be able to fail -------------------------------------------------------------------------


def program(*lines):
    """A program of the inputs x0 (three numbers) and s0 (a shared vector) whose last line is its output."""
    g = RandomGraph(lambda low, high: low)
    g.add_input("x0", "T.dvector('x0')", np.array([1.0, -2.0, 0.3]), "input")
    g.add_input("s0", "ss.shared(s0_value, name='s0')", np.array([1.0, 2.0]), "shared")
    made = [g.add(line) for line in lines]
    g.outputs = [made[-1]]
    return g


def test_a_wrong_result_is_found(monkeypatch):
    g = program("T.exp(x0) + 1")
    Checker(g).check()
    honest = Checker._run

    def off_by_little(self, way, *excluded):
        return [r * (1 + 1e-13) for r in honest(self, way, *excluded)]

    monkeypatch.setattr(Checker, "_run", off_by_little)
    with pytest.raises(Disagreement, match="FAST_COMPILE: output 0"):
        Checker(g).check()


def test_every_way_is_its_own(monkeypatch):
    g = program("T.log(1 + x0)")
    seen = []
    compiled = Checker._compile

    def spy(self, way, *excluded):
        f = compiled(self, way, *excluded)
        seen.append((way, {str(node.op) for node, *_ in f.placement()}, {where for _, where, _ in f.placement()}))
        return f

    monkeypatch.setattr(Checker, "_compile", spy)
    Checker(g).check()
    ops, places = ({way: each[k] for way, *each in seen} for k in (0, 1))
    assert list(ops) == list(WAYS)
    assert "Elemwise{log1p}" in ops["FAST_RUN"] and "Elemwise{log}" in ops["C without rules"]
    assert places["FAST_RUN"] == places["C without rules"] == {"C"} and "C" not in places["FAST_RUN in Python"]


def test_a_changed_input_is_found(monkeypatch):
    g = program("x0 + 1")
    Checker(g).check()

    def careless(self, way, *excluded):
        def f(x):
            x += 1
            return [x.copy()]

        return f

    monkeypatch.setattr(Checker, "_compile", careless)
    with pytest.raises(Disagreement, match="changed its input x0"):
        Checker(g).check()


def test_shared_memory_is_found(monkeypatch):
    g = program("x0[::-1]")
    Checker(g).check()
    monkeypatch.setattr(Checker, "_compile", lambda self, way, *excluded: lambda x: [x[::-1]])
    with pytest.raises(Disagreement, match="shares memory with input x0"):
        Checker(g).check()


def test_bounds_follow_the_condition():
    x = T.dvector("x")
    value = {x: np.array([1.0, 2.0])}
    benign = reference([T.exp(x)], value).bounds[0]
    cancelling = reference([(T.exp(x) + 1e6) - 1e6], value).bounds[0]
    assert (benign < 1e-12).all() and (cancelling > 1e-10).all() and (cancelling < 1e-6).all()
    # what is not determined in floating point is not compared; what is exact is
    close = reference([T.lt(T.exp(T.log(x)), x), T.lt(x * 0.5, x)], value, runs=60)
    assert not close.determined[0].any() and close.determined[1].all()
    assert reference([T.log(x)], value).tame and not reference([T.exp(T.log(x * 0))], value).tame


def test_a_program_that_rounding_makes_fail_is_left_alone_and_no_other():
    chosen = "ss.ifelse(T.all(T.exp(T.log(T.abs(x0))) <= {0}), x0, s0) + x0"
    fragile = Checker(program(chosen.format("T.maximum(2.0, T.abs(x0))")))
    assert fragile.reference.fragile and not fragile.share
    fragile.check(["FAST_COMPILE"])
    sound = Checker(program(chosen.format("2.5")))
    assert not sound.reference.fragile and sound.share == 1


def test_an_error_of_the_interpreter_comes_with_the_program(monkeypatch):
    monkeypatch.setattr("random_graphs.compare.reference", reference_that_fails)
    with pytest.raises(ValueError, match="it cannot") as error:
        Checker(program("x0 + 1"))
    assert "x0 + 1" in error.value.__notes__[-1]


def reference_that_fails(*arguments):
    raise ValueError("it cannot")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_keep_their_values(layout):
    x = numbers(3, "float64", (3, 4), "normal")
    y = laid_out(x, layout)
    assert y.shape == x.shape and y.dtype.newbyteorder("=") == x.dtype
    if layout != "stride 0":
        np.testing.assert_array_equal(y, x)


def test_programs_are_diverse_and_well_determined():
    programs = [random_graph(Choices.of(seed), 12) for seed in range(60)]
    text = "\n".join(map(repr, programs))
    words = "reshape dimshuffle grad dot softmax set_subtensor inc_subtensor concatenate switch keepdims ::-1 astype"
    for word in [*words.split(), "'int8'", "'float32'", "'bool'", "(1, "]:
        assert word in text, word
    assert np.mean([Checker(g).share for g in programs]) > 0.95
    assert sum(bool(g.updates) for g in programs) > 10 and sum(g.failing for g in programs) > 2


def test_a_printed_program_runs():
    g = random_graph(Choices.of(5), 12)
    names: dict = {}
    exec(repr(g), names)
    f = ss.function(names["inputs"], names["outputs"], updates=names["updates"], on_unused_input="ignore")
    for got, e in zip(f(*names["values"]), g.outputs, strict=True):
        assert got.shape == e.value.shape and got.dtype == e.value.dtype


def test_small_choices_are_found():
    choices = Choices.of(2)
    random_graph(choices, 12)

    def has_product(given):
        return any("dot" in line for line in random_graph(Choices(given=given), 12).lines)

    seed = next(s for s in range(100) if has_product(_made(s)))
    least = smaller(_made(seed), has_product)
    assert has_product(least) and len(least) <= len(_made(seed))


def _made(seed):
    choices = Choices.of(seed)
    random_graph(choices, 12)
    return choices.made


# --- wrong input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MISUSES)
def test_wrong_input_is_refused_in_words(name):
    for seed in range(15):
        misuse(name, seed)


def test_an_error_of_the_inside_is_told_from_one_to_show():
    assert refused_well(KeyError("v")) and refused_well(ValueError("")) and refused_well(AssertionError("shape"))
    assert refused_well(IndexError("tuple index out of range"))
    assert refused_well(TypeError("x has 2 dimensions, 3 were given.")) == ""


def test_calls_with_wrong_input_leave_shared_variables_as_they_were():
    x, k = T.dvector("x"), T.lscalar("k")
    s = ss.shared(np.zeros(3), name="s")
    f = ss.function([x, k], (x * s)[k], updates=[(s, s + x)])
    wrong = [
        (None, 0),
        ([1.0], 0),
        ([1.0, 2.0, 3.0], 3),
        ([[1.0]], 0),
        ("abc", 0),
        ([1.0, 2.0, 3.0], 0.5),
        (x, 0),
        ([1j] * 3, 0),
    ]
    for arguments in wrong:
        with pytest.raises((TypeError, ValueError, IndexError)) as caught:
            f(*arguments)
        assert not refused_well(caught.value)
        np.testing.assert_array_equal(s.get_value(), np.zeros(3))
    assert f([1.0, 2.0, 3.0], 1) == 0 and s.get_value()[2] == 3
