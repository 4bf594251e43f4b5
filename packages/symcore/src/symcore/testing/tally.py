"""What a run of the test kit has checked: counts of checks, and the largest errors found."""

from collections import Counter
from typing import Any


class Tally:
    """Counts of checks by kind, and per kind of error the largest one with the case that it belongs to."""

    def __init__(self) -> None:
        self.checks: Counter[str] = Counter()
        self.worst: dict[str, tuple[float, str]] = {}

    def add(self, kind: str, count: int = 1) -> None:
        """Count checks."""
        self.checks[kind] += count

    def error(self, kind: str, value: Any, what: Any) -> None:
        """Count a check that measured an error, and keep it if it is the largest of its kind."""
        self.checks[kind] += 1
        if float(value) >= self.worst.get(kind, (0.0, ""))[0]:
            self.worst[kind] = float(value), str(what)

    def lines(self) -> list[str]:
        """Return a table of the counts and of the largest errors."""
        found = [f"{count:7d}  {kind}" for kind, count in sorted(self.checks.items())]
        found.append(f"{sum(self.checks.values()):7d}  checks in all")
        found += [f"{value:7.1e}  worst error of {kind}: {what}" for kind, (value, what) in sorted(self.worst.items())]
        return found
