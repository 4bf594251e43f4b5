"""A program of the virtual machine as tables in C: slots, nodes, register code, constants."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from symcodegen.cache import KernelSource
from symcodegen.user_text import quoted

#: dtype name -> C type of an element, as the header names it.
PUBLIC = {
    "bool": "uint8_t", "int8": "int8_t", "int16": "int16_t", "int32": "int32_t", "int64": "int64_t",
    "uint8": "uint8_t", "uint16": "uint16_t", "uint32": "uint32_t", "uint64": "uint64_t", "float16": "uint16_t",
    "float32": "float", "float64": "double", "complex64": "float _Complex", "complex128": "double _Complex",
}  # fmt: skip
#: NumPy's type number -> bytes of an element.
_DTYPES = [np.dtype(name) for name in (*PUBLIC, "longlong", "ulonglong", "intc", "uintc")]
SIZES: dict[int, int] = {dtype.num: dtype.itemsize for dtype in _DTYPES}
_ENTRY = re.compile(
    r'\{"(?P<name>\w+)"(?P<dtype> dtype)?, (?P<fn>\w+(?:##\w+)?), (?P<check>\w+(?:##\w+)?), \w+, (?P<ends>\d, \d)\}'
)
_LETTERS = {"s": "float32", "d": "float64", "c": "complex64", "z": "complex128"}


def routines(text: str) -> dict[str, tuple[str, str, str]]:
    """Return the prebuilt routines that ``routines.c`` lists: name -> function, check, the two flags."""
    found = {}
    for match in _ENTRY.finditer(text):
        for letter, dtype in _LETTERS.items() if match["dtype"] else [("", "")]:
            fn, check = (match[key].replace("letter##", letter) for key in ("fn", "check"))
            found[match["name"] + dtype] = fn, check, match["ends"]
    return found


def integers(values: Iterable[Any]) -> str:
    """Return integers separated by commas; a lone 0 for none, for C has no empty arrays."""
    return ", ".join(str(int(v)) for v in values) or "0"


def int_array(values: Sequence[Any]) -> str:
    """Return an array of ints that lasts as long as the program."""
    return f"(int[]){{{integers(values)}}}"


def words(name: str, value: np.ndarray[Any, Any]) -> str:
    """Return the definition of an array's elements, in memory order, as 64-bit words."""
    data = value.tobytes()
    data += b"\0" * (-len(data) % 8 or (8 if not data else 0))
    numbers = np.frombuffer(data, "<u8")
    lines = [", ".join(f"{n:#x}" for n in numbers[k : k + 8].tolist()) for k in range(0, len(numbers), 8)]
    body = ",\n    ".join(lines)
    return f"static const _Alignas(64) unsigned long long {name}[] = {{\n    {body}}};\n"


def array(value: np.ndarray[Any, Any], data: str) -> str:
    """Return the description of a C-contiguous array."""
    shape = np.ascontiguousarray(value).reshape(value.shape)
    return f"{{.data = {data}, .dims = {{{integers(value.shape)}}}, .strides = {{{integers(shape.strides)}}}}}"


