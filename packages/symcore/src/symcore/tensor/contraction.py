"""``einsum`` and its kin, made of transposes, (batched) matrix products and sums, so that they run where those run.

A *term* is a tensor with one letter per axis. Two terms are contracted at a time, from the left: letters that both have
and something later still needs are batch axes, other common letters are summed by the product.
"""

from collections.abc import Sequence
from typing import Any

from symcore.tensor.constant import as_tensors, constant
from symcore.tensor.diagonals import diagonal
from symcore.tensor.products import BatchedDot, Dot
from symcore.tensor.reduce import normalize_axis
from symcore.tensor.reductions import sum as total
from symcore.tensor.shapes import Reshape, shape_i

#: A tensor and the letters of its axes.
Term = tuple[Any, str]

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def einsum(subscripts: Any, *operands: Any) -> Any:
    """Return the sum of products that ``subscripts`` describe, as ``numpy.einsum``.

    Parameters
    ----------
    subscripts
        ``"ij,jk->ik"``: the letters of each operand's axes, and those of the result (without ``->``: the letters that
        occur once, in alphabetical order); ``...`` stands for further axes, which broadcast. Or ``einsum(x, [0, 1], y,
        [1, 2], [0, 2])``.

    Raises
    ------
    ValueError
        For subscripts that do not fit the operands.
    """
    given: Sequence[Any] = operands
    if not isinstance(subscripts, str):
        subscripts, given = _from_lists([subscripts, *operands])
    variables = as_tensors(given)
    letters, result = _parse(subscripts, [v.type.ndim for v in variables])
    terms = [_with_diagonals((v, term)) for v, term in zip(variables, letters, strict=True)]
    while len(terms) > 1:
        (a, b, *rest) = terms
        later = set(result).union(*(term for _, term in rest))
        terms = [contract(a, b, later), *rest]
    [last] = [_reduced(terms[0], set(result))]
    return last[0].dimshuffle(*[last[1].index(c) for c in result])


def _from_lists(arguments: Sequence[Any]) -> tuple[str, list[Any]]:
    """Convert ``x, [0, 1], y, [1, 2], [0, 2]`` to a string and operands."""

    def spell(numbers: Any) -> str:
        if any(k is not Ellipsis and not 0 <= k < len(_LETTERS) for k in numbers):
            raise ValueError(f"einsum numbers axes from 0 to {len(_LETTERS) - 1}, got {list(numbers)}.")
        return "".join("..." if k is Ellipsis else _LETTERS[k] for k in numbers)

    pairs = len(arguments) // 2
    text = ",".join(spell(arguments[2 * k + 1]) for k in range(pairs))
    if len(arguments) % 2:
        text += "->" + spell(arguments[-1])
    return text, [arguments[2 * k] for k in range(pairs)]


