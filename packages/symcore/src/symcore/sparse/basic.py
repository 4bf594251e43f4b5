"""The names of ``symcore.sparse`` under the module that older code takes them from."""

from symcore.sparse import *  # noqa: F403
from symcore.sparse import _is_sparse as _is_sparse
from symcore.sparse import _is_sparse_variable as _is_sparse_variable
