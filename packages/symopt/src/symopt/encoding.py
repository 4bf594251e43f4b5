"""Graphs as plain data: what stands in a saved file (``Encoder``), and graphs from it (``Decoder``).

A graph is a list of *steps*, each of which defines what later steps refer to by number::

    ["type", name, state]                        a type that is no tensor type
    ["op", name, state]                          an Op
    ["input", type, name]                        variables without a node
    ["constant", type, value, name]
    ["shared", type, container, name]
    ["node", op, inputs, types, names, trace]    a node; its outputs are the next variables

Numbers, text and lists stand for themselves; what JSON has no words for is a dictionary of one entry, such as
``{"array": 0}`` or ``{"op": 3}`` (see ``_KINDS``). Ops and types are named ``module:class``. Only classes of this
compiler's own packages, and those that the reader is handed, are ever made; they are made from parameters alone, and a
node is accepted only if its Op, asked again, would build it. No function is in a file, so none can be run from it.
"""

import dataclasses
import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from symcore import plugins
from symcore.graph import trace
from symcore.graph.fgraph import FunctionGraph
from symcore.graph.shared import Container, SharedVariable
from symcore.graph.traverse import toposort
from symcore.graph.type import Type
from symcore.graph.variable import Apply, Constant, Variable
from symcore.op import Op
from symcore.tensor import dtypes
from symcore.tensor.elemwise import Composite, ScalarFn, lookup
from symcore.tensor.type import TensorType
from symopt.archive import Reader, SavedFileError, UnknownOpError, is_name, number, number_text
from symopt.mode import Mode
from symopt.saved_modes import steps_mode_data, steps_mode_from_data


def class_name(cls: type) -> str:
    """Return the name under which a class stands in files."""
    return f"{cls.__module__}:{cls.__qualname__}"


def _default(cls: Any, attribute: str) -> Any:
    """Return what the constructor of a class takes for an argument by default."""
    parameter = inspect.signature(cls.__init__).parameters.get(attribute)
    return inspect.Parameter.empty if parameter is None else parameter.default


