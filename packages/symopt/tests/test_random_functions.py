"""Random draws in compiled functions: states move on with every call, and only when the call succeeds."""

import numpy as np
import pytest

from symcore import as_op
from symcore import tensor as T
from symcore.random import MRG_RandomStreams, PhiloxStreams, RandomStreams
from symopt.function import function

MODES = ["FAST_COMPILE", None]
STREAMS = [RandomStreams, MRG_RandomStreams, PhiloxStreams]


@as_op([T.dvector], [T.dvector])
def refuses_negative(x):
    if (x < 0).any():
        raise ValueError("negative")
    return x.copy()


@pytest.mark.parametrize("mode", MODES)
def test_the_recorded_draws(mode):
    f = function([], RandomStreams(seed=234).uniform((2, 2)), mode=mode)
    np.testing.assert_allclose(f(), [[0.12672381, 0.97091597], [0.13989098, 0.88754825]], atol=5e-9)
    np.testing.assert_allclose(f(), [[0.31971415, 0.47584377], [0.24129163, 0.42046081]], atol=5e-9)
    mrg = MRG_RandomStreams(1234)
    u, z = mrg.uniform((4,)), mrg.normal((4,))
    np.testing.assert_allclose(
        function([], u, mode=mode)(), [0.37257111, 0.65768584, 0.59250678, 0.31931473], atol=5e-9
    )
    wanted = [-0.86690459, 0.94790593, 1.67885771, -1.96506591]
    np.testing.assert_allclose(function([], z, mode=mode)(), wanted, atol=5e-9)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("make", STREAMS)
def test_states_move_on_unless_told_not_to(make, mode):
    streams = make(5)
    u = streams.uniform((3,))
    moving = function([], u, mode=mode)
    still = function([], [u, u + u - 2 * u], mode=mode, no_default_updates=True)
    first = still()
    np.testing.assert_array_equal(first[0], still()[0])
    assert not first[1].any()  # one variable is one draw, however often it is used
    np.testing.assert_array_equal(moving(), first[0])
    assert not np.array_equal(moving(), first[0])
    named = function([], u, mode=mode, no_default_updates=[u.rng])
    np.testing.assert_array_equal(named(), named())
    explicit = function([], u, mode=mode, updates=[u.update])
    assert not np.array_equal(explicit(), explicit())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("make", STREAMS)
def test_a_call_that_fails_leaves_the_state(make, mode):
    shift = T.dscalar("shift")
    u = make(5).uniform((3,))
    f = function([shift], refuses_negative(u + shift), mode=mode)
    expected = function([shift], u + shift, mode=mode, no_default_updates=True)(1.0)
    with pytest.raises(ValueError, match="negative"):
        f(-2.0)
    np.testing.assert_array_equal(f(1.0), expected)


@pytest.mark.parametrize("mode", MODES)
def test_the_state_can_be_an_output_and_is_no_alias(mode):
    u = RandomStreams(5).uniform((3,))
    f = function([], [u, u.update[1], u.rng], mode=mode)
    _, state, old = f()
    state.uniform(size=100)
    old.uniform(size=100)
    following = u.rng.get_value()
    state_again = np.random.RandomState(np.random.RandomState(5).randint(2**30))
    state_again.uniform(size=3)
    np.testing.assert_array_equal(following.uniform(size=3), state_again.uniform(size=3))


@pytest.mark.parametrize("make", STREAMS)
def test_dropout_trains_with_the_mask_of_the_forward_pass(make):
    from symcore import grad

    x = T.dvector("x")
    mask = make(1).binomial((5,), p=0.5, dtype="float64")
    out = x * mask
    f = function([x], [out, grad(out.sum(), x)])
    for _ in range(3):
        y, g = f(np.full(5, 3.0))
        np.testing.assert_array_equal(y, 3 * g)
