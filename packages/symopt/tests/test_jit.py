"""``jit``: traces, forms of arguments and results, weak numbers, errors."""

import copy
import functools
import pickle
import threading
from typing import NamedTuple

import numpy as np
import pytest

from symcore import tensor as T
from symcore.config import config
from symcore.gradient import grad
from symcore.tensor.shared import shared
from symopt import jit


class Layer(NamedTuple):
    w: object
    b: object


def test_a_function_of_arrays():
    @jit
    def scaled(x, factor=2.0):
        """Scale."""
        return x * factor

    assert scaled(np.ones(2)).tolist() == [2, 2]
    assert scaled(np.ones(2), 3.0).tolist() == [3, 3]
    assert scaled(factor=4.0, x=np.ones(2)).tolist() == [4, 4]
    assert (scaled.__name__, scaled.__doc__) == ("scaled", "Scale.")
    assert "scaled" in repr(scaled)
    assert scaled.traces == 3


def test_one_trace_per_kind_of_arguments():
    calls = []

    @jit
    def f(x, y):
        calls.append(1)
        return x + y

    for x, y in [
        (np.ones(2), 1.0),
        (np.zeros(5), 2.5),  # another length, another number: the same
        (np.ones((2, 3)), 1.0),  # ndim
        (np.ones(2, "float32"), 1.0),  # dtype
        (np.ones(2), 1),  # kind of number
        (np.ones(1), 1.0),  # an axis that broadcasts
        (np.ones(2), np.ones(2)),
    ]:
        np.testing.assert_allclose(f(x, y), x + y)
    assert len(calls) == f.traces == 6
    assert f.compiled(np.ones(7), 0.0)(np.ones(3), 1.0).tolist() == [2, 2, 2]
    assert f.traces == 6
    f.clear()
    assert f.traces == 0


def test_broadcasting_follows_lengths():
    f = jit(lambda x, y: x * y)
    assert f(np.ones((3, 1)), np.ones((1, 4))).shape == (3, 4)


def test_nested_arguments_and_results():
    @jit
    def step(layers, batch):
        x = batch["x"]
        for layer in layers:
            x = T.tanh(T.dot(x, layer.w) + layer.b)
        new = [Layer(v.w * 2, v.b) for v in layers]
        return {"out": x, "shapes": (x.shape, [x.sum(), None]), "layers": new, "one": 1}

    layers = [Layer(np.ones((2, 3)), np.zeros(3)), Layer(np.ones((3, 1)), np.zeros(1))]
    result = step(layers, {"x": np.ones((4, 2)), "unused": None})
    assert result["out"].shape == (4, 1)
    assert result["shapes"][0].tolist() == [4, 1]
    assert result["shapes"][1][1] is None
    assert isinstance(result["layers"][0], Layer)
    assert result["layers"][0].w.tolist() == [[2, 2, 2]] * 2
    assert result["one"] == 1


def test_static_arguments():
    @jit(static_argnames=("n", "how"))
    def repeated(x, n, *, how="sum"):
        for _ in range(n):
            x = x * 2
        return x.sum() if how == "sum" else x

    assert repeated(np.ones(2), 3) == 16
    assert repeated(np.ones(2), n=1, how="all").tolist() == [2, 2]
    assert repeated.traces == 2
    with pytest.raises(TypeError, match="static argument 'n' must be hashable"):
        repeated(np.ones(2), [1])
    with pytest.raises(ValueError, match=r"static_argnames names 'm'; the parameters of .* are: x"):
        jit(lambda x: x, static_argnames="m")


def test_numbers_give_way_to_arrays():
    x32 = np.ones(2, "float32")
    f = jit(lambda x, a: (1 - a) * x + a * x / 2 - -a)
    assert f(x32, 0.5).dtype == "float32"
    assert f(x32, 2).dtype == "float32"
    assert f(np.ones(2), 0.1).tolist() == (0.9 * np.ones(2) + 0.05 + 0.1).tolist()
    assert jit(lambda x, a: a**2 * x)(x32, 3.0).tolist() == [9, 9]
    assert jit(lambda x, n: x + n)(np.ones(2, "int8"), 300).tolist() == [301, 301]
    assert jit(lambda x, z: x * z)(x32, 1j).dtype == "complex64"
    assert jit(lambda a: a * 2)(1.5) == 3
    with config.override(floatX="float32"):
        assert jit(lambda a: a * 2)(0.1).dtype == "float32"
        assert jit(lambda a, x: a * x)(0.1, np.ones(2)).tolist() == [0.1, 0.1]


