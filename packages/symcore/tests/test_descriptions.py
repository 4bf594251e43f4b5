"""Text that says how a variable is computed, and says the same in every process."""

import subprocess
import sys

import numpy as np
import pytest

from symcore import shared
from symcore import tensor as T
from symcore.printing import min_informative_str, var_descriptor

x, y = T.dvectors("x", "y")


def test_a_tree_of_letters():
    assert min_informative_str(x * y + x) == (
        "A. Elemwise{add}\n B. Elemwise{mul}\n  C. x\n  D. y\n <C>"
    )
    shared_part = T.exp(x)
    assert min_informative_str(shared_part * shared_part) == "A. Elemwise{mul}\n B. Elemwise{exp}\n  C. x\n <B>"


def test_a_name_is_enough():
    z = x + y
    z.name = "z"
    assert min_informative_str(z) == "A. z"
    assert min_informative_str(T.exp(z)) == "A. Elemwise{exp}\n B. z"


def test_an_indented_tree_and_what_is_no_variable():
    assert min_informative_str(T.exp(x), indent_level=2) == "  A. Elemwise{exp}\n   B. x"
    assert min_informative_str("text") == "A. text"


def test_one_line():
    assert var_descriptor(x * y + x) == "Elemwise{add}(Elemwise{mul}(x, y), x)"
    assert var_descriptor(x) == "x"
    assert var_descriptor(3) == "3"
    e = T.exp(x)
    assert var_descriptor(e + e * y) == "Elemwise{add}(*1 -> Elemwise{exp}(x), Elemwise{mul}(*1, y))"


def test_the_top_is_described_even_if_it_has_a_name():
    z = T.exp(x)
    z.name = "z"
    assert var_descriptor(z) == "Elemwise{exp}(x)"
    assert var_descriptor(z + 1) == f"Elemwise{{add}}(z, {T.constant(1.0)})"


def test_outputs_of_one_node_are_told_apart():
    values, positions = T.topk_and_argtopk(x, 2)
    assert var_descriptor(values) != var_descriptor(positions)
    assert ".1(" in var_descriptor(positions)


def test_constants_are_told_apart():
    a, b = np.zeros(50), np.zeros(50)
    b[30] = 1.0
    texts = [var_descriptor(x + T.constant(v)) for v in (a, b)]
    assert texts[0] != texts[1]
    assert var_descriptor(x + shared(1.0)) == "Elemwise{add}(x, <TensorType(float64, scalar)>)"


@pytest.mark.parametrize("describe", [min_informative_str, var_descriptor])
def test_a_deep_graph_and_a_graph_that_doubles(describe):
    v = x
    for _ in range(3000):
        v = T.exp(v)
    assert describe(v).count("exp") == 3000
    v = x
    for _ in range(60):  # written out, 2**60 terms
        v = v + v
    assert describe(v).count("add") == 60


def test_another_process_says_the_same():
    code = (
        "from symcore import tensor as T; from symcore.printing import *\n"
        "from symcore.printing import min_informative_str, var_descriptor\n"
        "x = T.dvector(); e = T.exp(x)\nprint(min_informative_str(e * e - 1)); print(var_descriptor(e * e - 1))"
    )
    texts = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
        for _ in range(2)
    }
    assert len(texts) == 1 and "0x" not in texts.pop()
