"""Finding, probing and running the compiler; what is refused; what happens when it misbehaves."""

from __future__ import annotations

import ctypes
import os
import shutil
import stat
import sys
import time
from pathlib import Path

import pytest

from symcodegen import toolchain
from symcodegen.process import OUTPUT_CAP, run_all
from symcodegen.toolchain import (
    CompileError,
    Compiler,
    CompilerMissing,
    Unit,
    check_flags,
    compiler_record_key,
    find_compiler,
    from_record,
    locate,
    to_record,
)
from symcore.record import replace

needs_compiler = pytest.mark.skipif(
    not any(shutil.which(name) for name in ("cc", "gcc", "clang")), reason="no C compiler on PATH"
)
GOOD = "int answer(void) { return 42; }\n"


def script(path: Path, text: str) -> Path:
    """An executable shell script."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def source(folder: Path, text: str = GOOD, name: str = "unit.c") -> Path:
    path = folder / name
    path.write_text(text)
    return path


# -- finding ---------------------------------------------------------------------------------------------------------


@needs_compiler
def test_finds_a_compiler_and_knows_it(compiler: Compiler) -> None:
    assert compiler.kind in ("gcc", "clang")
    assert os.path.isabs(compiler.path)
    assert compiler.version[0].isdigit() or compiler.kind == "clang"
    assert compiler.digest in compiler.identity
    assert list(compiler.cpu_features) == sorted(compiler.cpu_features)


@needs_compiler
@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="the processor's features are read from /proc")
def test_cpu_features_are_those_of_this_processor(compiler: Compiler) -> None:
    flags = next((x for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("flags")), "")
    for flag, macro in (("avx2", "__AVX2__"), ("avx512f", "__AVX512F__"), ("fma", "__FMA__")):
        assert (f" {flag} " in f"{flags} ") == (macro in compiler.cpu_features)


def test_override_wins_over_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = script(tmp_path / "first", "exit 0"), script(tmp_path / "second", "exit 0")
    monkeypatch.setenv("CC", str(second))
    assert locate(str(first)) == [((str(first),), "config.compiler")]
    assert locate() == [((str(second),), "$CC")]
    monkeypatch.setenv("CC", f"{first} {second} -O3")
    assert locate() == [((str(first), str(second), "-O3"), "$CC")]


def test_what_was_named_is_never_replaced_silently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler-anywhere")
    with pytest.raises(CompilerMissing, match=r"no-such-compiler-anywhere.*\$CC"):
        find_compiler()
    with pytest.raises(CompilerMissing, match="config.compiler"):
        find_compiler("/nowhere/cc")
    with pytest.raises(CompilerMissing, match="none"):
        find_compiler("none")


def test_no_compiler_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "ziglang", None)
    with pytest.raises(CompilerMissing, match="Install gcc or clang"):
        find_compiler()


@needs_compiler
def test_a_broken_cc_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = shutil.which("gcc") or shutil.which("cc") or shutil.which("clang")
    assert real is not None
    script(tmp_path / "cc", "exit 1")
    script(tmp_path / "gcc", f'exec {real} "$@"')
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert find_compiler().path == str(tmp_path / "gcc")


@needs_compiler
def test_environment_of_the_user_does_not_reach_the_compiler(
    compiler: Compiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "planted.h").write_text("#define PLANTED 1\n")
    for name in ("CPATH", "C_INCLUDE_PATH"):
        monkeypatch.setenv(name, str(tmp_path))
    with pytest.raises(CompileError, match=r"planted\.h"):
        compiler.compile([source(tmp_path / "..", "#include <planted.h>\n")], tmp_path / "out.so")


# -- the record of a probe -------------------------------------------------------------------------------------------


@needs_compiler
def test_record_round_trip_and_distrust(compiler: Compiler) -> None:
    import json

    record = json.loads(json.dumps(to_record(compiler)))
    assert from_record(record, compiler.argv, compiler.extra) == compiler
    assert from_record(record, ("/other/cc",), ()) is None
    assert from_record({**record, "native": ["-march=native", "-fplugin=/tmp/x.so"]}, compiler.argv, ()) is None
    assert from_record({**record, "digest": None}, compiler.argv, ()) is None
    assert from_record({**record, "cpu_features": "all"}, compiler.argv, ()) is None
    assert from_record(["junk"], compiler.argv, ()) is None


def test_record_key_changes_with_the_executable(tmp_path: Path) -> None:
    tool = script(tmp_path / "cc", "exit 0")
    before = compiler_record_key([str(tool)])
    assert compiler_record_key([str(tool)]) == before
    script(tool, "exit 0 # another build")
    assert compiler_record_key([str(tool)]) != before


# -- flags -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "flag",
    [
        "-fplugin=/tmp/evil.so", "-fplugin-arg-x-y=z", "-B/tmp", "-B", "@file", "-wrapper", "-wrapper,evil",
        "-specs=/tmp/x", "-o", "-o/etc/passwd", "-x", "-include", "-include/etc/passwd", "-imacros", "-Wl,-rpath,/tmp",
        "-Wa,-x", "-Wp,-MD,/tmp/x", "-Xlinker", "-fuse-ld=evil", "-dumpdir", "-fdump-tree-all", "-save-temps",
        "-fprofile-generate=/tmp", "-ffast-math", "-Ofast", "-funsafe-math-optimizations", "-ffinite-math-only",
        "-fno-signed-zeros", "-D", "-DX=$(id)", "-DX=1;id", "x.c", "", "-", "-O3 -fplugin=x", "-O3\n", "-mllvm",
        "-I/tmp", "-L/tmp", "-lm", "-fcommon", "-flto", "-fsanitize-ignorelist=/x",
    ],
)  # fmt: skip
def test_flags_that_could_do_more_are_refused(flag: str) -> None:
    with pytest.raises(ValueError, match="refused"):
        check_flags(["-O2", flag])
    if flag.split() == [flag] and flag.startswith("-"):
        with pytest.raises(ValueError, match="refused|expected"):
            locate(f"cc {flag}" if shutil.which("cc") else f"{sys.executable} {flag}")


def test_harmless_flags_pass() -> None:
    flags = ("-O2", "-g", "-march=x86-64-v3", "-mtune=native", "-funroll-loops", "-fno-tree-slp-vectorize", "-DNAME=3",
             "--param=max-unroll-times=4", "-fsanitize=address,undefined", "-Wall")  # fmt: skip
    assert check_flags(flags) == flags


def _fake(folder: Path, name: str, refuses: str, macros: str) -> Path:
    """A compiler that counts its runs, refuses some flags and lists a few macros."""
    script = folder / name
    script.write_text(
        f"#!/bin/sh\necho run >> {folder}/runs\n"
        f'for word in "$@"; do case "$word" in {refuses}) echo "error: unknown $word" >&2; exit 1;; esac; done\n'
        f"printf '{macros}'\n"
    )
    script.chmod(0o755)
    return script


GCC = "#define __GNUC__ 12\\n#define __AVX2__ 1\\n#define __STDC__ 1\\n#define __x86_64__ 1\\n"


@pytest.mark.skipif(os.name == "nt", reason="a shell script plays the compiler")
@pytest.mark.parametrize(
    ("refuses", "macros", "kind", "native", "careful", "runs"),
    [
        ("-nonesuch", GCC, "gcc", ("-march=native",), True, 1),
        ("-fno-ipa-modref", GCC, "gcc", ("-march=native",), False, 2),
        ("-march=native", GCC, "gcc", ("-mcpu=native",), True, 3),
        ("-march=native|-mcpu=native", GCC, "gcc", (), True, 5),
        ("-fno-ipa-*", GCC + "#define __clang__ 1\\n", "clang", ("-march=native",), False, 2),
        ("-nonesuch", GCC + "#define __clang__ 1\\n", "clang", ("-march=native",), False, 2),
    ],
)
def test_a_compiler_is_asked_once_unless_it_refuses_something(tmp_path, refuses, macros, kind, native, careful, runs):
    found = find_compiler(str(_fake(tmp_path, "mycc", refuses, macros)))
    assert (found.kind, found.native, bool(found.cautions)) == (kind, native, careful)
    assert len((tmp_path / "runs").read_text().split()) == runs
    assert "__AVX2__" in found.cpu_features and "__STDC__" not in found.cpu_features


@needs_compiler
def test_flag_sets(compiler: Compiler) -> None:
    light, heavy = compiler.flags(False), compiler.flags(True)
    for flags in (light, heavy):
        assert not any("fast-math" in flag for flag in flags)
        assert {"-fno-trapping-math", "-fno-math-errno", "-fvisibility=hidden", "-fPIC"} <= set(flags)
    if compiler.kind == "gcc":
        assert "-O1" in light and "-ftree-loop-vectorize" in light and "-O3" in heavy
    assert replace(compiler, kind="clang").flags(False)[0] == "-O2"
    assert replace(compiler, extra=("-g",)).flags(False)[-1] == "-g"


# -- compiling -------------------------------------------------------------------------------------------------------


@needs_compiler
def test_compiles_one_and_two_units(compiler: Compiler, tmp_path: Path) -> None:
    import ctypes

    export = '__attribute__((visibility("default")))'
    one = source(tmp_path, f"{export} int one(void) {{ return 1; }}", "one.c")
    two = source(tmp_path, f"{export} int two(void) {{ return 2; }}", "two.c")
    single = compiler.compile([one], tmp_path / "single.so")
    assert ctypes.CDLL(str(single)).one() == 1
    both = ctypes.CDLL(str(compiler.compile([Unit(one), Unit(two, heavy=True)], tmp_path / "both.so")))
    assert (both.one(), both.two()) == (1, 2)
    with pytest.raises(ValueError, match="one or two"):
        compiler.compile([one, one, one], tmp_path / "three.so")


@needs_compiler
def test_error_quotes_the_c_line(compiler: Compiler, tmp_path: Path) -> None:
    bad = source(tmp_path, "int f(void)\n{\n  return undeclared_thing;\n}\n")
    with pytest.raises(CompileError) as caught:
        compiler.compile([bad], tmp_path / "out.so")
    assert caught.value.line.strip() == "return undeclared_thing;"
    assert "undeclared_thing" in str(caught.value)
    assert str(bad) in caught.value.details
    assert caught.value.returncode == 1
    assert len(str(caught.value).splitlines()) <= 3


@pytest.mark.skipif(os.name != "posix", reason="the misbehaving compilers are shell scripts")
@needs_compiler
@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("exit 1", "exit status 1"),
        ("kill -SEGV $$", "signal 11"),
        ("echo 'cc1: out of memory' >&2; exit 4", "out of memory"),
        ("exit 0", "no object"),
        ("head -c 100000000 /dev/zero | tr '\\0' x; exit 1", "exit status 1"),
    ],
    ids=["exits 1", "crashes", "says why", "writes nothing", "prints 100 MB"],
)
def test_a_misbehaving_compiler_is_one_clear_line(compiler: Compiler, tmp_path: Path, text: str, pattern: str) -> None:
    broken = replace(compiler, argv=(str(script(tmp_path / "cc", text)),))
    with pytest.raises(CompileError, match=pattern) as caught:
        broken.compile([source(tmp_path)], tmp_path / "out.so")
    assert len(str(caught.value)) < 1000
    assert len(caught.value.details) < OUTPUT_CAP + 4096


@pytest.mark.skipif(os.name != "posix", reason="the compilers are shell scripts")
@needs_compiler
@pytest.mark.parametrize(
    "said",
    [
        "call to undeclared function 'absent'; ISO C99 and later do not support implicit function declarations",
        "implicit declaration of function ‘absent’ [-Wimplicit-function-declaration]",
        "implicit declaration of function 'absent'",
        "call to undeclared library function 'absent' with type 'double (double)'",
    ],
    ids=["clang", "gcc", "gcc in plain letters", "a library function"],
)
def test_a_function_that_nothing_declares(compiler: Compiler, tmp_path: Path, said: str) -> None:
    """clang, and gcc from 14 on, refuse what others leave to the loader: the error is the same."""
    unit = source(tmp_path, "int answer(void)\n{ return absent(1); }\n")
    text = f'cat <<"END"\n{unit}:2:10: error: {said}\nEND\nexit 1'
    pattern = r"(?s)nothing defines absent.*Define it.*unit\.c:2: { return absent"
    with pytest.raises(CompileError, match=pattern) as caught:
        replace(compiler, argv=(str(script(tmp_path / "cc", text)),)).compile([unit], tmp_path / "out.so")
    assert caught.value.line == "{ return absent(1); }"


@pytest.mark.skipif(os.name != "posix", reason="the misbehaving compilers are shell scripts")
@needs_compiler
def test_a_hanging_compiler_is_killed_with_its_children(compiler: Compiler, tmp_path: Path) -> None:
    mark = tmp_path / "child-survived"
    hang = script(tmp_path / "cc", f"(sleep 2; touch {mark}) & sleep 60")
    started = time.monotonic()
    with pytest.raises(CompileError, match=r"within 0\.3 s"):
        replace(compiler, argv=(str(hang),)).compile([source(tmp_path)], tmp_path / "out.so", timeout=0.3)
    assert time.monotonic() - started < 2
    time.sleep(2.2)
    assert not mark.exists()


@pytest.mark.skipif(os.name != "posix", reason="the misbehaving compilers are shell scripts")
def test_a_compiler_that_hangs_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = tmp_path / "asked"
    hang = script(tmp_path / "cc", f"echo >> {asked}; sleep 60")
    monkeypatch.setattr(toolchain, "PROBE_TIMEOUT", 0.3)
    with pytest.raises(CompileError, match=r"within 0\.3 s"):
        find_compiler(str(hang))
    assert asked.read_text() == "\n"


def test_a_compiler_in_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = script(tmp_path / "my-cc", "exit 0")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert locate("~/my-cc -O2") == [((str(mine), "-O2"), "config.compiler")]


@needs_compiler
def test_a_vanished_compiler(compiler: Compiler, tmp_path: Path) -> None:
    with pytest.raises(CompilerMissing, match="vanished"):
        replace(compiler, argv=(str(tmp_path / "gone"),)).compile([source(tmp_path)], tmp_path / "out.so")
    data = tmp_path / "data"
    data.write_text("not a program")
    with pytest.raises(CompilerMissing, match="executed"):
        replace(compiler, argv=(str(data),)).compile([source(tmp_path)], tmp_path / "out.so")


@pytest.mark.skipif(os.name != "posix", reason="uses a shell script")
def test_a_program_that_is_no_compiler(tmp_path: Path) -> None:
    for text in ("echo hello", "exit 3", "printf '#define __STDC__ 1\\n'"):
        with pytest.raises(CompileError):
            find_compiler(str(script(tmp_path / "cc", text)))


@pytest.mark.skipif(os.name != "posix", reason="uses POSIX programs")
def test_no_shell_and_no_inherited_input(tmp_path: Path) -> None:
    [result] = run_all([["/bin/echo", "$(touch x); `id`"]], timeout=5, cwd=tmp_path, env={})
    assert result.output == "$(touch x); `id`\n"
    [result] = run_all([["/bin/cat"]], timeout=5, cwd=tmp_path, env={})
    assert (result.returncode, result.output) == (0, "")


# -- optimisations that are switched off -----------------------------------------------------------------------------

STORES = """
typedef long long i64;
static __attribute__((noinline)) void put(i64 a, i64 s, i64 n, double v) {
    for (i64 i = 0; i < n; i++) *(double *)(a + 8 * s + 8 * i) = v;
}
__attribute__((visibility("default"))) void fill(double *to, i64 s, i64 n, double v) { put((i64)to, s, n, v); }
"""


@needs_compiler
@pytest.mark.parametrize("heavy", [False, True])
def test_a_store_through_base_and_index_is_kept(compiler: Compiler, tmp_path: Path, heavy: bool) -> None:
    library = compiler.compile([Unit(source(tmp_path, STORES), heavy)], tmp_path / "unit.so")
    fill = ctypes.CDLL(str(library)).fill
    fill.argtypes = [ctypes.c_void_p, ctypes.c_longlong, ctypes.c_longlong, ctypes.c_double]
    room = (ctypes.c_double * 8)()
    fill(ctypes.addressof(room), 2, 3, 1.5)
    assert list(room) == [0, 0, 1.5, 1.5, 1.5, 0, 0, 0]


@needs_compiler
def test_cautions_are_flags_of_a_gcc_that_knows_them(compiler: Compiler, tmp_path: Path) -> None:
    major = int(compiler.version.split(".")[0]) if compiler.kind == "gcc" else 0
    assert ("-fno-ipa-modref" in compiler.cautions) == (major >= 11)
    assert set(compiler.cautions) <= set(compiler.flags(False)) & set(compiler.flags(True))
    text = "for word; do [ $word = -fno-ipa-modref ] && echo 'error: unrecognized' >&2 && exit 1; done"
    old = script(tmp_path / "old", f'{text}\nexec {compiler.path} "$@"')
    assert find_compiler(str(old)).cautions == ()
