"""A program of the virtual machine as tables in C: slots, nodes, register code, constants."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from symcodegen.cache import KernelSource
from symcodegen.export.operands import PUBLIC
from symcodegen.user_text import quoted

#: NumPy's type number -> bytes of an element.
_DTYPES = [np.dtype(name) for name in (*PUBLIC, "longlong", "ulonglong", "intc", "uintc")]
SIZES: dict[int, int] = {dtype.num: dtype.itemsize for dtype in _DTYPES}
_ENTRY = re.compile(
    r'\{"(?P<name>\w+)"(?P<dtype> dtype)?, (?P<fn>\w+(?:##\w+)?), (?P<check>\w+(?:##\w+)?), \w+, '
    r"(?P<ends>\d, \d), (?P<choose>\w+)\}"
)
_OWN_KERNELS = "sd"  # of the letters below: types that have kernels for small products
_LETTERS = {"s": "float32", "d": "float64", "c": "complex64", "z": "complex128"}


def routines(text: str) -> dict[str, tuple[str, str, str, str]]:
    """Return the prebuilt routines that ``routines.c`` lists: name -> function, check, the two flags, what chooses."""
    found = {}
    for match in _ENTRY.finditer(text):
        for letter, dtype in _LETTERS.items() if match["dtype"] else [("", "")]:
            fn, check = (match[key].replace("letter##", letter) for key in ("fn", "check"))
            chooses = match["choose"] != "NULL" and letter and letter in _OWN_KERNELS
            choose = f"{letter}_{match['name'].rstrip('_')}_choose" if chooses else "NULL"
            found[match["name"] + dtype] = fn, check, match["ends"], choose
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
    """Writes the tables of one lowered program, number ``body`` of those of an export.

    ``symbols`` names the kernels and routines by what stands in nodes; ``bodies`` numbers the programs of loops.
    """

    def __init__(self, lowering: Any, cvm: Any, symbols: dict[Any, str], body: int, bodies: dict[Any, int]):
        self.lowering, self.cvm, self.symbols, self.body, self.bodies = lowering, cvm, symbols, body, bodies
        self._before: list[str] = []

    def text(self) -> str:
        """Return constants, loops, slots, nodes, inputs, outputs and the names of nodes."""
        low, k = self.lowering, self.body
        n_inputs = low.n_inputs
        slots = [self._slot(i, *slot) for i, slot in enumerate(low.slots)]
        nodes = [self._node(i, node) for i, node in enumerate(low.nodes)]
        inputs = [low.slot(v) for v in low.plan.fgraph.inputs[:n_inputs]]
        return (
            "".join(self._before)
            + table("Slot", f"SYM_SLOTS{k}", slots)
            + table("Node", f"SYM_NODES{k}", nodes)
            + table("Input", f"SYM_INPUTS{k}", [f"{slot}, NULL" for slot in inputs])
            + f"static const int SYM_OUTPUTS{k}[] = {{{integers(low.outputs)}}};\n"
            + texts(f"SYM_TAGS{k}", [str(node.op)[:100] for node in low.plan.order])
        )

    def row(self) -> str:
        """Return the row of this program in the table of programs."""
        low, k = self.lowering, self.body
        counts = {
            "slots": len(low.slots), "nodes": len(low.nodes), "inputs": low.n_inputs, "outputs": len(low.outputs),
            "tags": len(low.plan.order), "registers": self._n_registers(),
        }  # fmt: skip
        named = [f".{name} = SYM_{name.upper()}{k}" for name in ("slots", "nodes", "inputs", "outputs", "tags")]
        return ", ".join([*named, *(f".n_{name} = {count}" for name, count in counts.items())])

    def _n_registers(self) -> int:
        return 1 + max((i[1] for node in self.lowering.nodes for i in node[5]), default=-1)

    def _slot(self, k: int, kind: int, typenum: int, ndim: int, extra: Any) -> str:
        cvm = self.cvm
        size = SIZES[typenum]
        fields = (
            f".kind = {kind}, .typenum = {typenum}, .ndim = {ndim}, .itemsize = {size}, .segment = -1, "
            ".local = -1, .first = -1, .last = -1, .ring = -1, .update = -1"
        )
        reg = -1
        if kind in (cvm.INPUT, cvm.SHARED):
            fields += f", .lengths = (i64[]){{{integers(extra)}}}"
        elif kind == cvm.CONST:
            value, name = np.asarray(extra), f"{self.body}_{k}"
            self._before.append(words(f"SYM_C{name}", value))
            self._before.append(f"static PyObject SYM_A{name} = {array(value, f'(char *)SYM_C{name}')};\n")
            fields += f", .value = &SYM_A{name}"
        elif kind == cvm.HOST:
            reg = extra
        elif extra is not None:
            fields += f", .registers = {int_array(extra)}"
        return f"{fields}, .reg = {reg}"

    def _node(self, k: int, node: Sequence[Any]) -> str:
        prep, fn, outputs, inputs, params, code, inplace, flags, weight, tag, guard = node
        fields = [
            f".prep = {prep}, .flags = {flags}, .weight = {weight}, .tag = {tag}, .guard = {guard}",
            f".n_outputs = {len(outputs)}, .n_inputs = {len(inputs)}, .n_ops = {len(outputs) + len(inputs)}",
            f".ops = {int_array([*outputs, *inputs])}, .n_inplace = {len(inplace)}",
            f".inplace = {int_array([k for pair in inplace for k in pair])}, .n_code = {len(code)}",
        ]
        if code:
            fields.append(f".code = (Instruction[]){{{', '.join(map(_instruction, code))}}}")
        if prep == self.cvm.LOOP:
            self._before.append(self._loop(f"SYM_LOOP{self.body}_{k}", fn, params))
            return ", ".join([*fields, f".loop = &SYM_LOOP{self.body}_{k}"])
        if fn is not None:
            fields.append(f".fn = {self.symbols[fn.name if isinstance(fn, KernelSource) else fn]}")
        return ", ".join(fields + self._params(prep, params))

    def _loop(self, name: str, body: Any, params: Sequence[Any]) -> str:
        """Return the description of a loop: what the machine is given for it, before it has been placed."""
        steps, sequences, states, results, until, fused, scalars, _members = params  # an export has one thread
        tracks = [
            *(f".step = {step}, .n = {len(rows)}, .offsets = {int_array(rows)}" for step, *rows in sequences),
            *(f".keep = {keep}, .n = {len(taps)}, .offsets = {int_array(taps)}" for keep, *taps in (*states, *results)),
        ]
        rows = ", ".join(f"{{{track}}}" for track in tracks) or "{0}"
        counts = f".n_sequences = {len(sequences)}, .n_states = {len(states)}, .n_results = {len(results)}"
        kernel = self.symbols[fused.name] if fused else "NULL"
        return (
            f"static Loop {name} = {{.index = {self.bodies[body]}, .steps = {steps}, .until = {until}, {counts}, "
            f".tracks = (Track[]){{{rows}}}, .fused = {kernel}, .scalars = {scalars}ULL}};\n"
        )

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


def table(c_type: str, name: str, rows: Sequence[str]) -> str:
    """Return the definition of a table of structures, with one unused row at its end; rows are given without braces."""
    lines = "".join(f"    {{{row}}},\n" for row in rows)
    return f"static const {c_type} {name}[] = {{\n{lines}    {{0}},\n}};\n"


def texts(name: str, values: Sequence[str]) -> str:
    """Return the definition of a table of strings."""
    rows = "".join(f"    {quoted(value)},\n" for value in values)
    return f"static const char *const {name}[] = {{\n{rows}    \"\",\n}};\n"
