"""run.py and .ci/run: when the set-up is made anew, which environment is used, what each command answers."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def run_py(tmp_path, monkeypatch):
    """A fresh copy of run.py as a module, at home in a small tree of its own."""
    package = tmp_path / "packages" / "one"
    (package / "src" / "one").mkdir(parents=True)
    (package / "pyproject.toml").write_text("[project]\n")
    (package / "src" / "one" / "loop.c").write_text("int x;\n")
    (tmp_path / "requirements-dev.txt").write_text("-e packages/one\n")
    (tmp_path / "constraints.txt").write_text("")
    shutil.copy(ROOT / "run.py", tmp_path)
    monkeypatch.delenv("SYMSTACK_VENV", raising=False)
    monkeypatch.chdir(tmp_path)
    specification = importlib.util.spec_from_file_location("run_py_under_test", tmp_path / "run.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def installs(run_py, monkeypatch):
    """Stands for venv and pip: counts what would have been made and installed."""
    done = []

    def make(folder):
        done.append("make")
        python = run_py.interpreter_of(folder)
        python.parent.mkdir(parents=True)
        python.write_text("")

    monkeypatch.setattr(run_py, "make_environment", make)
    monkeypatch.setattr(run_py, "works", lambda python: python.exists())
    monkeypatch.setattr(run_py, "install", lambda python: done.append("install"))
    return done


def test_the_set_up_is_made_once(run_py, installs):
    assert run_py.set_up() == run_py.set_up()
    assert installs == ["make", "install"]


@pytest.mark.parametrize(
    "changed", ["requirements-dev.txt", "packages/one/pyproject.toml", "packages/one/src/one/loop.c"]
)
def test_the_set_up_is_made_again_when_what_it_was_made_from_changes(run_py, installs, changed):
    run_py.set_up()
    with (run_py.ROOT / changed).open("a") as file:
        file.write("\n")
    run_py.set_up()
    assert installs == ["make", "install", "install"]


def test_a_change_of_python_code_needs_no_set_up(run_py, installs):
    run_py.set_up()
    (run_py.ROOT / "packages" / "one" / "src" / "one" / "new.py").write_text("x = 1\n")
    run_py.set_up()
    assert installs == ["make", "install"]


def test_a_failed_set_up_is_tried_again(run_py, installs, monkeypatch, capsys):
    def refuse(python):
        raise run_py.SetupError("no network")

    monkeypatch.setattr(run_py, "install", refuse)
    assert run_py.main(["setup"]) == 1
    assert "no network" in capsys.readouterr().err
    monkeypatch.setattr(run_py, "install", lambda python: installs.append("install"))
    assert run_py.main(["setup"]) == 0
    assert installs == ["make", "install"]


def test_another_version_of_python_gets_a_folder_of_its_own(run_py):
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    (run_py.ROOT / ".venv").mkdir()
    configuration = run_py.ROOT / ".venv" / "pyvenv.cfg"
    configuration.write_text(f"home = /usr/bin\nversion = {ours}.1\n")
    assert run_py.environment_folder() == run_py.ROOT / ".venv"
    configuration.write_text("home = /usr/bin\nversion_info = 3.9.18\n")
    assert run_py.environment_folder() == run_py.ROOT / f".venv-{ours}"


def test_pip_is_tried_when_uv_cannot_install(run_py, monkeypatch, capfd):
    called = []

    def run(command, environment=None):
        called.append("uv" if "uv" in command[:3] else "pip")
        return 1 if called[-1] == "uv" else 0

    monkeypatch.delenv("SYMSTACK_INSTALLER", raising=False)
    monkeypatch.setattr(run_py, "run", run)
    run_py.install(Path("python"))
    assert called == ["pip", "uv", "pip"]


def test_when_nothing_can_be_installed_the_message_says_so(run_py, monkeypatch):
    monkeypatch.setattr(run_py, "run", lambda command, environment=None: 1)
    with pytest.raises(run_py.SetupError, match=r"pip could not install requirements-dev\.txt"):
        run_py.install(Path("python"))


def test_an_unknown_command_is_refused_with_the_list(run_py, capsys):
    assert run_py.main(["fly"]) == 2
    assert "run.py demo" in capsys.readouterr().out
    assert run_py.main(["--help"]) == 0


@pytest.mark.parametrize("ci", [False, True])
def test_on_ci_the_checks_and_the_lone_packages_come_before_the_tests(run_py, monkeypatch, ci):
    called = []
    monkeypatch.setattr(run_py, "run", lambda command: called.append(Path(command[0]).name) or 0)
    monkeypatch.setenv("CI", "true") if ci else monkeypatch.delenv("CI", raising=False)
    assert run_py.test(Path("env/bin/python"), []) == 0
    assert called == [*(["ruff", "lint-imports", "mypy", "nox"] if ci else []), "python"]


def test_a_failed_check_fails_the_tests_but_does_not_hide_them(run_py, monkeypatch):
    called = []

    def run(command):
        called.append(Path(command[0]).name)
        return 3 if called[-1] == "mypy" else 0

    monkeypatch.setattr(run_py, "run", run)
    monkeypatch.setenv("CI", "true")
    assert run_py.test(Path("env/bin/python"), []) == 3
    assert called[-1] == "python"


@pytest.mark.skipif(os.name == "nt" or shutil.which("bash") is None, reason="needs bash")
def test_the_ci_script_can_be_run():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
