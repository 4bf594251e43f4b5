"""The program ``symstack``: its options, ``cache``, and how text reaches the terminal."""

import subprocess
import sys

import pytest

import symstack as ss
from symstack import cli
from symstack.commands.cache import in_words, kernel_cache
from symstack.commands.console import Console


@pytest.fixture
def cache_dir(tmp_path):
    """A cache folder of this test's own."""
    with ss.config.override(cache_dir=str(tmp_path / "cache")):
        yield tmp_path / "cache"


def said(capsys):
    return capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--help"], ["demo", "--help"], ["cache", "--help"], ["--version"]])
def test_help_and_version(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 0
    assert "symstack" in said(capsys)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["demo", "--epochs", "0"],
        ["demo", "--epochs", "x"],
        ["demo", "--model", "vgg"],
        ["cache", "burn"],
    ],
)
def test_wrong_arguments_are_refused(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert "symstack" in capsys.readouterr().err


def test_the_module_is_the_program():
    command = [sys.executable, "-m", "symstack", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == f"symstack {ss.__version__}"


def test_lenet_says_in_one_line_what_is_missing(capsys):
    assert cli.main(["demo", "--model", "lenet"]) == 2
    [line] = said(capsys).strip().splitlines()
    assert "symnnet" in line and "conv2d" in line


def test_an_interrupt_ends_quietly(monkeypatch, capsys):
    from symstack.commands import cache

    def interrupted(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(cache, "run", interrupted)
    assert cli.main(["cache"]) == 130
    assert capsys.readouterr().err == ""


# --- cache ------------------------------------------------------------------------------------------------------------


def one_object():
    """Put one object with one kernel into the cache; returns its path."""
    from symcodegen.cachestore import SUFFIX

    store = kernel_cache().store
    object_id = store.publish(b"\x7fELF, and what else a shared object holds", ["ab" * 20], {})
    [path] = store.root.rglob(f"{object_id}{SUFFIX}")
    return path


def test_cache_path_lies_in_the_configured_folder(cache_dir, capsys):
    assert cli.main(["cache", "path"]) == 0
    assert said(capsys).strip().startswith(str(cache_dir))


@pytest.mark.parametrize("action", ["list", "verify", "clear", "purge", "path", "size"])
def test_a_folder_that_cannot_be_a_cache_is_one_line(action, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with ss.config.override(cache_dir=str(tmp_path / "file")):
        assert cli.main(["cache", action]) == 1
    shown = capsys.readouterr()
    assert shown.out == "" and len(shown.err.splitlines()) == 1 and "is no directory" in shown.err


def test_an_empty_cache(cache_dir, capsys):
    assert cli.main(["cache"]) == 0
    assert "no compiled code" in said(capsys)
    assert cli.main(["cache", "size"]) == 0
    assert said(capsys).startswith("0 bytes")


def test_list_size_and_clear(cache_dir, capsys):
    path = one_object()
    assert cli.main(["cache", "list"]) == 0
    listed = said(capsys)
    assert path.stem[:12] in listed and "1 objects" in listed
    assert cli.main(["cache", "size"]) == 0
    assert not said(capsys).startswith("0 bytes")
    assert cli.main(["cache", "clear"]) == 0
    assert "Removed" in said(capsys) and not path.exists()


def test_verify_finds_damage_and_purge_removes_it(cache_dir, capsys):
    path = one_object()
    assert cli.main(["cache", "verify"]) == 0
    path.write_bytes(b"something else")
    capsys.readouterr()
    assert cli.main(["cache", "verify"]) == 1
    assert "damaged" in said(capsys)
    assert cli.main(["cache", "purge"]) == 0
    assert not path.exists()
    assert cli.main(["cache", "verify"]) == 0


@pytest.mark.default_mode
@pytest.mark.c
def test_the_cache_of_the_command_is_that_of_functions(cache_dir, capsys):
    from symstack import tensor as T

    x = T.dvector("x")
    ss.function([x], T.exp(x) * 3.25 + 1)([1.0])
    assert cli.main(["cache", "list"]) == 0
    assert "1 objects" in said(capsys)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KB"), (5 << 20, "5.0 MB"), (3 << 40, "3072.0 GB")]
)
def test_sizes_in_words(size, text):
    assert in_words(size) == text


# --- text -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plain", [True, False])
def test_tables_and_lines(plain, capsys):
    console = Console(plain)
    console.heading("Title")
    console.line("a line [with brackets]")
    console.table(("one", "two"), [("a", "[b]"), ("longer", "c")])
    text = said(capsys)
    for word in ("Title", "a line [with brackets]", "one", "two", "longer", "[b]"):
        assert word in text


def test_a_plain_table_is_aligned(capsys):
    Console(plain=True).table(("op", "n"), [("dot", "1"), ("sigmoid", "22")])
    assert said(capsys).splitlines() == ["  op       n", "  dot      1", "  sigmoid  22"]


@pytest.mark.parametrize("plain", [True, False])
def test_progress_ends_at_its_total(plain, capsys):
    with Console(plain).progress("work", 30) as advance:
        for k in range(30):
            advance(f"step {k}")
    text = said(capsys)
    assert "30/30" in text and "step 29" in text


def test_plain_progress_says_something_ten_times(capsys):
    with Console(plain=True).progress("work", 1000) as advance:
        for _ in range(1000):
            advance("")
    assert len(said(capsys).splitlines()) == 10
