"""The long run: ``python tests/random_graphs --draws 10000``. Prints every disagreement, made small, and goes on.

A program is told by its seed: ``--seed 123 --draws 1`` runs one again.
"""

import argparse
import os
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from random_graphs.compare import WAYS, Checker, Disagreement  # noqa: E402
from random_graphs.disguise import DisguisedChecker  # noqa: E402
from random_graphs.generator import Choices, random_graph, smaller  # noqa: E402


class LeftAlone:
    """How many programs were not compared, for rounding decides whether they fail."""

    count = 0


def failure(choices: Choices, steps: int, disguised: int | None = None) -> tuple[str, BaseException] | None:
    """Check one program, or what ``disguised`` makes of it; return the kind of what went wrong, and the error."""
    try:
        program = random_graph(choices, steps)
        checker = Checker(program) if disguised is None else DisguisedChecker(program, disguised)
        checker.check(WAYS if disguised is None else ["FAST_RUN"])
        LeftAlone.count += checker.reference.fragile
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} {Path(frame.filename).name}:{frame.lineno}", error
    return None


def report(seed: int, steps: int, made: Sequence[int], kind: str, disguised: int | None) -> None:
    """Print the smallest program found that fails in the same way."""

    def fails(given: Sequence[int]) -> bool:
        found = failure(Choices(given=given), steps, disguised)
        return found is not None and found[0] == kind

    found = failure(Choices(given=smaller(made, fails)), steps, disguised)
    print(f"--- seed {seed}: {kind}")
    if found is not None:
        traceback.print_exception(found[1], limit=-4)


def main() -> int:
    """Check as many programs as asked for; return 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=int(os.environ.get("SYMSTACK_RANDOM_DRAWS", "10000")))
    parser.add_argument("--seed", type=int, default=0, help="seed of the first program; the next ones follow")
    parser.add_argument("--steps", type=int, default=14, help="lines of a program at most")
    parser.add_argument("--findings", type=int, default=20, help="stop after so many")
    parser.add_argument("--disguised", action="store_true", help="compile programs rewritten by their own identities")
    options = parser.parse_args()
    found, seen, started = 0, set(), time.monotonic()
    for k in range(options.draws):
        choices = Choices.of(options.seed + k)
        disguised = options.seed + k if options.disguised else None
        failed = failure(choices, options.steps, disguised)
        if failed is not None:
            found += 1
            if failed[0] in seen and not isinstance(failed[1], Disagreement):
                print(f"--- seed {options.seed + k}: {failed[0]} again")
            else:
                report(options.seed + k, options.steps, choices.made, failed[0], disguised)
            seen.add(failed[0])
        if k % 100 == 99 or k + 1 == options.draws or found >= options.findings:
            print(
                f"{k + 1} programs, {found} findings, {LeftAlone.count} left alone, {time.monotonic() - started:.0f} s",
                flush=True,
            )
        if found >= options.findings:
            break
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
