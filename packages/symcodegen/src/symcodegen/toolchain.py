"""The C compiler: finding it, knowing exactly what it is, running it safely.

A :class:`Compiler` is found at the first kernel that has to be compiled, never at import. Its ``identity`` and its
``cpu_features`` are part of every cache key, so that two machines that share a home directory never exchange objects
that one of them cannot run: ``-march=native`` alone says nothing about the machine.

Nothing here goes through a shell, and no text of a user reaches the command line but flags on an allow list.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from symcodegen import zig
from symcore.record import Record

if TYPE_CHECKING:
    from symcodegen.process import Finished

__all__ = [
    "CompileError",
    "Compiler",
    "CompilerMissing",
    "Extras",
    "ToolchainError",
    "Unit",
    "check_flags",
    "compiler_record_key",
    "find_compiler",
    "locate",
]

COMPILE_TIMEOUT = 120.0
"""Seconds one batch may take before the compiler is killed."""
PROBE_TIMEOUT = 20.0
CANDIDATES = ("cc", "gcc", "clang")

# Contraction is off so that x*y + z rounds twice, as NumPy does; a kernel that wants a fused multiply-add writes one.
# -fno-trapping-math lets comparisons be vectorised; unlike -ffast-math it keeps NaN, Inf and signed zeros.
_COMMON = (
    "-std=gnu11", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-fno-semantic-interposition",
    "-fvisibility=hidden", "-fPIC", "-w",
)  # fmt: skip
# What is switched off (straight-line vectors, -ftree-bit-ccp) costs a tenth of the time to compile kernels and leaves
# their loops as they are. -fno-thread-jumps would save 4% more, and makes argmax slower by a sixth (measured).
_LIGHT_GCC = ("-O1", "-ftree-loop-vectorize", "--param", "vect-epilogues-nomask=0", "-fno-tree-bit-ccp")
_WIDE_X86 = ("-mprefer-vector-width=512",)
# gcc 11 and later summarise what a function that is not inlined reads and writes. gcc 12 can lose a store whose address
# it has rewritten as base + 8 * index with no base it knows: the function counts as pure and calls of it are deleted.
# Kernels are one function or two, so there is nothing to gain from the summaries either.
_NO_SUMMARIES = ("-fno-ipa-modref", "-fno-ipa-pure-const")


class ToolchainError(RuntimeError):
    """Something between a C text and a loaded kernel went wrong."""


class CompilerMissing(ToolchainError):  # noqa: N818 - reads as the condition it reports
    """No usable C compiler. The message says where it was looked for and how to get one."""


class CompileError(ToolchainError):
    """The compiler refused, crashed, hung or wrote no usable object.

    ``line`` is the C line it complained about (``""`` if it named none), ``details`` the command and the
    (capped) output in full, ``returncode`` the exit status (negative: killed by that signal; None: timeout).
    """

    def __init__(
        self, message: str, *, line: str = "", details: str = "", returncode: int | None = None, disk_full: bool = False
    ) -> None:
        super().__init__(message)
        self.line = line
        self.details = details
        self.returncode = returncode
        self.disk_full = disk_full


class Unit(Record):
    """One translation unit: a C file, and whether its loops deserve the heavy flags."""

    path: Path
    heavy: bool = False


class Extras(Record):
    """What C of a user needs besides: flags of the compiler, flags and libraries of the linker.

    With them the C library is linked, as a user expects. ``digest`` stands for the content of the headers and
    libraries, which the flags only name: it is part of the key of the kernel.
    """

    compile: tuple[str, ...] = ()
    link: tuple[str, ...] = ()
    digest: str = ""


class Compiler(Record):
    """A C compiler that was run once and answered.

    ``argv`` is the command (a list: ``CC="ccache gcc"`` has two words), ``digest`` the hash of its executable,
    ``cpu_features`` the sorted names of what the native flags switch on for this machine, ``cautions`` the flags that
    keep it from an optimisation known to be wrong.
    """

    argv: tuple[str, ...]
    kind: Literal["gcc", "clang"]
    version: str
    target: str
    digest: str
    native: tuple[str, ...]
    cpu_features: tuple[str, ...]
    extra: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The executable itself (the last of ``argv``: ``ccache`` may stand before it)."""
        return _programs(self.argv)[-1]

    @property
    def identity(self) -> str:
        """What tells this compiler from any other that could write different code."""
        return f"{self.kind} {self.version} {self.target} {self.digest}"

    def flags(self, heavy: bool) -> tuple[str, ...]:
        """Code generation flags of a heavy (reductions, convolution) or a light (elementwise) unit."""
        wide = _WIDE_X86 if self.target.startswith(("x86_64", "AMD64")) else ()
        if self.kind == "clang":
            level: tuple[str, ...] = ("-O2",)
        else:
            level = ("-O3",) if heavy else _LIGHT_GCC
        if zig.is_zig(self.argv):
            return (*level, *_COMMON, *zig.FLAGS, *self.native, *wide, *zig.translated(self.extra))
        return (*level, *_COMMON, *self.cautions, *self.native, *wide, *self.extra)

    @property
    def link_flags(self) -> tuple[str, ...]:
        """Flags that make the shared object: no C library, no start files."""
        if sys.platform == "darwin":
            return ("-shared", "-undefined", "dynamic_lookup")
        return ("-shared", "-nostdlib")

    def compile(
        self,
        sources: Sequence[Path | Unit],
        out: Path,
        *,
        timeout: float = COMPILE_TIMEOUT,
        scratch: Path | None = None,
        extras: Extras | None = None,
    ) -> Path:
        """Make one shared object ``out`` of one or two C files; two are compiled at the same time.

        A bare path is a light unit. ``scratch`` (default: the folder of ``out``) takes intermediate files. ``extras``
        (for one file) are flags and libraries of a user.
        Raises CompileError if the compiler fails, hangs longer than ``timeout`` seconds, or leaves no object;
        CompilerMissing if it has vanished since it was found.
        """
        units = [source if isinstance(source, Unit) else Unit(source) for source in sources]
        if not 1 <= len(units) <= 2:
            raise ValueError(f"compile() takes one or two translation units, got {len(units)}. Merge them first.")
        scratch = out.parent if scratch is None else scratch
        if len(units) == 1:
            [unit] = units
            command = [*self.flags(unit.heavy), *self.link_flags, str(unit.path), "-o", str(out)]
            if extras is not None:
                # The C library is there when the object is loaded; zig would build one of its own first, for seconds.
                bare = zig.is_zig(self.argv)
                link = [flag for flag in self.link_flags if bare or flag != "-nostdlib"]
                # -w would also silence what C of a user makes an error of (SYM_FAIL), and a user's own -Werror.
                flags = [*(flag for flag in self.flags(unit.heavy) if flag != "-w"), *extras.compile]
                command = [*flags, *link, str(unit.path), "-o", str(out), *extras.link]
            self._run([command], scratch, timeout, units)
        else:
            objects = [scratch / f"{unit.path.stem}.o" for unit in units]
            commands = [
                [*self.flags(unit.heavy), "-c", str(unit.path), "-o", str(target)]
                for unit, target in zip(units, objects, strict=True)
            ]
            self._run(commands, scratch, timeout, units)
            self._run([[*self.link_flags, *map(str, objects), "-o", str(out)]], scratch, timeout, units)
        if not out.is_file() or out.stat().st_size == 0:
            raise CompileError(
                f"{self.path} said it succeeded but wrote no object. Check the compiler: `symstack doctor`.",
                details=" ".join(self.argv),
                returncode=0,
            )
        return out

    def _run(self, arguments: list[list[str]], scratch: Path, timeout: float, units: list[Unit]) -> None:
        from symcodegen.process import run_all  # noqa: PLC0415 - not needed on a warm start

        commands = [[*self.argv, *rest] for rest in arguments]
        try:
            with zig.own_cache(self.argv, scratch) as kept:
                environment = {**_environment(scratch), **kept}
                results = run_all(commands, timeout=timeout, cwd=scratch, env=environment)
        except FileNotFoundError as error:
            raise CompilerMissing(f"the C compiler {self.path} has vanished. {_HOW_TO_GET_ONE}") from error
        except PermissionError as error:
            raise CompilerMissing(f"the C compiler {self.path} may not be executed. {_HOW_TO_GET_ONE}") from error
        for result in results:
            if result.returncode != 0:
                raise _compile_error(self.path, result, [unit.path for unit in units], timeout)


