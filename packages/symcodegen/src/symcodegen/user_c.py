"""``COp``: an operation whose C a user writes, as text or in a file.

::

    class Scaled(COp):
        \"\"\"``alpha * x``\"\"\"

        alpha: float
        inputs, outputs = ("x",), ("y",)
        itypes = otypes = (TensorType("float64", (None,)),)
        code = \"\"\"
        for (i64 i = 0; i < SYM_LEN(x, 0); i++) SYM_AT(y, i) = alpha * SYM_AT(x, i);
        \"\"\"

        def infer_shape(self, node, input_shapes):
            return input_shapes

    y = Scaled(alpha=2.0)(x)

The C sees every operand as ``const sym_array *`` (``runtime/symuser.h``) under its name, parameters of the Op as
constants, and ``ctx``: BLAS, scratch memory, failure. Nothing of Python or NumPy is visible, so it runs without the
interpreter's lock and can be exported.
"""

import contextlib
import contextvars
import hashlib
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from symcodegen.cache import KernelSource
from symcodegen.dispatch import Answer, Routine, c_impl, refuse
from symcodegen.toolchain import Extras
from symcodegen.user_build import extras_of
from symcodegen.user_text import ELEMENTS, UserKernel, check_name, constant, marked
from symcore.graph.variable import Apply
from symcore.op import Op, Shape
from symcore.tensor.shapes import Shape_i
from symcore.tensor.type import TensorType

__all__ = ["COp", "InlineC"]

_TUPLES = (
    "inputs", "outputs", "headers", "include_dirs", "library_dirs", "libraries", "compile_flags", "arguments",
)  # fmt: skip
_LENGTH = TensorType("int64", ())


