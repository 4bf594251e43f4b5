"""Sums and products taken apart and put together again: the algebra that the rules on them share.

Nothing is ever rewritten into a normal form. A tree of ``add``, ``sub`` and ``neg`` (or ``mul``, ``true_div``,
``reciprocal`` and ``neg``) is read as a list of signed terms (or of numbers, factors and divisors), and only where
that list gets simpler a new tree is built.
"""

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from symcore.graph.variable import Constant
from symcore.record import Record
from symcore.tensor import scalar_functions as sf
from symcore.tensor.constant import constant, scalar_value
from symopt.match import fn_of

#: How many terms or factors a tree is opened into. Chains of any length are so handled in linear time.
WIDEST = 16

Number = int | float | complex


class Term(Record):
    """``number * product(scalars) * product(rest)``. ``scalars`` are 0-d variables beside factors that are not."""

    number: Number
    scalars: tuple[Any, ...]
    rest: tuple[Any, ...]


class Product(Record):
    """``product(numbers) * product(over) / (product(divisors) * product(under))``."""

    numbers: list[Number]
    over: list[Any]
    divisors: list[Number]
    under: list[Any]
    #: Whether a ``neg`` was met below the top; it counts as a number -1.
    negated: bool
    #: The tree as it was read, from the top: functions with the count of their operands, and leaves.
    tree: list["Step"]


class Step:
    """One step of reading a product: ``fn`` of ``operands`` products that follow, or the leaf ``v``.

    ``above``: whether it stands over or under the fraction line. ``is_number``: whether the leaf is a number.
    """

    __slots__ = ("above", "fn", "is_number", "operands", "v")

    def __init__(self, fn: Any, operands: int, v: Any, above: bool, is_number: bool = False):
        self.fn, self.operands, self.v = fn, operands, v
        self.above, self.is_number = above, is_number


def as_number(v: Any) -> Number | None:
    """Return a constant that carries no shape (0-d, or all lengths 1) as a Python number."""
    if not isinstance(v, Constant) or v.type.dtype.kind == "b" or v.data.size != 1:
        return None
    number: Number = v.data.item()
    return number


def uniform_number(v: Any) -> Number | None:
    """Return the one number that all elements of a constant have."""
    value = scalar_value(v)
    return None if value is None or value.dtype.kind == "b" else value.item()


def whole_number(v: Any) -> int | None:
    """Return the one whole number that all elements of a constant are, of any dtype."""
    number = uniform_number(v)
    if number is None or isinstance(number, complex) or not math.isfinite(number) or number != int(number):
        return None
    return int(number)


def number_constant(number: Number, dtype: np.dtype[Any]) -> Any:
    """Return a 0-d constant, or ``None`` for a float that ``dtype`` cannot hold. Integers wrap around as in arrays."""
    if dtype.kind in "iu":
        bits = 8 * dtype.itemsize
        wrapped = int(number) % (1 << bits)  # type: ignore[arg-type]
        if dtype.kind == "i" and wrapped >= 1 << (bits - 1):
            wrapped -= 1 << bits
        return constant(wrapped, dtype=dtype)
    if not holds(number, dtype):
        return None
    return constant(number, dtype=dtype)


def holds(number: Number, dtype: np.dtype[Any]) -> bool:
    """Tell whether a number is finite in ``dtype``, and zero there only if it is zero."""
    if dtype.kind in "iu":
        return True
    size = abs(number)
    if not math.isfinite(size):
        return False
    info = np.finfo(dtype)
    return size == 0 or float(info.tiny) <= size <= float(info.max)


def _opens(v: Any, out: Any, clients: Any) -> bool:
    """Tell whether a nested sum or product may be taken apart: nobody else needs it, it is as large as the whole."""
    return (v.type.dtype is out.type.dtype and v.type.broadcastable == out.type.broadcastable
            and (clients is None or len(clients.get(v, ())) == 1))


# ---------------------------------------------------------------------- sums


