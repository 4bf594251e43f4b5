"""Running one generated kernel by itself: compiled into a cache of its own, called through ctypes."""

import ctypes
from pathlib import Path

import numpy as np
import pytest

from symcore.testing.seeds import reseed

_RESERVE = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_longlong)
_FAIL = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_longlong, ctypes.c_longlong
)


class _Context(ctypes.Structure):
    """``sym_ctx`` of the kernel ABI."""

    _fields_ = [("blas", ctypes.c_void_p), ("parallel_for", ctypes.c_void_p), ("reserve", _RESERVE), ("fail", _FAIL),
                ("llc", ctypes.c_longlong), ("loops", ctypes.c_void_p)]  # fmt: skip


class KernelFailed(Exception):
    """What a kernel told ``ctx->fail``: ``kind`` (1 value, 2 shape, 3 index, 4 memory) and the message."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


class Kernels:
    """``kernels(node, *inputs, outputs=None)`` runs the C of a node; ``load(node)`` gives what can be called again."""

    def __init__(self, root):
        from symcodegen.cache import KernelCache

        self.cache = KernelCache(root)

    def load(self, node):
        import symcodegen
        import symnnet.c  # noqa: F401 - registers the kernels
        from symcodegen.cache import KernelSource
        from symcodegen.dispatch import c_impl
        from symcodegen.symmath import snippets

        kernel = c_impl(node.op, node)
        abi = (Path(symcodegen.__file__).parent / "runtime" / "symabi.h").read_text()
        text = abi + snippets(kernel.functions) + kernel.body
        address = self.cache.load([KernelSource("kernel", text, kernel.heavy)])["kernel"]
        return ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 4)(address)

    def __call__(self, node, *inputs, outputs):
        function, *arguments = self.bind(node, inputs, outputs)
        failure, kept = [], []
        status = function(*arguments, ctypes.byref(_context(failure, kept)))
        assert bool(failure) == bool(status)
        if failure:
            raise KernelFailed(*failure[0])
        return outputs

    def bind(self, node, inputs, outputs):
        """Return the kernel and its first three arguments."""
        operands = [*outputs, *inputs]
        pointers = (ctypes.c_void_p * len(operands))(*[a.ctypes.data for a in operands])
        lengths = [n for a in operands for n in a.shape]
        strides = [n for a in operands for n in a.strides]
        return (self.load(node), pointers, *[(ctypes.c_longlong * max(len(v), 1))(*v) for v in (lengths, strides)])


def _context(failure, kept):
    def reserve(_, size):
        kept[:] = [np.full(size + 64, 0xA5, np.uint8)]
        return kept[0].ctypes.data + -kept[0].ctypes.data % 64

    def fail(_, kind, form, first, second):
        numbers = (first, second)[: form.count(b"%lld")]
        failure.append((kind, form.decode().replace("%lld", "{}").format(*numbers)))
        return kind

    return _Context(None, None, _RESERVE(reserve), _FAIL(fail), 1 << 25)


@pytest.fixture(scope="session")
def kernels(tmp_path_factory):
    """Runs the C of a node; skips where symcodegen or a compiler is missing."""
    pytest.importorskip("symcodegen", reason="symnnet[c] is not installed")
    from symcodegen.toolchain import find_compiler

    try:
        find_compiler()
    except Exception as error:  # noqa: BLE001 - whatever the reason is, it is shown
        pytest.skip(f"no C compiler: {error}")
    return Kernels(tmp_path_factory.mktemp("kernels"))


@pytest.fixture(scope="session")
def kernel_failed():
    """The exception of a kernel that fails."""
    return KernelFailed


@pytest.fixture(autouse=True)
def _numbers_of_its_own(request):
    reseed(request.module, request.node.name)
