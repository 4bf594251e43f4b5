"""Running programs that may hang, flood or crash: several at once, with a deadline and capped output."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from symcore.record import Record

if TYPE_CHECKING:
    import subprocess

__all__ = ["Finished", "run_all"]

OUTPUT_CAP = 64 * 1024
"""Bytes of output kept per program; the rest is read and dropped, so that the program never blocks."""


class Finished(Record):
    """``returncode`` is None if the program had to be killed at the deadline; ``output`` is stdout and stderr."""

    command: tuple[str, ...]
    returncode: int | None
    output: str


class _Drain(threading.Thread):
    """Reads a pipe to its end, keeping the first OUTPUT_CAP bytes."""

    def __init__(self, pipe: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self.pipe = pipe
        self.kept = bytearray()
        self.dropped = 0

    def run(self) -> None:
        # The loop ends at end-of-file; a pipe that is closed under our feet ends it as well.
        try:
            while block := os.read(self.pipe.fileno(), 1 << 16):
                room = OUTPUT_CAP - len(self.kept)
                self.kept += block[:room]
                self.dropped += max(0, len(block) - max(room, 0))
        except (OSError, ValueError):
            return

    def text(self) -> str:
        tail = f"\n[... {self.dropped} bytes more]" if self.dropped else ""
        return bytes(self.kept).decode("utf-8", "replace") + tail


def run_all(
    commands: Sequence[Sequence[str]], *, timeout: float, cwd: Path | None, env: Mapping[str, str]
) -> list[Finished]:
    """Run the commands at the same time (argument lists, no shell) and wait for all, at most ``timeout`` seconds.

    A program past the deadline is killed with everything it started. Raises OSError if one cannot be started.
    """
    import subprocess  # noqa: PLC0415 - 10 ms that a warm start does not need

    deadline = time.monotonic() + timeout
    running: list[tuple[subprocess.Popen[bytes], _Drain]] = []
    try:
        for command in commands:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=dict(env),
                start_new_session=True,
            )
            assert process.stdout is not None  # asked for above
            drain = _Drain(process.stdout)
            drain.start()
            running.append((process, drain))
        return [_finish(process, drain, deadline) for process, drain in running]
    finally:
        for process, drain in running:
            if process.poll() is None:
                _kill(process)
            # Grandchildren that left the session could hold the pipe open: do not wait for them for ever.
            drain.join(1.0)
            if process.stdout is not None and not drain.is_alive():
                process.stdout.close()


def _finish(process: subprocess.Popen[bytes], drain: _Drain, deadline: float) -> Finished:
    import subprocess  # noqa: PLC0415

    code: int | None
    try:
        code = process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        _kill(process)
        code = None
    drain.join(1.0)
    assert isinstance(process.args, list)
    return Finished(tuple(process.args), code, drain.text())


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the program and, where there are sessions, all it started (gcc runs cc1, as and ld)."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):  # it may have ended by itself in the meantime
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
