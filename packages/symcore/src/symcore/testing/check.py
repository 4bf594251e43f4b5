"""``check_op``: what every Op promises, checked on one case."""

import pickle
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symcore.graph.variable import Apply, Variable
from symcore.interpreter import evaluate
from symcore.op import Op
from symcore.tensor.elemwise import Composite, ScalarFn
from symcore.tensor.shapes import Shape_i
from symcore.tensor.type import TensorType
from symcore.testing.case import OpCase, is_array
from symcore.testing.derivatives import check_derivatives
from symcore.testing.layouts import arrange, layouts_of
from symcore.testing.registry import is_abstract
from symcore.testing.tally import Tally

#: Other ways to run a node, which packages with kernels enter: ``name -> function(node, inputs)`` giving the list of
#: outputs, or ``None`` where that backend leaves the node to ``perform``. ``check_op`` compares each with ``perform``.
BACKENDS: dict[str, Callable[[Apply, Sequence[Any]], Sequence[Any] | None]] = {}


def check_op(case: OpCase, tally: Tally | None = None) -> None:
    """Check an Op's contract on a case. Raises ``AssertionError`` (or ``GradientError``, which is one) naming what
    fails.

    Checked: the class is final; parameters are plain and hashable; equality, hash, repr and pickle; dtype, rank and
    static shape of the outputs; ``infer_shape``; that inputs stay as they are; that views are declared and only those;
    that layouts make no difference; ``L_op`` and ``R_op`` against finite differences, against each other, in every
    dtype and layout; ``connection_pattern``; and every backend of ``BACKENDS`` against ``perform``, in every layout.

    Parameters
    ----------
    tally
        Takes the counts of the checks and the largest errors.
    """
    tally = Tally() if tally is None else tally
    _check_class(case.op)
    _check_identity(case.op, case.plain)
    tally.add("class, equality, hash, pickle")
    for dtype in case.dtypes:
        arrays = case.arrays(dtype)
        for static in (False, True):
            node = case.op.make_node(*case.variables(arrays, static))
            _check_node(node)
            values = evaluate(node.inputs, dict(zip(_leaves(node, case, arrays), arrays, strict=True)))
            outputs = _check_perform(case, node, values)
            _check_infer_shape(node, values, outputs)
            tally.add("perform and infer_shape")
            names = layouts_of(values) if case.layouts and case.values else []
            for name in names:
                compare(run(node, arrange(name, values)), outputs, f"{node.op} on {name} inputs")
            tally.add("perform on layouts of inputs", len(names))
            _check_backends(case, node, values, outputs, names, tally)
        if case.expected is not None:
            _check_expected(case, arrays, outputs)
            tally.add("perform against NumPy")
    if case.grad:
        check_derivatives(case, tally)


def _leaves(node: Apply, case: OpCase, arrays: Sequence[Any]) -> list[Variable[Any]]:
    """Return the variables that were given to ``make_node``; it may have cast them."""
    from symcore.graph.traverse import inputs

    found = {v.name: v for v in inputs(node.inputs) if v.name is not None}
    return [found[f"in{k}"] if f"in{k}" in found else TensorType(x.dtype, x.shape)() for k, x in enumerate(arrays)]


def _check_class(op: Op) -> None:
    cls = type(op)
    assert not cls.__subclasses__(), (
        f"{cls.__name__} is used, so it must be final, but has subclasses {cls.__subclasses__()}."
    )
    for base in cls.__mro__[1:]:
        concrete = issubclass(base, Op) and base is not Op and not is_abstract(base)
        assert not concrete, (
            f"{cls.__name__} derives from {base.__name__}, which is not abstract: it would get its kernels."
        )