# -- errors ----------------------------------------------------------------------------------------------------------

_HOW_TO_GET_ONE = (
    "Install gcc or clang (Debian: apt install gcc; conda: conda install c-compiler) or zig (pip install ziglang), or "
    "name one in $CC; without it everything still runs, slowly, through NumPy."
)
# Patterns are compiled at first use: a warm start needs none of them.
_DIAGNOSTIC = r"(?m)^(?P<file>[^\n:]+):(?P<line>\d+):(?:\d+:)? *(?:fatal )?error: *(?P<text>.*)$"
#: gcc tells of a mistake in a macro where the macro is defined, and in a note where it is used.
_USED = r"(?m)^(?P<file>[^\n:]+):(?P<line>\d+):(?:\d+:)? *note: *in expansion of macro"
#: clang, and gcc from 14 on, refuse a function that is not declared; others leave it to the loader: see `load_error`.
_UNDECLARED = r"(?:call to undeclared|implicit declaration of) (?:library )?function ['\u2018`](\w+)"
_DISK_FULL = r"(?i)no space left on device|disk quota exceeded|file too large"


def _compile_error(path: str, result: Finished, sources: list[Path], timeout: float) -> CompileError:
    """One readable exception out of a failed run; quotes the offending C line when the compiler named one."""
    import shlex  # noqa: PLC0415 - error paths only

    details = f"command: {shlex.join(result.command)}\n{result.output}"
    line = ""
    if result.returncode is None:
        text = f"the C compiler {path} did not finish within {timeout:g} s and was killed. Check it: `symstack doctor`."
    elif match := re.search(_DIAGNOSTIC, result.output):
        following = re.search(_DIAGNOSTIC, result.output[match.end() :])
        end = match.end() + following.start() if following else len(result.output)
        place = [match, *re.finditer(_USED, result.output[match.end() : end])][-1]
        line = _quote(place["file"], int(place["line"]), sources)
        where = f"{place['file']}:{place['line']}: {line.strip()}"
        text = f"the C compiler {path} refused a kernel: {match['text']}\n  {where}"
        if undeclared := re.search(_UNDECLARED, match["text"]):
            text = _undefined(undeclared[1], f"\n  {where}")
    else:
        cause = f"signal {-result.returncode}" if result.returncode < 0 else f"exit status {result.returncode}"
        said = next((one.strip() for one in result.output.splitlines() if one.strip()), "nothing was printed")
        text = f"the C compiler {path} failed ({cause}): {said[:200]}\n  Check it: `symstack doctor`."
    full = bool(re.search(_DISK_FULL, result.output))
    return CompileError(text, line=line, details=details, returncode=result.returncode, disk_full=full)


