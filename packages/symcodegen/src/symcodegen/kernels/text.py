"""The whole text of a kernel: the ABI, the vector mathematics it uses, and its body."""

import functools
import re
from pathlib import Path

from symcodegen.dispatch import CKernel
from symcodegen.symmath import snippets

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


@functools.cache
def abi() -> str:
    """Return the declarations of the kernel ABI without comments."""
    text = (Path(__file__).parent.parent / "runtime" / "symabi.h").read_text(encoding="utf-8")
    return "\n".join(line for line in _COMMENT.sub("", text).splitlines() if line.strip()) + "\n"


def kernel_text(kernel: CKernel) -> str:
    """Return the C text of a kernel, ready for the cache."""
    return abi() + snippets(kernel.functions) + kernel.body
