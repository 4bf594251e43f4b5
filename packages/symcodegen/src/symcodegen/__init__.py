"""C code for planned graphs: kernels, toolchain, cache and the C virtual machine."""

__version__ = "0.1.0"
