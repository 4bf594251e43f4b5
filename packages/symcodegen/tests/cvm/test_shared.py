"""Shared variables: commits, direct and swapped updates, failure, threads."""

import threading
import time

import numpy as np
import pytest

rng = np.random.default_rng(5)


class Container:
    """What the language keeps a shared value in: ``storage = [value, owner]``."""

    def __init__(self, value):
        self.storage = [np.array(value), None]

    def get_value(self, borrow=False):
        while True:
            value, owner = self.storage
            if owner is None or owner._is_owned():
                return value if borrow else value.copy()
            with owner:
                pass

    @property
    def array(self):
        return self.storage[0]


def incrementer(b, container, fn="inc", direct=True, outputs=False, **attributes):
    w = b.shared(container.storage, container.array.ndim)
    new = b.update(w, container.array.ndim, direct=direct)
    b.elementwise(fn, new, w)
    return b.program(*([b.copy(new)] if outputs else []), **attributes)


@pytest.mark.parametrize("direct", [True, False])
@pytest.mark.parametrize("gil_threshold", [-1, 1 << 18])
def test_increment(b, direct, gil_threshold):
    w = Container(np.zeros((3, 2)))
    f = incrementer(b, w, direct=direct, outputs=True, gil_threshold=gil_threshold)
    assert f.direct == (direct,)
    for n in range(1, 5):
        [result] = f()
        np.testing.assert_array_equal(result, np.full((3, 2), n))
        np.testing.assert_array_equal(w.array, result)
        assert not np.shares_memory(result, w.array)
        assert w.storage[1] is None


def test_a_direct_update_writes_into_the_array_itself(b):
    w = Container(np.zeros(4))
    f = incrementer(b, w)
    f()
    address = w.array.ctypes.data
    f()
    assert w.array.ctypes.data == address and w.array[0] == 2


@pytest.mark.parametrize(
    "hold",
    [lambda a: a, lambda a: a[1:], lambda a: memoryview(a), lambda a: a.T, lambda a: __import__("weakref").ref(a)],
)
def test_an_array_that_someone_holds_is_never_written(b, hold):
    w = Container(np.zeros(4))
    f = incrementer(b, w)
    f()
    held = hold(w.array)
    f()
    seen = held() if callable(held) else np.asarray(held)
    if seen is not None:
        assert (seen == 1).all()
    assert (w.array == 2).all()


@pytest.mark.parametrize("value", [np.zeros((2, 3), order="F"), np.zeros(12).reshape(4, 3)[::2], np.zeros((2, 3))])
def test_any_layout_may_be_shared(b, value):
    w = Container(0.0)
    w.storage[0] = value
    kept = value if value.base is None else None
    f = incrementer(b, Container(value))
    f = incrementer(type(b)(b.c, b.k), w)
    f()
    assert (w.array == 1).all()
    if kept is not None:
        assert (kept == 0).all()  # this test still holds it


def test_a_read_only_array_is_replaced(b):
    w = Container(np.zeros(3))
    w.array.flags.writeable = False
    f = incrementer(b, w)
    f()
    assert (w.array == 1).all()


def test_swap_of_two(b):
    """(u, v) <- (v, u): the plan may say DIRECT, the machine sees that u is read after it would be written."""
    first, second = Container([1.0, 2.0]), Container([3.0, 4.0])
    u, v = b.shared(first.storage, 1), b.shared(second.storage, 1)
    new_u, new_v = b.update(u, 1), b.update(v, 1)
    b.copy(v, new_u)
    b.copy(u, new_v)
    f = b.program()
    assert f.direct[0] is False
    for _ in range(3):
        f()
    assert first.array.tolist() == [3, 4] and second.array.tolist() == [1, 2]


