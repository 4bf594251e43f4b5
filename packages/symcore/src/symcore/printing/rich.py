"""What notebooks show: expressions as LaTeX, compiled functions as a table in HTML. Nothing is computed for it.

IPython asks an object for ``_repr_latex_`` and ``_repr_html_``; these are the functions behind them. They need neither
IPython nor a browser: they return text. Large graphs are cut: at ``BUDGET`` operations, and at ``DEPTH`` levels.

How an Op is written is a function ``(op, node) -> (precedence, parts)``; ``register(OpClass)`` enters one for an Op of
another package. An Op without one is written as a function of its inputs.
"""

import html
import re
from collections.abc import Callable, Sequence
from functools import singledispatch
from typing import Any

import numpy as np

from symcore.graph.shared import SharedVariable
from symcore.graph.variable import Apply, Constant, Variable
from symcore.op import Op
from symcore.tensor.elemwise import Composite, Elemwise
from symcore.tensor.indexing import INPUT
from symcore.tensor.products import Dot
from symcore.tensor.reduce import Reduce
from symcore.tensor.shapes import DimShuffle, MakeVector, Shape_i, ShapeOf
from symcore.tensor.subtensor import AdvancedIncSubtensor, AdvancedSubtensor, IncSubtensor, Subtensor

#: Variables that are written out at most, and levels.
BUDGET, DEPTH = 120, 24
#: Rows of the table of a function's nodes.
ROWS = 60

#: A piece of LaTeX, or a variable with the precedence that the place where it stands asks for.
Part = str | tuple[Variable[Any], int]

_LOWEST, _RELATION, _SUM, _PRODUCT, _PREFIX, _ATOM = 0, 1, 2, 3, 4, 9
_GREEK = frozenset(
    """
    alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi omega
    Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega
    """.split()  # noqa: SIM905 - read more easily than a list
)
_ESCAPES = {
    "\\": r"\backslash{}", "{": r"\{", "}": r"\}", "_": r"\_", "^": r"\hat{}", "#": r"\#", "$": r"\$", "%": r"\%",
    "&": r"\&", "~": r"\sim{}", "<": r"\lt{}", ">": r"\gt{}", " ": r"\ ",
}  # fmt: skip
_SYMBOLS = {
    "and_": r"\wedge", "or_": r"\vee", "xor": r"\oplus", "eq": "=", "neq": r"\neq", "lt": r"\lt", "le": r"\leq",
    "gt": r"\gt", "ge": r"\geq",
}  # fmt: skip
_FUNCTIONS = {
    "sin": r"\sin", "cos": r"\cos", "tan": r"\tan", "sinh": r"\sinh", "cosh": r"\cosh", "tanh": r"\tanh",
    "arcsin": r"\arcsin", "arccos": r"\arccos", "arctan": r"\arctan", "log": r"\log", "log2": r"\log_{2}",
    "log10": r"\log_{10}", "sigmoid": r"\sigma", "maximum": r"\max", "minimum": r"\min", "gamma": r"\Gamma",
    "psi": r"\psi", "gammaln": r"\log\Gamma",
}  # fmt: skip
_AROUND = {
    "abs": (r"\left|", r"\right|"), "floor": (r"\left\lfloor ", r" \right\rfloor"),
    "ceil": (r"\left\lceil ", r" \right\rceil"), "sqrt": (r"\sqrt{", "}"),
    "cbrt": (r"\sqrt[3]{", "}"), "exp": ("e^{", "}"), "exp2": ("2^{", "}"),
    "conj": (r"\overline{", "}"), "reciprocal": (r"\frac{1}{", "}"),
}  # fmt: skip
_REDUCTIONS = {
    "add": r"\sum", "mul": r"\prod", "maximum": r"\max", "minimum": r"\min", "and_": r"\bigwedge", "or_": r"\bigvee",
}  # fmt: skip


def latex(x: Any, budget: int = BUDGET) -> str:
    r"""Return an expression as LaTeX for mathematics mode, such as ``\sigma\left(W x + b\right)``.

    ``x`` is a variable or a list of them. Beyond ``budget`` variables, and below ``DEPTH`` levels, stands
    ``\cdots``. Raises ``TypeError`` for anything else than variables.
    """
    wanted = list(x) if isinstance(x, (list, tuple)) else [x]
    for variable in wanted:
        if not isinstance(variable, Variable):
            raise TypeError(f"latex() writes variables, got {variable!r} ({type(variable).__name__}).")
    return r",\; ".join(_write(v, budget) for v in wanted)


def latex_repr(variable: Variable[Any]) -> str:
    """Return what a notebook shows of a variable."""
    return rf"$\displaystyle {latex(variable)}$"


