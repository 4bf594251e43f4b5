"""Numbers of its own for every test."""

import pytest

from symcore.testing.seeds import reseed


@pytest.fixture(autouse=True)
def _numbers_of_its_own(request):
    reseed(request.module, request.node.name)
