"""Outputs that are recycled, values that Python nodes see, memory that is kept and given back."""

import contextlib
import gc
import resource
import sys
import weakref

import numpy as np
import pytest


def incrementer(b, ndim=1):
    x = b.input(ndim)
    y = b.array(ndim)
    b.elementwise("inc", y, x)
    return b.program(y)


def test_held_outputs_never_change(b):
    f = incrementer(b)
    held = [f(np.full(3, float(n)))[0] for n in range(20)]
    for n, array in enumerate(held):
        assert (array == n + 1).all()
    assert len({array.ctypes.data for array in held}) == 20


def test_dropped_outputs_are_recycled(b):
    f = incrementer(b)
    x = np.zeros(3)
    addresses = {f(x)[0].ctypes.data for _ in range(10)}
    assert len(addresses) == 1
    y = None
    seen = set()
    for _ in range(10):
        y = f(x)[0]  # the last result is alive during the call
        seen.add(y.ctypes.data)
    assert len(seen) <= 2


HOLD = {
    "view": lambda a: a[1:],
    "transpose": lambda a: a.T,
    "memoryview": memoryview,
    "list": lambda a: [a],
    "flat": lambda a: a.flat,
    "interface": lambda a: np.asarray(a)[...],
}


@pytest.mark.parametrize("how", HOLD)
def test_what_sees_an_output_keeps_it(b, how):
    f = incrementer(b)
    x = np.zeros(3)
    f(x)
    held = HOLD[how](f(x)[0])
    copy = np.array(held[0] if how == "list" else held)
    for n in range(5):
        f(x + n + 5)
    np.testing.assert_array_equal(np.array(held[0] if how == "list" else held), copy)


def test_a_weak_reference_keeps_it(b):
    f = incrementer(b)
    x = np.zeros(3)
    reference = weakref.ref(f(x)[0])
    f(x + 7)
    array = reference()
    assert array is None or (array == 1).all()


def test_a_changed_output_is_not_recycled(b):
    f = incrementer(b)
    x = np.arange(6.0)

    def spoil(change):
        y = f(x)[0]
        change(y)
        del y
        for _ in range(3):
            z = f(x)[0]
            assert z.shape == (6,) and z.dtype == np.float64 and z.flags.writeable and z.flags.c_contiguous
            np.testing.assert_array_equal(z, x + 1)

    spoil(lambda y: y.setflags(write=False))
    spoil(lambda y: y.resize((2, 3), refcheck=False))
    spoil(lambda y: y.fill(np.nan))
    spoil(lambda y: y.sort())


def test_shapes_may_alternate(b):
    f = incrementer(b, 2)
    shapes = [(n % 13, n % 5) for n in range(60)]
    for shape in shapes:
        value = np.random.default_rng(0).normal(size=shape)
        np.testing.assert_array_equal(f(value)[0], value + 1)
    assert f.stats["prepares"] <= 60 and f.stats["calls"] == 60


def test_the_memo_keeps_eight(b):
    f = incrementer(b)
    for _ in range(3):
        for n in range(8):
            f(np.zeros(n))
    assert f.stats == {"prepares": 8, "hits": 16, "contexts": 1, "arena_bytes": 0, "calls": 24, "segments": 1}
    for n in range(9):
        f(np.zeros(n))
    assert f.stats["prepares"] > 8


def test_two_outputs_do_not_share(b):
    x = b.input(1)
    y, z = b.array(1), b.array(1)
    b.elementwise("inc", y, x)
    b.elementwise("inc", z, x)
    f = b.program(y, z)
    first, second = f(np.zeros(3))
    first[:] = 9
    assert (second == 1).all()


# -- Python nodes -----------------------------------------------------------------------------------------------------


