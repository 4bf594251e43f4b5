"""Kernels in pieces on a pool of threads: the same bits for any number of threads, errors, fork, exit."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from symcodegen import blas, extension, threads
from symcodegen.dispatch import CKernel, c_impl
from symcore import tensor as T
from symcore.config import config
from symcore.graph.variable import Apply
from symcore.op import Op
from symcore.random.mrg import MRGUniform, substreams
from symcore.random.philox import PhiloxUniform
from symcore.tensor.constant import as_tensor
from symcore.tensor.cumulative import Recurrence
from symcore.tensor.products import batched_dot
from symcore.tensor.shared import shared
from symopt import function

pytestmark = pytest.mark.c
posix = pytest.mark.skipif(sys.platform == "win32", reason="there the pool has no threads")
rng = np.random.default_rng(20)


@pytest.fixture(autouse=True)
def _on_any_machine():
    """Work is shared, busy as the machine that runs the tests may be."""
    before = extension.load().share_always(True)
    yield
    extension.load().share_always(before)


def pool():
    return extension.load().thread_pool()


def made(count, build):
    """Return a function made with so many threads."""
    with config.override(threads=count):
        return build()


def as_bytes(results):
    return [np.asarray(r).tobytes() for r in (results if isinstance(results, list) else [results])]


def check_same_bits(build, *args):
    """Check that results do not depend on the number of threads, and that several were used; returns the results."""
    wanted = made(1, build)(*args)
    for count in (2, 3, 7):
        f, before = made(count, build), pool()["jobs"]
        for _ in range(3):
            assert as_bytes(f(*args)) == as_bytes(wanted)
        assert pool()["jobs"] > before, f.explain()
    return wanted


# -- the same bits -----------------------------------------------------------------------------------------------------

x, y, v = T.fmatrix("x"), T.fvector("y"), T.fvector("v")
MATRIX = rng.standard_normal((1501, 1003)).astype("float32")
VECTOR = rng.standard_normal(1003).astype("float32")
ELEMENTWISE = {
    "contiguous": (lambda: function([v], T.exp(-v) + T.tanh(v)), MATRIX.ravel()),
    "strided": (lambda: function([v], T.exp(-v) + T.tanh(v)), MATRIX.ravel()[::-3]),
    "rows and a vector": (lambda: function([x], T.exp(x * VECTOR)), MATRIX),
    "columns": (lambda: function([x], x.T * 2 + T.exp(x.T)), MATRIX),
    "two results": (lambda: function([v], [T.exp(v), T.exp(v) * 2 + v]), MATRIX.ravel()),
    "a copy": (lambda: function([x], T.concatenate([x, x[::-1]])), MATRIX),
    "a cast": (lambda: function([x], x.T.astype("float64")), MATRIX),
}


@posix
@pytest.mark.default_mode
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_work(name):
    build, value = ELEMENTWISE[name]
    check_same_bits(build, value)


SUM_OF = {
    "sum": lambda a, axis: a.sum(axis),
    "max": lambda a, axis: a.max(axis),
    "mean of a map": lambda a, axis: (T.exp(-a * a) if not isinstance(a, np.ndarray) else np.exp(-a * a)).mean(axis),
}


@posix
@pytest.mark.default_mode
@pytest.mark.parametrize("what", SUM_OF)
@pytest.mark.parametrize("axis", [None, 0, 1, (0, 2), 2])
def test_reductions(what, axis):
    value, b = rng.standard_normal((31, 257, 203)).astype("float32"), T.tensor3("b", dtype="float32")
    got = check_same_bits(lambda: function([b], SUM_OF[what](b, axis)), value)
    wanted = SUM_OF[what](value.astype("float64"), axis)
    # sums of up to n numbers of size 1: blocks of 1024 in float32, then float64, the result rounded once
    bound = 0 if what == "max" else 2 * 2.0**-24 * 64 * np.abs(value).sum(axis, dtype="float64")
    assert np.all(np.abs(got - wanted) <= bound)


@posix
@pytest.mark.parametrize("shape", [(4, 300_000), (300_000, 5), (2_000_003, 1), (1, 1_000_001), (129, 8191)])
@pytest.mark.parametrize("layout", ["plain", "reversed", "transposed", "every other"])
def test_sums_of_whole_numbers_are_exact_in_any_sections(shape, layout):
    value = rng.integers(-8, 9, (shape[0], 2 * shape[1])).astype("float32")
    value = value[:, ::2] if layout == "every other" else np.ascontiguousarray(value[:, : shape[1]])
    value = {"reversed": value[::-1, ::-1], "transposed": value.T}.get(layout, value)
    f = made(3, lambda: function([x], [x.sum(), x.sum(0), x.sum(1), x.max(0), x.min()]))
    wanted = [value.sum(dtype="float64"), value.sum(0, dtype="float64"), value.sum(1, dtype="float64"), value.max(0)]
    for got, right in zip(f(value), [*wanted, value.min()], strict=True):
        np.testing.assert_array_equal(got, right)


@pytest.mark.default_mode
@posix
def test_the_last_columns_are_summed_as_all_are():
    """The last piece of a loop of columns has as many as decide how rows are shared out, or it rounds otherwise."""
    value = rng.standard_normal((700, 8 * 1024 + 100)).astype("float32")
    check_same_bits(lambda: function([x], x.sum(0, acc_dtype="float32")), value)


LINES = {
    "sort": (lambda b: T.sort(b, -1), lambda value: np.sort(value, -1)),
    "argsort": (lambda b: T.argsort(b, -1), lambda value: np.argsort(value, -1, kind="stable")),
    "top": (lambda b: T.topk(b, 5, -1), lambda value: np.sort(value, -1)[..., -5:]),
    "sums": (lambda b: T.cumsum(b, -1), None),
    "products": (lambda b: T.cumprod(b, -1), None),
    "recurrence": (lambda b: Recurrence(b.type.ndim - 1)(b, b * 0.5), None),
}


@pytest.mark.default_mode
@posix
@pytest.mark.parametrize("what", LINES)
@pytest.mark.parametrize("shape", [(2000, 1250), (20, 400, 250)])
def test_lines_on_their_own(what, shape):
    build, right = LINES[what]
    value = rng.standard_normal(shape).astype("float32")
    b = T.tensor("float32", shape=(None,) * value.ndim)
    got = check_same_bits(lambda: function([b], build(b)), value)
    if right is not None:
        np.testing.assert_array_equal(got, right(value))


@posix
def test_not_a_number_is_found_in_every_section():
    f = made(3, lambda: function([v], [v.max(), v.min(), v.sum()]))
    for place in (0, 700_001, 1_048_575):
        value = np.ones(1 << 20, "float32")
        value[place] = np.nan
        assert np.isnan(f(value)).all()


@pytest.mark.default_mode
@posix
def test_rows_of_indices_and_batches_of_products():
    i, b = T.lvector("i"), T.tensor3("b", dtype="float32")
    at = rng.integers(-1501, 1501, 20_000)
    np.testing.assert_array_equal(check_same_bits(lambda: function([x, i], x[i]), MATRIX, at), MATRIX[at])
    batch = rng.standard_normal((64, 96, 96)).astype("float32")
    check_same_bits(lambda: function([b], batched_dot(b, b)), batch)


@posix
@pytest.mark.default_mode
@pytest.mark.skipif(any(map(os.environ.get, blas._VARIABLES)), reason="the environment sets the threads of BLAS")
@pytest.mark.parametrize("shape", [(256, 784, 500), (784, 256, 129), (3000, 300, 65), (65, 300, 3000)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_products(shape, dtype):
    m, k, n = shape
    a, b, c = T.matrix("a", dtype=dtype), T.matrix("b", dtype=dtype), T.matrix("c", dtype=dtype)
    values = [rng.standard_normal(s).astype(dtype) for s in ((m, k), (k, n), (m, n))]
    wanted = values[0].astype("complex128") @ values[1] + 2 * values[2]
    # every product and every sum is rounded, and which are added first is up to BLAS
    bound = 4 * (k + 3) * np.finfo(dtype).eps * (np.abs(values[0]) @ np.abs(values[1]) + 2 * np.abs(values[2]))
    f, before = made(3, lambda: function([a, b, c], T.dot(a, b) + 2 * c)), pool()["jobs"]
    for orders in ("CCC", "FCF", "CFC", "FFF"):
        got = f(*(np.asarray(v, order=o) for v, o in zip(values, orders, strict=True)))
        assert np.all(np.abs(got - wanted) <= bound)
        g = made(7, lambda: function([a, b, c], T.dot(a, b) + 2 * c))
        for always in (True, False):
            extension.load().share_always(always)
            again = g(*(np.asarray(v, order=o) for v, o in zip(values, orders, strict=True)))
            assert again.tobytes() == got.tobytes()
        extension.load().share_always(True)
    assert pool()["jobs"] >= before + 4


@posix
@pytest.mark.default_mode
@pytest.mark.skipif(any(map(os.environ.get, blas._VARIABLES)), reason="the environment sets the threads of BLAS")
def test_products_with_vectors_and_into_shared_variables():
    big, u = rng.integers(-4, 5, (2100, 1900)).astype("float32"), rng.integers(-4, 5, 1900).astype("float32")
    w = rng.integers(-4, 5, 2100).astype("float32")
    before = pool()["jobs"]
    np.testing.assert_array_equal(made(4, lambda: function([x, v], T.dot(x, v)))(big, u), big @ u)
    np.testing.assert_array_equal(made(4, lambda: function([x, v], T.dot(x.T, v)))(big, w), big.T @ w)
    s = shared(big)
    f = made(4, lambda: function([v, y], [], updates={s: s + T.outer(v, y)}))
    g = made(4, lambda: function([x], [], updates={s: s - T.dot(x, x.T)}))
    f(w, u)
    np.testing.assert_array_equal(s.get_value(), big + np.outer(w, u))
    s.set_value(np.zeros((700, 700), "float32"))
    for _ in range(3):
        g(big[:700, :300])
    np.testing.assert_array_equal(s.get_value(), -3 * (big[:700, :300] @ big[:700, :300].T))
    assert pool()["jobs"] >= before + 6


@posix
@pytest.mark.default_mode
@pytest.mark.skipif(any(map(os.environ.get, blas._VARIABLES)), reason="the environment sets the threads of BLAS")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1700, 4099])
def test_sums_over_the_rows_of_a_matrix(rows, dtype):
    """A vector times a matrix is cut along its sum: the same bits for any number of threads, help or not."""
    m, u, w = T.matrix("m", dtype=dtype), T.vector("u", dtype=dtype), T.vector("w", dtype=dtype)
    value, left = rng.standard_normal((rows, 803)).astype(dtype), rng.standard_normal(2 * rows).astype(dtype)[::2]
    added = rng.standard_normal(803).astype(dtype)
    s = shared(np.full(803, np.nan, dtype))

    def build():
        return function([m, u, w], [T.dot(u, m), w - 3 * T.dot(m.T, u)], updates={s: T.dot(m.T, 2 * u)})

    exact = left.astype("float64") @ value.astype("float64")
    # each of the products is rounded, each of their sums, and what is added at the end
    bound = (rows + 6) * np.finfo(dtype).eps * (np.abs(left) @ np.abs(value) * 3 + np.abs(added))
    found = set()
    for count in (2, 3, 7):
        f = made(count, build)
        for always in (True, False):
            extension.load().share_always(always)
            for given in (value, np.asfortranarray(value[::-1])[::-1]):
                got = f(given, left, added)
                for result, right in zip([*got, s.get_value()], (exact, added - 3 * exact, 2 * exact), strict=True):
                    assert np.all(np.abs(result - right) <= bound)
            found.add(tuple(as_bytes([*f(value, left, added), s.get_value()])))
        extension.load().share_always(True)
    assert len(found) == 1


@posix
@pytest.mark.default_mode
@pytest.mark.skipif(any(map(os.environ.get, blas._VARIABLES)), reason="the environment sets the threads of BLAS")
def test_short_products_stay_whole():
    """Pieces of products of some twenty microseconds win little, and some of them are slower than the whole."""
    a, b = T.fmatrix("a"), T.fmatrix("b")
    f = made(2, lambda: function([a, b], T.dot(a, b)))
    before = pool()["jobs"]
    f(rng.standard_normal((256, 500)).astype("float32"), rng.standard_normal((500, 10)).astype("float32"))
    assert pool()["jobs"] == before
    f(rng.standard_normal((600, 784)).astype("float32"), rng.standard_normal((784, 10)).astype("float32"))
    assert pool()["jobs"] == before + 1


@pytest.mark.default_mode
@posix
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_random_draws(dtype):
    n = T.lscalar("n")
    states, one = T.TensorType("int32", (None, 6))(), T.TensorType("uint64", (3,))()
    mrg, philox = MRGUniform(1, dtype), PhiloxUniform(1, dtype)
    streams, state = substreams([12345, 5, 7, 99, 2147462578, 3], 1000), np.array([1 << 60, 7, 3], "uint64")
    got = check_same_bits(lambda: function([states, n], mrg.make_node(states, n).outputs), streams, 654_321)
    again = check_same_bits(lambda: function([one, n], philox.make_node(one, n).outputs), state, 654_321)
    assert as_bytes(got) == as_bytes(list(mrg.perform(None, streams, 654_321)))
    assert as_bytes(again) == as_bytes(list(philox.perform(None, state, 654_321)))


@posix
@pytest.mark.default_mode
def test_updates_in_place():
    results = []
    for count in (1, 4):
        w = shared(np.ones(1 << 20, "float32"))
        f = made(count, lambda w=w: function([v], [], updates={w: w * 0.5 + T.tanh(v)}))
        for _ in range(20):
            f(MATRIX.ravel()[: 1 << 20])
        results.append(w.get_value().tobytes())
    assert results[0] == results[1]


# -- how many ----------------------------------------------------------------------------------------------------------


@posix
@pytest.mark.default_mode
def test_functions_of_different_numbers_take_turns():
    value = MATRIX.ravel()
    functions = [made(count, lambda: function([v], T.exp(v) + v)) for count in (1, 2, 4)]
    wanted = functions[0](value).tobytes()
    for k in range(30):
        before = pool()
        assert functions[k % 3](value).tobytes() == wanted
        assert (pool()["jobs"] > before["jobs"]) == (k % 3 > 0)
    assert pool()["threads"] >= 3


@pytest.mark.default_mode
@posix
def test_nothing_starts_before_work_is_large():
    script = """
