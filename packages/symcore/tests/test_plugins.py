"""Entry points of other packages: found once, loaded in order, cached on disk, never at import."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import entry_points

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
    assert set(data["found"]) == set(plugins.GROUPS)
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


def test_what_is_seen_during_an_installation_is_not_kept(fresh, tmp_path, monkeypatch):
    """The scan misses a distribution that is there when it ends: the next process must find it."""
    look = plugins._texts

    def installing(entry):
        found = list(look(entry))
        if entry == str(fresh):
            install(fresh, "sym_fake_late", [("symstack.c", "late", "sym_fake_late")], "")
        return iter(found)

    monkeypatch.setattr(plugins, "_texts", installing)
    assert "late" not in plugins.names("symstack.c")
    assert not list((tmp_path / "cache").glob("plugins-*.json"))
    monkeypatch.setattr(plugins, "_texts", look)
    monkeypatch.setattr(plugins, "_names", None)
    assert "late" in plugins.names("symstack.c")
    assert len(list((tmp_path / "cache").glob("plugins-*.json"))) == 1


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "not json",
        "[]",
        "{}",
        *(
            json.dumps({"stamp": "", "found": found})
            for found in (
                1,
                {"symstack.c": [["a", "b"]]},
                *(dict.fromkeys(plugins.GROUPS, wrong) for wrong in (1, [1], [["a", 1]], [["a"]])),
            )
        ),
    ],
)
def test_a_damaged_cache_is_a_miss(fresh, tmp_path, monkeypatch, damage):
    plugins.names("symstack.c")
    [file] = (tmp_path / "cache").glob("plugins-*.json")
    file.write_text(damage)
    monkeypatch.setattr(plugins, "_names", None)
    assert isinstance(plugins.names("symstack.c"), list)
    assert set(json.loads(file.read_text())["found"]) == set(plugins.GROUPS)  # healed


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="owners of files are a matter of POSIX")
def test_somebody_elses_cache_is_not_read(fresh, tmp_path, monkeypatch):
    plugins.names("symstack.c")
    monkeypatch.setattr(os, "getuid", lambda: os.stat(tmp_path).st_uid + 1)
    assert plugins._recalled() is None


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


def test_the_scan_finds_what_importlib_finds(fresh):
    texts = {
        "Plain.Name": "[symstack.c]\nplain = sym_plain.c\n\n[console_scripts]\nrun = sym_plain:main\n",
        "odd_text": "# a comment\n[symstack.rewrites]\n  a=odd : R [extra, more]\n[other]\nb = c\n",
        "no_groups_of_ours": "[console_scripts]\nrun = other:main\n",
        "no_entries": None,
        "no_sense": "[symstack.c]\nno sense\n",
        "not_text": b"\xff\xfe[symstack.c]",
    }
    for name, text in texts.items():
        info = fresh / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        if text is not None:
            (info / "entry_points.txt").write_bytes(text.encode() if isinstance(text, str) else text)
    old = fresh / "old.egg-info"
    old.mkdir()
    (old / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: old\nVersion: 1.0\n")
    (old / "entry_points.txt").write_text("[symstack.c]\nold = old.c:REGISTER\n")
    with zipfile.ZipFile(fresh / "packed.egg", "w") as file:
        file.writestr("EGG-INFO/PKG-INFO", "Metadata-Version: 1.0\nName: packed\nVersion: 1.0\n")
        file.writestr("EGG-INFO/entry_points.txt", "[symstack.gpu]\npacked = packed.gpu\n")
    found = {}
    for entry in (fresh, fresh / "packed.egg"):
        for name, text in plugins._texts(str(entry)):
            found[name] = list(plugins._parsed(text))
    assert found["plain_name"] == [("symstack.c", "plain", "sym_plain.c")]
    assert [(group, name) for group, name, _ in found["odd_text"]] == [("symstack.rewrites", "a")]
    assert found["old"] == [("symstack.c", "old", "old.c:REGISTER")]
    assert found["packed"] == [("symstack.gpu", "packed", "packed.gpu")]
    assert found["no_groups_of_ours"] == found["no_entries"] == found["not_text"] == found["no_sense"] == []
    for name in ("not_text", "no_sense"):  # importlib.metadata raises
        shutil.rmtree(fresh / f"{name}-1.0.dist-info")
    ours = {group: {tuple(row) for row in rows} for group, rows in plugins._scan().items()}
    for group in plugins.GROUPS:
        theirs = {(e.name, e.value.replace(" ", "").partition("[")[0]) for e in entry_points(group=group)}
        assert {(name, target.replace(" ", "")) for name, target in ours[group]} == theirs


def test_the_first_distribution_of_a_name_counts(fresh, tmp_path, monkeypatch):
    install(fresh, "sym_fake_e", [("symstack.c", "later", "sym_fake_e")], "")
    nearer = tmp_path / "nearer"
    nearer.mkdir()
    monkeypatch.syspath_prepend(str(nearer))
    install(nearer, "sym_fake_e", [("symstack.c", "nearer", "sym_fake_e")], "")
    assert {"nearer", "later"} & set(plugins.names("symstack.c")) == {"nearer"}
