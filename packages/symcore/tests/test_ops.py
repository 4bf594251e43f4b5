"""Every Op and every scalar function, on its cases."""

import numpy as np
import pytest

from symcore.errors import GradientError
from symcore.graph.variable import Apply
from symcore.op import Op
from symcore.tensor.elemwise import TABLE
from symcore.tensor.type import TensorType
from symcore.testing import BACKENDS, OpCase, check_op, missing_cases
from symcore.testing.core_cases import CASES

IDS = [f"{k}-{case}" for k, case in enumerate(CASES)]
SCALARS = dict(TABLE)  # as symcore alone has it: other packages add theirs


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_op(case):
    check_op(case)


def test_every_op_and_scalar_function_has_a_case():
    own = [fn for fn in SCALARS.values() if not fn.name.startswith("cast_")]
    assert missing_cases("symcore", CASES, own) == []


def test_missing_cases_finds_what_has_none():
    without = [case for case in CASES if "Join" not in str(case.op) and case.op != TABLE["exp"].op]
    assert missing_cases("symcore", without, [TABLE["exp"]]) == ["Join", "exp"]
