"""``jit``: a plain Python function becomes a compiled one, traced once per kind of arguments."""

import copy
import functools
import importlib
import inspect
import sys
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from symcore.graph import trace
from symcore.graph.variable import Variable
from symcore.locks import ForkLock
from symcore.tensor import dtypes
from symcore.tensor.constant import as_tensor
from symcore.tensor.type import TensorType
from symcore.tensor.variable import TensorVariable
from symopt.compiled import Function
from symopt.function import function
from symopt.io import In

_NUMBERS = (bool, int, float, complex)


def jit(
    fn: Callable[..., Any] | None = None,
    *,
    static_argnames: str | Iterable[str] = (),
    mode: Any = None,
    name: str | None = None,
    profile: bool | None = None,
) -> Any:
    """Compile a Python function of arrays; as ``@jit``, ``@jit(static_argnames="n")`` or ``jit(fn)``.

    The function is called with symbolic variables in the place of its arrays and numbers, once for every combination of
    structure, dtypes, numbers of dimensions and axes of length 1 (these broadcast); what it returns is compiled. Later
    calls with arguments of the same kind run the compiled function alone.

    Parameters
    ----------
    fn
        Takes and returns arrays, numbers, and lists, tuples, named tuples and dictionaries of them, ``None`` included.
        It must not look at values: choose with ``T.switch`` or ``ifelse``, loop with ``scan``.
    static_argnames
        Arguments that are handed to ``fn`` as they are, whatever they are; one trace per value. They must be hashable.
    mode, name, profile
        As of ``function``.

    Python numbers among the arguments are inputs too, not constants: another number is no new trace. A ``float`` beside
    a float array takes that array's dtype, as a number that is written in the function would; an ``int`` is an int64
    that does so beside a float array. Beside shared variables, and as arguments of functions, they are float64
    (``floatX``, or wider if an argument is) and int64.

    Called with symbolic variables, the function is not compiled but becomes a part of their graph.

    Raises
    ------
    TypeError
        For arguments or results that are no arrays, and from ``fn`` where it looks at a value, with the line.
    """
    if fn is None:
        return functools.partial(jit, static_argnames=static_argnames, mode=mode, name=name, profile=profile)
    if not callable(fn):
        raise TypeError(f"jit compiles functions, got {fn!r} ({type(fn).__name__}).")
    static = (static_argnames,) if isinstance(static_argnames, str) else static_argnames
    if not isinstance(static, (tuple, list, set, frozenset)) or not all(isinstance(n, str) for n in static):
        raise TypeError(
            f"static_argnames is the name of an argument or a list of names, got {static_argnames!r} "
            f"({type(static_argnames).__name__})."
        )
    static = tuple(static)
    return Jit(fn, static, {"mode": mode, "name": name or _name(fn), "profile": profile})


def _name(fn: Any) -> str:
    return str(getattr(fn, "__qualname__", None) or type(fn).__name__)


