"""The kernel cache: what it is for, and how it is kept."""

from __future__ import annotations

import os
import pickle
import shutil
import time
from pathlib import Path

import pytest

from symcodegen import cachestore
from symcodegen.cache import ABI_VERSION, KernelCache, KernelSource
from symcodegen.cachestore import Store
from symcodegen.testing import adder, assert_adds, cached_objects, call
from symcodegen.toolchain import CompileError, Compiler
from symcodegen.units import guarded, translation_units
from symcore.record import replace

pytestmark = [
    pytest.mark.c,
    pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler on PATH"),
]

# -- what it is for ----------------------------------------------------------------------------------------------------


def test_one_batch_two_units_then_memory_then_disk(root: Path, compiler: Compiler) -> None:
    cache = KernelCache(root, compiler)
    first = cache.load([adder(1), adder(2), adder(3, heavy=True)])
    assert [call(first[f"add{n}"], 10) for n in (1, 2, 3)] == [11, 12, 13]
    assert cache.compilations == 1
    assert len(cached_objects(root)) == 1
    assert cache.load([adder(2), adder(1)]) == {"add2": first["add2"], "add1": first["add1"]}
    again = KernelCache(root, compiler)
    assert_adds(again, 1, 2)
    assert again.compilations == 0


def test_an_overlapping_set_compiles_only_what_is_missing(root: Path, compiler: Compiler) -> None:
    assert_adds(KernelCache(root, compiler), 1, 2, 3)
    later = KernelCache(root, compiler)
    assert_adds(later, 2, 3, 4)
    assert later.compilations == 1
    last = KernelCache(root, compiler)
    assert_adds(last, 1, 2, 3, 4)
    assert last.compilations == 0
    assert sorted(len(entry.kernels) for entry in last.entries()) == [1, 3]


def test_the_key_covers_text_flags_abi_compiler_and_processor(root: Path, compiler: Compiler) -> None:
    base = KernelCache(root, compiler).key(adder(1))
    others = [
        KernelCache(root, compiler).key(adder(2)),
        KernelCache(root, compiler).key(adder(1, heavy=True)),
        KernelCache(root, replace(compiler, extra=("-g",))).key(adder(1)),
        KernelCache(root, compiler, abi=99).key(adder(1)),
        KernelCache(root, replace(compiler, version="0.1")).key(adder(1)),
        KernelCache(root, replace(compiler, digest="0" * 32)).key(adder(1)),
        KernelCache(root, replace(compiler, cpu_features=("__AVX__",))).key(adder(1)),
    ]
    assert len({base, *others}) == len(others) + 1
    same = replace(adder(1), body=adder(1).body.replace("\n", " \r\n"), name="other name")
    assert KernelCache(root, compiler).key(same) == base


def test_kernels_of_an_older_abi_are_compiled_anew(root: Path, compiler: Compiler) -> None:
    assert_adds(KernelCache(root, compiler, abi=ABI_VERSION - 1), 1, 2)
    newer = KernelCache(root, compiler)
    assert_adds(newer, 1, 2)
    assert newer.compilations == 1
    older = KernelCache(root, compiler, abi=ABI_VERSION - 1)  # a process that has not been upgraded finds its own
    assert_adds(older, 1, 2)
    assert older.compilations == 0


def test_names_never_reach_the_program(root: Path, compiler: Compiler) -> None:
    evil = replace(adder(1), name='*/ int x = ; #error "\\\n/* ??/')
    loaded = KernelCache(root, compiler).load([evil])
    assert call(loaded[evil.name], 1) == 2


def test_misuse_is_explained(root: Path, compiler: Compiler) -> None:
    cache = KernelCache(root, compiler)
    with pytest.raises(ValueError, match="SYM_KERNEL"):
        cache.load([KernelSource("f", "int f(void) { return 0; }")])
    with pytest.raises(ValueError, match="two different kernels"):
        cache.load([adder(1), replace(adder(2), name="add1")])
    with pytest.raises(CompileError, match="refused a kernel") as caught:
        cache.load([KernelSource("f", "int SYM_KERNEL(int x) {\n return y;\n}")])
    assert "return y;" in caught.value.line
    with pytest.raises(CompileError, match="lacks the kernels 'f'"):
        cache.load([KernelSource("f", "static int SYM_KERNEL_only(void) { return 0; }")])
    with pytest.raises(ValueError, match="refused"):
        KernelCache(root, flags=["-fplugin=x.so"])
    assert_adds(cache, 1)  # and none of it did harm


def test_the_probe_is_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = KernelCache(root).compiler
    monkeypatch.setattr("symcodegen.cache.find_compiler", lambda *_: pytest.fail("probed again"))
    assert KernelCache(root).compiler == found
    for path in (root / "toolchain").iterdir():
        path.write_bytes(pickle.dumps("junk"))
    monkeypatch.undo()
    assert KernelCache(root).compiler == found


def test_a_warm_start_writes_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_adds(KernelCache(root), 1)
    steps: list[str] = []
    monkeypatch.setattr(cachestore, "fault_hook", steps.append)
    assert_adds(KernelCache(root), 1)
    assert "read object" in steps and not {"create", "write", "rename", "touch", "unlink"}.intersection(steps)


def test_many_light_kernels_are_dealt_out_to_two_units():
    def batch(lengths, heavy=()):
        return {str(k): KernelSource(str(k), "SYM_KERNEL" + "x" * n, k in heavy) for k, n in enumerate(lengths)}

    few = translation_units(batch([10] * 8))
    assert list(few) == ["light"]
    mixed = translation_units(batch([10] * 8, heavy=(2,)))
    assert {name: len(kernels) for name, kernels in mixed.items()} == {"light": 7, "heavy": 1}
    many = translation_units(batch([100, 90, 60, 30, 20, 10, 10, 5, 5]))
    if (os.cpu_count() or 1) >= 2:
        assert set(many) == {"light", "second"}
        assert set(many["light"]) | set(many["second"]) == set(batch([0] * 9))
        assert [sum(len(k.body) for k in unit.values()) for unit in many.values()] == [215, 205]


