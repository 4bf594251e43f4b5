"""The long run: ``python tests/numpy_differential --draws 5000``. Prints every disagreement, made small, and goes on.

A case is told by its seed: ``--seed 123 --draws 1`` runs one again.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from random_graphs.generator import Choices, smaller  # noqa: E402

from numpy_differential.case import DIFFERENCES  # noqa: E402
from numpy_differential.compare import COMPILED, Disagreement, check, random_case  # noqa: E402


def failure(choices: Choices, compiled: int) -> Exception | None:
    """Check one case; return what went wrong."""
    try:
        check(random_case(choices, compiled))
    except Exception as error:
        return error
    return None


def _kind(error: Exception) -> str:
    text = str(error).splitlines()[-1 if not isinstance(error, Disagreement) else 0]
    return f"{type(error).__name__} {text[:24]}"


def report(seed: int, choices: Choices, compiled: int, error: Exception) -> None:
    """Print the smallest case found that fails alike."""
    kind = _kind(error)

    def fails(given: list[int]) -> bool:
        found = failure(Choices(given=given), compiled)
        return found is not None and _kind(found) == kind

    found = failure(Choices(given=smaller(choices.made, fails, 100)), compiled) or error
    print(f"--- seed {seed}: {type(found).__name__}: {found}", flush=True)


def main() -> int:
    """Check as many cases as asked for; return 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0, help="seed of the first case; the next ones follow")
    parser.add_argument("--compiled", type=int, default=COMPILED, help="one case in so many is compiled; 0: none")
    parser.add_argument("--findings", type=int, default=20, help="stop after so many")
    parser.add_argument("--differences", action="store_true", help="print the differences that are meant to be")
    options = parser.parse_args()
    if options.differences:
        for name, reason in DIFFERENCES.items():
            print(f"{name}: {reason}")
        return 0
    found, met, started = 0, Counter[str](), time.monotonic()
    for k in range(options.draws):
        choices = Choices.of(options.seed + k)
        error = failure(choices, options.compiled)
        if error is not None:
            found += 1
            report(options.seed + k, choices, options.compiled, error)
        else:
            met.update(random_case(Choices(given=choices.made), options.compiled).differences)
        if k % 500 == 499 or k + 1 == options.draws or found >= options.findings:
            print(f"{k + 1} cases, {found} findings, {time.monotonic() - started:.0f} s", flush=True)
        if found >= options.findings:
            break
    print("differences met: " + ", ".join(f"{name} {n}" for name, n in sorted(met.items())))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
