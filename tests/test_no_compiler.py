"""With no C compiler at all everything still runs, through ``perform``, and says so once."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

PROGRAM = """
import json, sys, warnings
import numpy as np
import symstack as ss
from symstack import tensor as T

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 8)).astype("float32")
    Y = (X[:, 0] * X[:, 1] > 0).astype("int64") + (X[:, 2] > 0)
    x, y = T.fmatrix("x"), T.lvector("y")
    P = [ss.shared(rng.normal(size=s).astype("float32") * np.float32(0.5), name=n)
         for n, s in [("W1", (8, 16)), ("b1", 16), ("W2", (16, 3)), ("b2", 3)]]
    p = T.nnet.softmax(T.dot(T.tanh(T.dot(x, P[0]) + P[1]), P[2]) + P[3])
    cost = T.nnet.categorical_crossentropy(p, y).mean()
    rate = np.float32(0.5)
    train = ss.function([x, y], cost, updates=[(w, w - rate * g) for w, g in zip(P, ss.grad(cost, P))])
    predict = ss.function([x], T.argmax(p, axis=1))
    costs = [float(train(X, Y)) for _ in range(200)]
    right = float((predict(X) == Y).mean())
places = sorted({where for f in (train, predict) for _, where, _ in f.placement()})
print(json.dumps({"costs": costs, "right": right, "places": places,
                  "warnings": [str(w.message) for w in caught],
                  "lines": [[w.filename, w.lineno] for w in caught], "explained": train.explain()}))
"""


def train(flags, tmp_path, **environment):
    flags = ",".join([*flags, f"cache_dir={tmp_path / 'cache'}"])
    environment = {**os.environ, "SYMSTACK_FLAGS": flags, **environment}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def without(tmp_path_factory):
    return train(["compiler=none"], tmp_path_factory.mktemp("without"))


def test_a_perceptron_is_trained_without_a_compiler(without):
    assert without["costs"][-1] < 0.2 * without["costs"][0]
    assert without["right"] > 0.95


def test_every_node_runs_in_python(without):
    assert without["places"] == ["Python"]
    assert "Python" in without["explained"]


def test_there_is_one_warning_and_it_says_why(without):
    assert len(without["warnings"]) == 1
    assert "Python" in without["warnings"][0] and "none" in without["warnings"][0]
    first = next(k for k, line in enumerate(PROGRAM.splitlines(), 1) if "ss.function" in line)
    assert without["lines"] == [["<string>", first]]


def test_nothing_is_compiled(tmp_path):
    train(["compiler=none"], tmp_path)
    assert not list((tmp_path / "cache").rglob("*.so"))


def test_asking_for_python_warns_of_nothing(tmp_path):
    asked = train(["linker=py"], tmp_path)
    assert asked["warnings"] == []
    assert asked["places"] == ["Python"]


@pytest.mark.c
def test_c_and_python_agree(without, tmp_path):
    compiled = train([], tmp_path)
    assert "Python" not in compiled["places"]
    np.testing.assert_allclose(compiled["costs"][:20], without["costs"][:20], rtol=2e-4)


def test_a_compiler_that_is_named_and_missing_is_said(tmp_path):
    answer = train(["compiler=no-such-compiler"], tmp_path)
    assert answer["places"] == ["Python"]
    assert len(answer["warnings"]) == 1 and "no-such-compiler" in answer["warnings"][0]
