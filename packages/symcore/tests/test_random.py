"""Random streams: the recorded numbers, bit-equality with NumPy, states, seeds, distributions."""

import copy
import pickle
import statistics

import numpy as np
import pytest

from symcore import grad, shared, verify_grad
from symcore import tensor as T
from symcore.errors import NullTypeGradError
from symcore.interpreter import evaluate
from symcore.random import MRG_RandomStreams, PhiloxStreams, RandomStreams, random_state_type, raw
from symcore.random.mrg import M1, M2, jump_matrices, substreams
from symcore.random.philox import philox4x32, words
from symcore.random.quantile import quantile
from symcore.random.state import copy_state

STREAMS = [MRG_RandomStreams, PhiloxStreams]


class Reference:
    """The states that ``RandomStreams(seed)`` gives to its variables, one after the other."""

    def __init__(self, seed):
        self.seeds = np.random.RandomState(seed)

    def state(self):
        return np.random.RandomState(self.seeds.randint(2**30))


def step(*draws):
    """Return the values of draws, and move their states on."""
    results = evaluate([*draws, *(d.update[1] for d in draws)])
    for d, state in zip(draws, results[len(draws) :], strict=True):
        d.rng.set_value(state, borrow=True)
    return results[0] if len(draws) == 1 else results[: len(draws)]


def test_the_recorded_draws():
    u = RandomStreams(seed=234).uniform((2, 2))
    np.testing.assert_allclose(step(u), [[0.12672381, 0.97091597], [0.13989098, 0.88754825]], atol=5e-9)
    np.testing.assert_allclose(step(u), [[0.31971415, 0.47584377], [0.24129163, 0.42046081]], atol=5e-9)
    mrg = MRG_RandomStreams(1234)
    np.testing.assert_allclose(step(mrg.uniform((4,))), [0.37257111, 0.65768584, 0.59250678, 0.31931473], atol=5e-9)
    np.testing.assert_allclose(step(mrg.normal((4,))), [-0.86690459, 0.94790593, 1.67885771, -1.96506591], atol=5e-9)


P = [0.2, 0.5, 0.3]
LIKE_NUMPY = {
    "uniform": (lambda r: r.uniform((3, 2), -1.0, 2.0), lambda s: s.uniform(-1, 2, (3, 2))),
    "uniform of arrays": (lambda r: r.uniform(low=np.zeros(3), high=np.arange(1.0, 4)),
                          lambda s: s.uniform(np.zeros(3), np.arange(1.0, 4))),
    "normal": (lambda r: r.normal((5,), 1.0, 3.0), lambda s: s.normal(1, 3, 5)),
    "float32": (lambda r: r.normal((5,), dtype="float32"), lambda s: s.normal(size=5).astype("float32")),
    "binomial": (lambda r: r.binomial((4,), 10, 0.3), lambda s: s.binomial(10, 0.3, 4)),
    "prob": (lambda r: r.binomial((4,), prob=0.3), lambda s: s.binomial(1, 0.3, 4)),
    "integers": (lambda r: r.random_integers((4,), 2, 7), lambda s: s.randint(2, 8, 4)),
    "one integer": (lambda r: r.random_integers(low=2, high=7), lambda s: np.array(s.randint(2, 8))),
    "choice": (lambda r: r.choice((4,), 5), lambda s: s.choice(5, 4)),
    "choice without": (lambda r: r.choice((4,), 5, replace=False), lambda s: s.choice(5, 4, replace=False)),
    "choice of": (lambda r: r.choice((4,), np.arange(3.0), p=P), lambda s: s.choice(np.arange(3.0), 4, p=P)),
    "poisson": (lambda r: r.poisson((4,), 3.5), lambda s: s.poisson(3.5, 4)),
    "permutation": (lambda r: r.permutation((2,), 6), lambda s: np.array([s.permutation(6), s.permutation(6)])),
    "one permutation": (lambda r: r.permutation(n=6), lambda s: s.permutation(6)),
    "multinomial": (lambda r: r.multinomial((2,), 7, P), lambda s: s.multinomial(7, P, 2)),
    "multinomials": (lambda r: r.multinomial(n=np.array([3, 4]), pvals=np.array([P, P[::-1]])),
                     lambda s: np.array([s.multinomial(3, P), s.multinomial(4, P[::-1])])),
    "no element": (lambda r: r.uniform((0, 3)), lambda s: s.uniform(size=(0, 3))),
}  # fmt: skip


