"""The test kit for rules: every rule is applied *alone*, and what it makes is run against what stood there before.

``assert_rewrites`` checks one expression. A ``RuleCase`` says how to test one rule in four ways, each a method: that it
applies and keeps the value, that it leaves something similar alone, what it does to NaN, infinities and zeros, and
that it keeps the shape of tensors without elements. The reference interpreter is the judge of values.
"""

import runpy
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symcore import tensor as T
from symcore.graph.equal import equal_computations
from symcore.graph.fgraph import FunctionGraph
from symcore.graph.traverse import explicit_inputs
from symcore.interpreter import evaluate
from symcore.tensor.type import TensorType
from symopt.engine import rewrite
from symopt.mode import Mode, get_mode
from symopt.phases import PHASES
from symopt.rule import Rule
from symopt.rules.catalog import all_rules
from symopt.ruleset import RuleSet

#: Lengths of the axes whose length a type leaves open, from the last axis backwards.
LENGTHS = (4, 3, 2, 5)
#: What a case of a rule is: a test each.
FOUR = ("check_positive", "check_negative", "check_special", "check_empty")
SPECIAL = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 2.5, -800.0, 800.0, 1e-20)


def usual_modes() -> dict[str, Mode]:
    """Return the modes in which a program must give the same, by name: rules, linkers and checks of every kind.

    ``FAST_RUN``; ``py``, the same in Python; ``nan_safe``, without the rules that are tagged ``nan_changing``;
    ``no rules``, as written; ``FAST_COMPILE``; ``DEBUG``.
    """
    usual = get_mode("FAST_RUN")
    return {
        "FAST_RUN": usual,
        "py": usual.with_linker("py"),
        "nan_safe": usual.excluding("nan_changing"),
        "no rules": usual.excluding(*PHASES),
        "FAST_COMPILE": get_mode("FAST_COMPILE"),
        "DEBUG": get_mode("DEBUG"),
    }


def find_rules(rules: Any) -> RuleSet:
    """Return rules given as a ``RuleSet``, a ``Rule`` or the name of an installed one (or several names) as a set."""
    if isinstance(rules, RuleSet):
        return rules
    if isinstance(rules, (Rule, str)):
        rules = [rules]
    return RuleSet(*(all_rules()[rule] if isinstance(rule, str) else rule for rule in rules))


def sample(ttype: TensorType, kind: str = "ordinary", seed: int = 0, lengths: Sequence[int] | None = None) -> Any:
    """Return an array of a tensor type.

    ``kind``: ``ordinary`` (numbers around zero), ``positive``, ``special`` (NaN, infinities, zeros, large and tiny
    numbers; the extremes of integers) or ``empty`` (every open axis has length 0).
    ``lengths``: those of all axes; by default ``LENGTHS``, so that equal axes counted from the right agree.
    """
    rng = np.random.default_rng(seed)
    open_lengths = [0] * ttype.ndim if kind == "empty" else [LENGTHS[-axis - 1] for axis in range(-ttype.ndim, 0)]
    shape = tuple(lengths) if lengths is not None else tuple(
        free if known is None else known for free, known in zip(open_lengths, ttype.shape, strict=True))
    if ttype.dtype.kind == "b":
        return np.asarray(rng.random(shape) < 0.5)
    if ttype.dtype.kind in "iu":
        info = np.iinfo(ttype.dtype)
        low = 0 if ttype.dtype.kind == "u" else -5
        if kind == "special":
            return np.asarray(rng.choice([info.min, info.max, 0, 1, 2], size=shape).astype(ttype.dtype))
        return np.asarray(rng.integers(1 if kind == "positive" else low, 6, size=shape).astype(ttype.dtype))
    if kind == "special":
        values = rng.permutation(np.resize(SPECIAL, max(int(np.prod(shape)), len(SPECIAL))))[: int(np.prod(shape))]
        return np.asarray(values.reshape(shape)).astype(ttype.dtype)
    numbers = rng.normal(size=shape)
    if kind == "positive":
        numbers = np.abs(numbers) + 0.1
    return np.asarray(numbers).astype(ttype.dtype)


def apply_alone(
    rules: Any, outputs: Any, inputs: Sequence[Any] | None = None
) -> tuple[FunctionGraph, list[Any], int]:
    """Rewrite a copy of ``outputs`` with nothing but ``rules``; return the graph, the inputs and the number of hits."""
    wanted = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    given = explicit_inputs(wanted) if inputs is None else list(inputs)
    fgraph = FunctionGraph(given, wanted)
    report = rewrite(fgraph, find_rules(rules))
    fgraph.check()
    return fgraph, given, sum(report.hits().values())


