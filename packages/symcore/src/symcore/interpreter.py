"""The reference interpreter: every node by its ``perform``, one after the other, nothing rewritten, nothing in place.

It says what a graph means. Rules, kernels and virtual machines are tested against it, and ``x.eval()`` uses it where no
compiler is installed.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from symcore.errors import MissingInputError
from symcore.failure import operand, report
from symcore.graph import test_values as _test_values  # noqa: F401 - takes its place beside Apply
from symcore.graph.generic import copied
from symcore.graph.shared import SharedVariable
from symcore.graph.traverse import inputs, toposort
from symcore.graph.variable import Apply, Constant, Variable, evaluator


def evaluate(outputs: Any, values: Mapping[Any, Any] | None = None) -> Any:
    """Compute a variable, or a list of variables, from ``{input variable (or its name): value}``.

    Shared variables have their present values. Returns one value, or a list of them. Raises ``MissingInputError`` for
    an input without a value, ``TypeError`` for a value that does not fit its input, and what the Ops raise, with a note
    that names the node and the user's line.
    """
    wanted = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    storage = _inputs(wanted, values or {})
    given = set(storage)
    for node in toposort(wanted, storage):
        for variable in node.inputs:
            if variable not in storage:
                storage[variable] = _leaf(variable)
        for y, value in zip(node.outputs, run_node(node, [storage[v] for v in node.inputs]), strict=True):
            storage[y] = value
    results = _own([storage[v] if v in storage else _leaf(v) for v in wanted], wanted, given)
    return results if isinstance(outputs, (list, tuple)) else results[0]


def _own(values: Sequence[Any], wanted: Sequence[Variable[Any]], given: Collection[Variable[Any]]) -> list[Any]:
    """Copy the results whose memory belongs to an input, a constant, a shared variable or another result."""
    taken: set[Variable[Any]] = set()
    results = []
    for v, value in zip(wanted, values, strict=True):
        root = v
        while root not in given and root.owner is not None:
            source = root.owner.op.view(root.owner).get(root.owner.outputs.index(root))
            if source is None:
                break
            root = root.owner.inputs[source]
        foreign = root in given or root.owner is None or root in taken
        taken.add(root)
        results.append(copied(value) if foreign else value)
    return results


def run_node(node: Apply, inputs: Sequence[Any]) -> list[Any]:
    """Run one node's ``perform`` and check what it returns.

    ``inputs`` are not changed, whatever the Op destroys. A result is memory of its own, even if ``perform`` hands back
    an input, but for the views that the Op declares.
    """
    given = list(inputs)
    for position in node.op.destroys(node):
        given[position] = copied(given[position])
    try:
        result = node.op.perform(node, *given)
        results = list(result) if len(node.outputs) != 1 or isinstance(result, tuple) else [result]
        if len(results) != len(node.outputs):
            raise ValueError(f"{node.op}.perform returned {len(results)} values for {len(node.outputs)} outputs.")
        checked = [
            value if _exact(y, value) else y.type.filter(value) for y, value in zip(node.outputs, results, strict=True)
        ]
        return _apart(node, checked, inputs)
    except Exception as error:
        annotate(error, node, inputs)
        raise


def _apart(node: Apply, results: list[Any], inputs: Sequence[Any]) -> list[Any]:
    viewed = node.op.view(node)
    for k, (y, value) in enumerate(zip(node.outputs, results, strict=True)):
        if k not in viewed and any(_shares(y.type, value, other) for other in (*inputs, *results[:k])):
            results[k] = copied(value)
    return results


def _shares(ttype: Any, value: Any, other: Any) -> bool:
    if getattr(value, "base", value) is None:  # it owns its memory: only what was made from it can share that
        return value is other or getattr(other, "base", None) is value
    return bool(ttype.may_share_memory(value, other))


def annotate(error: BaseException, node: Apply, inputs: Sequence[Any]) -> None:
    """Add to an error which node raised it, on what, and which line of the user's code made the node."""
    report(error, node, [operand(value) for value in inputs])


def _exact(variable: Variable[Any], value: Any) -> bool:
    ttype = variable.type
    return (
        hasattr(ttype, "numpy_dtype")
        and type(value).__name__ == "ndarray"
        and value.dtype == ttype.numpy_dtype
        and value.ndim == ttype.ndim
        and all(wanted in (None, got) for wanted, got in zip(ttype.shape, value.shape, strict=True))
    )


def _inputs(outputs: Sequence[Variable[Any]], values: Mapping[Any, Any]) -> dict[Variable[Any], Any]:
    storage: dict[Variable[Any], Any] = {}
    names = {key: value for key, value in values.items() if isinstance(key, str)}
    for variable, value in values.items():
        if isinstance(variable, Variable):
            storage[variable] = variable.type.filter(value)
    if names:
        for variable in inputs(outputs):
            if variable.name in names:
                storage[variable] = variable.type.filter(names[variable.name])
    return storage


def _leaf(variable: Variable[Any]) -> Any:
    if isinstance(variable, Constant):
        return variable.data
    if isinstance(variable, SharedVariable):
        return variable.container.value
    raise MissingInputError(
        f"there is no value for {variable} (of type {variable.type}). Give one: eval({{variable: value}})."
    )


def _eval(variable: Variable[Any], values: dict[Any, Any], options: dict[str, Any]) -> Any:
    return evaluate(variable, values)


evaluator.compute = _eval
evaluator.run_node = run_node
