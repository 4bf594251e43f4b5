"""Calls like the one before, which take a shorter way: results, errors and rules for memory are those of any other."""

import sys
import threading
import warnings
import weakref

import numpy as np
import pytest


def addition(b, ndim=1):
    x, y, out = b.input(ndim), b.input(ndim), b.array(ndim)
    b.elementwise("add", out, x, y)
    return b.program(out)


def misaligned(a):
    raw = np.zeros(a.nbytes + 1, np.uint8)
    view = raw[1:].view(a.dtype).reshape(a.shape)
    view[...] = a
    return view


class Named(np.ndarray):
    pass


OTHERS = {
    "longer": lambda a: np.arange(7.0),
    "empty": lambda a: np.zeros(0),
    "backwards": lambda a: a[::-1],
    "every second": lambda a: np.repeat(a, 2)[::2],
    "stride 0": lambda a: np.broadcast_to(np.float64(3), a.shape),
    "read-only": lambda a: np.frombuffer(a.tobytes()),
}
REFUSED = {
    "misaligned": misaligned,
    "byte-swapped": lambda a: a.astype(">f8"),
    "subclass": lambda a: a.view(Named),
    "float32": lambda a: a.astype("f4"),
    "a list": list,
    "rank 2": lambda a: a[None],
    "None": lambda a: None,
}


@pytest.mark.parametrize("how", OTHERS)
def test_arguments_of_another_layout_follow_and_precede(b, how):
    f = addition(b)
    plain = np.arange(4.0)
    other = OTHERS[how](plain)
    for x in (plain, plain, other, other, plain, other, plain):
        np.testing.assert_array_equal(f(x, x)[0], x + x)


@pytest.mark.parametrize("how", REFUSED)
def test_what_kernels_cannot_read_is_refused_after_a_call_as_before(b, how):
    f = addition(b)
    plain = np.arange(4.0)
    for _ in range(3):
        np.testing.assert_array_equal(f(plain, plain)[0], 2 * plain)
        for arguments in ((REFUSED[how](plain), plain), (plain, REFUSED[how](plain))):
            with pytest.raises(TypeError, match="must be an aligned numpy.ndarray"):
                f(*arguments)


def test_filters_run_where_they_are_needed(new_builder):
    b, seen = new_builder(), []
    x = b.input(1, filter=lambda v: seen.append(v) or np.asarray(v, "f8"))
    out = b.array(1)
    b.elementwise("inc", out, x)
    f = b.program(out)
    for value in (np.zeros(2), np.zeros(2), [1, 2], np.ones(2)):
        np.testing.assert_array_equal(f(value)[0], np.asarray(value) + 1)
    assert seen == [[1, 2]]


def test_numbers_and_arrays_of_rank_0_in_turn(b):
    f = addition(b, 0)
    for x, y in ((1.5, 2.0), (np.array(1.5), 2.0), (1.5, np.array(2.0)), (np.array(1.5), np.array(2.0)), (-0.0, -0.0)):
        for _ in range(2):
            result = f(x, y)[0]
            assert result.shape == () and result == float(x) + float(y)
            assert np.signbit(result) == np.signbit(float(x) + float(y))


def test_results_that_are_kept_and_arguments_that_are_results(b):
    f = addition(b)
    x = np.ones(3)
    kept = [f(x, x)[0] for _ in range(6)]
    for _ in range(6):
        kept.append(f(kept[-1], kept[-1])[0])
    for i, y in enumerate(kept):
        np.testing.assert_array_equal(y, np.full(3, 2.0 ** max(1, i - 4)))


