"""``T.sharedvar``: shared variables under the module name that older code takes them from."""

from symcore.graph.shared import SharedVariable
from symcore.tensor.shared import shared
from symcore.tensor.variable import TensorSharedVariable

__all__ = ["SharedVariable", "TensorSharedVariable", "shared"]
