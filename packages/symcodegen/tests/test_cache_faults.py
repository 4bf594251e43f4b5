"""The kernel cache: every fault that it must survive."""

from __future__ import annotations

import errno
import json
import os
import pickle
import re
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from symcodegen import cachestore, turns
from symcodegen.cache import CacheWarning, KernelCache, KernelSource
from symcodegen.cachestore import CacheUnusable, Store
from symcodegen.testing import adder, assert_adds, cached_objects
from symcodegen.toolchain import CompileError, Compiler, CompilerMissing
from symcore.record import replace

pytestmark = [
    pytest.mark.c,
    pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler on PATH"),
]
LONG = pytest.mark.skipif("SYMSTACK_LONG" not in os.environ, reason="minutes of CPU: set SYMSTACK_LONG=1")
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")

# -- damage ------------------------------------------------------------------------------------------------------------


class Planted:
    """Unpickling this leaves a trace."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.mkdir, (os.environ["PLANTED_MARK"],)


def truncate(root: Path) -> None:
    [path] = cached_objects(root)
    path.write_bytes(path.read_bytes()[:-1000])


def empty(root: Path) -> None:
    cached_objects(root)[0].write_bytes(b"")


def zero(root: Path) -> None:
    [path] = cached_objects(root)
    data = path.read_bytes()
    path.write_bytes(data[:4096] + bytes(4096) + data[8192:])


def junk_manifest(root: Path) -> None:
    cached_objects(root, ".json")[0].write_bytes(b"\x00{]junk" * 100)


def deep_manifest(root: Path) -> None:
    cached_objects(root, ".json")[0].write_bytes(b"[" * 100_000)


def wrong_manifest(root: Path) -> None:
    [path] = cached_objects(root, ".json")
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "kernels": "all of them"}))


def missing_manifest(root: Path) -> None:
    cached_objects(root, ".json")[0].unlink()


def missing_object(root: Path) -> None:
    cached_objects(root)[0].unlink()


def junk_index(root: Path) -> None:
    for path in (root / "index").iterdir():
        path.write_bytes(b'{"object": "../../../etc/passwd"}')


def pickles(root: Path) -> None:
    for path in [*cached_objects(root, ".json"), *(root / "index").iterdir()]:
        path.write_bytes(pickle.dumps(Planted()))


def foreign_object(root: Path) -> None:
    """A well-formed object and manifest that claims this kernel without defining it."""
    [path] = cached_objects(root)
    other = KernelCache(root.parent / "other")
    assert_adds(other, 77)
    [foreign] = cached_objects(root.parent / "other")
    record = json.loads(foreign.with_suffix(".json").read_text())
    record["kernels"] = json.loads(path.with_suffix(".json").read_text())["kernels"]
    shutil.copy(foreign, path.with_name(foreign.name))
    path.with_name(foreign.stem + ".json").write_text(json.dumps(record))
    for index in (root / "index").iterdir():
        index.write_text(json.dumps({"format": 1, "object": foreign.stem}))


DAMAGES = [truncate, empty, zero, junk_manifest, deep_manifest, wrong_manifest, missing_manifest, missing_object,
           junk_index, pickles, foreign_object]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damage_is_a_miss_and_heals(
    root: Path, compiler: Compiler, damage: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = root.parent / "planted-code-ran"
    monkeypatch.setenv("PLANTED_MARK", str(mark))
    assert_adds(KernelCache(root, compiler), 1, 2)
    damage(root)
    healing = KernelCache(root, compiler)
    assert_adds(healing, 1, 2)
    assert healing.compilations == 1
    healed = KernelCache(root, compiler)
    assert_adds(healed, 1, 2)
    assert healed.compilations == 0
    assert not mark.exists()


# -- directories that cannot be trusted or used ------------------------------------------------------------------------


def assert_falls_back(root: Path, compiler: Compiler, pattern: str) -> None:
    """One warning, right answers, nothing taken from or left in the directory."""
    with pytest.warns(CacheWarning, match=pattern) as caught:
        cache = KernelCache(root, compiler)
        assert_adds(cache, 1)
        assert_adds(cache, 2)
    assert len(caught) == 1
    assert cache.path() != root.resolve()
    assert cache.path().stat().st_mode & 0o777 == 0o700


@posix
def test_world_writable_directory_is_not_trusted(root: Path, compiler: Compiler) -> None:
    assert_adds(KernelCache(root, compiler), 1)
    root.chmod(0o777)
    assert_falls_back(root, compiler, "written by others")


@posix
def test_new_directories_are_private(root: Path, compiler: Compiler) -> None:
    root.mkdir(mode=0o755)
    root.chmod(0o775)  # nothing in it yet: nobody can have planted anything
    assert_adds(KernelCache(root, compiler), 1)
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in cached_objects(root)} == {0o600}


@posix
def test_a_directory_anybody_may_replace(tmp_path: Path, compiler: Compiler) -> None:
    open_parent = tmp_path / "open"
    open_parent.mkdir()
    open_parent.chmod(0o777)
    assert_falls_back(open_parent / "cache", compiler, "anybody may replace")


@posix
@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_somebody_else(root: Path, compiler: Compiler) -> None:
    root.mkdir(mode=0o700)
    os.chown(root, 12345, 12345)
    assert_falls_back(root, compiler, "belongs to user 12345")


def test_a_file_in_the_way(root: Path, compiler: Compiler) -> None:
    root.write_text("I am a file")
    assert_falls_back(root, compiler, f"cannot be used: {re.escape(str(root))} is no directory")
    assert_falls_back(root / "below", compiler, "cannot be used: .* is no directory")


@posix
def test_links_are_followed(root: Path, compiler: Compiler, tmp_path: Path) -> None:
    root.symlink_to(tmp_path / "elsewhere")  # not there yet
    assert_adds(KernelCache(root, compiler), 1)
    assert cached_objects(tmp_path / "elsewhere")
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    with pytest.warns(CacheWarning, match="cannot be used: Too many levels of symbolic links"):
        assert_adds(KernelCache(circle, compiler), 1)


@posix
def test_a_tilde_is_the_home_directory(compiler: Compiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert_adds(KernelCache("~/kernels", compiler), 1)
    assert cached_objects(tmp_path / "kernels") and not Path("~").exists()


def test_read_only_root(root: Path, compiler: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    root.mkdir(mode=0o700)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != root.resolve())
    assert_falls_back(root, compiler, "may not be written")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO], ids=errno.errorcode.get)
@pytest.mark.parametrize("step", ["create", "write", "sync", "rename"])
def test_every_write_may_fail(root: Path, compiler: Compiler, hook: Callable[..., None], step: str, code: int) -> None:
    def fail(name: str) -> None:
        if name == step:
            raise OSError(code, os.strerror(code))

    cache = KernelCache(root, compiler)
    _ = cache.store
    hook(fail)
    with pytest.warns(CacheWarning, match="cannot be written") as caught:
        assert_adds(cache, 1)
        assert_adds(cache, 2)
    assert len(caught) == 1
    hook(None)
    assert [path for path in (root / "tmp").iterdir() if path.suffix != ".lock"] == []
    after = KernelCache(root, compiler)
    assert_adds(after, 1, 2)
    assert after.verify() == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Mounts tmpfs of a size in KB, where that is allowed."""
    mounted: list[Path] = []

    def make(kilobytes: int) -> Path:
        folder = tmp_path / f"disk{kilobytes}"
        folder.mkdir()
        mount = shutil.which("mount")
        command = [mount or "mount", "-t", "tmpfs", "-o", f"size={kilobytes}k,mode=700", "none", str(folder)]
        if mount is None or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("mounting a small tmpfs is not allowed here")
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("kilobytes", [4, 60, 120, 200])
def test_full_disk(small_disk: Callable[[int], Path], compiler: Compiler, kilobytes: int) -> None:
    disk = small_disk(kilobytes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CacheWarning)
        for number in range(8):
            assert_adds(KernelCache(disk / "cache", compiler), number, number + 100)
    shutil.rmtree(disk / "cache", ignore_errors=True)