def load_error(path: str, error: OSError, texts: Iterable[str]) -> CompileError:
    """One readable exception for an object that the loader refuses, with the line that uses what nothing defines."""
    missing = re.search(r"undefined symbol: (\w+)", str(error))
    if missing is None:
        what = f"the C compiler {path} wrote an object that cannot be loaded: {error}."
        return CompileError(f"{what} Check the compiler: `symstack doctor`.", returncode=0)
    name, where = missing[1], ""
    for text in texts:
        file, count = "", 0
        for line in text.split("\n"):
            mark = re.fullmatch(r'#line 1 "([^"]*)"', line)
            file, count = (mark[1], 0) if mark else (file, count + 1)
            if not where and file and re.search(rf"\b{name}\b", line) and not file.startswith("around "):
                where = f"\n  {file}:{count}: {line.strip()}"
    return CompileError(_undefined(name, where), returncode=0)


def _undefined(name: str, where: str) -> str:
    hint = "Define it in support_code, or name its header in headers and its library in libraries."
    return f"nothing defines {name}, which a kernel uses. {hint}{where}"


def _quote(file: str, number: int, sources: list[Path]) -> str:
    """The line that the compiler means: of a source, of a text that a ``#line`` of one names, or of a header."""
    for source in sources:
        lines = source.read_text(encoding="utf-8", errors="replace").split("\n")
        mark = f'#line 1 "{file}"'
        start = 0 if source.name == Path(file).name else lines.index(mark) + 1 if mark in lines else len(lines)
        if 1 <= number <= len(lines) - start:
            return lines[start + number - 1]
    try:
        header = Path(file).read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    return header[number - 1] if 1 <= number <= len(header) else ""


# -- flags of users --------------------------------------------------------------------------------------------------

