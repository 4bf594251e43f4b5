"""Wrong input for every public function: it may be refused, in words, or work; nothing internal may show."""

import inspect
import random
import re
import warnings
from typing import Any

import numpy as np

import symstack as ss
from symstack import tensor as T

#: What a user can do something about. AttributeError, KeyError, AssertionError, ZeroDivisionError, RecursionError and
#: their like come from the inside of the compiler.
ALLOWED = (TypeError, ValueError, IndexError, OverflowError, NotImplementedError, MemoryError)
#: What Python says of the insides of a function. (That it names the wrong kind of an argument, "'int' object is not
#: iterable", tells a user enough.)
LEAKS = re.compile(
    r"has no attribute|(list|tuple|string) index out of range|values to unpack|cannot unpack|pop from empty|unhashable"
    r"|local variable|recursion"
)
_SKIPPED = frozenset({"function", "tensor", "plural_name", "lazy_names", "StaticShape"})


def _functions() -> dict[str, Any]:
    found = {}
    for name, value in sorted(vars(T).items()):
        if not name.startswith("_") and callable(value) and name not in _SKIPPED and not inspect.isclass(value):
            found[name] = value
    return found | {f"nnet.{n}": getattr(T.nnet, n) for n in T.nnet.__all__}


FUNCTIONS = _functions()
#: What to call wrongly: the functions of the language, its methods, and the functions that take whole graphs.
MISUSES = [*FUNCTIONS, "methods", "indices", "grad", "function", "call", "shared", "clone"]


def _junk(rng: random.Random) -> Any:
    v, m = T.dvector("v"), T.fmatrix("m")
    return rng.choice([ None, "text", -1, 0, 1, 2, 7, 1.5, float("nan"), 1j, True, (), [], {},
        [1, 2], (0, 1), [[1.0], [2.0]], (5, -3), object(), slice(None), Ellipsis, v, m, T.lscalar("k"),
        T.bvector("b"), T.tensor3("t"), T.zscalar("z"), np.ones(3), np.ones((2, 0)), np.array("a"),
        np.array(None), np.float32(2), [v, v], [v, m], (v, 2), {"a": v}, T.TensorType("bool", ())(),
        len, v.type, np.int64(-1), "int8", "float64", np.dtype("float32"), b"x", range(3),
        ss.shared(1.0), (None, 1), ("x", 0), v[1:2], m.sum(), m.shape, ss.shared(np.ones((2, 2),
        "int8")), ])  # fmt: skip


def refused_well(error: BaseException) -> str:
    """Return what is wrong with an error that a user's mistake caused, or nothing."""
    text = str(error)
    if not isinstance(error, ALLOWED):
        return f"{type(error).__name__} is no error to show: {text}"
    if not text.strip():
        return f"{type(error).__name__} without a word"
    if LEAKS.search(text):
        return f"{type(error).__name__} of the inside: {text}"
    return ""


def misuse(name: str, seed: int) -> None:
    """Call something wrongly, the ``seed``-th way. Raises ``AssertionError`` for an answer that no user should get."""
    rng = random.Random(f"{name} {seed}")
    arguments = [_junk(rng) for _ in range(rng.choice((1, 1, 2, 2, 2, 3)))]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _call(name, rng, arguments)
    except Exception as error:
        wrong = refused_well(error)
        if wrong:
            raise AssertionError(f"{name}{tuple(map(_shown, arguments))}: {wrong}") from error


def _shown(value: Any) -> str:
    return f"{value}: {value.type}" if hasattr(value, "owner") else repr(value)


def _call(name: str, rng: random.Random, arguments: list[Any]) -> Any:
    a, *more = arguments
    x, m = T.dvector("x"), T.dmatrix("m")
    if name in FUNCTIONS:
        return FUNCTIONS[name](*_arity(FUNCTIONS[name], arguments, rng))
    if name == "methods":
        method = getattr(m, rng.choice(("reshape", "dimshuffle", "sum", "max", "flatten", "astype",
                                        "dot", "take", "norm", "mean", "argmax", "transpose",
                                        "swapaxes", "squeeze", "clip", "fill", "round")))  # fmt: skip
        return method(*_arity(method, arguments, rng))
    if name == "indices":
        return m[tuple(arguments) if len(arguments) > 1 else a]
    if name == "grad":
        return ss.grad(*arguments[:2]) if more else ss.grad(x.sum(), a)
    if name == "shared":
        return ss.shared(a).set_value(more[0] if more else None)
    if name == "clone":
        return ss.clone(a, *more[:1])
    if name == "call":
        f = ss.function([x, m], T.dot(m, x)[T.cast(x.sum(), "int64")] + x)
        return f(*arguments)
    return _function(rng.randrange(4), a, more)


def _function(way: int, a: Any, more: list[Any]) -> Any:
    x, m = T.dvector("x"), T.dmatrix("m")
    if way == 0:
        return ss.function(a, *more[:1])
    if way == 1:
        return ss.function([x], x * 2, updates=a, mode=more[0] if more else None)
    if way == 2:
        return ss.function([x], x * 2, givens={x: a})
    return ss.function([x, (m, a)], [x, m], on_unused_input=more[0] if more else None)


def _arity(function: Any, arguments: list[Any], rng: random.Random) -> list[Any]:
    """Give as many arguments as the function can take: Python itself says it when there are too many or too few."""
    nin = getattr(function, "nin", None)
    if nin is not None:
        return [*arguments, *(_junk(rng) for _ in range(nin))][:nin]
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return arguments
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return arguments
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = sum(p.default is p.empty for p in positional)
    full = [*arguments, *(_junk(rng) for _ in range(needed))]
    return full[: max(needed, min(len(arguments), len(positional)))]
