"""Numbers of its own for every test; the compiler, and a cache whose file operations can be made to fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from symcodegen import cachestore
from symcodegen.toolchain import Compiler, find_compiler
from symcore.testing.seeds import reseed


@pytest.fixture(autouse=True)
def _numbers_of_its_own(request):
    reseed(request.module, request.node.name)


@pytest.fixture(scope="session")
def compiler() -> Compiler:
    return find_compiler()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where a cache of kernels may be made: in a folder that belongs to the test alone."""
    return tmp_path / "cache"


@pytest.fixture
def hook() -> Iterator[Callable[[Callable[[str], None] | None], None]]:
    """Sets the fault hook, and clears it afterwards."""

    def set_hook(function: Callable[[str], None] | None) -> None:
        cachestore.fault_hook = function

    yield set_hook
    cachestore.fault_hook = None
