"""The steps a random program is made of: each returns the text of an expression, ``None`` where it does not apply."""

from collections.abc import Callable
from typing import Any

import numpy as np

from random_graphs.graph import Entry, RandomGraph

Step = Callable[[RandomGraph], str | None]

_UNARY_FLOAT = (
    "-{0}", "T.sqr({0})", "T.exp({0})", "T.tanh({0})", "T.sigmoid({0})", "T.abs({0})", "T.log({0})", "T.sqrt({0})",
    "1 / {0}", "T.log1p({0})", "T.expm1({0})", "T.softplus({0})", "T.sin({0})", "T.cos({0})", "T.sgn({0})",
    "T.floor({0})", "T.ceil({0})", "T.round({0})", "T.trunc({0})", "T.arctan({0})", "T.cosh({0})", "T.sinh({0})",
    "T.arcsinh({0})", "T.log2({0})", "T.exp2({0})", "T.isnan({0})", "T.isinf({0})", "{0} ** 2", "{0} ** 3",
    "{0} ** -1", "{0} ** 0.5", "T.deg2rad({0})", "{0}.copy()", "T.log(T.abs({0}) + 0.5)", "T.sqrt(T.sqr({0}) + 1)",
    "T.log(1 + T.exp({0}))", "1 / (1 + T.exp(-{0}))", "T.log(T.sigmoid({0}))", "T.exp({0}) - 1", "1 - T.sigmoid({0})",
    "T.tan({0})", "T.arcsin(T.clip({0}, -0.9, 0.9))", "T.arctanh(T.clip({0}, -0.9, 0.9))", "T.nnet.relu({0})",
    "T.nnet.elu({0})", "T.nnet.hard_sigmoid({0})", "T.log10({0})", "T.sqrt(T.sqr({0}))", "T.exp(T.log({0}))",
    "T.log(T.exp({0}))", "-(-{0})", "{0} * 0", "{0} - {0}", "T.eq({0}, {0})", "{0} + {0}", "T.maximum({0}, {0})",
)  # fmt: skip
_UNARY_INT = ("-{0}", "T.abs({0})", "T.sqr({0})", "T.sgn({0})", "~{0}", "{0} ** 2", "T.exp(T.clip({0}, -5, 5))",
              "T.sqrt(T.abs({0}))", "{0} + {0}", "{0} * 0", "T.floor({0})", "{0} / 2", "{0} // 2", "{0} % 3",
              "{0}.copy()")  # fmt: skip
_UNARY_UNSIGNED = ("{0} * 2", "~{0}", "T.sqr({0})", "T.sqrt({0})", "{0} // 2", "{0} % 3", "{0} + 1", "{0}.copy()")
_UNARY_BOOL = ("~{0}", "T.switch({0}, 2, 3)", "{0} & True", "{0} * 2", "{0}.copy()", "{0}.astype('float64')",
               "{0} + {0}")  # fmt: skip
_BINARY = ("{0} + {1}", "{0} * {1}", "{0} - {1}", "{0} / {1}", "T.maximum({0}, {1})",
           "T.minimum({0}, {1})", "{0} < {1}", "{0} >= {1}", "T.eq({0}, {1})", "T.neq({0}, {1})",
           "{0} // {1}", "{0} % {1}", "{0} * {1} + {0}", "({0} + {1}) * ({0} - {1})", "{0} * {1} / {1}",
           "({0} * {1}) / {0}", "T.switch({0} > {1}, {0}, {1})", "T.exp({0}) * T.exp({1})",
           "{0} / T.exp({1})", "T.arctan2({0}, {1})", "(T.abs({0}) + 0.5) ** {1}",
           "T.switch({0} > 0, T.log(T.abs({0}) + 1), {1})", "{0} + {1} - {0}", "-({0} - {1})",
           "T.second({0}, {1})", "{0} * 2 + {1} * 2", "({0} / {1}) * ({1} / {0})", "{0} / ({0} / {1})")  # fmt: skip
_LOGIC = ("{0} & {1}", "{0} | {1}", "{0} ^ {1}")
_CONSTANTS = ("2", "0", "1", "-1", "0.5", "3.0", "-0.25", "np.float32(1.5)", "np.array(2.5)", "np.int8(3)", "1e-3")


