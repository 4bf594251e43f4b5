"""Pages of the documentation that are tables of what the code declares. Written by conf.py before every build.

Nothing here is kept by hand: Ops come from the test kit's cases, rules from the installed rule sets, options from the
configuration, names from the public modules.
"""

from __future__ import annotations

import functools
import inspect
import re
import runpy
import types
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
#: One dtype of each kind, for which the scalar functions are asked for C.
KINDS = {"floats": ("float32", "float64"), "integers": ("int8", "int64", "uint8", "uint64"), "truth values": ("bool",)}
#: The packages that bring Ops, symcore first.
PACKAGES = ("symcore", "symnnet", "symscan")
#: The packages that bring rules.
RULE_PACKAGES = ("symopt", "symnnet", "symscan")
#: What the C virtual machine calls work that is none when the function runs.
PLACES = {"view": "C (a view: no work)", "shape": "C (with the shapes, before the function runs)"}
KINDS |= {"float16": ("float16",), "complex": ("complex64", "complex128")}


def write_all(folder: Path) -> None:
    """Write every generated page into ``folder``; one that has not changed keeps its time, so that Sphinx skips it."""
    folder.mkdir(exist_ok=True)
    pages = {"config.md": config_page(), "ops.md": ops_page(), "rules.md": rules_page(), "names.md": names_page()}
    for name, text in pages.items():
        page = folder / name
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")


# --- options ----------------------------------------------------------------------------------------


def config_page() -> str:
    """The options of all packages, from the one table in ``symcore.config``."""
    from symcore.config import OPTIONS

    rows = [(code(option.name), code(repr(option.default)), one_of(option.choices), option.doc) for option in OPTIONS]
    return f"""# Configuration

An option is set in the environment, `SYMSTACK_FLAGS=name=value,name=value`, in the file `.symstackrc` in the home
directory, or in Python: `ss.config.floatX = "float32"` for the process, `with ss.config.override(floatX="float32"):`
for a block of one thread. The environment wins over the file. A function keeps the configuration that it was compiled
under.

{table(("option", "default", "values", "what it is for"), rows)}
"""


# --- Ops --------------------------------------------------------------------------------------------


def ops_page() -> str:
    """Op x C x derivatives, for the Ops and the scalar functions of the packages."""
    ops = [op_row(cls, cases) for cls, cases in sorted(cases_by_class().items(), key=lambda item: item[0].__name__)]
    scalars = [scalar_row(fn) for fn in scalar_functions()]
    return f"""# Operations

Made from the code: every Op is built on the inputs of its test cases, the C virtual machine is asked where it would run
the node, and its derivatives are asked for. `Python` means that the node runs through NumPy between pieces of C; of a
compiled function, `f.explain()` says the same for every node.

## Ops

`L_op` is what `grad` uses (vector times Jacobian), `R_op` the product from the other side; an Op without one of its own
gets it from `L_op` applied twice. "Zero" and "disconnected" are answers too: some Ops exist to stop a gradient.

{table(("Op", "what it is", "where it runs", "`L_op`", "`R_op`"), ops)}

## Scalar functions

What `Elemwise` maps over tensors. Any of them can become part of a fused kernel for the dtypes that have C. Derivatives
that can be infinite are guarded, so that a gradient of exactly zero stays zero.

{table(("function", "inputs", "C for", "Python for", "derivative"), scalars)}
"""


@functools.cache
def cases_by_class() -> dict[type[Any], list[Any]]:
    """Op class -> its cases in the test kit: those of symcore, and those in the tests of the packages above it."""
    from symcore.testing import missing_cases
    from symcore.testing.core_cases import CASES

    cases = list(CASES)
    for package in PACKAGES[1:]:
        cases += runpy.run_path(str(ROOT / "packages" / package / "tests" / "test_cases.py"))["CASES"]
    missing = [name for package in PACKAGES for name in missing_cases(package, cases)]
    if missing:
        raise RuntimeError(f"no test case shows how these Ops are used: {', '.join(missing)}. Give each an OpCase.")
    found: dict[type[Any], list[Any]] = {}
    for case in cases:
        found.setdefault(type(case.op), []).append(case)
    return found


