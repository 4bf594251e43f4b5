"""The gradient of the logarithm of a determinant: an inverse in the place of an adjugate over the determinant.

The gradient of ``det(x)`` is the adjugate, which exists for singular matrices too, and takes a singular value
decomposition to be exact there. That of ``log(det(x))`` divides it by the determinant again.
"""

import sys
from collections.abc import Iterator
from typing import Any

from symcore.ifelse import ifelse
from symcore.tensor import scalar_functions as sf
from symcore.tensor.shapes import DimShuffle
from symopt.match import conform, fn_of, number_like, op_of
from symopt.rule import rewrite
from symopt.ruleset import RuleSet

_INVERSES = "symcore.linalg.inverses"
_PRODUCTS = (sf.mul, sf.true_div, sf.reciprocal, sf.neg)


#: How deep a product is looked into.
_DEEP = 8


class _Reading:
    """A product read as factors over and under the fraction line.

    Scalars are always taken apart, matrices where nobody else needs the product.
    """

    def __init__(self, out: Any, fgraph: Any):
        self.out = out
        self._clients = fgraph.clients
        self.leaves = list(self._read(out, True, 0))

    def _opens(self, v: Any, depth: int) -> bool:
        if fn_of(v) not in _PRODUCTS or v.type.dtype is not self.out.type.dtype or depth > _DEEP:
            return False
        return v is self.out or not v.type.ndim or len(self._clients[v]) == 1

    def _read(self, v: Any, above: bool, depth: int) -> Iterator[tuple[bool, Any]]:
        if not self._opens(v, depth):
            yield above, v
            return
        fn = fn_of(v)
        for k, operand in enumerate(v.owner.inputs):
            turned = fn is sf.reciprocal or (fn is sf.true_div and k == 1)
            yield from self._read(operand, above != turned, depth + 1)

    def once(self, v: Any) -> bool:
        """Tell whether ``v`` is one leaf, and not several."""
        return sum(v is leaf for _, leaf in self.leaves) == 1

    def replaced(self, new: dict[Any, Any]) -> Any:
        """Return the product with other leaves, a ``None`` for one that becomes 1."""
        return self._replaced(self.out, new, 0)

    def _replaced(self, v: Any, new: dict[Any, Any], depth: int) -> Any:
        if not self._opens(v, depth):
            return new.get(v, v)
        fn = fn_of(v)
        operands = [self._replaced(x, new, depth + 1) for x in v.owner.inputs]
        if fn is sf.mul:
            kept = [x for x in operands if x is not None]
            return sf.mul(*kept) if len(kept) > 1 else kept[0] if kept else None
        if operands[-1] is None:  # what was divided by, or the one operand
            return operands[0] if fn is sf.true_div else None if fn is sf.reciprocal else number_like(-1, v)
        return fn(*[number_like(1, v) if x is None else x for x in operands])


def _as_matrix(v: Any) -> tuple[Any, bool]:
    """Return what ``v`` is the transpose of, and whether it is one."""
    op = op_of(v)
    turned = isinstance(op, DimShuffle) and op.order == (1, 0)
    return (v.owner.inputs[0], True) if turned else (v, False)


def _determinant(product: _Reading, x: Any, det: Any) -> tuple[Any, list[Any]]:
    """Return ``det(x)`` and the leaves that divide by it: itself, or ``abs(det(x))`` under ``sgn(det(x))``."""
    for above, v in product.leaves:
        d = v.owner.inputs[0] if fn_of(v) is sf.abs else v
        if above or op_of(d) != det or d.owner.inputs[0] is not x or not product.once(v):
            continue
        if d is v:
            return d, [v]
        for over, sign in product.leaves:
            if over and fn_of(sign) is sf.sgn and sign.owner.inputs[0] is d and product.once(sign):
                return d, [v, sign]
    return None, []


@rewrite(sf.true_div, sf.mul, phase="stabilize", tags={"more_accurate"})
def adjugate_over_determinant(node: Any, fgraph: Any) -> Any:
    """``adjugate(x) / det(x) -> ifelse(abs(det(x)) > 0, inv(x), adjugate(x) / det(x))``, and so of transposes,
    among other factors, and of ``sgn(det(x)) / abs(det(x))``, the slope of ``log(abs(det(x)))``.

    A singular matrix keeps the infinities and NaN of the quotient, where the inverse would be an error: it is one where
    elimination meets a pivot of 0, and then the determinant, the product of the pivots, is 0, or NaN beside an infinite
    one. Where the adjugate or its product with other factors over- or underflows, the inverse may be finite.
    """
    inverses: Any = sys.modules.get(_INVERSES)  # no graph holds an Op of a module that nobody has imported
    out = node.outputs[0]
    if inverses is None or out.type.ndim != 2 or out.type.dtype.kind != "f":
        return None
    product = _Reading(out, fgraph)
    for above, v in product.leaves:
        adjugate, turned = _as_matrix(v)
        if not above or op_of(adjugate) != inverses.adjugate or not product.once(v):
            continue
        x = adjugate.owner.inputs[0]
        d, divisors = _determinant(product, x, inverses.det)
        if d is not None:
            inverse, singular = inverses.inv(x), inverses.Adjugate(singular=True)(x)
            if turned:
                inverse, singular = DimShuffle((1, 0))(inverse), DimShuffle((1, 0))(singular)
            regular = conform(product.replaced({v: inverse, **dict.fromkeys(divisors)}), out, fgraph)
            quotient = conform(product.replaced({v: singular}), out, fgraph)
            if regular is not None and quotient is not None:
                return conform(ifelse(sf.gt(sf.abs(d), number_like(0, d)), regular, quotient), out, fgraph)
    return None


RULES = RuleSet(adjugate_over_determinant)
