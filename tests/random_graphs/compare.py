"""Run a random program in every way there is, and say where a way differs from the reference interpreter."""

from typing import Any

import numpy as np

import symstack as ss
from random_graphs.graph import RandomGraph
from random_graphs.reference import MANY_RUNS, RUNS, Reference, reference
from symopt import Mode, RuleSet

Array = np.ndarray[Any, Any]

#: Way -> (mode, linker). "C without rules" compiles every node as written.
WAYS = {
    "FAST_COMPILE": ("FAST_COMPILE", "py"),
    "FAST_RUN": ("FAST_RUN", "cvm"),
    "C without rules": ("no rules", "cvm"),
    "FAST_RUN in Python": ("FAST_RUN", "py"),
}
_NO_RULES = Mode("no rules", RuleSet(), "cvm")


class Disagreement(AssertionError):
    """One way of computing a program gives another result than the interpreter, or does what no call may do."""


def mode_of(way: str, *excluded: str) -> Mode:
    """Return the mode of one of ``WAYS``, without the rules that have one of the tags ``excluded``."""
    name, linker = WAYS[way]
    mode = _NO_RULES if name == "no rules" else ss.get_mode(name).with_linker(linker)
    return mode if name == "no rules" or not excluded else mode.excluding(*excluded)


class Checker:
    """Compares all ways of computing one program. ``share``: the part of the elements that could be compared."""

    def __init__(self, g: RandomGraph):
        self.g = g
        self.wanted = [e.var for e in g.outputs] + [new.var for _, new in g.updates]
        self.start = [e.var.get_value() for e in g.shared]
        self.values = {e.var: e.var.type.filter(e.value) for e in g.inputs}
        self.reference: Reference = self._reference(RUNS)
        self.share = self.reference.share()

    def check(self, ways: Any = tuple(WAYS)) -> None:
        """Raise ``Disagreement`` for the first way that differs; a program that rounding makes fail is left alone."""
        for way in ways:
            if self.reference.fragile:
                return
            # Where every number on the way is finite, rules that change NaN and infinities must not change a thing.
            excluded = () if self.reference.tame else ("nan_changing",)
            try:
                found = self._run(way, *excluded)
            except Disagreement:
                raise
            except Exception:
                self._reset()
                self.reference = self._reference(MANY_RUNS)
                if self.reference.fragile:
                    return
                raise
            wrong = self._compare(found)
            if wrong:
                self._reset()
                self.reference = self._reference(MANY_RUNS)
                wrong = self._compare(found)
            if wrong and not self.reference.tame and WAYS[way][0] != "no rules":
                # A number over- or underflowed on the way, and more accurate rules may know better.
                excluded += ("more_accurate",)
                wrong = self._compare(self._run(way, *excluded))
            if wrong:
                raise Disagreement(f"{way}{f' without {excluded}' if excluded else ''}: {wrong}\n{self.g!r}")

    def _reference(self, runs: int) -> Reference:
        try:
            return reference(self.wanted, self.values, runs)
        except Exception as error:
            error.add_note(f"the reference interpreter: {self.g!r}")
            raise

    def _run(self, way: str, *excluded: str) -> list[Array]:
        """Compile, call twice from one state, and check what every call owes; return outputs and new shared values."""
        g = self.g
        try:
            f = self._compile(way, *excluded)
            if g.failing and self._hides(f, way):
                # Rules that may hide an index out of bounds are tagged so; without them none may go unnoticed.
                strict = self._compile(way, "shape_hiding", "nan_changing")
                if WAYS[way][0] == "no rules" or self._hides(strict, way):
                    raise Disagreement(f"{way}: an index out of bounds went unnoticed.\n{g!r}")
            first = self._call(f, way)
            kept = [r.copy() for r in first]
            second = self._call(f, way)
        except Disagreement:
            raise
        except Exception as error:
            error.add_note(f"{way}: {g!r}")
            raise
        for k, (a, b, c) in enumerate(zip(first, kept, second, strict=True)):
            if not _identical(a, b):
                raise Disagreement(f"{way}: a second call changed result {k} of the first.\n{g!r}")
            if not _identical(a, c):
                raise Disagreement(f"{way}: result {k} differs between two calls: {a!r} and {c!r}.\n{g!r}")
        return first

    def _reset(self) -> None:
        for e, value in zip(self.g.shared, self.start, strict=True):
            e.var.set_value(value)

    def _call(self, f: Any, way: str) -> list[Array]:
        g = self.g
        self._reset()
        given = list(g.given.values())
        before = [np.array(x, copy=True) for x in given]
        outputs = f(*given)
        for name, x, old in zip(g.given, given, before, strict=True):
            if not _identical(np.asarray(x), np.asarray(old)):
                raise Disagreement(f"{way}: the call changed its input {name}.\n{g!r}")
        held = [(f"input {n}", x) for n, x in g.given.items()]
        held += [(f"shared {e.name}", e.var.get_value(borrow=True)) for e in g.shared]
        for k, out in enumerate(outputs):
            for name, other in held:
                if np.may_share_memory(out, other) and np.shares_memory(out, other):
                    raise Disagreement(f"{way}: output {k} shares memory with {name}.\n{g!r}")
            held.append((f"output {k}", out))
        updated = {s.name for s, _ in g.updates}
        for e, old in zip(g.shared, self.start, strict=True):
            if e.name not in updated and not _identical(e.var.get_value(borrow=True), old):
                raise Disagreement(f"{way}: {e.name} changed, but has no update.\n{g!r}")
        return [*outputs, *(s.var.get_value() for s, _ in g.updates)]

    def _compile(self, way: str, *excluded: str) -> Any:
        g = self.g
        return ss.function(
            [e.var for e in g.inputs],
            [e.var for e in g.outputs],
            on_unused_input="ignore",
            updates=[(s.var, new.var) for s, new in g.updates],
            mode=mode_of(way, *excluded),
        )

    def _hides(self, f: Any, way: str) -> bool:
        """Make a call whose last index is out of bounds. If it fails, it must say why, and change nothing."""
        self._reset()
        try:
            f(*list(self.g.given.values())[:-1], 1_000_000)
        except IndexError as error:
            if "1000000" not in str(error):
                raise Disagreement(f"{way}: the error does not name the index: {error}\n{self.g!r}") from error
        else:
            return True
        for e, old in zip(self.g.shared, self.start, strict=True):
            if not _identical(e.var.get_value(borrow=True), old):
                raise Disagreement(f"{way}: a call that failed changed {e.name}.\n{self.g!r}")
        return False

    def _compare(self, found: list[Array]) -> str:
        """Return what is wrong with the results, or nothing."""
        ref = self.reference
        for k, (got, want, bound, known) in enumerate(zip(found, ref.values, ref.bounds, ref.determined, strict=True)):
            which = f"output {k}" if k < len(self.g.outputs) else f"update {k - len(self.g.outputs)}"
            if type(got) is not np.ndarray:
                return f"{which} is a {type(got).__name__}, no array."
            if got.dtype != want.dtype or (got.shape != want.shape and known.all()):
                return f"{which} is {got.dtype}{got.shape}, the reference {want.dtype}{want.shape}."
            if got.shape == want.shape and not (ok := _close(got, want, bound) | ~known).all():
                return f"{which} is {got[~ok][:4]}, the reference {want[~ok][:4]} (allowed: {_few(bound, ok)})."
        return ""


def _few(bound: Array | None, ok: Array) -> Any:
    return "nothing" if bound is None else bound[~ok][:4]


def _close(got: Array, want: Array, bound: Array | None) -> Array:
    with np.errstate(all="ignore"):
        same = np.asarray((got == want) | ((got != got) & (want != want)))
        if bound is None:
            return same
        return np.asarray(same | (np.abs(got.astype(float) - want.astype(float)) <= bound))


def _identical(a: Array, b: Array) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"))
