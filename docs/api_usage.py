"""The page of names that people use: every name in docs/data/api_usage.tsv, and what stands for it here.

``python docs/api_usage.py`` writes ``docs/generated/api_usage.md`` and prints the shares. Nothing in the table is
kept by hand but the reasons for what is absent: names are resolved, keywords are looked up in signatures, operators and
indices are tried on variables.
"""

from __future__ import annotations

import csv
import inspect
import operator
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
DATA = HERE / "data" / "api_usage.tsv"
PAGE = HERE / "generated" / "api_usage.md"

#: Groups whose names do not count in the share that the language itself must reach: how these names begin.
APART = {
    "devices": ("theano.sandbox.cuda", "theano.sandbox.gpuarray", "theano.gpuarray"),
    "neural networks": ("theano.tensor.nnet", "theano.tensor.signal", "theano.sandbox.softsign"),
    "loops": ("theano.scan", "theano.map", "theano.foldl", "theano.foldr", "<instance function>.until"),
    "Python 2 helpers": ("theano.compat",),
}
LANGUAGE = "the language"

ABSENT = {
    "theano.ProfileMode": "taken out there too: `function(profile=True)` profiles in every mode",
    "theano.compile.debugmode.default_make_thunk": "an inner part; `Mode(linker=...)` says what runs the nodes",
    "theano.compile.optdb": "rule sets are values here: `Mode(name, rules=...)`",
    "<instance SequenceDB>.register": "rule sets are values here: `Mode(name, rules=...)`",
    "theano.config.pthreads": "of no released version; `config.threads`",
    "theano.config.warn.subtensor_merge_bug": "warned of a bug of one version there",
    "theano.config.warn.sum_div_dimshuffle_bug": "warned of a bug of one version there",
    "theano.config.warn_float64": "no such option; `f.fgraph` and `debugprint(f, print_type=True)` show the types",
    "<instance TheanoConfigParser>.warn_float64": "no such option; see `theano.config.warn_float64`",
    "theano.configparser.AddConfigVar": "options are declared in one table; a program keeps its own elsewhere",
    "theano.configparser.StrParam": "as `AddConfigVar`",
    "theano.theano.configparser._config_var_list": "private; `print(config)` lists the options",
    "theano.gof.OpWiseCLinker": "linkers are chosen by name: `Mode(linker='cvm')`",
    "theano.gof.TopoOptimizer": "the engine decides the order in which a rule meets the nodes",
    "theano.gof.TopoOptimizer.warn_inplace": "as `TopoOptimizer`; nothing in a graph works in place",
    "theano.gof.Value": "taken out there too: `Constant`",
    "theano.gof.cmodule.get_lib_extension": "an inner part of their C compilation",
    "theano.gof.compilelock": "the cache of compiled code needs no lock",
    "theano.gof.compilelock.get_lock": "the cache of compiled code needs no lock",
    "theano.gof.compilelock.release_lock": "the cache of compiled code needs no lock",
    "theano.gof.op.PureOp._get_test_value": "private; `ss.graph.get_test_value`",
    "theano.gof.utils": "a module of helpers, not of the language",
    "theano.misc.strutil.render_string": "a helper for C text; `symcodegen` has templates of its own",
    "theano.printing.Node": "of no released version",
    "theano.printing._TagGenerator": "private; `debugprint(ids=...)`",
    "theano.sandbox": "a module of experiments; what became of them stands in `T` and `ss`",
    "theano.scalar": "a table of functions: `symcore.tensor.scalar_functions`; no second language of scalars",
    "theano.scalar.Identity": "a class of scalar functions; the function is `T.tensor_copy`",
    "theano.scalar.UnaryScalarOp": "a base class; a function of one's own is a call of `scalar_functions.scalar`",
    "theano.scalar.basic.Identity": "a class of scalar functions; the function is `T.tensor_copy`",
    "theano.scalar.basic_scipy.GammaLn": "a class of scalar functions; the function is `T.gammaln`",
    "theano.scalar.basic_scipy.Psi": "a class of scalar functions; the function is `T.psi`",
    "theano.scalar.basic_scipy.Psi.st_impl": "an inner part; `T.psi` computes",
    "theano.scalar.upgrade_to_float_no_complex": "a rule for dtypes; functions of the table refuse complex numbers",
    "theano.scan_module.scan_op.Scan": "a class of their loops",
    "theano.tensor.basic.hashtype": "of no released version; types are interned and hash by themselves",
    "theano.tensor.new": "of no released version",
    "theano.tensor.nnet.sigm.ScalarSigmoid": "a class of scalar functions; the function is `T.sigmoid`",
    "theano.tests.disturb_mem": "a test tool: it disturbed orders that depended on addresses; none does here",
    "theano.tests.disturb_mem.disturb_mem": "a test tool, as its module",
    "theano.tests.record.Record": "a test tool; `ss.MonitorMode` sees every value",
    "TensorVariable().auto_name": "graphs are compared by `equal_computations`, not by counters",
    "TensorVariable().get_parents": "`x.owner`, and `x.owner.inputs`",
    "TensorVariable().value": "taken out there too: `get_value`",
}
#: Rows that do not belong to the language: the data infer what a method is called on, and sometimes err.
FOREIGN = {
    "<instance ModuleSpec>.submodule_search_locations": "Python's import system",
    "<instance list>.append": "a list",
    "theano.__spec__": "Python's import system",
    "theano.function().close": "a file",
    "theano.function().ndim": "an array, the result of a call",
    "theano.function().readlines": "a file",
    "theano.function().write": "a file",
}
#: Functions that the data take for methods, because they were called through a variable that holds the module.
MODULE_FUNCTIONS = {"cos", "cumprod", "cumsum", "exp", "floor", "log", "sin", "sqrt", "tanh"}
#: Attributes that the counted libraries set on variables themselves.
ATTACHED = {"_keras_shape", "_theano_placeholder", "_uses_learning_phase", "constraint", "dshape", "dsize",
            "missing_values"}  # fmt: skip