# An allow list. Refused, among others: -fplugin and -specs (run code), -B, -wrapper and @file (change the program),
# -o, -x, -include, -Wl, -dump (read or write files), -ffast-math and its parts (wrong on NaN and Inf).
_ALLOWED = (
    r"-O[0-3sg]|-g[0-3]?|-ggdb[0-3]?|-m[a-z0-9][A-Za-z0-9.+_=-]*|-f[a-z][a-z0-9-]*(=[A-Za-z0-9,_-]+)?"
    r"|-W[a-z][a-z0-9+=-]*|-D[A-Za-z_]\w*(=[\w.+-]*)?|--param=[a-z0-9-]+=\d+"
)
_REFUSED = (
    r"-f(plugin|use-ld|dump|profile|auto-profile|save-|stack-usage|callgraph|lto|pass-|syntax|preprocessed|working|directives)"
    r"|-f(fast-math|unsafe-math|finite-math|associative-math|reciprocal-math|no-signed-zeros|cx-limited)"
    r"|-f(common|freestanding|cc1|debug-prefix|file-prefix|macro-prefix|module|embed|sanitize-.*list|xray|compare|opt-info|wpa)"
    r"|-mllvm|-mlinker|-Wa?$|-Wl|-Wp|-Wa,"
)


def check_flags(flags: Sequence[str], origin: str = "config.compiler_flags") -> tuple[str, ...]:
    """The flags, unchanged, if each only tunes code generation; ValueError naming the first that might do more."""
    for flag in flags:
        if not re.fullmatch(_ALLOWED, flag) or re.match(_REFUSED, flag):
            raise ValueError(
                f"compiler flag {flag!r} in {origin} is refused: it could run programs, read or write files, or change "
                "results on NaN and infinity. Give flags like -O3, -march=..., -f<optimisation>, -D<name>=<value>."
            )
    return tuple(flags)


# -- finding ---------------------------------------------------------------------------------------------------------


def locate(override: str | None = None) -> list[tuple[tuple[str, ...], str]]:
    """Commands to try, best first, as ``(argv, origin)``: the override alone, else $CC alone, else what PATH has.

    Where PATH has none, the zig of the package ``ziglang`` is taken.
    Raises CompilerMissing if what was asked for is not there (it is never replaced silently) or nothing is;
    ``override="none"`` asks for no compiler at all. Flags inside the command must pass :func:`check_flags`.
    """
    import shutil  # noqa: PLC0415 - pulls in the compression modules

    for words, origin in ((override, "config.compiler"), (os.environ.get("CC"), "$CC")):
        if words is None or not words.strip():
            continue
        if words.strip() == "none":
            raise CompilerMissing(f"{origin} says 'none': no C compiler is used.")
        return [(_resolve(words, origin), origin)]
    found: list[tuple[tuple[str, ...], str]] = [
        ((path,), "PATH") for name in CANDIDATES if (path := shutil.which(name))
    ]
    if not found and (path := zig.find()) is not None:
        found = [((path, "cc"), f"the package {zig.PACKAGE}")]
    if not found:
        raise CompilerMissing(f"no C compiler: none of {', '.join(CANDIDATES)} is on PATH. {_HOW_TO_GET_ONE}")
    return found


def _resolve(text: str, origin: str) -> tuple[str, ...]:
    import shlex  # noqa: PLC0415 - only where a command was given
    import shutil  # noqa: PLC0415

    # A Windows path keeps its backslashes.
    words = [os.path.expanduser(word) for word in shlex.split(text, posix=os.name == "posix")]
    if (as_zig := zig.spelled(words)) is not None:
        return _resolve_zig(as_zig, origin)
    programs = [word for word in words if not word.startswith("-")]
    flags = words[len(programs) :]
    if not programs or words[: len(programs)] != programs or len(programs) > 2:
        raise ValueError(f"{origin} is {text!r}: expected a compiler, or a wrapper and a compiler, then flags.")
    check_flags(flags, origin)
    argv = []
    for program in programs:
        path = None if program.startswith("@") else shutil.which(program)
        if path is None:
            raise CompilerMissing(f"the C compiler {program!r} named by {origin} is not there. {_HOW_TO_GET_ONE}")
        argv.append(os.path.abspath(path))
    return (*argv, *flags)