class Encoder:
    """Turns variables, values and what hangs on them into plain data. ``steps`` and ``arrays`` grow as it goes.

    Raises ``TypeError`` naming what cannot be saved.
    """

    def __init__(self) -> None:
        self.steps: list[Any] = []
        self.arrays: list[np.ndarray[Any, Any]] = []
        self.containers: list[Any] = []
        self.default_updates: list[tuple[int, int]] = []
        self._shared: list[SharedVariable[Any]] = []
        self._numbers: dict[Any, int] = {}
        self._defined = {"op": 0, "type": 0}
        self._variables = 0
        self._kept: list[Any] = []  # what is known by its address must not go away meanwhile
        self._where = "what is saved"

    # ------------------------------------------------------------------ graphs

    def variables(self, wanted: Iterable[Variable[Any]]) -> list[int]:
        """Return the numbers of variables, after writing what computes them."""
        wanted = list(wanted)
        for node in toposort(wanted):
            if node not in self._numbers:
                self._node(node)
        return [self._variable(v) for v in wanted]

    def _variable(self, v: Variable[Any]) -> int:
        if v not in self._numbers:
            if v.owner is not None:
                self._node(v.owner)
            else:
                self._leaf(v)
        return self._numbers[v]

    def _leaf(self, v: Variable[Any]) -> None:
        ttype = self._type(v.type)
        if isinstance(v, Constant):
            step = ["constant", ttype, self._told(f"the constant {v}", v.data), v.name]
        elif isinstance(v, SharedVariable):
            step = ["shared", ttype, self.container(v.container, str(v)), v.name]
            self._shared.append(v)
        else:
            step = ["input", ttype, v.name]
        self.steps.append(step)
        self._number(v)

    def _number(self, v: Variable[Any]) -> None:
        self._numbers[v] = self._variables
        self._variables += 1

    def document(self) -> dict[str, Any]:
        """Return all that was written; the last thing to ask for."""
        for shared in self._shared:  # grows meanwhile: a default update may lead to further shared variables
            if isinstance(shared.default_update, Variable):
                [new] = self.variables([shared.default_update])
                self.default_updates.append((self._numbers[shared], new))
        return {"steps": self.steps, "containers": self.containers, "default_updates": self.default_updates}

    def _node(self, node: Apply) -> None:
        inputs = [self._variable(v) for v in node.inputs]
        op = self._op(node.op)
        types = [self._type(y.type) for y in node.outputs]
        frame = None if node.trace is None else list(node.trace)
        self.steps.append(["node", op, inputs, types, [y.name for y in node.outputs], frame])
        self._numbers[node] = -1
        for y in node.outputs:
            self._number(y)

    # ------------------------------------------------------------------ Ops and types

    def _op(self, op: Op) -> int:
        key = ("op", op)
        if key not in self._numbers:
            if op._by_identity:
                raise TypeError(
                    f"{op} cannot be saved: {type(op).__name__} has a constructor of its own and does not say in "
                    "__props__ which attributes are its parameters."
                )
            before, self._where = self._where, f"the Op {op}"
            state = self._state(op)
            self._where = before
            self._define(key, ["op", class_name(type(op)), state])
        return self._numbers[key]

    def _type(self, ttype: Type) -> Any:
        if type(ttype) is TensorType:
            return [ttype.dtype.name, list(ttype.shape)]
        key = ("type", ttype)
        if key not in self._numbers:
            self._define(key, ["type", class_name(type(ttype)), self._state(ttype)])
        return self._numbers[key]

    def _define(self, key: Any, step: list[Any]) -> None:
        kind = step[0]
        self._numbers[key] = self._defined[kind]
        self._defined[kind] += 1
        self.steps.append(step)

    def _state(self, item: Op | Type) -> Any:
        """Return what an Op or type is made from: arguments of its class where it says so, else its attributes."""
        cls: Any = type(item)
        if isinstance(item, Op) and cls.__init__ is Op.__init__:
            return {"call": [self.value(getattr(item, name)) for name in cls._params]}
        if "__reduce__" in vars(cls):
            made = item.__reduce__()
            if isinstance(made, tuple) and made[0] is cls and len(made) == 2:
                return {"call": [self.value(v) for v in made[1]]}
        state = dict(item.__getstate__() or {})  # type: ignore[call-overload]
        known = {}
        for name, value in state.items():
            default = callable(value) and _default(cls, name) is value
            known[name] = {"default": name} if default else self.value(value)
        return {"attributes": known}

    # ------------------------------------------------------------------ values

    def container(self, container: Container, what: str) -> int:
        """Return the number of a container, after writing its value."""
        key = id(container)
        if key not in self._numbers:
            self._kept.append(container)
            self._numbers[key] = len(self.containers)
            self.containers.append(self._told(f"the value of {what}", container.value))
        return self._numbers[key]

    def _told(self, what: str, value: Any) -> Any:
        before, self._where = self._where, what
        found = self.value(value)
        self._where = before
        return found

    def value(self, value: Any) -> Any:
        """Return any value that can be saved as plain data."""
        kind = type(value)
        if value is None or kind in (bool, int, str):
            return value
        if kind is float:
            return value if -np.inf < value < np.inf else {"float": number_text(value)}
        if kind in (tuple, list):
            items = [self.value(v) for v in value]
            return items if kind is tuple else {"list": items}
        if kind is dict:
            return {"dict": [[self.value(k), self.value(v)] for k, v in value.items()]}
        if isinstance(value, np.ndarray):
            return {"array": self._array(value)}
        return self._object(value)

    def _object(self, value: Any) -> Any:
        if isinstance(value, np.generic):
            return {"scalar": self._array(np.asarray(value))}
        if isinstance(value, Variable):
            return {"variable": self.variables([value])[0]}
        if isinstance(value, Op):
            return {"op": self._op(value)}
        if isinstance(value, Type):
            return {"type": self._type(value)}
        if isinstance(value, Mode):
            return {"mode": self.value(steps_mode_data(value, self._where))}
        if isinstance(value, FunctionGraph):
            self.variables([*value.inputs, *value.outputs])
            numbers = [[self._numbers[v] for v in vs] for vs in (value.inputs, value.outputs)]
            return {"graph": numbers}
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = [self._field(getattr(value, f.name), f) for f in dataclasses.fields(value)]
            return {"record": [class_name(type(value)), *fields]}
        for name, codec in _KINDS.items():
            if codec.is_one(value):
                return {name: self.value(codec.parts(value))}
        raise TypeError(
            f"{self._where} cannot be saved: it holds {value!r} ({type(value).__name__}). A file holds numbers, text, "
            "arrays, and tuples, lists and dictionaries of them, but no functions and no other objects. "
            "Pickle it instead, if you trust whoever will load it with code."
        )

    def _field(self, value: Any, field: "dataclasses.Field[Any]") -> Any:
        """Return one entry of a record. Objects that do not count for its equality, such as what collects the profiles
        of this process, are left out: the reader gets what the field holds by default."""
        if field.compare or field.default is dataclasses.MISSING or isinstance(value, (bool, int, float, str)):
            return self.value(value)
        return self.value(field.default)

    def _array(self, array: np.ndarray[Any, Any]) -> int:
        key = ("array", id(array))
        if key not in self._numbers:
            if array.dtype.hasobject:
                raise TypeError(f"{self._where} cannot be saved: it is an array of Python objects.")
            self._kept.append(array)
            self._numbers[key] = len(self.arrays)
            # A copy: between now and the writing of the file an update may change the array.
            self.arrays.append(np.array(array))
        return self._numbers[key]