@pytest.mark.parametrize("name", LIKE_NUMPY)
def test_bit_for_bit_as_numpy(name):
    ours, theirs = LIKE_NUMPY[name]
    draw, state = ours(RandomStreams(99)), Reference(99).state()
    for _ in range(2):
        got, wanted = step(draw), theirs(state)
        assert got.dtype == wanted.dtype
        np.testing.assert_array_equal(got, wanted)


def test_symbolic_sizes_and_arguments():
    n, size = T.iscalar("n"), T.lvector("size")
    streams, reference = RandomStreams(3), Reference(3)
    a, b = streams.normal((n, 2)), streams.uniform(size, ndim=2)
    np.testing.assert_array_equal(evaluate(a, {n: 3}), reference.state().normal(size=(3, 2)))
    np.testing.assert_array_equal(evaluate(b, {size: [1, 4]}), reference.state().uniform(size=(1, 4)))
    with pytest.raises(ValueError, match="ndim"):
        streams.uniform(size)
    x = T.dmatrix("x")
    p = streams.binomial(p=x)
    assert p.type.shape == (None, None)
    assert evaluate(p.shape, {x: np.full((2, 3), 0.5)}).tolist() == [2, 3]


def test_rows_are_shuffled_like_permutations():
    x = T.dmatrix("x")
    value = np.arange(12.0).reshape(3, 4)
    shuffled, state = RandomStreams(8).shuffle_row_elements(x), Reference(8).state()
    wanted = np.array([row[state.permutation(4)] for row in value])
    np.testing.assert_array_equal(evaluate(shuffled, {x: value}), wanted)
    v = T.dvector("v")
    assert sorted(evaluate(RandomStreams(8).shuffle_row_elements(v), {v: [3.0, 1.0, 2.0]})) == [1.0, 2.0, 3.0]
    with pytest.raises(ValueError, match="at least one dimension"):
        RandomStreams(8).shuffle_row_elements(T.dscalar())


def test_seeding_again_gives_the_same_draws():
    for streams in (RandomStreams(7), MRG_RandomStreams(7), PhiloxStreams(7)):
        a, b = streams.uniform((3,)), streams.normal((2,))
        first = step(a, b)
        again = step(a, b)
        assert not np.array_equal(first[0], again[0])
        streams.seed()
        for wanted, got in zip(first, step(a, b), strict=True):
            np.testing.assert_array_equal(got, wanted)
        streams.seed(8)
        assert not np.array_equal(step(a, b)[0], first[0])
        assert streams.updates() == [a.update, b.update] == streams.state_updates
        assert a.rng.default_update is a.update[1]


def test_states_are_values_of_a_type():
    state = shared(np.random.RandomState(5), "state")
    assert state.type == random_state_type
    first, other = raw.uniform(state, (2,)), raw.uniform(state, (2,))
    np.testing.assert_array_equal(*evaluate([first[1], other[1]]))  # pure in the state
    second = raw.uniform(first[0], (2,))[1]
    reference = np.random.RandomState(5)
    np.testing.assert_array_equal(np.concatenate(evaluate([first[1], second])), reference.uniform(size=4))
    with pytest.raises(TypeError, match=r"RandomState\(seed\)"):
        state.set_value(5)
    with pytest.raises(TypeError, match="RandomStateType"):
        raw.uniform(T.dvector(), (2,))
    given = np.random.RandomState(6)
    kept = shared(given)
    given.uniform()
    assert random_state_type.values_eq(kept.get_value(), np.random.RandomState(6))
    assert not random_state_type.values_eq(kept.get_value(), given)


