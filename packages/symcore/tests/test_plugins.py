"""Entry points of other packages: found once, loaded in order, cached on disk, never at import."""

import json
import os
import subprocess
import sys

import pytest

from symcore import config, plugins


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """A process state in which nothing was scanned yet, with a cache folder and a folder for distributions."""
    monkeypatch.setattr(plugins, "_loaded", {})
    monkeypatch.setattr(plugins, "_names", None)
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    with config.override(cache_dir=str(tmp_path / "cache")):
        yield site


def install(site, name, entries, body):
    """Put a module and the metadata of a distribution with entry points into a folder."""
    (site / f"{name}.py").write_text(body)
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "".join(f"[{group}]\n{entry} = {target}\n" for group, entry, target in entries)
    )


def test_entries_are_loaded_sorted_and_once(fresh):
    install(fresh, "sym_fake_b", [("symstack.rewrites", "b_rules", "sym_fake_b:RULES")], "RULES = ['b']\n")
    install(
        fresh,
        "sym_fake_a",
        [("symstack.rewrites", "a_rules", "sym_fake_a:Holder.RULES")],
        "class Holder:\n    RULES = ['a']\n",
    )
    found = plugins.load("symstack.rewrites")
    ours = {k: v for k, v in found.items() if k in ("a_rules", "b_rules")}
    assert ours == {"a_rules": ["a"], "b_rules": ["b"]} and list(found) == sorted(found)
    assert plugins.load("symstack.rewrites") is found


def test_entries_about_ops_that_nobody_imported_wait(fresh, monkeypatch):
    body = "RULES = __name__\n"
    for name in ("sym_fake_own", "sym_fake_other"):
        install(fresh, name, [("symstack.rewrites", name, f"{name}:RULES")], body)
    monkeypatch.setattr(plugins, "_in_use", {})
    monkeypatch.setattr(plugins, "_OWN_OPS", {"symstack.rewrites": frozenset({"sym_fake_own"})})

    def found():
        return {k: v for k, v in plugins.load_in_use("symstack.rewrites").items() if k.startswith("sym_fake")}

    assert found() == {"sym_fake_other": "sym_fake_other"} and "sym_fake_own" not in sys.modules
    __import__("sym_fake_own")
    assert found() == {"sym_fake_own": "sym_fake_own", "sym_fake_other": "sym_fake_other"}
    assert list(plugins.load_in_use("symstack.rewrites")) == sorted(plugins.load_in_use("symstack.rewrites"))


def test_names_do_not_import(fresh):
    install(fresh, "sym_fake_c", [("symstack.c", "c_entry", "sym_fake_c")], "raise RuntimeError('imported')\n")
    assert "c_entry" in plugins.names("symstack.c")
    assert "sym_fake_c" not in sys.modules
    with pytest.raises(ImportError, match="c_entry.*imported"):
        plugins._resolve("symstack.c", "c_entry", "sym_fake_c")


def test_the_scan_is_cached_until_a_distribution_comes(fresh, tmp_path, monkeypatch):
    plugins.names("symstack.c")
    files = list((tmp_path / "cache").glob("plugins-*.json"))
    assert len(files) == 1
    data = json.loads(files[0].read_text())
    assert set(data) == set(plugins.GROUPS)
    monkeypatch.setattr(plugins, "_names", None)
    monkeypatch.setattr(plugins, "_scan", lambda: pytest.fail("scanned again"))
    plugins.names("symstack.c")
    monkeypatch.undo()
    with config.override(cache_dir=str(tmp_path / "cache")):
        before = plugins._fingerprint()
        sys.path.insert(0, str(fresh))
        try:
            install(fresh, "sym_fake_d", [("symstack.c", "d", "sym_fake_d")], "")
            assert plugins._fingerprint() != before
        finally:
            sys.path.remove(str(fresh))


@pytest.mark.parametrize("damage", ["", "not json", "[]", '{"symstack.c": 1}', '{"symstack.c": [["a", 1]]}'])
def test_a_damaged_cache_is_a_miss(fresh, tmp_path, monkeypatch, damage):
    plugins.names("symstack.c")
    [file] = (tmp_path / "cache").glob("plugins-*.json")
    file.write_text(damage)
    monkeypatch.setattr(plugins, "_names", None)
    assert isinstance(plugins.names("symstack.c"), list)
    assert set(json.loads(file.read_text())) == set(plugins.GROUPS)  # healed


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="owners of files are a matter of POSIX")
def test_somebody_elses_cache_is_not_read(fresh, tmp_path, monkeypatch):
    plugins.names("symstack.c")
    monkeypatch.setattr(os, "getuid", lambda: os.stat(tmp_path).st_uid + 1)
    assert plugins._read_cache() is None


def test_a_cache_that_cannot_be_written_costs_only_time(fresh, tmp_path):
    (tmp_path / "file").write_text("")
    with config.override(cache_dir=str(tmp_path / "file")):
        assert isinstance(plugins.names("symstack.c"), list)


def test_importing_symcore_loads_no_plugin_and_little_else():
    code = (
        "import sys, symcore\n"
        "above = ('scipy', 'symopt', 'symcodegen', 'symnnet', 'symscan')\n"
        "heavy = [m for m in sys.modules if m.split('.')[0] in above]\n"
        "assert not heavy, heavy\n"
        "lazy = [m for m in ('symcore.printing', 'symcore.testing', 'symcore.gradient.verify', 'importlib.metadata')"
        " if m in sys.modules]\n"
        "assert not lazy, lazy\n"
        "missing = [name for name in symcore.__all__ if getattr(symcore, name, None) is None]\n"
        "assert not missing, missing\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_only_what_is_in_use_is_loaded(fresh, monkeypatch):
    monkeypatch.setattr(plugins, "_in_use", {})
    monkeypatch.setattr(plugins, "_OWN_OPS", {"symstack.c": frozenset({"sym_own"})})
    for name in ("sym_own", "sym_foreign"):
        install(fresh, name, [("symstack.c", name, f"{name}_c")], "")
        (fresh / f"{name}_c.py").write_text("")
    (fresh / "sym_own-1.0.dist-info" / "entry_points.txt").write_text("[symstack.c]\nown = sym_own.c\n")
    (fresh / "sym_own.py").unlink()
    (fresh / "sym_own").mkdir()
    (fresh / "sym_own" / "__init__.py").write_text("")
    (fresh / "sym_own" / "c.py").write_text("")
    plugins.load_in_use("symstack.c")
    assert "sym_foreign_c" in sys.modules
    assert "sym_own.c" not in sys.modules
    __import__("sym_own")
    plugins.load_in_use("symstack.c")
    assert "sym_own.c" in sys.modules
