"""No option is declared and forgotten: each is read by some package. And where an option comes from: what wins."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from symcore.config import OPTIONS

PACKAGES = Path(__file__).resolve().parents[1] / "packages"
#: What holds a configuration where it is read: ``config.floatX``, ``self.config.threads``, ``snapshot.mode`` ...
HOLDERS = {"config", "present_config", "present", "snapshot", "options", "quick"}


def holder(node):
    """The last word of what an attribute is taken from: ``self._config.x`` -> ``config``."""
    if isinstance(node, ast.Call):
        node = node.func
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name.strip("_")


def options_read(text):
    """Names of attributes that some code reads of a configuration."""
    return {
        node.attr
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and holder(node.value) in HOLDERS
    }


def everywhere():
    read = {}
    for path in sorted(PACKAGES.glob("*/src/**/*.py")):
        if path.parts[-2:] != ("symcore", "config.py"):  # where they are declared
            for name in options_read(path.read_text(encoding="utf-8")):
                read.setdefault(name, path)
    return read


def test_every_option_is_read_by_some_package():
    read = everywhere()
    forgotten = [option.name for option in OPTIONS if option.name not in read]
    assert not forgotten, f"declared in symcore.config and read nowhere: {', '.join(forgotten)}"


def test_an_option_that_nothing_reads_is_found():
    assert options_read("config.floatX = 1") == set()  # setting is not reading
    assert options_read("other.threads") == set()
    assert options_read("f(self._config.threads, snapshot().mode, present_config.device)") == {
        "threads",
        "mode",
        "device",
    }
    assert "no_such_option" not in everywhere()


def present(tmp_path, flags, file):
    rc = tmp_path / "rc"
    rc.write_text(file)
    code = "import symstack as ss; print(ss.config.threads, ss.config.traceback_limit, ss.config.exception_verbosity)"
    env = {"SYMSTACKRC": str(rc), "SYMSTACK_FLAGS": flags, "PATH": "", "HOME": str(tmp_path)}
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, cwd=tmp_path)


def test_flags_win_over_the_file_and_the_file_over_defaults(tmp_path):
    done = present(tmp_path, "threads=3", "[symstack]\nthreads = 5\ntraceback_limit = 4\n")
    assert done.stdout.split() == ["3", "4", "low"], done.stderr


@pytest.mark.parametrize(
    ("flags", "file"), [("exception_verbosty=high", ""), ("", "[symstack]\nexception_verbosty = high\n")]
)
def test_a_slip_of_the_pen_is_answered_with_the_name_that_was_meant(tmp_path, flags, file):
    done = present(tmp_path, flags, file)
    assert done.returncode != 0 and "Did you mean 'exception_verbosity'?" in done.stderr
