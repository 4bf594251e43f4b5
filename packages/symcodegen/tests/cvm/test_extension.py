"""Finding, building and refusing the extension; BLAS pointers. Each case in a fresh process with its own cache."""

import importlib.util
import os
import shutil
import subprocess
import sys
import threading
from importlib.machinery import ExtensionFileLoader
from pathlib import Path

import pytest

from symcodegen import blas, extension
from symcodegen.cvm import sources
from symcodegen.toolchain import ToolchainError
from symcore import config

LOOK = (
    "from symcodegen import extension\n"
    "m = extension.load()\n"
    "print(m is not None)\n"
    "print(m.__file__ if m else extension.why_not())\n"
    "assert m is extension.load()\n"
)
# as if it had not been built at installation, and pip had brought no compiler
HIDE = (
    "import sys\nfrom symcodegen import extension\n"
    "extension._import_installed = lambda digest: None\nsys.modules['ziglang'] = None\n"
)


def run(code, tmp_path, **environment):
    clean = {name: value for name, value in os.environ.items() if name not in ("CC", "LD_PRELOAD")}
    env = {**clean, "XDG_CACHE_HOME": str(tmp_path / "cache"), **environment}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


#: For processes that load the extension as it is installed, which may ask for the library of a sanitizer.
PRELOADED = {name: os.environ[name] for name in ["LD_PRELOAD"] if name in os.environ}


@pytest.mark.c
def test_build_on_first_use_then_from_the_cache(tmp_path, cvm):
    first = run(HIDE + LOOK, tmp_path)
    assert first[0] == "True" and str(tmp_path) in first[1]
    assert run(HIDE + LOOK, tmp_path, CC="none") == first  # no compiler is needed any more
    objects = list((tmp_path / "cache").rglob("objects/*.so"))
    assert len(objects) == 1 and not list((tmp_path / "cache").rglob("tmp/build-*"))
    # a damaged object is a miss, and heals
    objects[0].write_bytes(objects[0].read_bytes()[:1000])
    assert run(HIDE + LOOK, tmp_path)[0] == "True"
    objects[0].write_bytes(b"\x7fELF" + bytes(5000))
    answer = run(HIDE + LOOK, tmp_path, CC="none")
    assert answer[0] == "False"


@pytest.mark.c
def test_cold_processes_build_once(tmp_path, cvm):
    """Several at once: each gets the module, one compiles."""
    counter = tmp_path / "cc"
    real = next(path for name in ("cc", "gcc", "clang") if (path := shutil.which(name)))
    counter.write_text(f'#!/bin/sh\necho run >> "{tmp_path}/runs"\nexec "{real}" "$@"\n')
    counter.chmod(0o755)
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(run(HIDE + LOOK, tmp_path, CC=str(counter)))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [r[0] for r in results] == ["True"] * 4
    assert len((tmp_path / "runs").read_text().splitlines()) <= 2 * 3  # two halves and a link, by two processes at most


@pytest.mark.parametrize(
    "environment,reason",
    [
        ({"SYMSTACK_CVM": "none"}, "switched off"),
        ({"CC": "none"}, "no C compiler is used"),
        ({"CC": "no-such-compiler"}, "is not there"),
        ({"PATH": ""}, "no C compiler"),
        ({"CC": "false"}, "false failed"),
    ],
)
def test_without_a_compiler_there_is_a_reason(tmp_path, environment, reason):
    answer = run(HIDE + LOOK, tmp_path, **environment)
    assert answer[0] == "False" and len(answer) == 2 and reason in answer[1]


def test_a_stale_installed_module_is_not_used():
    assert extension._import_installed("0" * 32) is None