def _check_identity(op: Op, plain: bool) -> None:
    again = pickle.loads(pickle.dumps(op))  # noqa: S301 - what was pickled one line ago
    assert again == op and hash(again) == hash(op), f"{op} is not equal to its pickled copy."
    assert repr(again) == repr(op) and str(again) == str(op), f"{op} and its pickled copy print differently."
    assert op != object(), f"{op} is equal to something else."
    if plain:
        for name in type(op)._params:
            assert _is_plain(getattr(op, name)), f"parameter {name} of {op} is no plain data: {getattr(op, name)!r}."
    if "__init__" not in type(op).__dict__:
        copy = type(op)(*[getattr(op, name) for name in type(op)._params])
        assert copy == op and hash(copy) == hash(op), f"{op} is not equal to one with the same parameters."


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str, ScalarFn, Composite))


def _check_node(node: Apply) -> None:
    op = node.op
    pattern = op.connection_pattern(node)
    assert len(pattern) == len(node.inputs) and all(len(row) == len(node.outputs) for row in pattern), (
        f"connection_pattern of {op} has not one row per input and one entry per output: {pattern}."
    )
    for output, position in op.view(node).items():
        a, b = node.outputs[output].type, node.inputs[position].type
        foreign = not (isinstance(a, TensorType) and isinstance(b, TensorType))
        assert foreign or a.dtype == b.dtype, f"{op} declares output {output} ({a}) a view of input {position} ({b})."
    for output, positions in op.inplace(node).items():
        for position in positions:
            a, b = node.outputs[output].type, node.inputs[position].type
            assert a.dtype == b.dtype and a.ndim == b.ndim, (
                f"{op} declares that output {output} ({a}) may take over input {position} ({b})."
            )
    assert all(0 <= k < len(node.inputs) for k in op.destroys(node)), f"{op} destroys inputs that it does not have."


def run(node: Apply, inputs: Sequence[Any]) -> list[Any]:
    """Run ``perform`` on inputs that cannot be written to (but those that the Op destroys)."""
    given = []
    for position, x in enumerate(inputs):
        if not isinstance(node.inputs[position].type, TensorType):
            given.append(x)
            continue
        x = np.asarray(x)
        if position in node.op.destroys(node):
            x = x.copy()
        else:
            x = x.view()
            x.flags.writeable = False
        given.append(x)
    result = node.op.perform(node, *given)
    return list(result) if isinstance(result, (tuple, list)) else [result]


def _check_perform(case: OpCase, node: Apply, values: Sequence[Any]) -> list[Any]:
    before: list[Any] = [np.array(x) if is_array(x) else pickle.dumps(x) for x in values]
    values = [np.ascontiguousarray(x).reshape(np.shape(x)) if is_array(x) else x for x in values]
    outputs = run(node, values)
    assert len(outputs) == len(node.outputs), (
        f"{node.op} returned {len(outputs)} values for {len(node.outputs)} outputs."
    )
    for position, (a, b) in enumerate(zip(before, values, strict=True)):
        same = np.array_equal(a, b, equal_nan=a.dtype.kind in "fc") if is_array(a) else a == pickle.dumps(b)
        assert same, f"{node.op} changed its input {position}."
    views = node.op.view(node)
    for k, (y, value) in enumerate(zip(node.outputs, outputs, strict=True)):
        _check_type(node, k, y.type, value)
        for position, x in enumerate(values):
            if not (is_array(x) and is_array(value)):
                undeclared = views.get(k) != position
                assert not (undeclared and y.type.may_share_memory(x, value)), (
                    f"output {k} of {node.op} shares memory with input {position}, of which it is not declared a view."
                )
                continue
            shares = bool(np.may_share_memory(x, value)) and value.size > 0
            declared = views.get(k) == position
            assert shares == declared or not value.size, (
                f"output {k} of {node.op} {'is' if shares else 'is not'} a view of input {position}, but "
                f"{'is' if declared else 'is not'} declared one."
            )
    return outputs


