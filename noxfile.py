"""What a person types: ``nox -s NAME``. ``nox --list`` shows all of it.

tests     the whole suite, in an environment of its own
alone     every package alone, from its wheel, with only what it declares, from an empty folder
build     source distributions, and the wheels made from them, into dist/; installs them together and runs their tests
lowest    every package with the lowest versions that it admits of everything it declares
modes     the tests again with no rules, in FAST_COMPILE and in DEBUG: a fixed slice, or all (nox -s modes -- all)
rules     the number of rewriting rules, and each of their cases alone against the reference interpreter
lint      ruff, and undeclared or unused dependencies
types     mypy
layers    the floors: which package may import which
docs      the documentation, warnings being errors, and its examples
bench     the benchmarks, quickly; arguments go to them (nox -s bench -- --help)
zig       the tests of kernels with the compiler that pip can install, in an environment of its own
sanitize  every Op and the tests of all that has C under the address and undefined-behaviour sanitizers
pins      write constraints.txt anew from what the package index has today
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nox

ROOT = Path(__file__).resolve().parent
PACKAGES = ["symcore", "symopt", "symcodegen", "symgpu", "symnnet", "symscan", "symstack"]
DIST = ROOT / "dist"
SIBLINGS = DIST / "siblings.txt"  # lines `name @ file://wheel`: what keeps an index out of the choice of siblings
# Beside the interpreter that runs nox when it is not on PATH, as when nox is called by its path in .venv.
UV = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
STAMP = DIST / "sources.sha256"

#: The modes in which the tests are run again, as flags of the configuration.
MODES = {
    "no-rules": "excluding=canonicalize:stabilize:specialize:device:fuse",
    "fast-compile": "mode=FAST_COMPILE",
    "debug": "mode=DEBUG",
}
#: The slice of the tests that continuous integration runs in each of them: functions, kernels, gradients, programs.
SLICE = [
    "packages/symopt/tests",
    "packages/symnnet/tests/test_nnet.py",
    "packages/symcodegen/tests/ops",
    "packages/symcodegen/tests/cvm/test_basics.py",
    "tests/test_slides.py",
    "tests/test_slide_exercises.py",
    "tests/test_regressions.py",
    "tests/test_concurrency.py",
    "tests/test_reference_answers.py",
]
#: These ask for their modes by name, or are about the tree and not about what is computed.
ANY_MODE = ["tests/test_packaging.py", "tests/test_examples.py", "tests/test_docs.py", "tests/test_run.py"]

#: Tests that the sanitizers themselves make fail: freed memory stays in their quarantine, and processes that a test
#: starts with an environment of its own lack their library.
NOT_SANITIZED = [
    "cvm/test_outputs.py::test_memory_does_not_grow",
    "cvm/test_extension.py::test_build_on_first_use_then_from_the_cache",
    "cvm/test_extension.py::test_cold_processes_build_once",
]

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["tests", "alone", "lint", "types", "layers"]
# uv must take the interpreter that nox names, never fetch one of its own.
os.environ.setdefault("UV_PYTHON_DOWNLOADS", "never")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the whole suite; arguments go to pytest."""
    session.install("-r", "requirements-dev.txt")
    session.run("pytest", *(session.posargs or ["-n", "2"]))


@nox.session(venv_backend="none")
@nox.parametrize("mode", list(MODES))
def modes(session: nox.Session, mode: str) -> None:
    """Run the slice of the tests in a mode, in the environment that nox runs in; ``all``: all of them."""
    everything = session.posargs[:1] == ["all"]
    options = session.posargs[1:] if everything else session.posargs
    chosen = ["tests", *(f"packages/{package}/tests" for package in PACKAGES)] if everything else SLICE
    ignored = ["packages/symopt/tests/rules", *ANY_MODE]  # rules are tested one by one, whatever the mode
    session.run(
        *[sys.executable, "-m", "pytest", "-q", "-n", "2", "--timeout=600", "-m", "not default_mode", *options],
        *[f"--ignore={path}" for path in ignored],
        *[path for path in chosen if Path(path).exists()],
        env={"SYMSTACK_FLAGS": MODES[mode]},
        external=True,
    )


