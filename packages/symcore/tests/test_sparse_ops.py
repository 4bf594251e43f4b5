"""Every Op of sparse matrices on its cases: values against NumPy, derivatives with respect to sparse inputs."""

import pytest

from symcore.testing.sparse_cases import SPARSE_CASES, SparseCase, check_sparse


@pytest.mark.parametrize("case", SPARSE_CASES, ids=[f"{k}-{case}" for k, case in enumerate(SPARSE_CASES)])
def test_sparse_op(case: SparseCase):
    check_sparse(case)
