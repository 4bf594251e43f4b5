"""Guarded nodes, choices between views, and loops: programs built by hand, and descriptions that are refused."""

import gc
import sys

import numpy as np
import pytest


def guard_last(b, register):
    """Guard the node that was added last."""
    b.nodes[-1] = (*b.nodes[-1], register)


def chooser(b):
    """y = x + 1 where c is not 0, else x + x."""
    c, x = b.input(0, "i8"), b.input(1)
    left, right, view = b.temp(1), b.temp(1), b.view(1)
    yes = b.reg("NE", b.reg("VALUE", c, 0), b.reg("CONST", 0))
    no = b.reg("NOT", yes)
    b.node(b.c.CODE, None, (), (), None)
    b.elementwise("inc", left, x)
    guard_last(b, yes)
    b.elementwise("add", right, x, x)
    guard_last(b, no)
    b.node(b.c.SELECT, None, [view], [left, right], (yes,))
    return b.copy(view), yes


def test_a_node_whose_guard_is_zero_is_left_out(b):
    y, _ = chooser(b)
    f = b.program(y, profile=True)
    for _ in range(3):
        assert f(7, np.ones(2))[0].tolist() == [2.0, 2.0]
        assert f(0, np.full(3, 5.0))[0].tolist() == [10.0, 10.0, 10.0]
    counts = [calls for _, calls, _ in f.timings()]
    assert counts == [3, 3, 6] and f.stats["segments"] == 1 and f.stats["prepares"] == 2


def test_python_nodes_and_what_reads_them(b):
    c = b.input(0, "i8")
    x = b.input(1)
    yes = b.reg("VALUE", c, 0)
    held, seen = b.held(1), b.held(0)
    b.python(lambda v: v * 2, [held], [x])
    guard_last(b, yes)
    b.python(lambda v: np.array(-1.0 if v is None else v.sum()), [seen], [held])
    f = b.program(seen)
    assert float(f(1, np.ones(3))[0]) == 6.0 and float(f(0, np.ones(3))[0]) == -1.0


def counting(b, new_builder, keep=-1, n=None):
    """state[i] = state[i - 1] + 1, ``n`` times: the outer program's slots."""
    inner = new_builder()
    s = inner.input(1)
    t = inner.array(1)
    inner.elementwise("inc", t, s)
    step = inner.program(t)
    count, first = b.input(0, "i8"), b.input(2)
    out, ring = b.array(2), b.temp(2)
    steps = b.reg("VALUE", count, 0)
    rings = [ring] if keep > 0 else []
    b.node(b.c.LOOP, step, [out, *rings], [first], (steps, (), ((keep, -1),), (), 0, 0, 0))
    return out, step


@pytest.mark.parametrize("keep", [-1, 1, 2, 5])
def test_a_loop(b, new_builder, keep):
    out, _ = counting(b, new_builder, keep)
    f = b.program(out)
    for n in (0, 1, 3, 8, 3):
        rows = np.arange(n + 1.0)[:, None] + np.array([0.0, 10.0])
        got = f(n, np.array([[0.0, 10.0]]))[0]
        np.testing.assert_array_equal(got, rows if keep < 0 else rows[-keep:])
    with pytest.raises(ValueError, match="number of steps is -1"):
        f(-1, np.zeros((1, 2)))
    with pytest.raises(ValueError, match="needs 1 initial rows"):
        f(1, np.zeros((2, 2)))


def test_a_loop_lives_as_long_as_its_program(b, new_builder):
    out, step = counting(b, new_builder)
    before = sys.getrefcount(step)
    f = b.program(out)
    f(3, np.zeros((1, 2)))
    b.nodes.clear()
    del f
    gc.collect()
    assert sys.getrefcount(step) < before + 1


def test_memory_kept_for_the_next_call_can_be_freed(b, new_builder):
    out, step = counting(b, new_builder, keep=1)
    f = b.program(out)
    f(3, np.zeros((1, 2)))
    assert step.stats["contexts"] == 1 and f.stats["arena_bytes"]
    f.clear()
    assert not step.stats["contexts"] and not f.stats["arena_bytes"]
    assert f(2, np.zeros((1, 2)))[0].tolist() == [[2.0, 2.0]]