class Tables:
    """Writes the tables of one lowered program. ``symbols`` names the kernels and routines by what stands in nodes."""

    def __init__(self, lowering: Any, cvm: Any, symbols: dict[Any, str]):
        self.lowering, self.cvm, self.symbols = lowering, cvm, symbols

    def text(self) -> str:
        """Return slots and nodes."""
        constants, slots = [], []
        for k, (kind, typenum, ndim, extra) in enumerate(self.lowering.slots):
            entry, before = self._slot(k, kind, typenum, ndim, extra)
            slots.append(entry)
            constants.append(before)
        nodes = [self._node(node) for node in self.lowering.nodes]
        return (
            "".join(constants)
            + _table("Slot", "SYM_SLOTS", slots)
            + _table("Node", "SYM_NODES", nodes)
            + f"enum {{ SYM_N_SLOTS = {len(slots)}, SYM_N_NODES = {len(nodes)}, "
            f"SYM_N_REGISTERS = {self._n_registers()} }};\n"
        )

    def _n_registers(self) -> int:
        return 1 + max((i[1] for node in self.lowering.nodes for i in node[5]), default=-1)

    def _slot(self, k: int, kind: int, typenum: int, ndim: int, extra: Any) -> tuple[str, str]:
        cvm, before = self.cvm, ""
        size = SIZES[typenum]
        fields = (
            f".kind = {kind}, .typenum = {typenum}, .ndim = {ndim}, .itemsize = {size}, .segment = -1, "
            ".local = -1, .first = -1, .last = -1, .ring = -1, .update = -1"
        )
        reg = -1
        if kind in (cvm.INPUT, cvm.SHARED):
            fields += f", .lengths = (i64[]){{{integers(extra)}}}"
        elif kind == cvm.CONST:
            value = np.asarray(extra)
            before = words(f"SYM_C{k}", value)
            before += f"static PyObject SYM_A{k} = {array(value, f'(char *)SYM_C{k}')};\n"
            fields += f", .value = &SYM_A{k}"
        elif kind == cvm.HOST:
            reg = extra
        elif extra is not None:
            fields += f", .registers = {int_array(extra)}"
        return f"{fields}, .reg = {reg}", before

    def _node(self, node: Sequence[Any]) -> str:
        prep, fn, outputs, inputs, params, code, inplace, flags, weight, tag, guard = node
        fields = [
            f".prep = {prep}, .flags = {flags}, .weight = {weight}, .tag = {tag}, .guard = {guard}",
            f".n_outputs = {len(outputs)}, .n_inputs = {len(inputs)}, .n_ops = {len(outputs) + len(inputs)}",
            f".ops = {int_array([*outputs, *inputs])}, .n_inplace = {len(inplace)}",
            f".inplace = {int_array([k for pair in inplace for k in pair])}, .n_code = {len(code)}",
        ]
        if code:
            fields.append(f".code = (Instruction[]){{{', '.join(map(_instruction, code))}}}")
        if fn is not None:
            fields.append(f".fn = {self.symbols[fn.name if isinstance(fn, KernelSource) else fn]}")
        return ", ".join(fields + self._params(prep, params))

    def _params(self, prep: int, params: Any) -> list[str]:
        cvm = self.cvm
        if prep == cvm.COLLAPSED:
            axes, stretch = params
            marks = ", ".join(f"{int(mask)}ULL" for mask in stretch)
            flat = int_array([a for row in axes for a in row])
            return [f".n_loops = {len(axes[0])}, .axes = {flat}, .stretch = (npy_uint64[]){{{marks}}}"]
        if prep == cvm.SUBTENSOR:
            items = [f"{{{integers([*item, -1, -1][:4])}}}" for item in params]
            return [f".n_params = {len(items)}, .items = (Item[]){{{', '.join(items) or '{0, 0, 0, 0}'}}}"]
        if prep == cvm.CODE:
            return []
        return [f".n_params = {len(params)}, .params = {int_array(params)}"]


def _instruction(given: Sequence[int]) -> str:
    op, dst, a, *rest = given
    b, c, d = [*rest, -1, -1, -1][:3]
    literal = f"{a}LL" if a > -(2**63) else "(-9223372036854775807LL - 1)"
    return f"{{{op}, {dst}, {literal}, {b}, {c}, {d}}}"


def _table(c_type: str, name: str, rows: Sequence[str]) -> str:
    """Return the definition of a table, with one unused row at its end."""
    lines = "".join(f"    {{{row}}},\n" for row in rows)
    return f"static const {c_type} {name}[] = {{\n{lines}    {{0}},\n}};\n"


def table(c_type: str, name: str, rows: Sequence[str]) -> str:
    """Return the definition of a table whose rows are given without braces."""
    return _table(c_type, name, rows)


def texts(name: str, values: Sequence[str]) -> str:
    """Return the definition of a table of strings."""
    rows = "".join(f"    {quoted(value)},\n" for value in values)
    return f"static const char *const {name}[] = {{\n{rows}    \"\",\n}};\n"
