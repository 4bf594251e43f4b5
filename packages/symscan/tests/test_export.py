"""``export_c`` of functions with loops: the numbers of the function, errors with the step, no leaks."""

import shutil
import subprocess

import numpy as np
import pytest

from symcore import grad, shared
from symcore import tensor as T
from symopt import function
from symscan import scan, until

export = pytest.importorskip("symcodegen.export")
testing = pytest.importorskip("symcodegen.testing")
pytestmark = [
    pytest.mark.c,
    pytest.mark.default_mode,
    pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler"),
]
rng = np.random.default_rng(23)


def built(f, folder):
    """Export a function whose loops all run in C, and build it."""
    loops = [how for node, where, how in f.placement() if type(node.op).__name__ == "Scan"]
    assert loops and set(loops) <= {"loop", "only its shape is used"}
    return testing.build_exported(f, folder, *testing.NATIVE)


def same(f, folder, *calls):
    """The exported function gives the bits of ``f`` in every call."""
    library = built(f, folder)
    testing.assert_same_calls(library, f, *calls)
    library.close()


def test_all_steps_in_one_kernel(tmp_path):
    k, a = T.lscalar("k"), T.dvector("a")
    powers, _ = scan(lambda p, a: p * a, outputs_info=[T.ones_like(a)], non_sequences=[a], n_steps=k)
    f = function([k, a], [powers, powers[-1]])
    same(f, tmp_path, (3, [1.0, 2.0]), (5, [0.5, 2.0, -1.0]), (1, [7.0]), (3, [1.0, 2.0]))


def rnn(hidden=5, inputs=3, dtype="float64"):
    """The forward pass and the gradient of a recurrent layer."""
    W = shared((rng.normal(size=(hidden, hidden)) / hidden**0.5).astype(dtype), name="W")
    U = shared((rng.normal(size=(inputs, hidden)) / inputs**0.5).astype(dtype), name="U")
    x, h0 = T.matrix("x", dtype=dtype), T.vector("h0", dtype=dtype)
    hs, _ = scan(lambda xt, h, W: T.tanh(xt @ U + h @ W), sequences=[x], outputs_info=[h0], non_sequences=[W])
    cost = (hs**2).sum()
    return x, h0, hs, cost, [W, U]


def test_a_recurrent_layer_and_its_gradient(tmp_path):
    x, h0, hs, cost, weights = rnn()
    f = function([x, h0], [hs[-1], cost, *grad(cost, weights)], name="rnn")
    calls = [(rng.normal(size=(n, 3)), rng.normal(size=5)) for n in (7, 1, 40, 7)]
    same(f, tmp_path, *calls)


def test_training_through_a_loop(tmp_path):
    x, h0, _, cost, weights = rnn()
    f = function([x, h0], cost, updates=[(w, w - 0.01 * g) for w, g in zip(weights, grad(cost, weights), strict=True)])
    first = [w.get_value() for w in weights]
    library = built(f, tmp_path)
    for n in (6, 6, 3, 6):
        values = rng.normal(size=(n, 3)), rng.normal(size=5)
        np.testing.assert_array_equal(library(*values)[0], f(*values))
    for w, before in zip(weights, first, strict=True):
        np.testing.assert_array_equal(library.value(w.name), w.get_value())
        assert not np.array_equal(w.get_value(), before)
    library.close()


def test_taps_rings_and_no_steps(tmp_path):
    n, start, x = T.lscalar("n"), T.dvector("start"), T.dmatrix("x")
    fibonacci, _ = scan(lambda a, b: a + b, outputs_info=[{"initial": start, "taps": [-2, -1]}], n_steps=n)
    means, _ = scan(lambda a, b: (a + b).sum(), sequences=[{"input": x, "taps": [-1, 1]}])
    last, _ = scan(lambda row, s: s + T.sort(row), sequences=[x], outputs_info=[T.zeros_like(x[0])], go_backwards=True)
    f = function([n, start, x], [fibonacci[-3:], means, last[-1], fibonacci.shape[0]])
    calls = [(k, [1.0, 1.0], rng.normal(size=(m, 4))) for k, m in ((8, 5), (3, 3), (5, 9), (8, 5))]
    same(f, tmp_path, *calls)


def test_until(tmp_path):
    x, most = T.dscalar("x"), T.lscalar("most")
    values, _ = scan(lambda a: (a * 2, until(a > 100)), outputs_info=[x], n_steps=most)
    f = function([x, most], [values, values[-1], values.shape[0]])
    same(f, tmp_path, (1.0, 50), (1.0, 3), (200.0, 5), (3.0, 50))


def test_a_loop_within_a_loop(tmp_path):
    x = T.dmatrix("x")

    def row(r, total):
        inner, _ = scan(lambda e, s: T.tanh(s + T.sort(e).sum() * s), sequences=[r.reshape((-1, 2))],
                        outputs_info=[total])  # fmt: skip
        return inner[-1]

    sums, _ = scan(row, sequences=[x], outputs_info=[np.float64(1.0)])
    f = function([x], sums)
    same(f, tmp_path, (rng.normal(size=(3, 4)),), (rng.normal(size=(5, 2)),), (rng.normal(size=(3, 4)),))
    assert "SYM_N_BODIES = 3" in "".join(path.read_text() for path in tmp_path.glob("*.c"))


def test_errors_name_the_step(tmp_path):
    i, table = T.lvector("i"), T.dmatrix("table")
    taken, _ = scan(lambda k, s, table: s + table[k], sequences=[i], outputs_info=[T.zeros_like(table[0])],
                    non_sequences=[table])  # fmt: skip
    f = function([i, table], taken, name="take")
    library = built(f, tmp_path)
    testing.assert_same_calls(library, f, ([0, 1, 1], np.eye(2)))
    with pytest.raises(IndexError, match=r"Scan.*: step 2: .*index 7 is out of bounds for axis 0 with size 2"):
        library([0, 1, 7], np.eye(2))
    assert library([1], np.eye(2))[0].tolist() == [[0.0, 1.0]]
    library.close()
    steps = T.lscalar("steps")
    doubled, _ = scan(lambda r: r * 2, sequences=[table], n_steps=steps)
    f = function([table, steps], doubled, name="long")
    library = built(f, tmp_path / "long")
    testing.assert_same_calls(library, f, (np.eye(2), 2))
    with pytest.raises(ValueError, match="Scan.*3 steps need rows 0 to 2 of sequence 0, which has 2"):
        library(np.eye(2), 3)
    library.close()


def test_python_in_a_step_is_refused(tmp_path):
    from symcore import as_op

    @as_op([T.dscalar], [T.dscalar])
    def in_python(v):
        return v + 1

    x = T.dvector("x")
    values, _ = scan(in_python, sequences=[x])
    with pytest.raises(export.ExportError, match=r"(?s)cannot be exported.*steps are called from Python"):
        export.export_c(function([x], values), tmp_path)


@pytest.mark.slow
def test_sanitized(tmp_path):
    x, h0, hs, cost, weights = rnn()
    updates = [(w, w - 0.01 * g) for w, g in zip(weights, grad(cost, weights), strict=True)]
    f = function([x, h0], [hs[-1], cost], updates=updates, name="step")
    exported = export.export_c(f, tmp_path, example=[rng.normal(size=(6, 3)), rng.normal(size=5)])
    flags = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    done = subprocess.run(exported.command(tmp_path / "run", *flags), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ran = subprocess.run([tmp_path / "run"], capture_output=True, text=True)  # the leak checker runs at its end
    assert ran.returncode == 0 and not ran.stderr, ran.stderr
