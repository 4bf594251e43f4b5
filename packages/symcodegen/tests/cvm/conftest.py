"""Programs built by hand: kernels compiled once per session, a builder for the tuples of the interface."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from symcodegen import blas, extension
from symcodegen.cvm import sources

KERNELS = r"""
#define LOOP(NAME, T, BODY) \
  static void NAME##_at(int n, i64 L, const i64 *d, const i64 *s, i64 step, char **q) { \
    if (L == 0) { BODY; return; } \
    for (i64 i = 0; i < d[0]; i++) { \
      char *next[4]; for (int k = 0; k < n; k++) next[k] = q[k] + i * s[k * step]; \
      NAME##_at(n, L - 1, d + 1, s + 1, step, next); } } \
  __attribute__((visibility("default"))) int NAME(char *const *p, const i64 *d, const i64 *s, const sym_ctx *ctx) { \
    char *q[4] = {p[0], p[1], p[2], p[3]}; (void)ctx; \
    NAME##_at(ARITY_##NAME, d[0], d + 1, s, d[0], q); return 0; }
#define A(T) (*(T *)q[0])
#define B(T) (*(T *)q[1])
#define C(T) (*(T *)q[2])
#define ARITY_inc 2
#define ARITY_add 3
#define ARITY_mul 3
#define ARITY_addf 3
#define ARITY_addi 3
#define ARITY_accumulate 2
LOOP(inc, double, A(double) = B(double) + 1)
LOOP(add, double, A(double) = B(double) + C(double))
LOOP(mul, double, A(double) = B(double) * C(double))
LOOP(addf, float, A(float) = B(float) + C(float))
LOOP(addi, i64, A(i64) = B(i64) + C(i64))
LOOP(accumulate, double, A(double) += B(double))
#define EXPORT __attribute__((visibility("default")))
/* out[...] = sum over the loops along which out does not move: zeros first, for a length may be 0 */
static void zero_at(i64 L, const i64 *d, const i64 *s, char *out) {
  if (L == 0) { *(double *)out = 0; return; }
  for (i64 i = 0; i < (s[0] ? d[0] : 1); i++) zero_at(L - 1, d + 1, s + 1, out + i * s[0]); }
EXPORT int sum(char *const *p, const i64 *d, const i64 *s, const sym_ctx *ctx) {
  zero_at(d[0], d + 1, s, p[0]); return accumulate(p, d, s, ctx); }
EXPORT int always_fails(char *const *p, const i64 *d, const i64 *s, const sym_ctx *ctx) {
  (void)p; (void)d; (void)s; return ctx->fail(ctx, SYM_VALUE, "this kernel fails with %lld and %s", 42LL, "reason"); }
EXPORT int fails_silently(char *const *p, const i64 *d, const i64 *s, const sym_ctx *ctx) {
  (void)p; (void)d; (void)s; (void)ctx; return SYM_INDEX; }
/* one element, nothing else: what a call costs besides */
EXPORT int tiny(char *const *p, const i64 *d, const i64 *s, const sym_ctx *ctx) {
  (void)d; (void)s; (void)ctx; *(double *)p[0] = *(double *)p[1] + 1; return 0; }
/* full layout: reports d and s as it got them */
EXPORT int dump(char *const *p, const i64 *d, const i64 *s, const sym_ctx *ctx) {
  i64 n = d[0], m = d[1]; i64 *out = (i64 *)p[0]; (void)ctx;
  for (i64 i = 0; i < n; i++) out[i] = d[i];
  for (i64 i = 0; i < m; i++) out[n + i] = s[i];
  return 0; }
/* collapsed layout: writes L and the loop lengths into the first elements of its int64 output */
EXPORT int loops(char *const *p, const i64 *d, const i64 *s, const sym_ctx *ctx) {
  i64 *out = (i64 *)p[1]; (void)s; (void)ctx; *(double *)p[0] = 0;
  for (i64 i = 0; i <= d[0]; i++) out[i] = d[i];
  return 0; }
/* waits until told: for tests of what other threads see meanwhile */
volatile int gate = 1, waiting = 0;
EXPORT volatile int *gate_address(void) { return &gate; }
EXPORT volatile int *waiting_address(void) { return &waiting; }
EXPORT int slow_inc(char *const *p, const i64 *d, const i64 *s, const sym_ctx *ctx) {
  double *out = (double *)p[0], *in = (double *)p[1]; i64 n = d[0] ? d[1] : 1; (void)s; (void)ctx;
  for (i64 i = 0; i < n; i++) { out[i] = in[i] + 1; if (i == n / 2) { waiting = 1; while (!gate) {} waiting = 0; } }
  return 0; }
EXPORT int scratch(char *const *p, const i64 *d, const i64 *s, const sym_ctx *ctx) {
  (void)s; char *a = ctx->reserve(ctx, d[0]); if (!a) return ctx->fail(ctx, SYM_MEMORY, "none");
  for (i64 i = 0; i < d[0]; i++) a[i] = 1;
  *(double *)p[0] = (double)((unsigned long long)a % 64); return 0; }
"""


@pytest.fixture(scope="session")
def cvm() -> ModuleType:
    module = extension.load()
    if module is None:
        pytest.skip(extension.why_not() or "no extension")
    blas.load()
    return module


DTYPES = {np.dtype(name).num: np.dtype(name) for name in "?bBhHiIlLqQefdFD"}


class Kernels:
    """Addresses of the test kernels and of the prebuilt routines, as attributes."""

    def __init__(self, cvm: ModuleType, folder: Path) -> None:
        compiler = next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None)
        if compiler is None:
            pytest.skip("no C compiler")
        text = sources.ABI_HEADER.read_text() + KERNELS
        (folder / "kernels.c").write_text(text)
        target = folder / "kernels.so"
        flags = ["-O1", "-std=gnu11", "-fPIC", "-shared", "-fvisibility=hidden"]
        subprocess.run([compiler, *flags, str(folder / "kernels.c"), "-o", str(target)], check=True)
        self.cvm, self.path, self.handle = cvm, target, cvm.dlopen(str(target))

    def __getattr__(self, name: str) -> int:
        routines: dict[str, int] = self.cvm.routines
        return routines[name] if name in routines else self.cvm.symbol(self.handle, name)

    def flag(self, name: str) -> Any:
        """A C int that kernels and tests share."""
        function = ctypes.CFUNCTYPE(ctypes.POINTER(ctypes.c_int))(self.cvm.symbol(self.handle, f"{name}_address"))
        return function().contents


@pytest.fixture(scope="session")
def k(cvm: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Kernels:
    return Kernels(cvm, tmp_path_factory.mktemp("kernels"))


class Builder:
    """Collects slots and nodes; ``program()`` makes the Program."""

    def __init__(self, cvm: ModuleType, k: Kernels) -> None:
        self.c, self.k = cvm, k
        self.slots: list[tuple[Any, ...]] = []
        self.nodes: list[tuple[Any, ...]] = []
        self.inputs: list[tuple[int, Any]] = []
        self.shareds: list[tuple[int, list[Any]]] = []
        self.updates: list[tuple[int, int, int]] = []
        self.registers = 0
        self.code: list[tuple[int, ...]] = []

    # -- slots

    def slot(self, kind: int, dtype: Any, ndim: int, extra: Any) -> int:
        self.slots.append((kind, -1 if dtype is None else np.dtype(dtype).num, ndim, extra))
        return len(self.slots) - 1

    def input(self, ndim: int, dtype: Any = "f8", lengths: Any = None, filter: Any = None) -> int:
        slot = self.slot(self.c.INPUT, dtype, ndim, tuple(lengths or (-1,) * ndim))
        self.inputs.append((slot, filter))
        return slot

    def shared(self, storage: list[Any], ndim: int, dtype: Any = "f8", lengths: Any = None) -> int:
        slot = self.slot(self.c.SHARED, dtype, ndim, tuple(lengths or (-1,) * ndim))
        self.shareds.append((slot, storage))
        return slot

    def const(self, value: Any, dtype: Any = "f8") -> int:
        array = np.array(value, dtype)
        return self.slot(self.c.CONST, dtype, array.ndim, array)

    def temp(self, ndim: int, dtype: Any = "f8", regs: Any = None) -> int:
        return self.slot(self.c.TEMP, dtype, ndim, regs)

    def array(self, ndim: int, dtype: Any = "f8", regs: Any = None) -> int:
        return self.slot(self.c.ARRAY, dtype, ndim, regs)

    def update(self, shared: int, ndim: int, dtype: Any = "f8", regs: Any = None, direct: bool = True) -> int:
        slot = self.slot(self.c.UPDATE, dtype, ndim, regs)
        self.commit(shared, slot, direct)
        return slot

    def commit(self, shared: int, slot: int, direct: bool = False) -> None:
        index = [entry[0] for entry in self.shareds].index(shared)
        self.updates.append((index, slot, self.c.DIRECT if direct else self.c.SWAP))

    def view(self, ndim: int, dtype: Any = "f8") -> int:
        return self.slot(self.c.VIEW, dtype, ndim, None)

    def held(self, ndim: int, dtype: Any = "f8") -> int:
        return self.slot(self.c.HELD, dtype, ndim, None)

    def object(self) -> int:
        return self.slot(self.c.OBJECT, None, 0, None)

    def host(self, register: int, dtype: Any = "i8") -> int:
        return self.slot(self.c.HOST, dtype, 0, register)

    # -- register code, attached to the next node

    def reg(self, op: str, *operands: int) -> int:
        self.code.append((getattr(self.c, f"R_{op}"), self.registers, *operands))
        self.registers += 1
        return self.registers - 1

    def dims(self, slot: int) -> tuple[int, ...]:
        return tuple(self.reg("DIM", slot, axis) for axis in range(self.slots[slot][2]))

    # -- nodes

    def node(self, prep: int, fn: Any, outs: Any, ins: Any, params: Any, inplace: Any = (), flags: int = 0) -> None:
        code, self.code = tuple(self.code), []
        tag = 100 + len(self.nodes)
        self.nodes.append((prep, fn, tuple(outs), tuple(ins), params, code, tuple(inplace), flags, 1, tag))

    def elementwise(
        self, fn: Any, out: int, *ins: int, inplace: Any = (), stretch: bool = True, flags: int = 0
    ) -> None:
        address = getattr(self.k, fn) if isinstance(fn, str) else fn
        ndim = self.slots[out][2]
        axes = [
            tuple(j - ndim + self.slots[s][2] if j >= ndim - self.slots[s][2] else -1 for j in range(ndim))
            for s in (out, *ins)
        ]
        masks = (0, *((1 << ndim) - 1 if stretch else 0 for _ in ins))
        self.node(self.c.COLLAPSED, address, [out], ins, (tuple(axes), masks), inplace, flags | self.c.REORDER)

    def reduce(self, fn: str, out: int, x: int, over: tuple[int, ...]) -> None:
        ndim = self.slots[x][2]
        kept = [a for a in range(ndim) if a not in over]
        axes = (tuple(kept.index(a) if a in kept else -1 for a in range(ndim)), tuple(range(ndim)))
        self.node(self.c.COLLAPSED, getattr(self.k, fn), [out], [x], (axes, (0, 0)), (), self.c.REORDER)

    def full(self, fn: Any, outs: Any, ins: Any, extras: Any = (), inplace: Any = (), flags: int = 0) -> None:
        registers = tuple(self.reg("CONST", value) for value in extras)
        address = getattr(self.k, fn) if isinstance(fn, str) else fn
        self.node(self.c.FULL, address, outs, ins, registers, inplace, flags)

    def python(self, fn: Any, outs: Any, ins: Any) -> None:
        if self.code:
            self.node(self.c.CODE, None, (), (), None)
        self.node(self.c.PYTHON, fn, outs, ins, None)

    def dimshuffle(self, x: int, order: tuple[int, ...]) -> int:
        out = self.view(len(order), self._dtype(x))
        self.node(self.c.DIMSHUFFLE, None, [out], [x], order)
        return out

    def subtensor(self, x: int, *items: Any) -> int:
        """Items are ints (registers made here) or Python slices of ints."""
        c = self.c
        coded = []
        for item in items:
            if isinstance(item, slice):
                parts = (-1 if v is None else self.reg("CONST", v) for v in (item.start, item.stop, item.step))
                coded.append((c.ITEM_SLICE, *parts))
            else:
                coded.append((c.ITEM_INDEX, self.reg("CONST", item)))
        dropped = sum(not isinstance(item, slice) for item in items)
        out = self.view(self.slots[x][2] - dropped, self._dtype(x))
        self.node(c.SUBTENSOR, None, [out], [x], tuple(coded))
        return out

    def reshape(self, x: int, *lengths: int) -> int:
        registers = tuple(self.reg("CONST", v) for v in lengths)
        out = self.view(len(lengths), self._dtype(x))
        self.node(self.c.RESHAPE, None, [out], [x], registers)
        return out

    def copy(self, x: int, out: int | None = None) -> int:
        out = self.array(self.slots[x][2], self._dtype(x)) if out is None else out
        self.elementwise(f"copy_{self._dtype(x).itemsize}", out, x, stretch=False)
        return out

    def _dtype(self, slot: int) -> np.dtype[Any]:
        return DTYPES[self.slots[slot][1]]

    def program(self, *outputs: int, on_error: Any = None, **attributes: Any) -> Any:
        program = self.c.Program(
            self.slots, self.nodes, self.inputs, self.shareds, self.updates, outputs, on_error, "test"
        )
        for name, value in attributes.items():
            setattr(program, name, value)
        return program


@pytest.fixture
def b(cvm: ModuleType, k: Kernels) -> Builder:
    return Builder(cvm, k)


@pytest.fixture
def new_builder(cvm: ModuleType, k: Kernels) -> Any:
    return lambda: Builder(cvm, k)


def pytest_configure(config: pytest.Config) -> None:
    sys.setswitchinterval(0.0005)  # threads meet more often


@pytest.fixture(params=["avx512", "avx2", "vector", "blas"])
def instructions(request, cvm):
    """Runs the test with the products of one instruction set, and puts back those that were chosen before."""
    try:
        before = cvm.set_products(request.param)
    except ValueError:
        pytest.skip(f"this processor has no {request.param}")
    yield request.param
    cvm.set_products(before)