def op_row(cls: type[Any], cases: Sequence[Any]) -> tuple[str, ...]:
    """One row of the table of Ops: name, first line of its docstring, place, and whether it has derivatives."""
    nodes = [case.op.make_node(*case.variables(case.arrays(case.dtypes[0]), False)) for case in cases]
    places = [place_of(node) for node in nodes]
    slopes = {slope for node in nodes for slope in slopes_of(node)} or {"nothing to differentiate"}
    own = "its own" if any("R_op" in vars(base) for base in cls.__mro__[:-2]) else "from `L_op`"
    slope = "yes" if "yes" in slopes else ", ".join(sorted(slopes))
    package = cls.__module__.partition(".")[0]
    return (
        f"`{cls.__name__}`<br>{package}",
        first_line(cls),
        summary(places, elementwise=cls.__name__ == "Elemwise"),
        slope,
        own if slope == "yes" else "",
    )


def summary(places: Sequence[tuple[str, str]], elementwise: bool) -> str:
    """Where the nodes of an Op run, in words."""
    if elementwise:
        return "C: one loop for a whole chain; see the table below"
    inside = dict.fromkeys(PLACES.get(where) or f"C ({how})" for where, how in places if where != "Python")
    outside = sorted({how for where, how in places if where == "Python"})
    # An Op that has no C at all gives no other reason than that.
    if not inside and all("has no C" in why for why in outside):
        return "Python"
    python = [f"Python{': ' if not inside else ' where '}{'; or '.join(outside)}"] if outside else []
    return "; ".join([*inside, *python])


@functools.cache
def linker() -> tuple[Any, Any]:
    """The C linker and its virtual machine. Raises ``RuntimeError`` where there is none to ask."""
    from symcodegen import extension
    from symcodegen.linker import CLinker

    machine = extension.load()
    if machine is None:
        raise RuntimeError(f"the table of Ops needs the C virtual machine: {extension.why_not()}")
    return CLinker(), machine


def place_of(node: Any) -> tuple[str, str]:
    """Where one node would run, and how, or why not in C: ``("C", "kernel")``. Nothing is compiled."""
    from symcodegen.lowering import Lowering
    from symcore.graph.fgraph import FunctionGraph
    from symopt.plan import MemoryPlan

    c_linker, machine = linker()
    plan = MemoryPlan(FunctionGraph(node.inputs, node.outputs), len(node.outputs), [], (), c_linker.can_fail)
    lowering = Lowering(plan, machine, len(node.inputs), c_linker.answer)
    lowering.run()
    [where, how] = next((w, h) for n, w, h in reversed(lowering.placement) if type(n.op) is type(node.op))
    return where, how


def slopes_of(node: Any) -> Iterator[str]:
    """What ``L_op`` of a node answers for its float inputs, if it has float outputs."""
    from symcore.graph.null import DisconnectedType, NullType, disconnected

    if not any(is_float(y) for y in node.outputs):
        return
    grads = [y.type() if is_float(y) else disconnected() for y in node.outputs]
    for x, slope in zip(node.inputs, node.op.L_op(node.inputs, node.outputs, grads), strict=True):
        if not is_float(x):
            continue
        if slope is None:
            yield "zero"
        elif isinstance(slope.type, NullType):
            yield "undefined"
        else:
            yield "disconnected" if isinstance(slope.type, DisconnectedType) else "yes"


def is_float(variable: Any) -> bool:
    return getattr(variable.type, "dtype", np.dtype("O")).kind in "fc"


# --- scalar functions -------------------------------------------------------------------------------


def scalar_functions() -> list[Any]:
    """The table of scalar functions, casts aside: these are one family, and have C between all types that C has."""
    import symnnet.nnet  # noqa: F401 - brings its own
    from symcore.tensor.elemwise import TABLE

    return [fn for name, fn in sorted(TABLE.items()) if not name.startswith("cast_")]


def scalar_row(fn: Any) -> tuple[str, ...]:
    """One row of the table of scalar functions."""
    answers = {kind: has_c(fn, dtypes) for kind, dtypes in KINDS.items()}
    return (
        code(fn.name),
        "any number" if fn.nin is None else str(fn.nin),
        ", ".join(kind for kind, answer in answers.items() if answer),
        ", ".join(kind for kind, answer in answers.items() if answer is False),
        slope_of(fn),
    )


