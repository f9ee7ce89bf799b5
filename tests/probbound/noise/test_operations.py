"""Operations of the methods that bound noise for certain, or by a sketch, held to a count."""

import itertools

import numpy as np
import pytest

from estimators import mean, proportion, quantile, tiles
from probbound.arithmetic.factored import FactoredMatrix
from probbound.draws.random_streams import Stream
from probbound.noise.contract import Quantity, Settings
from probbound.noise.registry import method_named
from probbound.noise.term import NoiseTerm
from tests.counting import counting, uncounted

CHAINS = {"two factors": (48, 24, 48), "four factors": (48, 24, 12, 24, 48)}
ASKED = {
    "exact": ["largest-entry", "largest-row-spread", "row-norms", "mean", "spectral-norm"],
    "max-diff": ["largest-row-spread"],
    "second-moments": ["largest-row-spread", "row-norms"],
    "svd": ["spectral-norm"],
    "subproduct": ["largest-row-spread"],
    "frobenius": ["largest-row-spread"],
    "recursive": ["largest-row-spread"],
    "sketch": ["row-norms", "largest-row-spread", "spectral-norm"],
}


def matrix(sizes):
    rng = np.random.default_rng(0)
    pairs = itertools.pairwise(sizes)
    with counting():
        return FactoredMatrix(*(np.asarray(rng.standard_normal(shape)) for shape in pairs))


@pytest.mark.parametrize("sizes", CHAINS)
@pytest.mark.parametrize(
    ("name", "quantity"), [(name, quantity) for name, asked in ASKED.items() for quantity in asked]
)
def test_methods(name, quantity, sizes):
    """To a hundredth; of a sketch to a twentieth, as its Gaussian numbers are not counted."""
    term = NoiseTerm.whole(matrix(CHAINS[sizes]), "rows")
    with counting() as count:
        (row,) = method_named(name).bounds(
            term, [Quantity(quantity)], Settings(Stream.from_seed(0))
        )
    below = 0.05 if name == "sketch" else 0.01
    assert (1 - below) * count.floats <= row.flops <= 1.01 * (count.floats + count.integers)


SAMPLED = {"entries": 0.01, "entries-iid": 0.01, "rows": 0.01, "tiles": 0.04, "norm-screen": 0.06}


@pytest.fixture
def intervals_have_no_price(monkeypatch):
    for module, name in ((proportion, "hypergeometric"), (mean, "betting"), (tiles, "share")):
        monkeypatch.setattr(module, name, uncounted(getattr(module, name)))
    for module, name in ((quantile, "exceedance"), (tiles, "effective_cells")):
        monkeypatch.setattr(module, name, uncounted(getattr(module, name)))


@pytest.mark.parametrize("sizes", CHAINS)
@pytest.mark.parametrize("quantity", ["share-above", "input-share"])
@pytest.mark.parametrize("name", SAMPLED)
@pytest.mark.usefixtures("intervals_have_no_price")
def test_sampled_methods(name, quantity, sizes):
    """Without the interval. Balancing a norm screen's factors is r³, priced in round numbers."""
    term = NoiseTerm.whole(matrix(CHAINS[sizes]), "pairs")
    asked = Quantity(quantity, threshold=1.0, n_ctx=4 if quantity == "input-share" else None)
    settings = Settings(Stream.from_seed(0), budget=1500)
    with counting() as count:
        (row,) = method_named(name).bounds(term, [asked], settings)
    assert (1 - SAMPLED[name]) * count.floats <= row.flops <= count.floats + count.integers


def test_input_shares_look_at_the_diagonal_once():
    term = NoiseTerm.whole(matrix(CHAINS["four factors"]), "pairs")
    asked = [Quantity("input-share", threshold=1.0, n_ctx=4)]
    with counting() as count:
        (row,) = method_named("recursive").bounds(term, asked, Settings(Stream.from_seed(0)))
    assert 0.98 * count.floats <= row.flops <= count.floats + count.integers
