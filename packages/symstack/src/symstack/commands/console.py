"""Text on the terminal: headings, tables and a progress bar, by rich where it is installed, plainly where it is not."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence

__all__ = ["Console"]


class Console:
    """Writes to standard output. ``plain=True`` does without rich even where it is installed."""

    def __init__(self, plain: bool = False) -> None:
        self._rich = None
        if not plain:
            with contextlib.suppress(ImportError):
                from rich.console import Console as RichConsole

                self._rich = RichConsole(highlight=False, markup=False)

    def line(self, text: str = "") -> None:
        """Write one line."""
        if self._rich is not None:
            self._rich.print(text, soft_wrap=True)
        else:
            print(text)

    def heading(self, text: str) -> None:
        """Write a line that begins a section."""
        if self._rich is not None:
            self._rich.print(text, style="bold", soft_wrap=True)
        else:
            print(text)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write rows of text under column titles."""
        if self._rich is not None:
            from rich.table import Table
            from rich.text import Text

            table = Table()
            for column in columns:
                table.add_column(column, overflow="fold")
            for row in rows:
                table.add_row(*(Text(cell) for cell in row))
            self._rich.print(table)
            return
        widths = [max(len(row[column]) for row in [columns, *rows]) for column in range(len(columns))]
        for row in [columns, *rows]:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print("  " + "  ".join(cells).rstrip())

    @contextlib.contextmanager
    def progress(self, title: str, total: int) -> Iterator[Callable[[str], None]]:
        """Show a bar; the block calls what it is given, with a few words, after each of ``total`` pieces of work."""
        if self._rich is not None:
            with self._rich_progress(title, total) as advance_bar:
                yield advance_bar
            return
        done = 0

        def advance(text: str) -> None:
            nonlocal done
            done += 1
            if done == total or done * 10 // total > (done - 1) * 10 // total:
                print(f"{title}: {done}/{total}  {text}", flush=True)

        yield advance

    @contextlib.contextmanager
    def _rich_progress(self, title: str, total: int) -> Iterator[Callable[[str], None]]:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
        )  # fmt: skip
        # Where the output is a file the bar is drawn once, at the end.
        with Progress(*columns, console=self._rich, refresh_per_second=8 if sys.stdout.isatty() else 0.1) as bar:
            task = bar.add_task(title, total=total, note="")
            yield lambda text: bar.update(task, advance=1, note=text)
