"""Reductions, running results, products, linear algebra, Fourier transforms, creation."""

from typing import Any

import numpy as np

from numpy_differential.case import Case, Drawer


def _axes(g: Drawer, ndim: int, several: bool = True) -> str:
    if not ndim or g.flip(3):
        return "None"
    if several and ndim > 1 and g.flip(3):
        return repr(tuple(sorted({g.draw(0, ndim - 1), g.draw(0, ndim - 1)})))
    return repr(g.axis(ndim))


def _count(g: Drawer, x: str, axis: str) -> int:
    shape = g.values[x].shape
    chosen = eval(axis)
    axes = range(len(shape)) if chosen is None else (chosen,) if isinstance(chosen, int) else chosen
    return int(np.prod([shape[a] for a in axes], dtype=int))


def reduction(g: Drawer) -> Case:
    """Sums, products, extremes, truth, positions."""
    name = g.choose(("sum", "prod", "max", "min", "all", "any", "argmax", "argmin", "ptp", "mean", "var", "std"))
    kinds = {"ptp": "iuf", "mean": "biufc", "var": "biuf", "std": "biuf", "argmax": "biuf", "argmin": "biuf"}
    style = {"prod": "dyadic", "mean": "normal", "var": "normal", "std": "normal"}.get(name)
    x = g.any(kinds.get(name, "biufc" if name in ("sum", "prod") else "biuf"), style=style)
    axis = _axes(g, g.values[x].ndim, name not in ("argmax", "argmin"))
    keep = g.flip(3) and name != "ptp"
    arguments = f"{x}, axis={axis}" + (", keepdims=True" if keep else "")
    kind, n = g.kind(x), _count(g, x, axis)
    if name in ("mean", "var", "std"):
        return _moment(g, name, x, arguments, n)
    if name in ("sum", "prod") and kind in "fc":
        g.differs("accumulator")
        size = f"np.{name}(np.abs({arguments.replace(',', '),', 1)})"
        return g.case(f"T.{name}({arguments})", scale=size.replace("),)", ")"), factor=n + 8.0, ulps=2)
    return g.case(f"T.{name}({arguments})")


def _moment(g: Drawer, name: str, x: str, arguments: str, n: int) -> Case:
    ddof = g.draw(0, 1) if name != "mean" else 0
    more = f", ddof={ddof}" if ddof else ""
    if g.values[x].dtype.name == "float16":
        g.differs("variance of float16")
    spread = f"np.max(np.abs({x}{'' if g.kind(x) == 'c' else ' * 1.0'}), initial=0)"
    power = {"mean": spread, "var": f"{spread}**2", "std": spread}[name]
    return g.case(f"T.{name}({arguments}{more})", scale=power, factor=4.0 * n + 16, ulps=4)


def running(g: Drawer) -> Case:
    """``cumsum``, ``cumprod`` (in the dtype of their input) and ``diff``."""
    name = g.choose(("cumsum", "cumprod", "diff"))
    if name == "diff":
        x = g.any("biufc", low=1)
        return g.case(f"T.diff({x}, {g.draw(0, 2)}, axis={g.axis(g.values[x].ndim)})")
    x = g.any("biufc", low=1, style="dyadic")
    axis = g.choose(("None", repr(g.axis(g.values[x].ndim))))
    dtype = g.values[x].dtype.newbyteorder("=").name
    dtype = "int64" if dtype == "bool" else dtype
    if g.kind(x) in "iu" and dtype not in ("int64", "uint64"):
        g.differs("running sums")
    how: dict[str, Any] = {"ulps": 8, "wide": False} if name == "cumprod" and g.kind(x) in "fc" else {}
    return g.case(f"T.{name}({x}, axis={axis})", f"np.{name}({x}, axis={axis}, dtype='{dtype}')", **how)