def _unary_of(e: Entry) -> tuple[str, ...]:
    return {"f": _UNARY_FLOAT, "i": _UNARY_INT, "u": _UNARY_UNSIGNED, "b": _UNARY_BOOL}[e.kind]


def unary(g: RandomGraph) -> str | None:
    """A function of one tensor."""
    e = g.pick()
    return None if e is None else str(g.choose(_unary_of(e))).format(e.name)


def fits(a: Entry, b: Entry) -> bool:
    """Tell whether two tensors broadcast: equal lengths, or a length that the type knows to be 1."""
    pairs = zip(reversed(a.shape), reversed(b.shape), reversed(a.static), reversed(b.static), strict=False)
    return all(m == n or s == 1 or t == 1 for m, n, s, t in pairs)


def _pair(g: RandomGraph, kinds: str = "biuf") -> tuple[Entry, Entry] | None:
    a = g.pick(lambda e: e.kind in kinds)
    if a is None:
        return None
    b = g.pick(lambda e: e.kind in kinds and fits(a, e))
    return None if b is None else (a, b) if not g.flip() else (b, a)


def binary(g: RandomGraph) -> str | None:
    """A function of two tensors that broadcast."""
    pair = _pair(g)
    if pair is None:
        return None
    kinds = {e.kind for e in pair}
    forms = _BINARY
    if np.result_type(*(e.value.dtype for e in pair)).kind != "f":
        forms = tuple(f for f in _BINARY if " ** " not in f and (kinds != {"b"} or "-" not in f)) + _LOGIC
    return str(g.choose(forms)).format(pair[0].name, pair[1].name)


def of_many(g: RandomGraph) -> str | None:
    """A sum or a product of three tensors and perhaps a number, of whatever dtypes."""
    pair = _pair(g)
    if pair is None:
        return None
    c = g.pick(lambda e: fits(e, pair[0]) and fits(e, pair[1]))
    names = [e.name for e in (*pair, c) if e is not None]
    names += [f"-{names[0]}"] if pair[0].kind != "b" and g.flip(4) else []
    names += [str(g.choose(("1.0", "0.0", "2.0", "-1.0", "3")))] if g.flip() else []
    return f"T.{g.choose(('add', 'mul'))}({', '.join(names)})"


def with_constant(g: RandomGraph) -> str | None:
    """A function of a tensor and a number."""
    e = g.pick(lambda e: e.kind != "b")
    if e is None:
        return None
    form = g.choose(("{0} + {1}", "{0} * {1}", "{1} - {0}", "{0} / {1}", "{0} - {1}", "{1} / {0}", "{0} < {1}",
                     "T.maximum({0}, {1})", "{0} // {1}", "{0} % {1}", "T.switch({0} > {1}, {0}, {1})"))  # fmt: skip
    return str(form).format(e.name, g.choose(_CONSTANTS))


def ternary(g: RandomGraph) -> str | None:
    """``switch`` and ``clip``."""
    pair = _pair(g)
    if pair is None:
        return None
    a, b = pair
    c = g.pick(lambda e: fits(e, a) and fits(e, b))
    if c is None or g.flip(3):
        return f"T.clip({a.name}, {g.choose(('-1', '0', '-0.5'))}, {g.choose(('1', '0.5', '2'))})"
    condition = c.name if c.kind != "f" else f"{c.name} > {g.choose(('0', '0.5', a.name))}"
    return f"T.switch({condition}, {a.name}, {b.name})"


def cast(g: RandomGraph) -> str | None:
    """Another dtype; floats are clipped first, for what does not fit an integer is not defined."""
    e = g.pick()
    if e is None:
        return None
    target = g.choose(("float64", "float32", "int64", "int8", "bool", "uint8", "int32", "int16", "uint16", "float16"))
    if target == "float16" or (e.kind == "f" and target not in ("float64", "float32", "bool")):
        return f"T.clip(T.switch(T.isnan({e.name}), 0, {e.name}), 0, 100).astype('{target}').astype('float64')"
    return f"{e.name}.astype('{target}')"


def _axes(g: RandomGraph, ndim: int) -> Any:
    if not ndim or g.flip(3):
        return None
    if g.flip(3) and ndim > 1:
        return tuple(sorted({g.draw(0, ndim - 1), g.draw(0, ndim - 1)}))
    return g.draw(-ndim, ndim - 1) if g.flip(3) else g.draw(0, ndim - 1)