class COp(Op):
    """An Op made of C. Subclass it and set the texts as class attributes, or give them by name: ``COp(code=...)``.

    Parameters of a subclass (annotated, as of every Op) that are bools, ints, floats, strings or tuples of ints are
    constants in C under their own names (``i64``, ``double``, ``char []``, ``i64 []``).

    Attributes
    ----------
    title
        What it is called in messages and in the line numbers of the compiler; the name of the class if empty.
    code
        Statements that fill the outputs; or, with ``c_function``, definitions.
    file
        Path of a file that holds ``code``, read when the Op is made.
    c_function
        Name of a function defined in ``code``, called with the outputs, the inputs, the ``arguments``, ``scratch`` and
        ``ctx``; it returns 0, or fails through ``SYM_FAIL``.
    support_code
        Definitions that come before.
    inputs, outputs
        Names of the operands in C.
    itypes, otypes
        Types of inputs and outputs, unless ``make_node`` is overridden. Any dtype, fixed rank.
    c_params
        More constants, name to value.
    arguments
        Names of int and float parameters that are handed over at each call instead, so that Ops that differ in these
        alone share one compiled kernel.
    headers, include_dirs, library_dirs, libraries, compile_flags
        ``"<math.h>"`` or ``"mine.h"``; folders; names without ``lib``; flags such as ``-DN=3``. Content of headers and
        libraries in these folders is part of the key of the compiled kernel.
    contiguous
        Inputs without gaps, in C order, so that ``SYM_DATA(x)[i]`` serves; what has gaps is copied first. Outputs
        never have gaps.
    scratch
        C expression of the operands: bytes of memory, 64-byte aligned, that ``scratch`` then points to.
    shape_code
        Statements that set the lengths of the outputs, ``y_shape[0] = x_shape[0] / 2;``, instead of ``infer_shape``.
        The node then has one more input for each of these lengths, to which no gradient belongs: ``None`` in ``L_op``.
    twin
        A NumPy function of the inputs that gives the same outputs; used where there is no compiler and by DEBUG. So is
        ``perform``, if it is overridden.
    digest
        Of headers and libraries; set by the constructor.

    Raises ``ValueError`` and ``TypeError`` for names, flags and texts that make no sense. A failure of the C
    (``SYM_FAIL``) is a ``ValueError`` that names the Op and the line of Python that applied it; what the compiler
    refuses is a ``CompileError`` with the line of C. C that fails may have written to its outputs, unless ``inplace``
    is overridden.
    """

    _abstract = True  # for the test kit: the C stands in the subclass or the Op, so nobody gets another's kernel

    title: str = ""
    code: str = ""
    file: str = ""
    c_function: str = ""
    support_code: str = ""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    itypes: Any = None  # type: ignore[misc]
    otypes: Any = None  # type: ignore[misc]
    c_params: Any = ()
    arguments: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    include_dirs: tuple[str, ...] = ()
    library_dirs: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    compile_flags: tuple[str, ...] = ()
    contiguous: bool = False
    scratch: str = ""
    shape_code: str = ""
    twin: Callable[..., Any] | None = None
    digest: str = ""

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        own = tuple(name for name in cls._params if name not in COp._params)
        cls._params = (*own, *COp._params)
        given = {name: cls.__dict__[name] for name in COp._params if name in cls.__dict__}
        cls._defaults = {**cls._defaults, **given}

    def __new__(cls, *args: Any, **kwargs: Any) -> "COp":
        """Return an Op; of the final class ``InlineC`` where the texts are given and no class is."""
        return object.__new__(InlineC if cls is COp else cls)

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        values = self.__dict__
        values.update({name: _as_tuple(values[name], name) for name in _TUPLES})
        for name in ("include_dirs", "library_dirs"):
            values[name] = tuple(str(folder) for folder in values[name])
        pairs = values["c_params"]
        values["c_params"] = tuple(pairs.items()) if isinstance(pairs, Mapping) else tuple(pairs)
        for name in ("itypes", "otypes"):
            values[name] = None if values[name] is None else tuple(values[name])
        values["title"] = values["title"] or type(self).__name__
        if values["file"]:
            values["file"] = str(values["file"])
            values["code"] = _read(values["file"], values["title"])
        self._check()
        values["digest"] = self.extras().digest

    def _check_texts(self) -> None:
        for name in ("code", "support_code", "shape_code", "scratch"):
            if not isinstance(getattr(self, name), str):
                raise TypeError(f"{name} of {self.title} must be C as a string, not {getattr(self, name)!r}.")
            lone = re.search("[\ud800-\udfff]", getattr(self, name))
            if lone:
                raise ValueError(f"{name} of {self.title} has half a character, {lone[0]!r}, at {lone.start()}.")

    def _check(self) -> None:
        self._check_texts()
        if not self.code.strip():
            raise ValueError(f"{self.title} has no C. Give code=, or file= with the path of a file.")
        if not self.outputs:
            raise ValueError(f"{self.title} names no outputs. Give outputs=('y',), and inputs=('x', ...).")
        constants = self.c_constants()
        names = [*self.outputs, *self.inputs, *constants, *self.arguments]
        for name in names:
            check_name(name, f"in {self.title}:")
        if len({*names}) < len(names):
            raise ValueError(f"{self.title} uses a name twice: {', '.join(names)}.")
        for what, types, of in (("itypes", self.itypes, self.inputs), ("otypes", self.otypes, self.outputs)):
            if types is not None and len(types) != len(of):
                raise ValueError(f"{self.title} has {len(types)} {what} for the operands ({', '.join(of)}).")
        for name in self.arguments:
            if not isinstance(getattr(self, name, None), (int, float, np.integer, np.floating)):
                raise TypeError(f"argument {name} of {self.title} must be a parameter that is an int or a float.")
        if self.c_function:
            check_name(self.c_function, f"in {self.title}: the function")
        self.define_constants()

    def __repr__(self) -> str:
        own = [f"{name}={getattr(self, name)!r}" for name in self._params if name not in COp._params]
        own += [f"{name}={value!r}" for name, value in self.c_params]
        return f"{self.title}{{{', '.join(own)}}}" if own else self.title

    # ------------------------------------------------------------------ what the text is made of

    def c_constants(self) -> dict[str, Any]:
        """Return the parameters that are constants in C, by name."""
        own = [name for name in self._params if name not in COp._params and name not in self.arguments]
        plain = {name: getattr(self, name) for name in own if _fits_c(getattr(self, name))}
        return {**plain, **dict(self.c_params)}

    def define_constants(self) -> str:
        """Return the C definitions of the constants."""
        return "".join(constant(name, value) for name, value in self.c_constants().items())

    def typed_arguments(self) -> list[tuple[str, str]]:
        """Return name and C type of what is handed over at each call."""
        kinds = [isinstance(getattr(self, name), (float, np.floating)) for name in self.arguments]
        return [(name, "double" if real else "i64") for name, real in zip(self.arguments, kinds, strict=True)]

    def argument_words(self) -> list[int]:
        """Return the arguments as 64-bit integers; of a float its bits."""
        values = [(getattr(self, name), kind) for name, kind in self.typed_arguments()]
        return [struct.unpack("<q", struct.pack("<d", v))[0] if kind == "double" else int(v) for v, kind in values]

    def extras(self) -> Extras:
        """Return what the compiler is told besides."""
        texts = (self.code, self.support_code, self.shape_code)
        return extras_of(
            texts, self.headers, self.include_dirs, self.library_dirs, self.libraries, self.compile_flags
        )

    # ------------------------------------------------------------------ the Op

    def make_node(self, *inputs: Any) -> Apply:
        """Return a node on inputs of the types ``itypes``. Raises ``TypeError`` for others."""
        if self.itypes is None or self.otypes is None:
            raise TypeError(f"{self.title} has no itypes and otypes, and defines no make_node. Give one or the other.")
        given = len(self.inputs) if self.shape_code else len(inputs)
        return self.with_lengths(super().make_node(*inputs[:given]), inputs[given:])

    def with_lengths(self, node: Apply, lengths: Sequence[Any] = ()) -> Apply:
        """Return the node with the lengths of its outputs as more inputs, if ``shape_code`` computes them.

        For a ``make_node`` of one's own: ``return self.with_lengths(Apply(self, inputs, outputs), lengths)``, where
        ``lengths`` are the further inputs that it is given when a node is built anew.
        """
        if not self.shape_code:
            return node
        if not lengths:
            found = _shape_op(self, node)(*(Shape_i(i)(x) for x in node.inputs for i in range(x.type.ndim)))
            lengths = found if isinstance(found, list) else [found]
        wanted = sum(y.type.ndim for y in node.outputs)
        if len(lengths) != wanted or not all(n.type == _LENGTH for n in lengths):
            raise TypeError(f"{self.title} takes {len(self.inputs)} inputs, and {wanted} lengths or none.")
        return Apply(self, [*node.inputs, *lengths], [y.type() for y in node.outputs])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> Sequence[Shape | None]:
        """Return the shapes: from ``shape_code``, or static ones. Raises ``TypeError`` if there are none."""
        if self.shape_code:
            rest = iter(node.inputs[len(self.inputs) :])
            return [tuple(next(rest) for _ in range(y.type.ndim)) for y in node.outputs]
        if any(n is None for y in node.outputs for n in y.type.shape):
            raise TypeError(
                f"{self.title} does not say which shape its outputs have. Define infer_shape, or shape_code."
            )
        return [y.type.shape for y in node.outputs]

    def perform(self, node: Apply, *inputs: Any) -> Any:
        """Compute with ``twin``, or through the C itself. Raises ``RuntimeError`` if there is neither."""
        given = inputs[: len(self.inputs)]
        if self.twin is not None:
            result = self.twin(*given)
            return tuple(np.asarray(r) for r in result) if len(self.outputs) > 1 else np.asarray(result)
        results = _run_c(self, node, given)
        return tuple(results) if len(results) > 1 else results[0]


