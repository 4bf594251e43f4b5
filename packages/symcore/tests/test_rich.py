"""What notebooks show: LaTeX of expressions. Nothing is computed, large graphs are cut, IPython is not needed."""

import re
import sys

import numpy as np
import pytest

from symcore import grad, latex, make_slice, shared
from symcore import tensor as T
from symcore.graph.variable import Apply
from symcore.op import Op
from symcore.printing.rich import BUDGET, name_in_latex, number_in_latex, register, write_op

X, Y, W, B = T.dvector("x"), T.dvector("y"), T.dmatrix("W"), T.dvector("b_1")
LAM, N, K = T.dscalar("lambda"), T.dscalar("n"), T.iscalar("i")


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        (X + Y * 2, r"x + y \cdot 2"),
        ((X - (Y - X)) * 3, r"\left(x - \left(y - x\right)\right) \cdot 3"),
        (X * Y, r"x \odot y"),
        (T.sigmoid(T.dot(W, X) + B), r"\sigma\left(W x + b_{1}\right)"),
        (T.dot(W, X + Y), r"W \left(x + y\right)"),
        (LAM * (W**2).sum() / 2, r"\frac{\lambda \cdot \sum W^{2}}{2}"),
        (W.sum(axis=0).max(), r"\max \sum_{0} W"),
        ((X + Y).sum(), r"\sum \left(x + y\right)"),
        (T.exp(-(X**2) / 2), r"e^{\frac{-x^{2}}{2}}"),
        (-(X**2), r"-x^{2}"),
        ((-X) ** 2, r"\left(-x\right)^{2}"),
        (
            T.switch(X > 0, X, T.exp(X) - 1),
            r"\begin{cases} x & \text{if } x \gt 0 \\ e^{x} - 1 & \text{otherwise} \end{cases}",
        ),
        (T.sqrt(X) / T.log1p(Y), r"\frac{\sqrt{x}}{\log\left(1 + y\right)}"),
        (abs(X) + T.floor(Y), r"\left|x\right| + \left\lfloor y \right\rfloor"),
        (W.T, r"W^{\top}"),
        (X.dimshuffle(0, "x") * W, r"x \odot W"),
        (X[1:K], r"x_{1{:}i}"),
        (W[K, ::2], r"W_{i, {:}{:}2}"),
        (X[[0, 2]], r"x_{\left[0, 2\right]}"),
        (T.set_subtensor(X[2], 1.5e-8), r"\left(x_{2} \leftarrow 1.5 \times 10^{-8}\right)"),
        (T.inc_subtensor(X[2], N), r"\left(x_{2} \mathrel{+}\leftarrow n\right)"),
        (X // 2 % 3, r"\left\lfloor\frac{x}{2}\right\rfloor \bmod 3"),
        (T.arctan2(X, Y), r"\operatorname{arctan2}\left(x, y\right)"),
        (T.maximum(X, 0), r"\max\left(x, 0\right)"),
        (X.shape[0], r"\operatorname{shape}\left(x\right)_{0}"),
        (X.astype("float32"), r"\operatorname{float32}\left(x\right)"),
        (T.nonzero(W)[1], r"\left(\operatorname{Nonzero}\left(W\right)\right)_{1}"),
        (T.constant(np.arange(3)), r"\left[0, 1, 2\right]"),
        (T.constant(np.ones((3, 4))), r"\left[\cdots\right]_{3 \times 4}"),
        (T.dvector() + 1, r"\langle\mathrm{TensorType(float64,\ vector)}\rangle + 1"),
        (X * -1.0, r"x \cdot \left(-1\right)"),
        (make_slice(K, 3), r"\operatorname{MakeSlice}\left(i, 3, \mathrm{None}\right)"),
        ([X, Y + 1], r"x,\; y + 1"),
    ],
)
def test_expressions(expression, wanted):
    assert latex(expression) == wanted


def test_names():
    names = {"x": "x", "W1": "W_{1}", "h_12": "h_{12}", "alpha": r"\alpha", "Omega_0": r"\Omega_{0}",
             "weights": r"\mathrm{weights}", "W_hid": r"\mathrm{W\_hid}", "a<b&c": r"\mathrm{a\lt{}b\&c}",
             "$^{}": r"\mathrm{\$\hat{}\{\}}", "_": r"\_"}  # fmt: skip
    assert {name: name_in_latex(name) for name in names} == names
    assert latex(shared(1.0, "learning rate")) == r"\mathrm{learning\ rate}"


def test_numbers():
    numbers = [2, -3.0, 0.5, 1e-8, -1e-8, 2.5e300, float("inf"), -float("inf"), float("nan"), True, 1 - 2j, 10**20]
    assert [number_in_latex(n) for n in numbers] == [
        "2", "-3", "0.5", "10^{-8}", "-10^{-8}", r"2.5 \times 10^{300}", r"\infty", r"-\infty", r"\mathrm{nan}",
        r"\mathrm{true}", r"\left(1 - 2 i\right)", "100000000000000000000",
    ]  # fmt: skip


def test_what_a_notebook_asks_for():
    assert (X + 1)._repr_latex_() == r"$\displaystyle x + 1$"
    assert shared(np.ones(2), "w")._repr_latex_() == r"$\displaystyle w$"
    assert T.constant(2.0)._repr_latex_() == r"$\displaystyle 2$"
    assert "IPython" not in sys.modules


def test_a_large_graph_is_cut():
    deep = X
    for _ in range(5000):
        deep = T.sin(deep) * deep  # written out it would have 2 ** 5000 terms
    text = latex(deep)
    assert r"\cdots" in text and len(text) < 100 * BUDGET
    assert len(latex(deep, budget=5)) < len(text)
    wide = sum(T.dvector(f"v{k}") for k in range(300))
    assert r"\cdots" in latex(wide)
    for each in (text, latex(wide), latex(grad(T.tanh(deep).sum(), X))):
        assert balanced(each)


def balanced(text):
    plain = re.sub(r"\\[{}]", "", text)
    opened = text.count(r"\left") - text.count(r"\leftarrow")
    return plain.count("{") == plain.count("}") and opened == text.count(r"\right")


class Mine(Op):
    def make_node(self, x):
        return Apply(self, [x], [x.type()])

    def perform(self, node, x):
        raise AssertionError("printing computes nothing")


class Starred(Op):
    def make_node(self, x):
        return Apply(self, [x], [x.type()])


def test_ops_of_others():
    assert latex(Mine()(X) + 1) == r"\operatorname{Mine}\left(x\right) + 1"

    @register(Starred)
    def starred(op, node):
        return 9, [(node.inputs[0], 9), r"^{\star}"]

    assert latex(Starred()(X + Y)) == r"\left(x + y\right)^{\star}" and write_op.dispatch(Starred) is starred


def test_what_is_no_variable_is_refused():
    for wrong in (3, [X, "x"], None):
        with pytest.raises(TypeError, match="latex\\(\\) writes variables"):
            latex(wrong)