import numpy as np
from symcodegen import extension
from symcore import tensor as T
from symcore.config import config
from symopt import function
config.threads = 8
extension.load().share_always(True)
v = T.dvector()
f = function([v], T.exp(v) + 1)
f(np.ones(1000))
assert extension.load().thread_pool() == {"threads": 0, "jobs": 0, "helped": 0}
f(np.ones(1_000_000))
assert extension.load().thread_pool()["threads"] == 7
"""
    run(script)


@posix
@pytest.mark.default_mode
def test_the_number_is_no_part_of_kernels(tmp_path):
    with config.override(cache_dir=str(tmp_path)):
        function_of = [made(count, lambda: function([v], T.exp(v).sum() * 3)) for count in (1, 2)]
        sources = [f.linked.machine for f in function_of]
        kernels = list((tmp_path / "objects").rglob("*.so"))
    assert sources[0].threads == 1 and sources[1].threads == 2
    assert len(kernels) == 1


@posix
@pytest.mark.default_mode
def test_it_is_told_which_nodes_share_their_work():
    build = lambda: function([v], T.exp(v))  # noqa: E731
    assert "threads" not in made(1, build).explain()
    f = made(2, build)
    assert "large ones by 2 threads" in f.explain()
    f.profile_on()
    f(np.ones(1000, "float32"))
    assert [row.shared for row in f.profile.nodes()] == [0]
    f(MATRIX.ravel())
    [row] = f.profile.nodes()
    assert (row.calls, row.shared) == (2, 1)


@posix
@pytest.mark.default_mode
def test_a_busy_machine_is_noticed():
    """With more busy processes than processors, short work is soon left to the caller."""
    extension.load().share_always(False)
    f, value = made(4, lambda: function([v], T.exp(v) + T.tanh(v))), MATRIX.ravel()[:200_000]
    spin = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(spin) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        time.sleep(0.3)
        before, calls = pool()["jobs"], 0
        end = time.monotonic() + 3
        while time.monotonic() < end:
            f(value)
            calls += 1
        assert pool()["jobs"] - before < calls / 2 + 20
    finally:
        for other in others:
            other.kill()
            other.wait()


@pytest.mark.skipif(not os.path.isdir("/proc/self/task") or (os.cpu_count() or 1) < 2, reason="2 processors of Linux")
def test_a_sleeping_thread_is_woken_elsewhere_and_may_then_run_anywhere():
    """A thread left on the caller's processor would begin when the caller's time slice is over, milliseconds late."""
    script = """