FOREIGN_KEYWORDS = {
    "TensorVariable().eval": ("session", "as_numpy"),
    "TensorVariable().flatten": ("return_tuple",),
    "TensorVariable().norm": ("loc", "scale"),
    "TensorVariable().reshape": ("begin_axis", "end_axis", "order", "shape"),
    "TensorVariable().sort": ("key", "reverse"),
    "TensorVariable().transpose": ("perm",),
}
KEYWORD_REASONS = {
    ("theano.config.change_flags", "warn_float64"): "no such option",
    ("theano.configparser.change_flags", "warn_float64"): "no such option",
    ("theano.gof.op.debug_error_message", "3 positional arguments"): "it took one there too",
    ("theano.sparse.CSM", "2 positional arguments"): "the second was refused there too",
    ("theano.tensor.Elemwise", "name"): "the name is that of the function",
    ("theano.tensor.DimShuffle", "2 positional arguments"): "takes the order alone",
}


@dataclass
class Row:
    """One name of the data, and what was found for it.

    ``state``: ``present`` (the same path), ``renamed``, ``absent`` or ``foreign``. ``keywords``: those used, with
    counts; ``refused``: those among them that are not accepted, with a reason or an empty text.
    """

    name: str
    libraries: int
    uses: int
    positional: int
    keywords: dict[str, int]
    state: str = "absent"
    here: str = ""
    why: str = ""
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def group(self) -> str:
        """The group that the row counts in: ``LANGUAGE``, or one of ``APART``."""
        name = self.name.replace("theano.theano.", "theano.")
        return next((group for group, starts in APART.items() if name.startswith(starts)), LANGUAGE)


def rows(path: Path = DATA) -> list[Row]:
    """Read the data and resolve every row."""
    found = []
    with path.open(encoding="utf-8") as file:
        for line in csv.DictReader((t for t in file if not t.startswith("#")), delimiter="\t"):
            keywords = {k: int(n) for k, _, n in (item.rpartition(":") for item in line["keywords"].split())}
            row = Row(line["name"], int(line["libraries"]), int(line["uses"]), int(line["positional"]), keywords)
            resolve(row)
            found.append(row)
    return found


def resolve(row: Row) -> None:
    """Fill in what stands for a name here."""
    if row.name in FOREIGN:
        row.state, row.why = "foreign", FOREIGN[row.name]
        return
    kind, _, rest = row.name.partition("()")
    if kind in RECEIVERS and row.name != kind:
        RECEIVERS[kind](row, rest)
    else:
        resolve_name(row)


