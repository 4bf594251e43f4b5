"""Headers, libraries and flags of a user's C: what the compiler is told, and what the key of the kernel depends on."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from symcodegen.toolchain import Extras, check_flags

_HEADER = re.compile(r"<[\w./+-]+>|[\w./+-]+")
_LIBRARY = re.compile(r"[\w.+-]+")
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*["<]([^">\n]+)[">]', re.MULTILINE)
_SUFFIXES = (".so", ".a", ".dylib", ".lib", ".dll")


def check_build(headers: Sequence[str], folders: Sequence[str], libraries: Sequence[str], flags: Sequence[str]) -> None:
    """Raise ``ValueError`` for names that are no headers, folders, libraries or harmless flags."""
    for header in headers:
        if not isinstance(header, str) or not _HEADER.fullmatch(header):
            raise ValueError(f"header {header!r}: give a name such as '<math.h>' or 'mine.h'.")
    for library in libraries:
        if not isinstance(library, str) or not _LIBRARY.fullmatch(library) or library.startswith("-"):
            raise ValueError(f"library {library!r}: give its name without 'lib' and ending, such as 'm'.")
    for folder in folders:
        if not Path(folder).is_dir():
            raise ValueError(f"{folder!r} is no folder. Give folders of headers and libraries that exist.")
    check_flags(flags, "compile_flags")


def extras_of(
    texts: Iterable[str],
    headers: Sequence[str],
    include_dirs: Sequence[str],
    library_dirs: Sequence[str],
    libraries: Sequence[str],
    flags: Sequence[str],
) -> Extras:
    """Return flags of the compiler and the linker, with a digest of the content of headers and libraries.

    Headers are followed through their own includes as far as they lie in ``include_dirs``; what the system brings is
    part of the compiler. Raises ``ValueError`` as ``check_build`` does.
    """
    check_build(headers, [*include_dirs, *library_dirs], libraries, flags)
    includes = [str(Path(f).resolve()) for f in include_dirs]
    folders = [str(Path(f).resolve()) for f in library_dirs]
    for folder in folders:
        if "," in folder:  # what follows would be another option of the linker
            raise ValueError(f"the folder of libraries {folder!r} has a comma in its path. Linkers refuse that.")
    hasher = hashlib.blake2b(digest_size=16)
    names = [h.strip("<>") for h in headers] + [name for text in texts for name in _INCLUDE.findall(text)]
    for path in _headers(names, includes):
        content = path.read_bytes()
        hasher.update(f"{path.name} {len(content)}\n".encode() + content)
    for path in _libraries(libraries, folders):
        content = path.read_bytes()
        hasher.update(f"{path.name} {len(content)}\n".encode() + hashlib.blake2b(content).digest())
    link = [part for f in folders for part in (f"-L{f}", f"-Wl,-rpath,{f}")] + [f"-l{name}" for name in libraries]
    return Extras((*(f"-I{f}" for f in includes), *flags), tuple(link), hasher.hexdigest())


def _headers(names: Iterable[str], folders: Sequence[str]) -> list[Path]:
    """Return the headers that are reached from ``names``, in the order in which they are met."""
    found: dict[Path, None] = {}
    stack = [(name, "") for name in names]
    while stack:
        name, beside = stack.pop(0)
        for folder in [beside, *folders] if beside else folders:
            path = Path(folder) / name
            if path.is_file():
                if path not in found:
                    found[path] = None
                    text = path.read_text(encoding="utf-8", errors="replace")
                    stack += [(n, str(path.parent)) for n in _INCLUDE.findall(text)]
                break
    return list(found)


def _libraries(names: Sequence[str], folders: Sequence[str]) -> list[Path]:
    """Return the files of the libraries that lie in the user's own folders."""
    files = [f"{lead}{name}{end}" for name in names for lead in ("lib", "") for end in _SUFFIXES]
    return [path for file in files for f in folders if (path := Path(f) / file).is_file()]