import os, time
import numpy as np
from symcodegen import extension
from symcore import tensor as T
from symcore.config import config
from symopt import function
config.threads = 2
extension.load().share_always(True)
v = T.dvector()
f, value = function([v], T.exp(v) + 1), np.ones(3_000_000)
before = set(os.listdir("/proc/self/task"))
for _ in range(20):
    f(value)
    time.sleep(0.005)  # it falls asleep
[made] = set(os.listdir("/proc/self/task")) - before
everywhere, end = os.sched_getaffinity(0), time.monotonic() + 10
while os.sched_getaffinity(int(made)) != everywhere and time.monotonic() < end:
    f(value)
assert os.sched_getaffinity(int(made)) == everywhere
assert extension.load().thread_pool()["helped"] > 0
"""
    run(script)


# -- errors ------------------------------------------------------------------------------------------------------------


@posix
def test_an_index_out_of_range_is_the_same_error():
    i, at = T.lvector("i"), rng.integers(0, 1501, 20_000)
    at[[17_000, 9_000]] = 5000, -1502
    messages = []
    for count in (1, 4):
        f = made(count, lambda: function([x, i], x[i]))
        with pytest.raises(IndexError) as caught:
            f(MATRIX, at)
        messages.append(str(caught.value))
    assert messages[0] == messages[1] and "-1502" in messages[0]


class PositiveRoot(Op):
    """The square root of a matrix whose elements must not be negative: a kernel that looks before it writes."""

    def make_node(self, a):
        a = as_tensor(a)
        return Apply(self, [a], [a.type()])

    def infer_shape(self, node, input_shapes):
        return input_shapes

    def perform(self, node, a):
        raise NotImplementedError


@c_impl.register
def _positive_root_c(op: PositiveRoot, node):
    body = """