@nox.session(venv_backend="none")
def rules(session: nox.Session) -> None:
    """Print how many rules there are and check their cases."""
    tables = sorted(ROOT.glob("packages/*/tests/**/cases_*.py"))
    session.run(sys.executable, "-W", "ignore", "-m", "symopt.testing", *map(str, tables), external=True)


@nox.session
@nox.parametrize("package", PACKAGES)
def alone(session: nox.Session, package: str) -> None:
    """Install the wheel of one package, with only what it declares, and run its tests from an empty folder."""
    build_distributions(session)
    install_wheels(session, f"{package}[test]")
    run_tests_elsewhere(session, package)


@nox.session
def build(session: nox.Session) -> None:
    """Make sdists and, from them, wheels; install all of them together and run their tests from an empty folder."""
    build_distributions(session, again=True)
    install_wheels(session, *(f"{package}[test]" for package in PACKAGES))
    run_tests_elsewhere(session, *PACKAGES)


@nox.session
@nox.parametrize("package", PACKAGES)
def lowest(session: nox.Session, package: str) -> None:
    """Install the lowest versions of all that a package declares, siblings included, and run its tests."""
    if sys.version_info >= (3, 13):
        session.error("The lowest versions have no wheels for this Python: run nox with Python 3.11 or 3.12.")
    folder = Path(session.create_tmp()).resolve()
    constraints = folder / "lowest.txt"
    build_distributions(session)
    siblings = {name: lowest_wheel(session, name, version, folder) for name, version in lower_bounds(package).items()}
    lines = [f"{name} @ {wheel.as_uri()}" for name, wheel in {**wheels(), **siblings}.items()]
    constraints.write_text("\n".join(lines) + "\n", encoding="utf-8")
    project = ROOT / "packages" / package / "pyproject.toml"
    install = [UV, "pip", "install", "--python", session_python(session), "--constraint", str(constraints)]
    session.run(*install, "--resolution", "lowest-direct", "-r", str(project), "--extra", "test", external=True)
    session.run(*install, "--no-deps", "--reinstall", str(wheels()[package]), external=True)
    session.run(UV, "pip", "list", "--python", session_python(session), external=True)
    run_tests_elsewhere(session, package)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, and imports that a package does not declare or declares and does not use."""
    session.install("-c", "constraints.txt", "ruff", "deptry>=0.20")
    session.run("ruff", "check")
    for package in PACKAGES:
        folder = ROOT / "packages" / package
        session.run("deptry", "--config", str(folder / "pyproject.toml"), *deptry_options(package), str(folder / "src"))


@nox.session
def types(session: nox.Session) -> None:
    """Check the type annotations."""
    session.install("-r", "requirements-dev.txt")
    session.run("mypy", *session.posargs)


@nox.session
def layers(session: nox.Session) -> None:
    """Check the contracts of .importlinter."""
    session.install("-r", "requirements-dev.txt")
    session.run("lint-imports", "--no-cache")


@nox.session
def zig(session: nox.Session) -> None:
    """Run the tests of kernels with the compiler that pip installs; arguments go to pytest."""
    session.install("-r", "requirements-dev.txt", "ziglang")
    tests = session.posargs or ["packages/symcodegen/tests", "-n", "2"]
    session.run("pytest", *tests, env={"SYMSTACK_FLAGS": "compiler=zig cc"})


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into docs/_build/html and run its examples."""
    session.install("-r", "requirements-dev.txt", "-r", "docs/requirements.txt")
    session.run("sphinx-build", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html", *session.posargs)
    session.run("pytest", "tests/test_examples.py")


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks; contenders that are not installed in the environment are left out."""
    session.install("-r", "requirements-dev.txt")
    session.run("python", "-m", "benchmarks", *(session.posargs or ["run", "--quick"]))


@nox.session
def sanitize(session: nox.Session) -> None:
    """Build symcodegen's extension with ASan and UBSan, have generated C compiled likewise, and run the tests.

    Arguments go to pytest. Any report ends the process that makes it, and with it the session.
    """
    flags = ["-fsanitize=address", "-fsanitize=undefined", "-fno-sanitize-recover=undefined"]
    runtime = [gcc_library(session, "libasan.so"), gcc_library(session, "libubsan.so")]
    session.install("-r", "requirements-dev.txt")
    # From a copy: an editable build would leave the instrumented extension in the tree, and a build beside the sources
    # its object files for the next build to take.
    folder = Path(session.create_tmp()).resolve()
    source = folder / "symcodegen"
    shutil.rmtree(source, ignore_errors=True)
    ignore = shutil.ignore_patterns("*.egg-info", "build", "__pycache__", "*.so")
    shutil.copytree(ROOT / "packages" / "symcodegen", source, ignore=ignore)
    install = [UV, "pip", "install", "--python", session_python(session), "--no-cache", "--reinstall", "--no-deps"]
    built = {"CFLAGS": " ".join([*flags, "-fno-omit-frame-pointer", "-g", "-O1"]), "LDFLAGS": " ".join(flags[:2])}
    session.run(*install, str(source), env=built, external=True)
    session.env.update(
        LD_PRELOAD=" ".join(runtime),
        # CPython leaves memory behind at exit on purpose: leaks are tested by the growth of the process instead.
        ASAN_OPTIONS="detect_leaks=0:halt_on_error=1:quarantine_size_mb=64",
        UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1",
        PYTHONMALLOC="malloc",
        SYMSTACK_FLAGS="compiler_flags=" + " ".join(flags),
        XDG_CACHE_HOME=str(folder / "cache"),
    )
    session.run("python", "-m", "symcore.testing")
    # The sanitizers write to the file descriptor, which pytest's usual capture would take with it when they abort.
    session.posargs.append("--capture=sys")
    for left_out in NOT_SANITIZED:
        session.posargs.append(f"--deselect=packages/symcodegen/tests/{left_out}")
    run_tests_elsewhere(session, "symcodegen", "symscan", "symnnet")


@nox.session
def pins(session: nox.Session) -> None:
    """Write constraints.txt from what the requirements resolve to today, for all supported versions of Python."""
    requirements = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
    source = Path(session.create_tmp()).resolve() / "requirements.in"
    lines = [line.replace("-e packages/", f"-e {ROOT}/packages/") for line in requirements if not line.startswith("-c")]
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    options = ["--universal", "--python-version", "3.11", "--no-header", "--no-annotate", "--no-emit-index-url"]
    result = session.run(UV, "pip", "compile", "--quiet", *options, str(source), external=True, silent=True)
    pinned = [line for line in str(result).splitlines() if "==" in line]
    header = "# The versions that the tests were last run with. Written by: nox -s pins"
    (ROOT / "constraints.txt").write_text("\n".join([header, *pinned]) + "\n", encoding="utf-8")


# --- building ---------------------------------------------------------------------------------------


def build_distributions(session: nox.Session, again: bool = False) -> None:
    """Fill dist/ when the sources changed: per package an sdist and the wheel made from it, and siblings.txt."""
    digest = sources_digest()
    if not again and STAMP.exists() and STAMP.read_text() == digest:
        return
    shutil.rmtree(DIST, ignore_errors=True)
    for package in PACKAGES:
        options = ["--quiet", "--out-dir", str(DIST), "--python", sys.executable]
        session.run(UV, "build", *options, str(ROOT / "packages" / package), external=True)
    lines = [f"{name} @ {wheel.as_uri()}" for name, wheel in wheels().items()]
    SIBLINGS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    STAMP.write_text(digest)


def wheels() -> dict[str, Path]:
    """The wheel of each package in dist/."""
    return {package: next(DIST.glob(f"{package}-*.whl")) for package in PACKAGES}


def sources_digest() -> str:
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted((ROOT / "packages").rglob("*")):
        inside = path.relative_to(ROOT / "packages").parts
        made = any(part in {"build", "__pycache__", ".pytest_cache"} or part.endswith(".egg-info") for part in inside)
        if path.is_file() and not made and path.suffix not in {".so", ".pyd"}:
            digest.update("/".join(inside).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def install_wheels(session: nox.Session, *requirements: str) -> None:
    """Install packages of the tree by name, from dist/ alone."""
    # A wheel made anew has the version of the old one: without --reinstall the old one would stay.
    folder = site_packages(session)
    names = [name for name in PACKAGES if (folder / name).exists()]
    if names:
        session.run(UV, "pip", "uninstall", "--quiet", "--python", session_python(session), *names, external=True)
    session.install("--constraint", str(SIBLINGS), *requirements)


def session_python(session: nox.Session) -> str:
    return str(Path(session.bin) / "python")


def site_packages(session: nox.Session) -> Path:
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(str(session.run("python", "-c", code, silent=True)).strip())


def run_tests_elsewhere(session: nox.Session, *packages: str) -> None:
    """Run tests of packages from an empty folder, so that nothing of the tree can be imported by accident."""
    folders = [str(ROOT / "packages" / package / "tests") for package in packages]
    options = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), "-p", "no:cacheprovider", "-q"]
    session.chdir(session.create_tmp())
    session.run("pytest", *options, *folders, *session.posargs)


# --- lowest versions --------------------------------------------------------------------------------


def lower_bounds(package: str) -> dict[str, str]:
    """The siblings that a package declares, each with its lowest version: ``{"symcore": "0.1"}``."""
    project = tomllib.loads((ROOT / "packages" / package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = (re.match(r"(sym\w+)(?:\[.*\])?>=([\d.]+)", line) for line in project["dependencies"])
    return {match[1]: match[2] for match in found if match}


def lowest_wheel(session: nox.Session, name: str, version: str, folder: Path) -> Path:
    """The wheel of the first release at or above ``version``: of the tree when there is none older, else of its tag."""
    tags = subprocess.run(
        ["git", "tag", "--list", f"{name}-v*"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    wanted = release(version)
    released = sorted((release(tag.partition("-v")[2]), tag) for tag in tags)
    admitted = [tag for found, tag in released if found >= wanted]
    if not admitted:
        return wheels()[name]
    archive = subprocess.run(
        ["git", "archive", "--format=tar", admitted[0], f"packages/{name}"], cwd=ROOT, capture_output=True, check=True
    ).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
    session.run(UV, "build", "--quiet", "--wheel", "-o", str(folder), str(folder / "packages" / name), external=True)
    return next(folder.glob(f"{name}-*.whl"))


def release(version: str) -> tuple[int, ...]:
    """A version as numbers, padded so that 0.1 and 0.1.0 are one."""
    numbers = [int(part) for part in version.split(".")]
    return (*numbers, *([0] * (3 - len(numbers))))


# --- small parts ------------------------------------------------------------------------------------


def deptry_options(package: str) -> list[str]:
    """Siblings are installed from the tree; what only annotations use, and what entry points bring, is not unused."""
    ignored = {
        "symgpu": "DEP002=symcodegen|symopt|symcore|pycuda",  # thin: the device linker will import them
        "symscan": "DEP002=symcodegen",  # the extra `c`: imported by symscan.c only
        "symcore": "DEP002=graphviz-pure|scipy",  # a program that is run; modules that are loaded by name, on use
        "symnnet": "DEP002=symcodegen",  # the extra `c`: imported by symnnet.c only
        "symcodegen": "DEP002=scipy|ziglang",  # its BLAS pointers are read from a module loaded by path; a program
        "symstack": "DEP002=symgpu|symcodegen|symnnet|symopt|symscan|numpy",  # modules are loaded by name, on use
    }
    options = ["--known-first-party", package, "--optional-dependencies-dev-groups", "test"]
    return [*options, "--per-rule-ignores", ignored[package]] if package in ignored else options


def gcc_library(session: nox.Session, name: str) -> str:
    """The path of a run-time library of the compiler that `cc` is."""
    result = subprocess.run(["cc", f"-print-file-name={name}"], capture_output=True, text=True, check=False)
    path = result.stdout.strip()
    if result.returncode or not Path(path).is_absolute():
        session.error(f"The compiler has no {name}: install gcc, or the sanitizer libraries of your compiler.")
    return path