def resolve_name(row: Row) -> None:
    """Look a dotted name up in symstack."""
    from symstack import compat

    old = {
        "<instance function>.TensorVariable": "theano.tensor.var.TensorVariable",
        "<instance function>.until": "theano.scan.until",
    }.get(row.name, row.name.replace("<instance TheanoConfigParser>", "theano.config"))
    try:
        here = compat.spelling(old)
        value = compat.resolve(old)
    except (LookupError, ImportError):
        row.why = ABSENT.get(row.name) or absent_group(row)
        return
    if not_built(value):
        row.why = "not built yet"
        return
    row.here = here
    row.state = "present" if here == compat.direct(old) and ".basic." not in old else "renamed"
    check_call(row, value)


def absent_group(row: Row) -> str:
    """The reason for a name that is not built and stands in a group of its own."""
    return {"devices": "their classes of a device; see `symgpu`", "loops": "not built yet",
            "neural networks": "not built yet", "Python 2 helpers": "Python itself"}.get(row.group, "")  # fmt: skip


def not_built(value: Any) -> bool:
    """Whether a name exists only to say that it is not built yet."""
    doc = " ".join((inspect.getdoc(value) or "").lower().split())
    if isinstance(value, types.ModuleType):
        return doc.startswith("not built yet")
    return "not built yet" in doc or ("notimplementederror" in doc and "in this version" in doc)