def _write(variable: Variable[Any], budget: int) -> str:
    """Write out one variable. The stack holds what is still to be written, last first, each with its level."""
    text: list[str] = []
    stack: list[tuple[Part, int]] = [((variable, _LOWEST), 0)]
    while stack:
        part, level = stack.pop()
        if isinstance(part, str):
            text.append(part)
            continue
        v, wanted = part
        node = v.owner
        budget -= 1
        if node is None:
            leaf = _leaf(v)
            text.append(rf"\left({leaf}\right)" if leaf.startswith("-") and wanted > _SUM else leaf)
            continue
        if budget < 0 or level >= DEPTH:
            text.append(r"\cdots{}")
            continue
        precedence, parts = write_op(node.op, node)
        if len(node.outputs) > 1:
            precedence, parts = _ATOM, [r"\left(", *parts, rf"\right)_{{{v.index}}}"]
        if precedence < wanted:
            parts = [r"\left(", *parts, r"\right)"]
        stack.extend((p, level + 1) for p in reversed(parts))
    return "".join(text)


# ---------------------------------------------------------------------- names and numbers


def _escape(text: str) -> str:
    return "".join(_ESCAPES.get(c, c) for c in text)


def name_in_latex(name: str) -> str:
    """Return a name: one letter as it is, Greek ones as letters, a number at the end as an index, words upright."""
    match = re.fullmatch(r"([A-Za-z]+)_?(\d+)", name)
    base, index = match.groups() if match else (name, "")
    if base in _GREEK:
        base = "\\" + base
    elif len(base) > 1:
        base = rf"\mathrm{{{_escape(base)}}}"
    else:
        base = _escape(base)
    return f"{base}_{{{index}}}" if index else base


def _leaf(v: Variable[Any]) -> str:
    if v.name is not None and not (isinstance(v, Constant) and v.name == "NoneConst"):
        return name_in_latex(v.name)
    if isinstance(v, Constant):
        return _value(v.data)
    kind = "shared " if isinstance(v, SharedVariable) else ""
    return rf"\langle\mathrm{{{_escape(kind + str(v.type))}}}\rangle"


def _value(data: Any) -> str:
    if isinstance(data, (np.ndarray, np.generic)):
        if data.ndim == 0:
            return number_in_latex(data.item())
        if data.ndim == 1 and data.size <= 6:
            return r"\left[" + ", ".join(number_in_latex(n) for n in data.tolist()) + r"\right]"
        size = r" \times ".join(map(str, data.shape))
        return rf"\left[\cdots\right]_{{{size}}}"
    text = str(data)
    return rf"\mathrm{{{_escape(text if len(text) <= 40 else text[:37] + '...')}}}"


def number_in_latex(number: Any) -> str:
    r"""Return a number: ``2``, ``-0.5``, ``10^{-8}``, ``\infty``."""
    if isinstance(number, bool):
        return rf"\mathrm{{{str(number).lower()}}}"
    if isinstance(number, complex):
        sign = "-" if number.imag < 0 else "+"
        return rf"\left({number_in_latex(number.real)} {sign} {number_in_latex(abs(number.imag))} i\right)"
    if number != number:
        return r"\mathrm{nan}"
    if number in (float("inf"), float("-inf")):
        return r"\infty" if number > 0 else r"-\infty"
    whole = isinstance(number, int) or (number.is_integer() and abs(number) < 1e15)
    text = repr(int(number) if whole else number)
    mantissa, e, exponent = text.partition("e")
    if not e:
        return text
    power = f"10^{{{int(exponent)}}}"
    return power if mantissa == "1" else f"-{power}" if mantissa == "-1" else rf"{mantissa} \times {power}"


# ---------------------------------------------------------------------- Ops


@singledispatch
def write_op(op: Op, node: Apply) -> tuple[int, list[Part]]:
    """Return how a node is written: its precedence, and its parts."""
    return call(str(op).partition("{")[0], node.inputs)


def call(name: str, inputs: Sequence[Variable[Any]]) -> tuple[int, list[Part]]:
    """Return a function of the inputs: the name in LaTeX if it begins with a backslash, else upright."""
    shown = name if name.startswith("\\") else rf"\operatorname{{{_escape(name)}}}"
    return _PREFIX, [shown, r"\left(", *_separated(inputs), r"\right)"]


def _separated(inputs: Sequence[Variable[Any]]) -> list[Part]:
    parts: list[Part] = []
    for v in inputs:
        parts += [", ", (v, _LOWEST)]
    return parts[1:]