def _check_type(node: Apply, k: int, ttype: Any, value: Any) -> None:
    what = f"output {k} of {node.op}"
    if not isinstance(ttype, TensorType):
        ttype.filter(value)
        return
    assert isinstance(value, np.ndarray), f"{what} is a {type(value).__name__}, not an array."
    assert value.dtype == ttype.dtype, f"{what} has dtype {value.dtype}, its type says {ttype.dtype}."
    fits = value.ndim == ttype.ndim and all(s in (None, n) for s, n in zip(ttype.shape, value.shape, strict=True))
    assert fits, f"{what} has shape {value.shape}, its type says {ttype.shape}."


def _check_infer_shape(node: Apply, values: Sequence[Any], outputs: Sequence[Any]) -> None:
    fresh = [v.type() for v in node.inputs]
    copy = Apply(node.op, fresh, [y.type() for y in node.outputs])
    shapes: list[Any] = [
        tuple(d if d is not None else Shape_i(i)(v) for i, d in enumerate(v.type.shape))
        if isinstance(v.type, TensorType)
        else None
        for v in fresh
    ]
    inferred = node.op.infer_shape(copy, shapes)
    assert len(inferred) == len(outputs), f"infer_shape of {node.op} gives {len(inferred)} shapes, not {len(outputs)}."
    given = dict(zip(fresh, values, strict=True))
    for k, (shape, value) in enumerate(zip(inferred, outputs, strict=True)):
        if shape is None:
            continue
        computed = tuple(int(evaluate(d, given)) if isinstance(d, Variable) else int(d) for d in shape)
        assert computed == value.shape, (
            f"infer_shape of {node.op} says {computed} for output {k}, it has {value.shape}."
        )


def _check_backends(
    case: OpCase, node: Apply, values: Sequence[Any], outputs: Sequence[Any], layouts: Sequence[str], tally: Tally
) -> None:
    for name in sorted(BACKENDS):
        for layout in ("", *layouts):
            found = BACKENDS[name](node, arrange(layout, values) if layout else values)
            if found is None:
                break
            if case.values:
                compare(found, outputs, f"{node.op} by the backend {name} on {layout or 'contiguous'} inputs")
                tally.add(f"backend {name} against perform")


def _check_expected(case: OpCase, arrays: Sequence[Any], outputs: Sequence[Any]) -> None:
    assert case.expected is not None
    wanted = case.expected(*arrays)
    wanted = list(wanted) if isinstance(wanted, (tuple, list)) else [wanted]
    pairs = [(y, w) for y, w in zip(outputs, wanted, strict=True) if is_array(y)]
    compare([y for y, _ in pairs], [np.asarray(w, y.dtype) for y, w in pairs], f"{case.op} against NumPy")


def compare(found: Sequence[Any], wanted: Sequence[Any], what: str) -> None:
    """Raise ``AssertionError`` where outputs differ by more than rounding (integers: at all)."""
    assert len(found) == len(wanted), f"{what}: {len(found)} outputs instead of {len(wanted)}."
    for k, (a, b) in enumerate(zip(found, wanted, strict=True)):
        a, b = (v.toarray() if hasattr(v, "toarray") else v for v in (a, b))  # sparse matrices
        if not (is_array(a) and is_array(b)):
            assert pickle.dumps(a) == pickle.dumps(b), f"{what}: output {k} is {a} instead of {b}."
            continue
        a, b = np.asarray(a), np.asarray(b)
        assert a.dtype == b.dtype and a.shape == b.shape, (
            f"{what}: output {k} is {a.dtype}{a.shape} instead of {b.dtype}{b.shape}."
        )
        if a.dtype.kind in "fc":
            eps = float(np.finfo(a.dtype).eps)
            largest = float(np.abs(b[np.isfinite(b)]).max(initial=0.0))
            close = np.allclose(a, b, rtol=64 * eps, atol=16 * eps * largest, equal_nan=True)
        else:
            close = np.array_equal(a, b)
        assert close, f"{what}: output {k} is\n{a}\ninstead of\n{b}"