_PRODUCTS = (
    ("T.dot({0}, {1})", "a", "a"), ("T.dot({0}, {1})", "ba", "a"), ("T.dot({0}, {1})", "a", "ab"),
    ("T.dot({0}, {1})", "ba", "ac"), ("T.dot({0}, {1})", "cba", "ad"), ("{0} @ {1}", "ba", "ac"),
    ("{0} @ {1}", "dba", "dac"), ("{0} @ {1}", "dba", "ac"), ("T.outer({0}, {1})", "a", "b"),
    ("T.tensordot({0}, {1}, axes=1)", "cba", "ad"), ("T.tensordot({0}, {1}, axes=2)", "cba", "bad"),
    ("T.tensordot({0}, {1}, axes=[[0, 2], [1, 0]])", "bca", "abd"), ("T.tensordot({0}, {1}, axes=0)", "ab", "c"),
    ("T.einsum('ij,jk->ik', {0}, {1})", "ba", "ac"), ("T.einsum('ij,ij->', {0}, {1})", "ab", "ab"),
    ("T.einsum('bij,bjk->bik', {0}, {1})", "dba", "dac"), ("T.einsum('i,j', {0}, {1})", "a", "b"),
    ("T.einsum('...j,j->...', {0}, {1})", "cba", "a"), ("T.einsum('ii,i->i', {0}, {1})", "aa", "a"),
    ("np.inner({0}, {1})", "ba", "ca"), ("np.kron({0}, {1})", "ab", "cd"), ("np.vdot({0}, {1})", "ab", "ab"),
)  # fmt: skip


def product(g: Drawer) -> Case:
    """Products of vectors, matrices and stacks of matrices."""
    text, first, second = g.choose(_PRODUCTS)
    lengths = {letter: g.choose((2, 3, 1, 4, 0, 5, 8)) for letter in "abcd"}
    kinds = "iufc" if g.flip() else "f"
    style = g.style if g.style != "special" else "normal"
    x, y = (g.array(g.dtype(kinds), tuple(lengths[c] for c in letters), style) for letters in (first, second))
    ours = text.format(x, y)
    n = max(int(np.prod([lengths[c] for c in first if c in second], dtype=int)), 1)
    if g.kind(x) + g.kind(y) in ("ii", "uu", "iu", "ui") and np.result_type(g.values[x], g.values[y]).kind != "f":
        return g.case(ours)
    size = ours.replace("T.", "np.").replace(x, f"np.abs({x})").replace(y, f"np.abs({y})")
    return g.case(ours, scale=size, factor=2.0 * n + 8, ulps=2)


def _matrix(g: Drawer, symmetric: bool = False, square: bool = True) -> str:
    """Add a matrix of a condition number that is small."""
    n = g.choose((2, 3, 1, 4, 6))
    m = n if square else g.choose((2, 3, 1, 5))
    rng = np.random.default_rng(g.draw(0, 99))
    values = rng.normal(size=(n, m))
    if square:
        values = values @ values.T + n * np.eye(n) if symmetric else values + 3 * n * np.eye(n)
    dtype = g.choose(("float64", "float32", "complex128", "complex64", "int64"))
    if dtype.startswith("complex") and not symmetric:
        values = values + 1j * rng.normal(size=(n, m))
    if dtype == "int64":
        values = np.rint(values * 4)
        values = np.tril(values) + np.tril(values, -1).T if symmetric else values
    return g.given(values.astype(dtype))


_SQUARE = ("inv", "det", "slogdet[1]", "slogdet[0]", "matrix_power", "pinv", "solve", "eigvals")
_SYMMETRIC = ("cholesky", "cholesky upper", "eigh", "eigvalsh", "lstsq")
_NORMS = ("None", "1", "-1", "np.inf", "-np.inf", "2", "-2", "'fro'", "'nuc'")


def _of_square(g: Drawer) -> tuple[str, str]:
    a, name = _matrix(g), g.choose(_SQUARE)
    n = g.values[a].shape[0]
    if name.startswith("slogdet"):
        return a, f"np.linalg.slogdet({a}){name[7:]}"
    if name == "matrix_power":
        power = g.draw(0 if g.kind(a) == "i" else -2, 3)  # NumPy inverts integers as floats
        return a, f"np.linalg.matrix_power({a}, {power})"
    if name == "solve":
        b = g.array(g.choose(("float64", "float32")), (n, 2) if g.flip() else (n,), "normal")
        return a, f"np.linalg.solve({a}, {b})"
    if name == "eigvals":
        return a, f"np.sort(np.abs(np.linalg.eig({a})[0]))"
    return a, f"np.linalg.{name}({a})"


