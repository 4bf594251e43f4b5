"""Very deep graphs: nothing recurses, and the time of everything grows with the number of nodes alone."""

import copy
import gc
import os
import pickle
import time

import numpy as np
import pytest

from symcore import clone, grad
from symcore import tensor as T
from symcore.graph.collector import full_collections_wait
from symcore.graph.equal import is_same_graph
from symcore.graph.fgraph import FunctionGraph
from symcore.graph.traverse import toposort
from symcore.interpreter import evaluate
from symcore.printing import debugprint, pp
from symcore.vectorize import vectorize_graph

#: Times of such length mean something on a quiet machine only.
LONG = pytest.mark.skipif("SYMSTACK_LONG" not in os.environ, reason="half a minute of CPU: set SYMSTACK_LONG=1")


def chain(nodes):
    """``y <- tanh(y) + x``, ``nodes / 2`` times."""
    x = T.dvector("x")
    y = x
    for _ in range(nodes // 2):
        y = T.tanh(y) + x
    return x, y


def pickled(x, y):
    return pickle.dumps(y, pickle.HIGHEST_PROTOCOL)


#: What is done to a chain, and what to check of the outcome: ``name -> (work(x, y), check(result, x, y, nodes))``.
WORK = {
    "grad": (lambda x, y: grad(y.sum(), x), lambda g, x, y, n: g.type is x.type),
    "debugprint": (lambda x, y: debugprint(y, file="str"), lambda s, x, y, n: s.count("\n") > n),
    "debugprint of 5 levels": (lambda x, y: debugprint(y, depth=5, file="str"), lambda s, x, y, n: s.count("\n") < 12),
    "pp": (lambda x, y: pp(y), lambda s, x, y, n: "tanh" in s),
    "str": (lambda x, y: str(y), lambda s, x, y, n: len(s) < 1000),
    "clone": (lambda x, y: clone(y, {x: T.dvector("z")}), lambda z, x, y, n: len(toposort([z])) == n),
    "pickle": (pickled, lambda s, x, y, n: len(s) > 10 * n),
    "unpickle": (lambda x, y: pickle.loads(x), lambda z, x, y, n: len(toposort([z])) == n),  # noqa: S301 - our own
    "deepcopy": (lambda x, y: copy.deepcopy(y), lambda z, x, y, n: z is not y and len(toposort([z])) == n),
    "equality": (lambda x, y: is_same_graph(y, chain(x)[1]), lambda same, x, y, n: not same),
    "equality of copies": (lambda x, y: is_same_graph(y, x), lambda same, x, y, n: same),
    "vectorize": (lambda x, y: vectorize_graph(y, {x: T.dmatrix()}), lambda z, x, y, n: z.ndim == 2),
    "evaluate": (lambda x, y: evaluate(y, {x: np.ones(2)}), lambda v, x, y, n: (v > 1.5).all() and (v < 2).all()),
    "FunctionGraph": (lambda x, y: FunctionGraph([x], [y]), lambda f, x, y, n: len(f) == n),
}


def measure(name, nodes):
    """Return the CPU time of one kind of work on a chain, and check its outcome."""
    x, y = chain(nodes)
    work, check = WORK[name]
    first = {"unpickle": lambda: pickled(x, y), "equality": lambda: nodes,
             "equality of copies": lambda: clone(y, {x: x})}.get(name, lambda: x)()  # fmt: skip
    # Full collections look at all that the tests before have left: no part of the work.
    enabled = gc.isenabled()
    gc.disable()
    try:
        start = time.process_time()
        result = work(first, y)
        elapsed = time.process_time() - start
    finally:
        if enabled:
            gc.enable()
    assert check(result, x, y, nodes)
    return elapsed


def build(nodes):
    start = time.process_time()
    chain(nodes)
    return time.process_time() - start


def ratio(timed, nodes):
    """Return how much longer ten times the nodes take: the least of a few measurements, for others use the machine."""
    small = min(timed(nodes) for _ in range(3))
    return timed(10 * nodes) / max(small, 1e-4)


@pytest.mark.parametrize("name", WORK)
def test_no_recursion_and_time_grows_with_the_nodes(name):
    found = [ratio(lambda nodes: measure(name, nodes), 1000)]
    while found[-1] > 15 and len(found) < 4:  # quadratic work is at a hundred every time
        found.append(ratio(lambda nodes: measure(name, nodes), 1000))
    assert min(found) <= 15, f"{name} of ten times the nodes takes {found} times as long"


def test_building_grows_with_the_nodes():
    assert min(ratio(build, 1000) for _ in range(3)) <= 15


@LONG
@pytest.mark.slow
@pytest.mark.parametrize("name", WORK)
def test_a_hundred_thousand_nodes(name):
    found = [ratio(lambda nodes: measure(name, nodes), 10_000)]
    while found[-1] > 12 and len(found) < 4:
        found.append(ratio(lambda nodes: measure(name, nodes), 10_000))
    assert min(found) <= 12, f"{name} of ten times the nodes takes {found} times as long"


@LONG
@pytest.mark.slow
def test_building_and_differentiating_ten_thousand_nodes_takes_no_time():
    assert min(build(10_000) for _ in range(3)) <= 0.25
    assert min(measure("grad", 10_000) for _ in range(3)) <= 0.5


def test_full_collections_wait_no_longer_than_the_work():
    before = gc.get_threshold()
    x, y = chain(100)
    text = pickled(x, y)
    assert gc.get_threshold() == before
    copy.deepcopy(y)
    grad(y.sum(), x)
    assert gc.get_threshold() == before
    with pytest.raises((EOFError, pickle.UnpicklingError)):
        pickle.loads(text[: len(text) // 2])  # noqa: S301 - our own
    assert gc.get_threshold() == before
    with pytest.raises(TypeError):
        pickle.dumps([y, (i for i in ())])
    assert gc.get_threshold() == before


def test_a_collector_that_is_switched_off_stays_off():
    before = gc.get_threshold()
    gc.set_threshold(0)
    try:
        with full_collections_wait:
            assert gc.get_threshold()[0] == 0
        assert gc.get_threshold() == (0, *before[1:])
    finally:
        gc.set_threshold(*before)


def test_variables_keep_what_is_written_on_them():
    x = T.dvector("x")
    y = T.exp(x)
    y.tag.note, y.mine, x.mine = "kept", [1], [2]
    y.name = "y"
    for again in (pickle.loads(pickle.dumps(y)), copy.deepcopy(y)):  # noqa: S301 - our own
        assert (again.name, again.tag.note, again.mine) == ("y", "kept", [1])
        assert again.owner.inputs[0].mine == [2]
        assert again.owner.inputs[0].name == "x"
        assert again.index == 0
        assert again.owner.outputs[0] is again