def spoil_shape(y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of NumPy 2.5; it still does it
        y.shape = (1, 3)


def spoil_flags(y):
    y.flags.writeable = False


SPOILED = {"shape": spoil_shape, "flags": spoil_flags, "length": lambda y: y.resize(2, refcheck=False)}


@pytest.mark.parametrize("how", SPOILED)
def test_a_result_that_was_changed_does_not_come_back(b, how):
    f = addition(b)
    x = np.ones(3)
    for _ in range(5):
        y = f(x, x)[0]
        assert y.shape == (3,) and y.flags.writeable and (y == 2).all()
        SPOILED[how](y)
        del y


def test_dropping_a_result_may_run_code_that_calls_again(b):
    f = addition(b)
    x, inner = np.ones(3), []
    for _ in range(4):
        y = f(x, x)[0]
        weakref.finalize(y, lambda: inner.append(float(f(x + 1, x)[0].sum())))
        del y
        np.testing.assert_array_equal(f(x, x)[0], 2 * x)
    f.clear()
    assert inner and set(inner) == {9.0}


def test_arguments_and_results_are_not_leaked(b):
    f = addition(b)
    x, y = np.ones(3), np.ones(3)
    f(x, y), f(x, y)
    before = sys.getrefcount(x), sys.getrefcount(y)
    results = [f(x, y)[0] for _ in range(10)]
    assert (sys.getrefcount(x), sys.getrefcount(y)) == before
    del results
    held = f(x, y)[0]
    assert sys.getrefcount(held) == 3  # the name, the argument, the program's ring


def counter(b, storage, direct=True):
    s = b.shared(storage, 1)
    x = b.input(1)
    out = b.array(1)
    b.elementwise("mul", out, s, x)
    b.elementwise("inc", b.update(s, 1, direct=direct), s)
    return b.program(out)


@pytest.mark.parametrize("direct", [True, False])
def test_shared_values_are_read_before_they_are_updated(b, direct):
    storage = [np.zeros(3), None]
    f = counter(b, storage, direct)
    for n in range(6):
        np.testing.assert_array_equal(f(np.full(3, 2.0))[0], np.full(3, 2.0 * n))
        np.testing.assert_array_equal(storage[0], np.full(3, n + 1.0))


def test_a_shared_array_that_somebody_holds_stays_as_it_is(b):
    storage = [np.zeros(3), None]
    f = counter(b, storage)
    x = np.ones(3)
    f(x), f(x)
    for hold in (lambda a: a, lambda a: a[1:], memoryview):
        held = hold(storage[0])
        copy = np.array(held)
        f(x), f(x)
        np.testing.assert_array_equal(np.array(held), copy)
        assert storage[0].sum() == 3 * (copy.flat[0] + 2)


def test_a_shared_value_that_is_the_argument_as_well(b):
    storage = [np.full(3, 2.0), None]
    f = counter(b, storage)
    f(np.ones(3)), f(np.ones(3))
    np.testing.assert_array_equal(f(storage[0])[0], np.full(3, 16.0))
    np.testing.assert_array_equal(storage[0], np.full(3, 5.0))


def test_shared_values_that_are_set_between_calls(b):
    storage = [np.zeros(3), None]
    f = counter(b, storage)
    f(np.ones(3)), f(np.ones(3))
    for value in (np.full(3, 5.0), np.arange(6.0)[::2], np.full(3, 7.0)):
        storage[0] = value
        expected = value.copy()
        np.testing.assert_array_equal(f(np.ones(3))[0], expected)
        np.testing.assert_array_equal(storage[0], expected + 1)
    storage[0] = np.zeros((3, 1))
    with pytest.raises(TypeError, match="a shared variable must hold"):
        f(np.ones(3))


def test_an_owner_is_waited_for(b):
    """While another thread owns a shared variable, a call that reads it does not run."""
    storage = [np.zeros(3), None]
    f = counter(b, storage)
    x = np.ones(3)
    f(x), f(x)
    lock, results = threading.RLock(), []
    lock.acquire()
    storage[1] = lock
    caller = threading.Thread(target=lambda: results.append(f(x)[0].copy()))
    caller.start()
    caller.join(0.05)
    assert caller.is_alive() and not results
    storage[0], storage[1] = np.full(3, 9.0), None
    lock.release()
    caller.join(10)
    np.testing.assert_array_equal(results[0], np.full(3, 9.0))


def test_failures_are_reported_as_by_a_first_call(new_builder):
    def reports(*_):
        told.append(_)
        return IndexError(_[2])

    told = []
    b = new_builder()
    table, rows = b.input(2), b.input(1, "i8")
    out = b.array(2, regs=(b.reg("DIM", rows, 0), b.reg("DIM", table, 1)))
    b.full("gather", [out], [table, rows], (1, 2, 8, 0))
    f = b.program(out, on_error=reports)
    values = np.arange(6.0).reshape(3, 2)
    for _ in range(3):
        np.testing.assert_array_equal(f(values, np.array([2, 0]))[0], values[[2, 0]])
        with pytest.raises(IndexError, match="5"):
            f(values, np.array([2, 5]))
    assert len(told) == 3 and told[0] == told[1] == told[2]


def test_threads_that_call_at_once(b):
    f = addition(b)
    wrong = []

    def work(n):
        x = np.full(5, float(n))
        for i in range(2000):
            y = f(x, x)[0]
            if not (y == 2 * n).all():
                wrong.append((n, i))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_profiles_count_every_call(b):
    f = addition(b)
    x = np.ones(3)
    f(x, x), f(x, x)
    f.profile = True
    f(x, x), f(x, x)
    f.profile = False
    f(x, x)
    assert [row[1] for row in f.timings()] == [2]
    assert f.stats["calls"] == 5
