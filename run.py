#!/usr/bin/env python3
"""Set the tree up, when something changed since the last time, and run one thing in it.

    python3 run.py demo [OPTIONS]    train a classifier on real digits (options of `symstack demo`)
    python3 run.py test [OPTIONS]    run the tests (options of pytest)
    python3 run.py check             lint, floors and types
    python3 run.py doctor            versions, compiler, BLAS, cache, device
    python3 run.py setup             only the set-up

The set-up makes a virtual environment in `.venv` and installs requirements-dev.txt into it, with uv where pip can get
it, with pip otherwise (`SYMSTACK_INSTALLER=pip` asks for pip). It is skipped while the requirements, the package files,
the C sources and the interpreter are what they were. `SYMSTACK_VENV` names another folder. This file needs nothing but
Python's standard library.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
OLDEST = (3, 11)
STAMP = "symstack-setup.json"


def main(arguments: list[str]) -> int:
    command, options = (arguments[0], arguments[1:]) if arguments else ("", [])
    commands = {"demo": demo, "test": test, "check": check, "doctor": doctor, "setup": lambda python, options: 0}
    if command not in commands:
        print(__doc__.strip())
        return 0 if command in ("", "-h", "--help") else 2
    if sys.version_info < OLDEST:
        return restart_with_newer_python()
    os.chdir(ROOT)
    try:
        python = set_up()
    except SetupError as error:
        print(f"Set-up failed: {error}", file=sys.stderr)
        return 1
    return commands[command](python, options)


# --- what can be run ------------------------------------------------------------------------------


def demo(python: Path, options: list[str]) -> int:
    return run([script(python, "symstack"), "demo", *options])


def doctor(python: Path, options: list[str]) -> int:
    return run([script(python, "symstack"), "doctor", *options])


def check(python: Path, options: list[str]) -> int:
    """Every check is run; the answer is that of the first one that failed."""
    codes = [
        run([script(python, "ruff"), "check"]),
        run([script(python, "lint-imports"), "--no-cache"]),
        run([script(python, "mypy")]),
    ]
    return next((code for code in codes if code), 0)


def test(python: Path, options: list[str]) -> int:
    """The tests; on a CI machine (`CI` is set) also the checks, every package alone, and a slice in other modes."""
    codes = []
    if os.environ.get("CI") and not options:
        codes.append(check(python, []))
        codes.append(run([script(python, "nox"), "--session", "alone", "modes"]))
    workers = str(min(os.cpu_count() or 1, 8))
    codes.append(run([python, "-m", "pytest", "-n", workers, "--timeout=600", *options]))
    return next((code for code in codes if code), 0)


# --- set-up ---------------------------------------------------------------------------------------


class SetupError(Exception):
    """The set-up could not be finished; the message says what to do."""


def set_up() -> Path:
    """Bring the virtual environment up to date and return its interpreter."""
    folder = environment_folder()
    python = interpreter_of(folder)
    wanted = fingerprint()
    if python.exists() and read_stamp(folder) == wanted:
        return python
    start = time.perf_counter()
    if not works(python):
        print(f"Making a virtual environment in {folder}", flush=True)
        make_environment(folder)
    print("Installing requirements-dev.txt", flush=True)
    install(python)
    (folder / STAMP).write_text(json.dumps(wanted, indent=1), encoding="utf-8")
    print(f"Set up in {time.perf_counter() - start:.0f} s", flush=True)
    return python


def environment_folder() -> Path:
    """`.venv`, or `.venv-3.13` when `.venv` was made by another version of Python than the one that runs this file."""
    if named := os.environ.get("SYMSTACK_VENV"):
        return Path(named).resolve()
    default = ROOT / ".venv"
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    configuration = default / "pyvenv.cfg"
    if configuration.exists():
        lines = configuration.read_text(encoding="utf-8").splitlines()
        versions = [line.split("=", 1)[1].strip() for line in lines if line.split("=")[0].strip().startswith("version")]
        if versions and versions[0].split(".")[:2] != ours.split("."):
            return ROOT / f".venv-{ours}"
    return default


def fingerprint() -> dict[str, str]:
    """What the environment was made from: it is made anew when any of these differs."""
    digest = hashlib.sha256()
    packages = ROOT / "packages"
    names = ["requirements-dev.txt", "constraints.txt"]
    files = [ROOT / name for name in names]
    for pattern in ("*/pyproject.toml", "*/setup.py", "*/MANIFEST.in", "*/src/**/*.c", "*/src/**/*.h"):
        files += sorted(packages.glob(pattern))
    for file in files:
        digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), "")
    return {"files": digest.hexdigest(), "root": str(ROOT), "python": sys.version, "compiler": compiler}


def read_stamp(folder: Path) -> object:
    try:
        return json.loads((folder / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def make_environment(folder: Path) -> None:
    import venv

    # Not sys.executable through a version manager's shim: venv finds the interpreter behind it.
    try:
        venv.EnvBuilder(with_pip=True, clear=folder.exists(), symlinks=os.name != "nt").create(folder)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(
            f"python -m venv could not make {folder} ({error}). On Debian and Ubuntu, install the package python3-venv."
        ) from error


def install(python: Path) -> None:
    """Install the requirements with uv (about 30 s from nothing, 2 s again), or with pip (about 80 and 45 s)."""
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    pip = [python, "-m", "pip", "install", "--quiet"]
    if os.environ.get("SYMSTACK_INSTALLER", "uv") != "pip":
        # uv does not read pip's configuration: where packages come through that, only pip reaches them.
        with_uv = [python, "-m", "uv", "pip", "install", "--quiet", "--python", python, "-r", "requirements-dev.txt"]
        if run([*pip, "--constraint", "constraints.txt", "uv"], environment) == 0 and run(with_uv, environment) == 0:
            return
        print("uv could not install the requirements, trying pip", flush=True)
    if run([*pip, "-r", "requirements-dev.txt"], environment) != 0:
        raise SetupError("pip could not install requirements-dev.txt: its own message stands above.")


# --- small parts ----------------------------------------------------------------------------------


def interpreter_of(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def script(python: Path, name: str) -> Path:
    return python.with_name(name + (".exe" if os.name == "nt" else ""))


def works(python: Path) -> bool:
    """Whether the interpreter of the environment still runs: the one it was made from may have gone."""
    probe = [str(python), "-c", "import sys, pip; sys.exit(sys.version_info < (3, 11))"]
    return python.exists() and subprocess.run(probe, capture_output=True, check=False).returncode == 0


def run(command: list[Path | str], environment: dict[str, str] | None = None) -> int:
    """Run a program of the environment with the terminal as it is and return its exit status."""
    try:
        return subprocess.run([str(part) for part in command], env=environment, cwd=ROOT, check=False).returncode
    except FileNotFoundError:
        print(f"{command[0]} does not exist: remove its virtual environment and try again.", file=sys.stderr)
        return 127
    except KeyboardInterrupt:
        return 130


def restart_with_newer_python() -> int:
    """Called under a Python that is too old: run this file with the newest one that is on PATH."""
    asked = "import sys; sys.exit(sys.version_info < (3, 11))"
    for minor in (13, 12, 11):
        found = shutil.which(f"python3.{minor}")
        if found and subprocess.run([found, "-c", asked], capture_output=True, check=False).returncode == 0:
            return subprocess.run([found, str(ROOT / "run.py"), *sys.argv[1:]], check=False).returncode
    print(f"symstack needs Python >= 3.11; this is {sys.version.split()[0]}, and no other is on PATH.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
