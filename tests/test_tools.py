"""The lists of packages and sessions that several files keep are the same everywhere, and no file names an index."""

import configparser
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = sorted(path.parent.name for path in (ROOT / "packages").glob("*/pyproject.toml"))


@pytest.fixture(scope="module")
def noxfile():
    pytest.importorskip("nox")
    specification = importlib.util.spec_from_file_location("noxfile_under_test", ROOT / "noxfile.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_nox_knows_every_package_and_describes_every_session(noxfile):
    assert sorted(noxfile.PACKAGES) == PACKAGES
    described = set(re.findall(r"^(\w+)  ", noxfile.__doc__, re.MULTILINE))
    sessions = {name for name, value in vars(noxfile).items() if type(value).__module__.startswith("nox.")}
    assert described == sessions - {"nox"}


def test_versions_compare_as_numbers(noxfile):
    assert noxfile.release("0.1") == noxfile.release("0.1.0") < noxfile.release("0.1.2") < noxfile.release("0.1.10")


def test_lower_bounds_are_those_of_the_siblings_only(noxfile):
    assert noxfile.lower_bounds("symcore") == {}
    assert noxfile.lower_bounds("symopt") == {"symcore": "0.1"}


def test_tox_has_a_cell_for_every_package():
    tox = configparser.ConfigParser()
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    [(pythons, packages)] = re.findall(r"py\{([\d,]+)\}-\{([\w,]+)\}", tox["tox"]["env_list"])
    assert pythons == "311,312,313"
    for listed in (packages.split(","), re.findall(r"^(\w+): \1\[test\]$", tox["testenv"]["deps"], re.MULTILINE)):
        assert sorted(listed) == PACKAGES
    tested = re.findall(r"^(\w+): pytest .*/packages/\1/tests", tox["testenv"]["commands"], re.MULTILINE)
    assert sorted(tested) == PACKAGES


def test_the_development_requirements_install_every_package_from_the_tree():
    requirements = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^-e packages/(\w+)", requirements, re.MULTILINE)) == PACKAGES


@pytest.mark.parametrize(
    "name", ["requirements-dev.txt", "constraints.txt", "docs/requirements.txt", "tox.ini", "noxfile.py"]
)
def test_no_address_of_an_index_is_written_down(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.findall(r"https?://|--index-url|--extra-index-url|--find-links", text)