def test_full_temporary_directory_uses_the_cache_disk(
    small_disk: Callable[[int], Path], root: Path, compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = small_disk(16)
    monkeypatch.setattr("tempfile.tempdir", str(disk))
    cache = KernelCache(root, compiler)
    assert_adds(cache, 1)
    assert cache.compilations == 1
    assert list(disk.iterdir()) == []
    assert list((root / "tmp").iterdir()) == []


def test_no_room_anywhere_is_one_clear_line(root: Path, compiler: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    cache = KernelCache(root, compiler)
    _ = cache.store
    monkeypatch.setattr("tempfile.mkdtemp", full)
    with pytest.raises(CompileError, match="TMPDIR"):
        assert_adds(cache, 1)
    (root.parent / "file").write_text("")
    with pytest.raises(CacheUnusable, match="TMPDIR"):
        _ = KernelCache(root.parent / "file", compiler).store


# -- compilers that misbehave ------------------------------------------------------------------------------------------


def test_compiler_missing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CompilerMissing, match="not there"):
        KernelCache(root, "/nowhere/cc").load([adder(1)])
    with pytest.raises(CompilerMissing, match="none"):
        KernelCache(root, "none").load([adder(1)])


@posix
def test_kernels_are_found_after_the_compiler_is_gone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    assert_adds(KernelCache(root), 1, 2)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setitem(sys.modules, "ziglang", None)
    later = KernelCache(root)
    assert_adds(later, 1, 2)
    assert later.compilations == 0
    with pytest.raises(CompilerMissing, match="on PATH"):
        later.load([adder(3)])
    assert_adds(later, 2)
    for named in ("none", "/nowhere/cc"):  # what was asked for is never replaced
        with pytest.raises(CompilerMissing):
            KernelCache(root, named).load([adder(1)])
    with pytest.raises(CompilerMissing):
        KernelCache(root.parent / "another").load([adder(1)])


@posix
@pytest.mark.parametrize(
    "text",
    [
        "exit 1",
        "kill -SEGV $$",
        "exit 0",
        'for last; do :; done; head -c 20000 /dev/urandom > "$last"',
        '@REAL@ "$@" && for last; do :; done && truncate -s 9000 "$last"',
        "head -c 100000000 /dev/zero; exit 1",
        "sleep 30",
    ],
    ids=["exits 1", "crashes", "writes nothing", "writes garbage", "truncates", "prints 100 MB", "hangs"],
)
def test_compiler_misbehaves(root: Path, tmp_path: Path, compiler: Compiler, text: str) -> None:
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\n" + text.replace("@REAL@", compiler.path) + "\n")
    broken.chmod(0o755)
    cache = KernelCache(root, replace(compiler, argv=(str(broken),)), timeout=1.0)
    with pytest.raises(CompileError) as caught:
        cache.load([adder(1)])
    assert len(str(caught.value).splitlines()) <= 3
    assert cached_objects(root) == []
    broken.write_text(f'#!/bin/sh\nexec {compiler.path} "$@"\n')
    assert_adds(cache, 1)  # heals at the next call


# -- processes that die ------------------------------------------------------------------------------------------------


def in_child(work: Callable[[], None]) -> int:
    """Run in a forked child; its exit status, negative for a signal."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@posix
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_kill_at_every_file_operation(tmp_path: Path, compiler: Compiler) -> None:
    reads = {"read record", "read object"}

    def load_and_die(root: Path, moment: int) -> None:
        count = 0

        def kill(name: str) -> None:
            nonlocal count
            count += name not in reads
            if count == moment:
                os.kill(os.getpid(), signal.SIGKILL)

        cachestore.fault_hook = kill
        assert_adds(KernelCache(root, compiler), 1, 2)

    for moment in range(1, 100):
        root = tmp_path / f"cache{moment}"
        status = in_child(lambda root=root, moment=moment: load_and_die(root, moment))  # type: ignore[misc]
        assert_adds(KernelCache(root, compiler), 1, 2)
        again = KernelCache(root, compiler)
        assert_adds(again, 1, 2)
        assert again.compilations == 0
        if status == 0:
            break
        assert status == -signal.SIGKILL
    assert moment > 12  # create, write, sync, rename for object and manifest; index entries; the directory


@posix
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_shares_what_is_loaded(root: Path, compiler: Compiler) -> None:
    cache = KernelCache(root, compiler)
    assert_adds(cache, 1)
    cache._mutex.acquire()  # as if another thread held it at the fork
    cache._setup.acquire()
    try:
        assert in_child(lambda: assert_adds(cache, 1, 5)) == 0
    finally:
        cache._setup.release()
        cache._mutex.release()


CHILD = """
import sys, time
sys.path[:0] = {path!r}
from pathlib import Path
from symcodegen.cache import KernelCache, KernelSource
import ctypes
root, out = sys.argv[1:3]
kernels = [KernelSource(f"add{{n}}", "int SYM_KERNEL(int x) {{ return x + %d; }}" % n, n % 2 == 0) for n in range(6)]
cache = KernelCache(root)
loaded = cache.load(kernels)
call = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
assert [call(loaded[k.name])(100) for k in kernels] == [100 + n for n in range(6)]
print(cache.compilations)
"""


@posix
@pytest.mark.parametrize("count", [16, pytest.param(200, marks=LONG)])
def test_cold_processes_at_once(root: Path, count: int) -> None:
    import symcodegen

    path = [str(Path(list(symcodegen.__path__)[0]).parent)]
    command = [sys.executable, "-c", CHILD.format(path=path), str(root), ""]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = [subprocess.Popen(command, **pipes) for _ in range(count)]  # type: ignore[call-overload]
    results = [process.communicate(timeout=60 + 3 * count) for process in running]
    assert [process.returncode for process in running] == [0] * count, results
    assert 1 <= sum(int(out) for out, _ in results) <= 2
    assert KernelCache(root).verify() == []


@posix
def test_a_stopped_holder_delays_nobody_for_long(
    root: Path, compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 0.2)
    store = Store.open(root)
    held = []
    real = turns._try_lock

    def steal(path: Path) -> Callable[[], None] | None:
        """Before the first attempt, another process takes the lock and never lets go."""
        if path.name.endswith(".0.lock") and not held:
            held.append(real(path))
        return real(path)

    monkeypatch.setattr(turns, "_try_lock", steal)
    started = time.monotonic()
    assert_adds(KernelCache(root, compiler), 1)
    assert 0.2 <= time.monotonic() - started < 5
    assert store.verify() == []
    held[0]()


@posix
def test_without_locks_it_still_works(root: Path, compiler: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert_adds(KernelCache(root, compiler), 1)


def test_filelock_serves_where_flock_is_absent(root: Path, tmp_path: Path, compiler: Compiler) -> None:
    lock = tmp_path / "x.lock"
    release = turns._try_filelock(lock)
    assert release is not None
    release()
    again = turns._try_filelock(lock)
    assert again is not None
    again()


# -- threads -----------------------------------------------------------------------------------------------------------


def test_thirty_two_threads_compile_once_per_key(root: Path, compiler: Compiler) -> None:
    cache = KernelCache(root, compiler)
    wrong: list[BaseException] = []
    start = threading.Barrier(32)

    def work(thread: int) -> None:
        try:
            start.wait()
            numbers = [thread % 4, (thread + 1) % 4, 10]
            assert_adds(cache, *numbers)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert cache.compilations <= 5
    kernels = [key for entry in cache.entries() for key in entry.kernels]
    assert len(kernels) == len(set(kernels)) == 5  # none was compiled twice


def test_a_failure_in_one_thread_is_not_anothers(root: Path, compiler: Compiler) -> None:
    cache = KernelCache(root, compiler)
    bad = KernelSource("bad", "int SYM_KERNEL(int x) { return nonsense; }")
    start = threading.Barrier(2)
    outcome: dict[str, object] = {}

    def work(name: str, kernels: list[KernelSource]) -> None:
        start.wait()
        try:
            outcome[name] = cache.load(kernels)
        except CompileError as error:
            outcome[name] = error

    threads = [
        threading.Thread(target=work, args=("mixed", [adder(1), bad])),
        threading.Thread(target=work, args=("good", [adder(1), adder(2)])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert isinstance(outcome["mixed"], CompileError)
    assert isinstance(outcome["good"], dict)
