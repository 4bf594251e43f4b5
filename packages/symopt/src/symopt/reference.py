"""Values of the variables of a graph that is being rewritten, and how far rounding alone can move them.

Whether a difference matters cannot be told from its size: where large numbers cancel, two right ways to compute the
same thing differ in the first digit. So a difference is measured against what happens when every intermediate result
is moved by its rounding error, up or down at random (stochastic arithmetic: J. Vignes, "A stochastic arithmetic for
reliable scientific computation", 1993). What is spread that far has no digits to compare.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symcore.graph.shared import SharedVariable
from symcore.graph.variable import Apply, Constant, Variable
from symcore.ifelse import IfElse
from symcore.interpreter import run_node
from symcore.tensor.elemwise import Composite, Elemwise
from symopt.lazy import wanted

#: ``{variable: (node, the node's inputs)}``; the inputs are kept apart, for rewriting changes those of a node.
Definitions = dict[Variable[Any], tuple[Apply, tuple[Variable[Any], ...]]]
SAMPLES = 6
#: A difference of so many times the spread that was seen is still explained by rounding.
MARGIN = 8


class Failed:
    """Stands for a value whose computation raised ``error``."""

    def __init__(self, error: BaseException):
        self.error = error


class Evaluator:
    """Computes variables by the nodes' ``perform``, each when it is first asked for.

    Parameters
    ----------
    definitions
        How variables are computed; may change between questions.
    leaves
        The values of inputs and shared variables.
    noise
        Moves every float result by its rounding error; exact values without it.
    run
        What computes a node without noise: the reference interpreter, or a backend node by node.
    """

    def __init__(
        self,
        definitions: Definitions,
        leaves: Mapping[Variable[Any], Any],
        noise: np.random.Generator | None = None,
        run: Callable[[Apply, Sequence[Any]], list[Any]] = run_node,
    ):
        self.run = run
        self.definitions = definitions
        self.values: dict[Variable[Any], Any] = dict(leaves)
        self.noise = noise

    def value(self, variable: Variable[Any]) -> Any:
        """Return a value, or ``Failed`` where an Op raised."""
        stack = [variable]
        while stack:
            v = stack[-1]
            if v in self.values:
                stack.pop()
            elif v.owner is None:
                self.values[v] = _leaf(v)
                stack.pop()
            else:
                node, inputs = self.definitions[v]
                missing = [x for x in inputs if x not in self.values]
                if missing:
                    stack += missing
                else:
                    self._compute(node, [self.values[x] for x in inputs])
                    stack.pop()
        return self.values[variable]

    def _compute(self, node: Apply, inputs: list[Any]) -> None:
        needed = inputs
        if isinstance(node.op, IfElse) and not isinstance(inputs[0], Failed):
            needed = [inputs[node.inputs.index(v)] for v in wanted(node, inputs[0])]
            inputs = [None if isinstance(value, Failed) else value for value in inputs]
        failed = next((value for value in needed if isinstance(value, Failed)), None)
        results: Sequence[Any]
        if failed is not None:
            results = [failed] * len(node.outputs)
        else:
            try:
                with np.errstate(all="ignore"):
                    results = self.run(node, inputs) if self.noise is None else run_noisy(node, inputs, self.noise)
            except Exception as error:
                results = [Failed(error)] * len(node.outputs)
        self.values.update(zip(node.outputs, results, strict=True))


def _leaf(variable: Variable[Any]) -> Any:
    if isinstance(variable, Constant):
        return variable.data
    if isinstance(variable, SharedVariable):
        return variable.container.value
    raise KeyError(f"{variable} has no value here")


def run_noisy(node: Apply, inputs: Sequence[Any], noise: np.random.Generator) -> list[Any]:
    """Return a node's outputs, every float number moved by its rounding error, inside a fused node at every step."""
    composite = node.op.fn if isinstance(node.op, Elemwise) else None
    exact = run_node(node, inputs)
    if not isinstance(composite, Composite):
        return [moved(value, noise) for value in exact]
    values = list(inputs)
    for fn, arguments, _ in composite.steps:
        step = fn.compute([values[a] for a in arguments])[0]
        values.append(moved(np.asarray(step), noise))
    found = [values[r] for r in composite.results]
    return [np.broadcast_to(v, e.shape).astype(e.dtype) for v, e in zip(found, exact, strict=True)]


def moved(value: Any, noise: np.random.Generator | None) -> Any:
    """Return an array with its numbers moved by their rounding error; whole numbers stay, they are likely exact."""
    if noise is None or not isinstance(value, np.ndarray) or value.dtype.kind not in "fc":
        return value
    with np.errstate(all="ignore"):
        step = noise.uniform(-3.0, 3.0, size=value.shape) * np.spacing(np.abs(value))  # denormals lose more
        return np.where((value == np.rint(value)) | ~np.isfinite(value), value, value + step).astype(value.dtype)


def noisy(
    definitions: Definitions, leaves: Mapping[Variable[Any], Any], variable: Variable[Any], noise: np.random.Generator
) -> Any:
    """Return a variable computed from the leaves with noise; ``Failed`` where an Op raised."""
    return Evaluator(definitions, leaves, noise).value(variable)


def spread(compute: Callable[[np.random.Generator], Any], exact: Any) -> Any:
    """Return how far the elements of ``exact`` move when it is computed with noise; infinity where it cannot be."""
    widest = np.zeros(exact.shape)
    for seed in range(SAMPLES):
        value = compute(np.random.default_rng(seed))
        if isinstance(value, Failed) or value.shape != exact.shape:
            return np.full(exact.shape, np.inf)
        with np.errstate(all="ignore"):
            distance = np.abs(value - exact).astype("float64")
        distance = np.where(np.isnan(distance), 0.0, distance)
        lost = np.isfinite(value) != np.isfinite(exact)
        widest = np.maximum(widest, np.where(lost, np.inf, distance))
    return widest


def unexplained(a: Any, b: Any, bad: Any, *spreads: Any) -> Any:
    """Return which of the ``bad`` elements differ by more than the spreads of the two ways to compute them explain."""
    with np.errstate(all="ignore"):
        distance = np.abs(b - a).astype("float64")
        allowed = MARGIN * np.sum(spreads, axis=0)
        return bad & ~(distance <= allowed)
