"""How many threads there may be: what the system grants, by affinity and quota, and what the option asks for."""

import os

import pytest

from symcodegen import threads
from symcore.config import config
from symcore.errors import ConfigError

pytestmark = pytest.mark.c


def place(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


TWO = "0::/user.slice/job\n"
CASES = {
    "no files": ({}, None),
    "no limit": ({"proc/self/cgroup": TWO, "sys/fs/cgroup/user.slice/job/cpu.max": "max 100000\n"}, None),
    "of the group": ({"proc/self/cgroup": TWO, "sys/fs/cgroup/user.slice/job/cpu.max": "350000 100000\n"}, 3),
    "of a parent": (
        {
            "proc/self/cgroup": TWO,
            "sys/fs/cgroup/user.slice/job/cpu.max": "800000 100000\n",
            "sys/fs/cgroup/user.slice/cpu.max": "200000 100000\n",
        },
        2,
    ),
    "half a processor": ({"proc/self/cgroup": TWO, "sys/fs/cgroup/user.slice/job/cpu.max": "50000 100000"}, 1),
    "the path is the host's": ({"proc/self/cgroup": TWO, "sys/fs/cgroup/cpu.max": "400000 100000\n"}, 4),
    "no period": ({"proc/self/cgroup": TWO, "sys/fs/cgroup/cpu.max": "200000\n"}, 2),
    "version 1": (
        {
            "proc/self/cgroup": "5:cpuset:/a\n4:cpu,cpuacct:/docker/1\n",
            "sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_quota_us": "250000\n",
            "sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_period_us": "100000\n",
        },
        2,
    ),
    "version 1, no limit": (
        {
            "proc/self/cgroup": "4:cpu,cpuacct:/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
        None,
    ),
    "nonsense": ({"proc/self/cgroup": "0::/\nx\n::\n", "sys/fs/cgroup/cpu.max": "what\n"}, None),
    "empty": ({"proc/self/cgroup": TWO, "sys/fs/cgroup/cpu.max": ""}, None),
    "the path leads outside": ({"proc/self/cgroup": "0::/../../x\n", "sys/fs/cgroup/x/cpu.max": "100000 100000"}, 1),
}


@pytest.mark.parametrize("name", CASES)
def test_a_quota_bounds_what_is_granted(name, tmp_path, monkeypatch):
    files, wanted = CASES[name]
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    place(tmp_path, files)
    found = threads.granted(tmp_path)
    assert found.threads == (wanted or 16)
    assert ("quota" in found.reason) == (wanted is not None)


def test_affinity_bounds_what_is_granted(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 5}, raising=False)
    place(tmp_path, CASES["of the group"][0])
    assert threads.granted(tmp_path) == threads.Granted(2, "2 processors this process may run on")


def test_counts():
    assert threads.count(3) == 3
    assert threads.count(0) == threads.granted().threads >= 1
    assert threads.count(10**6) == threads.MOST


def test_the_option_takes_a_word_and_no_negative_number():
    with config.override(threads="auto"):
        assert config.threads == 0
    for bad in (-1, "all", 1.5, True):
        with pytest.raises(ConfigError, match="threads"), config.override(threads=bad):
            pass