def test_closures_over_shared_variables():
    w = shared(np.ones(2), name="w")
    f = jit(lambda x: x * w)
    assert f(np.ones(2)).tolist() == [1, 1]
    w.set_value(np.full(2, 5.0))
    assert f(np.ones(2)).tolist() == [5, 5]


def test_gradients_inside():
    slope = jit(lambda w: grad((w**2).sum(), w))
    assert slope(np.arange(3.0)).tolist() == [0, 2, 4]


def test_called_with_symbolic_variables_it_joins_the_graph():
    double = jit(lambda x: x * 2)
    x = T.dvector("x")
    y = double(x)
    assert y.eval({x: [1.0]}).tolist() == [2]
    assert double.traces == 0
    assert jit(lambda v: double(v) + 1)(np.ones(2)).tolist() == [3, 3]


def test_methods_may_look_at_their_object():
    class Model:
        def __init__(self, depth):
            self.depth = depth

        @jit
        def run(self, x):
            for _ in range(self.depth):
                x = x + 1
            return x

    a, b = Model(1), Model(3)
    assert (a.run(np.zeros(1)).tolist(), b.run(np.zeros(1)).tolist()) == ([1], [3])
    assert a.run is a.run
    assert isinstance(Model.run, type(jit(len)))


@pytest.mark.parametrize(
    "branch",
    [
        lambda x: x if x > 0 else -x,
        lambda x: x if x.sum() else -x,
        lambda x: x if T.any(x > 0) else -x,
        lambda x: [x for _ in range(x)],
        lambda x: float(x),
        lambda x: np.zeros(3)[x],
        lambda x: len(x),
    ],
)
def test_looking_at_a_value_is_refused(branch):
    with pytest.raises((TypeError, IndexError)) as caught:
        jit(branch)(np.array(1))
    assert "while jit traced" in caught.value.__notes__[-1]
    assert "x: TensorType(int64, scalar)" in caught.value.__notes__[-1]


def test_truth_values_are_as_ever_outside():
    assert bool(T.dscalar("x") + 1)
    with pytest.raises(TypeError):
        jit(lambda x: x or x)(1.0)
    assert bool(T.dscalar("x") + 1)


def test_what_is_no_array():
    f = jit(lambda x: x)
    with pytest.raises(TypeError, match=r"jit takes arrays.*got 'text' \(str\).*static_argnames"):
        f("text")
    with pytest.raises(TypeError, match=r"returned 'text' \(str\)"):
        jit(lambda x: "text")(1.0)
    with pytest.raises(TypeError, match="jit compiles functions, got 3"):
        jit(3)


def test_results_are_independent_of_arguments():
    x = np.ones(2)
    same, doubled = jit(lambda x: (x, x * 2))(x)
    same[0] = 9
    assert x.tolist() == [1, 1]
    assert doubled.tolist() == [2, 2]


def test_options_are_handed_on():
    f = jit(lambda x: x + 1, mode="FAST_COMPILE", name="mine", profile=True)
    assert f(1.0) == 2
    made = f.compiled(1.0)
    assert (made.name, made.mode.name, made.profile.calls) == ("mine", "FAST_COMPILE", 1)


def test_array_likes():
    class Wrapped:
        def __array__(self, dtype=None, copy=None):
            return np.arange(3.0)

    f = jit(lambda x: x * 2)
    assert f(Wrapped()).tolist() == [0, 2, 4]
    assert f(np.float32(2)).dtype == "float32"
    assert f(np.arange(3).astype(">f8")).tolist() == [0, 2, 4]
    assert f(True) == 2


# ---------------------------------------------------------------------- odd uses


def test_what_a_function_may_return():
    x = np.ones(2, "float32")
    assert jit(lambda x: None)(x) is None
    assert jit(lambda x: ())(x) == ()
    assert jit(lambda x: {})(x) == {}
    whole, fraction, truth, z = jit(lambda x: (3, 2.5, True, 1j))(x)
    assert (whole.dtype, fraction.dtype, truth.dtype, z.dtype) == ("int64", "float64", "bool", "complex128")
    nested = jit(lambda t: (t[0], None, [t[1][0]], {"k": t[0]}))((1.0, (2.0, None)))
    assert nested == (1.0, None, [2.0], {"k": 1.0})
    with pytest.raises(TypeError, match="returned 'a'"):
        jit(lambda x: "a")(x)


def test_numbers_that_do_not_fit_are_refused():
    f = jit(lambda n: n + 1)
    assert f(2**62) == 2**62 + 1
    with pytest.raises(TypeError, match="bad value for input n"):
        f(2**63)