def test_update_by_another_shape(b):
    w = Container([1.0, 2.0])
    s = b.shared(w.storage, 1)
    length = b.reg("MUL", b.reg("DIM", s, 0), b.reg("CONST", 2))
    new = b.update(s, 1, regs=(length,))
    for item in (slice(None, None, 2), slice(1, None, 2)):
        b.copy(s, b.subtensor(new, item))
    f = b.program()
    assert f.direct == (False,)
    f()
    f()
    assert w.array.tolist() == [1, 1, 1, 1, 2, 2, 2, 2]


def direct_of(b, build):
    w = Container(np.ones((2, 2)))
    s = b.shared(w.storage, 2)
    new = b.update(s, 2)
    extra = build(b, s, new)
    return b.program(*(extra or ())).direct[0]


def test_when_direct_is_refused(new_builder):
    def plain(b, s, new):
        b.elementwise("add", new, s, s)

    def read_afterwards(b, s, new):
        b.elementwise("inc", new, s)
        return [b.copy(s)]

    def view_read_afterwards(b, s, new):
        turned = b.dimshuffle(s, (1, 0))
        b.elementwise("inc", new, s)
        return [b.copy(turned)]

    def reads_a_view_of_itself(b, s, new):
        b.elementwise("add", new, s, b.dimshuffle(s, (1, 0)))

    def reads_other_axes(b, s, new):
        axes = ((0, 1), (1, 0))
        b.node(b.c.COLLAPSED, b.k.inc, [new], [s], (axes, (0, 0)), (), b.c.REORDER)

    def may_fail_afterwards(b, s, new):
        b.elementwise("inc", new, s)
        out = b.array(2)
        b.elementwise("inc", out, new, flags=b.c.FALLIBLE)
        return [out]

    def python_afterwards(b, s, new):
        b.elementwise("inc", new, s)
        out = b.held(2)
        b.python(lambda v: v.copy(), [out], [b.copy(new)])
        return [out]

    def fallible_itself(b, s, new):
        b.elementwise("inc", new, s, flags=b.c.FALLIBLE)

    def viewed_first(b, s, new):
        b.slots[new] = (*b.slots[new][:3], b.dims(s))
        b.copy(s, b.dimshuffle(new, (1, 0)))  # writes the transpose of what it reads

    assert [direct_of(new_builder(), build) for build in (plain, fallible_itself)] == [True, True]
    refused = (
        read_afterwards,
        view_read_afterwards,
        reads_a_view_of_itself,
        reads_other_axes,
        may_fail_afterwards,
        python_afterwards,
        viewed_first,
    )
    assert [direct_of(new_builder(), build) for build in refused] == [False] * len(refused)


def test_gemm_updates_in_place(b):
    """W <- W - 0.1 * x.T @ g, straight into W."""
    w = Container(np.ones((4, 3)))
    x, g = b.input(2), b.input(2)
    s = b.shared(w.storage, 2)
    new = b.update(s, 2, regs=b.dims(s))
    b.full("gemm_float64", [new], [s, b.const(-0.1), b.dimshuffle(x, (1, 0)), g, b.const(1.0)])
    f = b.program()
    assert f.direct == (True,)
    xs, gs = rng.normal(size=(5, 4)), rng.normal(size=(5, 3))
    f(xs, gs)
    address = w.array.ctypes.data
    f(xs, gs)
    np.testing.assert_allclose(w.array, 1 - 0.2 * xs.T @ gs, rtol=1e-12)
    assert w.array.ctypes.data == address
    with pytest.raises(ValueError, match="inner"):
        f(xs, np.zeros((5, 2)))
    np.testing.assert_allclose(w.array, 1 - 0.2 * xs.T @ gs, rtol=1e-12)


def test_sparse_update_in_place(b):
    w = Container(np.zeros((5, 2)))
    index = b.input(1, "i8")
    s = b.shared(w.storage, 2)
    new = b.update(s, 2, regs=b.dims(s))
    b.full("scatter_add_float64", [new], [s, b.const([[1.0]]), index], (1, 2, 8, 0, -1))
    f = b.program()
    assert f.direct == (True,)
    f(np.array([0, 3, 3]))
    f(np.array([3]))
    assert w.array[:, 0].tolist() == [1, 0, 0, 3, 0]
    with pytest.raises(IndexError):
        f(np.array([1, 5]))
    assert w.array[:, 1].tolist() == [1, 0, 0, 3, 0]


