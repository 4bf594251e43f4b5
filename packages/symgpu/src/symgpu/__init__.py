"""The CUDA floor of symstack: today it only finds out whether a device is usable, and says what is missing.

Importing this package looks for nothing and never fails because a device, a driver or PyCUDA is missing; the search is
made when :func:`available` or :func:`why_not` is called.
"""

from symgpu.probe import GpuUnavailable, available, require, why_not

__version__ = "0.1.0"

__all__ = ["GpuUnavailable", "__version__", "available", "require", "why_not"]
