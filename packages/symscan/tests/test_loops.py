"""The loops are not built yet: they must say so, by name, when called and not before."""

import pytest

import symscan

CALLS = {
    "scan": lambda: symscan.scan(lambda x: x, sequences=[1], outputs_info=None, n_steps=3),
    "map": lambda: symscan.map(lambda x: x, [1]),
    "reduce": lambda: symscan.reduce(lambda x, acc: x, [1], 0),
    "foldl": lambda: symscan.foldl(lambda x, acc: x, [1], 0),
    "foldr": lambda: symscan.foldr(lambda x, acc: x, [1], 0),
    "until": lambda: symscan.until(True),
}


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_loop_that_is_not_built_names_itself_and_its_package(name):
    with pytest.raises(NotImplementedError, match=rf"symscan\.{name} was called.*Python loop"):
        CALLS[name]()


def test_every_public_name_is_covered_here():
    assert set(symscan.__all__) - {"__version__"} == set(CALLS)


def test_the_step_is_never_called():
    called = []
    with pytest.raises(NotImplementedError):
        symscan.scan(lambda *args: called.append(args), sequences=[1, 2])
    assert not called
