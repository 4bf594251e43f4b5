"""Programs rewritten by their own identities compile to equal functions; see ``random_graphs.disguise``.

The long run is ``python tests/random_graphs --disguised --draws 500``.
"""

import os
import random

import numpy as np
import pytest
from random_graphs.compare import Disagreement
from random_graphs.disguise import COMPUTED, EVERYWHERE, DisguisedChecker, disguise
from random_graphs.generator import Choices, random_graph

from symcore.graph.traverse import toposort
from symcore.interpreter import evaluate
from symstack import tensor as T

DRAWS = int(os.environ.get("SYMSTACK_DISGUISED_DRAWS", "60"))
pytestmark = [pytest.mark.c, pytest.mark.default_mode]  # it chooses its modes itself


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, DRAWS, 10))
def test_a_disguised_program_computes_the_same(first):
    for seed in range(first, first + 10):
        DisguisedChecker(random_graph(Choices.of(70_000 + seed), 12), seed).check(["FAST_RUN"])


def test_disguises_are_thorough():
    """Programs get longer, and every identity finds its use."""
    used = set()

    def spied(identity):
        def spy(*arguments):
            found = identity(*arguments)
            used.update([identity.__name__] if found is not None else [])
            return found

        return spy

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("random_graphs.disguise.EVERYWHERE", tuple(map(spied, EVERYWHERE)))
        patch.setattr("random_graphs.disguise.COMPUTED", tuple(map(spied, COMPUTED)))
        before = after = 0
        for seed in range(60):
            checker = DisguisedChecker(random_graph(Choices.of(seed), 12), seed)
            before += len(toposort(checker.wanted))
            after += len(toposort(checker.disguised))
    assert used == {identity.__name__ for identity in (*EVERYWHERE, *COMPUTED)}
    assert after > 1.5 * before


@pytest.mark.parametrize("identity", EVERYWHERE, ids=lambda identity: identity.__name__)
def test_an_identity_is_one(identity):
    for dtype in ("float64", "float32", "int64", "int8", "bool"):
        x = T.TensorType(dtype, (None, None))("x")
        value = (np.arange(1, 13).reshape(3, 4) % 7).astype(dtype)
        for seed in range(8):
            y = identity(x, value, random.Random(seed))
            if y is not None and y.type == x.type:
                np.testing.assert_allclose(evaluate(y, {x: value}), value, rtol=1e-4, err_msg=f"{dtype} {seed}")


def test_a_false_identity_is_found(monkeypatch):
    x = T.dvector("x")
    program = random_graph(Choices.of(3), 12)
    DisguisedChecker(program, 1).check(["FAST_RUN"])
    monkeypatch.setattr("random_graphs.disguise.EVERYWHERE", (lambda x, value, chance: x + 1,))
    monkeypatch.setattr("random_graphs.disguise.COMPUTED", (lambda *arguments: None,))
    [shifted] = disguise([T.exp(x)], {x: np.zeros(2)}, random.Random(0), density=1.0)
    assert evaluate(shifted, {x: np.zeros(2)})[0] == np.exp(1) + 1
    with pytest.raises(Disagreement):
        for seed in range(5):
            DisguisedChecker(program, seed).check(["FAST_RUN"])
