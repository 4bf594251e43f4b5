"""Other inputs for the cases of elementwise functions: single numbers, no elements, broadcast, and other dtypes."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from symcore.tensor.dtypes import DTYPES
from symcore.tensor.elemwise import Elemwise, ScalarFn
from symcore.testing.case import OpCase, is_array

#: What can be covered by the cases of a function.
SHAPES = ("0-d", "0-size", "broadcast")


def variants(case: OpCase) -> list[OpCase]:
    """Return cases made of the values of another one: of 0-d, 0-size and broadcast inputs.

    Empty where the Op is not elementwise, or where the case has no values to take.
    """
    if type(case.op) is not Elemwise or not all(is_array(x) and x.size for x in case.inputs):
        return []
    count = len(case.inputs)
    shape = np.broadcast_shapes(*[x.shape for x in case.inputs])
    flat = [np.broadcast_to(x, shape).ravel() for x in case.inputs]
    last = flat[0].size - 1
    made = [
        _like(case, "0-d", [x[last] for x in flat], None),
        _like(case, "0-size", [np.zeros((0, 3), x.dtype) for x in flat], None),
    ]
    length = min(flat[0].size, 4)
    if count == 1:  # a type that says that a length is 1, on a function of one input
        return [*made, _like(case, "broadcast", [flat[0][:length][None, :]], [(1, None)])]
    columns = [x[:length].reshape(-1, 1) if k == 0 else x[:1] if k > 1 else x[:length] for k, x in enumerate(flat)]
    shapes: list[Any] = [(None, 1), (None,), *[(1,)] * (count - 2)]
    return [*made, _like(case, "broadcast", columns, shapes)]


def _like(case: OpCase, shape: str, inputs: Any, shapes: Any) -> OpCase:
    return OpCase(
        case.op,
        *inputs,
        shapes=shapes,
        dtypes=case.dtypes,
        grad=case.grad,
        same_jacobian=case.same_jacobian,
        undefined=tuple(case.undefined),
        unconnected=tuple(case.unconnected),
        # A function written for the shapes of the case may know no others.
        expected=case.expected if isinstance(case.expected, np.ufunc) else None,
        tol=case.tol,
        plain=case.plain,
        name=f"{case.name or case.op} {shape}",
    )


def of_other_dtypes(cases: Iterable[OpCase], scalars: Iterable[ScalarFn]) -> Iterator[OpCase]:
    """Yield, for every scalar function that has a case, one case per dtype that the function takes.

    All inputs have that dtype, and values of the first case: the magnitudes of those, where the dtype has no sign.
    Values alone are checked, not derivatives.
    """
    first: dict[str, OpCase] = {}
    for case in cases:
        if type(case.op) is Elemwise and all(is_array(x) and x.size for x in case.inputs):
            first.setdefault(getattr(case.op.fn, "name", ""), case)
    for fn in scalars:
        base = first.get(fn.name)
        if base is None:
            continue
        for name in DTYPES:
            inputs = [_as(x, name) for x in base.inputs]
            if fn.name == "pow":  # of integers to negative powers it is none
                inputs = [np.abs(x) for x in inputs]
            case = OpCase(fn, *inputs, shapes=base.shapes, grad=False, dtypes=(name,), name=f"{fn.name} of {name}")
            try:
                case.op.make_node(*case.variables(inputs, static=False))
            except TypeError:
                continue  # not for numbers of this kind
            yield case


def _as(x: Any, dtype: str) -> Any:
    x = np.real(x) if DTYPES[dtype].kind != "c" else x
    if DTYPES[dtype].kind in "biu":
        x = np.nan_to_num(x, posinf=3, neginf=-3)
    return (np.abs(x) if DTYPES[dtype].kind == "u" else x).astype(dtype)