int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {
    char *room = ctx->reserve(ctx, d[1] * (i64)sizeof(double));
    if (!room) return ctx->fail(ctx, SYM_MEMORY, "no room");
    for (i64 i = 0; i < d[0]; i++)
        for (i64 j = 0; j < d[1]; j++)
            if (*(const double *)(p[1] + i * s[2] + j * s[3]) < 0)
                return ctx->fail(ctx, SYM_VALUE, "row %lld, column %lld is negative", i, j);
    for (i64 i = 0; i < d[0]; i++) {
        for (i64 j = 0; j < d[1]; j++) ((double *)room)[j] = *(const double *)(p[1] + i * s[2] + j * s[3]);
        for (i64 j = 0; j < d[1]; j++) *(double *)(p[0] + i * s[0] + j * s[1]) = __builtin_sqrt(((double *)room)[j]);
    }
    return 0;
}
"""
    return CKernel(body, fallible=True, cut=(0, 1))


@pytest.mark.default_mode
@posix
def test_pieces_have_scratch_of_their_own_and_errors_of_the_whole():
    a, value = T.dmatrix("a"), rng.uniform(0, 1, (2000, 301))
    f = made(4, lambda: function([a], PositiveRoot()(a)))
    before = pool()["jobs"]
    for _ in range(5):
        np.testing.assert_array_equal(f(value), np.sqrt(value))
    assert pool()["jobs"] == before + 5
    value[1999, 300] = value[1200, 7] = -1
    for _ in range(5):
        with pytest.raises(ValueError, match="row 1200, column 7 is negative"):
            f(value)
    value[value < 0] = 4
    np.testing.assert_array_equal(f(value), np.sqrt(value))


# -- threads of Python, processes --------------------------------------------------------------------------------------


@posix
@pytest.mark.default_mode
def test_from_eight_threads_of_python():
    f = made(4, lambda: function([v], [T.exp(v) + v, T.exp(v).sum()]))
    values = [rng.standard_normal(300_000).astype("float32") for _ in range(8)]
    wanted, failures = [as_bytes(f(value)) for value in values], []

    def call(k):
        for _ in range(25):
            if as_bytes(f(values[k])) != wanted[k]:
                failures.append(k)

    workers = [threading.Thread(target=call, args=(k,)) for k in range(8)]
    for t in workers:
        t.start()
    for t in workers:
        t.join()
    assert not failures


PREPARE = """
import os, signal, sys, threading, time
import numpy as np
from symcodegen import extension
from symcore import tensor as T
from symcore.config import config
from symopt import function
config.threads = 4
extension.load().share_always(True)
v = T.fvector()
f = function([v], T.exp(v) + T.tanh(v))
value = np.linspace(-1, 1, 1 << 20, dtype="float32")
wanted = f(value).tobytes()
pool = extension.load().thread_pool
assert pool()["threads"] == 3
"""


def run(script, *, prepare=""):
    """Run a script in a process of its own; it must end well, and soon."""
    done = subprocess.run([sys.executable, "-c", prepare + script], capture_output=True, text=True, timeout=120,
                          check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.default_mode
@posix
def test_a_child_starts_threads_of_its_own():
    run(
        """