def _of_symmetric(g: Drawer) -> tuple[str, str]:
    a, name = _matrix(g, symmetric=True), g.choose(_SYMMETRIC)
    if name == "cholesky upper":
        return a, f"np.linalg.cholesky({a}, upper=True)"
    if name == "lstsq":
        b = g.array("float64", (g.values[a].shape[0],), "normal")
        return a, f"np.linalg.lstsq({a}, {b})[0]"
    if name == "eigh":
        return a, f"np.linalg.eigh({a})[0]"
    return a, f"np.linalg.{name}({a})"


def linear_algebra(g: Drawer) -> Case:
    """What LAPACK computes, within the roundings of well-conditioned matrices."""
    way = g.draw(0, 3)
    if way == 0:
        a, text = _of_square(g)
    elif way == 1:
        a, text = _of_symmetric(g)
    else:
        a = _matrix(g, square=False)
        text = f"np.linalg.norm({a}, ord={g.choose(_NORMS)})"
        if way == 3:
            text = g.choose((f"np.linalg.svd({a}, compute_uv=False)", f"np.abs(np.linalg.qr({a}, mode='r'))",
                             f"np.linalg.pinv({a})", f"np.linalg.svdvals({a})", f"np.linalg.norm({a}, axis=1)",
                             f"np.linalg.norm({a}, ord=3, axis=0)", f"np.linalg.norm({a}, axis=(1, 0))"))  # fmt: skip
    return g.case(text, scale=f"np.max(np.abs({text}))", factor=400.0, wide=False)


def fourier(g: Drawer) -> Case:
    """Transforms along one axis."""
    name = g.choose(("rfft", "fft", "ifft", "irfft"))
    x = g.any("f" if name == "rfft" else "fc", low=1, least=1, style="normal")
    if g.values[x].dtype.name == "float16":
        g.values[x] = g.values[x].astype("float32")
    axis = g.axis(g.values[x].ndim)
    if name == "irfft" and g.values[x].shape[axis] == 1:
        name = "fft"
    norm = g.choose(("'backward'", "'ortho'", "'forward'"))
    text = f"np.fft.{name}({x}, axis={axis}, norm={norm})"
    scale = f"np.max(np.abs({x})) * {2.0 * g.values[x].shape[axis]}"
    return g.case(text, scale=scale, factor=16.0, wide=False)


def creation(g: Drawer) -> Case:
    """Tensors made of numbers and shapes."""
    way = g.draw(0, 7)
    if way == 0:
        start, stop = g.draw(-5, 5), g.draw(-5, 20)
        step = g.choose((1, 2, 3, -1, -2))
        dtype = g.choose(("int64", "int32", "float64", "float32", "uint8"))
        start, stop = (abs(start), abs(stop)) if dtype == "uint8" else (start, stop)
        return g.case(f"T.arange({start}, {stop}, {step}, dtype='{dtype}')")
    if way == 1:
        n = g.array("int64", (), high=6)
        return g.case(f"T.arange({n})", f"np.arange(int({n}))")
    if way == 2:
        start, step = g.choose((0.0, -1.5, 0.25)), g.choose((0.5, 0.1, -0.3))
        return g.case(f"T.arange({start}, {start + step * g.draw(0, 7)}, {step}, dtype='float64')")
    if way in (3, 4):
        name, n, m, k = g.choose(("eye", "tri")), g.draw(0, 5), g.draw(0, 5), g.draw(-3, 3)
        return g.case(f"T.{name}({n}, {m}, {k}, dtype='{g.dtype('iufb')}')")
    x = g.any()
    name = g.choose(("zeros_like", "ones_like"))
    if way == 5:
        return g.case(f"T.{name}({x})")
    if way == 6:
        return g.case(f"T.full_like({x}, 3)" if g.kind(x) != "b" else f"T.full_like({x}, True)")
    return g.case(f"T.{name}({x}, dtype='{g.dtype()}')")


STEPS = (reduction, running, product, linear_algebra, creation, fourier, reduction, product, reduction)