def _joined(symbol: str, own: int, inputs: Sequence[Variable[Any]], associative: bool = True) -> tuple[int, list[Part]]:
    parts: list[Part] = []
    for k, v in enumerate(inputs):
        parts += [f" {symbol} " if symbol else " "] if k else []
        parts.append((v, own + 1 if k and not associative else own))
    return own, parts


@write_op.register
def _elemwise(op: Elemwise, node: Apply) -> tuple[int, list[Part]]:
    fn, inputs = op.fn, node.inputs
    if isinstance(fn, Composite):
        return call("fused", inputs)
    special = _ELEMWISE.get(fn.name)
    if special is not None:
        return special(inputs)
    if fn.name in _AROUND:
        before, after = _AROUND[fn.name]
        return (_PREFIX if fn.name.startswith("exp") else _ATOM), [before, (inputs[0], _LOWEST), after]
    if fn.name in _SYMBOLS and len(inputs) > 1:
        return _joined(_SYMBOLS[fn.name], _RELATION, inputs, associative=False)
    if fn.name == "cast_int64" and not inputs[0].type.ndim:  # a length or an index, in the dtype of all of these
        return _ATOM, [(inputs[0], _ATOM)]
    if fn.name.startswith("cast_"):
        return call(fn.name[len("cast_") :], inputs)
    return call(_FUNCTIONS.get(fn.name, fn.name), inputs)


def _product(inputs: Sequence[Variable[Any]]) -> tuple[int, list[Part]]:
    tensors = sum(v.type.ndim > 0 and not all(v.type.broadcastable) for v in inputs)
    return _joined(r"\odot" if tensors > 1 else r"\cdot", _PRODUCT, inputs)


def _power(inputs: Sequence[Variable[Any]]) -> tuple[int, list[Part]]:
    return _PREFIX, [(inputs[0], _ATOM), "^{", (inputs[1], _LOWEST), "}"]


def _switch(inputs: Sequence[Variable[Any]]) -> tuple[int, list[Part]]:
    condition, a, b = inputs
    first: list[Part] = [r"\begin{cases} ", (a, _LOWEST), r" & \text{if } ", (condition, _LOWEST)]
    return _ATOM, [*first, r" \\ ", (b, _LOWEST), r" & \text{otherwise} \end{cases}"]


#: Scalar functions that are written in a form of their own.
_ELEMWISE: dict[str, Callable[[Sequence[Variable[Any]]], tuple[int, list[Part]]]] = {
    "add": lambda i: _joined("+", _SUM, i),
    "sub": lambda i: _joined("-", _SUM, i, associative=False),
    "mul": _product,
    "true_div": lambda i: (_ATOM, [r"\frac{", (i[0], _LOWEST), "}{", (i[1], _LOWEST), "}"]),
    "int_div": lambda i: (_ATOM, [r"\left\lfloor\frac{", (i[0], _LOWEST), "}{", (i[1], _LOWEST), r"}\right\rfloor"]),
    "mod": lambda i: _joined(r"\bmod", _PRODUCT, i, associative=False),
    "pow": _power,
    "sqr": lambda i: (_PREFIX, [(i[0], _ATOM), "^{2}"]),
    "neg": lambda i: (_PREFIX - 1, ["-", (i[0], _PRODUCT)]),
    "identity": lambda i: (_ATOM, [(i[0], _ATOM)]),
    "invert": lambda i: (_PREFIX, [r"\neg ", (i[0], _PREFIX)]),
    "expm1": lambda i: (_SUM, ["e^{", (i[0], _LOWEST), "} - 1"]),
    "log1p": lambda i: (_PREFIX, [r"\log\left(1 + ", (i[0], _SUM), r"\right)"]),
    "switch": _switch,
}


@write_op.register
def _reduce(op: Reduce, node: Apply) -> tuple[int, list[Part]]:
    whole = op.axis == tuple(range(node.inputs[0].type.ndim))
    below = "" if whole else f"_{{{', '.join(map(str, op.axis))}}}"
    return _PRODUCT, [f"{_REDUCTIONS[op.fn]}{below} ", (node.inputs[0], _PRODUCT)]


@write_op.register
def _dimshuffle(op: DimShuffle, node: Apply) -> tuple[int, list[Part]]:
    x = node.inputs[0]
    kept = tuple(a for a in op.order if a >= 0)
    if kept == tuple(range(x.type.ndim)):  # axes of length 1 say nothing about values
        return _ATOM, [(x, _ATOM)]
    if kept == tuple(range(x.type.ndim))[::-1] and len(kept) == 2:
        return _PREFIX, [(x, _ATOM), r"^{\top}"]
    order = ", ".join("x" if a < 0 else str(a) for a in op.order)
    return _PREFIX, [rf"\operatorname{{dimshuffle}}_{{{order}}}\left(", (x, _LOWEST), r"\right)"]