def _parse(subscripts: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """Return the letters of every operand and of the result, with ``...`` spelled out in letters not used otherwise."""
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise ValueError(f"einsum {subscripts!r} describes {len(terms)} operands, {len(ranks)} were given.")
    for part in (*terms, right):
        bare = part.replace("...", "", 1)
        if not all(c in _LETTERS for c in bare):
            raise ValueError(f"einsum {subscripts!r}: {part!r} holds something other than letters and '...'.")
    free = iter([c for c in reversed(_LETTERS) if c not in subscripts])
    hidden = [rank - len(t.replace("...", "")) if "..." in t else 0 for t, rank in zip(terms, ranks, strict=True)]
    dots = "".join(next(free) for _ in range(max([*hidden, 0])))
    spelled = []
    for term, rank, extra in zip(terms, ranks, hidden, strict=True):
        full = term.replace("...", dots[len(dots) - extra :] if extra > 0 else "")
        if len(full) != rank or extra < 0:
            raise ValueError(f"einsum {subscripts!r}: {term!r} does not fit an operand of {rank} dimensions.")
        spelled.append(full)
    if arrow:
        result = right.replace("...", dots)
    else:
        joined = left.replace("...", "").replace(",", "")
        result = dots + "".join(sorted(c for c in set(joined) if joined.count(c) == 1))
    if len(set(result)) != len(result) or not set(result) <= set("".join(spelled)):
        raise ValueError(f"einsum {subscripts!r}: each letter of the result must occur in it once and in an operand.")
    return spelled, result


def _with_diagonals(term: Term) -> Term:
    """Return a term in which no letter occurs twice: ``ii`` becomes the diagonal ``i``."""
    x, letters = term
    for c in dict.fromkeys(letters):
        while letters.count(c) > 1:
            first = letters.index(c)
            second = letters.index(c, first + 1)
            x = diagonal(x, 0, first, second)
            letters = letters[:first] + letters[first + 1 : second] + letters[second + 1 :] + c
    return x, letters


def _reduced(term: Term, needed: set[str]) -> Term:
    """Sum over the letters that nothing needs."""
    x, letters = term
    axes = tuple(k for k, c in enumerate(letters) if c not in needed)
    return (total(x, axes, dtype=x.type.dtype), "".join(c for c in letters if c in needed)) if axes else term


def _without_stretched(a: Term, b: Term) -> Term:
    """Drop from ``a`` the axes of length 1 that ``b`` has longer: the product broadcasts along them."""
    (x, letters), (y, others) = a, b
    kept = [
        k
        for k, c in enumerate(letters)
        if c not in others or x.type.shape[k] != 1 or y.type.shape[others.index(c)] == 1
    ]
    return x.dimshuffle(*kept), "".join(letters[k] for k in kept)


def contract(a: Term, b: Term, later: set[str]) -> Term:
    """Return the product of two terms, summed over the letters that are not needed ``later``."""
    a, b = _without_stretched(a, b), _without_stretched(b, a)
    a, b = _reduced(a, later | set(b[1])), _reduced(b, later | set(a[1]))
    (x, first), (y, second) = a, b
    batch = [c for c in first if c in second and c in later]
    summed = [c for c in first if c in second and c not in later]
    rows, columns = [c for c in first if c not in second], [c for c in second if c not in first]
    letters = "".join([*batch, *rows, *columns])
    if not summed:
        return _arranged(x, first, letters) * _arranged(y, second, letters), letters
    lengths = [shape_i(x, first.index(c)) for c in [*batch, *rows]] + [shape_i(y, second.index(c)) for c in columns]
    if not batch:
        product = Dot()(_blocks(a, rows, summed), _blocks(b, summed, columns))
    else:
        product = BatchedDot()(_blocks(a, batch, rows, summed), _blocks(b, batch, summed, columns))
    return Reshape(len(lengths))(product, *lengths), letters


def _arranged(x: Any, letters: str, wanted: str) -> Any:
    return x.dimshuffle(*[letters.index(c) if c in letters else "x" for c in wanted])


def _blocks(term: Term, *groups: Sequence[str]) -> Any:
    """Return a term with each group of its letters as one axis."""
    x, letters = term
    x = x.dimshuffle(*[letters.index(c) for group in groups for c in group])
    if all(len(group) == 1 for group in groups):
        return x
    lengths, at = [], 0
    for group in groups:
        length = constant(1, dtype="int64")
        for axis in range(at, at + len(group)):
            length = shape_i(x, axis) if axis == at else length * shape_i(x, axis)
        lengths.append(length)
        at += len(group)
    return Reshape(len(groups))(x, *lengths)


def batched_tensordot(x: Any, y: Any, axes: Any = 2) -> Any:
    """Return, for every position along the common first axis, the ``tensordot`` of the rest.

    ``axes``: how many of the last axes of ``x`` are summed against the first of ``y`` after the batch axis, or two
    lists of axes (counted with the batch axis, which they may not name).
    """
    x, y = as_tensors([x, y])
    if isinstance(axes, int):
        axes = [range(x.type.ndim - axes, x.type.ndim), range(1, 1 + axes)]
    pairs = [[a] if isinstance(a, int) else list(a) for a in axes]
    if len(pairs) != 2 or len(pairs[0]) != len(pairs[1]):
        raise ValueError(f"batched_tensordot needs as many axes of x as of y, got {axes!r}.")
    for pair, v in zip(pairs, (x, y), strict=True):
        if 0 in normalize_axis(pair, v.type.ndim):
            raise ValueError(f"batched_tensordot cannot sum over the batch axis 0, got the axes {pair} of {v.type}.")
    first = _LETTERS[: x.type.ndim]
    second = [first[0], *_LETTERS[x.type.ndim : x.type.ndim + y.type.ndim - 1]]
    for i, j in zip(*pairs, strict=True):
        second[j] = first[i]
    summed = {first[i] for i in pairs[0]}
    kept = set(first).union(second) - summed
    return contract((x, first), (y, "".join(second)), kept)[0]