def test_python_nodes_see_every_kind_of_slot(b):
    storage = [np.arange(3.0), None]
    x, n = b.input(1), b.input(0)
    s = b.shared(storage, 1)
    t, a = b.temp(1), b.array(1)
    b.elementwise("add", t, x, s)
    b.elementwise("inc", a, t)
    views = [b.dimshuffle(v, (-1, 0)) for v in (x, s, t, a)]
    constant = b.const([5.0, 6.0])
    host = b.host(b.reg("DIM", x, 0))
    got = []
    out = b.held(1)

    def node(*values):
        got.append(values)
        return values[0] * 2

    b.python(node, [out], [x, n, s, t, a, *views, constant, host])
    f = b.program(out)
    given = np.ones(3)
    for call in range(2):
        [result] = f(given, 1.5)
        np.testing.assert_array_equal(result, [2, 2, 2])
        xs, ns, ss, ts, arrays, *rest = got[call]
        assert ns == 1.5 and ns.shape == ()
        np.testing.assert_array_equal(ss, [0, 1, 2])
        np.testing.assert_array_equal(ts, [1, 2, 3])
        np.testing.assert_array_equal(arrays, [2, 3, 4])
        for view, value in zip(rest[:4], (xs, ss, ts, arrays), strict=True):
            np.testing.assert_array_equal(view, value[None])
        np.testing.assert_array_equal(rest[4], [5, 6])
        assert rest[5] == 3 and rest[5].dtype == np.int64
    first = [np.array(v) for v in got[0]]
    f(np.full(3, 50.0), 0.0)  # everything that was kept stays as it was
    for kept, copy in zip(got[0], first, strict=True):
        np.testing.assert_array_equal(kept, copy)


def test_results_of_python_nodes_are_never_aliased(b):
    """A node that returns its input, a view of it, or something that it keeps."""
    kept = np.zeros(3)
    x = b.input(1)
    same, view, cached, fresh = (b.held(1) for _ in range(4))
    b.python(lambda v: (v, v[::-1], kept, v + 1), [same, view, cached, fresh], [x])
    f = b.program(same, view, cached, fresh)
    given = np.arange(3.0)
    results = f(given)
    for array, expected in zip(results, (given, given[::-1], kept, given + 1), strict=True):
        np.testing.assert_array_equal(array, expected)
        assert array.flags.owndata and not np.shares_memory(array, given) and not np.shares_memory(array, kept)
    for a in range(4):
        for c in range(a):
            assert not np.shares_memory(results[a], results[c])


def test_a_result_that_is_output_and_update(b):
    storage = [np.zeros(2), None]
    x = b.input(1)
    s = b.shared(storage, 1)
    out = b.held(1)
    b.python(lambda v: v + 1, [out], [x])
    b.commit(s, out)
    y = b.array(1)
    b.elementwise("inc", y, out)
    f = b.program(out, y)
    result, more = f(np.ones(2))
    np.testing.assert_array_equal(storage[0], [2, 2])
    np.testing.assert_array_equal(more, [3, 3])
    assert not np.shares_memory(result, storage[0])


def test_odd_results_of_python_nodes(b):
    answers = iter(
        [
            np.arange(6.0)[::2],
            np.arange(3.0).astype(">f8"),
            np.float64(1.0),
            [1.0, 2.0],
            np.zeros(3, "f4"),
            None,
            np.zeros((1, 1)),
        ]
    )
    held = b.held(1)
    b.python(lambda: next(answers), [held], [])
    out = b.array(1)
    b.elementwise("inc", out, held)
    f = b.program(out)
    np.testing.assert_array_equal(f()[0], [1, 3, 5])
    np.testing.assert_array_equal(f()[0], [1, 2, 3])
    with pytest.raises(TypeError, match="result 0 of a Python node must be .* rank 1"):
        f()
    np.testing.assert_array_equal(f()[0], [2, 3])
    for _ in range(3):
        with pytest.raises(TypeError, match="float64 and rank 1"):
            f()


def test_wrong_number_of_results(b):
    b.python(lambda: (1, 2, 3), [b.object(), b.object()], [])
    with pytest.raises(TypeError, match="2 outputs must return a tuple or list of as many"):
        b.program()()


def test_objects_pass_through(b):
    thing = b.object()
    b.inputs.append((thing, None))
    out = b.object()
    b.python(lambda value: {"got": value}, [out], [thing])
    f = b.program(out)
    assert f([1, "two"]) == [{"got": [1, "two"]}]


