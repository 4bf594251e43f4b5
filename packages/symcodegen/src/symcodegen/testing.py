"""The C backend of the test kit: one node, an exported function, kernels in a cache."""

import ctypes
import getpass
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from symcodegen.cache import KernelCache, KernelSource
from symcodegen.cachestore import SUFFIX
from symcodegen.export import Library, export_c
from symcodegen.linker import CLinker
from symcore.graph.variable import Apply
from symopt import Mode, RuleSet, function

#: The node as it is: no rule, the C linker.
PLAIN = Mode("no rules", RuleSet(), CLinker)
#: What exported C is built with in tests: a warning is an error.
STRICT = ("-O2", "-Wall", "-Wextra", "-Werror")
#: Flags under which exported kernels round as those of the process do: other vectors add up in another order.
NATIVE = ("-march=native", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off")
#: The functions of the nodes that are being checked, which run once per layout of the inputs; ``None``: not in C.
_compiled: WeakKeyDictionary[Apply, Any] = WeakKeyDictionary()


def run_in_c(node: Apply, inputs: Sequence[Any]) -> list[Any] | None:
    """Return the outputs of a node computed in C, or ``None`` where it has no C there.

    Enter it into ``symcore.testing.BACKENDS`` to have ``check_op`` compare it with ``perform``.
    """
    if node not in _compiled:
        variables = [v.type() for v in node.inputs]
        copy = node.op.make_node(*variables)
        f = function(variables, copy.outputs, mode=PLAIN, on_unused_input="ignore")
        _compiled[node] = None if any(where == "Python" for _, where, _ in f.placement()) else f
    f = _compiled[node]
    if f is None:
        return None
    results: list[Any] = f(*inputs)
    return results


# -- exported functions ----------------------------------------------------------------------------------------------


def build_exported(f: Any, folder: Path, *flags: str, with_blas: bool = True, **given: Any) -> Library:
    """Export a function, build it as a library with warnings as errors, load it.

    ``flags`` are further flags of the compiler, ``given`` further arguments of ``export_c``.
    """
    return _InParts(export_c(f, folder, **given), *STRICT, *flags, with_blas=with_blas)


class _InParts(Library):
    """A library of which every source is compiled once for all exports that have the same; the runtime of functions of
    one name is. Its kernels of products take longer than all else that tests build."""

    def _build(self, path: Path, flags: Sequence[str], cc: str) -> None:
        kept = Path(tempfile.gettempdir()) / f"symcodegen-test-objects-{getpass.getuser()}"
        kept.mkdir(exist_ok=True)
        whole = self.exported.command(path, *flags, shared=True, cc=cc)
        sources = [word for word in whole if word.endswith(".c")]
        options = whole[: whole.index(sources[0])]
        parts = []
        for source in sources:
            text = subprocess.run([*options, "-E", "-P", source], capture_output=True).stdout
            part = kept / f"{hashlib.sha256(' '.join(options).encode() + text).hexdigest()}.o"
            if not part.exists():
                own = part.with_suffix(f".{os.getpid()}")
                self._compile([*options, "-c", source, "-o", str(own)])
                own.replace(part)
            parts.append(str(part))
        self._compile([*options, *parts, *whole[whole.index(sources[-1]) + 1 :]])


def assert_same_calls(library: Library, f: Any, *calls: Sequence[Any]) -> None:
    """Check that a library built for this processor gives the very bits of ``f``, which has no updates, in every call.

    Results are asked for in memory of the state, and in that of the caller where the library can do that. Raises
    ``AssertionError`` where bits, shapes or dtypes differ.
    """
    ways: list[Callable[..., list[Any]]] = [library, library.call] if library.has("call") else [library]
    for values in calls:
        wanted = f(*values)
        wanted = wanted if isinstance(wanted, list) else [wanted]
        found = [result for way in ways for result in way(*values)]
        for got, want in zip(found, wanted * len(ways), strict=True):
            assert got.shape == want.shape and got.dtype == want.dtype
            np.testing.assert_array_equal(got, want)


def assert_same_exported(f: Any, folder: Path, *calls: Sequence[Any], flags: Sequence[str] = (), **given: Any) -> None:
    """Export ``f``, build it for this processor, and check it as ``assert_same_calls`` does."""
    library = build_exported(f, folder, *NATIVE, *flags, **given)
    assert_same_calls(library, f, *calls)
    library.close()


# -- kernels in a cache ----------------------------------------------------------------------------------------------


def adder(number: int, heavy: bool = False) -> KernelSource:
    """Return the kernel ``add<number>``, which adds a number to an ``int``, through a helper of its own."""
    text = (
        f"static int SYM_KERNEL_add(int x) {{ return x + {number}; }}\n"
        "int SYM_KERNEL(int x) { return SYM_KERNEL_add(x); }\n"
    )
    return KernelSource(f"add{number}", text, heavy)


def call(address: int, x: int) -> int:
    """Return what a loaded kernel ``int f(int)`` makes of ``x``."""
    return int(ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(address)(x))


def assert_adds(cache: KernelCache, *numbers: int, heavy: bool = False) -> None:
    """Load the ``adder`` of every number, and check what each computes."""
    loaded = cache.load([adder(number, heavy) for number in numbers])
    assert [call(loaded[f"add{number}"], 1000) for number in numbers] == [1000 + number for number in numbers]


def cached_objects(root: Path, suffix: str = SUFFIX) -> list[Path]:
    """Return the objects of the cache at ``root``, or their manifests with ``suffix=".json"``, sorted by name."""
    return sorted((root / "objects").glob(f"*{suffix}"))
