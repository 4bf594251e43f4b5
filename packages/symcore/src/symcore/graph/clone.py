"""Copies of graphs: plain, with replaced variables, and between given inputs and outputs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from symcore.errors import InconsistentGraphError
from symcore.graph.collector import full_collections_wait
from symcore.graph.shared import SharedVariable
from symcore.graph.traverse import inputs, toposort
from symcore.graph.variable import Constant, Variable

Mapped = dict[Variable[Any], Variable[Any]]


def clone_graph(outputs: Sequence[Variable[Any]], mapping: Mapped) -> list[Variable[Any]]:
    """Rebuild what computes ``outputs``, with the keys of ``mapping`` replaced by their values.

    ``mapping`` is extended by every variable that was copied. Nodes that no replacement reaches are shared, not copied.
    """
    with full_collections_wait:
        for node in toposort(outputs, mapping):
            if mapping.keys().isdisjoint(node.inputs):
                continue
            copy = node.clone_with_new_inputs([mapping.get(v, v) for v in node.inputs])
            _record(node.outputs, copy.outputs, mapping)
    return [mapping.get(v, v) for v in outputs]


def copy_graph(
    inputs: Sequence[Variable[Any]], outputs: Sequence[Variable[Any]], mapping: Mapped | None = None
) -> tuple[list[Variable[Any]], list[Variable[Any]], Mapped]:
    """Copy every node between ``inputs`` and ``outputs``; constants and shared variables stay themselves.

    Returns the new inputs, the new outputs, and the mapping old variable -> new variable.
    """
    mapping = {} if mapping is None else mapping
    for variable in inputs:
        if variable not in mapping:
            kept = isinstance(variable, (Constant, SharedVariable))
            mapping[variable] = variable if kept else _detached(variable)
    with full_collections_wait:
        for node in toposort(outputs, mapping):
            copy = node.clone_with_new_inputs([mapping.setdefault(v, v) for v in node.inputs])
            _record(node.outputs, copy.outputs, mapping)
    return [mapping[v] for v in inputs], [mapping.get(v, v) for v in outputs], mapping


def _detached(variable: Variable[Any]) -> Variable[Any]:
    copy = variable.type(variable.name)
    copy.tag = variable.tag
    return copy


def _record(old: Iterable[Variable[Any]], new: Iterable[Variable[Any]], mapping: Mapped) -> None:
    for a, b in zip(old, new, strict=True):
        b.name = a.name
        if a not in mapping:
            mapping[a] = b


def clone(
    output: Any,
    replace: Mapping[Variable[Any], Any] | Sequence[tuple[Variable[Any], Any]] | None = None,
    strict: bool = True,
    share_inputs: bool = True,
    copy_inputs: Any = None,
) -> Any:
    """Return a copy of a graph in which some variables are replaced.

    Parameters
    ----------
    output
        A variable, or a list, tuple or dictionary of variables.
    replace
        ``{variable: what takes its place}``, or a list of such pairs. Replacements see the original graph, so swapping
        two variables works.
    strict
        With ``True`` a replacement whose type differs raises ``TypeError``; with ``False`` the Ops build their outputs
        anew.
    share_inputs
        With ``False`` inputs are copied too; the copy of a shared variable is another one on the same container, so
        that one function can update by default what another only reads. ``copy_inputs`` is the older name of the same.

    Raises
    ------
    TypeError
        For a replacement of another type when ``strict`` is true, and for what is no variable.
    """
    if copy_inputs is not None:
        share_inputs = copy_inputs
    if replace is not None and not isinstance(replace, (Mapping, list, tuple)):
        raise TypeError(f"clone() replaces what a dictionary or a list of pairs says; got {replace!r}.")
    pairs = list(replace.items()) if isinstance(replace, Mapping) else list(replace or ())
    mapping: Mapped = {}
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"clone() replaces what a dictionary or a list of pairs says; got the entry {pair!r}.")
        old, new = pair
        if not isinstance(old, Variable):
            raise TypeError(f"clone() replaces variables; got {old!r} ({type(old).__name__}) to be replaced.")
        mapping[old] = as_variable_like(new, old, strict)
    many = output.values() if isinstance(output, dict) else output if isinstance(output, (list, tuple)) else [output]
    wanted = list(many)
    for variable in wanted:
        if not isinstance(variable, Variable):
            raise TypeError(f"clone() copies symbolic variables; got {variable!r} ({type(variable).__name__}).")
    if not share_inputs:
        _copy_inputs(wanted, mapping)
    new = clone_graph(wanted, mapping)
    if isinstance(output, dict):
        return dict(zip(output, new, strict=True))
    return type(output)(new) if isinstance(output, (list, tuple)) else new[0]


def _copy_inputs(outputs: Sequence[Variable[Any]], mapping: Mapped) -> None:
    """Map the inputs of ``outputs`` to copies, whose default updates read the copies too."""
    copied = [v for v in inputs(outputs) if v not in mapping and not isinstance(v, Constant)]
    mapping.update({v: v.clone() for v in copied})
    for v in copied:
        new = mapping[v]
        if isinstance(new, SharedVariable) and isinstance(new.default_update, Variable):
            [new.default_update] = clone_graph([new.default_update], mapping)


def as_variable_like(value: Any, model: Variable[Any], strict: bool = True) -> Variable[Any]:
    """Return ``value`` as a variable that may stand where ``model`` stands; numbers and arrays become constants."""
    if not isinstance(value, Variable):
        value = model.type.constant_class(model.type, model.type.filter(value))
    if strict and not model.type.is_super(value.type):
        raise InconsistentGraphError(
            f"cannot put a variable of type {value.type} in the place of {model}, which is of type {model.type}. "
            "Cast or reshape it first, or pass strict=False to let the graph take its type."
        )
    return value
