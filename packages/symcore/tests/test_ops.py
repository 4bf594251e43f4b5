"""Every Op and every scalar function, on its cases."""

import numpy as np
import pytest

from symcore.tensor.elemwise import TABLE
from symcore.testing import (
    OpCase,
    Tally,
    check_op,
    missing_cases,
    missing_coverage,
    of_other_dtypes,
    op_classes,
    variants,
)
from symcore.testing.core_cases import CASES

IDS = [f"{k}-{case}" for k, case in enumerate(CASES)]
#: As symcore alone has it: other packages, and other tests, add theirs.
SCALARS = [fn for fn in TABLE.values() if "tests" not in (getattr(fn.numpy, "__module__", None) or "")]
OWN = [fn for fn in SCALARS if not fn.name.startswith("cast_")]
OF_DTYPES = {fn.name: list(of_other_dtypes(CASES, [fn])) for fn in OWN}


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_op(case):
    check_op(case)
    for variant in variants(case):
        check_op(variant)


@pytest.mark.parametrize("name", OF_DTYPES)
def test_scalar_functions_on_every_dtype(name):
    assert OF_DTYPES[name]
    for case in OF_DTYPES[name]:
        check_op(case)


def test_every_op_and_scalar_function_has_a_case():
    assert missing_cases("symcore", CASES, OWN) == []
    assert missing_coverage(CASES, OWN) == []


def test_the_registry_finds_what_has_no_case():
    without = [case for case in CASES if "Join" not in str(case.op) and case.op != TABLE["exp"].op]
    assert missing_cases("symcore", without, [TABLE["exp"], TABLE["log"]]) == ["Join", "exp"]


def test_the_registry_finds_what_the_cases_leave_out():
    empty = OpCase(TABLE["exp"], np.zeros((0, 2)))
    unchecked = OpCase(TABLE["log"], np.ones(3), grad=False)
    assert missing_coverage([empty, unchecked], [TABLE["exp"], TABLE["log"], TABLE["eq"]]) == [
        "exp: 0-d", "exp: 0-size", "exp: broadcast", "log: derivatives", "eq: 0-d", "eq: 0-size", "eq: broadcast",
    ]  # fmt: skip


def test_derivatives_are_held_to_one_in_a_million_and_pairings_to_ten_digits():
    tally = Tally()
    for case in CASES:
        if type(case.op).__name__ in ("Cholesky", "SVD", "Reduce", "CumOp", "MatrixInverse"):
            check_op(case, tally)
    assert tally.checks["derivatives against finite differences"] > 300
    assert 0 < tally.worst["derivatives against finite differences"][0] < 1e-6
    assert 0 < tally.worst["<v, J u> = <J' v, u>"][0] < 1e-10


def test_the_registry_knows_the_final_classes():
    names = {cls.__name__ for cls in op_classes("symcore")}
    assert {"Elemwise", "Dot", "Reduce", "Print", "FromFunctionOp", "Blockwise"} <= names
    assert not any(name.startswith("_") for name in names)