class InlineC(COp):
    """What ``COp(code=...)`` makes: everything about it is in its parameters."""


def _as_tuple(value: Any, name: str) -> tuple[Any, ...]:
    if isinstance(value, str):
        raise TypeError(f"{name}={value!r}: give a tuple of strings, {name}=({value!r},).")
    return tuple(value)


def _read(file: str, title: str) -> str:
    """Return the text of a file. Raises ``OSError`` if it cannot be read, ``ValueError`` if it is no text."""
    try:
        return Path(file).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"the file {file} of {title} is no text in UTF-8: {error}.") from error


def _fits_c(value: Any) -> bool:
    try:
        return bool(constant("x", value))
    except (TypeError, ValueError):
        return False


# --------------------------------------------------------------------------------------- shapes in C


def _shape_op(op: COp, node: Apply) -> COp:
    """Return the Op that runs ``shape_code``: the lengths of all inputs to the lengths of all outputs."""
    ranks = {n: x.type.ndim for n, x in zip(op.inputs, node.inputs, strict=True)}
    results = {n: y.type.ndim for n, y in zip(op.outputs, node.outputs, strict=True)}
    names = [f"{n}_length_{i}" for n, ndim in ranks.items() for i in range(ndim)]
    targets = [f"{n}_length_{i}" for n, ndim in results.items() for i in range(ndim)]
    lines = []
    for n, ndim in ranks.items():
        known = ", ".join(f"SYM_SCALAR({n}_length_{i})" for i in range(ndim))
        lines.append(f"const i64 {n}_shape[] = {{{known or 0}}}; (void){n}_shape;")
    lines += [f"i64 {n}_shape[{max(ndim, 1)}] = {{0}};" for n, ndim in results.items()]
    ends = [f"SYM_SCALAR({n}_length_{i}) = {n}_shape[{i}];" for n, ndim in results.items() for i in range(ndim)]
    ends += [f'if ({n}_shape[{i}] < 0) SYM_FAIL_SHAPE("the length of axis {i} of {n} would be %lld.", {n}_shape[{i}]);'
             for n, ndim in results.items() for i in range(ndim)]  # fmt: skip
    code = "\n".join([*lines, marked(op.shape_code, f"C of {op.title}, shape code"), *ends])
    return COp(
        title=f"shape of {op.title}", code=code, support_code=op.support_code, inputs=tuple(names),
        outputs=tuple(targets), itypes=(_LENGTH,) * len(names), otypes=(_LENGTH,) * len(targets),
        c_params={**op.c_constants(), **{n: getattr(op, n) for n in op.arguments}}, headers=op.headers,
        include_dirs=op.include_dirs, library_dirs=op.library_dirs, libraries=op.libraries,
        compile_flags=op.compile_flags,
    )  # fmt: skip