@pytest.mark.parametrize("make", [lambda: np.random.RandomState(3), lambda: np.random.RandomState(np.random.PCG64(3))])
def test_copies_of_states_are_independent(make):
    state = make()
    state.normal()  # leaves half of a pair behind
    twin = copy_state(state)
    np.testing.assert_array_equal(twin.normal(size=5), copy_state(state).normal(size=5))
    twin.uniform(size=1000)
    after = state.normal(size=5)
    again = make()
    again.normal()
    np.testing.assert_array_equal(after, again.normal(size=5))


def test_streams_and_draws_pickle():
    for streams in (RandomStreams(7), MRG_RandomStreams(7), PhiloxStreams(7)):
        draw = streams.uniform((3,))
        for other in (pickle.loads(pickle.dumps(draw)), copy.deepcopy(draw)):
            np.testing.assert_array_equal(evaluate(other), evaluate(draw))
        again = pickle.loads(pickle.dumps(streams))
        np.testing.assert_array_equal(step(again.normal((3,))), step(streams.normal((3,))))


def test_gradients_at_a_fixed_state():
    state = shared(np.random.RandomState(5))
    verify_grad(lambda a, s: raw.normal(state, (3,), a, s)[1], [np.array([0.3, 1.0, 2.0]), np.array(0.7)])
    verify_grad(lambda a, b: raw.uniform(state, (2, 3), a, b)[1], [np.array(0.3), np.array([1.0, 2.0, 3.0])])
    p = T.dscalar("p")
    with pytest.raises(NullTypeGradError, match="integers has no derivative"):
        grad(raw.binomial(state, (3,), 4, p)[1].sum().astype("float64"), p)
    mean = T.dscalar("mean")
    assert evaluate(grad(MRG_RandomStreams(1).normal((4,), mean).sum(), mean), {mean: 1.0}) == 4.0


def test_bad_arguments():
    streams = RandomStreams(1)
    with pytest.raises(ValueError, match="has 2 dimensions"):
        streams.uniform((3,), T.dmatrix(), 1.0)
    with pytest.raises(ValueError, match="ndim says 3"):
        streams.uniform(low=T.dmatrix(), ndim=3)
    with pytest.raises(TypeError, match="real numbers"):
        streams.normal((3,), T.zscalar())
    for seed in (0, -1, M2, [1, 2, 3], [0, 0, 0, 1, 1, 1], [1, 1, 1, M2, 1, 1], "seed"):
        with pytest.raises((TypeError, ValueError), match="seed"):
            MRG_RandomStreams(seed)
    for seed in (-1, 2**64, 1.5):
        with pytest.raises(ValueError, match="seed"):
            PhiloxStreams(seed)
    mrg = MRG_RandomStreams(1)
    with pytest.raises(ValueError, match="nstreams=0"):
        mrg.uniform((3,), nstreams=0)
    with pytest.raises(ValueError, match="repeat the rows"):
        mrg.multinomial((3,), pvals=[P])
    with pytest.raises(TypeError, match="what to choose from"):
        mrg.choice(3)
    with pytest.raises(TypeError, match="whole number of trials"):
        mrg.binomial((3,), n=T.dvector())
    with pytest.raises(ValueError, match="without replacement"):
        evaluate(mrg.choice(3, replace=False, p=[0.5, 0.5, 0.0]))
    for wrong in (1.5, -0.1, float("nan"), 2, np.array([0.5, 1.1])):
        with pytest.raises(ValueError, match="from 0 to 1"):
            mrg.binomial((2,), p=wrong)
        if np.asarray(wrong).dtype.kind == "f":
            p = T.TensorType("float64", np.shape(wrong))()
            with pytest.raises(ValueError, match="from 0 to 1"):
                evaluate(mrg.binomial((2,), n=3, p=p), {p: np.asarray(wrong)})
    with pytest.raises(TypeError, match="real numbers"):
        mrg.binomial((2,), p=1j)


