"""Every scalar function on every dtype that it takes: in C, all dtypes in one function, against ``perform``."""

import pytest

from symcodegen.expr import C_EXPR
from symcodegen.testing import PLAIN
from symcore.tensor.elemwise import TABLE
from symcore.testing import of_other_dtypes
from symcore.testing.check import compare, run
from symcore.testing.core_cases import CASES
from symopt import function

pytestmark = pytest.mark.c

NAMES = [name for name, fn in TABLE.items()
         if not name.startswith("cast_") and "tests" not in (getattr(fn.numpy, "__module__", None) or "")]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_c_equals_perform_on_every_dtype(name):
    cases = list(of_other_dtypes(CASES, [TABLE[name]]))
    assert cases
    arrays = [x for case in cases for x in case.arrays("float64")]
    inputs = [v for case in cases for v in case.variables(case.arrays("float64"), static=False)]
    given, nodes = iter(inputs), []
    for case in cases:
        nodes.append(case.op.make_node(*[next(given) for _ in case.inputs]))
    f = function(inputs, [node.outputs[0] for node in nodes], mode=PLAIN)
    in_c = {node.inputs[0].type.dtype.name for node, where, _ in f.placement() if where != "Python"}
    assert in_c or name not in C_EXPR
    found = f(*arrays)
    for case, node, y in zip(cases, nodes, found, strict=True):
        if node.inputs[0].type.dtype.name in in_c:
            compare([y], run(node, case.arrays("float64")), f"{case} in C")
