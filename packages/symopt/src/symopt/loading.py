"""Functions and graphs from files: ``load``. See ``symopt.saving`` for the way there.

The graph is made anew, its memory planned, and the function linked under the configuration of the process that loads:
no rule is applied, and kernels that the cache holds are not compiled. A file is data: whatever it says, no code of its
own is ever run.
"""

import dataclasses
import os
import time
from collections.abc import Iterable, Mapping
from typing import Any

from symcore.graph.fgraph import FunctionGraph
from symcore.graph.shared import SharedVariable
from symcore.graph.type import Type
from symcore.op import Op
from symopt.archive import NewerFileError, Reader, SavedFileError, UnknownOpError
from symopt.compiled import relinked, remake_rows
from symopt.encoding import Decoder, class_name
from symopt.interfaces import Signature
from symopt.io import SETTINGS, In
from symopt.mode import Mode, get_mode, linker_of
from symopt.saved_modes import mode_from_data

#: What reading a document that makes no sense may end in.
_SENSELESS = (LookupError, TypeError, ValueError, AttributeError, AssertionError, ArithmeticError, RecursionError)

__all__ = ["NewerFileError", "SavedFileError", "UnknownOpError", "load"]


def load(path: str | os.PathLike[str], ops: Iterable[type] | Mapping[str, type] = (), mode: Any = None) -> Any:
    """Return the function or the graph in a file that ``save`` wrote.

    Parameters
    ----------
    path
        The file.
    ops
        Classes of Ops and types, and data classes among their parameters, that are not the compiler's own: a list, or a
        dictionary from the names they had to the classes (where one has been renamed).
    mode
        Of a function: run it in this mode, instead of the one it was compiled in. The graph stays as it is.

    Raises
    ------
    UnknownOpError
        The file uses an Op that is neither the compiler's own nor among ``ops``.
    NewerFileError
        The file was written by a later version of the format.
    SavedFileError
        It is no such file, or damaged; both errors above are of this kind.
    OSError
        It cannot be read.
    """
    started = time.perf_counter()
    classes = _classes(ops)
    reader = Reader(path)
    decoder = Decoder(reader, classes)
    try:
        decoder.run()
        document = reader.document
        if document["kind"] == "graph":
            return _formed(document["form"], decoder.variables(document["outputs"]))
        if document["kind"] != "function":
            raise SavedFileError(f"it holds a {document['kind']!r}")
        parts = _function_parts(document, decoder)
        source = _source(document, decoder, parts)
        chosen = get_mode(mode) if mode is not None else _mode(document["mode"], str(path))
    except SavedFileError as error:
        raise error if str(path) in str(error) else reader.damaged(str(error)) from None
    except _SENSELESS as error:
        raise reader.damaged(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}") from None
    fgraph, n_outputs, updated, mutable, signature = parts
    trust = bool(document["trust_input"])
    made = relinked(fgraph, n_outputs, updated, mutable, signature, chosen, trust, started)
    if source is not None:
        remake_rows(made, source, n_outputs, updated)
    return made


def _function_parts(document: dict[str, Any], decoder: Decoder) -> tuple[Any, ...]:
    given, wanted = decoder.variables(document["inputs"]), decoder.variables(document["outputs"])
    fgraph = FunctionGraph(given, wanted, clone=False)
    updated = decoder.variables(document["updated"])
    if not all(isinstance(s, SharedVariable) for s in updated):
        raise SavedFileError("it updates what is not shared")
    states = {int(k): decoder.variable(s) for k, s in document["states"]}
    declared = [_declared(told, states.get(k), decoder) for k, told in enumerate(document["declared"])]
    inputs = [i for k, i in enumerate(declared) if k not in states] if states else declared
    n_outputs, keys = document["n_outputs"], document["keys"]
    mutable = [int(k) for k in document["mutable"]]
    if not (
        isinstance(n_outputs, int)
        and 0 <= n_outputs == len(fgraph.outputs) - len(updated)
        and (keys is None or (len(keys) == n_outputs and all(isinstance(k, str) for k in keys)))
        and (n_outputs == 1 or not document["single"])
        and [i.variable.type for i in inputs] == [v.type for v in fgraph.inputs[: len(inputs)]]
        and all(isinstance(v, SharedVariable) == (k >= len(inputs)) for k, v in enumerate(fgraph.inputs))
        and all(s.type.is_super(new.type) for s, new in zip(updated, fgraph.outputs[n_outputs:], strict=True))
        and all(isinstance(s, SharedVariable) for s in states.values())
        and all(0 <= k < len(fgraph.inputs) for k in mutable)
    ):
        raise SavedFileError("its inputs, outputs and updates do not belong together")
    signature = Signature(inputs, bool(document["single"]), keys, str(document["name"]), declared, states)
    if not states:
        signature = signature.changed(declared=inputs)
    return fgraph, n_outputs, updated, mutable, signature


def _source(document: dict[str, Any], decoder: Decoder, parts: tuple[Any, ...]) -> FunctionGraph | None:
    """Return the graph as the user wrote it, from which a program that keeps fewer rows of loops is made."""
    told = document.get("source")
    if told is None:
        return None
    fgraph, *_, signature = parts
    given, wanted = decoder.variables(told["inputs"]), decoder.variables(told["outputs"])
    if not (
        [v.type for v in given] == [i.variable.type for i in signature.inputs]
        and len(wanted) == len(fgraph.outputs)
        and all(old.type.is_super(new.type) for old, new in zip(fgraph.outputs, wanted, strict=True))
    ):
        raise SavedFileError("the graph that it was made from does not belong to it")
    return FunctionGraph(given, wanted)


def _declared(told: dict[str, Any], state: Any, decoder: Decoder) -> In:
    settings = {name: told[name] for name in SETTINGS}
    variable = decoder.variable(told["variable"])
    value = decoder.value(told.get("value"))
    if settings["shared"]:
        return In(state, **settings)
    if state is not None:
        value = state.container
    return In(variable, value=value, autoname=False, update=state if told.get("update") else None, **settings)


def _mode(told: Any, path: str) -> Mode | str:
    if isinstance(told, str):
        try:
            linker_of(told)
            return told
        except ValueError as error:
            raise SavedFileError(
                f"{path} was saved in the mode {told!r}: {error} Or choose one: load(path, mode=...)."
            ) from None
    return mode_from_data(told)  # its rules have been applied


def _formed(form: Any, variables: list[Any]) -> Any:
    if form == "single":
        return variables[0]
    if isinstance(form, dict):
        return dict(zip(form["keys"], variables, strict=True))
    return tuple(variables) if form == "tuple" else variables



def _classes(ops: Any) -> dict[str, type]:
    """Return classes by the names under which they may stand in a file."""
    found: dict[str, type] = {}
    for item in ops if not isinstance(ops, Mapping) else ops.items():
        name, cls = item if isinstance(ops, Mapping) else (None, item)
        if not (isinstance(cls, type) and (issubclass(cls, (Op, Type)) or dataclasses.is_dataclass(cls))):
            raise TypeError(f"ops holds classes of Ops, such as ops=[MyOp]; got {cls!r}.")
        for key in (name,) if name is not None else (class_name(cls), cls.__qualname__):
            if found.get(key, cls) is not cls:
                raise ValueError(f"ops holds two classes called {key!r}; hand them over by their names: ops={{...}}.")
            found[key] = cls
    return found
