"""Pages of the documentation that are tables of what the code declares. Written by conf.py before every build."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


def write_all(folder: Path) -> None:
    """Write every generated page into ``folder``; one that has not changed keeps its time, so that Sphinx skips it."""
    folder.mkdir(exist_ok=True)
    for name, text in {"config.md": config_page()}.items():
        page = folder / name
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")


def config_page() -> str:
    """The options of all packages, from the one table in ``symcore.config``."""
    from symcore.config import OPTIONS

    rows = [(code(option.name), code(repr(option.default)), one_of(option.choices), option.doc) for option in OPTIONS]
    return f"""# Configuration

An option is set in the environment, `SYMSTACK_FLAGS=name=value,name=value`, in the file `.symstackrc` in the home
directory, or in Python: `ss.config.floatX = "float32"` for the process, `with ss.config.override(floatX="float32"):`
for a block of one thread. The environment wins over the file. A function keeps the configuration that it was compiled
under.

{table(("option", "default", "values", "what it is for"), rows)}
"""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table. A ``|`` in a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def code(text: str) -> str:
    return f"`{text}`"


def one_of(choices: Sequence[Any]) -> str:
    return ", ".join(code(repr(choice)) for choice in choices)
