"""A package that extends symstack from outside installs, is found, and passes its own tests.

It is installed into a folder of its own, which only the processes started here have on their path: so the other tests
of this tree never see its rule.
"""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "tests" / "plugin_example"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The environment of a process that has the example installed."""
    work = tmp_path_factory.mktemp("plugin")
    shutil.copytree(EXAMPLE, work / "source", ignore=shutil.ignore_patterns("*.egg-info", "build", "__pycache__"))
    # An environment that uv made has no pip.
    pip = ["pip", "install"] if find_spec("pip") else ["uv", "pip", "install", "--python", sys.executable]
    command = [sys.executable, "-m", *pip, "--quiet", "--no-deps", "--no-build-isolation"]
    target = work / "installed"
    subprocess.run([*command, "--target", str(target), str(work / "source")], check=True, capture_output=True)
    path = os.pathsep.join(filter(None, [str(target), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path}


def python(environment, *arguments):
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, cwd=ROOT / "docs", capture_output=True, text=True, check=False)


@pytest.mark.default_mode
def test_the_example_passes_its_own_tests(installed):
    options = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), "-p", "no:cacheprovider", "-q"]
    result = python(installed, "-m", "pytest", *options, str(EXAMPLE / "tests"))
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout


def test_it_is_found_where_it_is_installed_and_nowhere_else(installed):
    code = "from symcore import plugins; print('horner' in plugins.names('symstack.rewrites'))"
    without = {name: value for name, value in installed.items() if name != "PYTHONPATH"}
    assert [python(environment, "-c", code).stdout for environment in (installed, without)] == ["True\n", "False\n"]


def test_neither_rule_nor_c_is_loaded_before_the_first_compile(installed):
    code = """
import sys
import symplugin_horner, symcore.tensor
early = {"symplugin_horner.rules", "symplugin_horner.c", "symopt", "symcodegen"} & set(sys.modules)
from symopt.function import function
from symcore.tensor import dvector
x = dvector("x")
function([x], symplugin_horner.Horner((1.0, 2.0, 3.0))(x))
print(sorted(early), "symplugin_horner.rules" in sys.modules)
"""
    result = python(installed, "-c", code)
    assert result.stdout == "[] True\n", result.stderr


def test_its_readme_runs(installed):
    [example] = (EXAMPLE / "README.md").read_text(encoding="utf-8").split("```python\n")[1:]
    result = python(installed, "-c", example.split("```")[0])
    assert result.returncode == 0, result.stderr