stop = threading.Event()
def busy():
    while not stop.is_set(): f(value)
t = threading.Thread(target=busy); t.start()  # forks happen amid jobs
for k in range(20):
    child = os.fork()
    if child == 0:
        fine = pool() == {"threads": 0, "jobs": 0, "helped": 0}
        fine = fine and f(value).tobytes() == wanted and pool()["threads"] == 3 and pool()["jobs"] > 0
        os._exit(0 if fine else 1)
    assert os.waitpid(child, 0)[1] == 0, k
stop.set(); t.join()
assert f(value).tobytes() == wanted
""",
        prepare="import warnings\nwarnings.simplefilter('ignore', DeprecationWarning)\n" + PREPARE,
    )


@pytest.mark.default_mode
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity") or threads.granted().threads < 2, reason="two processors")
def test_a_thread_on_the_processor_of_the_caller_goes_to_another():
    """It may run where it might before, and a thread that may run on one processor alone stays there."""
    run(
        """
everywhere = os.sched_getaffinity(0)
here, me = min(everywhere), os.getpid()
helpers = [int(t) for t in os.listdir("/proc/self/task") if int(t) != me]
def state(thread):
    with open(f"/proc/self/task/{thread}/stat") as file: return file.read().rsplit(")", 1)[1].split()