def _resolve_zig(words: list[str], origin: str) -> tuple[str, ...]:
    import shutil  # noqa: PLC0415 - as above

    program, *flags = words
    check_flags(flags, origin)
    path = shutil.which(program) or (zig.find() if program == "zig" else None)
    if path is None:
        how = f"Install it: pip install {zig.PACKAGE}."
        raise CompilerMissing(f"the C compiler '{program} cc' named by {origin} is not there. {how}")
    return (os.path.abspath(path), "cc", *zig.translated(flags))


def _programs(argv: Sequence[str]) -> list[str]:
    """The executables of a command: not its flags, nor the word ``cc`` of zig."""
    words = [word for word in argv if not word.startswith("-")]
    return words[:1] if zig.is_zig(argv) else words


def find_compiler(override: str | None = None, extra_flags: Sequence[str] = ()) -> Compiler:
    """Find and probe a compiler: ``override``, else $CC, else cc, gcc, clang (the first one that works), else zig.

    Raises CompilerMissing if there is none, CompileError if the only candidates do not work, ValueError for refused
    ``extra_flags``.
    """
    extra = check_flags(extra_flags)
    failure: ToolchainError | None = None
    for argv, _ in locate(override):
        try:
            return probe(argv, extra)
        except ToolchainError as error:
            failure = failure or error
    assert failure is not None  # locate() returned at least one candidate
    raise failure


def compiler_record_key(argv: Sequence[str]) -> str:
    """Key under which the answers of :func:`probe` may be kept on disk: changes with the executable and the CPU."""
    stamps: list[Any] = []
    for program in _programs(argv):
        status = os.stat(program)
        stamps.append((os.path.realpath(program), status.st_size, status.st_mtime_ns, status.st_ino))
    text = repr(("probe-4", tuple(argv), stamps, _host_cpu()))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def processor_key() -> str:
    """A name for this kind of processor: kernels that were built on one may not run on another."""
    return hashlib.blake2b(_host_cpu().encode(), digest_size=8).hexdigest()


#: What changes from moment to moment, or from one processor to the next, in the system's description of them.
_PASSING = ("processor", "cpu mhz", "bogomips", "apicid", "initial apicid", "core id", "microcode")


