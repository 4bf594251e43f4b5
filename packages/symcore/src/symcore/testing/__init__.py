"""The test kit: one ``OpCase`` tests all that an Op promises. It ships with the package, for the Ops of others."""

from symcore.gradient.verify import numeric_grad, verify_grad
from symcore.testing.case import OpCase
from symcore.testing.check import BACKENDS, check_op
from symcore.testing.registry import missing_cases, missing_coverage, op_classes
from symcore.testing.tally import Tally
from symcore.testing.variants import of_other_dtypes, variants