def test_kernels_that_share_text_are_compiled_together():
    def piece(name: str, length: int) -> str:
        return f"#ifndef {name}\n#define {name}\n#ifdef __clang__\n{'y' * length}\n#endif\n#endif\n"

    assert guarded("#if 1\n#ifndef INNER\n#endif\n#endif\nint x;\n") == {}
    both = guarded(f"int a;\n{piece('ONE', 50)}int b;\n{piece('TWO', 10)}{piece('ONE', 50)}")
    assert both == {name: len(piece(name, n)) - 1 for name, n in (("ONE", 50), ("TWO", 10))}
    texts = [piece("P", 900) + "p"] * 3 + [piece("Q", 800) + "q"] * 3 + ["r" * 70] * 3
    batch = {str(k): KernelSource(str(k), f"{text}SYM_KERNEL") for k, text in enumerate(texts)}
    units = translation_units(batch)
    if (os.cpu_count() or 1) >= 2:
        assert sorted((set(unit) & set("012345") for unit in units.values()), key=min) == [set("012"), set("345")]
        assert {len(unit) for unit in units.values()} == {4, 5}
    # One piece in all of them does not put everything into one unit
    same = {str(k): KernelSource(str(k), piece("P", 900) + f"SYM_KERNEL{'x' * 500}") for k in range(9)}
    if (os.cpu_count() or 1) >= 2:
        assert sorted(map(len, translation_units(same).values())) == [4, 5]


# -- care --------------------------------------------------------------------------------------------------------------


def test_entries_verify_purge_clear_size(root: Path, compiler: Compiler) -> None:
    cache = KernelCache(root, compiler)
    assert_adds(cache, 1)
    assert_adds(cache, 2)
    assert cache.path() == root.resolve()
    assert len(cache.entries()) == 2
    assert cache.entries()[0].info["compiler"] == compiler.identity
    assert cache.size() >= sum(entry.size for entry in cache.entries())
    assert cache.verify() == []
    cached_objects(root)[0].write_bytes(b"damaged")
    assert len(cache.verify()) == 1
    assert cache.purge() >= 2
    assert cache.verify() == []
    assert len(cache.entries()) == 1
    assert cache.clear() > 0
    assert (cache.entries(), cache.size()) == ([], 0)
    assert_adds(KernelCache(root, compiler), 1, 2)


def test_looking_through_the_cache_changes_nothing(root: Path, compiler: Compiler) -> None:
    cache = KernelCache(root, compiler)
    assert_adds(cache, 1, 2)
    [path] = cached_objects(root)
    os.utime(path, (1e9, 1e9))  # or it would no longer be the one that was used least recently
    assert cache.verify() == [] and cache.purge() == 0
    assert path.stat().st_mtime == 1e9


def test_counts_and_a_walk_through_the_files(root: Path, compiler: Compiler) -> None:
    cache = KernelCache(root, compiler)
    assert cache.count() == (0, 0, 0) and list(cache.examine()) == []
    assert_adds(cache, 1, 2)
    assert_adds(cache, 3)
    objects = cached_objects(root)
    assert cache.count() == (2, sum(path.stat().st_size for path in objects), 2 + 2 + 3)
    objects[0].write_bytes(b"junk")
    found = dict(cache.examine())
    assert len(found) == 7 and [file for file, why in found.items() if why] == [f"objects/{objects[0].name}"]


def test_purge_spares_what_may_be_in_the_making(root: Path, compiler: Compiler) -> None:
    store = Store.open(root)
    young, old = root / "tmp" / "young", root / "tmp" / "old"
    for path in (young, old):
        path.write_bytes(b"x")
    os.utime(old, (1, 1))
    assert store.purge() == 1
    assert young.exists() and not old.exists()


def test_the_least_recently_used_go_first(root: Path, compiler: Compiler) -> None:
    cache = KernelCache(root, compiler)
    for number in (1, 2, 3):
        assert_adds(cache, number)
    sizes = [entry.size for entry in cache.entries()]
    by_kernel = {entry.info["names"][entry.kernels[0]]: entry.object_id for entry in cache.entries()}
    for age, name in ((300, "add2"), (200, "add1"), (100, "add3")):
        os.utime(root / "objects" / f"{by_kernel[name]}{cachestore.SUFFIX}", (time.time() - age,) * 2)
    small = KernelCache(root, compiler, limit=int(sum(sizes) * 0.9))
    assert small.store.evict() == 1
    assert {entry.info["names"][entry.kernels[0]] for entry in small.entries()} == {"add1", "add3"}
    assert small.verify() == []
    # Publishing keeps the size below the limit by itself, and what is needed comes back.
    fresh = KernelCache(root, compiler, limit=sizes[0] + 1)
    assert_adds(fresh, 2, 4)
    assert len(fresh.entries()) == 1
    assert_adds(KernelCache(root, compiler), 1, 2, 3, 4)


def test_use_is_noted_at_most_once_an_hour(root: Path, compiler: Compiler) -> None:
    assert_adds(KernelCache(root, compiler), 1)
    [path] = cached_objects(root)
    os.utime(path, (1, 1))
    assert_adds(KernelCache(root, compiler), 1)
    noted = path.stat().st_mtime
    assert noted > time.time() - 60
    os.utime(path, (noted - 60, noted - 60))
    assert_adds(KernelCache(root, compiler), 1)
    assert path.stat().st_mtime == noted - 60
