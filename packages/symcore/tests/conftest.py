"""Cases whose Ops need SciPy are skipped where it is not installed: symcore itself does not depend on it."""

from importlib.util import find_spec

import pytest

from symcore.tensor.elemwise import Elemwise
from symcore.testing.linalg_cases import SCIPY_CASES
from symcore.testing.seeds import reseed
from symcore.testing.sparse_cases import SPARSE_CASES


def pytest_collection_modifyitems(items):
    if find_spec("scipy") is not None:
        return
    needing = {id(case) for case in (*SCIPY_CASES, *SPARSE_CASES)}
    functions = {case.op.fn.name for case in SCIPY_CASES if isinstance(case.op, Elemwise)}
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        on_dtypes = getattr(item, "originalname", None) == "test_scalar_functions_on_every_dtype"
        by_name = on_dtypes and parameters["name"] in functions
        if by_name or any(id(value) in needing for value in parameters.values()):
            item.add_marker(pytest.mark.skip(reason="needs SciPy: pip install 'symcore[scipy]'"))


@pytest.fixture(autouse=True)
def _numbers_of_its_own(request):
    reseed(request.module, request.node.name)
