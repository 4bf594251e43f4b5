"""Which Ops a package has, and which of them no case tests."""

import importlib
import pkgutil
from collections.abc import Iterable
from typing import Any

from symcore.op import Op
from symcore.tensor.elemwise import Elemwise, ScalarFn
from symcore.testing.case import OpCase
from symcore.testing.variants import SHAPES, variants


def is_abstract(cls: type[Any]) -> bool:
    """Tell whether an Op class is only derived from: its name begins with an underscore, or ``_abstract = True``."""
    return cls.__name__.startswith("_") or bool(cls.__dict__.get("_abstract", False))


def op_classes(package: str) -> list[type[Op]]:
    """Return the final Op classes of a package, after importing all its modules, sorted by name.

    Abstract classes (see ``is_abstract``) are left out. A module that needs something that is not installed, such
    as the C of a package without its compiler, is left out.
    """
    root = importlib.import_module(package)
    for module in pkgutil.walk_packages(getattr(root, "__path__", ()), f"{package}."):
        if not module.name.rpartition(".")[2].startswith("__"):
            try:
                importlib.import_module(module.name)
            except ModuleNotFoundError as error:
                if (error.name or package).partition(".")[0] == package.partition(".")[0]:
                    raise
    found: set[type[Op]] = set()
    stack: list[type[Any]] = [Op]
    while stack:
        for cls in stack.pop().__subclasses__():
            stack.append(cls)
            if cls.__module__.partition(".")[0] == package.partition(".")[0] and not is_abstract(cls):
                found.add(cls)
    return sorted(found, key=lambda cls: cls.__name__)


def missing_coverage(cases: Iterable[OpCase], scalars: Iterable[ScalarFn]) -> list[str]:
    """Return what the cases of scalar functions, and the variants made of them, leave out.

    Every function needs inputs of 0-d, 0-size and broadcast; every one with derivatives a case where they are checked.
    """
    shapes: dict[str, set[str]] = {}
    checked = set()
    for case in cases:
        if type(case.op) is Elemwise:
            name = case.op.fn.name
            shapes.setdefault(name, set()).update(v.name.rpartition(" ")[2] for v in variants(case))
            if case.grad and any(case.arrays("float64")[k].dtype.kind in "fc" for k in range(len(case.inputs))):
                checked.add(name)
    missing = []
    for fn in scalars:
        left = [shape for shape in SHAPES if shape not in shapes.get(fn.name, ())]
        if fn.name not in checked and fn.partials is not None and any(p is not None for p in fn.partials):
            left.append("derivatives")
        missing += [f"{fn.name}: {what}" for what in left]
    return missing


def missing_cases(package: str, cases: Iterable[OpCase], scalars: Iterable[ScalarFn] = ()) -> list[str]:
    """Return the names of the package's Op classes, and of the given scalar functions, that no case tests."""
    cases = list(cases)
    tested = {type(case.op) for case in cases}
    functions = {case.op.fn.name for case in cases if isinstance(case.op, Elemwise)}
    missing = [cls.__name__ for cls in op_classes(package) if cls not in tested]
    return missing + sorted(fn.name for fn in scalars if fn.name not in functions)
