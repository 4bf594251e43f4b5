"""The sources of the virtual machine that need no Python, as they are copied beside an exported function."""

import re
from collections.abc import Collection
from pathlib import Path

from symcodegen.cvm import sources

CVM = Path(sources.HERE)
RUNTIME = CVM.parent / "runtime"
OWN = Path(__file__).parent / "runtime"
#: What every program needs, what indexing needs, what loops and what reductions of floats need, or what stands for it,
#: what sorting needs, and what products need.
ALWAYS = (
    "services.c", "analyse.c", "prepare.c", "registers.c", "shapes.c", "views.c", "collapse.c", "arena.c",
    "copy.c", "nests.c", "reduction.c",
)  # fmt: skip
INDEXING = ("index.c",)
LOOPS, NO_LOOPS = ("loop.c",), ("no_loops.c",)
COMBINING = ("combine.c", "combine_avx512.c", "combine_avx2.c", "combine_vector.c")
NO_COMBINING = ("no_combining.c",)
SORTING = tuple(name for name in sources.UNITS if name.startswith("sorting"))
PRODUCTS = ("matrix.c", "blas.c")
#: BLAS's letter for a type of elements -> what stands for it in ``SYM_PRODUCT_TYPES`` (``cvm/kernels.h``).
PRODUCT_TYPES = {"s": 1, "d": 2, "c": 4, "z": 8}
_DEFINED = re.compile(r"^(?!static|typedef|extern|enum|#)\w[\w *]*?\b(\w+)\([^;]*\)\s*\{", re.MULTILINE)
_ADDITION = re.compile(r"^DEFINE_ADD\((\w+),.*\n", re.MULTILINE)
_KERNEL = re.compile(r"^KERNEL\((\w+)\)", re.MULTILINE)
_VARIABLE = re.compile(r"^(?!static|typedef|extern)(?:const )?\w+ \*?(\w+)(?: = [^;]*)?;", re.MULTILINE)
#: The part of cvm.h that brings Python and NumPy.
_PYTHON = re.compile(r"#define PY_SSIZE_T_CLEAN.*?#include <numpy/arrayobject\.h>\n", re.DOTALL)


def units(indexing: bool, loops: bool, combining: bool, sorting: bool, types: str) -> list[str]:
    """Return the names of the C files that a program needs; ``types``: letters of :data:`PRODUCT_TYPES`."""
    own = tuple(name for name in sources.UNITS if name.startswith("products")) if chooses_products(types) else ()
    parts = (
        INDEXING if indexing else (), LOOPS if loops else NO_LOOPS, COMBINING if combining else NO_COMBINING,
        SORTING if sorting else (), (*PRODUCTS, *own) if types else (),
    )  # fmt: skip
    return [*ALWAYS, *(name for part in parts for name in part)]


def chooses_products(types: str) -> bool:
    """Tell whether kernels of products are chosen for the processor when a program starts."""
    return "s" in types or "d" in types


def runtime_files(prefix: str, names: list[str], types: str, used: Collection[str]) -> dict[str, str]:
    """Return the files of the runtime by name. Symbols begin with ``prefix``: exports can be linked together.

    ``types`` are the letters of :data:`PRODUCT_TYPES` whose products the program has, ``used`` the names of the
    routines that it calls: products of other types, and additions into rows that it does not need, are left out.
    """
    own = NO_LOOPS + NO_COMBINING
    files = {n: ((OWN if n in own else CVM) / n).read_text(encoding="utf-8") for n in (*names, *sources.HEADERS)}
    if "index.c" in files:
        files["index.c"] = _ADDITION.sub(lambda found: found[0] if found[1] in used else "", files["index.c"])
    header, found = _PYTHON.subn('#include "free.h"\n', files["cvm.h"])
    if found != 1:
        raise RuntimeError("cvm.h does not include Python as export_c expects it: export_c must follow its change.")
    files["cvm.h"] = header
    files["interface.h"] = re.sub(r"#define PROGRAM_DOC.*?(?=\n#endif)", "", files["interface.h"], flags=re.DOTALL)
    shim = (OWN / "free.h").read_text(encoding="utf-8")
    files["free.h"] = f"#ifndef SYMFREE_H\n#define SYMFREE_H\n{shim}#endif\n"
    abi = (RUNTIME / "symabi.h").read_text(encoding="utf-8")
    files = {name: text.replace('"../runtime/symabi.h"', '"symabi.h"') for name, text in files.items()}
    needs = f"#define SYM_EXPORTED\n#define SYM_PRODUCT_TYPES {sum(PRODUCT_TYPES[letter] for letter in types)}\n"
    start = f"#define SYMABI_H\n\n{needs}{_renamed(prefix, files, names)}"
    files["symabi.h"] = abi.replace("#define SYMABI_H\n", start, 1)
    return files


def _renamed(prefix: str, files: dict[str, str], names: list[str]) -> str:
    """Return macros that put the prefix before every name that the linker would see."""
    symbols = {"raise_failure", "interrupted", "take_context", "free_context", "find_routine", "copy_kernel",
               "blas_pointers"}  # fmt: skip
    for name in names:
        symbols.update(_DEFINED.findall(files[name]))
        symbols.update(_KERNEL.findall(files[name]))
        symbols.update(_VARIABLE.findall(files[name]))
    symbols -= {"if", "for", "while", "switch", "KERNEL"}
    made = re.findall(r"^DEFINE_(?:COPY|ADD)\((\w+)", "".join(files[n] for n in names), re.MULTILINE)
    typed = re.findall(r"^KERNEL\(NAME\((\w+)\)\)", files["blas_template.h"], re.MULTILINE)
    made += [f"{letter}_{inner}" for letter in "sdcz" for inner in typed]
    made += [f"products_{which}" for which in ("avx512", "avx2", "vector")]
    made += ["known_reductions", *(f"combine_{which}" for which in ("avx512", "avx2", "vector"))]
    made += [f"products_{which}_{letter}_tiny" for which in ("avx2", "vector") for letter in "sd"]
    made += [f"{letter}_{name}_choose" for letter in "sd" for name in ("gemm", "gemv")]
    return "".join(f"#define {name} {prefix}__{name}\n" for name in sorted(symbols | set(made)))
