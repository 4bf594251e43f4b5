"""``zig cc``, which pip installs: taken where there is no other compiler, or where it is asked for."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from symcodegen import zig
from symcodegen.cache import KernelCache
from symcodegen.testing import adder, assert_adds
from symcodegen.toolchain import Compiler, CompilerMissing, Extras, Unit, find_compiler, locate
from symcore import tensor as T
from symcore.config import config
from symopt import function

there = pytest.mark.skipif(zig.find() is None, reason="needs the package ziglang: pip install 'symcodegen[zig]'")
rng = np.random.default_rng(31)


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package ``ziglang`` before all others, whose program does nothing; nothing on PATH."""
    folder = tmp_path / "site" / "ziglang"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    program = folder / "zig"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    monkeypatch.syspath_prepend(str(folder.parent))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    return str(program)


def test_it_is_taken_where_nothing_is_on_the_path(wheel: str, tmp_path: Path) -> None:
    assert locate() == [((wheel, "cc"), "the package ziglang")]
    other = tmp_path / "gcc"
    other.write_text("#!/bin/sh\nexit 0\n")
    other.chmod(0o755)
    assert locate() == [((str(other),), "PATH")]


def test_a_wheel_without_its_program_is_no_compiler(wheel: str) -> None:
    Path(wheel).unlink()
    with pytest.raises(CompilerMissing, match="pip install ziglang"):
        locate()


@pytest.mark.parametrize("words", ["zig", "zig cc", "python -m ziglang cc", "/usr/bin/python3 -m ziglang cc"])
def test_it_is_taken_where_it_is_asked_for(wheel: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert locate(words) == [((wheel, "cc"), "config.compiler")]
    monkeypatch.setenv("CC", f"{words} -O3 -march=x86-64-v3")
    assert locate() == [((wheel, "cc", "-O3", "-march=x86_64_v3"), "$CC")]
    with pytest.raises(ValueError, match="refused"):
        locate(f"{words} -fplugin=x.so")


def test_a_zig_on_the_path_is_before_that_of_the_wheel(wheel: str, tmp_path: Path) -> None:
    own = tmp_path / "zig"
    own.write_text("#!/bin/sh\nexit 0\n")
    own.chmod(0o755)
    assert locate("zig cc") == [((str(own), "cc"), "config.compiler")]
    assert locate(f"{own} cc") == [((str(own), "cc"), "config.compiler")]


def test_what_is_asked_for_and_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ziglang", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CompilerMissing, match="'zig cc' named by config.compiler is not there.*pip install ziglang"):
        find_compiler("zig cc")


def test_only_names_of_processors_are_spelled_anew() -> None:
    flags = ["-march=x86-64-v3", "-mtune=skylake-avx512", "-mcpu=native", "-mprefer-vector-width=512", "-ffoo-bar"]
    assert zig.translated(flags) == ["-march=x86_64_v3", "-mtune=skylake_avx512", *flags[2:]]


# -- the program itself ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real() -> Compiler:
    return find_compiler("zig cc")


@pytest.mark.c
@there
def test_what_it_says_of_itself(real: Compiler, compiler: Compiler) -> None:
    assert real.kind == "clang" and Path(real.path).name == "zig" and real.argv[1:] == ("cc",)
    assert real.target == compiler.target
    assert {name for name in compiler.cpu_features if name.startswith("__AVX")} <= set(real.cpu_features)


@pytest.mark.c
@there
def test_kernels_and_no_leftovers(real: Compiler, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    for folder in (home, temporary):
        folder.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    assert find_compiler("zig cc") == real
    assert_adds(KernelCache(root, real), 1, 2)
    cache = KernelCache(root, real)
    cache.load([adder(3), adder(4, heavy=True)])  # two units
    assert cache.compilations == 1
    left = [path for path in (root / "tmp").iterdir() if path.suffix != ".lock"]
    assert [*home.iterdir(), *temporary.iterdir(), *left] == []


@pytest.mark.c
@there
@pytest.mark.parametrize("flag", ["-march=x86-64-v3", "-O0", "-O3"])
def test_flags_of_a_user(root: Path, flag: str) -> None:
    assert_adds(KernelCache(root, "zig cc", flags=[flag]), 1)


@pytest.mark.c
@there
def test_c_of_users_finds_the_c_library(real: Compiler, tmp_path: Path) -> None:
    source = tmp_path / "user.c"
    source.write_text(
        "#include <math.h>\n#include <stdlib.h>\n"
        '__attribute__((visibility("default"))) double f(double x) { void *p = malloc(8); free(p); return cos(x); }\n'
    )
    real.compile([Unit(source)], tmp_path / "user.so", extras=Extras(("-DX=1",), ("-lm",)))
    f = ctypes.CDLL(str(tmp_path / "user.so")).f
    f.restype, f.argtypes = ctypes.c_double, [ctypes.c_double]
    assert f(0.5) == np.cos(0.5)
    assert sorted(os.listdir(tmp_path)) == ["user.c", "user.so"]


@pytest.mark.c
@there
def test_functions_have_the_values_of_the_other_compiler() -> None:
    x, y = T.dmatrix("x"), T.fvector("y")
    outputs = [
        T.tanh(x * y + 1) / (1 + T.exp(-x)), T.log1p(abs(x)).sum(axis=0), x.max(axis=1), T.dot(x, x.T),
        T.sort(x, axis=1), T.exp(1j * x), T.cast(y, "float16") * 3, T.cast(x, "int64") // 3, T.sin(y) ** 2,
    ]  # fmt: skip
    values = rng.normal(size=(9, 41)), rng.normal(size=41).astype("f")
    with config.override(compiler="zig cc"):
        found = function([x, y], outputs)(*values)
    for got, want in zip(found, function([x, y], outputs)(*values), strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)
