"""Every Op and every scalar function, on its cases."""

import pytest

from symcore.tensor.elemwise import TABLE
from symcore.testing import check_op, missing_cases, op_classes
from symcore.testing.core_cases import CASES

IDS = [f"{k}-{case}" for k, case in enumerate(CASES)]
#: As symcore alone has it: other packages, and other tests, add theirs.
SCALARS = [fn for fn in TABLE.values() if "tests" not in (getattr(fn.numpy, "__module__", None) or "")]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_op(case):
    check_op(case)


def test_every_op_and_scalar_function_has_a_case():
    own = [fn for fn in SCALARS if not fn.name.startswith("cast_")]
    assert missing_cases("symcore", CASES, own) == []


def test_the_registry_finds_what_has_no_case():
    without = [case for case in CASES if "Join" not in str(case.op) and case.op != TABLE["exp"].op]
    assert missing_cases("symcore", without, [TABLE["exp"], TABLE["log"]]) == ["Join", "exp"]


def test_the_registry_knows_the_final_classes():
    names = {cls.__name__ for cls in op_classes("symcore")}
    assert {"Elemwise", "Dot", "Reduce", "Print", "FromFunctionOp", "Blockwise"} <= names
    assert not any(name.startswith("_") for name in names)
