"""Wrong arguments of loops: each is an error that names the argument, as soon as it can be known."""

import numpy as np
import pytest

from symcore import grad, shared
from symcore import tensor as T
from symcore.errors import MissingInputError
from symcore.ifelse import ifelse
from symopt import function
from symscan import foldl, loop, map, reduce, scan, scan_checkpoints, until

x, m, i = T.dvector("x"), T.dmatrix("m"), T.lvector("i")
four = T.TensorType("float64", (4,))("four")
zero = np.float64(0)

AT_ONCE = {
    "fewer outputs than initial values": (
        lambda: scan(lambda v, a, b: a, x, [zero, zero]), ValueError, "outputs_info has 2 entries.*1 outputs.*None"
    ),
    "more outputs than initial values": (
        lambda: scan(lambda v, a: [a, v], x, zero), ValueError, "outputs_info has 1 entries.*returned 2 outputs"
    ),
    "a wider dtype": (
        lambda: scan(lambda v, s: s + v, x, np.float32(0)), TypeError, r"outputs_info\[0\] has dtype float32.*Cast"
    ),
    "an integer that becomes a float": (
        lambda: scan(lambda v, a, b: [a, b + v], x, [zero, np.int64(0)]), TypeError, r"outputs_info\[1\].*int64.*astype"
    ),
    "a scalar that becomes a vector": (
        lambda: scan(lambda v, s: T.stack([s, v]), x, zero), TypeError, r"outputs_info\[0\].*0 dimensions.*1 dimensions"
    ),
    "a tap of the present": (
        lambda: scan(lambda a: a, outputs_info={"initial": x, "taps": [-1, 0]}, n_steps=2), ValueError,
        r"outputs_info\[0\] has the taps \[-1, 0\].*taps < 0",
    ),
    "a tap of the future": (
        lambda: scan(lambda v, a: a, x, {"initial": x, "taps": [1]}), ValueError, r"outputs_info\[0\].*taps < 0"
    ),
    "a tap twice": (
        lambda: scan(lambda a, b: a, {"input": x, "taps": [1, 1]}), ValueError, r"taps of sequences\[0\] must differ"
    ),
    "taps that are no integers": (
        lambda: scan(lambda a: a, {"input": x, "taps": [0.5]}), ValueError, r"taps of sequences\[0\] must be integers"
    ),
    "taps without an initial value": (
        lambda: scan(lambda a: a, outputs_info={"taps": [-1]}, n_steps=2), ValueError, r"info\[0\].*no 'initial'"
    ),
    "too few initial rows": (
        lambda: scan(lambda a: a, outputs_info={"initial": np.zeros(2), "taps": [-3]}, n_steps=2), ValueError,
        r"outputs_info\[0\].*needs 3 rows.*got 2",
    ),
    "one initial row for taps": (
        lambda: scan(lambda a: a, outputs_info={"initial": zero, "taps": [-2]}, n_steps=2), TypeError,
        r"outputs_info\[0\].*needs 2 rows.*scalar",
    ),
    "more steps than rows": (
        lambda: scan(lambda v: v, four, n_steps=5), ValueError, r"n_steps is 5.*sequences\[0\]; it has 4.*fewer steps"
    ),
    "more steps than the taps leave": (
        lambda: scan(lambda v, a, b: a, [x, {"input": four, "taps": [-1, 2]}], n_steps=2), ValueError,
        r"n_steps is 2, which needs 2 rows and 3 more for its taps \[-1, 2\] of sequences\[1\]; it has 4",
    ),
    "more steps than rows of a loop": (
        lambda: loop(lambda c, v: (c, v), zero, {"a": four}, n_steps=5), ValueError, r"n_steps is 5.*xs\['a'\]; it"
    ),
    "more steps than rows of blocks": (
        lambda: scan_checkpoints(lambda v, s: s + v, four, zero, n_steps=9), ValueError, r"n_steps is 9.*sequences\[0\]"
    ),
    "steps that are no number": (lambda: scan(lambda v: v, x, n_steps="3"), TypeError, "n_steps|tensor"),
    "a vector of steps": (lambda: scan(lambda v: v, x, n_steps=i), TypeError, "n_steps must be an integer"),
    "no steps and no sequences": (lambda: scan(lambda: zero), ValueError, "give it sequences, or n_steps"),
    "a scalar for a sequence": (lambda: scan(lambda v: v, zero), TypeError, r"sequences\[0\] is the scalar"),
    "no input in a dictionary": (lambda: scan(lambda v: v, {"taps": [0]}), ValueError, r"sequences\[0\].*'input'"),
    "a misspelt key": (lambda: scan(lambda v: v, {"input": x, "tap": 0}), ValueError, r"unknown key 'tap'"),
    "a condition that is a vector": (lambda: scan(lambda v: (v, until(v > 0)), m), TypeError, "scalar condition"),
    "an update of no shared variable": (lambda: scan(lambda v: (v, {x: v}), x), TypeError, "not a shared variable"),
    "something that is no tensor": (lambda: scan(lambda v: [v, "text"], x), TypeError, "output 1 of the step"),
    "no return": (lambda: scan(lambda v, s: None, x, zero), TypeError, "the step returned None: has it no return"),
    "a direction in words": (lambda: scan(lambda v: v, x, go_backwards="no"), TypeError, "go_backwards must be True"),
    "a direction in a dictionary": (
        lambda: scan(lambda v: v, {"input": x, "go_backwards": "no"}), TypeError, r"go_backwards of sequences\[0\]"
    ),
    "no function": (lambda: map(None, x), TypeError, "needs a function"),
    "rows too few for any step": (
        lambda: scan(lambda a, b: a, {"input": np.zeros(2), "taps": [-2, 1]}), ValueError,
        r"sequences\[0\] has 2 rows, too few for the taps \[-2, 1\]: a step needs 4",
    ),
    "numbers for a sequence": (
        lambda: scan(lambda v: v, [1, 2, 3]), TypeError, r"sequences\[0\] is the scalar 1.*numpy.array"
    ),
    "text for a non-sequence": (
        lambda: scan(lambda v, w: v, x, non_sequences=[zero, "w"]), TypeError, r"non_sequences\[1\] must be a tensor"
    ),
    "text for a non-sequence of blocks": (
        lambda: scan_checkpoints(lambda v, w: v, x, non_sequences="w"), TypeError, r"non_sequences\[0\] must be"
    ),
    "two conditions": (lambda: scan(lambda v: (v, until(v > 0), until(v < 1)), x), ValueError, "twice.*T.or_"),
    "a gradient cut nowhere": (lambda: scan(lambda v: v, x, truncate_gradient=-2), ValueError, "-1 for all.*got -2"),
    "a gradient cut at text": (lambda: scan(lambda v: v, x, truncate_gradient="2"), TypeError, "an integer, got '2'"),
    "a mode that is not": (lambda: scan(lambda v: v, x, mode="FAST"), ValueError, "no mode 'FAST'"),
    "a name that is a number": (lambda: scan(lambda v: v, x, name=3), TypeError, "name must be a string, got 3"),
    "a fold of nothing": (lambda: reduce(lambda v: v, x, None), ValueError, "needs the initial value.*outputs_info"),
    "a fold of no list": (lambda: foldl(lambda v: v, x, []), ValueError, "needs the initial value"),
    "a choice by Python": (lambda: scan(lambda v, s: s if v > 0 else v, x, zero), TypeError, "T.switch or ifelse"),
    "reduce without initial values": (lambda: foldl(lambda v: [v, v], x, [zero]), Exception, "argument|entries"),
}  # fmt: skip