def test_a_failure_in_a_step_goes_through_both_handlers(b, new_builder):
    inner = new_builder()
    s, t = inner.input(1), inner.array(1)
    inner.elementwise("always_fails", t, s)
    seen = []

    def handler(name):
        def on_error(tag, kind, message, operands, cause, slots):
            seen.append((name, kind, message, type(cause).__name__))
            return KeyError(name)

        return on_error

    step = inner.program(t, on_error=handler("step"))
    count, first, out = b.input(0, "i8"), b.input(2), b.array(2)
    b.node(b.c.LOOP, step, [out], [first], (b.reg("VALUE", count, 0), (), ((-1, -1),), (), 0, 0, 0))
    f = b.program(out, on_error=handler("loop"))
    with pytest.raises(KeyError, match="loop"):
        f(4, np.zeros((1, 2)))
    assert seen[0] == ("step", "value", "this kernel fails with 42 and reason", "NoneType")
    assert seen[1:] == [("loop", "loop", "step 0", "KeyError")]
    assert f(0, np.zeros((1, 2)))[0].shape == (1, 2)


PARAMS = (0, (), ((-1, -1),), (), 0, 0, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: (), "params are"),
        (lambda p: (*p[:1], ((2, 0),), *p[2:]), "sequences are"),
        (lambda p: (*p[:1], ((1,),), *p[2:]), "sequences are"),
        (lambda p: (*p[:2], ((-1, 0),), *p[3:]), "a tap is negative"),
        (lambda p: (*p[:2], ((0, -1),), *p[3:]), "sequences are"),
        (lambda p: (*p[:2], ((-1, -1), (-1, -1)), *p[3:]), "too few inputs"),
        (lambda p: (*p[:3], ((-1,),), *p[4:]), "do not fit"),
        (lambda p: (*p[:4], 1, 0, 0), "do not fit"),
        (lambda p: (*p[:2], ((3, -1),), *p[3:]), "do not fit"),
        (lambda p: (99, *p[1:]), "reads register 99"),
        (lambda p: (*p, 0), "params are"),
        (lambda p: (*p, (0,)), "an axis for each input"),
        (lambda p: (*p, (0, 1)), "along the first one"),
        (lambda p: (*p, (-1, 0)), "along the first one"),
        (lambda p: (*p, (0, 0, 0)), "an axis for each input"),
    ],
)
def test_wrong_descriptions_of_loops(b, new_builder, change, message):
    out, step = counting(b, new_builder)
    node = b.nodes[-1]
    b.nodes[-1] = (*node[:4], change((node[4][0], *PARAMS[1:])), *node[5:])
    with pytest.raises(ValueError, match=message):
        b.program(out)


def test_programs_that_cannot_be_a_step(b, new_builder):
    out, _ = counting(b, new_builder)
    node = b.nodes[-1]
    b.nodes[-1] = (*node[:1], 17, *node[2:])
    with pytest.raises(ValueError, match="not a Program"):
        b.program(out)
    inner = new_builder()
    s, held = inner.input(1), inner.held(1)
    inner.python(lambda v: v, [held], [s])
    b.nodes[-1] = (*node[:1], inner.program(held), *node[2:])
    with pytest.raises(ValueError, match="several segments"):
        b.program(out)
    inner = new_builder()
    s, t = inner.input(1, "f4"), inner.array(1, "f4")
    inner.elementwise("addf", t, s, s)
    b.nodes[-1] = (*node[:1], inner.program(t), *node[2:])
    with pytest.raises(ValueError, match="dtype or rank"):
        b.program(out)


def test_wrong_guards_and_choices(b):
    y, yes = chooser(b)
    nodes = list(b.nodes)
    b.nodes[0] = (*nodes[0], 99)
    with pytest.raises(ValueError, match="reads register 99"):
        b.program(y)
    b.nodes[:] = nodes
    select = next(k for k, node in enumerate(nodes) if node[0] == b.c.SELECT)
    for k, value in ((4, ()), (4, (99,)), (3, nodes[select][3][:1])):
        b.nodes[select] = (*nodes[select][:k], value, *nodes[select][k + 1 :])
        with pytest.raises(ValueError, match=r"SELECT|register 99"):
            b.program(y)