def signed_terms(out: Any, fgraph: Any, shared: bool = False) -> list[tuple[int, Any]]:
    """Return the sum ``out`` as ``(sign, variable)`` pairs, in order. ``shared``: open sums that others use too."""
    clients = None if shared else fgraph.clients
    found: list[tuple[int, Any]] = []
    stack: list[tuple[int, Any]] = [(1, out)]
    while stack:
        sign, v = stack.pop()
        fn = fn_of(v)
        nested = fn is sf.add or fn is sf.sub or fn is sf.neg
        if not nested or len(found) + len(stack) > WIDEST or (v is not out and not _opens(v, out, clients)):
            found.append((sign, v))
        elif fn is sf.add:
            stack.extend((sign, x) for x in reversed(v.owner.inputs))
        elif fn is sf.sub:
            a, b = v.owner.inputs
            stack += [(-sign, b), (sign, a)]
        else:
            stack.append((-sign, v.owner.inputs[0]))
    return found


def as_term(sign: int, v: Any) -> Term:
    """Return one term of a sum with its coefficient taken out."""
    fn = fn_of(v)
    if fn is sf.neg:
        sign, v = -sign, v.owner.inputs[0]
        fn = fn_of(v)
    if fn is not sf.mul:
        return Term(sign, (), (v,))
    number: Number = sign
    scalars, rest = [], []
    for x in v.owner.inputs:
        value = as_number(x) if x.type.dtype is v.type.dtype else None
        if value is not None:
            number *= value
        elif x.type.ndim == 0 < v.type.ndim:
            scalars.append(x)
        else:
            rest.append(x)
    return Term(number, tuple(scalars), tuple(rest))


def build_product(parts: Sequence[Any], dtype: np.dtype[Any]) -> Any:
    """Return the product of at least one variable in ``dtype``: two int8 factors of a float64 product may not meet
    alone, where they would overflow."""
    parts = [sf.cast(v, dtype) for v in parts]
    return parts[0] if len(parts) == 1 else sf.mul(*parts)


def build_sum(out: Any, total: Number, entries: Sequence[tuple[Sequence[Term], tuple[Any, ...]]]) -> Any:
    """Return ``total + sum(coefficient * rest)``. An entry holds the terms that add up to the coefficient of ``rest``.

    ``None`` when a number does not fit the dtype of ``out``.
    """
    dtype = out.type.dtype
    plus: list[Any] = []
    minus: list[Any] = []
    for terms, rest in entries:
        if any(t.scalars for t in terms):
            plus.append(build_product([_coefficient(terms, dtype), *rest], dtype))
            continue
        number = sum(t.number for t in terms)
        if number == 0:
            continue
        negative = not isinstance(number, complex) and number < 0
        size = -number if negative else number
        factor = [] if size == 1 else [number_constant(size, dtype)]
        if factor == [None]:
            return None
        (minus if negative else plus).append(build_product([*factor, *rest], dtype))
    if total != 0 or not (plus or minus):
        last = number_constant(total, dtype)
        if last is None:
            return None
        plus.append(last)
    return build_difference(plus, minus, dtype)


def build_difference(plus: Sequence[Any], minus: Sequence[Any], dtype: np.dtype[Any]) -> Any:
    """Return ``sum(plus) - sum(minus)`` in ``dtype``; at least one of them is not empty."""
    plus, minus = [sf.cast(v, dtype) for v in plus], [sf.cast(v, dtype) for v in minus]
    if not minus:
        return plus[0] if len(plus) == 1 else sf.add(*plus)
    less = minus[0] if len(minus) == 1 else sf.add(*minus)
    if not plus:
        return sf.neg(less)
    return sf.sub(plus[0] if len(plus) == 1 else sf.add(*plus), less)


def _coefficient(terms: Sequence[Term], dtype: np.dtype[Any]) -> Any:
    plus: list[Any] = []
    minus: list[Any] = []
    for t in terms:
        negative = not isinstance(t.number, complex) and t.number < 0
        size = -t.number if negative else t.number
        parts = [*([constant(size, dtype=dtype)] if size != 1 or not t.scalars else []), *t.scalars]
        (minus if negative else plus).append(build_product(parts, dtype))
    return build_difference(plus, minus, dtype)


# ---------------------------------------------------------------------- products