# -- failure ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gil_threshold", [-1, 1 << 18])
@pytest.mark.parametrize("failing", ["python", "kernel", "shape"])
def test_a_failure_in_the_last_node_leaves_everything(b, failing, gil_threshold):
    first, second = Container(np.zeros(3)), Container(np.ones(3))
    x = b.input(1)
    u, v = b.shared(first.storage, 1), b.shared(second.storage, 1)
    b.elementwise("inc", b.update(u, 1), u)
    new_v = b.update(v, 1)
    b.elementwise("add", new_v, v, x, stretch=False)
    if failing == "python":
        out = b.held(0)

        def check(values):
            if values.sum() > 50:
                raise OverflowError("too much")
            return np.float64(values.sum())

        b.python(check, [out], [b.copy(new_v)])
    elif failing == "kernel":
        out = b.array(1)
        b.elementwise("always_fails", out, new_v, flags=b.c.FALLIBLE)
    else:
        out = b.copy(new_v)
    f = b.program(out, gil_threshold=gil_threshold)
    before = [c.storage[0] for c in (first, second)]
    copies = [a.copy() for a in before]
    bad = np.zeros(4) if failing == "shape" else np.full(3, 100.0)
    with pytest.raises((OverflowError, ValueError)):
        f(bad)
    for container, array, copy in zip((first, second), before, copies, strict=True):
        assert container.storage[0] is array and container.storage[1] is None
        np.testing.assert_array_equal(array, copy)
    if failing != "kernel":
        f(np.ones(3))
        assert first.array.tolist() == [1, 1, 1] and second.array.tolist() == [2, 2, 2]


def test_a_shared_value_of_the_wrong_type_is_refused(b):
    w = Container(np.zeros(3))
    f = incrementer(b, w)
    good = w.storage[0]
    for wrong in (np.zeros(3, "f4"), np.zeros((3, 1)), 1.0, None):
        w.storage[0] = wrong
        with pytest.raises(TypeError, match="a shared variable must hold"):
            f()
    w.storage[0] = good
    f()
    assert (w.array == 1).all()


# -- threads ----------------------------------------------------------------------------------------------------------


def in_threads(count, target):
    failures = []

    def run(i):
        try:
            target(i)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads), "deadlock"
    assert not failures, failures


@pytest.mark.parametrize("gil_threshold", [-1, 1 << 18])
@pytest.mark.parametrize("direct", [True, False])
@pytest.mark.parametrize("programs", [1, 2])
def test_no_update_is_lost(new_builder, gil_threshold, direct, programs):
    w, other = Container(np.zeros(50)), Container(np.zeros(3))
    made = []
    for n in range(programs):
        b = new_builder()
        containers = (w, other) if n == 0 else (other, w)  # opposite orders must not deadlock
        for container in containers:
            s = b.shared(container.storage, 1)
            b.elementwise("inc", b.update(s, 1, direct=direct), s)
        made.append(b.program(gil_threshold=gil_threshold))

    def work(i):
        for _ in range(1000):
            made[i % programs]()

    in_threads(8, work)
    assert (w.array == 8000).all() and (other.array == 8000).all()
    assert w.storage[1] is None


def test_python_nodes_and_updates_from_many_threads(b):
    w = Container(np.zeros(4))
    s = b.shared(w.storage, 1)
    out = b.held(1)
    b.python(lambda v: v + 1, [out], [s])
    new = b.update(s, 1)
    b.elementwise("copy_8", new, out, stretch=False)
    f = b.program()
    in_threads(4, lambda i: [f() for _ in range(300)])
    assert (w.array == 1200).all()