def has_c(fn: Any, dtypes: Sequence[str]) -> bool | None:
    """Whether a scalar function has C for dtypes of one kind; ``None`` where it takes none of them."""
    from symcodegen.expr import NoC
    from symcodegen.ops.elemwise import kernel_for
    from symcore.tensor.type import TensorType

    found = None
    for dtype in dtypes:
        ins = [TensorType("bool" if fn.name == "switch" and k == 0 else dtype, (None,)) for k in range(fn.nin or 2)]
        try:
            outs = [TensorType(d, (None,)) for d in fn.out_dtypes([t.dtype for t in ins])]
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("error", np.exceptions.ComplexWarning)
                fn.compute([np.ones(1, t.dtype) for t in ins])
        except (TypeError, np.exceptions.ComplexWarning):
            continue  # a dtype that NumPy refuses, or of which it drops a part, is not one of the function's
        try:
            kernel_for(fn, ins, outs)
        except NoC:
            return False
        found = True
    return found


def slope_of(fn: Any) -> str:
    """What is known of the derivative of a scalar function."""
    known = fn.custom_pullback is not None or any(partial is not None for partial in fn.partials or ())
    if not known:
        return "zero"
    return "yes, guarded" if fn.singular else "yes"


# --- rules ------------------------------------------------------------------------------------------


def rules_page() -> str:
    """The rules of all installed packages, by phase."""
    from symopt.phases import PHASES
    from symopt.rules.catalog import all_rules

    rules = [rule for rule in all_rules() if home_of(rule) in RULE_PACKAGES]
    return f"""# Rules

Made from the code: {len(rules)} rules. Within a phase they run until none applies. A rule is left out with
`mode.excluding("name")`, and so are all rules of a tag or a phase; `including` adds and `requiring` keeps such rules.

| tag | what it says |
|---|---|
| `nan_changing` | the result differs from the expression as written on NaN, infinite or zero inputs |
| `more_accurate` | the result is right where the expression as written over- or underflows, or cancels |
| `shape_hiding` | an error about shapes that the expression as written would raise may not be raised |
| `fast_compile` | the rule is part of the mode `FAST_COMPILE` |

{chr(10).join(phase_section(phase, [rule for rule in rules if phase in rule.phases]) for phase in PHASES)}"""


def phase_section(phase: str, rules: Sequence[Any]) -> str:
    """The rules of one phase. One that runs in several phases stands under the first, and is named under the others."""
    own = [rule for rule in rules if rule.phases[0] == phase]
    again = [code(rule.name) for rule in rules if rule.phases[0] != phase]
    rows = [(code(rule.name), " ".join(rule.doc.split()), ", ".join(map(code, sorted(rule.tags)))) for rule in own]
    parts = [f"## {phase}\n"]
    if not rules:
        parts.append("No rule of these packages runs here.\n")
    if rows:
        parts.append(table(("rule", "what it does", "tags"), rows) + "\n")
    if again:
        parts.append(f"Again in this phase: {', '.join(again)}.\n")
    return "\n".join(parts)


def home_of(rule: Any) -> str:
    """The package that defines a rule: that of its function, or for an equation whoever listed it."""
    module = str(rule.function.__module__).partition(".")[0]
    return module if rule.recipe is None else "symopt"


# --- names ------------------------------------------------------------------------------------------