# --------------------------------------------------------------------------------------- running it


@c_impl.register
def user_c(op: COp, node: Apply) -> Answer:
    """Compile the user's text, an object for itself, for the types of the operands."""
    types = [y.type for y in node.outputs] + [x.type for x in node.inputs[: len(op.inputs)]]
    if len(node.outputs) != len(op.outputs) or len(node.inputs) < len(op.inputs):
        raise ValueError(
            f"{op.title} names {len(op.inputs)} inputs and {len(op.outputs)} outputs; its node has {len(node.inputs)} "
            f"and {len(node.outputs)}. Make the names and make_node agree."
        )
    for t in types:
        if not isinstance(t, TensorType) or t.dtype.name not in ELEMENTS:
            return refuse(node, f"C cannot be given a value of {t}")
    text = UserKernel(op, [*op.outputs, *op.inputs], types, len(op.outputs)).text()
    extras = op.extras()
    known = hashlib.blake2b(repr((text, extras)).encode(), digest_size=16).hexdigest()
    source = KernelSource(f"{op.title} {known}", text, True, extras)

    def emit(b: Any, n: Apply) -> None:
        b.sources.setdefault(source.name, source)
        b.uses_blas |= _may_use_blas(op)
        registers = tuple(b.registers.of(word) for word in op.argument_words())
        inplace = tuple(b.plan.inplace.get(n, {}).items())
        outputs = [b.out(y) for y in n.outputs]
        inputs = [b.slot(x) for x in n.inputs[: len(op.inputs)]]
        # An update is copied in afterwards, for it may be written straight into its shared variable: what fails halfway
        # would leave half of it there. Who declares inplace() promises not to.
        safe = bool(op.inplace(n))
        late = {k: y for k, y in enumerate(n.outputs) if not safe and b.slots[outputs[k]][0] == b.cvm.UPDATE}
        spares = {k: b.temp(y.type, b.registers.shape(y)) for k, y in late.items()}
        written = [spares.get(k, slot) for k, slot in enumerate(outputs)]
        b.emit(b.cvm.FULL, source, written, inputs, registers, inplace, b.cvm.FALLIBLE)
        for k, spare in spares.items():
            b.copy(outputs[k], spare, n.outputs[k].type)

    lengths = tuple(range(len(op.inputs), len(node.inputs)))
    return Routine(f"C of a user, {op.title}", emit, lengths=lengths, fallible=True)


def _may_use_blas(op: COp) -> bool:
    """Whether the texts mention BLAS, or a header of the user could."""
    texts = op.code + op.support_code
    return "->blas" in texts or "sym_sgemm" in texts or "sym_dgemm" in texts or any(h[0] != "<" for h in op.headers)


_NO_COMPILER = (
    "{op} is written in C, which cannot run here: {why} Install a compiler, or give the Op a NumPy function of the "
    "same meaning: twin=..., or perform."
)
_functions: WeakKeyDictionary[COp, dict[Any, Any]] = WeakKeyDictionary()
_running: contextvars.ContextVar[frozenset[int]] = contextvars.ContextVar("running", default=frozenset())


@contextlib.contextmanager
def _once(op: COp) -> Iterator[None]:
    """Refuse to come back to an Op whose C is being asked for: without a compiler that is where a function leads."""
    if id(op) in _running.get():
        raise RuntimeError(_NO_COMPILER.format(op=op.title, why="there is no C compiler."))
    token = _running.set(_running.get() | {id(op)})
    try:
        yield
    finally:
        _running.reset(token)


def _run_c(op: COp, node: Apply, inputs: Sequence[Any]) -> list[Any]:
    """Run the C of one node as a function by itself, which is kept as long as the Op."""
    from symcodegen.testing import PLAIN, CLinker  # they bring the whole compiler
    from symcore.config import config
    from symopt import function

    why_not = CLinker.why_not(config.snapshot())
    if why_not is not None:
        raise RuntimeError(_NO_COMPILER.format(op=op.title, why=why_not))
    types = tuple(x.type for x in node.inputs[: len(op.inputs)])
    known = _functions.setdefault(op, {})
    with _once(op):
        if types not in known:
            variables = [t() for t in types]
            copy = op.make_node(*variables)
            known[types] = function(variables, copy.outputs, mode=PLAIN, on_unused_input="ignore")
        results: list[Any] = known[types](*inputs)
    return results