def check_call(row: Row, value: Any) -> None:
    """Note which of the used keywords, and whether the number of positional arguments, the signature refuses."""
    if not callable(value) or isinstance(value, types.ModuleType):
        return
    try:
        signature = signature_of(value)
    except ValueError:
        return
    any_keyword = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    open_ = {n for n, p in signature.parameters.items() if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
    for keyword in row.keywords:
        if not (keyword == "**" or any_keyword or keyword in open_ or keyword in FOREIGN_KEYWORDS.get(row.name, ())):
            row.refused[keyword] = KEYWORD_REASONS.get((row.name, keyword), "")
    if row.name.startswith("theano"):
        try:
            signature.bind_partial(*[None] * row.positional)
        except TypeError:
            what = f"{row.positional} positional arguments"
            row.refused[what] = KEYWORD_REASONS.get((row.name, what), "")


def signature_of(value: Any) -> inspect.Signature:
    """The signature of a callable, with the names that it really takes in place of ``**``.

    Those are the parameters of an Op class without a constructor of its own, and the options of the configuration.
    """
    from symcore.config import OPTIONS, config
    from symcore.op import Op

    if isinstance(value, type) and issubclass(value, Op) and value.__init__ is Op.__init__:
        names: tuple[str, ...] = value._params
    elif getattr(value, "__self__", None) is config:
        names = ("args", *(option.name for option in OPTIONS))
    else:
        return inspect.signature(value)
    return inspect.Signature([inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names])


# --- what is used on variables, streams, functions and nodes ----------------------------------------


def on_variable(row: Row, rest: str) -> None:
    """An operator, an index, a method or an attribute of a variable."""
    import symstack as ss
    from symstack import tensor as T

    x = T.dmatrix("x")
    if rest.startswith(" operator "):
        try_operator(row, rest.removeprefix(" operator "))
    elif rest == " iterated":
        if len(list(T.tensor("float64", shape=(3,)))) == 3:
            present(row, "with a known length")
    elif rest == "[...]":
        try_indices(row)
    elif (name := rest.removeprefix(".")) in ATTACHED:
        setattr(x, name, (1, 2))
        if getattr(x, name) == (1, 2):
            present(row, "an attribute that the library itself sets: variables take any")
    elif row.name in ABSENT:
        row.why = ABSENT[row.name]
    else:
        shared = ss.shared(np.ones((2, 2)))
        owner = next((v for v in (x, shared) if hasattr(v, name)), None)
        if owner is not None:
            present(row, "" if owner is x else "of shared variables")
            check_call(row, getattr(owner, name))
        elif name in MODULE_FUNCTIONS:
            row.state, row.why = "foreign", f"the function `T.{name}`: variables have no such method there either"


OPERATORS: dict[str, Callable[..., Any]] = {
    "Add": operator.add, "Sub": operator.sub, "Mult": operator.mul, "Div": operator.truediv,
    "FloorDiv": operator.floordiv, "Mod": operator.mod, "Pow": operator.pow, "Gt": operator.gt, "GtE": operator.ge,
    "Lt": operator.lt, "LtE": operator.le, "BitAnd": operator.and_, "BitOr": operator.or_, "BitXor": operator.xor,
    "USub": operator.neg, "Invert": operator.invert,
}  # fmt: skip
IDENTITY = {"Eq": operator.eq, "NotEq": operator.ne, "Is": operator.is_, "IsNot": operator.is_not,
            "In": lambda a, b: a in [b], "NotIn": lambda a, b: a not in [b], "Not": lambda a, b: not a}  # fmt: skip


def try_operator(row: Row, name: str) -> None:
    """Apply an operator to variables: arithmetic builds a node, equality and truth are those of objects."""
    from symstack import tensor as T

    a, b = T.lvectors("a", "b")
    if name in OPERATORS:
        unary = name in ("USub", "Invert")
        result = OPERATORS[name](a) if unary else OPERATORS[name](a, b)
        if result.owner is not None:
            present(row)
    elif isinstance(IDENTITY[name](a, b), bool):
        present(row, "compares identity: variables are hashable" if name in ("Eq", "NotEq") else "")


def try_indices(row: Row) -> None:
    """Build an index of every form; those that fail are noted as refused."""
    from symstack import tensor as T

    for form in row.keywords:
        parts = form.split("|")
        ndim = sum(part not in ("None", "Ellipsis") for part in parts)
        x = T.TensorType("float64", (None,) * max(1, ndim + ("Ellipsis" in parts)))("x")
        items = {
            "int": 0, "negint": -1, "slice": slice(None, T.lscalar()), "slice-step": slice(None, None, 2), "None": None,
            "Ellipsis": Ellipsis, "expr": T.lscalar() + 1, "tensor": T.lvector(), "boolmask": T.dvector() > 0,
        }  # fmt: skip
        try:
            if x[tuple(items[part] for part in parts)].owner is None:
                row.refused[form] = ""
        except (TypeError, ValueError, IndexError) as error:
            row.refused[form] = str(error)
    present(row)


def on_streams(row: Row, rest: str) -> None:
    """A method of the streams of random numbers; which kind the data do not tell, so either may take a keyword."""
    import symstack as ss

    name = rest.removeprefix(".")
    refused = []
    for cls in (ss.RandomStreams, ss.MRG_RandomStreams):
        if hasattr(cls, name):
            trial = Row(row.name, 0, 0, 0, row.keywords)
            check_call(trial, getattr(cls(1), name))
            refused.append(trial.refused)
    if refused:
        present(row)
        row.refused = {k: "" for k in refused[0] if all(k in r for r in refused)}


def on_function(row: Row, rest: str) -> None:
    """An attribute of a compiled function."""
    import symstack as ss
    from symstack import tensor as T

    x = T.dvector("x")
    if hasattr(ss.function([x], x + 1, mode="FAST_COMPILE"), rest.removeprefix(".")):
        present(row)


def on_graph(row: Row, rest: str) -> None:
    """An attribute of a node or of a graph: ``f.maker.fgraph``, a ``FunctionGraph``, a node, an output of one."""
    import symstack as ss
    from symstack import tensor as T

    x = T.dvector("x")
    f = ss.function([x], x + 1, mode="FAST_COMPILE")
    node = f.maker.fgraph.toposort()[0]
    holders = {"a function": f, "`f.maker`": f.maker, "a graph": f.maker.fgraph, "a node": node}
    holders["a variable"] = node.outputs[0]
    name = rest.removeprefix(".")
    found = next((what for what, holder in holders.items() if hasattr(holder, name)), None)
    if found is not None:
        present(row, f"of {found}")
    elif name == "node":
        row.state, row.why = "foreign", "an attribute of the errors there"


RECEIVERS: dict[str, Callable[[Row, str], None]] = {
    "TensorVariable": on_variable,
    "RandomStreams": on_streams,
    "theano.function": on_function,
    "Apply/FunctionGraph": on_graph,
}


def present(row: Row, why: str = "") -> None:
    row.state, row.why = "present", why


# --- the page ---------------------------------------------------------------------------------------


@dataclass
class Share:
    """How many counted uses of a group there are, and how many of them symstack has a name for."""

    uses: int = 0
    present: int = 0
    renamed: int = 0

    @property
    def percent(self) -> float:
        """The share that is present or renamed."""
        return 100 * (self.present + self.renamed) / self.uses if self.uses else 100.0


def shares(found: Iterable[Row]) -> dict[str, Share]:
    """Sum the uses by group, without foreign rows."""
    result = {group: Share() for group in (LANGUAGE, *APART)}
    for row in found:
        if row.state != "foreign":
            share = result[row.group]
            share.uses += row.uses
            share.present += row.uses if row.state == "present" else 0
            share.renamed += row.uses if row.state == "renamed" else 0
    return result


def keyword_share(found: Iterable[Row]) -> Share:
    """The same for the keywords (and forms of indices) used with the names that are not absent."""
    share = Share()
    for row in found:
        if row.state in ("present", "renamed") and row.group == LANGUAGE:
            foreign = FOREIGN_KEYWORDS.get(row.name, ())
            share.uses += sum(n for k, n in row.keywords.items() if k not in foreign)
            share.present += sum(n for k, n in row.keywords.items() if k not in foreign and k not in row.refused)
    return share


def page(found: Sequence[Row]) -> str:
    """The page as Markdown."""
    by_group = shares(found)
    head = [
        (group, str(s.uses), str(s.present), str(s.renamed), f"{s.percent:.2f} %") for group, s in by_group.items()
    ]
    keywords = keyword_share(found)
    sections = "\n\n".join(f"## {group[0].upper()}{group[1:]}\n\n{section(group, found)}" for group in by_group)
    others = [(code(r.name), str(r.uses), r.why) for r in found if r.state == "foreign"]
    foreign = table(("name", "uses", "what it is"), others)
    return f"""# Names of 2015

How public programs written for Theano use the language, and what stands for each name here. The counts are those of
{len(found)} names in ten open-source libraries and tutorials (`docs/data/api_usage.tsv`); the rest of the page is made
from the code: names are resolved, keywords looked up in signatures, operators and indices tried on variables.
`symstack.compat` has the map of old names as data: `compat.spelling("theano.gof.graph.inputs")` is `'ss.graph.inputs'`.

| names of | uses | at the same path | under another name | share |
|---|---|---|---|---|
{chr(10).join("| " + " | ".join(line) + " |" for line in head)}

Of {keywords.uses} keywords and forms of indices used with the names of the language {keywords.present} are accepted
({keywords.percent:.2f} %). Names that begin with `theano.tensor` stand under `T`, others under `ss`, unless a row says
otherwise.

{sections}

## Not of the language

What the data counted for something else.

{foreign}
"""


def section(group: str, found: Sequence[Row]) -> str:
    """The table of one group, most used first."""
    lines = []
    for row in found:
        if row.group == group and row.state != "foreign":
            text = {"present": "present", "absent": "absent"}.get(row.state, code(row.here))
            notes = [row.why] if row.why else []
            notes += [f"not accepted: `{k}`{f' ({why})' if why else ''}" for k, why in row.refused.items()]
            lines.append((code(row.name), str(row.uses), text, "; ".join(notes)))
    return table(("name", "uses", "here", "notes"), lines)


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table. A ``|`` in a cell is escaped."""
    body = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *body])


def code(text: str) -> str:
    return f"`{text}`"


def unexplained(found: Iterable[Row]) -> Iterator[str]:
    """Absent names and refused keywords for which no reason is written down."""
    for row in found:
        if row.state == "absent" and not row.why:
            yield row.name
        for keyword, why in row.refused.items():
            if not why and row.group == LANGUAGE:
                yield f"{row.name}({keyword}=)"


def main() -> int:
    """Write the page and print the shares; 1 when something absent has no reason."""
    found = rows()
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(found), encoding="utf-8")
    for group, share in shares(found).items():
        print(f"{share.percent:6.2f} % of {share.uses} uses: {group}")
    keywords = keyword_share(found)
    print(f"{keywords.percent:6.2f} % of {keywords.uses} keywords and indices")
    missing = list(unexplained(found))
    print("\n".join(f"no reason: {name}" for name in missing) or "every absence has a reason")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