def product_of(out: Any, fgraph: Any, shared: bool = False) -> Product:
    """Return the product ``out`` taken apart. ``shared``: open products that others use too."""
    clients = None if shared else fgraph.clients
    found = Product([], [], [], [], False, [])
    negated = False
    stack: list[tuple[bool, Any]] = [(True, out)]
    while stack:
        above, v = stack.pop()
        number = as_number(v) if v.type.dtype is out.type.dtype else None
        if number is not None:
            (found.numbers if above else found.divisors).append(number)
            found.tree.append(Step(None, 0, v, above, True))
            continue
        fn = fn_of(v)
        nested = fn is sf.mul or fn is sf.true_div or fn is sf.neg or fn is sf.reciprocal
        open_factors = len(found.over) + len(found.under) + len(stack)
        if not nested or open_factors > WIDEST or (v is not out and not _opens(v, out, clients)):
            (found.over if above else found.under).append(v)
            found.tree.append(Step(None, 0, v, above))
            continue
        found.tree.append(Step(fn, len(v.owner.inputs), v, above))
        if fn is sf.mul:
            stack.extend((above, x) for x in reversed(v.owner.inputs))
        elif fn is sf.true_div:
            a, b = v.owner.inputs
            stack += [(not above, b), (above, a)]
        elif fn is sf.reciprocal:
            stack.append((not above, v.owner.inputs[0]))
        else:
            found.numbers.append(-1)
            negated = negated or v is not out
            stack.append((above, v.owner.inputs[0]))
    return Product(found.numbers, found.over, found.divisors, found.under, negated, found.tree)


def cancelling(found: Product) -> set[int]:
    """Return the steps of ``found`` that stand over and under the line, those nearest to each other together."""
    places: dict[Any, tuple[list[int], list[int]]] = {}
    for k, step in enumerate(found.tree):
        if step.fn is None and not step.is_number:
            places.setdefault(step.v, ([], []))[step.above].append(k)
    pairs = sorted((abs(i - k), i, k) for over, under in places.values() for i in over for k in under)
    taken: set[int] = set()
    for _, i, k in pairs:
        if i not in taken and k not in taken:
            taken |= {i, k}
    return taken


def rebuild_product(
    out: Any, found: Product, number: Number = 1, divisor: Number = 1, dropped: Collection[int] = ()
) -> Any:
    """Return ``found`` with all its signs and numbers gathered in one ``number`` and one ``divisor``, which stand where
    the first of them stood, and without the steps ``dropped``.

    Factors stay in the order in which they are multiplied and divided, and with it what over- and underflows on the
    way: ``a / c * d`` is not ``a * d / c``. ``None`` when a number does not fit the dtype.
    """
    dtype = out.type.dtype
    negative = number == -1 and dtype.kind in "ifc" and bool(found.over)
    numbers = {True: [] if number == 1 or negative else [number], False: [] if divisor == 1 else [divisor]}
    if not all(holds(n, dtype) for each in numbers.values() for n in each):
        return None
    leaves: list[Any] = []
    for k, step in enumerate(found.tree):
        if step.fn is None and step.is_number:
            leaves.append(number_constant(numbers[step.above].pop(), dtype) if numbers[step.above] else None)
        elif step.fn is None:
            leaves.append(None if k in dropped else step.v)
    result = _put_together(found.tree, leaves, dtype)
    if result is None or numbers[True]:  # signs alone made the number of an unsigned product
        factor = number_constant(numbers[True].pop() if numbers[True] else 1, dtype)
        result = factor if result is None else sf.mul(factor, result)
    if numbers[False]:
        result = sf.true_div(result, number_constant(divisor, dtype))
    return sf.neg(result) if negative else result


def _put_together(tree: Sequence[Step], leaves: list[Any], dtype: np.dtype[Any]) -> Any:
    """Return the product that ``tree`` describes without signs, with other ``leaves``; ``None`` for an empty one."""
    done: list[Any] = []  # what has been put together, the leftmost last
    remaining = list(leaves)
    for step in reversed(tree):
        if step.fn is None:
            done.append(remaining.pop())
            continue
        operands = [done.pop() for _ in range(step.operands)]
        if step.fn is sf.neg:
            done.append(operands[0])
        elif step.fn is sf.mul:
            factors = [v for v in operands if v is not None]
            done.append(build_product(factors, dtype) if factors else None)
        else:
            over, under = operands if step.fn is sf.true_div else (None, operands[0])
            if under is not None:
                over = number_constant(1, dtype) if over is None else sf.cast(over, dtype)
                over = sf.true_div(over, sf.cast(under, dtype))
            done.append(over)
    return done[0]
