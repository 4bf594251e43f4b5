"""Results whose length a kernel counts first."""

from typing import Any

from symcodegen.dispatch import CKernel
from symcore.tensor.type import TensorType

_COUNT = TensorType("int64", ())


def counted(b: Any, kernel: CKernel, inputs: list[int], name: str) -> int:
    """Emit a kernel that counts; return the register that holds its number once the kernel has run."""
    count = b.temp(_COUNT, ())
    b.kernel(kernel, [count], inputs, name=name)
    register: int = b.registers.value(count)
    return register
