"""``T.extra_ops``: functions of the language under the module name that older code takes them from."""

from symcore.tensor.arranging import bartlett, repeat
from symcore.tensor.counting import bincount, ravel_multi_index, searchsorted, to_one_hot, unique, unravel_index
from symcore.tensor.cumulative import cumprod, cumsum, diff
from symcore.tensor.diagonals import fill_diagonal, fill_diagonal_offset
from symcore.tensor.functions import squeeze
from symcore.tensor.gather import compress

__all__ = [
    "bartlett", "bincount", "compress", "cumprod", "cumsum", "diff", "fill_diagonal", "fill_diagonal_offset",
    "ravel_multi_index", "repeat", "searchsorted", "squeeze", "to_one_hot", "unique", "unravel_index",
]  # fmt: skip
