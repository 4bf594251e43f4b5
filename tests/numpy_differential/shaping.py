"""Shapes, joining, indexing, writing, sorting, searching: results that must be equal bit for bit."""

from typing import Any

import numpy as np

from numpy_differential.case import Case, Drawer


def shape(g: Drawer) -> Case:
    """The same elements in another shape or order."""
    x = g.any(low=1)
    value = g.values[x]
    n = value.ndim
    order = list(range(n))
    for k in range(n):
        other = g.draw(k, n - 1)
        order[k], order[other] = order[other], order[k]
    forms = [f"T.reshape({x}, (-1,))" if value.size else f"T.reshape({x}, ({value.size},))", f"{x}.ravel()",
             f"{x}.flatten()", f"T.transpose({x}, {tuple(order)})", f"{x}.T", f"{x}.swapaxes(0, {g.axis(n)})",
             f"T.expand_dims({x}, {g.draw(-n - 1, n)})", f"T.flip({x})", f"T.flip({x}, {g.axis(n)})",
             f"T.roll({x}, {g.draw(-4, 9)}, axis={g.axis(n)})", f"T.roll({x}, {g.draw(-4, 9)})",
             f"T.tile({x}, {g.draw(0, 3)})", f"T.tile({x}, (2, {g.draw(0, 2)}))", f"T.repeat({x}, {g.draw(0, 3)})",
             f"T.repeat({x}, {g.draw(0, 3)}, axis={g.axis(n)})", f"T.moveaxis({x}, {g.axis(n)}, {g.axis(n)})",
             f"T.broadcast_to({x}, {(2, *value.shape)})", f"T.atleast_2d({x})", f"{x}.copy()",
             f"np.squeeze({x}, axis={tuple(a for a, d in enumerate(value.shape) if d == 1)})",
             f"T.reshape({x}, {value.shape[::-1]})", f"{x}.size + 0 * np.int64(1)"]  # fmt: skip
    return g.case(str(g.choose(forms)))


def join(g: Drawer) -> Case:
    """Tensors of several dtypes side by side."""
    x = g.any(low=1)
    form = g.choose(("concatenate", "stack", "hstack", "vstack", "split", "append", "dstack", "column_stack"))
    value = g.values[x]
    if form == "split":
        axis = g.axis(value.ndim)
        cuts = sorted(g.draw(0, value.shape[axis]) for _ in range(2))
        which = g.draw(0, 2)
        lengths = [cuts[0], cuts[1] - cuts[0], value.shape[axis] - cuts[1]]
        ours = f"T.split({x}, {lengths}, 3, axis={axis})[{which}]"
        return g.case(ours, f"np.split({x}, {cuts}, axis={axis})[{which}]")
    if form in ("stack", "concatenate", "append"):
        axis = g.draw(0, value.ndim) if form == "stack" else g.draw(0, value.ndim - 1)
        lengths = list(value.shape)
        if form != "stack":
            lengths[axis] = g.draw(0, 4)
        y = g.array(g.dtype(), tuple(lengths))
        if form == "append":
            return g.case(f"np.append({x}, {y}, axis={axis})")
        return g.case(f"T.{form}([{x}, {y}], axis={axis})")
    y = g.array(g.dtype(), value.shape)
    return g.case(f"np.{form}([{x}, {y}])" if form in ("dstack", "column_stack") else f"T.{form}([{x}, {y}])")


# ---------------------------------------------------------------------- indexing


def _bound(g: Drawer, n: int) -> str:
    return "" if g.flip() else str(g.draw(-n - 2, n + 2))


def _slice(g: Drawer, n: int) -> str:
    step = g.choose(("", "", "-1", "2", "-2", "3"))
    return f"{_bound(g, n)}:{_bound(g, n)}" + (f":{step}" if step else "")


def _basic(g: Drawer, shape: tuple[int, ...]) -> list[str]:
    items = []
    for n in shape[: g.draw(0, len(shape))]:
        items.append(str(g.draw(-n, n - 1)) if n and g.flip(3) else _slice(g, n))
    if g.flip(4):
        items.insert(g.draw(0, len(items)), "None")
    if g.flip(3):
        items.insert(g.draw(0, len(items)), "...")
    return items or ["..."]


def _positions(g: Drawer, n: int, shape: tuple[int, ...]) -> str:
    values = np.random.default_rng(g.draw(0, 99)).integers(-n, n, shape)
    return g.given(values.astype(g.choose(("int64", "int32", "int8"))))


def _advanced(g: Drawer, x: str) -> list[str]:
    shape = g.values[x].shape
    joint = g.shape(0, 2)
    items, axis = [], 0
    while axis < len(shape) and len(items) < 4:
        n, way = shape[axis], g.draw(0, 4)
        if way == 0 and n:
            items.append(_positions(g, n, tuple(1 if g.flip(3) else d for d in joint)))
        elif way == 1 and not any(g.values.get(i) is not None and g.values[i].dtype.kind == "b" for i in items):
            items.append(g.given(np.random.default_rng(g.draw(0, 99)).random(n) < 0.5))
        elif way == 2 and n:
            items.append(str(g.draw(-n, n - 1)))
        elif way == 3:
            items.append(_slice(g, n))
        else:
            break
        axis += 1
    masks = any(i in g.values and g.values[i].dtype.kind == "b" for i in items)
    # NumPy takes a mask of another length for an axis if the result has no elements anyway
    if g.flip(3) and (g.values[x].size or not masks):
        items.insert(g.draw(0, len(items)), "...")
    if g.flip(5):
        items.insert(g.draw(0, len(items)), "None")
    return items or ["..."]


