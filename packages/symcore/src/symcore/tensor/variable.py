"""Tensor variables: operators and methods. The top floor of ``tensor``: it knows the functions, none knows it."""

import copy
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from symcore.graph import trace
from symcore.graph.shared import SharedVariable
from symcore.graph.variable import Constant, Variable
from symcore.tensor import creation, functions, products, shapes, subtensor
from symcore.tensor import reductions as reductions
from symcore.tensor import scalar_functions as sf
from symcore.tensor.constant import as_tensor, signature_of
from symcore.tensor.elemwise import elemwise_name
from symcore.tensor.exchange import is_lent
from symcore.tensor.type import TensorType

_COMPARISONS = frozenset({"lt", "le", "gt", "ge", "eq", "neq"})


class TensorOperators:
    """What tensor variables, constants and shared tensors can do. Every operator builds a node; nothing computes."""

    type: TensorType
    owner: Any
    #: For libraries that do not know ``__array_ufunc__``: their operators must be handed over to ours.
    __array_priority__ = 1000

    # ------------------------------------------------------------------ what is known

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return self.type.ndim

    @property
    def dtype(self) -> str:
        """Name of the dtype."""
        return self.type.dtype.name

    @property
    def broadcastable(self) -> tuple[bool, ...]:
        """Per dimension whether its length is known to be 1."""
        return self.type.broadcastable

    @property
    def shape(self) -> Any:
        """The shape as a symbolic vector; ``x.shape[0]`` is a symbolic integer. What is known: ``x.type.shape``."""
        return shapes.ShapeOf()(self)

    @property
    def size(self) -> Any:
        """The number of elements, as a symbolic integer."""
        return functions.size(self)

    @property
    def T(self) -> Any:
        """The tensor with its axes reversed."""
        return functions.transpose(self)

    @property
    def real(self) -> Any:
        """The real part."""
        return sf.real(self) if self.type.dtype.kind == "c" else self

    @property
    def imag(self) -> Any:
        """The imaginary part."""
        return sf.imag(self) if self.type.dtype.kind == "c" else creation.zeros_like(self)

    # ------------------------------------------------------------------ as a Python object

    def __bool__(self) -> bool:
        name = elemwise_name(self)
        if name in _COMPARISONS:
            raise TypeError(
                f"the comparison {name} of symbolic variables has no truth value while the graph is built: use "
                "T.switch or ifelse to choose, and T.and_ or & to combine comparisons (0 < x < 1 is (0 < x) & (x < 1))."
            )
        if trace.is_recording():
            raise TypeError(
                f"{self} has no truth value while the graph is built: use T.switch or ifelse to choose between values."
            )
        return True

    def __len__(self) -> int:
        raise TypeError("len() of a symbolic tensor is not known while the graph is built; use x.shape[0].")

    def __iter__(self) -> Iterator[Any]:
        length = self.type.shape[0] if self.type.ndim else None
        if length is None:
            raise ValueError(
                f"cannot iterate over {self}: the length of its first axis is not known while the graph is built. "
                "Use scan, or state the length with T.specify_shape."
            )
        return (self[i] for i in range(length))

    def __setitem__(self, item: Any, value: Any) -> None:
        raise TypeError(
            "a symbolic tensor cannot be changed: write y = T.set_subtensor(x[index], value), or T.inc_subtensor, "
            "and go on with y."
        )

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(
            f"{self} is symbolic and has no values; compute it with .eval() or a function. "
            "To apply a NumPy function use its namesake in T."
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Build graph for ``np.exp(x)``, ``np.ones(3) + x``, ``np.add.reduce(x)``; see ``numpy_protocol``."""
        from symcore.tensor.numpy_protocol import apply_ufunc

        return apply_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """Build graph for ``np.sum(x, axis=0)``, ``np.concatenate([x, y])``, ...; see ``numpy_protocol``."""
        from symcore.tensor.numpy_protocol import apply_function

        return apply_function(func, args, kwargs)

    def _no_number(self, wanted: str, instead: str) -> TypeError:
        return TypeError(
            f"{self} is symbolic and {wanted}; compute it with .eval() or a function, or use {instead}."
        )

    def __index__(self) -> int:
        raise self._no_number(
            "cannot index or count in Python while the graph is built", "T.arange for range, tensors for lists"
        )

    def __int__(self) -> int:
        raise self._no_number("is no Python int", ".astype('int64')")

    def __float__(self) -> float:
        raise self._no_number("is no Python float", ".astype('float64'), and the functions of T for those of math")

    def __complex__(self) -> complex:
        raise self._no_number("is no Python complex number", ".astype('complex128')")

    def __round__(self, ndigits: int | None = None) -> Any:
        from symcore.tensor.numpy_compositions import round as rounded

        return rounded(self, 0 if ndigits is None else ndigits)

    # ------------------------------------------------------------------ operators

    def __add__(self, other: Any) -> Any:
        return _binary(sf.add, self, other)

    def __radd__(self, other: Any) -> Any:
        return _binary(sf.add, other, self)

    def __sub__(self, other: Any) -> Any:
        return _binary(sf.sub, self, other)

    def __rsub__(self, other: Any) -> Any:
        return _binary(sf.sub, other, self)

    def __mul__(self, other: Any) -> Any:
        return _binary(sf.mul, self, other)

    def __rmul__(self, other: Any) -> Any:
        return _binary(sf.mul, other, self)

    def __truediv__(self, other: Any) -> Any:
        return _binary(functions.true_div, self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return _binary(functions.true_div, other, self)

    def __floordiv__(self, other: Any) -> Any:
        return _binary(sf.int_div, self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return _binary(sf.int_div, other, self)

    def __mod__(self, other: Any) -> Any:
        return _binary(sf.mod, self, other)

    def __rmod__(self, other: Any) -> Any:
        return _binary(sf.mod, other, self)

    def __divmod__(self, other: Any) -> Any:
        return sf.divmod(self, other)

    def __rdivmod__(self, other: Any) -> Any:
        return sf.divmod(other, self)

    def __pow__(self, other: Any) -> Any:
        return _binary(sf.pow, self, other)

    def __rpow__(self, other: Any) -> Any:
        return _binary(sf.pow, other, self)

    def __matmul__(self, other: Any) -> Any:
        return products.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return products.matmul(other, self)

    def __and__(self, other: Any) -> Any:
        return _binary(sf.and_, self, other)

    def __rand__(self, other: Any) -> Any:
        return _binary(sf.and_, other, self)

    def __or__(self, other: Any) -> Any:
        return _binary(sf.or_, self, other)

    def __ror__(self, other: Any) -> Any:
        return _binary(sf.or_, other, self)

    def __xor__(self, other: Any) -> Any:
        return _binary(sf.xor, self, other)

    def __rxor__(self, other: Any) -> Any:
        return _binary(sf.xor, other, self)

    def __invert__(self) -> Any:
        return sf.invert(self)

    def __neg__(self) -> Any:
        return sf.neg(self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return sf.abs(self)

    def __lt__(self, other: Any) -> Any:
        return _binary(sf.lt, self, other)

    def __le__(self, other: Any) -> Any:
        return _binary(sf.le, self, other)

    def __gt__(self, other: Any) -> Any:
        return _binary(sf.gt, self, other)

    def __ge__(self, other: Any) -> Any:
        return _binary(sf.ge, self, other)

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, int) and self.owner is not None and isinstance(self.owner.op, shapes.ShapeOf):
            source = self.owner.inputs[0]
            if -source.type.ndim <= item < source.type.ndim:
                return shapes.shape_i(source, item % source.type.ndim)
        return subtensor.getitem(self, item)

    # ------------------------------------------------------------------ shape

    def dimshuffle(self, *pattern: Any) -> Any:
        """Reorder the axes: numbers of axes, and ``'x'`` for a new one of length 1."""
        return functions.dimshuffle(self, *pattern)

    def reshape(self, *newshape: Any, ndim: int | None = None) -> Any:
        """Return the elements in another shape: ``x.reshape((2, -1))`` or ``x.reshape(2, -1)``."""
        only = newshape[0] if len(newshape) == 1 else newshape
        if (
            len(newshape) == 2
            and isinstance(newshape[0], (tuple, list, Variable))
            and isinstance(newshape[1], int)
            and (not isinstance(newshape[0], Variable) or newshape[0].type.ndim == 1)
        ):
            only, ndim = newshape  # the older spelling reshape(shape, ndim)
        return shapes.reshape(self, only, ndim)

    def flatten(self, ndim: int = 1) -> Any:
        """Return the tensor with its last axes merged so that ``ndim`` remain."""
        return functions.flatten(self, ndim)

    def ravel(self) -> Any:
        """Return the elements as a vector."""
        return functions.flatten(self, 1)

    def transpose(self, *axes: Any) -> Any:
        """Return the tensor with its axes in another order, reversed by default."""
        return functions.transpose(
            self, axes[0] if len(axes) == 1 and isinstance(axes[0], (tuple, list)) else axes or None
        )

    def swapaxes(self, axis1: int, axis2: int) -> Any:
        """Return the tensor with two axes exchanged."""
        return functions.swapaxes(self, axis1, axis2)

    def squeeze(self, axis: Any = None) -> Any:
        """Drop the axes whose length is known to be 1."""
        return functions.squeeze(self, axis)

    def copy(self, name: str | None = None) -> Any:
        """Return the tensor under a variable of its own."""
        return sf.identity(self, name=name)

    def astype(self, dtype: Any) -> Any:
        """Return the tensor with another dtype."""
        return sf.cast(self, dtype)

    def fill(self, value: Any) -> Any:
        """Return a tensor of this shape filled with ``value``."""
        return creation.full_like(self, value)

    def zeros_like(self, dtype: Any = None) -> Any:
        """Return zeros of this shape."""
        return creation.zeros_like(self, dtype)

    def ones_like(self, dtype: Any = None) -> Any:
        """Return ones of this shape."""
        return creation.ones_like(self, dtype)

    # ------------------------------------------------------------------ work

    def dot(self, other: Any) -> Any:
        """Return the product; see ``T.dot``."""
        return products.dot(self, other)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        """See ``T.diagonal``."""
        return _later("diagonals").diagonal(self, offset, axis1, axis2)

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        """See ``T.trace``."""
        return _later("diagonals").trace(self, offset, axis1, axis2)

    def repeat(self, repeats: Any, axis: int | None = None) -> Any:
        """See ``T.repeat``."""
        return _later("arranging").repeat(self, repeats, axis)

    def sort(self, axis: int | None = -1, kind: str = "quicksort", order: None = None) -> Any:
        """Return the elements in ascending order; see ``T.sort``. This tensor stays as it is."""
        return _later("sorting").sort(self, axis, kind, order)

    def argsort(self, axis: int | None = -1, kind: str = "quicksort", order: None = None) -> Any:
        """See ``T.argsort``."""
        return _later("sorting").argsort(self, axis, kind, order)

    def searchsorted(self, v: Any, side: str = "left", sorter: Any = None) -> Any:
        """See ``T.searchsorted``."""
        return _later("counting").searchsorted(self, v, side, sorter)

    def choose(self, choices: Any, out: None = None, mode: str = "raise") -> Any:
        """See ``T.choose``."""
        return _later("gather").choose(self, choices, out, mode)

    def compress(self, condition: Any, axis: int | None = None) -> Any:
        """Return the slices along ``axis`` where ``condition`` is not zero; see ``T.compress``."""
        return _later("gather").compress(condition, self, axis)

    def nonzero_values(self) -> Any:
        """Return the elements that are not zero, as a vector."""
        return _later("gather").nonzero_values(self)

    def cumsum(self, axis: int | None = None) -> Any:
        """See ``T.cumsum``."""
        return _later("cumulative").cumsum(self, axis)

    def cumprod(self, axis: int | None = None) -> Any:
        """See ``T.cumprod``."""
        return _later("cumulative").cumprod(self, axis)

    def _products_of_others(self, axes: tuple[int, ...]) -> Any:
        """For the gradient of a product, whose Op stands on a lower floor than the running products it takes."""
        return _later("cumulative").products_of_others(self, axes)

    def ptp(self, axis: Any = None) -> Any:
        """Return the largest minus the smallest element along ``axis``."""
        return functions.ptp(self, axis)

    def get_scalar_constant_value(self) -> Any:
        """Return the number that this tensor stands for, as a 0-d array; see ``T.get_scalar_constant_value``."""
        return _later("scalar_constants").get_scalar_constant_value(self)

    def transfer(self, target: str | None) -> Any:
        """Return the tensor for use on a device. Where it lies is decided when the function is compiled, so that this
        is the tensor itself; ``target``: ``"cpu"`` or the name of a device."""
        if target is not None and not isinstance(target, str):
            raise TypeError(f"transfer takes the name of a device, such as 'cpu', got {target!r}.")
        return self

    def take(self, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
        """Return the elements at ``indices`` along ``axis``."""
        return subtensor.take(self, indices, axis, mode)

    def nonzero(self, return_matrix: bool = False) -> Any:
        """Return the positions of the elements that are not zero."""
        return functions.nonzero(self, return_matrix)

    def round(self, mode: str | None = None) -> Any:
        """Round to integers; halves to even by default."""
        return functions.round(self, mode)

    def clip(self, a_min: Any, a_max: Any) -> Any:
        """Limit the elements to ``[a_min, a_max]``."""
        return sf.clip(self, a_min, a_max)

    def conj(self) -> Any:
        """Return the complex conjugate."""
        return sf.conj(self) if self.type.dtype.kind == "c" else self

    conjugate = conj

    def sum(self, axis: Any = None, dtype: Any = None, keepdims: bool = False, acc_dtype: Any = None) -> Any:
        """See ``T.sum``."""
        return reductions.sum(self, axis, dtype, keepdims, acc_dtype)

    def prod(self, axis: Any = None, dtype: Any = None, keepdims: bool = False, acc_dtype: Any = None) -> Any:
        """See ``T.prod``."""
        return reductions.prod(self, axis, dtype, keepdims, acc_dtype)

    def mean(self, axis: Any = None, dtype: Any = None, keepdims: bool = False, acc_dtype: Any = None) -> Any:
        """See ``T.mean``."""
        return reductions.mean(self, axis, dtype, keepdims, acc_dtype)

    def var(self, axis: Any = None, ddof: Any = 0, keepdims: bool = False, corrected: bool = False) -> Any:
        """See ``T.var``."""
        return reductions.var(self, axis, ddof, keepdims, corrected)

    def std(self, axis: Any = None, ddof: Any = 0, keepdims: bool = False, corrected: bool = False) -> Any:
        """See ``T.std``."""
        return reductions.std(self, axis, ddof, keepdims, corrected)

    def max(self, axis: Any = None, keepdims: bool = False) -> Any:
        """See ``T.max``."""
        return reductions.max(self, axis, keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Any:
        """See ``T.min``."""
        return reductions.min(self, axis, keepdims)

    def argmax(self, axis: Any = None, keepdims: bool = False) -> Any:
        """See ``T.argmax``."""
        return reductions.argmax(self, axis, keepdims)

    def argmin(self, axis: Any = None, keepdims: bool = False) -> Any:
        """See ``T.argmin``."""
        return reductions.argmin(self, axis, keepdims)

    def all(self, axis: Any = None, keepdims: bool = False) -> Any:
        """See ``T.all``."""
        return reductions.all(self, axis, keepdims)

    def any(self, axis: Any = None, keepdims: bool = False) -> Any:
        """See ``T.any``."""
        return reductions.any(self, axis, keepdims)

    def norm(self, L: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """Return the norm of order ``L`` along ``axis``."""
        return functions.norm(self, L, axis, keepdims)


def _later(module: str) -> Any:
    """Return a module of the tensor language that is not needed to import it."""
    return import_module(f"symcore.tensor.{module}")


def _binary(function: Any, a: Any, b: Any) -> Any:
    """Apply an operator, letting Python try the other operand's method for types that are no numbers."""
    if any(isinstance(v, Variable) and not isinstance(v.type, TensorType) for v in (a, b)):
        return NotImplemented
    try:
        return function(a, b)
    except TypeError:
        if all(
            isinstance(v, (Variable, np.ndarray, np.generic, bool, int, float, complex, list, tuple)) for v in (a, b)
        ):
            raise
        return NotImplemented


class TensorVariable(TensorOperators, Variable[TensorType]):
    """A symbolic tensor: a ``TensorType``, and the operators and methods of NumPy's arrays, which build graph."""

    if not TYPE_CHECKING:  # it gives no attribute: it tells what to use instead of those of shared variables

        def __getattr__(self, name):
            kept = getattr(type(self), name, None)
            if isinstance(kept, property):  # it is there: what it raised, such as a missing test value, is the error
                return kept.fget(self)
            hint = ""
            if name in ("get_value", "set_value"):
                hint = f": only shared variables have a value, and {self} is none. Compute it by .eval() or a function."
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}", name=name, obj=self)