def names_page() -> str:
    """The public names of symstack: at the top, in ``T`` and its modules; and those that exist and are not built."""
    import symstack
    from symcore.tensor.constructors import CONSTRUCTORS, PREFIXES, SHAPES
    from symstack import tensor

    spaces = {name: dict(own_names(module)) for name, module in namespaces(tensor)}
    stubs = [f"`ss.{name}`" for name, value in public(symstack) if is_stub(value)]
    stubs += [f"`T.{space}.{name}`" for space, names in spaces.items() for name, v in names.items() if is_stub(v)]
    stubs += [f"`T.{name}`" for name, value in public(tensor) if is_stub(value)]
    built = {space: {n: v for n, v in names.items() if not is_stub(v)} for space, names in spaces.items()}
    sections = [f"## T.{space}\n\n{names_table(names)}" for space, names in built.items() if names]
    top = {name: value for name, value in public(symstack) if not is_stub(value)}
    language = {n: v for n, v in public(tensor) if n not in CONSTRUCTORS and not is_stub(v)}
    prefixes = ", ".join(f"`{p or 'none'}` {dtype}" for p, dtype in PREFIXES.items())
    return f"""# Names

Made from the code. `import symstack as ss` and `from symstack import tensor as T`.

## ss

{names_table(top)}

Options stand in `ss.config` ([](config.md)).

## ss.gradient

{names_table(dict(public(symstack.gradient)))}

## ss.graph

{names_table(dict(public(symstack.graph)))}

## ss.printing

{names_table(dict(public(symstack.printing)))}

## Inputs

{", ".join(f"`T.{prefix}`" for prefix in SHAPES)}, with a prefix for the dtype ({prefixes}),
and with a plural `s` (`matrices`) for several at once: {len(CONSTRUCTORS)} constructors. `T.tensor(dtype, shape=...)`
makes any type.

## T

{names_table(language)}

{(chr(10) * 2).join(sections)}

## Not built yet

These names exist, so that programs can import them, and raise `NotImplementedError` naming their package when they are
called: {", ".join(stubs)}.
"""


def namespaces(module: types.ModuleType) -> Iterator[tuple[str, types.ModuleType]]:
    """The modules that a public module hands on, but for those that its own names are defined in."""
    for name in dir(module):
        value = getattr(module, name)
        if isinstance(value, types.ModuleType) and not value.__name__.startswith("symcore.tensor."):
            yield name, value


def own_names(module: types.ModuleType) -> Iterator[tuple[str, Any]]:
    """The names of a module that lists them, or else those that it defines itself."""
    for name, value in public(module):
        if hasattr(module, "__all__") or getattr(value, "__module__", "") == module.__name__:
            yield name, value


def public(module: types.ModuleType) -> Iterator[tuple[str, Any]]:
    """The names of a public module, without the modules and the tools of typing that stand in it."""
    listed = getattr(module, "__all__", None) or dir(module)
    for name in sorted(listed):
        value = getattr(module, name, None)
        foreign = getattr(value, "__module__", "") in ("typing", "collections.abc", "types", "builtins")
        if not name.startswith("_") and callable(value) and not foreign:
            yield name, value


def is_stub(value: Any) -> bool:
    """Whether calling a name raises ``NotImplementedError`` and does nothing else: its docstring says so."""
    doc = " ".join((inspect.getdoc(value) or "").lower().split())
    return "not built yet" in doc or ("notimplementederror" in doc and "in this version" in doc)


def names_table(names: dict[str, Any]) -> str:
    """One row per function or class, with all of its names, the first defined one first."""
    rows: dict[int, tuple[Any, list[str]]] = {}
    for name, value in names.items():
        rows.setdefault(id(value), (value, []))[1].append(name)
    lines = []
    for value, found in rows.values():
        main = getattr(value, "__name__", found[0])
        found.sort(key=lambda name, main=main: (name != main, name))
        lines.append((", ".join(map(code, found)), first_line(value)))
    return table(("name", "what it is"), sorted(lines))


# --- small parts ------------------------------------------------------------------------------------


def first_line(value: Any) -> str:
    """The first sentence of a docstring, on one line. Raises ``ValueError`` for a public name that has none."""
    doc = inspect.getdoc(value) or ""
    paragraph = " ".join(doc.partition("\n\n")[0].split())
    if not paragraph:
        raise ValueError(f"{value!r} has no docstring: the tables of the documentation need its first sentence.")
    # Three points in a row are an ellipsis, not the end of a sentence.
    ends = re.finditer(r"(?<!\.)\.(?= |$)", paragraph)
    sentence = paragraph[: next((found.end() for found in ends), None)]
    return sentence if sentence.count("``") % 2 == 0 else paragraph


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table. A ``|`` in a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def code(text: str) -> str:
    return f"`{text}`"


def one_of(choices: Sequence[Any]) -> str:
    return ", ".join(code(repr(choice)) for choice in choices)
