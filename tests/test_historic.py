"""Wrong results that compilers of this kind have given, each against NumPy, in every mode.

The numbers are those of the table of historic wrong results (algebra 1-15, integers and rounding 16-21, NaN 22-24,
reductions 25-28, indexing 29-35, shapes 36-38, gradients 39-43, memory, updates and loops 44-48). Convolution (38) has
no Op: it is written with slices, and 28 on a device is tested with devices.

Every case is run as written (the interpreter), with few rules, with all rules but those tagged ``nan_changing``, with
these in DEBUG, and with all rules. ``nan=`` names the answer of the last, where the table of differences in the
documentation allows another one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import symstack as ss
from symcore.interpreter import evaluate
from symstack import tensor as T

pytestmark = pytest.mark.default_mode  # it chooses its modes itself
nan, inf = np.nan, np.inf
MODES = ["interpreter", "FAST_COMPILE", "without nan_changing", "DEBUG", "FAST_RUN", "FAST_RUN in Python"]
PLAIN = ("interpreter", "FAST_COMPILE")


def compute(mode, inputs, outputs, values):
    """Run the expressions in one of ``MODES``."""
    if mode == "interpreter":
        return evaluate(
            outputs, {x: x.type.filter(v, allow_downcast=True) for x, v in zip(inputs, values, strict=True)}
        )
    chosen = {
        "FAST_COMPILE": "FAST_COMPILE",
        "without nan_changing": ss.get_mode("FAST_RUN").excluding("nan_changing"),
        "DEBUG": ss.get_mode("DEBUG").excluding("nan_changing"),
    }
    options = {"allow_input_downcast": True, "on_unused_input": "ignore", "mode": chosen.get(mode, "FAST_RUN")}
    with ss.config.override(linker="py" if mode == "FAST_RUN in Python" else "auto"):
        f = ss.function(inputs, outputs, **options)
    # twice: the second call meets buffers that the first one used
    first, second = f(*values), f(*values)
    for one, other in zip(*((r if isinstance(r, list) else [r]) for r in (first, second)), strict=True):
        np.testing.assert_array_equal(one, other)
    return second


@dataclass(frozen=True)
class Case:
    """``build(*inputs)`` on ``values`` is ``answer`` within ``ulp`` units in the last place, in every mode.

    ``plain``: the answer of the modes that stabilise nothing, where evaluating as written is less accurate. ``nan``:
    the answer where ``nan_changing`` rules apply. ``exact``: signs of zeros count too.
    """

    number: int
    name: str
    types: str
    build: Callable[..., Any]
    values: tuple[Any, ...]
    answer: Any
    plain: Any = None
    nan: Any = None
    ulp: int = 4
    exact: bool = False
    dtype: str = ""
    tags: tuple[str, ...] = field(default=())


def grad_of(build):
    return lambda *inputs: ss.grad(build(*inputs).sum(), inputs[0])


SPECIAL = (0.0, 1.0, -2.0, nan, inf, -inf)
CASES = [
    # --- algebra
    Case(1, "1/(exp(x)+2) is no sigmoid", "dvector", lambda x: 1 / (T.exp(x) + 2), ([0.0, 1.0],), 1 / (np.exp([0.0,
         1.0]) + 2)),
    Case(1, "1/(exp(x)+1) is sigmoid(-x)", "dvector", lambda x: 1 / (T.exp(x) + 1), ([0.0, 1.0, -3.0],),
         1 / (np.exp([0.0, 1.0, -3.0]) + 1)),
    Case(1, "1/(1+exp(-x)) at -800", "dvector", lambda x: 1 / (1 + T.exp(-x)), ([-700.0, 3.0],),
         [np.exp(-700.0), 1 / (1 + np.exp(-3.0))], ulp=16),
    Case(2, "sqrt(sqr(x)) is |x|", "dvector", lambda x: T.sqrt(T.sqr(x)), ([-3.0, 2.0, 0.0],), [3.0, 2.0, 0.0]),
    Case(2, "sqr(sqrt(x)) keeps NaN", "dvector", lambda x: T.sqr(T.sqrt(x)), ([-1.0, 4.0],), [nan, 4.0]),
    Case(3, "x/x", "dvector", lambda x: x / x, (SPECIAL,), [nan, 1.0, 1.0, nan, nan, nan], nan=[1.0] * 6),
    Case(4, "(x*y)/y at y=0", "dvector dvector", lambda x, y: (x * y) / y, ([1.0, 3.0], [0.0, 2.0]), [nan, 3.0],
         nan=[1.0, 3.0]),
    Case(5, "x*0", "dvector", lambda x: x * 0, (SPECIAL,), [0.0, 0.0, -0.0, nan, nan, nan], nan=[0.0] * 6),
    Case(5, "x*0 keeps the sign of zero", "dvector", lambda x: 1 / (x * 0), ([1.0, -1.0],), [inf, -inf], nan=[inf,
         inf]),
    Case(6, "x-x", "dvector", lambda x: x - x, (SPECIAL,), [0.0, 0.0, 0.0, nan, nan, nan], nan=[0.0] * 6),
    Case(7, "eq(x,x)", "dvector", lambda x: T.eq(x, x), (SPECIAL,), [True, True, True, False, True, True],
         nan=[True] * 6),
    Case(7, "not (x<0) at NaN", "dvector", lambda x: ~(x < 0), ([nan, 1.0, -1.0],), [True, True, False]),
    Case(8, "a constant of shape (1,) keeps the type", "dvector", lambda x: x * T.constant(np.ones(1)), ([1.0, 2.0],),
         [1.0, 2.0]),
    Case(8, "the same in float32", "fvector", lambda x: x + T.constant(np.zeros(1, "float32")), ([1.0, 2.0],),
         np.float32([1, 2]), dtype="float32"),
    Case(9, "x*switch of mixed dtypes", "fvector", lambda x: x * T.switch(x > 1, T.constant(1.0, dtype="float64"), x),
         ([1.0, 2.0],), [1.0, 2.0], dtype="float64"),
    Case(10, "x**3", "dvector", lambda x: x**3, ([-2.0, 0.0, 3.0],), [-8.0, 0.0, 27.0]),
    Case(11, "log(sigmoid(-800))", "dvector", lambda x: T.log(T.nnet.sigmoid(x)), ([-800.0, 0.0],), [-800.0,
         np.log(0.5)],
         plain=[-inf, np.log(0.5)]),
    Case(12, "log(1+x) at 1e-20", "dvector", lambda x: T.log(1 + x), ([1e-20, 1.0],), [1e-20, np.log(2)], plain=[0.0,
         np.log(2)]),
    Case(12, "exp(x)-1 at 1e-20", "dvector", lambda x: T.exp(x) - 1, ([1e-20, 1.0],), [1e-20, np.expm1(1.0)],
         plain=[0.0, np.exp(1.0) - 1]),
    Case(12, "log(1-exp(x)) at -1e-20", "dvector", lambda x: T.log(1 - T.exp(x)), ([-1e-20, -50.0],),
         [np.log(1e-20), -np.exp(-50.0)], plain=[-inf, 0.0], ulp=16),
    Case(14, "exp(log(x)) outside the domain", "dvector", lambda x: T.exp(T.log(x)), ([-1.0, 4.0, 0.0],), [nan, 4.0,
         0.0],
         nan=[-1.0, 4.0, 0.0], ulp=8),
    Case(14, "exp(log1p(x)) outside the domain", "dvector", lambda x: T.exp(T.log1p(x)), ([-2.0, 3.0],), [nan, 4.0],
         nan=[-1.0, 4.0], ulp=8),
    Case(15, "clip with its bounds crossed", "dvector", lambda x: T.clip(x, 2.0, 1.0), ([0.0, 1.5, 3.0],),
         np.clip([0.0, 1.5, 3.0], 2, 1)),
    # --- integers and rounding
    Case(16, "// with all signs", "lvector lvector", lambda a, b: a // b, ([7, -7, 7, -7, 0], [2, 2, -2, -2, 5]), [3,
         -4, -4, 3, 0]),
    Case(16, "% with all signs", "lvector lvector", lambda a, b: a % b, ([7, -7, 7, -7, 0], [3, 3, -3, -3, 5]), [1, 2,
         -2, -1, 0]),
    Case(16, "INT_MIN // -1", "ivector ivector", lambda a, b: a // b, ([-(2**31), 5], [-1, -1]), [-(2**31), -5],
         dtype="int32"),
    Case(16, "INT_MIN % -1", "ivector ivector", lambda a, b: a % b, ([-(2**31), 5], [-1, -1]), [0, 0], dtype="int32"),
    Case(16, "x // 0 of integers", "lvector lvector", lambda a, b: a // b, ([5, -5], [0, 0]), [0, 0]),
    Case(16, "int8 // int8", "bvector bvector", lambda a, b: a // b, ([-128, 100], [-1, 7]), [-128, 14], dtype="int8"),
    Case(17, "1.0 // 0.1 and 6.0 // 0.1", "dvector dvector", lambda a, b: a // b, ([1.0, 6.0, -1.0], [0.1, 0.1, 0.1]),
         [9.0, 59.0, -10.0]),
    Case(17, "% of floats", "dvector dvector", lambda a, b: a % b, ([1.0, -1.0, 5.5, -5.5], [0.1, 0.1, -2.0, 2.0]),
         np.mod([1.0, -1.0, 5.5, -5.5], [0.1, 0.1, -2.0, 2.0]), exact=True),
    Case(18, "a sum over no axis with an upcast", "bvector", lambda x: x.sum(axis=()), ([100, 101],), [100, 101],
         dtype="int64"),
    Case(19, "sum of int8", "bvector", lambda x: x.sum(), ([100] * 5,), 500, dtype="int64"),
    Case(19, "mean of int8", "bvector", lambda x: x.mean(), ([100, 101, 102],), 101.0, dtype="float64"),
    Case(19, "prod of int8", "bvector", lambda x: x.prod(), ([100, 100],), 10000, dtype="int64"),
    Case(20, "halves to even", "dvector", lambda x: T.round(x), ([0.5, 1.5, 2.5, -0.5, -1.5],), [0.0, 2.0, 2.0, -0.0,
         -2.0],
         exact=True),
    Case(21, "log of a denormal", "dvector", lambda x: T.log(x), ([5e-324, 1e-310],), np.log([5e-324, 1e-310])),
    Case(21, "sqrt of a denormal", "dvector", lambda x: T.sqrt(x), ([5e-324, 1e-310],), np.sqrt([5e-324, 1e-310])),
    Case(21, "log of a float32 denormal", "fvector", lambda x: T.log(x), ([1e-45, 1e-40],), np.log(np.float32([1e-45,
         1e-40])),
         dtype="float32"),
    # --- NaN
    Case(22, "min", "dmatrix", lambda x: x.min(axis=1), ([[1.0, nan], [nan, 2.0], [3.0, 2.0]],), [nan, nan, 2.0]),
    Case(22, "max", "dmatrix", lambda x: x.max(axis=0), ([[1.0, nan], [nan, 2.0]],), [nan, nan]),
    Case(22, "maximum and minimum", "dvector dvector", lambda x, y: T.maximum(x, y) + T.minimum(x, y), ([nan, 1.0,
         1.0], [1.0, nan, 2.0]),
         [nan, nan, 3.0]),
    Case(23, "argmax gives the first NaN", "dmatrix", lambda x: x.argmax(axis=1), ([[1.0, nan, nan], [1.0, 3.0,
         3.0]],), [1, 1]),
    Case(23, "argmin gives the first NaN", "dmatrix", lambda x: x.argmin(axis=1), ([[1.0, nan, nan], [3.0, 1.0,
         1.0]],), [1, 1]),
    Case(24, "clip keeps NaN", "dvector", lambda x: T.clip(x, -1.0, 1.0), ([nan, 2.0, -inf],), [nan, 1.0, -1.0]),
    # --- reductions
    Case(25, "sum(sum(x,a),b) renumbers its axes", "dtensor3", lambda x: x.sum(axis=0).sum(axis=1),
         (np.arange(24.0).reshape(2, 3, 4),),
         np.arange(24.0).reshape(2, 3, 4).sum((0, 2))),
    Case(25, "max of max", "dtensor3", lambda x: x.max(axis=2).max(axis=0), (np.arange(24.0).reshape(2, 3, 4) % 7,),
         (np.arange(24.0).reshape(2, 3, 4) % 7).max((0, 2))),
    Case(26, "sum(a/dimshuffle(b))", "dmatrix dvector", lambda a, b: (a / b.dimshuffle(0, "x")).sum(axis=0),
         ([[1.0, 2.0], [3.0, 4.0]], [2.0, 4.0]), [1.25, 2.0]),
    Case(26, "the same over the other axis", "dmatrix dvector", lambda a, b: (a / b.dimshuffle(0, "x")).sum(axis=1),
         ([[1.0, 2.0], [3.0, 4.0]], [2.0, 4.0]), [1.5, 1.75]),
    Case(27, "argmax(softmax(x)) keeps its axis", "dmatrix", lambda x: T.argmax(T.nnet.softmax(x), axis=0),
         ([[1.0, 5.0, 2.0], [3.0, 1.0, 9.0]],), np.argmax([[1, 5, 2], [3, 1, 9]] / np.float64(1), axis=0),
         tags=("softmax along rows",)),
    Case(28, "more than 4096 rows", "dmatrix", lambda x: x.sum(axis=1), (np.ones((5000, 3)),), np.full(5000, 3.0)),
    # --- indexing
    Case(29, "x[8:2:-1][2]", "dvector", lambda x: x[8:2:-1][2], (np.arange(10.0),), 6.0),
    Case(29, "slices of slices with steps", "dvector", lambda x: x[1:9:2][::-1][1:3], (np.arange(10.0),),
         np.arange(10.0)[1:9:2][::-1][1:3]),
    Case(29, "a slice beyond the end", "dvector", lambda x: x[3:100][:2], (np.arange(5.0),), [3.0, 4.0]),
    Case(30, "inc then read with duplicates", "dvector lvector", lambda x, k: T.inc_subtensor(x[k], 1.0)[k], ([0.0,
         0.0], [0, 0, 1]),
         [2.0, 2.0, 1.0]),
    Case(31, "set then read: the last writer wins", "dvector dvector lvector", lambda x, v, k: T.set_subtensor(x[k],
         v)[k],
         ([0.0, 0.0], [5.0, 6.0, 7.0], [0, 0, 1]), [6.0, 6.0, 7.0]),
    Case(32, "set of zeros is no inc", "dvector dvector", lambda x, v: T.set_subtensor(x[:2], v), ([5.0, 6.0, 7.0],
         [1.0, 2.0]),
         [1.0, 2.0, 7.0]),
    Case(32, "set twice", "dvector", lambda x: T.set_subtensor(T.set_subtensor(x[0], 1.0)[0], 2.0), ([5.0, 6.0],),
         [2.0, 6.0]),
    Case(33, "gradient of a gather with duplicates", "dvector", grad_of(lambda x: x[[0, 0, 1]] * np.array([1.0, 2.0,
         4.0])),
         ([1.0, 1.0, 1.0],), [3.0, 4.0, 0.0]),
    Case(34, "a[:,[0],:,[1]]", "dtensor4", lambda a: a[:, [0, 1], :, [1, 0]], (np.arange(24.0).reshape(2, 2, 3, 2),),
         np.arange(24.0).reshape(2, 2, 3, 2)[:, [0, 1], :, [1, 0]]),
    Case(35, "dimshuffle of a subtensor", "dtensor3", lambda a: a[1:, :, 0].dimshuffle(1, "x", 0),
         (np.arange(12.0).reshape(2, 3, 2),),
         np.arange(12.0).reshape(2, 3, 2)[1:, :, 0].T[:, None]),
    Case(35, "subtensor of a dimshuffle", "dmatrix", lambda a: a.T[1:, 0], (np.arange(6.0).reshape(2, 3),), [1.0, 2.0]),
    # --- shapes
    Case(36, "gradient of a broadcast add", "dvector dmatrix", lambda v, m: ss.grad((v + m).sum(), v), ([1.0, 2.0],
         np.ones((3, 2))),
         [3.0, 3.0]),
    Case(36, "gradient with respect to a row", "drow dmatrix", lambda r, m: ss.grad((r * m).sum(), r), ([[1.0, 2.0]],
         np.ones((3, 2))),
         [[3.0, 3.0]]),
    Case(37, "tensordot's rank", "dtensor3 dtensor3", lambda a, b: T.tensordot(a, b, axes=[[0, 1], [1, 0]]),
         (np.arange(24.0).reshape(2, 3, 4), np.arange(30.0).reshape(3, 2, 5)),
         np.tensordot(np.arange(24.0).reshape(2, 3, 4), np.arange(30.0).reshape(3, 2, 5), [[0, 1], [1, 0]])),
    Case(37, "gradient of tensordot", "dtensor3 dmatrix", lambda a, b: ss.grad(T.tensordot(a, b, axes=1).sum(), a),
         (np.ones((2, 3, 2)), np.arange(8.0).reshape(2, 4)), np.broadcast_to([6.0, 22.0], (2, 3, 2))),
    # --- gradients
    Case(39, "ties of max", "dvector", lambda x: ss.grad(x.max(), x), ([1.0, 1.0, 0.0],), [1.0, 1.0, 0.0]),
    Case(40, "sqrt(x)[0] when another x is 0", "dvector", lambda x: ss.grad(T.sqrt(x)[0], x), ([4.0, 0.0],), [0.25,
         0.0]),
    Case(41, "switch(x<eps, 1, sin(x)/x)", "dvector", grad_of(lambda x: T.switch(abs(x) < 1e-9, 1.0, T.sin(x) / x)),
         ([0.0, 1.0],),
         [0.0, np.cos(1.0) - np.sin(1.0)], ulp=32),
    Case(41, "switch(x>0, log x, 0)", "dvector", grad_of(lambda x: T.switch(x > 0, T.log(x), 0.0)), ([0.0, 2.0, -1.0],),
         [0.0, 0.5, 0.0]),
    Case(41, "switch(x>0, sqrt x, 0)", "dvector", grad_of(lambda x: T.switch(x > 0, T.sqrt(x), 0.0)), ([0.0, 4.0],),
         [0.0, 0.25]),
    Case(42, "gradient of x**0", "dvector", grad_of(lambda x: x**0), ([0.0, 2.0],), [0.0, 0.0]),
    Case(42, "gradient of x**y at x=0", "dvector", grad_of(lambda x: x**2.0), ([0.0, 3.0],), [0.0, 6.0]),
    Case(42, "gradient of 0**y by y", "dscalar", lambda y: ss.grad(T.constant(0.0) ** y, y), (2.0,), 0.0),
    Case(43, "clip by its bounds", "dscalar dscalar", lambda lo, hi: T.stack(ss.grad(T.clip(T.constant([0.0, 0.5,
         2.0]), lo, hi).sum(),
         [lo, hi])), (0.25, 1.0), [1.0, 1.0]),
    Case(43, "prod with one zero", "dvector", lambda x: ss.grad(x.prod(), x), ([2.0, 0.0, 3.0],), [0.0, 6.0, 0.0]),
    Case(43, "prod with two zeros", "dvector", lambda x: ss.grad(x.prod(), x), ([0.0, 0.0, 3.0],), [0.0, 0.0, 0.0]),
    Case(43, "norm at 0", "dvector", lambda x: ss.grad(x.norm(2), x), ([0.0, 0.0],), [0.0, 0.0]),
    Case(43, "norm away from 0", "dvector", lambda x: ss.grad(x.norm(2), x), ([3.0, 4.0],), [0.6, 0.8]),
]  # fmt: skip


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def expected(case, mode):
    if case.number == 27:
        return np.argmax(softmax(np.array(case.values[0])), axis=0)
    if mode in PLAIN and case.plain is not None:
        return case.plain
    if mode.startswith("FAST_RUN") and case.nan is not None:
        return case.nan
    return case.answer


def assert_close(actual, wanted, ulp, exact):
    wanted = np.asarray(wanted)
    assert actual.shape == wanted.shape
    if wanted.dtype.kind != "f":
        np.testing.assert_array_equal(actual, wanted)
        return
    np.testing.assert_array_equal(np.isnan(actual), np.isnan(wanted))
    finite = np.isfinite(wanted)
    np.testing.assert_array_equal(actual[~finite], wanted[~finite])
    spacing = np.spacing(np.maximum(np.abs(wanted[finite]), np.finfo(wanted.dtype).tiny).astype(actual.dtype))
    assert (np.abs(actual[finite] - wanted[finite]) <= ulp * spacing).all(), f"{actual} is not {wanted}"
    if exact:
        np.testing.assert_array_equal(np.signbit(actual), np.signbit(wanted))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.number} {case.name}")
def test_historic_wrong_result(case, mode):
    inputs = [getattr(T, name)(f"x{k}") for k, name in enumerate(case.types.split())]
    output = case.build(*inputs)
    actual = compute(mode, inputs, output, case.values)
    if case.dtype:
        assert actual.dtype == output.dtype == case.dtype
    allowed = [expected(case, mode)]
    if mode == "FAST_COMPILE":  # it may stabilise, and need not
        allowed.append(case.answer)
    failures = []
    for wanted in allowed:
        try:
            assert_close(actual, wanted, case.ulp, case.exact)
            return
        except AssertionError as error:
            failures.append(str(error))
    pytest.fail("\n".join(failures))


@pytest.mark.parametrize("mode", MODES)
def test_13_softmax_and_cross_entropy_of_huge_activations(mode):
    x, y = T.dmatrix("x"), T.lvector("y")
    cost = -T.log(T.nnet.softmax(x))[T.arange(y.shape[0]), y]
    values = np.array([[1000.0, 0.0, -1000.0], [0.0, 0.0, 0.0], [-1e5, 1e5, 0.0]]), np.array([1, 2, 1])
    actual = compute(mode, [x, y], [cost, ss.grad(cost.mean(), x)], values)
    if mode in PLAIN:
        assert actual[0][0] in (1000.0, inf)  # the probability underflows where nothing is stabilised
        return
    np.testing.assert_allclose(actual[0], [1000.0, np.log(3), 0.0], rtol=1e-14)
    onehot = np.eye(3)[values[1]]
    np.testing.assert_allclose(actual[1], (softmax(values[0]) - onehot) / 3, rtol=1e-13, atol=1e-300)


@pytest.mark.parametrize("mode", MODES[1:])
def test_10_a_power_keeps_the_static_shape(mode):
    r = T.drow("r")
    assert (r**3).broadcastable == (True, False)
    np.testing.assert_array_equal(
        compute(mode, [r], r**3 + T.constant(np.ones((2, 1))), ([[2.0, 3.0]],)), [[9.0, 28.0]] * 2
    )


def correlated(x, w, step):
    """The valid correlation of two matrices at every ``step``-th place, by slices; the shape of ``w`` is known."""
    rows, columns = w.type.shape if hasattr(w, "type") else w.shape
    high, wide = x.shape[0] - rows + 1, x.shape[1] - columns + 1
    return sum(w[i, j] * x[i : i + high : step, j : j + wide : step] for i in range(rows) for j in range(columns))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_38_correlation_at_every_few_places(step, mode):
    x, w = T.dmatrix("x"), T.TensorType("float64", (2, 3))("w")
    y = correlated(x, w, step)
    values = np.arange(63.0).reshape(9, 7) % 10, np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]])
    got, by_x, by_w = compute(mode, [x, w], [y, *ss.grad(T.sqr(y).sum(), [x, w])], values)
    wanted = correlated(*values, step)
    np.testing.assert_allclose(got, wanted, rtol=1e-14)
    slopes = [np.zeros_like(v) for v in values]
    for (a, b), g in np.ndenumerate(2 * wanted):
        part = np.s_[a * step : a * step + 2, b * step : b * step + 3]
        slopes[0][part] += g * values[1]
        slopes[1] += g * values[0][part]
    np.testing.assert_allclose(by_x, slopes[0], rtol=1e-13, atol=1e-12)
    np.testing.assert_allclose(by_w, slopes[1], rtol=1e-13, atol=1e-12)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("wrong", [(8, 7), (9, 6)])
def test_38_a_stated_shape_that_is_wrong_is_an_error(wrong, mode):
    x, w = T.dmatrix("x"), T.TensorType("float64", (2, 3))("w")
    y = correlated(T.specify_shape(x, wrong), w, 3)
    with pytest.raises(ValueError, match="length"):
        compute(mode, [x, w], y, (np.ones((9, 7)), np.ones((2, 3))))
    stated = T.TensorType("float64", wrong)("stated")
    with pytest.raises((TypeError, ValueError), match="must have length"):
        compute(mode, [stated, w], correlated(stated, w, 3), (np.ones((9, 7)), np.ones((2, 3))))


@pytest.mark.parametrize("mode", MODES)
def test_40_a_gradient_of_zero_stops_an_infinite_slope(mode):
    x = T.dvector("x")
    slope = ss.grad(T.switch(x > 1, T.sqrt(x), x).sum(), x)
    np.testing.assert_array_equal(compute(mode, [x], slope, ([0.0, 4.0],)), [1.0, 0.25])


@pytest.mark.parametrize("mode", MODES[1:])
def test_44_a_mutable_input_that_is_a_view_of_an_immutable_one(mode):
    x, y = T.dvector("x"), T.dvector("y")
    f = ss.function(
        [ss.In(x, mutable=True), y], [x * 2, y + 0.5], mode="FAST_RUN" if mode.startswith("FAST_RUN") else None
    )
    base = np.arange(4.0)
    doubled, raised = f(base[:], base)
    np.testing.assert_array_equal(doubled, [0.0, 2.0, 4.0, 6.0])
    np.testing.assert_array_equal(raised, [0.5, 1.5, 2.5, 3.5])


@pytest.mark.parametrize("mode", ["FAST_COMPILE", "FAST_RUN"])
@pytest.mark.parametrize("linker", ["auto", "py"])
class TestUpdates:
    """45, and the rules of aliasing."""

    def compiled(self, mode, linker, *arguments, **options):
        with ss.config.override(linker=linker):
            return ss.function(*arguments, mode=mode, **options)

    def test_45_a_variable_updated_to_itself(self, mode, linker):
        s = ss.shared(np.arange(3.0), name="s")
        f = self.compiled(mode, linker, [], s + 1, updates=[(s, s)])
        np.testing.assert_array_equal(f(), [1.0, 2.0, 3.0])
        np.testing.assert_array_equal(s.get_value(), [0.0, 1.0, 2.0])

    def test_45_swap(self, mode, linker):
        a, b = ss.shared(np.zeros(3), name="a"), ss.shared(np.ones(3), name="b")
        swap = self.compiled(mode, linker, [], [], updates=[(a, b), (b, a)])
        swap()
        np.testing.assert_array_equal(a.get_value(), np.ones(3))
        np.testing.assert_array_equal(b.get_value(), np.zeros(3))
        a.set_value(np.full(3, 5.0))
        np.testing.assert_array_equal(b.get_value(), np.zeros(3))
        bump = self.compiled(mode, linker, [], [], updates=[(a, a + 1)])
        bump()
        np.testing.assert_array_equal(b.get_value(), np.zeros(3))

    def test_two_variables_updated_to_the_same_value_stay_apart(self, mode, linker):
        a, b, x = ss.shared(np.zeros(2), name="a"), ss.shared(np.zeros(2), name="b"), T.dvector("x")
        f = self.compiled(mode, linker, [x], x * 2, updates=[(a, x * 2), (b, x * 2)])
        result = f([1.0, 2.0])
        result[:] = 99
        bump = self.compiled(mode, linker, [], [], updates=[(a, a + 1)])
        bump()
        np.testing.assert_array_equal(a.get_value(), [3.0, 5.0])
        np.testing.assert_array_equal(b.get_value(), [2.0, 4.0])

    def test_a_variable_updated_to_an_argument_does_not_hold_it(self, mode, linker):
        s, x = ss.shared(np.zeros(2), name="s"), T.dvector("x")
        f = self.compiled(mode, linker, [x], [], updates=[(s, x)])
        given = np.array([1.0, 2.0])
        f(given)
        given[:] = 7
        np.testing.assert_array_equal(s.get_value(), [1.0, 2.0])
        self.compiled(mode, linker, [], [], updates=[(s, s + 1)])()
        np.testing.assert_array_equal(given, [7.0, 7.0])

    def test_no_output_shares_memory_with_anything(self, mode, linker):
        s, x = ss.shared(np.zeros((3, 3)), name="s"), T.dmatrix("x")
        f = self.compiled(mode, linker, [x], [x, x.T, x[1:], s, s.T, x + s, (x + s).T])
        given = np.arange(9.0).reshape(3, 3)
        outputs = f(given)
        arrays = [*outputs, *f(given), given, s.get_value(borrow=True)]
        for k, first in enumerate(arrays):
            for second in arrays[k + 1 :]:
                assert not np.shares_memory(first, second)

    def test_an_input_never_changes(self, mode, linker):
        x, y = T.dmatrix("x"), T.dvector("y")
        f = self.compiled(mode, linker, [x, y], [T.tanh(x) + y, T.dot(x, y) + y, T.set_subtensor(x[0], y)])
        x_val, y_val = np.arange(9.0).reshape(3, 3), np.ones(3)
        x_val.flags.writeable = y_val.flags.writeable = False
        f(x_val, y_val)
        np.testing.assert_array_equal(x_val, np.arange(9.0).reshape(3, 3))
        np.testing.assert_array_equal(y_val, np.ones(3))


@pytest.mark.parametrize("mode", MODES[1:])
class TestLoops:
    """46-48."""

    def test_46_a_state_that_only_looks_further_back(self, mode):
        start = T.dvector("start")
        h = ss.scan(lambda before: before * 2, outputs_info=[{"initial": start, "taps": [-2]}], n_steps=5)[0]
        wanted = [2.0, 6.0, 4.0, 12.0, 8.0]
        np.testing.assert_array_equal(compute(mode, [start], h, ([1.0, 3.0],)), wanted)
        np.testing.assert_array_equal(compute(mode, [start], h[-1], ([1.0, 3.0],)), 8.0)
        np.testing.assert_array_equal(compute(mode, [start], ss.grad(h[-1], start), ([1.0, 3.0],)), [8.0, 0.0])

    def test_46_states_that_change_places(self, mode):
        a, b = T.dvector("a"), T.dvector("b")
        (u, v), _ = ss.scan(lambda p, q: [q, p + q], outputs_info=[a, b], n_steps=4)
        values = np.array([1.0, 2.0]), np.array([1.0, 0.0])
        wanted, p, q = [], *values
        for _ in range(4):
            p, q = q, p + q
            wanted.append((p, q))
        for k, out in enumerate((u, v)):
            np.testing.assert_array_equal(compute(mode, [a, b], out, values), [w[k] for w in wanted])
        np.testing.assert_array_equal(compute(mode, [a, b], u[-1] + v[-1], values), wanted[-1][0] + wanted[-1][1])

    def test_46_only_the_last_steps_of_a_state_of_two(self, mode):
        start = T.dvector("start")
        h = ss.scan(lambda p, q: p + q, outputs_info=[{"initial": start, "taps": [-2, -1]}], n_steps=6)[0]
        for last in (1, 2, 3):
            got = compute(mode, [start], h[-last:], ([1.0, 1.0],))
            np.testing.assert_array_equal(got, [2.0, 3.0, 5.0, 8.0, 13.0, 21.0][-last:])

    def test_47_the_last_of_no_steps_is_an_error(self, mode):
        n, x = T.lscalar("n"), T.dscalar("x")
        last = ss.scan(lambda s: s * 2, outputs_info=[x], n_steps=n)[0][-1]
        assert compute(mode, [n, x], last, (3, 1.0)) == 8.0
        with pytest.raises(IndexError):
            compute(mode, [n, x], last, (0, 1.0))

    def test_48_loops_with_equal_steps_keep_their_own_states(self, mode):
        x, y = T.dscalar("x"), T.dscalar("y")
        first, second = (ss.scan(lambda s: s * 2 + 1, outputs_info=[v], n_steps=3)[0] for v in (x, y))
        np.testing.assert_array_equal(compute(mode, [x, y], first - second, (1.0, 3.0)), [-4.0, -8.0, -16.0])
        np.testing.assert_array_equal(compute(mode, [x, y], first + 10 * second, (0.0, 1.0)), [31.0, 73.0, 157.0])


ARRAYS = {
    "0-size": lambda: np.zeros((0, 4)),
    "F-order": lambda: np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "sliced": lambda: np.arange(48.0).reshape(6, 8)[::2, 1::2],
    "negative strides": lambda: np.arange(12.0).reshape(3, 4)[::-1, ::-1],
    "stride 0": lambda: np.broadcast_to(np.arange(4.0), (3, 4)),
    "misaligned": lambda: np.frombuffer(b"\0" + np.arange(12.0).tobytes(), dtype="f8", offset=1).reshape(3, 4),
    "byte-swapped": lambda: np.arange(12.0).reshape(3, 4).astype(">f8"),
    "read-only": lambda: np.arange(12.0).reshape(3, 4).view(),
    "matrix subclass": lambda: np.arange(12.0).reshape(3, 4).view(np.recarray),
    "one row": lambda: np.arange(4.0).reshape(1, 4),
    "one column": lambda: np.arange(3.0).reshape(3, 1),
}


@pytest.mark.parametrize("linker", ["auto", "py"])
@pytest.mark.parametrize("kind", ARRAYS)
def test_every_kind_of_array_is_computed_with(kind, linker):
    x, y = T.dmatrix("x"), T.dmatrix("y")
    with ss.config.override(linker=linker):
        f = ss.function(
            [x, y], [T.exp(-x) * y + 1, T.dot(x, y.T), x.sum(axis=0), y[:, ::-1].max(axis=1, keepdims=True) + x]
        )
    value = ARRAYS[kind]()
    if kind == "read-only":
        value.flags.writeable = False
    plain = np.array(value, dtype="f8")
    other = plain * 0.5 - 1
    if plain.shape[0] == 0:
        f = ss.function([x, y], [T.exp(-x) * y + 1, T.dot(x, y.T), x.sum(axis=0)])
    wanted = [np.exp(-plain) * other + 1, plain @ other.T, plain.sum(0)]
    if plain.shape[0]:
        wanted.append(other[:, ::-1].max(1, keepdims=True) + plain)
    for actual, expected_value in zip(f(value, other), wanted, strict=True):
        np.testing.assert_allclose(actual, expected_value, rtol=1e-13, atol=1e-13)
    # overlapping with another input
    for actual, expected_value in zip(f(value, value)[:2], [np.exp(-plain) * plain + 1, plain @ plain.T], strict=True):
        np.testing.assert_allclose(actual, expected_value, rtol=1e-13, atol=1e-13)
