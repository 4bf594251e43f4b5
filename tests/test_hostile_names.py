"""No name and no text of a user reaches C as C: in kernels, in exported functions, in Ops of users, in errors."""

import shutil

import numpy as np
import pytest

import symstack as ss
from symcodegen.export import Library
from symcore.tensor.type import TensorType
from symstack import tensor as T

pytestmark = [pytest.mark.c, pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")]
STRICT = ("-Wall", "-Wextra", "-Werror", "-Wno-trigraphs")
HOSTILE = [
    '*/ int x = ; #error "x"',
    "// \\\n#error second line",
    '"); system("touch planted"); ("',
    "??/\n??>%:error",
    "$(touch planted) `touch planted` ; touch planted",
    "../../../planted\0tail",
    "\u202e\u2028#error \U0001f40d",
    "int",
    "%s%n%s%n",
    "-fplugin=planted.so",
    "@planted",
]


@pytest.mark.parametrize("name", HOSTILE, ids=repr)
def test_names_are_no_c(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x, W = T.dmatrix(name), ss.shared(np.eye(3), name=name)
    y = T.tanh(x @ W)
    y.name = name
    with ss.config.override(cache_dir=str(tmp_path / "cache")):  # nothing of it has been compiled before
        f = ss.function([x], [y.sum(axis=0), T.exp(y) * 2], updates=[(W, W * 2)], name=name)
        value = np.arange(6.0).reshape(2, 3)
        np.testing.assert_allclose(f(value)[0], np.tanh(value).sum(axis=0), rtol=1e-14)
    with pytest.raises(ValueError) as caught:
        f(np.ones((2, 4)))
    assert len(str(caught.value).splitlines()) < 20
    library = Library(ss.export_c(f, tmp_path / "exported"), *STRICT)
    np.testing.assert_allclose(library(value)[0], f(value)[0], rtol=1e-13)
    with pytest.raises(ValueError):
        library(np.ones((2, 4)))
    library.close()
    made = {path.name for path in tmp_path.iterdir()}
    assert made - {"cache"} == {"exported"}  # a mode that runs in Python has nothing to keep


@pytest.mark.parametrize("end", ["\u2028", "\x85", "\x0b", "\x0c", "\x1e"], ids=ascii)
def test_a_comment_ends_where_c_says(end):
    vector = TensorType("float64", (None,))
    given = {"inputs": ("x",), "outputs": ("y",), "itypes": (vector,), "otypes": (vector,)}
    code = f"// a note {end} #error this is still the note\nSYM_AT(y, 0) = 2;"
    op = ss.COp(code=code, shape_code="y_shape[0] = 1;", **given)
    x = T.dvector("x")
    assert ss.function([x], op(x))([1.0]).tolist() == [2.0]


@pytest.mark.parametrize("name", HOSTILE, ids=repr)
def test_texts_of_a_users_op_are_strings(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    number = TensorType("int64", ())

    class Length(ss.COp):
        """The number of bytes of a text, and the sum of them."""

        text: str
        inputs, outputs = ("x",), ("n", "total")
        itypes, otypes = (number,), (number, number)
        code = """
        SYM_SCALAR(n) = sizeof text - 1;
        SYM_SCALAR(total) = SYM_SCALAR(x);
        for (i64 i = 0; i < (i64)sizeof text - 1; i++) SYM_SCALAR(total) += (unsigned char)text[i];
        """

        def infer_shape(self, node, input_shapes):
            return [(), ()]

    x = T.lscalar("x")
    n, total = ss.function([x], Length(name, title=name)(x))(0)
    assert (n, total) == (len(name.encode()), sum(name.encode()))
    assert not list(tmp_path.iterdir())
