import itertools

import numpy as np
import pytest

from probbound import FactoredMatrix, NoiseTerm, UserError
from probbound.noise.inputs import diagonal_flops, input_share, input_share_from_share
from tests.probbound.noise.terms import touching_share

LARGE = np.random.default_rng(0).random((5, 5)) < 0.3
MATRIX = FactoredMatrix(LARGE.astype(float), np.eye(5))


@pytest.mark.parametrize(
    ("reads", "n_ctx"), list(itertools.product(("pairs", "rows", "last-row"), (1, 2, 4)))
)
def test_exact_counts_give_the_exact_share(reads, n_ctx):
    term = NoiseTerm.whole(MATRIX, reads)
    counts = LARGE.sum(axis=1).astype(float)
    found = input_share(term, counts, int(counts.sum()), 0.5, n_ctx)
    expected = touching_share(LARGE, reads, n_ctx)
    assert expected <= found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("n_ctx", [1, 2, 4])
def test_the_union_bound_is_above_the_exact_share(n_ctx):
    term = NoiseTerm.whole(MATRIX, "pairs")
    found = input_share_from_share(term, float(LARGE.mean()), 0.5, n_ctx)
    assert touching_share(LARGE, "pairs", n_ctx) <= found <= 1


def test_a_share_of_entries_says_nothing_of_whole_rows():
    with pytest.raises(UserError, match="use a method that bounds rows"):
        input_share_from_share(NoiseTerm.whole(MATRIX, "rows"), 0.1, 0.5, 2)
    assert diagonal_flops(NoiseTerm.whole(MATRIX, "rows")) == 0