class TensorConstant(TensorOperators, Constant[TensorType]):
    """A tensor whose value is known. ``data`` is a read-only array."""

    def signature(self) -> Any:
        found = self.__dict__.get("_signature")
        if found is None:
            found = self.__dict__["_signature"] = signature_of(self.data)
        return found

    def __str__(self) -> str:
        if self.name is not None:
            return self.name
        text = str(self.data) if self.data.size <= 6 else f"{str(self.data.flat[0])} ... of shape {self.data.shape}"
        return f"TensorConstant{{{text}}}"


class TensorSharedVariable(TensorOperators, SharedVariable[TensorType]):
    """A symbolic tensor that holds its value between calls; made by ``shared``."""

    def set_value(self, new_value: Any, borrow: bool = False) -> None:
        """Set the value. Raises ``TypeError``, and changes nothing, if it does not fit the type. Without ``borrow`` no
        memory is shared with ``new_value``, be it an array of NumPy or of another library."""
        value = self.type.filter(new_value)
        self.container.value = copy.deepcopy(value) if not borrow and is_lent(value, new_value) else value

    def zero(self, borrow: bool = False) -> None:
        """Set every element to zero, keeping shape and dtype."""
        self.container.value = np.zeros_like(self.container.value)


TensorType.variable_class = TensorVariable
TensorType.constant_class = TensorConstant
TensorType.shared_class = TensorSharedVariable

__all__ = ["TensorConstant", "TensorOperators", "TensorSharedVariable", "TensorVariable", "as_tensor"]
