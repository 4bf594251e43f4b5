"""Loops with random steps against the same loops written out, step by step: values and derivatives."""

import sys
from pathlib import Path

import pytest

from symopt import Mode

sys.path.insert(0, str(Path(__file__).parent))
from random_steps import compare

#: Some have found mistakes: 2, 32 and 38 in the order of nodes that make memory, in counting rewrites, in types; 6 and
#: 393 in products that depend on shapes alone, and 6 in comparisons with values of another loop.
SEEDS = [2, 6, 32, 38, 393, *range(3, 45, 6)]


@pytest.mark.parametrize("mode", [Mode("compared", linker="py"), "FAST_COMPILE"], ids=["rewritten", "FAST_COMPILE"])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_loop_equals_itself_written_out(seed, mode):
    compare(seed, mode)


@pytest.mark.c
@pytest.mark.parametrize("mode", ["FAST_RUN", "DEBUG"])
@pytest.mark.parametrize("seed", [6, 11])
def test_so_do_loops_in_c(seed, mode):
    compare(seed, mode)


@pytest.mark.c
@pytest.mark.default_mode
@pytest.mark.parametrize("seed", [0, 9, 17, 4141, 12054])
def test_so_do_loops_that_make_their_steps_twice(seed):
    """4141 has found an equal node whose type knew less than that of the one it took the place of;
    12054 lengths taken out of a loop as rows of numbers, of which there are none where no step is made."""
    compare(seed, "less_memory")


@pytest.mark.c
@pytest.mark.default_mode
@pytest.mark.parametrize("seed", [300002, 301019, 302002, 320003])
@pytest.mark.parametrize("mode", ["FAST_RUN", "FAST_COMPILE", "less_memory"])
def test_so_do_loops_with_choices_draws_matrices_and_cut_gradients(seed, mode):
    """301019 has found initial rows that second derivatives reached around a cut gradient; 302002 lengths that were
    computed only where one side of a choice was taken, and used on both; 320003 a draw that is handed out twice."""
    compare(seed, mode, wide=True)