class Decoder:
    """Makes variables and values of plain data again.

    Parameters
    ----------
    reader
        The open file.
    classes
        Further Op and Type classes, by their names in files or by their class names.

    Raises ``SavedFileError`` for what makes no sense and ``UnknownOpError`` for an Op that is not known.
    """

    def __init__(self, reader: Reader, classes: Mapping[str, type]):
        self.reader = reader
        self._classes = classes
        self._variables: list[Variable[Any]] = []
        self._ops: list[Op] = []
        self._types: list[Type] = []
        self._containers: dict[int, Container] = {}

    def run(self) -> None:
        """Carry out the steps of the document."""
        document = self.reader.document
        actions: dict[str, Callable[..., None]] = {
            "type": self._define_type, "op": self._define_op, "input": self._input, "constant": self._constant,
            "shared": self._shared, "node": self._node,
        }  # fmt: skip
        for kind, *parts in document["steps"]:
            actions[kind](*parts)
        for shared, new in document["default_updates"]:
            variable = self.variable(shared)
            if not isinstance(variable, SharedVariable):
                raise SavedFileError(f"variable {shared} is not shared")
            variable.default_update = self.variable(new)

    def variable(self, k: Any) -> Any:
        """Return variable number ``k``."""
        return _at(self._variables, k)

    def variables(self, numbers: Sequence[Any]) -> list[Any]:
        """Return variables by their numbers."""
        return [self.variable(k) for k in numbers]

    # ------------------------------------------------------------------ steps

    def _define_type(self, name: Any, state: Any) -> None:
        self._types.append(self._made(name, state, Type))

    def _define_op(self, name: Any, state: Any) -> None:
        self._ops.append(self._made(name, state, Op))

    def _input(self, ttype: Any, name: Any) -> None:
        self._variables.append(self._type(ttype)(_name(name)))

    def _constant(self, ttype: Any, value: Any, name: Any) -> None:
        found = self._type(ttype)
        data = found.filter(self.value(value))
        if isinstance(data, np.ndarray):
            data.flags.writeable = False
        self._variables.append(found.constant_class(found, data, _name(name)))

    def _shared(self, ttype: Any, container: Any, name: Any) -> None:
        found = self._type(ttype)
        kept = self.container(container)
        found.filter(kept.value)
        self._variables.append(found.shared_class(found, name=_name(name), container=kept))

    def _node(self, op: Any, inputs: Any, types: Any, names: Any, frame: Any) -> None:
        made, read = _at(self._ops, op), self.variables(inputs)
        outputs = [self._type(t)(_name(n)) for t, n in zip(types, names, strict=True)]
        self._check(made, read, outputs)
        node = Apply(made, read, outputs)
        node.trace = None if frame is None else (str(frame[0]), int(frame[1]), str(frame[2]))
        self._variables += outputs

    @staticmethod
    def _check(op: Op, inputs: list[Any], outputs: list[Any]) -> None:
        """Refuse a node that its Op would not build: kernels rely on the types that it would have."""
        with trace.inherit(("", 0, "")):
            model = op.make_node(*inputs)
        same = len(model.inputs) == len(inputs) and len(model.outputs) == len(outputs)
        same = same and all(a.type == b.type for a, b in zip(model.inputs, inputs, strict=True))
        same = same and all(
            a.type.is_super(b.type) or b.type.is_super(a.type) for a, b in zip(model.outputs, outputs, strict=True)
        )
        if not same:
            raise SavedFileError(f"a node of {op} has types that do not belong together: {inputs} -> {outputs}")

    # ------------------------------------------------------------------ Ops and types

    def _made(self, name: Any, state: Any, base: type) -> Any:
        cls = self._class(name, base)
        [(how, parts)] = state.items()
        if how == "call":
            return cls(*[self.value(v) for v in parts])
        if how != "attributes":
            raise SavedFileError(f"{name} is made by {how!r}")
        made = object.__new__(cls)
        known = {k: _default(cls, k) if v == {"default": k} else self.value(v) for k, v in parts.items()}
        if hasattr(made, "__setstate__"):
            made.__setstate__(known)
        else:
            made.__dict__.update(known)
        return made

    def _class(self, name: Any, base: type | None) -> Any:
        """Return an Op or type class, or (``base=None``) a data class, by its name in the file."""
        module, colon, qualname = name.partition(":") if isinstance(name, str) else ("", "", "")
        if not colon or not is_name(module) or not is_name(qualname):
            raise SavedFileError(f"{name!r} is no name of a class")
        found = self._classes.get(name) or self._classes.get(qualname)
        if found is None and module.partition(".")[0] in trace.INTERNAL and "._" not in module:
            try:
                found = getattr(importlib.import_module(module), qualname, None)
            except ImportError:
                found = None
        if not (isinstance(found, type) and (issubclass(found, base) if base else dataclasses.is_dataclass(found))):
            what = "class" if base is None else "Op" if base is Op else "type"
            raise UnknownOpError(
                f"{self.reader.path} uses the {what} {qualname} of the module {module}, which is not known here. "
                f"Hand it over: load(path, ops=[{qualname.rpartition('.')[2]}]).",
                name,
            )
        return found

    def _type(self, given: Any) -> Any:
        if isinstance(given, int):
            return _at(self._types, given)
        dtype, shape = given
        return TensorType(dtypes.as_dtype(str(dtype)), [None if d is None else int(d) for d in shape])

    # ------------------------------------------------------------------ values

    def container(self, k: Any) -> Container:
        """Return container number ``k``; every call gives the same one."""
        if k not in self._containers:
            self._containers[k] = Container(self._own(self.value(_at(self.reader.document["containers"], k))))
        return self._containers[k]

    @staticmethod
    def _own(value: Any) -> Any:
        return value.copy() if isinstance(value, np.ndarray) else value

    def value(self, given: Any) -> Any:
        """Return what plain data stands for."""
        if isinstance(given, list):
            return tuple([self.value(v) for v in given])
        if not isinstance(given, dict):
            return given
        [(kind, content)] = given.items()
        simple = _PLAIN.get(kind)
        if simple is not None:
            return simple(self, content)
        return _KINDS[kind].whole(self.value(content))


