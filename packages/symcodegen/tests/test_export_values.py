"""``export_c`` of functions whose shapes and choices depend on values that they compute: several segments."""

import shutil
import subprocess

import numpy as np
import pytest

from symcodegen.export import export_c
from symcodegen.testing import NATIVE, STRICT, assert_same_exported, build_exported
from symcore import shared
from symcore import tensor as T
from symcore.ifelse import ifelse
from symopt import function

pytestmark = [
    pytest.mark.c,
    pytest.mark.default_mode,
    pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler"),
]
rng = np.random.default_rng(19)


def test_lengths_that_are_computed(tmp_path):
    x = T.dvector("x")
    n = T.cast(x.sum(), "int64")
    f = function([x], [T.arange(n) * x[0], x[: n - 2], T.zeros((n, 2)) + x[:2]])
    vectors = [1.0, 2.0, 2.5], [3.0, 4.0], [1.0, 1.0], [0.0, 0.0], [1.0, 2.0, 2.5]
    assert_same_exported(f, tmp_path, *((vector,) for vector in vectors))


def test_a_choice_by_a_computed_value(tmp_path):
    x = T.dvector("x")
    f = function([x], [ifelse(x.sum() > 0, T.exp(x), x[::-1] * 2), ifelse(x.max() > 3, x.sum(), x.prod())])
    assert_same_exported(f, tmp_path, ([1.0, 2.0],), ([-1.0, 0.5],), ([4.0, -9.0, 1.0],), ([1.0, 2.0],))


def test_an_update_by_a_computed_length(tmp_path):
    w = shared(np.arange(6.0), name="w")
    x = T.dvector("x")
    n = T.cast(x.sum(), "int64")
    f = function([x], w.sum() + x[:n].sum(), updates=[(w, T.arange(n) + w[0] + 1.0)], name="grow")
    library = build_exported(f, tmp_path, *NATIVE)
    for values in ([1.0, 2.0], [3.0, 4.0], [2.0, 0.0], [1.0, 1.0]):
        np.testing.assert_array_equal(library(values)[0], f(values))
        np.testing.assert_array_equal(library.value("w"), w.get_value())
    library.close()


def test_a_failure_in_a_later_segment_changes_nothing(tmp_path):
    w, x, i = shared(np.arange(3.0), name="w"), T.dvector("x"), T.lvector("i")
    n = T.cast(x.sum(), "int64")
    f = function([x, i], T.arange(n)[i], updates=[(w, w * 2)], name="late")
    library = build_exported(f, tmp_path, *NATIVE)
    assert library([3.0], [2])[0] == [2]
    before = library.value("w")
    with pytest.raises(IndexError, match="index 3 is out of bounds"):
        library([3.0], [3])
    np.testing.assert_array_equal(library.value("w"), before)
    assert library([4.0], [3])[0] == [3]
    np.testing.assert_array_equal(library.value("w"), before * 2)
    library.close()


def test_the_example_program(tmp_path):
    x = T.dvector("x")
    f = function([x], [T.arange(T.cast(x.sum(), "int64")), x.sum()], name="count")
    exported = export_c(f, tmp_path, example=[[1.5, 1.5]])
    assert "count_call" not in (tmp_path / "count.h").read_text()  # nobody knows the sizes before
    done = subprocess.run(exported.command(tmp_path / "run", *STRICT, *NATIVE), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    printed = subprocess.run([tmp_path / "run"], capture_output=True, text=True, check=True).stdout
    assert printed == "y0 (3): 0 1 2\ny1 (1): 3\n"
