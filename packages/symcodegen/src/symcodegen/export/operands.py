"""What an export says of itself: the files, and what the function takes and gives, as C names it."""

from dataclasses import dataclass
from pathlib import Path

#: dtype name -> C type of an element, as the header names it.
PUBLIC = {
    "bool": "uint8_t", "int8": "int8_t", "int16": "int16_t", "int32": "int32_t", "int64": "int64_t",
    "uint8": "uint8_t", "uint16": "uint16_t", "uint32": "uint32_t", "uint64": "uint64_t", "float16": "uint16_t",
    "float32": "float", "float64": "double", "complex64": "float _Complex", "complex128": "double _Complex",
}  # fmt: skip


@dataclass(frozen=True)
class Operand:
    """An input, output or shared variable: name in C, dtype, static shape."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]

    @property
    def c(self) -> str:
        """The C type of an element."""
        return PUBLIC[self.dtype]

    @property
    def axes(self) -> str:
        """Its shape in words."""
        return f"({', '.join('?' if n is None else str(n) for n in self.shape)})"


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes
    ----------
    folder, name, sources
        Where; the prefix of the functions in C; the files to compile.
    flags, libraries
        Of C of users.
    inputs, outputs, states
        As C names them; ``states`` are the shared variables.
    values
        The file of the values of the shared variables, where they are too large for a source.
    """

    folder: Path
    name: str
    sources: tuple[Path, ...]
    flags: tuple[str, ...]
    libraries: tuple[str, ...]
    inputs: tuple[Operand, ...]
    outputs: tuple[Operand, ...]
    states: tuple[Operand, ...]
    values: Path | None

    def command(self, output: str | Path, *more: str, shared: bool = False, cc: str = "cc") -> list[str]:
        """Return the command that builds the example program, or with ``shared`` a library; ``more``: flags."""
        sources = [str(path) for path in self.sources if not (shared and path.name == "main.c")]
        kind = ["-shared", "-fPIC"] if shared else []
        flags = more or ("-O2",)
        return [cc, "-std=c11", *flags, *kind, *self.flags, *sources, "-o", str(output), *self.libraries, "-lm"]