def _at(items: Sequence[Any], k: Any) -> Any:
    if not isinstance(k, int) or not 0 <= k < len(items):
        raise SavedFileError(f"it refers to number {k!r} of {len(items)}")
    return items[k]


def _name(name: Any) -> str | None:
    return None if name is None else str(name)


def _graph(decoder: Decoder, content: Any) -> FunctionGraph:
    inputs, outputs = content
    return FunctionGraph(decoder.variables(inputs), decoder.variables(outputs), clone=False)


_PLAIN: dict[str, Callable[[Decoder, Any], Any]] = {
    "float": lambda decoder, text: number(text),
    "list": lambda decoder, items: [decoder.value(v) for v in items],
    "dict": lambda decoder, items: {decoder.value(k): decoder.value(v) for k, v in items},
    "array": lambda decoder, k: decoder.reader.array(k),
    "scalar": lambda decoder, k: decoder.reader.array(k)[()],
    "variable": Decoder.variable,
    "op": lambda decoder, k: _at(decoder._ops, k),
    "type": Decoder._type,
    "graph": _graph,
    "mode": lambda decoder, told: steps_mode_from_data(decoder.value(told), str(decoder.reader.path)),
    "record": lambda decoder, parts: decoder._class(parts[0], None)(*[decoder.value(v) for v in parts[1:]]),
}


