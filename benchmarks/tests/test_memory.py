"""The memory table: what no order can do without, and symstack's own figure beside it."""

import pytest

from benchmarks.memory import NETWORKS, data, least, symstack


def test_data_fit_their_networks():
    for name, (widths, batch) in NETWORKS.items():
        parameters, x, y = data(name)
        assert [p.shape for p in parameters[::2]] == list(zip(widths, widths[1:], strict=False))
        assert (x.shape, y.shape) == ((batch, widths[0]), (batch, widths[-1]))


@pytest.mark.parametrize("name", ["mlp_20", "layers_20_wide"])
def test_a_step_needs_little_more_than_it_must(name):
    assert least(name) <= symstack(name) <= 1.2 * least(name)