def test_an_exception_of_a_python_node_is_the_cause(b):
    def fails(value):
        raise KeyError("inside")

    def on_error(tag, kind, message, operands, cause, slots):
        error = RuntimeError(f"node {tag} ({kind}): {cause!r}")
        error.__cause__ = cause
        error.operands = operands
        return error

    x = b.input(1)
    t = b.array(1)
    b.elementwise("inc", t, x)
    b.python(fails, [b.held(1)], [t])
    f = b.program(on_error=on_error)
    with pytest.raises(RuntimeError, match=r"node 101 \(python\): KeyError\('inside'\)") as caught:
        f(np.zeros(3))
    assert caught.value.operands == (None, ("float64", (3,), (8,)))
    frames = []
    trace = caught.value.__cause__.__traceback__
    while trace:
        frames.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert "fails" in frames


# -- the arena --------------------------------------------------------------------------------------------------------


def test_the_arena_reuses_dead_memory(b):
    x = b.input(1)
    slots = [x]
    for _ in range(20):
        slots.append(b.temp(1))
        b.elementwise("inc", slots[-1], slots[-2])
    f = b.program(b.copy(slots[-1]))
    np.testing.assert_array_equal(f(np.zeros(1000))[0], np.full(1000, 20.0))
    assert f.stats["arena_bytes"] <= 2 * 8064


def test_in_place_needs_one_buffer(b):
    x = b.input(1)
    slots = [x]
    for n in range(20):
        slots.append(b.temp(1))
        b.elementwise("inc", slots[-1], slots[-2], inplace=[(0, 0)] if n else ())
    f = b.program(b.copy(slots[-1]))
    np.testing.assert_array_equal(f(np.zeros(1000))[0], np.full(1000, 20.0))
    assert f.stats["arena_bytes"] <= 8064


def test_in_place_is_refused_where_it_would_be_wrong(new_builder):
    """Hints that are only hints: the input is used later, is a view of other elements, or has another layout."""
    value = np.arange(9.0).reshape(3, 3)

    def start():
        b = new_builder()
        x, t, out = b.input(2), b.temp(2), b.temp(2)
        b.elementwise("inc", t, x)
        return b, t, out

    b, t, out = start()
    b.elementwise("add", out, t, b.dimshuffle(t, (1, 0)), inplace=[(0, 0), (0, 1)])
    np.testing.assert_array_equal(b.program(b.copy(out))(value)[0], value + 1 + (value + 1).T)

    b, t, out = start()
    b.elementwise("add", out, t, b.subtensor(t, slice(None, None, -1)), inplace=[(0, 0)])
    np.testing.assert_array_equal(b.program(b.copy(out))(value)[0], value + 1 + (value + 1)[::-1])

    b, t, out = start()
    b.elementwise("inc", out, t, inplace=[(0, 0)])
    last = b.array(2)
    b.elementwise("add", last, out, t)
    np.testing.assert_array_equal(b.program(last)(value)[0], 2 * value + 3)

    b, t, out = start()  # the same temporary twice is the same element twice: fine in place
    b.elementwise("add", out, t, t, inplace=[(0, 0)])
    f = b.program(b.copy(out))
    np.testing.assert_array_equal(f(value)[0], 2 * value + 2)
    assert f.stats["arena_bytes"] == 128

    b, t, out = start()  # by other axes
    b.node(b.c.COLLAPSED, b.k.inc, [out], [t], (((0, 1), (1, 0)), (0, 0)), ((0, 0),), b.c.REORDER)
    np.testing.assert_array_equal(b.program(b.copy(out))(value)[0], (value + 2).T)

    b, t, out = start()  # broadcast along the way
    row = b.subtensor(t, slice(0, 1))
    b.elementwise("add", out, row, t, inplace=[(0, 0)])
    np.testing.assert_array_equal(b.program(b.copy(out))(value)[0], value[:1] + value + 2)


def test_temporaries_live_across_segments(b):
    x = b.input(1)
    early, late = b.temp(1), b.temp(1)
    b.elementwise("inc", early, x)
    held = b.held(1)
    b.python(lambda v: v * 10, [held], [early])
    b.elementwise("inc", late, held)
    out = b.array(1)
    b.elementwise("add", out, late, early)
    f = b.program(out)
    for n in (3, 5, 0, 3):
        np.testing.assert_array_equal(f(np.ones(n))[0], np.full(n, 23.0))


