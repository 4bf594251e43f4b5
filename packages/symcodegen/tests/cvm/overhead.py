"""What the virtual machine itself costs: ``python packages/symcodegen/tests/cvm/overhead.py`` prints nanoseconds.

Kernels of one element stand for any work; the figures are the minimum and the median of several runs of a plain Python
loop, whose own cost (about 10 ns a turn) is included.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from symcodegen import extension


def helpers() -> Any:
    spec = importlib.util.spec_from_file_location("cvm_helpers", Path(__file__).with_name("conftest.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measure(call: Callable[[], object], turns: int, repeats: int = 15) -> str:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(turns):
            call()
        times.append((time.perf_counter() - start) / turns * 1e9)
    times.sort()
    return f"{times[0]:8.0f} {times[len(times) // 2]:8.0f}"


def one_node(b: Any) -> Any:
    x, y = b.input(1), b.array(1)
    b.elementwise("tiny", y, x)
    return b.program(y)


def shared_variables(b: Any, count: int = 10) -> Any:
    for _ in range(count):
        s = b.shared([np.zeros(3), None], 1)
        b.elementwise("tiny", b.update(s, 1), s)
    return b.program()


def chain(b: Any, length: int = 100) -> Any:
    last = b.input(1)
    for n in range(length):
        out = b.array(1) if n == length - 1 else b.temp(1)
        b.elementwise("tiny", out, last)
        last = out
    return b.program(last)


def matrices(b: Any) -> Any:
    """60 nodes, half of them views."""
    x, w = b.input(2), b.input(2)
    last = x
    for _ in range(15):
        t, u = b.temp(2), b.temp(2)
        b.elementwise("add", t, last, w, inplace=[(0, 0)])
        turned = b.dimshuffle(t, (1, 0))
        b.elementwise("mul", u, turned, turned)
        last = b.dimshuffle(u, (1, 0))
    return b.program(b.copy(last))


def main() -> None:
    cvm = extension.load()
    if cvm is None:
        raise SystemExit(extension.why_not())
    module = helpers()
    kernels = module.Kernels(cvm, Path(tempfile.mkdtemp()))

    def builder() -> Any:
        return module.Builder(cvm, kernels)

    class Function(cvm.Caller):  # type: ignore[name-defined, misc]
        pass

    def function(program: Any) -> Any:
        f = Function()
        f.program = program
        f.return_kind = cvm.RETURN_ONE if program.n_outputs == 1 else cvm.RETURN_LIST
        return f

    x = np.zeros(1)
    increment, updates, hundred = (function(make(builder())) for make in (one_node, shared_variables, chain))
    sixty = function(matrices(builder()))
    shapes = [(np.zeros((2, n + 1)), np.zeros((2, n + 1))) for n in range(24)]
    turn = iter(range(1 << 60))
    print("                                      min   median  ns")
    print("empty Python call             ", measure(lambda: None, 20000))
    print("one node, one element         ", measure(lambda: increment(x), 20000))
    print("numpy x + 1                   ", measure(lambda: x + 1, 20000))
    print("10 shared variables updated   ", measure(lambda: updates(), 10000))
    print("chain of 100 nodes            ", measure(lambda: hundred(x), 5000))
    print("60 nodes, shapes seen before  ", measure(lambda: sixty(*shapes[0]), 2000))
    print("60 nodes, new shapes each call", measure(lambda: sixty(*shapes[next(turn) % 24]), 480))


if __name__ == "__main__":
    main()
