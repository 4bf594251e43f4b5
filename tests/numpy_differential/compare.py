"""Compute a case with NumPy, with the reference interpreter and in C, and say where they differ."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import symstack as ss
from numpy_differential import elementwise, numeric, shaping
from numpy_differential.case import Array, Case, Drawer
from symcore.interpreter import evaluate
from symstack import tensor as T

#: One case in so many is compiled too, unless asked otherwise.
COMPILED = 6
STEPS: tuple[Callable[[Drawer], Case], ...] = (*elementwise.STEPS, *shaping.STEPS, *numeric.STEPS)
_WIDER = {"float16": "float32", "float32": "float64", "float64": "longdouble",
          "complex64": "complex128", "complex128": "clongdouble"}  # fmt: skip
#: What either may raise for arguments that do not fit.
_REFUSALS = (ValueError, IndexError, TypeError, ZeroDivisionError, OverflowError, np.linalg.LinAlgError)


class Disagreement(AssertionError):
    """NumPy and the tensor language differ."""


def random_case(draw: Callable[[int, int], int], compiled: int = COMPILED) -> Case:
    """Return the case made of the choices ``draw(low, high)``; one in ``compiled`` is to be compiled (0: none)."""
    run_compiled = bool(compiled) and draw(0, compiled - 1) == compiled - 1
    g = Drawer(draw)
    case = STEPS[draw(0, len(STEPS) - 1)](g)
    case.compiled = run_compiled
    return case


def added(x: Array, index: Any, y: Array) -> Array:
    """Return ``x`` with ``y`` added to a part; what stands twice in the index is added twice."""
    result = np.array(x, dtype=x.dtype.newbyteorder("="))
    with np.errstate(all="ignore"):
        np.add.at(result, index, y)
    return result


def replaced(x: Array, index: Any, y: Array) -> Array:
    """Return ``x`` with a part replaced by ``y``."""
    result = np.array(x, dtype=x.dtype.newbyteorder("="))
    result[index] = y
    return result


_NAMES = {"np": np, "T": T, "added": added, "replaced": replaced}


def by_numpy(text: str, values: dict[str, Array]) -> Array:
    """Return what NumPy makes of a text."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(eval(text, dict(_NAMES), dict(values)))


def check(case: Case) -> None:
    """Raise ``Disagreement`` where the tensor language differs from NumPy."""
    plain = {n: np.asarray(v).astype(v.dtype.newbyteorder("=")) for n, v in case.values.items()}
    try:
        want = by_numpy(case.numpy, plain)
    except _REFUSALS as error:
        _check_refused(case, error)
        return
    ways = ["interpreter", *(["FAST_RUN in C"] if case.compiled else [])]
    for way in ways:
        try:
            got = _run(case, way)
        except Exception as error:
            raise Disagreement(f"{way} raises {type(error).__name__}: {error}\n{case!r}") from error
        wrong = _wrong(case, plain, got, want)
        if wrong:
            raise Disagreement(f"{way}: {wrong}\n{case!r}")


def _check_refused(case: Case, error: Exception) -> None:
    for way in ["interpreter", *(["FAST_RUN in C"] if case.compiled else [])]:
        try:
            got = _run(case, way)
        except _REFUSALS:
            continue
        raise Disagreement(f"{way} gives {got!r}, NumPy raises {type(error).__name__}: {error}\n{case!r}")


def _graph(case: Case) -> tuple[Any, list[Any]]:
    variables = {n: T.TensorType(v.dtype, case.types[n])(n) for n, v in case.values.items()}
    return eval(case.ours, dict(_NAMES), dict(variables)), list(variables.values())


def _run(case: Case, way: str) -> Any:
    graph, inputs = _graph(case)
    graph = T.as_tensor_variable(graph)
    if way == "interpreter":
        return evaluate(graph, dict(zip(inputs, case.values.values(), strict=True)))
    mode = ss.get_mode("FAST_RUN").excluding("nan_changing", "shape_hiding")
    return ss.function(inputs, graph, mode=mode, on_unused_input="ignore")(*case.values.values())


# ---------------------------------------------------------------------- how close


def _wrong(case: Case, plain: dict[str, Array], got: Any, want: Array) -> str:
    """Return what is wrong with a result, or nothing."""
    if type(got) is not np.ndarray:
        return f"a {type(got).__name__} comes out, no array."
    if got.dtype != want.dtype or got.shape != want.shape:
        return f"{got.dtype}{got.shape}, NumPy has {want.dtype}{want.shape}."
    with np.errstate(all="ignore"):
        ok = _same(got, want)
        if not ok.all() and (case.ulps is not None or case.scale is not None):
            ok = ok | _close(case, plain, got, want)
    if not ok.all():
        return f"{got[~ok][:4]}, NumPy has {want[~ok][:4]}."
    return ""


def _same(a: Array, b: Array) -> Array:
    return np.asarray((a == b) | ((a != a) & (b != b)))


def _close(case: Case, plain: dict[str, Array], got: Array, want: Array) -> Array:
    wide = {n: v.astype(_WIDER.get(v.dtype.name, v.dtype)) if case.wide else v for n, v in plain.items()}
    exact = by_numpy(_widened(case.numpy) if case.wide else case.numpy, wide)
    eps = float(np.finfo(got.dtype).eps)
    size = np.abs(exact)
    allowed = np.zeros(got.shape)
    if case.ulps is not None:
        tiny = float(np.finfo(got.dtype).smallest_subnormal)
        allowed = allowed + case.ulps * (size * eps + tiny)
    if case.scale is not None:
        scale = np.abs(by_numpy(_widened(case.scale) if case.wide else case.scale, wide))
        allowed = allowed + case.factor * eps * np.where(np.isfinite(scale), scale, 0)
    near = (np.abs(got - exact) <= allowed) | (np.abs(got - want) <= allowed)
    # what is beyond the range of the dtype is infinite
    limit = float(np.finfo(got.dtype).max)
    beyond = np.isinf(got) & (size * (1 + 4 * eps) >= limit) if got.dtype.kind == "f" else np.zeros(got.shape, bool)
    finite = np.isfinite(exact)
    return np.asarray(np.where(finite, near | beyond, _same(got, exact.astype(got.dtype))))


def _widened(text: str) -> str:
    """Return a text for NumPy that converts to wider floats than it says."""
    text = text.replace("'float64'", "'longdouble'").replace("'float32'", "'float64'")
    return text.replace("np.float64(", "np.longdouble(").replace("np.float32(", "np.float64(")