def index(g: Drawer) -> Case:
    """A part of a tensor, as NumPy indexes."""
    x = g.any(low=1)
    items = _advanced(g, x) if g.flip() else _basic(g, g.values[x].shape)
    return g.case(f"{x}[{', '.join(items)}]")


def write(g: Drawer) -> Case:
    """``set_subtensor`` and ``inc_subtensor``: on the left of an assignment in NumPy."""
    x = g.any("iufc", low=1)
    items = [i for i in (_advanced(g, x) if g.flip() else _basic(g, g.values[x].shape)) if i != "None"]
    text = ", ".join(items) or "..."
    dtype = g.values[x].dtype.newbyteorder("=").name
    names = dict(g.values)
    part = eval(f"{x}[{text}]", {}, names) if _fits(f"{x}[{text}]", names) else None
    y = g.array(dtype, () if part is None or g.flip() else part.shape)
    if g.flip():
        return g.case(f"T.inc_subtensor({x}[{text}], {y})", f"added({x}, np.s_[{text}], {y})")
    if part is not None and any(i in g.values for i in items):  # which of several wins is not defined by NumPy
        return g.case(f"T.set_subtensor({x}[{text}], np.{dtype}(2))", f"replaced({x}, np.s_[{text}], np.{dtype}(2))")
    return g.case(f"T.set_subtensor({x}[{text}], {y})", f"replaced({x}, np.s_[{text}], {y})")


def _fits(text: str, names: dict[str, Any]) -> bool:
    try:
        eval(text, {}, names)
    except IndexError:
        return False
    return True


def take(g: Drawer) -> Case:
    """Picking by position."""
    x = g.any(low=1, least=1)
    value, n = g.values[x], g.values[x].ndim
    axis = g.axis(n)
    way = g.draw(0, 5)
    if way == 0:
        mode = g.choose(("raise", "wrap", "clip"))
        low, high = -3 if mode == "wrap" else 0, value.shape[axis] + 2 * (mode != "raise")
        p = g.given(np.random.default_rng(g.draw(0, 99)).integers(low, high, g.shape(0, 2)))
        return g.case(f"T.take({x}, {p}, axis={axis}, mode='{mode}')")
    if way == 1:
        p = g.given(np.random.default_rng(g.draw(0, 99)).integers(0, value.shape[axis], value.shape))
        return g.case(f"T.take_along_axis({x}, {p}, axis={axis})")
    if way == 2:
        c = g.given(np.random.default_rng(g.draw(0, 99)).random(value.shape[axis]) < 0.5)
        return g.case(f"T.compress({c}, {x}, axis={axis})")
    if way == 3:
        choices = [g.array(g.dtype("iuf"), value.shape) for _ in range(2)]
        p = g.array("int64", value.shape, high=2)
        return g.case(f"T.choose({p}, [{', '.join(choices)}])")
    if way == 4:
        return g.case(f"T.nonzero({x})[{g.draw(0, n - 1)}]")
    return g.case(f"T.flatnonzero({x})")


def diagonal(g: Drawer) -> Case:
    """Diagonals and triangles."""
    x = g.any(low=2)
    n, k = g.values[x].ndim, g.draw(-3, 3)
    a = g.draw(0, n - 1)
    b = g.choose([i for i in range(n) if i != a])
    forms = [f"T.tril({x}, {k})", f"T.triu({x}, {k})", f"T.diagonal({x}, {k}, {a}, {b})"]
    if g.kind(x) in "iu":
        forms.append(f"T.trace({x}, {k}, {a}, {b})")
    if g.flip(3):
        v = g.any(low=1, high=1)
        return g.case(f"T.diag({v}, {k})")
    return g.case(str(g.choose(forms)))


# ---------------------------------------------------------------------- order


def order(g: Drawer) -> Case:
    """Sorting, and what needs sorted numbers."""
    way = g.draw(0, 6)
    if way <= 1:
        x = g.any("biuf", low=1)
        name = ("sort", "argsort")[way]
        kind = ", kind='stable'" if name == "argsort" or g.flip() else ""
        return g.case(f"T.{name}({x}, axis={g.choose(('None', repr(g.axis(g.values[x].ndim))))}{kind})")
    if way == 2:
        x = g.any("iuf", low=1, high=1, style="normal")
        g.values[x] = np.sort(g.values[x])
        y = g.array(g.values[x].dtype.newbyteorder("=").name, g.shape(), "normal")
        return g.case(f"T.searchsorted({x}, {y}, side='{g.choose(('left', 'right'))}')")
    if way == 3:
        x = g.any("biuf", low=1, style="dyadic")
        return g.case(f"T.unique({x})")
    if way == 4:
        x = g.array(g.dtype("iu"), g.shape(1, 1), high=6)
        least = g.draw(0, 9)
        return g.case(f"T.bincount({x}, minlength={least})", f"np.bincount({x}.astype('int64'), minlength={least})")
    if way == 5:
        dims = tuple(g.choose((2, 3, 4)) for _ in range(g.draw(1, 3)))
        p = g.array("int64", g.shape(0, 2), high=int(np.prod(dims)))
        return g.case(f"T.unravel_index({p}, {dims})[{g.draw(0, len(dims) - 1)}]")
    a, b = (g.any("iuf", low=1, high=1) for _ in range(2))
    return g.case(f"T.meshgrid({a}, {b}, indexing='{g.choose(('xy', 'ij'))}')[{g.draw(0, 1)}]")


STEPS = (shape, index, join, write, order, take, diagonal, index, write, shape)
