"""The search for a device, against stand-ins for the driver: every way it can fail gives one line, and none raises."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

import symgpu
from symgpu import probe


class FakeDriver:
    """Answers like libcuda: statuses of ``cuInit`` and ``cuDeviceGetCount``, and a number of devices."""

    def __init__(self, init=0, count_status=0, devices=1):
        self._init, self._count_status, self._devices = init, count_status, devices

    def cuInit(self, flags):
        return self._init

    def cuDeviceGetCount(self, pointer):
        pointer._obj.value = self._devices
        return self._count_status


@pytest.fixture
def with_pycuda(monkeypatch):
    monkeypatch.setattr(probe, "_missing_pycuda", lambda: "")


def check_one_line(reason):
    assert reason and "\n" not in reason and len(reason) < 160
    return reason


def test_why_not_and_available_agree_on_this_machine():
    reason = symgpu.why_not()
    assert symgpu.available() == (reason == "")
    if reason:
        check_one_line(reason)


def test_a_missing_pycuda_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "pip install 'symgpu[pycuda]'" in check_one_line(symgpu.why_not())


def test_a_pycuda_without_a_spec_counts_as_present(monkeypatch):
    monkeypatch.setitem(sys.modules, "pycuda", SimpleNamespace(__spec__=None))
    assert probe._missing_pycuda() == ""


def test_a_missing_driver_library(monkeypatch, with_pycuda):
    def refuse(name):
        raise OSError(name)

    monkeypatch.setattr("ctypes.CDLL", refuse)
    assert "libcuda" in check_one_line(symgpu.why_not())


@pytest.mark.parametrize(
    ("driver", "words"),
    [
        (FakeDriver(init=100), "returned 100"),
        (FakeDriver(init=34), "stub"),
        (FakeDriver(init=999), "nvidia-smi"),
        (FakeDriver(count_status=3), "cuDeviceGetCount returned 3"),
        (FakeDriver(devices=0), "sees no CUDA device"),
    ],
)
def test_a_driver_that_cannot_serve(monkeypatch, with_pycuda, driver, words):
    monkeypatch.setattr(probe, "_load_driver", lambda: driver)
    assert words in check_one_line(symgpu.why_not())
    assert not symgpu.available()


def test_with_a_device_the_missing_linker_is_admitted(monkeypatch, with_pycuda):
    monkeypatch.setattr(probe, "_load_driver", lambda: FakeDriver(devices=2))
    assert "cannot compile for it yet" in check_one_line(symgpu.why_not())


def test_require_raises_the_one_line(monkeypatch):
    monkeypatch.setattr(probe, "why_not", lambda: "there is no such thing")
    with pytest.raises(symgpu.GpuUnavailable, match="there is no such thing"):
        symgpu.require()


def test_require_is_silent_when_nothing_is_missing(monkeypatch):
    monkeypatch.setattr(probe, "why_not", lambda: "")
    assert symgpu.require() is None


def test_import_looks_for_nothing():
    code = "import symgpu, sys; sys.exit(', '.join({'ctypes', 'pycuda', 'numpy'} & set(sys.modules)) or 0)"
    result = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, env=_bare_environment())
    assert result.returncode == 0, result.stderr


def _bare_environment():
    """``-S`` keeps site-packages (and what their .pth files import) out: only symgpu's own folder is on the path."""
    import os
    from pathlib import Path

    return {**os.environ, "PYTHONPATH": str(Path(symgpu.__file__).parents[1])}
