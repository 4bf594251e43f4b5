"""``as_op``: a Python function as an Op, for what the language lacks. It runs as Python, wherever the rest runs."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

from symcore.graph.type import Type
from symcore.graph.variable import Apply, Variable
from symcore.op import Op, Shape


class FromFunctionOp(Op):
    """An Op whose ``perform`` is a Python function of the inputs' values. Made by ``as_op``.

    Two are equal when they have the same function and types. Pickled by the function's module and name, so the function
    has to be at the top level of an importable module. It has no gradient.
    """

    fn: Callable[..., Any]
    in_types: tuple[Type, ...]
    out_types: tuple[Type, ...]
    shape_fn: Callable[..., Any] | None = None

    @property
    def __name__(self) -> str:
        return self.fn.__name__

    def make_node(self, *inputs: Any) -> Apply:
        if len(inputs) != len(self.in_types):
            raise TypeError(f"{self} takes {len(self.in_types)} inputs, got {len(inputs)}.")
        from symcore.tensor.constant import as_tensor
        from symcore.tensor.type import TensorType

        variables = [
            as_tensor(v)
            if isinstance(t, TensorType)
            else v
            if isinstance(v, Variable)
            else t.constant_class(t, t.filter(v))
            for v, t in zip(inputs, self.in_types, strict=True)
        ]
        for position, (given, wanted) in enumerate(zip(variables, self.in_types, strict=True)):
            if not wanted.is_super(given.type):
                raise TypeError(
                    f"input {position} of {self} must be {wanted}, got {given.type}. Cast or reshape it first."
                )
        return Apply(self, variables, [t() for t in self.out_types])

    def perform(self, node: Apply, *inputs: Any) -> Any:
        result = self.fn(*inputs)
        results = list(result) if len(self.out_types) > 1 else [result]
        if len(results) != len(self.out_types):
            raise ValueError(f"{self} returned {len(results)} values for {len(self.out_types)} outputs.")
        for k, (value, t) in enumerate(zip(results, self.out_types, strict=True)):
            try:
                results[k] = t.filter(value)
            except TypeError as error:
                raise TypeError(
                    f"{self} returned a value for output {k} that does not fit its otype: {error}"
                ) from None
        return tuple(results) if len(results) > 1 else results[0]

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> Sequence[Shape | None]:
        return super().infer_shape(node, input_shapes) if self.shape_fn is None else self.shape_fn(node, input_shapes)

    def __str__(self) -> str:
        return f"FromFunctionOp{{{self.fn.__name__}}}"

    __repr__ = __str__

    def __reduce__(self) -> Any:
        # The decorator put this Op in the place of the function, so its module and name lead to the Op itself.
        module, name = self.fn.__module__, self.fn.__qualname__
        if _find(module, name) is self or _find(module, name) == self:
            return _load, (module, name)
        return FromFunctionOp, (self.fn, self.in_types, self.out_types, self.shape_fn)


def _find(module: str, name: str) -> Any:
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _load(module: str, name: str) -> Any:
    __import__(module)
    return _find(module, name)


def as_op(
    itypes: Type | Sequence[Type], otypes: Type | Sequence[Type], infer_shape: Callable[..., Any] | None = None
) -> Callable[[Callable[..., Any]], FromFunctionOp]:
    """Return a decorator that makes a function of arrays into an Op.

    Parameters
    ----------
    itypes, otypes
        The type, or list of types, of the inputs and outputs: ``T.dmatrix().type``, ``TensorType("float64", (None,))``,
        or a function that makes a variable of the type (``T.dmatrix``).
    infer_shape
        ``(node, shapes of the inputs) -> shapes of the outputs``, if these follow from those.

    The function gets one value per input (it must not change them) and returns one value, or a tuple with one per
    output.

    Examples
    --------
    >>> import numpy as np
    >>> from symcore import as_op, tensor as T
    >>> @as_op([T.dmatrix, T.dmatrix], [T.dmatrix], infer_shape=lambda node, s: [(s[0][0], s[1][1])])
    ... def numpy_dot(a, b):
    ...     return np.dot(a, b)
    >>> x = T.dmatrix()
    >>> numpy_dot(x, x).eval({x: [[1.0, 1.0], [0.0, 1.0]]})
    array([[1., 2.],
           [0., 1.]])

    Raises
    ------
    TypeError
        When a type is none.
    """
    inputs, outputs = _types(itypes, "itypes"), _types(otypes, "otypes")

    def decorate(fn: Callable[..., Any]) -> FromFunctionOp:
        op = FromFunctionOp(fn, inputs, outputs, infer_shape)
        op.__dict__["__doc__"] = fn.__doc__
        return op

    return decorate


def _types(given: Any, what: str) -> tuple[Type, ...]:
    many = given if isinstance(given, (list, tuple)) else [given]
    found = []
    for item in many:
        candidate = item
        if not isinstance(item, Type) and callable(item):
            candidate = getattr(item(), "type", None)
        if not isinstance(candidate, Type):
            raise TypeError(
                f"as_op needs types in {what}, such as T.dmatrix or TensorType('float64', (None, None)); got {item!r}."
            )
        found.append(candidate)
    return tuple(found)
