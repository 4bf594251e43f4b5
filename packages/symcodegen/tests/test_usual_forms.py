"""symmath's forms for usual arguments: the same bits as the full functions, or a mark."""

import ctypes
import importlib.util
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from symcodegen.kernels.usual import judges_largest
from symcodegen.symmath import available, snippets

pytestmark = [pytest.mark.c, pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not on PATH")]


def _tools():
    spec = importlib.util.spec_from_file_location("symmath_build", Path(__file__).parents[1] / "tools/symmath_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tools = _tools()
USUAL = sorted(name for name in available() if "_usual_f" in name and name.startswith("sym_"))
DTYPES = {"f32": np.dtype("f4"), "f64": np.dtype("f8")}
LOOP = """
__attribute__((visibility("default")))
void loop_{name}(long long n, unsigned char *marked, {T} *fast, {T} *full, const {T} *a, const {T} *b) {{
    (void)b;
    for (long long i = 0; i < n; i++) {{
        {U} mark = 0;
        fast[i] = {name}(&mark, a[i]{second});
        full[i] = {every}(a[i]{second});
        marked[i] = mark > {limit};
    }}
}}
"""
SPECIAL = [0.0, -0.0, 1.0, -1.0, 5e-324, 1e-310, 1e-45, 1e-40, 1.2e-38, 3e38, -3e38, 1e300, 1.7e308, -1e300,
           86.9, 87.1, -87.1, 88.9, -104.0, 125.0, 126.5, 707.9, 708.1, -745.0, 1021.5, 99999.9, 100001.0, 1048577.0,
           np.inf, -np.inf, np.nan]  # fmt: skip


@pytest.fixture(scope="module", params=["native", "plain"])
def library(request, tmp_path_factory):
    text = snippets([*USUAL, *(name.replace("_usual", "") for name in USUAL)])
    for name in USUAL:
        kind = name[-3:]
        words = {"T": tools.C_TYPES[kind], "U": "sym_u32" if kind == "f32" else "sym_u64"}
        second = ", b[i]" if "_pow_" in name else ""
        words["limit"] = "SYM_MOST_USUAL_F32" if judges_largest(name) else "0"
        text += LOOP.format(name=name, every=name.replace("_usual", ""), second=second, **words)
    source = tmp_path_factory.mktemp("usual") / "usual.c"
    source.write_text(text)
    machine = ["-march=native"] if request.param == "native" else []
    command = ["gcc", *tools.COMMON, *tools.LIGHT, "-ffp-contract=off", *machine, str(source), "-o"]
    subprocess.run([*command, str(source.with_suffix(".so"))], check=True)
    return ctypes.CDLL(str(source.with_suffix(".so")))


def arguments(kind):
    """Any bits, common magnitudes, probabilities, around 1, and the special numbers."""
    dtype, rng = DTYPES[kind], np.random.default_rng(7)
    bits = rng.integers(0, 256, 200_000 * dtype.itemsize, dtype=np.uint8).view(dtype)
    near = [rng.normal(size=50_000), rng.uniform(size=50_000), 20 * rng.normal(size=50_000)]
    parts = [bits, *near, 1 + 0.1 * rng.normal(size=50_000), SPECIAL]
    with np.errstate(all="ignore"):
        return np.concatenate([np.asarray(p).astype(dtype) for p in parts])


@pytest.mark.parametrize("name", USUAL)
def test_the_same_bits_or_a_mark(library, name):
    kind = name[-3:]
    a = arguments(kind)
    b = np.random.default_rng(8).permutation(a)
    b[200_000:] = np.random.default_rng(9).normal(size=b.size - 200_000)
    fast, full, marked = np.empty_like(a), np.empty_like(a), np.empty(a.size, np.uint8)
    arrays = [ctypes.c_void_p(x.ctypes.data) for x in (marked, fast, full, a, b)]
    getattr(library, f"loop_{name}")(ctypes.c_longlong(a.size), *arrays)
    usual = marked == 0
    assert 50_000 < usual.sum() < a.size
    integer = np.dtype(f"u{a.itemsize}")
    differ = usual & (fast.view(integer) != full.view(integer))
    assert not differ.any(), (a[differ][:3], fast[differ][:3], full[differ][:3])
    assert marked[np.isnan(a) if not name.startswith(("sym_sin", "sym_cos", "sym_tan", "sym_j")) else np.isinf(a)].all()
