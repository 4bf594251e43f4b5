"""symmath: no compiler has anything to say about its text."""

import shutil
import subprocess

import pytest

from symcodegen.symmath import available, snippets

pytestmark = [pytest.mark.c]


@pytest.mark.parametrize("options", [[], ["-march=native"], ["-funsigned-char"]], ids=["plain", "native", "unsigned"])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_no_warning(compiler, options, tmp_path):
    """Of all functions at once, for a machine with and without a fused multiply-add."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not on PATH")
    source = tmp_path / "all.c"
    source.write_text(snippets(sorted(available())))
    command = [compiler, "-std=gnu11", "-fsyntax-only", "-Wall", "-Wextra", "-Wno-psabi", *options, str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
