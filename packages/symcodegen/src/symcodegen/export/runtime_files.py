"""The sources of the virtual machine that need no Python, as they are copied beside an exported function."""

import re
from pathlib import Path

from symcodegen.cvm import sources

CVM = Path(sources.HERE)
RUNTIME = CVM.parent / "runtime"
OWN = Path(__file__).parent / "runtime"
#: What every program needs, what indexing needs, and what products need.
ALWAYS = (
    "services.c", "analyse.c", "prepare.c", "registers.c", "shapes.c", "views.c", "loop.c", "collapse.c", "arena.c",
    "copy.c", "nests.c", "reduction.c",
)  # fmt: skip
INDEXING = ("index.c",)
PRODUCTS = ("matrix.c", "blas.c")
_DEFINED = re.compile(r"^(?!static|typedef|extern|enum|#)\w[\w *]*?\b(\w+)\([^;]*\)\s*\{", re.MULTILINE)
_KERNEL = re.compile(r"^KERNEL\((\w+)\)", re.MULTILINE)
_VARIABLE = re.compile(r"^(?!static|typedef|extern)(?:const )?\w+ \*?(\w+)(?: = [^;]*)?;", re.MULTILINE)
#: The part of cvm.h that brings Python and NumPy.
_PYTHON = re.compile(r"#define PY_SSIZE_T_CLEAN.*?#include <numpy/arrayobject\.h>\n", re.DOTALL)


def units(indexing: bool, products: bool) -> list[str]:
    """Return the names of the C files that a program needs."""
    own = tuple(name for name in sources.UNITS if name.startswith("products"))
    return [*ALWAYS, *(INDEXING if indexing else ()), *((*PRODUCTS, *own) if products else ())]


def chooses_products() -> bool:
    """Tell whether kernels of small products are chosen for the processor when a program starts."""
    return "products.c" in sources.UNITS


def runtime_files(prefix: str, names: list[str]) -> dict[str, str]:
    """Return the files of the runtime by name. Symbols begin with ``prefix``: exports can be linked together."""
    files = {name: (CVM / name).read_text(encoding="utf-8") for name in (*names, *sources.HEADERS)}
    header, found = _PYTHON.subn('#include "free.h"\n', files["cvm.h"])
    if found != 1:
        raise RuntimeError("cvm.h does not include Python as export_c expects it: export_c must follow its change.")
    files["cvm.h"] = header
    files["interface.h"] = re.sub(r"#define PROGRAM_DOC.*?(?=\n#endif)", "", files["interface.h"], flags=re.DOTALL)
    shim = (OWN / "free.h").read_text(encoding="utf-8")
    files["free.h"] = f"#ifndef SYMFREE_H\n#define SYMFREE_H\n{shim}#endif\n"
    abi = (RUNTIME / "symabi.h").read_text(encoding="utf-8")
    files = {name: text.replace('"../runtime/symabi.h"', '"symabi.h"') for name, text in files.items()}
    files["symabi.h"] = abi.replace("#define SYMABI_H\n", "#define SYMABI_H\n\n" + _renamed(prefix, files, names), 1)
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
    made += [f"products_{which}_{letter}_tiny" for which in ("avx2", "vector") for letter in "sd"]
    made += [f"{letter}_{name}_choose" for letter in "sd" for name in ("gemm", "gemv")]
    return "".join(f"#define {name} {prefix}__{name}\n" for name in sorted(symbols | set(made)))