@pytest.mark.parametrize("what", AT_ONCE)
def test_known_when_the_loop_is_made(what):
    call, error, message = AT_ONCE[what]
    with pytest.raises(error, match=message):
        call()


def test_strict_loops_name_what_they_were_not_given():
    with pytest.raises(MissingInputError, match="four .*not among non_sequences. Add it there"):
        scan(lambda v: v + four, x, strict=True)


@pytest.mark.parametrize("mode", ["FAST_COMPILE", "FAST_RUN"])
def test_known_when_the_function_is_called(mode):
    n = T.lscalar("n")
    taps, _ = scan(lambda a, b: a + b, {"input": x, "taps": [-2, 1]}, n_steps=n)
    f = function([x, n], taps, mode=mode)
    assert f(np.arange(5.0), 2).tolist() == [3, 5]
    # Compiled with all rules, these steps are one sum, and it is the lengths that do not fit.
    with pytest.raises(ValueError, match="3 steps need rows [03] to 5 of sequence 0, which has 5|has shape|length"):
        f(np.arange(5.0), 3)
    total = shared(zero)
    _, updates = scan(lambda v: {total: total + v}, x, n_steps=n)
    add = function([x, n], [], updates=updates, mode=mode)
    add([1.0, 2.0, 4.0], 2)
    assert total.get_value() == 3
    with pytest.raises(ValueError):
        add([1.0, 2.0, 4.0], 5)
    shortest, _ = scan(lambda a, b: a + b, {"input": x, "taps": [-2, 1]})
    assert function([x], shortest, mode=mode)(np.arange(3.0)).shape == (0,)
    last, _ = reduce(lambda v, s: s + v, x, zero)
    none = function([n], scan(lambda s: s + 1, outputs_info=zero, n_steps=n)[0][-1], mode=mode)
    for f, nothing in ((function([x], last, mode=mode), []), (none, 0)):
        with pytest.raises(IndexError, match="index -1 is out of bounds for axis 0 with size 0"):
            f(nothing)