def wait_for_sleep():
    while any(state(t)[0] != "S" for t in helpers): time.sleep(0.001)
os.sched_setaffinity(me, {here})
for only in (True, False):
    wait_for_sleep()
    for t in helpers: os.sched_setaffinity(t, {here})
    if not only:
        for t in helpers: os.sched_setaffinity(t, everywhere)
    elsewhere = set()
    for _ in range(200):
        assert f(value).tobytes() == wanted
        elsewhere |= {t for t in helpers if int(state(t)[36]) != here}
    wait_for_sleep()
    assert all(os.sched_getaffinity(t) == ({here} if only else everywhere) for t in helpers)
    assert elsewhere or only
""",
        prepare=PREPARE,
    )


@pytest.mark.default_mode
@posix
def test_a_process_ends_amid_jobs():
    for ending in ("", "sys.exit(0)"):
        run(f"""
def busy():
    while True: f(value)
for _ in range(3): threading.Thread(target=busy, daemon=True).start()
time.sleep(0.2)
{ending}
""", prepare=PREPARE)  # fmt: skip


@pytest.mark.default_mode
@posix
def test_ctrl_c_reaches_the_main_thread():
    script = """
signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored in what a shell runs in the background
try:
    print("ready", flush=True)
    while True: f(value)
except KeyboardInterrupt:
    assert f(value).tobytes() == wanted
    print("stopped", flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", PREPARE + script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60)[0] == "stopped\n"
        assert process.returncode == 0
