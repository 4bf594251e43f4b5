"""``Op``: the contract of an operation. An Op knows mathematics only; C and CUDA attach to it from elsewhere."""

from collections.abc import Sequence
from typing import Any, ClassVar

from symcore.graph import trace
from symcore.graph.null import grad_not_implemented
from symcore.graph.type import Type
from symcore.graph.variable import Apply, Variable
from symcore.record import Record

#: Entries are Python ints (known while building) or 0-d integer variables; ``None`` for a whole shape: not known
#: before the Op has run.
Shape = tuple[Any, ...]


class _ROpFallback:
    """How an Op without an ``R_op`` gets one; ``symcore.gradient.rop``, which stands above, puts its function here."""

    compute: Any = None


r_op_fallback = _ROpFallback()


class Op(Record):
    """An operation on variables.

    Annotated attributes are the parameters of an Op: they make its constructor, equality, hash, repr and pickle. They
    must be hashable; arrays belong into constants. A class is either abstract or final: kernels attach by class.

    A subclass defines ``make_node`` (or ``itypes`` and ``otypes``) and ``perform``, and as far as it makes sense
    ``infer_shape``, ``L_op``, ``R_op``, ``connection_pattern``, ``inplace``, ``view``.
    """

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
        if cls.__props__ is not None and "__props__" in cls.__dict__:
            cls._params = tuple(cls.__props__)
            cls._by_identity = False

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
