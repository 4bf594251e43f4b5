"""Numbers of its own for every test; tests of what is compiled are skipped where there is nothing to compile with."""

from importlib.util import find_spec

import pytest

from symcore.testing.seeds import reseed


def pytest_runtest_setup(item):
    # symcodegen is optional here: without it programs are in Python, and these tests look at those of the C machine.
    if item.get_closest_marker("c") is not None and find_spec("symcodegen") is None:
        pytest.skip("symcodegen is not installed")


@pytest.fixture(autouse=True)
def _numbers_of_its_own(request):
    reseed(request.module, request.node.name)
