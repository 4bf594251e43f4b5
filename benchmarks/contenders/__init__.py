"""The registry of contenders. Nothing here imports a peer: a contender is loaded in the process that measures it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from benchmarks.contenders.base import Contender
from benchmarks.workloads import CALL_OVERHEAD, LOOP, PRODUCT, Workload

PEER, OURS, BOUND = "peer", "ours", "bound"


@dataclass(frozen=True)
class Entry:
    """One column of the tables.

    ``role``: peers compete, ``ours`` is measured against the best of them, a bound competes with nobody.
    ``only`` limits a contender to one group of workloads. ``slow_to_compile`` ones are left out of ``--quick``;
    those without ``compiles`` are shown in ``compile`` for their memory but do not compete there; those with
    ``rewrites`` take part in ``rewrite``.
    """

    name: str
    cls: str
    requires: tuple[str, ...]
    role: str = PEER
    options: dict[str, Any] = field(default_factory=dict)
    only: str | None = None
    slow_to_compile: bool = False
    compiles: bool = True
    rewrites: bool = False

    def load(self) -> type[Contender]:
        module, name = self.cls.split(":")
        loaded: type[Contender] = getattr(importlib.import_module(f"benchmarks.contenders.{module}"), name)
        return loaded

    def create(self, dtype: str, threads: int) -> Contender:
        return self.load()(dtype, threads, **self.options)

    def takes(self, workload: Workload) -> bool:
        return self.only is None or self.only == workload.group

    def why_not(self) -> str:
        """Why this contender is left out, in one line; empty if it takes part."""
        missing = [name for name in self.requires if find_spec(name) is None]
        if missing:
            return f"{', '.join(missing)} not installed (python -m benchmarks setup)"
        return self.load().why_not()

    def versions(self) -> dict[str, str]:
        found = {}
        for name in self.requires:
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                found[name] = "unknown"
        return found


_PYTENSOR = ("pytensor", "scipy")

CONTENDERS: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry("symstack", "symstack_:Symstack", ("symstack",), role=OURS, rewrites=True),
        Entry("numpy", "numpy_:NumPy", ("numpy",), compiles=False),
        # Products of the one above are np.dot, which has less to look at than what users write.
        Entry("numpy-matmul", "numpy_:NumPyMatmul", ("numpy",), only=PRODUCT, compiles=False),
        Entry("pytensor-c", "pytensor_:PyTensorC", _PYTENSOR, rewrites=True),
        # Skipping the checks of the inputs saves a microsecond or two: it cannot show outside call overhead.
        Entry("pytensor-c-trust", "pytensor_:PyTensorC", _PYTENSOR, options={"trust_input": True}, only=CALL_OVERHEAD),
        Entry("pytensor-numba", "pytensor_:PyTensorNumba", (*_PYTENSOR, "numba"), slow_to_compile=True, rewrites=True),
        Entry(
            "pytensor-numba-trust",
            "pytensor_:PyTensorNumba",
            (*_PYTENSOR, "numba"),
            options={"trust_input": True},
            only=CALL_OVERHEAD,
            slow_to_compile=True,
        ),
        Entry("jax", "jax_:Jax", ("jax", "jaxlib"), rewrites=True),
        Entry("torch", "torch_:TorchEager", ("torch",), compiles=False),
        Entry("torch-fused", "torch_:TorchFused", ("torch",), only=LOOP, compiles=False),
        Entry("torch-compile", "torch_:TorchCompile", ("torch",), slow_to_compile=True),
        Entry("c", "c_:HandWrittenC", ("numpy", "scipy"), role=BOUND, compiles=False),
    )
}