class Jit:
    """What ``jit`` returns. ``traces`` is the number of kinds of arguments it has been compiled for."""

    def __init__(self, fn: Callable[..., Any], static: tuple[str, ...], options: dict[str, Any]):
        functools.update_wrapper(self, fn)
        self.fn = fn
        self._static = frozenset(static)
        self._options = options
        self._entries: dict[Any, _Entry] = {}
        self._lock = ForkLock()
        self._names = _parameters(fn)
        unknown = [n for n in static if n not in self._names and None not in self._names]
        if unknown:
            raise ValueError(
                f"static_argnames names {', '.join(map(repr, unknown))}; the parameters of {_name(fn)} are: "
                f"{', '.join(map(str, self._names)) or 'none'}."
            )
        self._static_positions = frozenset(k for k, n in enumerate(self._names) if n in self._static)
        #: Of a method: the class and the name it has there; of a bound one, the method and the object, too.
        self._owner: Any = None
        self._attribute = ""
        self._bound_to: tuple[Jit, Any] | None = None
        self._of_classes: weakref.WeakKeyDictionary[type, Jit] = weakref.WeakKeyDictionary()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._owner is not None and args and isinstance(args[0], self._owner):  # Class.method(object, ...)
            return self.__get__(args[0])(*args[1:], **kwargs)
        if args and isinstance(args[0], type) and self._is_classmethod_of(args[0]):
            return self.__get__(args[0])(*args[1:], **kwargs)
        leaves: list[Any] = []
        try:
            key = self._key(args, kwargs, leaves)
        except _Symbolic:
            return self.fn(*args, **kwargs)
        entry = self._entries.get(key)
        if entry is None:
            entry = self._traced(key, args, kwargs)
        return entry.run(leaves)

    def compiled(self, *args: Any, **kwargs: Any) -> Function:
        """Return the compiled function that a call with these arguments runs; it takes their leaves, left to right."""
        key = self._key(args, kwargs, [])
        entry = self._entries.get(key)
        return (self._traced(key, args, kwargs) if entry is None else entry).function

    @property
    def traces(self) -> int:
        """For how many kinds of arguments the function has been compiled."""
        return len(self._entries)

    def clear(self) -> None:
        """Forget all compiled functions."""
        self._entries.clear()

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """A method is compiled per object; what it looks at in the object is fixed when it is traced."""
        if instance is None:
            return self
        kept = getattr(instance, "__dict__", None)
        if isinstance(instance, type):
            found = self._of_classes.get(instance)
            return self._of_classes.setdefault(instance, self._for(instance)) if found is None else found
        if type(kept) is not dict:
            raise TypeError(
                f"jit keeps what it compiles for an object in the object, and {type(instance).__name__} has no "
                "__dict__: add '__dict__' to its __slots__, or leave them out."
            )
        # Under its own name it is found without coming here again; not so a method that a subclass defines anew.
        plain = inspect.getattr_static(type(instance), self._attribute, None) is self
        key = self._attribute if plain else f"jit {_name(self.fn)}"
        found = kept.get(key)
        return kept.setdefault(key, self._for(instance)) if found is None else found

    def __set_name__(self, owner: Any, name: str) -> None:
        self._owner, self._attribute = owner, name

    def _is_classmethod_of(self, cls: type) -> bool:
        """Whether this stands below ``classmethod``, which from Python 3.13 on hands the class over as an argument."""
        name = getattr(self, "__name__", "")
        return any(getattr(vars(base).get(name), "__func__", None) is self for base in cls.__mro__)

    def _for(self, instance: Any) -> "Jit":
        bound = Jit(functools.partial(self.fn, instance), tuple(self._static), self._options)
        functools.update_wrapper(bound, self.fn)
        bound._bound_to = self, instance
        return bound

    def __reduce__(self) -> Any:
        """A pickle or copy knows the Python function and the options; it is traced again where it is used."""
        if self._bound_to is not None:
            method, instance = self._bound_to
            if method._owner is not None:
                return _bound_method, (method._owner, method._attribute, instance)
        elif _found_by_name(self.fn) is self:
            return _found_by_name, (self.fn.__qualname__, self.fn.__module__)
        return Jit, (self.fn, tuple(self._static), self._options)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Jit":
        if self._bound_to is None:
            return Jit(self.fn, tuple(self._static), self._options)
        method, instance = self._bound_to
        return method._for(copy.deepcopy(instance, memo))

    def __repr__(self) -> str:
        return f"<jit {self._options['name']}, {self.traces} traces>"

    # ------------------------------------------------------------------ tracing

    def _key(self, args: tuple[Any, ...], kwargs: dict[str, Any], leaves: list[Any]) -> Any:
        static = self._static_positions
        positional = tuple(
            [_static_key(v, self._names[k]) if k in static else _flatten(v, leaves) for k, v in enumerate(args)]
        )
        if not kwargs:
            return positional, ()
        named = [
            (n, _static_key(kwargs[n], n) if n in self._static else _flatten(kwargs[n], leaves)) for n in sorted(kwargs)
        ]
        return positional, tuple(named)

    def _traced(self, key: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> "_Entry":
        with self._lock:
            if key not in self._entries:
                self._entries[key] = self._trace(key, args, kwargs)
            return self._entries[key]

    def _trace(self, key: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> "_Entry":
        positional, named = key
        inputs = _Inputs(key)
        symbolic = [
            args[k] if k in self._static_positions else inputs.build(part, self._parameter(k))
            for k, part in enumerate(positional)
        ]
        keywords = {n: kwargs[n] if n in self._static else inputs.build(part, n) for n, part in named}
        self._check_arguments(symbolic, keywords)
        try:
            with trace.recording():
                result = self.fn(*symbolic, **keywords)
        except Exception as error:
            given = ", ".join(f"{v.name}: {v.type}" for v in inputs.variables)
            error.add_note(
                f"while jit traced {self._options['name']} on {given or 'no arrays'}. The values are not known then: "
                "choose with T.switch or ifelse, loop with scan, or hand an argument over as it is, "
                "jit(static_argnames=...)."
            )
            raise
        outputs: list[Variable[Any]] = []
        form = _outputs(result, outputs, self._options["name"], inputs)
        single = isinstance(form, _Leaf)
        # A Python float is rounded to the dtype it takes; an int that does not fit is refused.
        weak = {v for v in inputs.variables if isinstance(v, Weak) and v.type.dtype.kind in "fc"}
        ins = [In(v, allow_downcast=True if v in weak else None) for v in inputs.variables]
        made = function(ins, outputs[0] if single else outputs, on_unused_input="ignore", **self._options)
        return _Entry(made, _SINGLE if single else form)

    def _check_arguments(self, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        """Raise ``TypeError`` where the function does not take these arguments, before anything is traced."""
        try:
            signature = inspect.signature(self.fn)
        except (TypeError, ValueError):  # a builtin that does not tell
            return
        try:
            signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self._options['name']}{signature}: {error}.") from None

    def _parameter(self, position: int) -> str:
        """Return the name of a positional argument; those of ``*args`` are numbered."""
        if position < len(self._names) and self._names[position] is not None:
            return str(self._names[position])
        return f"arg{position}"


class _Entry:
    """One compiled trace: the function, and the form of what it returns (``_SINGLE`` for one array)."""

    __slots__ = ("form", "function")

    def __init__(self, made: Function, form: Any):
        self.function = made
        self.form = form

    def run(self, leaves: Sequence[Any]) -> Any:
        result = self.function(*leaves)
        return result if self.form is _SINGLE else _filled(self.form, iter(result))


def _found_by_name(qualname: Any, module: str | None = None) -> Any:
    """Return what a module calls by a name; of a function, by its own. ``None`` if there is nothing."""
    if module is None:
        qualname, module = getattr(qualname, "__qualname__", "<none>"), getattr(qualname, "__module__", None)
    found: Any = sys.modules.get(module or "") or (importlib.import_module(module) if module else None)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found


def _bound_method(owner: type, name: str, instance: Any) -> Any:
    return vars(owner)[name].__get__(instance)


def _parameters(fn: Callable[..., Any]) -> list[str | None]:
    """Return the names of a function's parameters; from ``None`` on, any more may come."""
    try:
        found = inspect.signature(fn).parameters.values()
    except (TypeError, ValueError):  # a builtin that does not tell
        return [None]
    names: list[str | None] = []
    for p in found:
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
            names.append(p.name)
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in found):
        names.append(None)
    return names + [p.name for p in found if p.kind is p.KEYWORD_ONLY]


# ---------------------------------------------------------------------- arguments


class _Symbolic(Exception):
    """There is a symbolic variable among the arguments."""


def _static_key(value: Any, name: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        raise TypeError(
            f"the static argument {name!r} must be hashable, got {value!r} ({type(value).__name__}). Arrays are not "
            "static; a list can be given as a tuple."
        ) from None
    # NaN is not equal to itself, and -0.0 is equal to 0.0: each would find the wrong trace.
    return _StaticValue, type(value), value.hex() if type(value) is float else value


class _StaticValue:
    """Marks the static arguments in a key."""


def _flatten(value: Any, leaves: list[Any]) -> Any:
    """Append the arrays and numbers of an argument to ``leaves``; return a hashable form that tells their kinds."""
    kind = type(value)
    if kind is np.ndarray:
        leaves.append(value)
        return value.dtype, tuple([d == 1 for d in value.shape])
    if kind in _NUMBERS:
        leaves.append(value)
        return kind
    if value is None:
        return None
    if isinstance(value, (list, tuple)):
        return (kind, *[_flatten(v, leaves) for v in value])
    if isinstance(value, dict):
        return (dict, tuple(value), *[_flatten(v, leaves) for v in value.values()])
    if isinstance(value, Variable):
        raise _Symbolic
    if isinstance(value, np.generic) or hasattr(value, "__array__"):
        return _flatten(np.asarray(value), leaves)
    raise TypeError(
        f"jit takes arrays, numbers, and lists, tuples and dictionaries of them; got {value!r} "
        f"({kind.__name__}). Name the argument in static_argnames to hand it over as it is."
    )


class _Inputs:
    """Makes the symbolic arguments of a trace from its key."""

    def __init__(self, key: Any):
        self.variables: list[Variable[Any]] = []
        self._float = np.result_type(dtypes.as_dtype("floatX"), *_floats(key))

    def build(self, part: Any, name: str) -> Any:
        """Return an argument of the form ``part`` with variables in the place of its leaves."""
        if part is None:
            return None
        if isinstance(part, type):
            return self._add(self._number(part)(name))
        head, *rest = part
        if isinstance(head, np.dtype):
            if head.kind not in "biufc":
                raise TypeError(
                    f"jit takes arrays of numbers; {name} is one of dtype {head}. Name the argument in static_argnames "
                    "to hand it over as it is."
                )
            ttype = TensorType(head.newbyteorder("="), tuple(1 if one else None for one in rest[0]))
            return self._add(ttype(name))
        if head is dict:
            keys, *values = rest
            return {k: self.build(v, f"{name}[{k!r}]") for k, v in zip(keys, values, strict=True)}
        values = [self.build(v, f"{name}[{k}]") for k, v in enumerate(rest)]
        return head(*values) if hasattr(head, "_fields") else head(values)

    def _add(self, variable: Variable[Any]) -> Variable[Any]:
        self.variables.append(variable)
        return variable

    def dtype_of(self, kind: type) -> Any:
        """Return the dtype that a Python number has by itself."""
        if kind in (bool, int):
            return "bool" if kind is bool else "int64"
        return self._float if kind is float else np.result_type(self._float, "complex64")

    def _number(self, kind: type) -> Callable[[str], Variable[Any]]:
        ttype = TensorType(self.dtype_of(kind), ())
        return ttype if kind is bool else functools.partial(Weak, ttype, None, None)


def _floats(key: Any) -> list[np.dtype[Any]]:
    """Return the float and complex dtypes in a key, the complex ones as the float dtype of their parts."""
    found, stack = [], [key]
    while stack:
        part = stack.pop()
        if isinstance(part, np.dtype):
            if part.kind in "fc":
                found.append(np.zeros((), part).real.dtype)
        elif isinstance(part, tuple) and not (part and part[0] is _StaticValue):
            stack += part
    return found


# ---------------------------------------------------------------------- numbers that give way


class Weak(TensorVariable):
    """A Python number among the arguments of a traced function: beside a float tensor it takes that tensor's dtype.

    What operators make of such numbers alone is one again.
    """

    def __neg__(self) -> Any:
        result = super().__neg__()
        result.__class__ = Weak
        return result


def _is_weak(value: Any) -> bool:
    return isinstance(value, Weak) or (isinstance(value, _NUMBERS) and not isinstance(value, np.generic))


def _operator(name: str) -> Callable[[Any, Any], Any]:
    plain = getattr(TensorVariable, name)

    def method(self: Weak, other: Any) -> Any:
        if _is_weak(other):
            result = plain(self, other)
            if type(result) is TensorVariable:
                result.__class__ = Weak
            return result
        try:
            dtype = as_tensor(other).type.dtype
        except TypeError:
            return plain(self, other)
        return plain(_beside(self, dtype), other)

    method.__name__ = method.__qualname__ = name
    return method


def _beside(number: Weak, dtype: Any) -> Any:
    """Return a number as it counts beside a tensor of ``dtype``."""
    own = number.type.dtype
    if dtype.kind not in "fc" or own.kind == "b":
        return number
    if own.kind == "c":
        target = dtype if dtype.kind == "c" else np.result_type(dtype, "complex64")
    else:
        target = dtype if dtype.kind == "f" else np.zeros((), dtype).real.dtype
    return number.astype(target.name) if target != own else number


for _name_of_operator in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    for _prefix in ("__", "__r"):
        _method = f"{_prefix}{_name_of_operator}__"
        setattr(Weak, _method, _operator(_method))


# ---------------------------------------------------------------------- results


class _Leaf:
    """Stands for an array in the form of a result."""


_LEAF = _Leaf()
#: The form of a result that is one array.
_SINGLE = object()


def _outputs(value: Any, leaves: list[Variable[Any]], name: str, inputs: _Inputs) -> Any:
    """Append the variables of a result to ``leaves``; return its form. Python numbers are as among the arguments."""
    if value is None:
        return None
    if isinstance(value, (list, tuple)):
        parts = [_outputs(v, leaves, name, inputs) for v in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, dict):
        return {k: _outputs(v, leaves, name, inputs) for k, v in value.items()}
    if type(value) in _NUMBERS:
        leaves.append(as_tensor(value, dtype=inputs.dtype_of(type(value))))
        return _LEAF
    try:
        leaves.append(value if isinstance(value, Variable) else as_tensor(value))
    except TypeError:
        raise TypeError(
            f"{name} returned {value!r} ({type(value).__name__}) to jit; it may return arrays and numbers, and lists, "
            "tuples and dictionaries of them."
        ) from None
    return _LEAF


def _filled(form: Any, values: Any) -> Any:
    """Return a form with values in the place of its leaves."""
    if form is _LEAF:
        return next(values)
    if isinstance(form, (list, tuple)):
        parts = [_filled(part, values) for part in form]
        return type(form)(*parts) if hasattr(form, "_fields") else type(form)(parts)
    if isinstance(form, dict):
        return {k: _filled(part, values) for k, part in form.items()}
    return form