# ---------------------------------------------------------------------- the generators themselves


def plain_mrg(state, count):
    """MRG31k3p one number after the other, with the recurrences as the paper has them."""
    numbers = list(map(int, state))
    x, y = numbers[:3], numbers[3:]
    drawn = []
    for _ in range(count):
        x = [(2**22 * x[1] + (2**7 + 1) * x[2]) % M1, *x[:2]]
        y = [(2**15 * y[0] + (2**15 + 1) * y[2]) % M2, *y[:2]]
        drawn.append((x[0] - y[0] if x[0] > y[0] else x[0] - y[0] + M1) * 2.0**-31)
    return drawn


def test_mrg_streams_take_turns():
    draw = MRG_RandomStreams(4321).uniform((3, 5), nstreams=4)
    got = step(draw)
    states = substreams([4321] * 6, 4)
    columns = [plain_mrg(row, 4) for row in states]
    wanted = np.array(columns).T.ravel()[:15].reshape(3, 5)
    np.testing.assert_array_equal(got, wanted)
    again = step(draw)  # the last stream gave one number less
    assert again[0, 0] == plain_mrg(states[0], 5)[-1]
    assert again[0, 3] == plain_mrg(states[3], 4)[-1]


def test_mrg_jumps_are_many_steps():
    one = np.array(jump_matrices(0)[0], dtype=object)
    power = np.eye(3, dtype=object)
    for _ in range(2**6):
        power = power.dot(one) % M1
    assert power.tolist() == jump_matrices(6)[0]
    # From the paper's implementation: the first rows of the matrices of 2^72 and 2^134 steps.
    assert jump_matrices(72)[0][0] == [1516919229, 758510237, 499121365]
    assert jump_matrices(134)[1][0] == [796789021, 1464208080, 607337906]
    states = substreams([7, 8, 9, 10, 11, 12], 5)
    assert states.tolist() == substreams([7, 8, 9, 10, 11, 12], 9)[:5].tolist()
    assert len({tuple(row) for row in states.tolist()}) == 5


def test_mrg_numbers_of_substreams():
    mrg = MRG_RandomStreams(1)
    assert [mrg.n_streams(size) for size in ((4,), (12,), (600, 1000), (T.iscalar(),), ())] == [4, 2, 15360, 15360, 1]
    assert mrg.get_substream_rstates(3).shape == (3, 6)
    before = mrg.rstate.copy()
    mrg.get_substream_rstates(3, inc_rstate=False)
    assert mrg.rstate.tolist() == before.tolist()


KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
     (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
]  # fmt: skip


@pytest.mark.parametrize(("counter", "key", "wanted"), KNOWN)
def test_philox_known_answers(counter, key, wanted):
    """The test vectors that its authors publish."""
    assert philox4x32(np.array([counter], np.uint64), key)[0].tolist() == list(wanted)


def test_philox_numbers_depend_on_their_counters_alone():
    state = np.array([5, 2**40 + 1, 2**33], np.uint64)
    whole = words(state, 6)
    for k in range(6):
        np.testing.assert_array_equal(words(state + np.array([0, 0, k], np.uint64), 1), whole[4 * k : 4 * k + 4])
    streams = PhiloxStreams(5)
    a, b = streams.uniform((4,)), streams.uniform((4,))
    assert not np.array_equal(*step(a, b))
    assert a.rng.get_value().tolist() == [5, 0, 2]
    assert b.rng.get_value().tolist() == [5, 1, 2]


def test_quantiles_of_the_normal_distribution():
    normal = statistics.NormalDist()
    p = np.array([1e-300, 1e-20, 1e-9, 0.01, 0.0749, 0.0751, 0.4, 0.5, 0.9, 1 - 1e-16])
    np.testing.assert_allclose(quantile(p), [normal.inv_cdf(v) for v in p], rtol=1e-14)
    assert quantile(np.array([0.0, 1.0])).tolist() == [-np.inf, np.inf]
    assert np.isnan(quantile(np.array([-0.1, 1.1, np.nan]))).all()