@pytest.mark.parametrize("broken", [False, True])
def test_an_installed_module_that_does_not_fit_is_named_where_none_can_be_built(tmp_path, cvm, monkeypatch, broken):
    module = tmp_path / "_cvm.so"
    module.write_bytes(b"of an older version")
    loader = ExtensionFileLoader("_cvm", str(module))
    spec = importlib.util.spec_from_file_location("_cvm", module, loader=loader)

    def no_compiler(digest):
        raise ToolchainError("no C compiler was found.\nMore about it.")

    monkeypatch.setattr(extension.importlib.util, "find_spec", lambda name: spec)
    monkeypatch.setattr(extension, "_load_cached", no_compiler)
    if broken:  # its sources are those that are there, but not its Python
        monkeypatch.setattr(extension, "_is_of", lambda path, digest: True)
        monkeypatch.delitem(sys.modules, extension.MODULE, raising=False)
        monkeypatch.setattr(extension.importlib, "import_module", lambda name: importlib.util.module_from_spec(spec))
    found, reason = extension._look()
    assert found is None
    assert str(module) in reason and "pip install" in reason and "no C compiler was found" in reason
    assert ("cannot be imported" if broken else "other sources") in reason and "\n" not in reason


#: Its kernels say that they are of another ABI: what an upgrade of the sources alone leaves beside an older extension.
NEWER = """
import re
from pathlib import Path
from symcodegen import cache
from symcodegen.cvm import sources
header = sources.ABI_HEADER
text = re.sub(r"(#define SYM_ABI_VERSION) \\d+", r"\\1 77", header.read_text())
assert "SYM_ABI_VERSION 77" in text
header.write_text(text)
cache.ABI_VERSION = 77
"""


@pytest.mark.c
@pytest.mark.slow
def test_sources_newer_than_the_module_beside_them(tmp_path, cvm):
    """A checkout that was not rebuilt: the machine of the new sources is built, the old one never imported."""
    package = Path(extension.__file__).parent
    shutil.copytree(package, tmp_path / "new" / "symcodegen", ignore=shutil.ignore_patterns("__pycache__"))
    paths = os.pathsep.join([str(tmp_path / "new"), os.environ.get("PYTHONPATH", "")])
    run(NEWER, tmp_path, PYTHONPATH=paths)
    tell = LOOK + "print(m.ABI_VERSION if m else 0)\n"
    alone = "import sys\nsys.modules['ziglang'] = None\n" + tell
    refused = run(alone, tmp_path, PYTHONPATH=paths, CC="none")
    assert refused[0] == "False" and "other sources" in refused[1] and refused[2] == "0"
    built = run(tell, tmp_path, PYTHONPATH=paths)
    assert built[0] == "True" and str(tmp_path / "cache") in built[1] and built[2] == "77"