@functools.cache
def _host_cpu() -> str:
    """The processor as the system describes it (first core), without what changes from moment to moment."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            first = file.read(16384).split("\n\n")[0]
    except OSError:
        import platform  # noqa: PLC0415 - not where there is /proc

        return f"{platform.machine()} {platform.processor()}"
    return "\n".join(line for line in first.splitlines() if not line.lower().startswith(_PASSING))


def probe(argv: tuple[str, ...], extra: tuple[str, ...] = ()) -> Compiler:
    """Run the compiler's preprocessor to learn kind, version and what the native flags mean on this machine.

    Once, if the compiler knows all flags (8 ms of a cold start); else once more for each that it may not know.
    """
    macros, native, cautions = _answers(argv)
    if "__GNUC__" not in macros:
        raise CompileError(f"{_programs(argv)[-1]} is neither gcc nor clang (no __GNUC__). Name one of them in $CC.")
    return Compiler(
        argv=argv,
        cautions=cautions,
        kind="clang" if "__clang__" in macros else "gcc",
        version=macros.get("__VERSION__", "?").strip('"'),
        target=_target(macros),
        digest=_digest(argv),
        native=native,
        cpu_features=tuple(sorted(name for name, value in macros.items() if _is_feature(name, value))),
        extra=extra,
    )


def _answers(argv: tuple[str, ...]) -> tuple[dict[str, str], tuple[str, ...], tuple[str, ...]]:
    """The macros, and the native flags and the cautions that the compiler takes."""
    # -mcpu=native is another spelling; some aarch64 machines cannot tell their processor at all.
    for native in (("-march=native",), ("-mcpu=native",), ()):
        for cautions in (_NO_SUMMARIES, ()):
            try:
                macros = _macros(argv, (*native, *cautions))
            except CompileError as error:
                if error.returncode is None or not (native or cautions):
                    raise  # who hangs does so with any flags: five more would be a wait of minutes
                continue
            if "__clang__" not in macros or not cautions:
                return macros, native, cautions
    raise AssertionError("the last attempt returns or raises")


_SWITCH = r"__\w+"
#: What says nothing of the processor. A name that is missing here lengthens a key and does no harm.
_GENERAL = (
    r"__(STDC|GCC|GNUC|GXX|GLIBC|ATOMIC|FLT|DBL|LDBL|DEC|BFLT|ELF|unix|linux|gnu_linux|CET|REGISTER|USER|SIZEOF|HAVE|OPTIMIZE"
    r"|NO_|PIC|PIE|pic|pie|CHAR|SEG|VERSION|code_model|k8|LP64|clang|llvm|APPLE|CONSTANT|POINTER|STRICT|pentium)"
)


def _is_feature(name: str, value: str) -> bool:
    """Whether a macro may say what the processor can: a name of the implementation that is simply on."""
    return value == "1" and bool(re.fullmatch(_SWITCH, name)) and not re.match(_GENERAL, name)


def _target(macros: dict[str, str]) -> str:
    import platform  # noqa: PLC0415 - asked once per machine

    machine = next((m for m in ("x86_64", "aarch64", "i386", "arm", "powerpc64", "riscv") if f"__{m}__" in macros), "?")
    return f"{machine if machine != '?' else platform.machine()}-{sys.platform}"


def _macros(argv: tuple[str, ...], flags: tuple[str, ...]) -> dict[str, str]:
    """The predefined macros under these flags."""
    path = _programs(argv)[-1]
    from symcodegen.process import run_all  # noqa: PLC0415 - as above

    command = [*argv, *flags, "-dM", "-E", "-x", "c", os.devnull]
    try:
        with zig.own_cache(argv, None) as kept:
            environment = {**_environment(None), **kept}
            [result] = run_all([command], timeout=PROBE_TIMEOUT, cwd=None, env=environment)
    except OSError as error:
        raise CompilerMissing(f"the C compiler {path} cannot be started: {error}. {_HOW_TO_GET_ONE}") from error
    if result.returncode != 0:
        raise _compile_error(path, result, [], PROBE_TIMEOUT)
    pairs = re.findall(r"^#define (\w+) ?(.*)$", result.output, re.MULTILINE)
    if not pairs:
        text = f"{path} does not behave like a C compiler: it listed no macros."
        raise CompileError(text, details=result.output, returncode=result.returncode)
    return dict(pairs)


def _digest(argv: tuple[str, ...]) -> str:
    """Hash of the compiler's own executables (a rebuild with the same version number is another compiler)."""
    hasher = hashlib.sha256()
    for program in _programs(argv):
        with open(program, "rb") as file:
            while block := file.read(1 << 20):
                hasher.update(block)
    return hasher.hexdigest()[:32]


_KEPT_VARIABLES = (
    "PATH", "HOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "CCACHE_DIR", "SDKROOT", "DEVELOPER_DIR",
)  # fmt: skip


def _environment(scratch: Path | None) -> dict[str, str]:
    """What the compiler sees: nothing that could change the code behind the key's back (CPATH, GCC_EXEC_PREFIX ...)."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    kept["LC_ALL"] = "C"
    if scratch is not None:
        kept.update(TMPDIR=str(scratch), TEMP=str(scratch), TMP=str(scratch))
    return kept


def to_record(compiler: Compiler) -> dict[str, Any]:
    """The probe's answers as JSON-able data; :func:`from_record` reads them back."""
    return {name: getattr(compiler, name) for name in Compiler._params}


def from_record(record: object, argv: tuple[str, ...], extra: tuple[str, ...]) -> Compiler | None:
    """The Compiler a record describes, or None if the record is not one of this command."""
    if not isinstance(record, dict) or record.get("argv") != list(argv) or record.get("kind") not in ("gcc", "clang"):
        return None
    texts = [record.get(name) for name in ("version", "target", "digest")]
    lists = [record.get(name) for name in ("native", "cpu_features", "cautions")]
    if not all(isinstance(text, str) for text in texts):
        return None
    if not all(isinstance(one, list) and all(isinstance(word, str) for word in one) for one in lists):
        return None
    if any(flag not in ("-march=native", "-mcpu=native") for flag in record["native"]):
        return None
    if record.get("cautions") not in ([], list(_NO_SUMMARIES)):
        return None
    return Compiler(
        argv, record["kind"], record["version"], record["target"], record["digest"],
        tuple(record["native"]), tuple(record["cpu_features"]), extra, tuple(record["cautions"]),
    )  # fmt: skip