# ---------------------------------------------------------------------- distributions


@pytest.mark.parametrize("make", STREAMS)
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_uniform_and_normal_moments(make, dtype):
    streams = make(91)
    u = step(streams.uniform((20000,), -1.0, 3.0, dtype=dtype)).astype("float64")
    z = step(streams.normal((199, 101), 2.0, 3.0, dtype=dtype))
    t = step(streams.truncated_normal((20000,), 1.0, 2.0, dtype=dtype))
    assert (u >= -1).all() and (u <= 3).all() and (dtype == "float16" or (u < 3).all())
    assert z.shape == (199, 101) and z.dtype == dtype and np.isfinite(z).all()
    assert abs(u.mean() - 1) < 0.04 and abs(u.std() - 4 / 12**0.5) < 0.03
    assert abs(z.mean(dtype="float64") - 2) < 0.08 and abs(z.std(dtype="float64") - 3) < 0.06
    assert (abs(t.astype("float64") - 1) <= 4.01).all() and abs(t.std(dtype="float64") - 2 * 0.8796) < 0.04


@pytest.mark.parametrize("make", STREAMS)
def test_discrete_moments(make):
    streams = make(17)
    b = step(streams.binomial((20000,), n=4, p=0.3))
    assert b.dtype == "int64" and abs(b.mean() - 1.2) < 0.03 and abs(b.var() - 0.84) < 0.03
    mask = step(streams.binomial((20000,), p=0.8, dtype="float32"))
    assert mask.dtype == "float32" and set(mask) == {0.0, 1.0} and abs(mask.mean() - 0.8) < 0.01
    i = step(streams.random_integers((20000,), 3, 6))
    assert np.abs(np.bincount(i)[3:] - 5000).max() < 250 and set(i) == {3, 4, 5, 6}
    m = step(streams.multinomial(n=20000, pvals=np.array([P, [0.0, 1.0, 0.0]])))
    assert np.abs(m[0] - 20000 * np.array(P)).max() < 300 and m[1].tolist() == [0, 20000, 0]
    assert step(streams.multinomial(n=5, pvals=P)).sum() == 5
    c = step(streams.choice(20000, p=P))
    assert c.shape == (20000,) and np.abs(np.bincount(c) - 20000 * np.array(P)).max() < 300
    w = step(streams.choice(3, p=np.tile(P, (50, 1)), replace=False))
    assert all(sorted(row) == [0, 1, 2] for row in w.tolist())
    assert sorted(step(streams.choice(4, a=np.array([1.5, 2.5, 3.5, 4.5]), replace=False))) == [1.5, 2.5, 3.5, 4.5]
    assert set(step(streams.choice(200, a=3))) == {0, 1, 2}
    assert sorted(step(streams.multinomial_wo_replacement(n=2, pvals=[[0.5, 0.5]]))[0]) == [0, 1]


@pytest.mark.parametrize("make", STREAMS)
def test_shapes_of_arguments_and_sizes(make):
    streams = make(3)
    n, x = T.iscalar("n"), T.dmatrix("x")
    assert evaluate(streams.normal((n, 3)), {n: 3}).shape == (3, 3)
    assert evaluate(streams.normal(avg=x), {x: np.ones((2, 5))}).shape == (2, 5)
    assert evaluate(streams.binomial(p=x), {x: np.ones((2, 5))}).tolist() == [[1] * 5] * 2
    assert streams.uniform(low=T.dcol(), high=T.drow()).type.shape == (None, None)
    assert evaluate(streams.normal((0, 4))).shape == (0, 4)
    assert evaluate(streams.uniform(())).shape == ()
    assert evaluate(streams.binomial((2,), n=n, p=1.0), {n: 6}).tolist() == [6, 6]