@write_op.register
def _dot(op: Dot, node: Apply) -> tuple[int, list[Part]]:
    return _joined("", _PRODUCT, node.inputs)


@write_op.register
def _shape(op: ShapeOf, node: Apply) -> tuple[int, list[Part]]:
    return call("shape", node.inputs)


@write_op.register
def _shape_i(op: Shape_i, node: Apply) -> tuple[int, list[Part]]:
    return _PREFIX, [*call("shape", node.inputs)[1], f"_{{{op.i}}}"]


@write_op.register
def _make_vector(op: MakeVector, node: Apply) -> tuple[int, list[Part]]:
    return _ATOM, [r"\left[", *_separated(node.inputs), r"\right]"]


def _indexed(x: Variable[Any], entries: Sequence[Any], inputs: Sequence[Variable[Any]]) -> list[Part]:
    taken = iter(inputs)

    def one(entry: Any) -> Part:
        if isinstance(entry, str) and entry in (INPUT, "array"):
            return next(taken), _LOWEST
        return "" if entry is None else str(entry)

    parts: list[Part] = [(x, _ATOM), "_{"]
    for k, entry in enumerate(entries):
        parts += [", "] if k else []
        if isinstance(entry, tuple):
            start, stop, step = entry[1:]
            parts += [one(start), "{:}", one(stop), *(["{:}", one(step)] if step is not None else [])]
        else:
            parts.append(one(entry))
    return [*parts, "}"]


@write_op.register(Subtensor)
@write_op.register(AdvancedSubtensor)
def _subtensor(op: Any, node: Apply) -> tuple[int, list[Part]]:
    return _PREFIX, _indexed(node.inputs[0], op.entries, node.inputs[1:])


@write_op.register(IncSubtensor)
@write_op.register(AdvancedIncSubtensor)
def _inc_subtensor(op: Any, node: Apply) -> tuple[int, list[Part]]:
    x, y, *indices = node.inputs
    arrow = r" \leftarrow " if op.set_instead else r" \mathrel{+}\leftarrow "
    return _PREFIX, [r"\left(", *_indexed(x, op.entries, indices), arrow, (y, _LOWEST), r"\right)"]


#: ``register(OpClass)`` as a decorator: a function ``(op, node) -> (precedence, parts)`` for another package's Op.
register: Callable[..., Any] = write_op.register


# ---------------------------------------------------------------------- compiled functions


def function_html(function: Any) -> str:
    """Return a compiled function as HTML: its inputs, outputs and updates, and where each of its nodes runs.

    ``function`` has ``name``, ``fgraph``, ``plan`` and ``placement()``, as those of ``function()`` have.
    """
    plan, rows = function.plan, function.placement()
    ins = [i.name or str(i.variable) for i in function.signature.inputs]
    facts = [("inputs", ", ".join(ins) or "none"), ("outputs", str(plan.n_outputs))]
    if plan.updates:
        facts.append(("updates", ", ".join(str(u.shared) for u in plan.updates)))
    places = dict.fromkeys(where for _, where, _ in rows)
    counts = ", ".join(f"{sum(r[1] == where for r in rows)} {where}" for where in places)
    facts.append(("nodes", f"{len(rows)} ({counts})" if rows else "0"))
    head = "".join(f"<tr><th>{_text(k)}</th><td>{_text(v)}</td></tr>" for k, v in facts)
    title = f"<strong>{_text(str(function))}</strong>"
    return f"<div>{title}<table>{head}</table>{_nodes_html(plan, rows)}</div>"


def _nodes_html(plan: Any, rows: Sequence[tuple[Apply, str, str]]) -> str:
    if not rows:
        return ""
    body = []
    for k, (node, where, how) in enumerate(rows[:ROWS]):
        op = f"{node.op} {plan.describe(node)}".strip()
        cells = (str(k), op if len(op) <= 120 else op[:117] + "...", where, how)
        body.append("<tr>" + "".join(f"<td>{_text(c)}</td>" for c in cells) + "</tr>")
    if len(rows) > ROWS:
        body.append(f"<tr><td></td><td>and {len(rows) - ROWS} more: print(f.explain())</td><td></td><td></td></tr>")
    head = "".join(f"<th>{h}</th>" for h in ("", "node", "runs in", "how"))
    return f"<details><summary>nodes</summary><table><tr>{head}</tr>{''.join(body)}</table></details>"


def _text(value: str) -> str:
    return html.escape(value)
