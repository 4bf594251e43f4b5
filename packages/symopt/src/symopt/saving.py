"""Functions and graphs in files that are not pickles: ``save``. See ``symopt.loading`` for the way back.

A file holds the rewritten graph of a function as JSON, the values of its constants and shared variables as arrays, and
how it is called (see ``symopt.archive`` and ``symopt.encoding``). Of a function with gradients of loops it also holds
the graph as the user wrote it, from which a program that remembers fewer steps can be made. Notes in ``tag`` and times
are left out.
"""

import os
import sys
from typing import Any

from symcore.graph.fgraph import FunctionGraph
from symcore.graph.variable import Variable
from symopt.archive import write
from symopt.encoding import Encoder
from symopt.interfaces import Signature
from symopt.io import SETTINGS, In
from symopt.saved_modes import mode_data


def save(path: str | os.PathLike[str], what: Any) -> None:
    """Write a function or a graph to a file that ``load`` reads.

    Saved are the graph with names and the lines that built it, the values of constants and shared variables (with their
    default updates), and of a function its inputs with their settings and values, the form of its outputs, its updates,
    name and mode. Not saved are notes in ``tag`` and times.

    Parameters
    ----------
    path
        Where to; an existing file is replaced at once, when all is written.
    what
        A function; or a variable, or a list, tuple or dictionary of variables, with all that computes them.

    Raises
    ------
    TypeError
        For what cannot be written as data, naming it: an Op that holds a Python function, a mode of the function or of
        a loop whose linker is an object and not a name, a mode of a loop with a rule that is not installed.
    OSError
        When the file cannot be written.
    """
    encoder = Encoder()
    if isinstance(getattr(what, "signature", None), Signature):
        body = _function_body(what, encoder)
    else:
        form, variables = _form(what)
        body = {"kind": "graph", "form": form, "outputs": encoder.variables(variables)}
    write(path, {"packages": _versions(encoder.steps), **body, **encoder.document()}, encoder.arrays)


# ---------------------------------------------------------------------- functions


def _function_body(f: Any, encoder: Encoder) -> dict[str, Any]:
    plan, signature = f.plan, f.signature
    inputs = encoder.variables(f.fgraph.inputs)
    outputs = encoder.variables(f.fgraph.outputs)
    declared = [_input(i, signature, encoder) for i in signature.declared]
    states = [[k, *encoder.variables([s])] for k, s in signature.states.items()]
    updated = encoder.variables(plan.updated)
    return {
        "kind": "function",
        "name": str(f.name),
        "inputs": inputs,
        "outputs": outputs,
        "n_outputs": plan.n_outputs,
        "updated": updated,
        "mutable": [k for k, v in enumerate(f.fgraph.inputs) if v in plan.mutable],
        "declared": declared,
        "states": states,
        "single": signature.single,
        "keys": signature.keys,
        "mode": mode_data(
            f.mode, "the function", "Save a function of another mode; load(path, mode=...) can run it in this one."
        ),
        "trust_input": bool(f.trust_input),
        **_source(f, encoder),
    }


def _source(f: Any, encoder: Encoder) -> dict[str, Any]:
    """Return what a second program of ``f`` is made from; nothing where it has none, or that is no data."""
    source = f.second_source()
    if source is None:
        return {}
    try:  # in a document of its own: what the rules left of the graph is data, what they took away need not be
        Encoder().variables(source.outputs)
    except TypeError:
        return {}
    inputs = source.inputs[: len(f.signature.inputs)]
    return {"source": {"inputs": encoder.variables(inputs), "outputs": encoder.variables(source.outputs)}}


def _input(i: In, signature: Signature, encoder: Encoder) -> dict[str, Any]:
    told: dict[str, Any] = {name: getattr(i, name) for name in SETTINGS}
    # The user's own variables: the graph of the function is about copies of them.
    told["variable"] = encoder.variables([i.variable])[0]
    if i.has_default and not i.is_state:
        told["value"] = encoder.value(i.value)
    if i.update is not None:
        told["update"] = True
    return told


# ---------------------------------------------------------------------- graphs


def _form(what: Any) -> tuple[Any, list[Variable[Any]]]:
    if isinstance(what, Variable):
        return "single", [what]
    if isinstance(what, FunctionGraph):
        raise TypeError("save(path, what) takes variables; of a FunctionGraph save the list fgraph.outputs.")
    items = list(what.values()) if isinstance(what, dict) else list(what) if isinstance(what, (list, tuple)) else None
    if items is None or not all(isinstance(v, Variable) for v in items):
        raise TypeError(
            "save(path, what) writes a function, a variable, or a list, tuple or dictionary of variables; got "
            f"{what!r} ({type(what).__name__})."
        )
    if isinstance(what, dict):
        if not all(isinstance(k, str) for k in what):
            raise TypeError("a dictionary of variables that is saved has strings as keys.")
        return {"keys": list(what)}, items
    return type(what).__name__ if type(what) in (list, tuple) else "list", items


def _versions(steps: list[Any]) -> dict[str, str]:
    """Return the versions of the packages whose Ops are in a graph, for messages to people."""
    names = {step[1].partition(":")[0].partition(".")[0] for step in steps if step[0] in ("op", "type")}
    found = {}
    for name in sorted({"symcore", "symopt", *names}):
        version = getattr(sys.modules.get(name), "__version__", None)
        if isinstance(version, str):
            found[name] = version
    return found