def test_static_floats_are_told_apart():
    f = jit(lambda x, n: x / T.as_tensor(n), static_argnames="n")
    x = np.ones(1)
    assert (f(x, -0.0), f(x, 0.0)) == (-np.inf, np.inf)
    for _ in range(3):
        f(x, float("nan"))
    assert f.traces == 3
    f(x, 1)
    f(x, True)
    f(x, 1.0)
    assert f.traces == 6
    for bad in (3, [4], None):
        with pytest.raises(TypeError, match="static_argnames is the name"):
            jit(lambda x: x, static_argnames=bad)


def test_arguments_that_the_function_does_not_take():
    f = jit(lambda x, y: x + y, name="adder")
    for args, kwargs, why in (
        ((1.0,), {}, "missing a required argument: 'y'"),
        ((1.0, 2.0, 3.0), {}, "too many positional arguments"),
        ((1.0,), {"x": 2.0}, "multiple values for argument 'x'"),
        ((1.0, 2.0), {"z": 2.0}, "unexpected keyword argument 'z'"),
    ):
        with pytest.raises(TypeError, match=rf"adder\(x, y\): .*{why}") as info:
            f(*args, **kwargs)
        assert not getattr(info.value, "__notes__", [])
    for bad in (np.array(["a"]), np.array([object()]), np.array(["2020-01-01"], "M8[D]")):
        with pytest.raises(TypeError, match="jit takes arrays of numbers; x is one of dtype"):
            f(bad, 1.0)


def test_all_kinds_of_parameters():
    @jit
    def f(a, /, b, *rest, c=3.0, **more):
        return a + b + sum(rest) + c + sum(more.values())

    assert f(1.0, 2.0) == 6
    assert f(1.0, 2.0, 10.0, 20.0, c=0.0, d=100.0) == 133
    assert f(1.0, b=2.0) == 6
    assert jit(functools.partial(lambda x, y: x - y, y=2.0))(1.0) == -1
    assert jit(abs)(np.array([-1.0])) == [1]
    assert jit(jit(lambda x: x + 1))(1.0) == 2


class Model:
    scale = 5.0

    def __init__(self, k):
        self.k = k

    @jit
    def apply(self, x):
        return x * self.k

    @classmethod
    @jit
    def scaled(cls, x):
        return x * cls.scale

    @staticmethod
    @jit
    def plus(x):
        return x + 1


class Shifted(Model):
    scale = 7.0

    @jit
    def apply(self, x):
        return super().apply(x) + 100


@jit
def at_the_top(x):
    return x + 1


def test_methods_of_all_kinds():
    m, other = Model(2.0), Model(3.0)
    assert (m.apply(1.0), other.apply(1.0), Model.apply(m, 1.0)) == (2, 3, 2)
    assert m.apply is m.apply
    assert Shifted(2.0).apply(1.0) == 102
    assert (Model.scaled(1.0), m.scaled(1.0), Shifted.scaled(1.0)) == (5, 5, 7)
    assert (Model.plus(1.0), m.plus(1.0)) == (2, 2)

    class Slotted:
        __slots__ = ("k",)
        apply = jit(lambda self, x: x * 2)

    with pytest.raises(TypeError, match="Slotted has no __dict__"):
        Slotted().apply(1.0)


def test_copies_and_pickles():
    m = Model(2.0)
    m.apply(1.0)
    for other in (copy.deepcopy(m), pickle.loads(pickle.dumps(m))):
        other.k = 10.0
        assert (other.apply(1.0), m.apply(1.0)) == (10, 2)
    assert pickle.loads(pickle.dumps(at_the_top)) is at_the_top
    assert copy.deepcopy(at_the_top)(1.0) == 2
    assert pickle.loads(pickle.dumps(jit(np.sin)))(0.0) == 0


def test_recursion_over_a_static_argument():
    @functools.partial(jit, static_argnames="n")
    def power(x, n):
        return x if n == 1 else x * power(x, n - 1)

    assert power(2.0, 5) == 32
    assert power.traces == 1  # the inner calls are part of its graph


def test_threads_trace_once():
    f, found = jit(lambda x: T.exp(x) + 1), []
    threads = [threading.Thread(target=lambda: found.append(float(f(np.zeros(()))))) for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert (found, f.traces) == ([2.0] * 8, 1)


def test_a_failed_trace_is_forgotten():
    broken = [True]

    @jit
    def f(x):
        if broken[0]:
            raise RuntimeError("not yet")
        return x + 1

    with pytest.raises(RuntimeError, match="not yet") as info:
        f(1.0)
    assert any("while jit traced" in note for note in info.value.__notes__)
    broken[0] = False
    assert (f(1.0), f.traces) == (2, 1)