def assert_same_values(
    fgraph: FunctionGraph, inputs: Sequence[Any], outputs: Sequence[Any], values: Sequence[Any], how: str = "equal"
) -> None:
    """Run a rewritten graph and the original; fail where they differ.

    ``how``: ``equal`` (up to the rounding of the dtype; NaN and infinities exactly), ``accurate`` (the rewritten graph
    may be finite where the original is not, and must not be NaN where the original is a number), or ``shape`` (dtype
    and shape only).
    """
    wanted = evaluate(list(outputs), dict(zip(inputs, values, strict=True)))
    got = evaluate(list(fgraph.outputs), dict(zip(fgraph.inputs, values, strict=False)))
    for output, new, a, b in zip(outputs, fgraph.outputs, wanted, got, strict=True):
        assert output.type.is_super(new.type), f"the type changed from {output.type} to {new.type}"
        assert a.dtype == b.dtype, f"the dtype changed from {a.dtype} to {b.dtype}"
        assert a.shape == b.shape, f"the shape changed from {a.shape} to {b.shape}"
        if how == "equal":
            assert output.type.values_eq_approx(a, b), f"the value changed from\n{a}\nto\n{b}"
        elif how == "accurate":
            known = np.isfinite(a) & (a != 0)
            assert np.allclose(a[known], b[known], rtol=1e-5), f"the value changed from\n{a}\nto\n{b}"
            worse = np.isnan(b) & ~np.isnan(a)
            assert not worse.any(), f"NaN where there was a number: from\n{a}\nto\n{b}"


def assert_rewrites(
    rules: Any, before: Any, after: Any = None, unchanged: bool = False, inputs: Sequence[Any] | None = None,
    values: Sequence[Any] | None = None, how: str = "equal",
) -> FunctionGraph:
    """Apply rules, alone, to ``before`` (a variable or several) and check what comes out; return the rewritten graph.

    Parameters
    ----------
    rules
        A rule, its name, several of them, or a ``RuleSet``.
    after
        What must come out, built on the same inputs; equal as a computation, not as an object.
    unchanged
        The rules must not apply.
    inputs, values
        The inputs of the graph, by default those of ``before``, and arrays to compare values on, by default random.
    how
        See ``assert_same_values``.

    Raises ``AssertionError`` saying what differs.
    """
    outputs = list(before) if isinstance(before, (list, tuple)) else [before]
    fgraph, given, hits = apply_alone(rules, outputs, inputs)
    if unchanged:
        assert not hits, f"{rules} applied to {outputs}, and made {fgraph.outputs}"
        return fgraph
    assert hits, f"{rules} did not apply to {outputs}"
    if after is not None:
        expected = FunctionGraph(given, list(after) if isinstance(after, (list, tuple)) else [after])
        same = dict(zip(fgraph.inputs, expected.inputs, strict=False))
        assert equal_computations(fgraph.outputs, expected.outputs, same), (
            f"expected {expected.outputs[0].owner}, got {fgraph.outputs[0].owner}")
    if values is None:
        values = [sample(x.type, seed=seed) for seed, x in enumerate(given)]
    assert_same_values(fgraph, given, outputs, values, how)
    return fgraph


