"""What the packages promise as distributions: where they come from, what they need, what their wheels hold."""

import ast
import importlib.metadata as metadata
import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ["symcore", "symopt", "symcodegen", "symgpu", "symnnet", "symscan", "symstack"]


def folder(package):
    return ROOT / "packages" / package


def project(package):
    return tomllib.loads((folder(package) / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def declared_version(package):
    """``__version__`` as written in the package's ``__init__``, read without importing it."""
    tree = ast.parse((folder(package) / "src" / package / "__init__.py").read_text(encoding="utf-8"))
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and [getattr(target, "id", "") for target in statement.targets] == [
            "__version__"
        ]:
            return ast.literal_eval(statement.value)
    return None


@pytest.mark.parametrize("package", FLOORS)
def test_a_sibling_was_installed_from_this_tree(package):
    text = metadata.distribution(package).read_text("direct_url.json")
    assert text is not None, f"{package} came from an index, where that name may belong to others: python3 run.py setup"
    url = urlparse(json.loads(text)["url"])
    assert url.scheme == "file"
    assert ROOT in Path(unquote(url.path)).resolve().parents


@pytest.mark.parametrize("package", FLOORS)
def test_version_licence_and_typing_marker(package):
    described = project(package)
    assert declared_version(package) == described["version"]
    assert described["license"] == "BSD-3-Clause"
    assert "Redistribution and use" in (folder(package) / "LICENSE").read_text(encoding="utf-8")
    assert (folder(package) / "src" / package / "py.typed").exists()
    assert f"## {described['version']}" in (folder(package) / "CHANGELOG.md").read_text(encoding="utf-8")
    assert described["requires-python"] == ">=3.11"


@pytest.mark.parametrize("package", FLOORS)
def test_siblings_are_required_in_compatible_ranges_and_from_lower_floors_only(package):
    described = project(package)
    lines = [*described["dependencies"]]
    lines += [line for extra in described["optional-dependencies"].values() for line in extra]
    for line in lines:
        name = re.match(r"[\w-]+", line)[0]
        if name not in FLOORS or name == package:
            continue
        assert FLOORS.index(name) < FLOORS.index(package)
        lower, upper = re.fullmatch(r"[\w-]+(?:\[[\w,]+\])?>=(\d+\.\d+(?:\.\d+)?),<(\d+\.\d+)", line).groups()
        version = tuple(map(int, project(name)["version"].split(".")))
        assert tuple(map(int, lower.split("."))) <= version < tuple(map(int, upper.split("."))), line


def test_symcore_needs_numpy_and_nothing_else():
    needed = [line for line in metadata.requires("symcore") if "extra ==" not in line]
    assert [re.match(r"[\w-]+", line)[0] for line in needed] == ["numpy"]


def test_importing_symcore_loads_numpy_and_nothing_else():
    code = """
import sys
before = set(sys.modules)
import symcore, symcore.tensor
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(name for name in loaded if name not in sys.stdlib_module_names and not name.startswith("_")))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["numpy", "symcore"]


@pytest.fixture(scope="module")
def wheel_of(tmp_path_factory):
    """A function that builds the wheel of a package from a copy of its folder, so that the tree stays clean."""

    def build(package):
        work = tmp_path_factory.mktemp(package)
        ignore = shutil.ignore_patterns("*.egg-info", "build", "__pycache__", "*.so", "*.pyd", ".*")
        shutil.copytree(folder(package), work / "source", ignore=ignore)
        if find_spec("pip"):
            command = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
        else:  # an environment that uv made has no pip
            command = ["uv", "build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable, "-o"]
        result = subprocess.run(
            [sys.executable, "-m", *command, str(work), str(work / "source")],
            capture_output=True, text=True, check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return next(work.glob("*.whl"))

    return build


@pytest.mark.slow
@pytest.mark.parametrize("package", FLOORS)
def test_a_wheel_holds_all_of_the_package_and_nothing_else(package, wheel_of):
    with zipfile.ZipFile(wheel_of(package)) as archive:
        names = set(archive.namelist())
    source = folder(package) / "src"
    data = {".py", ".c", ".h", ".typed"}
    wanted = {path.relative_to(source).as_posix() for path in (source / package).rglob("*") if path.suffix in data}
    assert wanted - names == set(), "files of the source tree that the wheel lacks"
    described = f"{package}-{project(package)['version']}.dist-info"
    assert f"{described}/licenses/LICENSE" in names
    strangers = {name for name in names if name.split("/")[0] not in {package, described}}
    assert strangers == set()
    made_up = {
        name for name in names - wanted if name.startswith(f"{package}/") and Path(name).suffix in data | {".pyc"}
    }
    assert made_up == set()
