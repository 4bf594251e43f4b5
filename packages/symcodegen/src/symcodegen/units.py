"""Which kernels are compiled together.

What kernels have in common stands in include guards, so a translation unit compiles it once. Kernels that share much
therefore go into one unit.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from symcodegen.cache import KernelSource

#: From this many kernels on, a batch without heavy ones is worth a second run of the compiler beside the first.
WORTH_TWO = 9
_DIRECTIVE = re.compile(r"^#[ \t]*(ifndef|if|endif)[ \t]*(\w*)", re.MULTILINE)


def guarded(text: str) -> dict[str, int]:
    """Return the length of each piece of C text between outermost include guards, by the name of its guard."""
    found: dict[str, int] = {}
    depth, name, start = 0, "", 0
    for match in _DIRECTIVE.finditer(text):
        word, what = match.groups()
        if word != "endif":  # "if" is the beginning of "ifdef", too
            if depth == 0:
                name, start = what if word == "ifndef" else "", match.start()
            depth += 1
            continue
        depth -= 1
        if depth == 0 and name:
            found.setdefault(name, match.end() - start)
    return found


def translation_units(batch: Mapping[str, KernelSource]) -> dict[str, dict[str, KernelSource]]:
    """Return the kernels of a batch by translation unit, two at most, which are compiled at the same time.

    Heavy kernels stand by themselves. Many light ones are dealt out, the longest first, so that the longer unit stays
    short and, which counts half, both together: text that a unit has already is not added to it. What both need is
    compiled twice, which nearly halves the time one waits (a training step: 10 kernels, 250 ms in one unit). A few
    kernels are not worth it.
    """
    light = {key: kernel for key, kernel in batch.items() if not kernel.heavy}
    heavy = {key: kernel for key, kernel in batch.items() if kernel.heavy}
    if heavy or len(light) < WORTH_TWO or (os.cpu_count() or 1) < 2:
        return {name: kernels for name, kernels in (("light", light), ("heavy", heavy)) if kernels}
    units: dict[str, dict[str, KernelSource]] = {"light": {}, "second": {}}
    lengths = dict.fromkeys(units, 0)
    held: dict[str, set[str]] = {name: set() for name in units}
    for key in sorted(light, key=lambda key: (-len(light[key].body), key)):
        pieces, whole = guarded(light[key].body), len(light[key].body)
        new = {name: whole - sum(n for guard, n in pieces.items() if guard in held[name]) for name in units}
        cost = {name: max(lengths[name] + more, *lengths.values()) + more / 2 for name, more in new.items()}
        chosen = min(cost, key=cost.__getitem__)
        units[chosen][key] = light[key]
        lengths[chosen] += new[chosen]
        held[chosen].update(pieces)
    return units