class RuleCase:
    """How to test one rule, alone.

    Parameters
    ----------
    rule
        Its name.
    types
        The types of the inputs: names of constructors in ``T`` separated by spaces (``"dmatrix dvector"``), or types.
    build
        From inputs to an expression (or several) that the rule rewrites.
    negative
        From inputs of the same types to a similar expression that the rule must leave alone.
    after
        From inputs to what must come out; not checked if left out.
    how
        How values compare on NaN, infinities and zeros: ``equal`` by default, ``differs`` for rules tagged
        ``nan_changing`` (on some such input the value must change, or the tag would be wrong), ``accurate`` for rules
        tagged ``more_accurate``.
    kind
        The ordinary values: ``ordinary`` or ``positive``.
    shapes, empty
        The shapes of the inputs, where they are not those of ``sample``; the same for the test without elements.
    special
        Values for the test on NaN, infinities and zeros, by default random ones.
    """

    def __init__(
        self, rule: str, types: Any, build: Callable[..., Any], negative: Callable[..., Any],
        after: Callable[..., Any] | None = None, how: str | None = None, kind: str = "ordinary",
        shapes: Sequence[Sequence[int]] | None = None, empty: Sequence[Sequence[int]] | None = None,
        special: Sequence[Any] | None = None,
    ):
        self.rule = rule
        self.types = [getattr(T, t)().type for t in types.split()] if isinstance(types, str) else list(types)
        self.build = build
        self.negative = negative
        self.after = after
        self._how = how
        self.kind = kind
        self.shapes = shapes
        self.empty = empty
        self.special = special

    def __repr__(self) -> str:
        return self.rule

    @property
    def how(self) -> str:
        """How values compare on special inputs."""
        if self._how is not None:
            return self._how
        tags = find_rules(self.rule)[self.rule].tags
        return "differs" if "nan_changing" in tags else "accurate" if "more_accurate" in tags else "equal"

    def _inputs(self) -> list[Any]:
        return [t(f"x{k}") for k, t in enumerate(self.types)]

    def _values(self, kind: str, shapes: Any, seed: int = 0) -> list[Any]:
        return [sample(t, kind, seed + k, None if shapes is None else shapes[k]) for k, t in enumerate(self.types)]

    def check_positive(self) -> None:
        """The rule applies, and what it makes has the value, the type and (if stated) the form it should have."""
        inputs = self._inputs()
        assert_rewrites(self.rule, self.build(*inputs), None if self.after is None else self.after(*inputs),
                        inputs=inputs, values=self._values(self.kind, self.shapes))

    def check_negative(self) -> None:
        """The rule leaves a similar expression alone."""
        inputs = self._inputs()
        assert_rewrites(self.rule, self.negative(*inputs), unchanged=True, inputs=inputs)

    def check_special(self) -> None:
        """On NaN, infinities and zeros the rule does what its tags say."""
        inputs = self._inputs()
        before = self.build(*inputs)
        outputs = list(before) if isinstance(before, (list, tuple)) else [before]
        fgraph, given, _ = apply_alone(self.rule, outputs, inputs)
        differs = False
        for seed in range(20):
            values = self._values("special", self.shapes, 7 * seed) if self.special is None else list(self.special)
            if self.how != "differs":
                assert_same_values(fgraph, given, outputs, values, self.how)
                continue
            assert_same_values(fgraph, given, outputs, values, "shape")
            wanted = evaluate(outputs, dict(zip(given, values, strict=True)))
            got = evaluate(list(fgraph.outputs), dict(zip(fgraph.inputs, values, strict=False)))
            differs |= any(not y.type.values_eq_approx(a, b) for y, a, b in zip(outputs, wanted, got, strict=True))
        assert differs or self.how != "differs", (
            f"rule {self.rule!r} is tagged nan_changing, and changed nothing on special values")

    def check_empty(self) -> None:
        """Tensors without elements keep their shape."""
        inputs = self._inputs()
        assert_rewrites(self.rule, self.build(*inputs), inputs=inputs, values=self._values("empty", self.empty))

    def check(self) -> None:
        """All four."""
        for name in FOUR:
            getattr(self, name)()


def load_cases(paths: Sequence[Any]) -> list[Any]:
    """Return what the tables ``CASES`` of Python files hold: ``RuleCase``s, or what has their ``rule`` and tests."""
    found = [case for path in paths for case in runpy.run_path(str(path)).get("CASES", ())]
    return [case for case in found if all(hasattr(case, name) for name in ("rule", *FOUR))]


def main(paths: Sequence[str]) -> int:
    """Print how many rules there are and check the cases in tables of tests; return 1 if one fails or a rule has none.

    ``python -m symopt.testing packages/*/tests/rules/cases_*.py``
    """
    rules = all_rules()
    home = Counter(rule.function.__module__.split(".")[0] if rule.recipe is None else "equations" for rule in rules)
    tags = Counter(tag for rule in rules for tag in rule.tags)
    print(f"{len(rules)} rules ({_counted(home)}); tagged: {_counted(tags)}")
    if not paths:
        return 0
    cases = load_cases(paths)
    failed = []
    for case in cases:
        for name in FOUR:
            try:
                getattr(case, name)()
            except AssertionError as error:
                failed.append(f"{case.rule}, {name}: {str(error).strip().splitlines()[0]}")
    covered = {case.rule for case in cases}
    without = [rule.name for rule in rules if rule.name not in covered]
    print(f"{len(cases)} cases of {len(covered)} rules, each checked four ways: {len(failed)} failed")
    print(*failed, *[f"{name}: no case" for name in without], sep="\n", end="\n" * bool(failed or without))
    return int(bool(failed or without))


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{n} {name}" for name, n in counts.most_common())


if __name__ == "__main__":
    from symopt import testing  # whose RuleCase is the one that the tables are made of

    sys.exit(testing.main(sys.argv[1:]))
