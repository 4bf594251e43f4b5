"""``python -m symcore.testing``: check every Op and scalar function on its cases, and print what was checked."""

import sys
import time

from symcore.tensor.elemwise import TABLE, Elemwise
from symcore.testing.check import check_op
from symcore.testing.core_cases import CASES
from symcore.testing.registry import missing_cases, missing_coverage, op_classes
from symcore.testing.tally import Tally
from symcore.testing.variants import of_other_dtypes, variants


def main() -> int:
    """Run all cases of symcore. Returns the exit status: 0 when all hold and nothing is without a case."""
    scalars = [fn for fn in TABLE.values() if not fn.name.startswith("cast_")]
    tally, failures, started = Tally(), 0, time.perf_counter()
    made = [variant for case in CASES for variant in variants(case)]
    other = list(of_other_dtypes(CASES, scalars))
    for case in (*CASES, *made, *other):
        try:
            check_op(case, tally)
        except Exception as error:
            failures += 1
            print(f"FAILED {case}: {type(error).__name__}: {error}")
    missing = [*missing_cases("symcore", CASES, scalars), *missing_coverage(CASES, scalars)]
    for name in missing:
        print(f"NO CASE {name}")
    functions = {case.op.fn.name for case in CASES if type(case.op) is Elemwise}
    print(f"{len(op_classes('symcore')):7d}  Ops, {len(scalars)} scalar functions, {len(functions)} of them tested")
    print(f"{len(CASES):7d}  cases, {len(made)} variants of shape, {len(other)} of dtype")
    print("\n".join(tally.lines()))
    print(f"{failures} failed, {len(missing)} without a case, {time.perf_counter() - started:.1f} s")
    return 1 if failures or missing else 0


if __name__ == "__main__":
    sys.exit(main())
