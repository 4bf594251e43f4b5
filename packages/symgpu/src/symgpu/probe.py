"""Is there a device that this package can compile for? If not, what is missing, in one line.

The search goes from what is cheapest to find out to what is dearest: the PyCUDA module (looked for, not imported), the
driver library, its initialisation, the number of devices, and last the part of symgpu that would use them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

__all__ = ["GpuUnavailable", "available", "require", "why_not"]

_DRIVER_NAMES = {"win32": ("nvcuda.dll",), "darwin": ()}
_LINUX_DRIVER_NAMES = ("libcuda.so.1", "libcuda.so")

# The errors of cuInit that a user can act upon (numbers of the CUDA driver API's CUresult).
_CU_INIT_ADVICE = {
    34: "only the toolkit's stub of the driver library was found: install the NVIDIA driver",
    100: "the driver sees no CUDA device: check nvidia-smi and CUDA_VISIBLE_DEVICES",
    803: "the driver and the loaded libcuda have different versions: update the driver or the container image",
    804: "this libcuda needs a newer driver: update the driver",
}


class GpuUnavailable(RuntimeError):
    """A device was asked for, and there is none that this package can use."""


def why_not() -> str:
    """One line that says why no device can be used, or ``""`` when one can.

    The first missing thing is named, together with what to do about it. Never raises.
    """
    return _first_reason(_missing_pycuda, _missing_device, _missing_runtime)


def available() -> bool:
    """Whether functions can be compiled for a CUDA device here: the same as ``why_not() == ""``."""
    return not why_not()


def require() -> None:
    """Do nothing when a device is usable.

    Raises
    ------
    GpuUnavailable
        With the line of :func:`why_not` when no device can be used.
    """
    if reason := why_not():
        raise GpuUnavailable(f"No GPU can be used: {reason}. Use device='cpu' to run on the host.")


def _first_reason(*checks: Callable[[], str]) -> str:
    for check in checks:
        if reason := check():
            return reason
    return ""


def _missing_pycuda() -> str:
    from importlib.util import find_spec

    # find_spec raises ValueError for a module in sys.modules without a spec, as a test double may be.
    try:
        found = find_spec("pycuda") is not None
    except (ImportError, ValueError):
        found = "pycuda" in sys.modules
    return "" if found else "the Python module pycuda is not installed: pip install 'symgpu[pycuda]'"


def _load_driver() -> Any:
    """The CUDA driver library, or ``None`` where it cannot be loaded."""
    import ctypes

    for name in _DRIVER_NAMES.get(sys.platform, _LINUX_DRIVER_NAMES):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def _missing_device() -> str:
    import ctypes

    driver = _load_driver()
    if driver is None:
        return "the CUDA driver library (libcuda) was not found: install the NVIDIA driver"
    status = driver.cuInit(0)
    if status:
        advice = _CU_INIT_ADVICE.get(status, "check that nvidia-smi works")
        return f"the CUDA driver did not start (cuInit returned {status}): {advice}"
    count = ctypes.c_int(0)
    status = driver.cuDeviceGetCount(ctypes.byref(count))
    if status:
        return f"the CUDA driver counts no devices (cuDeviceGetCount returned {status}): check that nvidia-smi works"
    return "" if count.value else _CU_INIT_ADVICE[100]


def _missing_runtime() -> str:
    """The device linker is a part of this package that a later version brings."""
    from importlib.util import find_spec

    if find_spec("symgpu.linker") is not None:
        return ""
    return "a CUDA device was found, but this version of symgpu cannot compile for it yet"
