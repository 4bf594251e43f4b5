"""The cases of all Ops of symcore, computed in C and compared with ``perform`` by the test kit."""

import pytest

from symcodegen.testing import run_in_c
from symcore.tensor.creation import AllocEmpty
from symcore.testing import BACKENDS, check_op
from symcore.testing.core_cases import CASES

pytestmark = pytest.mark.c


@pytest.mark.parametrize("case", CASES, ids=[f"{k}-{type(case.op).__name__}" for k, case in enumerate(CASES)])
def test_c_equals_perform(case, monkeypatch):
    ran = []

    def run(node, inputs):
        outputs = run_in_c(node, inputs)
        ran.append(outputs is not None)
        return None if isinstance(node.op, AllocEmpty) else outputs  # its contents are arbitrary

    monkeypatch.setitem(BACKENDS, "c", run)
    check_op(case)
    assert ran