def test_the_digest_is_kept_until_a_source_changes(tmp_path, monkeypatch):
    folder = tmp_path / "cvm"
    shutil.copytree(sources.HERE, folder, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    monkeypatch.setattr(sources, "HERE", folder)
    monkeypatch.setattr(sources, "_SETTLED", 0)
    read = []
    digest = sources.digest
    monkeypatch.setattr(sources, "digest", lambda: read.append(None) or digest())
    with config.override(cache_dir=str(tmp_path / "cache")):
        first = extension._digest()
        assert extension._digest() == first == digest() and len(read) == 1
        with open(folder / "run.c", "a") as file:
            file.write("\n")
        assert extension._digest() == digest() != first and len(read) == 2


def test_the_digest_of_sources_that_are_being_written_is_not_kept(tmp_path, monkeypatch):
    folder = tmp_path / "cvm"
    shutil.copytree(sources.HERE, folder, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    monkeypatch.setattr(sources, "HERE", folder)
    (folder / "run.c").touch()
    with config.override(cache_dir=str(tmp_path / "cache")):
        assert extension._digest() == sources.digest()
        assert not (tmp_path / "cache").exists()


def test_whether_an_extension_is_of_the_sources_is_asked_once_per_file(tmp_path, monkeypatch):
    file = tmp_path / "_cvm.so"
    file.write_bytes(b"--- 0123 ---")
    monkeypatch.setattr(sources, "_SETTLED", 0)
    asked = []
    holds = extension._holds
    monkeypatch.setattr(extension, "_holds", lambda *of: asked.append(of) or holds(*of))
    with config.override(cache_dir=str(tmp_path / "cache")):
        assert extension._is_of(str(file), "0123") and extension._is_of(str(file), "0123") and len(asked) == 1
        assert not extension._is_of(str(file), "0124") and not extension._is_of(str(file), "0124") and len(asked) == 3
        file.write_bytes(b"--- another ---")
        assert not extension._is_of(str(file), "0123")


def test_a_text_in_a_file_is_found_across_pieces(tmp_path):
    for position in (0, 65_530, 65_536, 131_060, 200_000):
        (tmp_path / "file").write_bytes(b"-" * position + b"0123456789abcdef")
        assert extension._holds(str(tmp_path / "file"), b"0123456789abcdef")
        assert not extension._holds(str(tmp_path / "file"), b"0123456789abcdeg")


def test_the_digest_sees_every_file():
    names = {path.name for path in sources.HERE.iterdir() if path.suffix in (".c", ".h")}
    assert names == set(sources.UNITS) | set(sources.HEADERS)


def test_blas_pointers():
    pointers = blas.pointers()
    assert set(pointers) == set(blas.FUNCTIONS) and len(set(pointers.values())) == len(blas.FUNCTIONS)


def test_blas_of_an_installation_without_a_library_beside_it(monkeypatch):
    monkeypatch.setattr(blas, "_library", lambda: None)
    pointers = blas.pointers()
    assert set(pointers) == set(blas.FUNCTIONS) and all(pointers.values())
    blas._thread_setter.cache_clear()
    try:
        assert callable(blas._thread_setter())
    finally:
        blas._thread_setter.cache_clear()


def test_a_library_that_lacks_a_function_is_passed_over(monkeypatch):
    monkeypatch.setattr(blas, "FUNCTIONS", (*blas.FUNCTIONS, "nonesuch"))
    assert blas._library.__wrapped__() is None


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="asks /proc which libraries are loaded")
def test_the_process_has_one_blas_of_scipy(tmp_path):
    code = (
        "from symcodegen import blas\nblas.load()\nimport sys\nprint(any(m.startswith('scipy') for m in sys.modules))\n"
        "import scipy.linalg\n"
        "files = {line.split()[-1] for line in open('/proc/self/maps') if 'libscipy_openblas-' in line}\n"
        "print(len(files))\n"
    )
    imported, libraries = run(code, tmp_path, **PRELOADED)
    if blas._library() is None:
        pytest.skip("this SciPy brings no OpenBLAS of its own")
    assert (imported, libraries) == ("False", "1")


def test_blas_loads_without_the_package_around_it(tmp_path):
    code = (
        "import sys, threading\nfrom symcodegen import blas\n"
        "threads = [threading.Thread(target=blas.load) for _ in range(8)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]\n"
        "print(blas._loaded, 'scipy.linalg' in sys.modules, 'scipy.linalg.cython_blas' in sys.modules)\n"
        "import scipy.linalg, scipy.linalg.cython_blas\nprint(blas.pointers() == blas.pointers())\n"
    )
    assert run(code, tmp_path, **PRELOADED) == ["True False False", "True"]


def test_dlopen_and_symbol(cvm, k, tmp_path):
    assert cvm.symbol(k.handle, "inc") == k.inc
    with pytest.raises(AttributeError, match="no symbol nothing"):
        cvm.symbol(k.handle, "nothing")
    with pytest.raises(OSError, match="cannot load"):
        cvm.dlopen(str(tmp_path / "absent.so"))
    (tmp_path / "junk.so").write_bytes(b"junk" * 100)
    with pytest.raises(OSError, match="junk.so"):
        cvm.dlopen(tmp_path / "junk.so")
    with pytest.raises(ValueError, match="handle is 0"):
        cvm.symbol(0, "x")


def test_set_blas_refuses_what_it_does_not_know(cvm):
    with pytest.raises(ValueError, match="knows no function 'sdot'"):
        cvm.set_blas({"sdot": 1})
    with pytest.raises(TypeError, match="dict"):
        cvm.set_blas([])
    assert cvm.set_blas({}) is True
