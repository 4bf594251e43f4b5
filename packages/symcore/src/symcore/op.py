"""``Op``: the contract of an operation. An Op knows mathematics only; C and CUDA attach to it from elsewhere."""

from collections.abc import Sequence
from typing import Any, ClassVar, dataclass_transform, get_origin

from symcore.graph import trace
from symcore.graph.null import grad_not_implemented
from symcore.graph.type import Type
from symcore.graph.variable import Apply, Variable

#: Entries are Python ints (known while building) or 0-d integer variables; ``None`` for a whole shape: not known
#: before the Op has run.
Shape = tuple[Any, ...]

_MISSING = object()


class _ROpFallback:
    """How an Op without an ``R_op`` gets one; ``symcore.gradient.rop``, which stands above, puts its function here."""

    compute: Any = None


r_op_fallback = _ROpFallback()


@dataclass_transform(frozen_default=True)
class Op:
    """An operation on variables.

    Annotated attributes are the parameters of an Op: they make its constructor, equality, hash, repr and pickle. They
    must be hashable; arrays belong into constants. A class is either abstract or final: kernels attach by class.

    A subclass defines ``make_node`` (or ``itypes`` and ``otypes``) and ``perform``, and as far as it makes sense
    ``infer_shape``, ``L_op``, ``R_op``, ``connection_pattern``, ``inplace``, ``view``.
    """

    _params: ClassVar[tuple[str, ...]] = ()
    _defaults: ClassVar[dict[str, Any]] = {}
    _by_identity: ClassVar[bool] = False
    #: Types of inputs and outputs for Ops that do not write ``make_node``.
    itypes: ClassVar[Sequence[Type] | None] = None
    otypes: ClassVar[Sequence[Type] | None] = None
    #: Which output calling the Op returns; ``None``: the only one, or all as a list.
    default_output: ClassVar[int | None] = None
    #: Whether equal inputs give equal outputs and running it has no other effect. An impure node is never merged,
    #: hoisted or repeated, and never dropped while something uses its output.
    pure: ClassVar[bool] = True
    #: Names of parameters in the style of older code: makes equality and hash of a class with its own constructor.
    __props__: ClassVar[tuple[str, ...] | None] = None

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        own = [
            name
            for name, note in cls.__dict__.get("__annotations__", {}).items()
            if not name.startswith("_") and not _is_classvar(note)
        ]
        cls._params = tuple(dict.fromkeys((*cls._params, *own)))
        cls._defaults = {**cls._defaults, **{n: cls.__dict__[n] for n in own if n in cls.__dict__}}
        if cls.__props__ is not None and "__props__" in cls.__dict__:
            cls._params = tuple(cls.__props__)
            cls._by_identity = False
        elif "__init__" in cls.__dict__ and not own:
            cls._by_identity = True  # a constructor whose parameters we do not know: instances are their own kind

    def __init__(self, *args: Any, **kwargs: Any):
        cls = type(self)
        if len(args) > len(cls._params):
            raise TypeError(f"{cls.__name__} takes {len(cls._params)} parameters, got {len(args)}.")
        values = {**cls._defaults, **dict(zip(cls._params, args, strict=False)), **kwargs}
        for name in cls._params:
            if name not in values:
                raise TypeError(f"{cls.__name__} needs a value for its parameter {name!r}.")
        if len(values) > len(cls._params):
            unknown = sorted(set(values) - set(cls._params))
            raise TypeError(f"{cls.__name__} has no parameter {', '.join(unknown)}; it has {', '.join(cls._params)}.")
        self.__dict__.update(values)

    def _values(self) -> tuple[Any, ...]:
        return tuple([getattr(self, name) for name in self._params])

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other) or self._by_identity:
            return False
        return self._values() == other._values()  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        cached = self.__dict__.get("_hash")
        if cached is None:
            cached = id(self) >> 4 if self._by_identity else hash((type(self), self._values()))
            self.__dict__["_hash"] = cached
        return cached

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state.pop("_hash", None)  # str hashes differ between processes
        return state

    def __repr__(self) -> str:
        shown = [
            f"{name}={_show(getattr(self, name))}"
            for name in self._params
            if getattr(self, name, _MISSING) != self._defaults.get(name, _MISSING)
        ]
        return f"{type(self).__name__}{{{', '.join(shown)}}}" if shown else type(self).__name__

    def __str__(self) -> str:
        return repr(self)

    # ------------------------------------------------------------------ building

    def make_node(self, *inputs: Any) -> Apply:
        """Return a node of this Op on ``inputs``. Raises ``TypeError`` for inputs that the Op cannot take."""
        if self.itypes is None or self.otypes is None:
            raise NotImplementedError(f"{type(self).__name__} defines neither make_node() nor itypes and otypes.")
        if len(inputs) != len(self.itypes):
            raise TypeError(f"{self} takes {len(self.itypes)} inputs, got {len(inputs)}.")
        variables = []
        for position, (given, wanted) in enumerate(zip(inputs, self.itypes, strict=True)):
            variable = given if isinstance(given, Variable) else wanted.constant_class(wanted, wanted.filter(given))
            if not wanted.is_super(variable.type):
                raise TypeError(f"input {position} of {self} must be {wanted}, got {variable.type}.")
            variables.append(variable)
        return Apply(self, variables, [otype() for otype in self.otypes])

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """Apply the Op: return its output, or the list of its outputs. ``name=`` names the (default) output."""
        name = kwargs.pop("name", None)
        node = self.make_node(*inputs, **kwargs)
        if node.trace is not None and node.trace[2] == "make_node":  # of a user's Op: where it is applied says more
            node.trace = trace.here()
        index = self.default_output
        result = node.outputs[index] if index is not None else node.outputs
        if index is None and len(node.outputs) == 1:
            result = node.outputs[0]
        if name is not None:
            (result[0] if isinstance(result, list) else result).name = name
        return result

    # ------------------------------------------------------------------ computing

    def perform(self, node: Apply, *inputs: Any) -> Any:
        """Compute the outputs from the values of the inputs: one value, or a tuple of several. Must not change them."""
        raise NotImplementedError(f"{type(self).__name__} has no perform(): it cannot run without compiled code.")

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> Sequence[Shape | None]:
        """Return the shape of every output from those of the inputs; ``None`` where it depends on values."""
        return [None] * len(node.outputs)

    # ------------------------------------------------------------------ differentiating

    def L_op(self, inputs: Sequence[Any], outputs: Sequence[Any], output_grads: Sequence[Any]) -> Sequence[Any]:
        """Return, for every input, the vector-Jacobian product ``output_grads . d outputs / d input``.

        An entry may be ``None`` (no contribution) or a variable of ``DisconnectedType`` or ``NullType``.
        """
        grad = getattr(self, "grad", None)
        if grad is not None:
            return grad(inputs, output_grads)
        return [grad_not_implemented(self, position, x) for position, x in enumerate(inputs)]

    def R_op(self, inputs: Sequence[Any], outputs: Sequence[Any], tangents: Sequence[Any]) -> Sequence[Any]:
        """Return, for every output, the Jacobian-vector product; a tangent of ``None`` is zero.

        Without a definition of its own an Op gets it from ``L_op`` applied twice.
        """
        return r_op_fallback.compute(self, inputs, outputs, tangents)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Return ``pattern[input][output]``: whether the output depends differentiably on the input."""
        return [[True] * len(node.outputs) for _ in node.inputs]

    # ------------------------------------------------------------------ memory

    def inplace(self, node: Apply) -> dict[int, tuple[int, ...]]:
        """Return ``{output: inputs whose buffer it may take over}``. Whether it does, the memory plan decides."""
        return {}

    def view(self, node: Apply) -> dict[int, int]:
        """Return ``{output: input it is a view of}``."""
        return {}

    def destroys(self, node: Apply) -> tuple[int, ...]:
        """Return the inputs that ``perform`` changes. The plan hands it a copy unless the input is dead."""
        return ()


def _show(value: Any) -> str:
    """A parameter as it is printed: a function by its name, for its address changes from run to run."""
    return getattr(value, "__qualname__", None) or repr(value)


def _is_classvar(note: Any) -> bool:
    return get_origin(note) is ClassVar or note is ClassVar or (isinstance(note, str) and "ClassVar" in note)