def test_many_threads_one_program(b):
    x, y = b.input(2), b.input(1)
    t, out, total = b.temp(2), b.array(2), b.array(1)
    b.elementwise("add", t, x, y)
    b.elementwise("mul", out, t, t)
    b.reduce("sum", total, out, (0,))
    f = b.program(out, total, gil_threshold=-1)

    def work(i):
        mine = np.random.default_rng(i)
        for _ in range(200):
            shape = tuple(mine.integers(1, 12, 2))
            a, v = mine.normal(size=shape), mine.normal(size=shape[1])
            result, sums = f(a, v)
            np.testing.assert_array_equal(result, (a + v) * (a + v))
            np.testing.assert_allclose(sums, result.sum(0), rtol=1e-12)

    in_threads(8, work)
    assert f.stats["contexts"] <= 8


def test_readers_never_see_half_an_update(b, k):
    """A reader by get_value waits for an update that runs without the GIL; the array it gets is whole."""
    w = Container(np.zeros(1000))
    f = incrementer(b, w, fn="slow_inc", gil_threshold=-1)
    f()
    gate, waiting = k.flag("gate"), k.flag("waiting")
    gate.value = 0
    updater = threading.Thread(target=f)
    seen = []
    reader = threading.Thread(target=lambda: seen.append(w.get_value()))
    try:
        updater.start()
        deadline = time.monotonic() + 10
        while not waiting.value and time.monotonic() < deadline:
            time.sleep(0.001)
        assert waiting.value, "the kernel did not start without the GIL"
        assert w.storage[1] is not None and not w.storage[1]._is_owned()
        reader.start()
        time.sleep(0.05)
        assert not seen
    finally:
        gate.value = 1
        updater.join(10)
    reader.join(10)
    assert (seen[0] == 2).all() and w.storage[1] is None


def test_a_reader_that_came_first_keeps_its_array(b, k, new_builder):
    """A function that only reads takes a reference; an update that starts meanwhile goes to a spare."""
    w = Container(np.zeros(1000))
    r = new_builder()
    s = r.shared(w.storage, 1)
    out = r.array(1)
    r.elementwise("slow_inc", out, s)
    read = r.program(out, gil_threshold=-1)
    update = incrementer(b, w)
    update()
    gate, waiting = k.flag("gate"), k.flag("waiting")
    gate.value = 0
    results = []
    reader = threading.Thread(target=lambda: results.extend(read()))
    try:
        reader.start()
        deadline = time.monotonic() + 10
        while not waiting.value and time.monotonic() < deadline:
            time.sleep(0.001)
        assert waiting.value
        update()
        update()
        assert (w.array == 3).all()
    finally:
        gate.value = 1
        reader.join(10)
    assert (results[0] == 2).all()


def test_a_python_node_may_call_the_same_function(b):
    """Nested calls of one thread do not wait for themselves; the outer commit is the last."""
    w = Container(np.zeros(2))
    s = b.shared(w.storage, 1)
    depth, programs = [0], []

    def nested(v):
        depth[0] += 1
        if depth[0] < 4:
            programs[0]()
        return v + 1

    out = b.held(1)
    b.python(nested, [out], [s])
    b.elementwise("copy_8", b.update(s, 1), out, stretch=False)
    programs.append(b.program())
    programs[0]()
    assert (w.array == 1).all() and depth == [4]
    assert w.storage[1] is None


def test_objects_can_be_shared_and_updated(b):
    """A random generator's state, a sparse matrix: any object, made by Python nodes only."""
    storage = [("state", 0), None]
    slot = b.object()
    b.shareds.append((slot, storage))
    new, out = b.object(), b.held(0)
    b.python(lambda state: (("state", state[1] + 1), np.float64(state[1])), [new, out], [slot])
    b.commit(slot, new)
    f = b.program(out)
    assert [float(f()[0]) for _ in range(3)] == [0, 1, 2]
    assert storage == [("state", 3), None]
