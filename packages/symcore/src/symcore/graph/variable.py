"""``Variable``, ``Constant`` and ``Apply``: the two kinds of nodes that a graph is made of."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from symcore.config import config
from symcore.graph import trace
from symcore.graph.type import Type

if TYPE_CHECKING:
    from symcore.op import Op

TypeT = TypeVar("TypeT", bound=Type)


class Variable(Generic[TypeT]):
    """A symbolic value: an input (``owner is None``) or output number ``index`` of the node ``owner``.

    Immutable but for annotation: ``name``, ``tag`` (a free scratchpad), and attributes that a library attaches.
    """

    # Slots, because a graph has very many variables; the dictionary is made for the few that are given attributes.
    __slots__ = ("__dict__", "__weakref__", "_tag", "index", "name", "owner", "type")
    _tag: SimpleNamespace

    def __init__(self, type: TypeT, owner: "Apply | None" = None, index: int | None = None, name: str | None = None):
        self.type = type
        self.owner = owner
        self.index = index
        self.name = name

    @property
    def tag(self) -> SimpleNamespace:
        """A namespace for the notes of users and libraries; made when first asked for."""
        try:
            return self._tag
        except AttributeError:
            self._tag = SimpleNamespace()
            return self._tag

    @tag.setter
    def tag(self, value: SimpleNamespace) -> None:
        self._tag = value

    def clone(self) -> Any:
        """Return a new input variable of the same type, name and notes."""
        copy = self.type(self.name)
        if hasattr(self, "_tag"):
            copy.tag = SimpleNamespace(**vars(self.tag))
        return copy

    def __repr__(self) -> str:
        return self.__str__()

    def __str__(self) -> str:
        if self.name is not None:
            return self.name
        if self.owner is not None:
            node = self.owner
            return f"{node.op}.{self.index}" if len(node.outputs) > 1 else f"{node.op}.out"
        return f"<{self.type}>"

    def __getstate__(self) -> dict[str, Any]:
        return {"type": self.type, "owner": self.owner, "index": self.index, "name": None, **self._annotations()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    def _annotations(self) -> dict[str, Any]:
        """Return what was written on this variable since it was made: name, tag, and attributes that others gave it."""
        # Of a variable without attributes this does not make the dictionary that asking for __dict__ would.
        state: Any = object.__getstate__(self)
        attributes, slots = state
        notes = {k: v for k, v in slots.items() if v is not None and k in ("name", "_tag")}
        if attributes:
            notes |= attributes
            notes.pop("_eval_cache", None)
        return notes

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self.owner is None:
            return super().__reduce_ex__(protocol)
        return _output, (self.owner, self.index)  # the node carries the rest; see symcore.graph.pickling

    def eval(self, inputs_to_values: dict[Any, Any] | None = None, **options: Any) -> Any:
        """Compute this variable for the given ``{input variable: value}`` (names work as keys too).

        With the compiler installed the function is compiled once per set of inputs and kept; with symcore alone the
        reference interpreter runs. Raises ``MissingInputError`` when an input has no value, and ``TypeError`` for what
        is no dictionary.
        """
        if inputs_to_values is not None and not isinstance(inputs_to_values, Mapping):
            raise TypeError(f"eval() takes a dictionary {{variable: value}}, got {inputs_to_values!r}.")
        return evaluator.compute(self, dict(inputs_to_values or {}), options)

    def _repr_latex_(self) -> str:
        """Return the expression as LaTeX: what a notebook shows. Nothing is computed."""
        return display.latex(self)  # type: ignore[no-any-return]


class _Evaluator:
    """How ``Variable.eval`` computes: ``symcore.interpreter``, and then ``symopt``, put their function here."""

    compute: Any = None
    #: ``(node, values of its inputs) -> values of its outputs``.
    run_node: Any = None


#: The one evaluator of the process.
evaluator = _Evaluator()


class _Display:
    """How notebooks show a variable; the package puts ``symcore.printing.rich``, which stands above, here."""

    latex: Any = None


display = _Display()


class _TestValues:
    """What looks at every new node while test values are wanted; ``symcore.graph.test_values`` puts it here."""

    watch: Any = None


test_values = _TestValues()
_quick = config.quick


class Constant(Variable[TypeT]):
    """A variable whose value is known. ``data`` must not be changed; equal constants have equal ``signature()``."""

    def __init__(self, type: TypeT, data: Any, name: str | None = None):
        super().__init__(type, None, None, name)
        self.data = data

    def signature(self) -> Any:
        """Return a hashable key that two constants share exactly when they can stand for each other."""
        return (self.type, self.data)

    @property
    def value(self) -> Any:
        """The value; do not change it."""
        return self.data

    def clone(self) -> Any:
        """Constants are shared between graphs: return the constant itself."""
        return self

    def __str__(self) -> str:
        return self.name if self.name is not None else f"{self.data}"


class Apply:
    """One application of an Op: ``outputs = op(*inputs)``. Its outputs belong to it and to nobody else."""

    __slots__ = ("__weakref__", "_tag", "inputs", "op", "outputs", "trace")
    _tag: SimpleNamespace

    def __init__(self, op: "Op", inputs: Sequence[Variable[Any]], outputs: Sequence[Variable[Any]]):
        self.op = op
        self.inputs = list(inputs)
        self.outputs = list(outputs)
        for index, output in enumerate(self.outputs):
            if output.owner is not None:
                raise ValueError(f"output {index} of a new {op} node already belongs to a {output.owner.op} node.")
            output.owner = self
            output.index = index
        self.trace = trace.here()
        if _quick.compute_test_value != "off":
            test_values.watch(self)

    @property
    def tag(self) -> SimpleNamespace:
        """A namespace for notes on this node; made when first asked for."""
        try:
            return self._tag
        except AttributeError:
            self._tag = SimpleNamespace()
            return self._tag

    def out(self) -> Any:
        """Return the only output, or the default one of several."""
        index = self.op.default_output
        if index is None:
            if len(self.outputs) != 1:
                raise ValueError(f"{self.op} has {len(self.outputs)} outputs; choose one: node.outputs[i].")
            index = 0
        return self.outputs[index]

    def clone_with_new_inputs(self, inputs: Sequence[Variable[Any]]) -> "Apply":
        """Return a copy of this node on other inputs: of the same types, or the Op makes its outputs anew."""
        with trace.inherit(self.trace):
            if [v.type for v in inputs] == [v.type for v in self.inputs]:
                node = Apply(self.op, inputs, [output.clone() for output in self.outputs])
            else:
                node = self.op.make_node(*inputs)
                for new, old in zip(node.outputs, self.outputs, strict=True):
                    new.name = old.name
        return node

    def __repr__(self) -> str:
        return f"{self.op}({', '.join(map(str, self.inputs))})"

    def __setstate__(self, state: Any) -> None:
        """Take back the notes on the node and on its outputs; the rest was given when it was made."""
        tag, notes = state
        if tag is not None:
            self._tag = tag
        for output, note in zip(self.outputs, notes, strict=True):
            for name, value in note.items():
                setattr(output, name, value)


def _output(node: Apply, index: int) -> Variable[Any]:
    return node.outputs[index]


Type.variable_class = Variable
Type.constant_class = Constant
