"""What processes keep for one another."""

import json
import os

import pytest

from symcore import config, notes


@pytest.fixture
def folder(tmp_path):
    with config.override(cache_dir=str(tmp_path / "cache")):
        yield tmp_path / "cache"


def test_a_note_is_found_again_under_its_stamp_alone(folder):
    assert notes.recall("thing", "/here", "1") is None
    notes.keep("thing", "/here", "1", {"a": [1, "b"]})
    assert notes.recall("thing", "/here", "1") == {"a": [1, "b"]}
    assert notes.recall("thing", "/here", "2") is None
    assert notes.recall("thing", "/there", "1") is None
    assert notes.recall("other", "/here", "1") is None


def test_a_later_note_takes_the_place_of_an_earlier_one(folder):
    notes.keep("thing", "/here", "1", "old")
    notes.keep("thing", "/here", "2", "new")
    assert notes.recall("thing", "/here", "1") is None and notes.recall("thing", "/here", "2") == "new"
    assert len(list(folder.iterdir())) == 1  # and no temporary file


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"stamp": "2"}', b'{"found": 1}'])
def test_a_damaged_note_is_none_and_heals(folder, damage):
    notes.keep("thing", "/here", "1", "found")
    [file] = folder.iterdir()
    file.write_bytes(damage)
    assert notes.recall("thing", "/here", "1") is None
    notes.keep("thing", "/here", "1", "found")
    assert json.loads(file.read_text())["found"] == "found"


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="owners of files are a matter of POSIX")
def test_a_note_of_somebody_else_is_none(folder, monkeypatch):
    notes.keep("thing", "/here", "1", "found")
    monkeypatch.setattr(os, "getuid", lambda: os.stat(folder).st_uid + 1)
    assert notes.recall("thing", "/here", "1") is None


def test_a_folder_that_cannot_be_written_keeps_none(tmp_path):
    (tmp_path / "file").write_text("")
    with config.override(cache_dir=str(tmp_path / "file")):
        notes.keep("thing", "/here", "1", "found")
        assert notes.recall("thing", "/here", "1") is None
