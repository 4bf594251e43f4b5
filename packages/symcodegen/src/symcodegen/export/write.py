"""``export_c``: a compiled function as C that needs neither Python nor NumPy."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from symcodegen import extension
from symcodegen.blas import FUNCTIONS
from symcodegen.export.api import api, blas, header, main_c, readme
from symcodegen.export.operands import Exported, Operand
from symcodegen.export.runtime_files import CVM, OWN, chooses_products, runtime_files, units
from symcodegen.export.tables import Tables, array, routines, table, texts, words
from symcodegen.kernels.lapack import MARK
from symcodegen.linker import CLinker
from symcodegen.lowering import Lowering
from symcore.tensor.type import TensorType

__all__ = ["ExportError", "Exported", "export_c"]

#: Bytes of values of shared variables from which on they are written to a file of their own.
MOST_TEXT = 1 << 20
_QUIET = "".join(
    f'#pragma GCC diagnostic ignored "-W{name}"\n'
    for name in ("unused-function", "unused-variable", "unused-parameter", "unused-but-set-variable", "unused-label",
                 "sign-compare", "type-limits", "missing-field-initializers", "maybe-uninitialized", "psabi",
                 "parentheses", "overflow", "attributes")
)  # fmt: skip


#: In the row of a routine, products and BLAS's letter for the type of their elements.
_PRODUCT = re.compile(r"\b([sdcz])_(?:gem|ger)")


class ExportError(ValueError):
    """The function cannot be exported. The message lists the nodes that are not in C, and why."""


def export_c(f: Any, folder: str | Path, name: str | None = None, example: Sequence[Any] | None = None) -> Exported:
    """Write a function as C that builds with any C11 compiler of the gcc family and needs no Python.

    Returns the files and how to build them. The order of the nodes, what is in place and the kernels are those of
    ``f``. Values of shared variables are the present ones. Raises ``ExportError`` with the nodes that are not in C,
    ``RuntimeError`` where the C machine cannot be loaded.

    Parameters
    ----------
    f
        What ``function`` returned. All its nodes must be in C (``f.explain()``), those of the steps of its loops too.
        Shapes of the inputs are given at each call.
    folder
        Where to write; made if it does not exist. Files of an earlier export are written over.
    name
        Prefix of everything in C; the function's name, or ``model``.
    example
        One value per input, for ``main.c``; otherwise it calls the function on zeros.
    """
    if not (hasattr(f, "plan") and hasattr(f, "signature")):
        raise TypeError(f"export_c writes what function() returned, got {f!r} ({type(f).__name__}).")
    cvm = extension.load()
    if cvm is None:
        raise RuntimeError(f"export_c needs the C virtual machine: {extension.why_not()}")
    prefix = _identifier(name or f.name or "model")
    linker = CLinker()
    lowering = Lowering(f.plan, cvm, len(f.signature.inputs), linker.answer)
    lowering.run()
    _refuse(lowering, cvm, f)
    return _Export(f, lowering, cvm, prefix, Path(folder), example).write()


def _identifier(text: str) -> str:
    made = re.sub(r"\W", "_", text, flags=re.ASCII)[:_LONGEST]
    # main.c is the example
    return made if made and not made[0].isdigit() and made != "main" else f"f_{made}"


def _programs(lowering: Any) -> dict[Any, Any]:
    """Return the programs of an export, those of steps before what runs them: body of a loop -> lowering, ``None``: it
    all."""
    found: dict[Any, Any] = {}
    for body in lowering.bodies:
        found.update({inner or body: low for inner, low in _programs(body.lowering).items()})
    return {**found, None: lowering}


def _refuse(lowering: Any, cvm: Any, f: Any) -> None:
    """Raise ``ExportError`` if something is not plain C."""
    called = {node[9] for node in lowering.nodes if node[0] == cvm.PYTHON}
    wrong = [
        f"{node.op}: {why if where == 'Python' else 'its steps are called from Python'}"
        for k, (node, where, why) in enumerate(lowering.placement)
        if where == "Python" or k in called
    ]
    if any(MARK in source.body for source in lowering.sources.values()):
        wrong.append("linear algebra: it calls LAPACK at addresses that this process alone has")
    tensors = [*f.plan.fgraph.inputs, *f.plan.fgraph.outputs]
    wrong += [f"{v}: {v.type} is no tensor" for v in tensors if not isinstance(v.type, TensorType)]
    if wrong:
        lines = "\n".join(f"  {line}" for line in dict.fromkeys(wrong))
        raise ExportError(
            f"{f} cannot be exported to C:\n{lines}\nf.explain() shows where each node runs. Rewrite these parts, or "
            "give their Ops a C implementation (symcodegen.COp)."
        )


def _shapes_are_known(lowering: Any, cvm: Any) -> bool:
    """Tell whether no shape, and no choice, depends on a value that the function computes."""
    computed = (cvm.TEMP, cvm.ARRAY, cvm.UPDATE, cvm.VIEW, cvm.HOST, cvm.HELD)
    read = [i[2] for node in lowering.nodes for i in node[5] if i[0] == cvm.R_VALUE]
    return all(lowering.slots[slot][0] not in computed for slot in read)


class _Export:
    """Everything about one export."""

    def __init__(self, f: Any, lowering: Any, cvm: Any, prefix: str, folder: Path, example: Any):
        self.f, self.lowering, self.cvm, self.prefix, self.folder = f, lowering, cvm, prefix, folder
        inputs = f.plan.fgraph.inputs[: len(f.signature.inputs)]
        outputs = f.plan.fgraph.outputs[: f.plan.n_outputs]
        known = {id(v.container.storage): v for v in f.all_shared()}
        self.shared = [known[id(storage)] for _, storage in lowering.shared]
        taken: set[str] = set()
        self.inputs = [_operand(v, f"x{k}", taken) for k, v in enumerate(inputs)]
        self.outputs = [_operand(v, f"y{k}", taken) for k, v in enumerate(outputs)]
        self.states = [_operand(v, f"shared{k}", taken) for k, v in enumerate(self.shared)]
        self.example = self._checked(example, inputs)
        self.values = [np.ascontiguousarray(v.get_value()).reshape(v.get_value().shape) for v in self.shared]
        self.in_file = sum(value.nbytes for value in self.values) > MOST_TEXT
        self.symbols: dict[Any, str] = {}
        self.programs = _programs(lowering)
        self.shapes_first = _shapes_are_known(lowering, cvm)

    def _checked(self, example: Any, inputs: Any) -> list[np.ndarray[Any, Any]] | None:
        if example is None:
            return None
        if len(example) != len(inputs):
            raise ValueError(f"example has {len(example)} values for the {len(inputs)} inputs of {self.f}.")
        return [np.array(v.type.filter(x), order="C") for v, x in zip(inputs, example, strict=True)]

    def write(self) -> Exported:
        """Write all files."""
        self.folder.mkdir(parents=True, exist_ok=True)
        kernels, user = self._kernels()
        rows = self._routines()
        types = "".join(sorted({found[1] for row in rows if (found := _PRODUCT.search(row))}))
        self.products = bool(types)
        indexing = any(name in row for row in rows for name in ("gather", "scatter", "row_offsets"))
        self.combines = "loops->known" in kernels
        sorting = any(name in row for row in rows for name in ("sort_axis", "topk_axis"))
        names = units(indexing, len(self.programs) > 1, self.combines, sorting, types)
        (self.folder / "runtime").mkdir(exist_ok=True)
        for name, text in runtime_files(self.prefix, names, types, set(self.symbols.values())).items():
            (self.folder / "runtime" / name).write_text(text, encoding="utf-8")
        files = {f"{self.prefix}.c": self._source(rows, types), **user}
        files[f"{self.prefix}_kernels.h"] = kernels
        files[f"{self.prefix}.h"] = header(self)
        files["main.c"] = main_c(self)
        if self.in_file:
            with open(self.folder / f"{self.prefix}.bin", "wb") as file:
                for value in self.values:
                    file.write(np.asarray(value.shape, "<i8").tobytes() + value.tobytes())
        for name, text in files.items():
            (self.folder / name).write_text(text, encoding="utf-8")
        sources = [self.folder / n for n in files if n.endswith(".c")] + [self.folder / "runtime" / n for n in names]
        extras = [s.extras for s in self.lowering.sources.values() if s.extras is not None]
        exported = Exported(
            self.folder, self.prefix, tuple(sources), tuple(dict.fromkeys(x for e in extras for x in e.compile)),
            tuple(dict.fromkeys(x for e in extras for x in e.link)), tuple(self.inputs), tuple(self.outputs),
            tuple(self.states), self.folder / f"{self.prefix}.bin" if self.in_file else None,
        )  # fmt: skip
        (self.folder / "README.md").write_text(readme(self, exported, types), encoding="utf-8")
        return exported

    def _kernels(self) -> tuple[str, dict[str, str]]:
        """Return the text of the generated kernels, and a file for each kernel of a user."""
        texts_, user = [], {}
        for k, source in enumerate(self.lowering.sources.values()):
            symbol = f"{self.prefix}__kernel{k}"
            self.symbols[source.name] = symbol
            text = source.body.replace("SYM_KERNEL", symbol)
            if source.extras is None:
                texts_.append(f"static {_declared(symbol)};\n{text.replace(f'int {symbol}(', f'static int {symbol}(')}")
            else:
                texts_.append(f"{_declared(symbol)};\n")
                user[f"{self.prefix}_user{k}.c"] = f"{_QUIET}{text}"
        # Generated text is compiled without warnings here, too. As a system header it is for every compiler.
        return "#pragma GCC system_header\n" + "".join(texts_), user

    def _routines(self) -> list[str]:
        """Return the rows of the prebuilt routines that the program uses, and note their symbols."""
        listed = routines((CVM / "routines.c").read_text(encoding="utf-8"))
        by_address: dict[int, str] = {}
        for name, address in self.cvm.routines.items():
            by_address.setdefault(address, name)
        rows = []
        nodes = [node for lowering in self.programs.values() for node in lowering.nodes]
        for address in dict.fromkeys(n[1] for n in nodes if isinstance(n[1], int)):
            fn, check, ends, choose = listed[by_address[address]]
            self.symbols[address] = fn
            rows.append(f'"{by_address[address]}", {fn}, {check}, NULL, {ends}, {choose}')
        return rows

    def _source(self, rows: list[str], types: str) -> str:
        numbers = {body: k for k, body in enumerate(self.programs)}
        tables = [
            Tables(lowering, self.cvm, self.symbols, numbers[body], numbers) for body, lowering in self.programs.items()
        ]
        parts = [
            f'#include "{self.prefix}.h"\n\n#include "runtime/cvm.h"\n#include "runtime/kernels.h"\n',
            '#include "runtime/combine.h"\n',
            '#include "runtime/products.h"\n' if chooses_products(types) else "",
            f"#define SYM_STATE {self.prefix}_state\n\n",
            f'#include "{self.prefix}_kernels.h"\n\n',
            blas(types, FUNCTIONS, (OWN / "blas.h").read_text(encoding="utf-8")),
            table("Routine", "SYM_ROUTINES", rows),
            *(t.text() for t in tables),
            (OWN / "tables.h").read_text(encoding="utf-8"),
            table("SymBody", "SYM_BODIES", [t.row() for t in tables]),
            f"enum {{ SYM_N_BODIES = {len(tables)}, SYM_ONE_SEGMENT = {int(self.shapes_first)} }};\n",
            self._ends(),
            (OWN / "machine.c").read_text(encoding="utf-8"),
            api(self, chooses_products(types), bool(types)),
        ]
        return "".join(parts)

    def _ends(self) -> str:
        lowering, n_inputs = self.lowering, len(self.inputs)
        data = "" if self.in_file else "".join(words(f"SYM_V{k}", v) for k, v in enumerate(self.values))
        first = [
            array(v, "NULL" if self.in_file else f"(char *)SYM_V{k}").strip("{}") + "}"
            for k, v in enumerate(self.values)
        ]
        return "".join([
            texts("SYM_INPUT_NAMES", [v.name for v in self.inputs]),
            table("Shared", "SYM_SHARED", [f"{slot}, NULL" for slot, _ in lowering.shared]),
            table("Update", "SYM_UPDATES", [", ".join(map(str, update)) for update in lowering.updates]),
            data,
            table("PyObject", "SYM_FIRST", first),
            f"enum {{ SYM_N_INPUTS = {n_inputs}, SYM_N_SHARED = {len(self.shared)}, "
            f"SYM_N_UPDATES = {len(lowering.updates)}, SYM_N_OUTPUTS = {len(lowering.outputs)} }};\n",
        ])  # fmt: skip


def _declared(symbol: str) -> str:
    return f"int {symbol}(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx)"


def _operand(v: Any, otherwise: str, taken: set[str]) -> Operand:
    name = re.sub(r"\W", "_", v.name or "", flags=re.ASCII)
    if not re.match("[A-Za-z]", name) or name in taken or name in _C_WORDS or name.lower().startswith("sym_"):
        name = otherwise
    while name in taken:
        name += "_"
    taken.update((name, f"{name}_shape"))
    return Operand(name, v.type.dtype.name, v.type.shape)


#: Letters of a prefix: it is part of the names of files.
_LONGEST = 100
#: Words of C and C++ (the header may be read by either), macros of what is included or of compilers, and names that the
#: written functions use themselves.
_C_WORDS = frozenset(
    """auto break case char const continue default do double else enum extern float for goto if inline int long register
    restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
    alignas alignof asm bool constexpr decltype explicit export false friend mutable namespace noexcept nullptr operator
    private protected public requires concept static_assert static_cast const_cast dynamic_cast reinterpret_cast
    template class catch co_await co_return co_yield consteval constinit delete this thread_local throw true try typeid
    typename
    typeof typeof_unqual using virtual wchar_t char8_t char16_t char32_t and and_eq bitand bitor compl not not_eq or
    or_eq xor xor_eq NULL EOF BUFSIZ RAND_MAX INT_MAX INT_MIN errno stdin stdout linux unix i386 assert offsetof
    state main path failed printf malloc i shape value routine name stderr new free call run shapes message load save
    set_blas""".split()  # noqa: SIM905 - a hundred strings in a list read worse
)
