"""Every contender that is installed here computes what the reference computes, on every kind of workload it has."""

from __future__ import annotations

import os

import numpy as np
import pytest

from benchmarks import agreement
from benchmarks.contenders import CONTENDERS, blas
from benchmarks.contenders.base import Contender
from benchmarks.contenders.numpy_ import NumPy
from benchmarks.workloads import WORKLOADS, Workload

# One row per kind and dtype, the small ones: what is tested here is the code of the contenders.
ROWS = ("add_one", "five_ops", "ten_updates", "fused_1e3_f32", "fused_1e3_f64", "xent_grad_f32", "xent_grad_f64")
STEPS = ("logistic_600_f32", "logistic_600_f64", "mlp_20_f32", "chain_50_f32")


def installed(name: str) -> bool:
    try:
        return not CONTENDERS[name].why_not()
    except ImportError:
        return False


@pytest.mark.parametrize("row", [*ROWS, *STEPS])
@pytest.mark.parametrize("name", ["numpy", "c"])
def test_agrees_with_the_reference(name: str, row: str) -> None:
    if not installed(name):
        pytest.skip(CONTENDERS[name].why_not())
    workload = WORKLOADS[row]
    data = workload.make_data()
    kept = {key: np.copy(value) for key, value in data.items()}
    method = getattr(CONTENDERS[name].create(workload.dtype, 1), workload.kind, None)
    if method is None:
        pytest.skip(f"{name} has no {workload.kind}")
    prepared = method(data)
    results = [prepared.fetch(prepared.call()) for _ in range(2)]
    observed = [agreement.observe(workload, data, result) for result in results]
    assert agreement.compare(agreement.reference(workload, data, 2), observed, workload.tolerance).agrees
    assert all(np.array_equal(kept[key], data[key]) for key in data), "the caller's arrays were changed"


def test_numpy_has_every_kind_for_it_is_the_reference() -> None:
    assert all(hasattr(NumPy, workload.kind) for workload in WORKLOADS.values())


def test_methods_of_contenders_are_kinds_of_workloads() -> None:
    """A misspelt kind would be an empty column that nobody misses."""
    kinds = {workload.kind for workload in WORKLOADS.values()}
    shared = {name for name in dir(Contender) if not name.startswith("_")}
    for entry in CONTENDERS.values():
        own = {name for name, value in vars_of(entry.load()).items() if callable(value) and not name.startswith("_")}
        assert {name.removeprefix("rewrite_") for name in own - shared} <= kinds, entry.name
        assert kinds & own, entry.name


def vars_of(cls: type) -> dict[str, object]:
    return {name: getattr(cls, name) for name in dir(cls)}


def test_a_contender_that_is_not_installed_says_so() -> None:
    entry = CONTENDERS["numpy"]
    missing = type(entry)("ghost", entry.cls, ("a_package_that_does_not_exist",))
    assert "a_package_that_does_not_exist not installed" in missing.why_not()


def test_trust_variants_take_part_in_call_overhead_only() -> None:
    takes: dict[str, list[Workload]] = {
        name: [w for w in WORKLOADS.values() if entry.takes(w)] for name, entry in CONTENDERS.items()
    }
    assert {w.kind for w in takes["pytensor-c-trust"]} == {"add_one", "five_ops", "ten_updates"}
    assert len(takes["pytensor-c"]) == len(WORKLOADS)


def test_with_several_threads_each_has_those_its_users_would_have(monkeypatch: pytest.MonkeyPatch) -> None:
    """symstack shares products among its own threads, whatever the environment tells the BLAS of the others."""
    entry = CONTENDERS["symstack"]
    assert entry.load().blas_threads(2) == 1
    assert all(e.load().blas_threads(2) == 2 for n, e in CONTENDERS.items() if n != "symstack" and installed(n))
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    maker = object.__new__(entry.load())
    for threads, seen in ((1, "2"), (2, None)):
        maker.threads = threads
        with maker.making():
            assert os.environ.get("OPENBLAS_NUM_THREADS") == seen
        assert os.environ["OPENBLAS_NUM_THREADS"] == "2"


def test_the_number_of_threads_of_the_shared_blas_is_set() -> None:
    before = blas.threads()
    if not before:
        pytest.skip("SciPy has no OpenBLAS of its own here")
    try:
        for count in (2, 1):
            assert blas.set_threads(count) and blas.threads() == count
    finally:
        blas.set_threads(before)