# ---------------------------------------------------------------------- other kinds of values


class _Kind:
    """A kind of values: how to know one, its parts as values of other kinds, and one from its parts."""

    def __init__(self, is_one: Callable[[Any], bool], parts: Callable[[Any], Any], whole: Callable[[Any], Any]):
        self.is_one = is_one
        self.parts = parts
        self.whole = whole


def _of(*classes: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, classes)


def _scalar_function(name: Any) -> ScalarFn:
    try:
        return lookup(str(name))
    except KeyError:
        plugins.load("symstack.rewrites")  # scalar functions of other packages come with their rules
        return lookup(str(name))


def _composite(parts: Any) -> Composite:
    nin, steps, results = parts
    known, count = [], int(nin)
    for fn, arguments, dtype in steps:
        if not isinstance(fn, ScalarFn) or not all(0 <= a < count for a in arguments):
            raise SavedFileError("a fused function refers to a step that does not come before")
        known.append((fn, tuple(arguments), dtypes.as_dtype(dtype).name))
        count += 1
    if not all(0 <= r < count for r in results):
        raise SavedFileError("a fused function returns a step that it does not have")
    return Composite(int(nin), tuple(known), tuple(results))


def _random_state(content: Any) -> Any:
    legacy = np.random.RandomState(np.random.MT19937())
    legacy.set_state(content)
    return legacy


def _is_sparse(value: Any) -> bool:
    return type(value).__module__.startswith("scipy.sparse") and getattr(value, "format", "") in ("csr", "csc")


def _sparse_parts(value: Any) -> Any:
    return type(value).__name__, value.data, value.indices, value.indptr, tuple(int(n) for n in value.shape)


def _sparse(parts: Any) -> Any:
    import scipy.sparse

    name, data, indices, indptr, shape = parts
    if name not in ("csr_matrix", "csc_matrix", "csr_array", "csc_array"):
        raise SavedFileError(f"there is no sparse format {name!r}")
    made = getattr(scipy.sparse, name)((data, indices, indptr), shape=shape, copy=True)
    made.check_format(full_check=True)
    return made


_KINDS: dict[str, _Kind] = {
    "function": _Kind(_of(ScalarFn), lambda fn: fn.name, _scalar_function),
    "fused": _Kind(_of(Composite), lambda c: (c.nin, c.steps, c.results), _composite),
    "complex": _Kind(_of(complex), lambda z: (z.real, z.imag), lambda parts: complex(*parts)),
    "dtype": _Kind(_of(np.dtype), lambda d: d.name, lambda name: dtypes.as_dtype(name)),
    "slice": _Kind(_of(slice), lambda s: (s.start, s.stop, s.step), lambda parts: slice(*parts)),
    "ellipsis": _Kind(lambda v: v is Ellipsis, lambda v: None, lambda v: Ellipsis),
    "bytes": _Kind(_of(bytes), lambda b: b.hex(), bytes.fromhex),
    "frozenset": _Kind(_of(frozenset), lambda s: tuple(sorted(s, key=repr)), frozenset),
    "random_state": _Kind(_of(np.random.RandomState), lambda s: s.get_state(legacy=False), _random_state),
    "sparse": _Kind(_is_sparse, _sparse_parts, _sparse),
}