def _reduced(e: Entry, axis: Any) -> int:
    axes = range(e.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return int(np.prod([e.shape[a] for a in axes], dtype=int))


def reduction(g: RandomGraph) -> str | None:
    """A reduction over some axes."""
    e = g.pick(lambda e: e.ndim > 0) or g.pick()
    if e is None:
        return None
    axis = _axes(g, e.ndim)
    names = ["sum", "mean", "max", "min", "prod", *(["var", "std"] if e.kind == "f" else [])]
    names += ["all", "any"] if e.kind in "b" else []
    names += ["argmax", "argmin"] if e.ndim else []
    name = g.choose(names)
    if name in ("max", "min", "mean", "argmax", "argmin", "var", "std") and not _reduced(e, axis):
        name = "sum"
    keep = ", keepdims=True" if g.flip(3) else ""
    return f"{e.name}.{name}(axis={axis}{keep})"


def dimshuffle(g: RandomGraph) -> str | None:
    """Axes in another order, new axes, dropped axes."""
    e = g.pick(lambda e: e.ndim > 0) or g.pick()
    if e is None:
        return None
    if e.ndim > 1 and g.flip():
        return f"{e.name}.T"
    kept = [a for a in range(e.ndim) if e.static[a] != 1 or not g.flip()]
    order: list[Any] = []
    while kept:
        order.append(kept.pop(g.draw(0, len(kept) - 1)))
    for _ in range(g.draw(0, 1 if len(order) > 2 else 2)):
        order.insert(g.draw(0, len(order)), "x")
    return f"{e.name}.dimshuffle({', '.join(map(repr, order))})"


def reshape(g: RandomGraph) -> str | None:
    """The same elements in another shape: stated, computed from shapes, or with one length left open."""
    e = g.pick()
    if e is None:
        return None
    size = int(e.value.size)
    if e.ndim > 1 and g.flip():
        return f"{e.name}.flatten({g.draw(1, e.ndim)})"
    forms = [f"({size},)", f"(1, {size})", f"({size}, 1)"] + [f"({d}, {size // d})" for d in (2, 3) if size % d == 0]
    forms += ["(-1,)"] + [f"(-1, {d})" for d in (1, 2) if size and size % d == 0]
    if e.ndim == 2:
        forms += [f"({e.name}.shape[1], {e.name}.shape[0])", f"({e.name}.shape[0] * {e.name}.shape[1],)"]
        forms += [f"({e.name}.shape[0], -1)"] if e.shape[0] else []
    return f"{e.name}.reshape({g.choose(forms)})"


def _bound(g: RandomGraph, n: int) -> str:
    if g.flip(4):
        found = [e for e in g.pool if e.role == "index"]
        if found:
            return str(g.choose(found).name)
    return "" if g.flip() else str(g.draw(-n - 1, n + 1))


def _slice(g: RandomGraph, n: int) -> str:
    step = g.choose(("", "", "-1", "2", "-2", "3"))
    return f"{_bound(g, n)}:{_bound(g, n)}" + (f":{step}" if step else "")


def _whole(g: RandomGraph, n: int) -> str:
    """An integer index that is in bounds, a number or symbolic."""
    k = g.draw(-n, n - 1)
    if g.flip(4):
        found = [e for e in g.pool if e.role == "index" and -n <= int(e.value) < n]
        if found:
            return str(g.choose(found).name)
    return str(k)


def basic_index(g: RandomGraph, e: Entry) -> str:
    """The text of an index of integers, slices, new axes and dots."""
    items = []
    for n in e.shape[: g.draw(1, e.ndim)]:
        items.append(_whole(g, n) if n and g.flip(3) else _slice(g, n))
    if e.ndim < 4 and g.flip(6):
        items.insert(g.draw(0, len(items)), "None")
    if len([i for i in items if i != "None"]) < e.ndim and g.flip(4):
        items.append("...")
    return ", ".join(items)


def _index_array(g: RandomGraph, n: int) -> str:
    ints = [e for e in g.pool if e.kind == "i" and e.ndim in (1, 2) and e.role == "input" and e.value.size < 50]
    if ints and g.flip():
        return f"{g.choose(ints).name} % {n}"
    values = [g.draw(-n, n - 1) for _ in range(g.draw(1, 4))]
    return f"np.array({values})" if g.flip() else f"{values}"


def advanced_index(g: RandomGraph, e: Entry) -> str | None:
    """The text of an index with an integer array, or a mask."""
    axis = g.draw(0, e.ndim - 1)
    if not e.shape[axis]:
        return None
    masks = [m for m in g.pool if m.kind == "b" and m.role == "input" and m.shape == e.shape]
    if masks and g.flip(3):
        return str(g.choose(masks).name)
    items = [":" if not g.flip(4) else _slice(g, n) for n in e.shape[:axis]] + [_index_array(g, e.shape[axis])]
    if axis + 1 < e.ndim and g.flip(3):
        n = e.shape[axis + 1]
        items.append(_slice(g, n) if not n or g.flip() else _whole(g, n))
    return ", ".join(items)


def index(g: RandomGraph) -> str | None:
    """A part of a tensor."""
    e = g.pick(lambda e: e.ndim > 0)
    if e is None:
        return None
    text = advanced_index(g, e) if g.flip(3) else basic_index(g, e)
    return None if text is None else f"{e.name}[{text}]"


def write(g: RandomGraph) -> str | None:
    """``set_subtensor`` and ``inc_subtensor`` with a number, or with the same part of another tensor."""
    # x.shape[0] is not a part of a tensor but a length
    e = g.pick(lambda e: e.ndim > 0 and e.kind != "b")
    if e is None or type(getattr(e.var.owner, "op", None)).__name__ == "ShapeOf":
        return None
    text = advanced_index(g, e) if g.flip(3) else basic_index(g, e)
    if text is None or "None" in text:
        return None
    name = g.choose(("inc_subtensor", "set_subtensor"))
    other = g.pick(lambda o: o.shape == e.shape and o.kind == e.kind)
    value = f"np.{e.dtype}(2)" if other is None or g.flip(3) else f"{other.name}[{text}].astype('{e.dtype}')"
    return f"T.{name}({e.name}[{text}], {value})"


def join(g: RandomGraph) -> str | None:
    """Tensors put side by side."""
    a = g.pick(lambda e: e.ndim > 0)
    if a is None:
        return None
    if g.flip(3):
        b = g.pick(lambda e: e.shape == a.shape and e.static == a.static)
        return None if b is None else f"T.stack([{a.name}, {b.name}], axis={g.draw(0, a.ndim)})"
    axis = g.draw(0, a.ndim - 1)

    def alike(e: Entry) -> bool:
        return e.ndim == a.ndim and all(e.shape[k] == a.shape[k] for k in range(a.ndim) if k != axis)

    parts = [a, *(p for p in (g.pick(alike) for _ in range(g.draw(1, 2))) if p is not None)]
    return f"T.concatenate([{', '.join(p.name for p in parts)}], axis={axis})"


def product(g: RandomGraph) -> str | None:
    """Products of vectors, matrices and stacks of matrices."""
    a = g.pick(lambda e: e.ndim in (1, 2, 3) and e.kind in "fi")
    if a is None:
        return None
    b = g.pick(lambda e: e.ndim in (1, 2) and e.kind in "fi" and e.shape[0] == a.shape[-1])
    forms = []
    if b is not None:
        forms += [f"T.dot({a.name}, {b.name})"] * 3 + [f"T.tensordot({a.name}, {b.name}, axes=1)"]
        forms += [f"{a.name} @ {b.name}"] if b.ndim == 2 or a.ndim < 3 else []
    if a.ndim == 2:
        forms += [f"T.dot({a.name}, {a.name}.T)", f"T.dot({a.name}.T, {a.name}) * 2"]
        forms += [f"T.dot({a.name}, {a.name}.T) * 0.5 + {a.name}[:, 0]"] if a.shape[1] else []
    if a.ndim == 3:
        forms += [f"T.batched_dot({a.name}, {a.name}.dimshuffle(0, 2, 1))"]
    if a.ndim == 1:
        forms += [f"T.outer({a.name}, {a.name})"]
    return str(g.choose(forms)) if forms else None


def softmax(g: RandomGraph) -> str | None:
    """Softmax, its logarithm, and cross-entropy."""
    e = g.pick(lambda e: e.kind == "f" and e.ndim in (1, 2, 3) and e.value.size > 0)
    if e is None:
        return None
    forms = ["T.nnet.softmax({0}, axis=-1)", "T.nnet.logsoftmax({0}, axis=-1)", "T.log(T.nnet.softmax({0}, axis=-1))",
             "T.nnet.softmax({0}, axis=0)", "T.exp({0}) / T.exp({0}).sum(axis=0, keepdims=True)"]  # fmt: skip
    if e.ndim == 2:
        classes = e.shape[1]
        labels = [v for v in g.pool if v.kind == "i" and v.role == "input" and v.shape == e.shape[:1]]
        if labels:
            label = f"({labels[0].name} % {classes})"
            forms += ["T.nnet.categorical_crossentropy(T.nnet.softmax({0}), " + label + ")",
                      "-T.log(T.nnet.softmax({0}))[T.arange({0}.shape[0]), " + label + "].mean()"]  # fmt: skip
    return str(g.choose(forms)).format(e.name)


def creation(g: RandomGraph) -> str | None:
    """Tensors made from shapes."""
    e = g.pick(lambda e: e.ndim > 0)
    if e is None:
        return None
    forms = ["T.zeros_like({0})", "T.ones_like({0})", "{0}.fill(3)", "T.arange({0}.shape[0])",
             "T.arange({0}.shape[0]) * 2.5", "T.eye({0}.shape[0])", "T.alloc(1.5, {0}.shape[0])",
             "T.alloc({0}, 2, *[{0}.shape[i] for i in range({0}.ndim)])", "{0}.shape", "{0}.size",
             "T.zeros({0}.shape)", "{0}.norm(2)" if e.kind == "f" else "{0}.size",
             f"T.specify_shape({{0}}, {e.shape})"]  # fmt: skip
    return str(g.choose(forms)).format(e.name)


def choice(g: RandomGraph) -> str | None:
    """``ifelse`` between two tensors, which need not have the same shape, by a number made of a third."""
    a = g.pick()
    b = g.pick(lambda e: a is not None and e.ndim == a.ndim and e.kind == a.kind)
    c = g.pick()
    if a is None or b is None or c is None:
        return None
    conditions = [f"{c.name}.sum()", f"{c.name}.sum() > 0", f"T.any({c.name} > 1)", f"{c.name}.size > 3"]
    return f"ss.ifelse({g.choose(conditions)}, {a.name}, {b.name})"


def chosen_product(g: RandomGraph) -> str | None:
    """``ifelse`` with products in one side or in both, as in a layer that is passed through or left out."""
    v = g.pick(lambda e: e.kind == "f" and e.ndim == 1)
    w = g.pick(lambda e: v is not None and e.kind == "f" and e.ndim == 2 and v.value.dtype == e.value.dtype
               and len(v.value) == len(e.value))  # fmt: skip
    if v is None or w is None:
        return None
    layer = f"T.tanh(T.dot(T.dot({v.name}, {w.name}), {w.name}.T))"
    other = g.choose((v.name, f"{v.name} * 0.25", f"T.dot({w.name}, T.sin(T.dot({w.name}.T, {v.name})))"))
    sides = [layer, str(other)] if g.choose((True, False)) else [str(other), layer]
    return f"ss.ifelse({v.name}.sum() > 0, {sides[0]}, {sides[1]})"


def gradient(g: RandomGraph) -> str | None:
    """The gradient of a cost made of a float tensor with respect to an earlier one."""
    e = g.pick(lambda e: e.kind == "f" and e.role == "made")
    if e is None:
        return None
    at = g.pool.index(e)
    leaves = [v for v in g.pool[:at] if v.kind == "f"]
    if not leaves:
        return None
    cost = g.choose(("T.sum({0})", "T.sum(T.sqr({0}))", "T.mean({0})" if e.value.size else "T.sum({0})",
                     "T.sum({0} * {0} * 0.5)", "T.sum(T.tanh({0}))"))  # fmt: skip
    x = g.choose(leaves)
    return f"ss.grad({str(cost).format(e.name)}, {x.name}, disconnected_inputs='ignore')"


#: What to do next, the simplest first; what stands twice is done twice as often.
STEPS: tuple[Step, ...] = (
    unary, binary, with_constant, reduction, unary, binary, index, dimshuffle, ternary, reshape, join, write, product,
    of_many, cast, softmax, creation, gradient, index, unary, binary, gradient, write, choice,
    chosen_product,
)  # fmt: skip
