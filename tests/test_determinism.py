"""The same graph gives the same C, whatever the order in which Python walks its sets and dictionaries."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.c
SEEDS = range(10) if "SYMSTACK_LONG" in os.environ else (0, 1, 4242)
CHILD = """
import hashlib, json, sys, tempfile
from pathlib import Path
import numpy as np
import symstack as ss
from symstack import tensor as T

def texts(f):
    # the program with its order, its plan and its kernels, as text
    folder = Path(tempfile.mkdtemp())
    ss.export_c(f, folder, name="f")
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("f*"))}

rng = np.random.default_rng(0)
W, V = (ss.shared(rng.normal(size=s).astype("f"), name=n) for s, n in (((8, 6), "W"), ((6, 3), "V")))
x, y = T.fmatrix("x"), T.lvector("y")
h = T.tanh(x @ W)
cost = -T.log(T.nnet.softmax(h @ V))[T.arange(y.shape[0]), y].mean() + (W**2).sum()
step = ss.function([x, y], [cost, h.max(axis=1)], updates=[(p, p - 0.1 * ss.grad(cost, p)) for p in (W, V)])

a, A = T.dvector("a"), T.dmatrix("A")
states, _ = ss.scan(lambda s, A: T.tanh(s @ A) + T.exp(-s), outputs_info=[a], non_sequences=[A], n_steps=5)
loop = ss.function([a, A], [states[-1], *ss.grad(states[-1].sum(), [a, A])])

i = T.lvector("i")
many = [T.sort(A, axis=0), A[i], T.inc_subtensor(A[i], 1.0), A.sum(axis=0) / A.shape[0], T.cumsum(A, axis=1),
        a.argmax(), T.log(T.exp(A).sum(axis=1)), T.concatenate([A, A.T @ A], axis=0),
        ss.ifelse(a.sum() > 0, T.sin(a), T.cos(a))]
mixed = ss.function([a, A, i], many)
print(json.dumps({name: texts(f) for name, f in (("step", step), ("loop", loop), ("mixed", mixed))}))
"""


def child(seed):
    env = {**os.environ, "PYTHONHASHSEED": str(seed)}
    done = subprocess.run([sys.executable, "-c", CHILD], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_same_c_under_every_hash_seed():
    first, *others = [child(seed) for seed in SEEDS]
    assert {"f.c", "f.h", "f_kernels.h"} <= set(first["step"])
    for seed, other in zip(SEEDS[1:], others, strict=True):
        assert other == first, f"hash seed {seed}"