@pytest.mark.parametrize("mode", ["FAST_COMPILE", "FAST_RUN"])
@pytest.mark.parametrize("make", [scan, scan_checkpoints])
def test_sequences_too_short_for_their_taps(make, mode):
    """Where the length is known at the call only, the error is the one that ``scan`` raises where it knows it."""
    sequences = [m, {"input": x, "taps": [-2, 1]}]
    rows, _ = make(lambda r, a, b, s: s + r.sum() * a * b, sequences, zero)
    f = function([m, x], [rows, *grad(rows.sum(), [m, x])], mode=mode)
    assert f(np.ones((4, 2)), np.arange(5.0))[0][-1] == 2 * 4
    assert [len(value) for value in f(np.ones((4, 2)), np.arange(3.0))] == [0, 4, 3]
    assert [len(value) for value in f(np.ones((0, 2)), np.arange(9.0))] == [0, 0, 9]
    for count in (0, 2):
        with pytest.raises(ValueError, match=rf"sequences\[1\] has {count} rows, too few for the taps \[-2, 1\]"):
            f(np.ones((4, 2)), np.arange(float(count)))


@pytest.mark.parametrize("mode", ["FAST_COMPILE", "FAST_RUN"])
def test_rows_that_no_step_made_are_named(mode):
    n = T.lscalar("n")
    first = T.dscalar("first")
    counted, _ = scan(lambda s, w: [s + 1, w * s], outputs_info=[first, first], n_steps=n, name="count")
    for k in range(2):
        f = function([n, first], counted[k][-1], mode=mode, on_unused_input="ignore")
        with pytest.raises(IndexError) as error:
            f(0, 1.5)
        said = "".join(error.value.__notes__)
        assert f"rows of the state of outputs_info[{k}] of the loop count (built at " in said
        assert "n_steps is n. Make more steps" in said
    plain, _ = scan(lambda v, s: [v * s, T.tanh(v) * s], x, [None, zero])
    with pytest.raises(IndexError) as error:  # with all rules the product is no longer one of the loop
        function([x], plain[0][-1], mode="FAST_COMPILE")([])
    assert "rows of an output without initial value of a loop" in "".join(error.value.__notes__)
    doubled, _ = scan(lambda s: (2 * s, until(s > 9)), outputs_info=first, n_steps=5, name="doubling")
    with pytest.raises(IndexError) as error:
        function([first], doubled[2], mode=mode)(10)
    assert "n_steps is 5, and its condition may end it before" in "".join(error.value.__notes__)
    rows = counted[0]  # what it says to do
    g = function([n, first], ifelse(T.gt(rows.shape[0], 0), rows[-1], first), mode=mode)
    assert [g(0, 1.5), g(2, 1.5)] == [1.5, 3.5]


@pytest.mark.parametrize("mode", ["FAST_COMPILE", "FAST_RUN"])
def test_a_state_that_changes_its_length(mode):
    rows, _ = scan(lambda s: T.concatenate([s, s]), outputs_info=x, n_steps=2)
    with pytest.raises(ValueError, match="shape"):
        function([x], rows, mode=mode)([1.0, 2.0])
    k = shared(np.zeros(2), "k")
    rows, updates = scan(lambda v: (v, {k: T.concatenate([k, k])}), x)
    with pytest.raises((ValueError, TypeError), match="shape|length"):
        function([x], rows, updates=updates, mode=mode)([1.0, 2.0])
