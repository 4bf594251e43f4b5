"""``symstack doctor``: everything is said, every fault comes with its fix, and the exit status tells."""

import functools
import os

import pytest

import symstack as ss
from symstack import cli
from symstack.commands import doctor


@pytest.fixture(autouse=True)
def own_cache(tmp_path):
    """The user's cache may hold 100,000 kernels, every one of which would be looked at."""
    with ss.config.override(cache_dir=str(tmp_path / "own")):
        yield


def findings(**options):
    with ss.config.override(**options):
        return list(doctor.examine())


def subjects(found, state=None):
    return [finding.subject for finding in found if state in (None, finding.state)]


def test_everything_is_looked_at():
    found = subjects(findings())
    named = ["Python", "configuration", "C compiler", "virtual machine", "BLAS", "cache", "device", "a function"]
    assert {*named, *doctor.PACKAGES, *doctor.NEEDED} <= set(found)


def test_every_note_and_every_fault_has_a_fix_or_names_one():
    for finding in findings():
        if finding.state == "bad":
            assert finding.fix
        assert finding.text and "\n" not in finding.text


@pytest.mark.c
def test_a_machine_in_order_is_well(capsys):
    assert cli.main(["doctor"]) == 0
    assert "Everything that should work does." in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:functions run in Python")
def test_doing_without_a_compiler_on_purpose_is_no_fault():
    found = findings(compiler="none")
    assert "C compiler" in subjects(found, "note")
    assert "C compiler" not in subjects(found, "bad")
    assert "a function" in subjects(found, "ok")


@pytest.mark.filterwarnings("ignore:functions run in Python")
def test_a_compiler_that_is_named_and_missing_is_a_fault_with_its_fix(capsys):
    with ss.config.override(compiler="no-such-compiler"):
        assert cli.main(["doctor"]) == 1
    text = capsys.readouterr().out
    assert "no-such-compiler" in text and "fix: install gcc" in text


@pytest.mark.c
@pytest.mark.skipif(os.name != "posix", reason="the broken compiler is a shell script")
def test_a_broken_compiler_is_not_a_broken_installation(tmp_path):
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    found = findings(compiler=str(broken), cache_dir=str(tmp_path / "cache"))
    faults = [finding for finding in found if finding.state == "bad"]
    assert {finding.subject for finding in faults} == {"C compiler", "kernels", "whole"}
    for finding in faults:
        assert "exit status 3" in finding.text and "symstack doctor" not in finding.text and "\n" not in finding.text
        assert "try another C compiler" in finding.fix and "reinstall" not in finding.fix


def test_a_flag_that_is_refused_is_mended_in_the_configuration():
    faults = [finding for finding in findings(compiler_flags="-ffast-math") if finding.state == "bad"]
    assert faults and all("SYMSTACK_FLAGS" in finding.fix for finding in faults)


def test_a_device_that_is_asked_for_and_missing_is_a_fault():
    symgpu = pytest.importorskip("symgpu")
    if symgpu.available():
        pytest.skip("there is a device")
    assert "device" in subjects(doctor._device(), "note")
    with ss.config.override(device="cuda"):
        [finding] = doctor._device()
    assert finding.state == "bad" and "device=cpu" in finding.fix
    with ss.config.override(device="cuda?"):
        assert "device" in subjects(doctor._device(), "note")


def test_a_cache_that_others_may_write_is_a_fault(tmp_path):
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "planted").write_text("x")
    folder.chmod(0o777)
    with ss.config.override(cache_dir=str(folder)):
        [finding] = doctor._cache()
    assert finding.state == "bad" and "cache_dir" in finding.fix


def test_a_large_cache_is_looked_at_for_a_second(tmp_path, monkeypatch):
    folder = tmp_path / "index"
    (tmp_path / "objects").mkdir(parents=True)
    folder.mkdir()
    for number in range(20):
        (folder / f"{number:040x}").write_text("{}")
    tmp_path.chmod(0o700)
    with ss.config.override(cache_dir=str(tmp_path)):
        _, finding = doctor._cache()
        assert finding.state == "note" and finding.text.startswith("20 damaged files (")
        monkeypatch.setattr("symstack.commands.doctor._sample", functools.partial(doctor._sample, seconds=0))
        _, finding = doctor._cache()
        assert "1 damaged files of 1 looked at, of 20" in finding.text
        for file in folder.iterdir():
            file.unlink()
        for number in range(2):
            (tmp_path / "objects" / f"{number}.txt").write_text("none of ours")
        _, finding = doctor._cache()
        assert finding.state == "ok" and finding.text.startswith("1 of 2 files looked at")


def test_a_check_that_raises_is_a_fault_and_does_not_stop_the_others(monkeypatch):
    def broken():
        raise OSError("the disk is gone")
        yield

    monkeypatch.setattr(doctor, "_blas", broken)
    found = findings()
    [fault] = [finding for finding in found if "the disk is gone" in finding.text]
    assert fault.state == "bad" and fault.fix
    assert "device" in subjects(found)


def test_an_option_that_was_changed_is_shown():
    [finding] = [f for f in findings(floatX="float32") if f.subject == "configuration"]
    assert "floatX=float32" in finding.text