def test_random_programs_against_numpy(new_builder):
    """Random graphs of adds, views and in-place hints: the arena never lets two live values overlap."""
    for seed in range(150):
        random_program(new_builder(), np.random.default_rng(seed))


def random_program(b, rng):
    n = int(rng.integers(1, 6))
    x = b.input(2)
    given = rng.integers(-5, 6, (n, n)).astype(float)
    slots, values = [x], [given]
    for _ in range(int(rng.integers(3, 25))):
        i, j = (int(v) for v in rng.integers(max(0, len(slots) - 6), len(slots), 2))
        move = rng.integers(0, 6)
        if move == 0:
            slots.append(b.dimshuffle(slots[i], (1, 0)))
            values.append(values[i].T)
        elif move == 1:
            slots.append(b.subtensor(slots[i], slice(None, None, -1)))
            values.append(values[i][::-1])
        elif move == 2:
            slots.append(b.reshape(slots[i], n, -1))
            values.append(values[i])
        else:
            slots.append(b.temp(2))
            hints = [(0, 0), (0, 1)][: int(rng.integers(0, 3))]
            b.elementwise("add", slots[-1], slots[i], slots[j], inplace=hints)
            values.append(values[i] + values[j])
    last = int(rng.integers(0, len(slots)))
    f = b.program(b.copy(slots[last]), b.copy(slots[-1]))
    for _ in range(2):
        first, second = f(given)
        np.testing.assert_array_equal(first, values[last])
        np.testing.assert_array_equal(second, values[-1])


# -- leaks ------------------------------------------------------------------------------------------------------------


def test_reference_counts(new_builder):
    b = new_builder()
    storage = [np.zeros(3), None]

    def keep(value):
        return value + 1

    x = b.input(1, filter=lambda v: np.asarray(v, float))
    s = b.shared(storage, 1)
    held, t = b.held(1), b.temp(1)
    b.elementwise("inc", t, x)
    b.python(keep, [held], [t])
    new = b.update(s, 1)
    b.elementwise("add", new, s, held)
    f = b.program(held, b.copy(new))
    given = np.zeros(3)
    f(given)
    counts = [sys.getrefcount(v) for v in (given, keep, storage, storage[0], f)]
    for _ in range(50):
        f(given)
        f([1, 2, 3])
        with pytest.raises(ValueError, match="length"):
            f(np.zeros(5))
    assert [sys.getrefcount(v) for v in (given, keep, storage, storage[0], f)] == counts
    reference = weakref.ref(keep)
    del f, b, keep
    gc.collect()
    assert reference() is None


def rss():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_does_not_grow(new_builder):
    def everything(rounds):
        for n in range(rounds):
            b = new_builder()
            x = b.input(1)
            t, held = b.temp(1), b.held(1)
            b.elementwise("inc", t, x)
            b.python(lambda v: v + 1, [held], [t])
            f = b.program(held, b.copy(t))
            for m in range(12):
                f(np.zeros((n + m) % 17))
            with contextlib.suppress(TypeError):
                f(1)
            f.clear()

    everything(300)
    gc.collect()
    before = rss()
    everything(1500)
    gc.collect()
    assert rss() - before < 1 << 20


def test_clear_gives_memory_back(b):
    x = b.input(1)
    t = b.temp(1)
    b.elementwise("inc", t, x)
    f = b.program(b.copy(t))
    f(np.zeros(10000))
    assert f.stats["arena_bytes"] >= 80000 and f.stats["contexts"] == 1
    f.clear()
    assert f.stats["arena_bytes"] == 0 and f.stats["contexts"] == 0
    assert (f(np.zeros(5))[0] == 1).all()


def test_profile(b):
    x = b.input(1)
    t, held = b.temp(1), b.held(1)
    b.elementwise("inc", t, x)
    b.python(lambda v: v, [held], [t])
    f = b.program(b.copy(t))
    f(np.zeros(3))
    assert f.timings() == []
    f.profile = True
    for _ in range(3):
        f(np.zeros(3))
    f.profile = False
    f(np.zeros(3))
    rows = f.timings()
    assert [(tag, calls) for tag, calls, _ in rows] == [(100, 3), (101, 3), (102, 3)]
    assert all(0 < ns < 10**9 for _, _, ns in rows)
