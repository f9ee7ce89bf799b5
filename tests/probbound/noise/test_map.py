"""The map of circuits: energies against dense SVDs, the Gaussian law, and shares that hold."""

from __future__ import annotations

import dataclasses
import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy import stats

from probbound import UserError
from probbound.arithmetic.factored import FactoredMatrix
from probbound.draws.random_streams import Stream
from probbound.noise.contract import Settings
from probbound.noise.map import (
    Circuit,
    Tile,
    energy_left,
    gaussian_factors,
    gaussian_left,
    tiles,
)

DIMENSIONS = (24, 7, 18, 30)


def circuit(seed: int, head: int = 0, dimensions: tuple[int, ...] = DIMENSIONS) -> Circuit:
    rng = np.random.default_rng(seed)
    shapes = pairwise(dimensions)
    return Circuit("qk", 0, head, tuple(rng.standard_normal(shape) for shape in shapes))


def settings(seed: int = 0, budget: int = 100, delta: float = 1e-3) -> Settings:
    return Settings(Stream.from_seed(seed), budget, math.log(delta))


def dense(chain: Circuit) -> np.ndarray:
    return np.linalg.multi_dot(chain.factors)


def remainder(chain: Circuit, rank: int) -> np.ndarray:
    left, values, right = np.linalg.svd(dense(chain), full_matrices=False)
    return (left[:, rank:] * values[rank:]) @ right[rank:]


def test_energies_and_shares_are_those_of_the_dense_matrix():
    chain = circuit(0)
    (tile,) = tiles([chain], settings(budget=10_000), rank=2, threshold=3.0)
    values = np.linalg.svd(dense(chain), compute_uv=False)
    for k in (1, 4):
        expected = (values[k:] ** 2).sum() / (values**2).sum()
        assert tile.left[k] == pytest.approx(expected, rel=1e-10)
    assert 16 not in tile.left  # the inner dimension is 7
    rest = remainder(chain, 2)
    share = np.mean(np.abs(rest) > 3)
    assert tile.exact is not None
    assert tile.exact.bound == pytest.approx(share, abs=1e-12)
    assert tile.sampled.bound == pytest.approx(share, abs=1e-12)  # the budget is all entries
    assert tile.rms == pytest.approx(np.sqrt((rest**2).mean()), rel=1e-6)
    assert tile.shape == (24, 30)


def test_the_threshold_is_three_times_the_proven_rms():
    (tile,) = tiles([circuit(1)], settings())
    assert tile.threshold == 3 * tile.rms


def test_delta_is_split_over_the_circuits():
    chains = [circuit(seed, head) for seed, head in enumerate(range(4))]
    found = list(tiles(chains, settings(budget=50)))
    total = math.fsum(tile.sampled.delta for tile in found)
    assert 0.999e-3 < total <= 1e-3


def test_all_shares_of_a_map_hold_at_once():
    """100 maps at δ = 0.2: those with a bound below the truth are few, with false alarm 1e-6."""
    chains = [circuit(seed, head) for seed, head in enumerate(range(3))]
    truths = [np.mean(np.abs(remainder(chain, 1)) > 4.0) for chain in chains]
    maps, failed, widths = 100, 0, []
    for seed in range(maps):
        found = list(tiles(chains, settings(seed, 20, 0.2), threshold=4.0))
        pairs = list(zip(found, truths, strict=True))
        failed += any(tile.sampled.bound < truth for tile, truth in pairs)
        widths += [tile.sampled.bound for tile in found]
    assert failed <= stats.binom.isf(1e-6, maps, 0.2)
    assert np.mean(widths) < 0.9  # and it says something


def test_streaming_is_left_out_where_it_is_dearer_unless_asked_for():
    chain = circuit(2, dimensions=(80, 3, 80))
    (tile,) = tiles([chain], settings(budget=100))
    assert tile.exact is None
    (tile,) = tiles([chain], settings(budget=100), exact=True)
    assert tile.exact is not None
    (tile,) = tiles([chain], settings(budget=200))
    assert tile.exact is not None


def test_a_bound_hangs_neither_on_the_place_in_the_list_nor_on_the_others_draws():
    one, other = circuit(3, 0), circuit(4, 1)
    forwards = list(tiles([one, other], settings(budget=50)))
    backwards = list(tiles([other, one], settings(budget=50)))
    assert [tile.sampled.bound for tile in forwards] == [
        tile.sampled.bound for tile in backwards[::-1]
    ]


@pytest.mark.parametrize("dimensions", [(40, 6, 9, 50), (40, 6, 50), (5, 8, 6), (30, 12), (12, 30)])
def test_the_gaussian_energies_are_those_of_gaussian_matrices(dimensions):
    """Bartlett's triangles against the matrices themselves, 400 of each, false alarm 1e-6."""
    rng, ks = np.random.default_rng(0), (1, 3)
    shapes = list(pairwise(dimensions))

    def drawn(factors):
        return list(energy_left(FactoredMatrix(*factors).singular_values(), ks).values())

    direct = np.array([drawn([rng.standard_normal(s) for s in shapes]) for _ in range(200)])
    short = np.array([drawn(gaussian_factors(rng, dimensions)) for _ in range(200)])
    for k in range(len(ks)):
        pvalue: Any = stats.ks_2samp(direct[:, k], short[:, k])[1]
        assert pvalue > 1e-6
    mean = gaussian_left(dimensions, ks)
    spread = direct.std(axis=0) / math.sqrt(8)
    for at, k in enumerate(ks):
        assert abs(mean[k] - direct[:, at].mean()) < 6 * spread[at]


def test_a_triangle_is_no_larger_than_the_inner_dimension():
    rng = np.random.default_rng(0)
    shapes = [factor.shape for factor in gaussian_factors(rng, (10**7, 5, 8, 10**6))]
    assert shapes == [(5, 5), (5, 8), (8, 8)]


def test_a_head_of_zeros_has_nothing_left():
    nothing = dataclasses.replace(circuit(0), factors=(np.zeros((9, 6)), np.zeros((6, 9))))
    (tile,) = tiles([nothing], settings())
    assert tile.left == {1: 0.0, 4: 0.0}
    assert (tile.threshold, tile.sampled.bound) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("factors", "rank", "message"),
    [
        ((np.ones((3, 2)), np.ones((2, 3))), 3, "rank must lie between 0 and 2, got 3: qk 1.2"),
        ((np.ones((3, 2)), np.ones((3, 3))), 1, "must be equal"),
        ((np.full((3, 2), np.nan), np.ones((2, 3))), 1, "holds a NaN"),
    ],
)
def test_what_cannot_be_mapped_is_refused(factors, rank, message):
    with pytest.raises(UserError, match=message):
        list(tiles([Circuit("qk", 1, 2, factors)], settings(), rank))


def test_a_map_of_nothing_is_refused():
    with pytest.raises(UserError, match="at least one circuit"):
        list(tiles([], settings()))


def test_tiles_know_their_names():
    assert Circuit("qk", 1, 2, ()).name == "qk 1.2"
    assert Circuit("mlp-in", 1, None, ()).name == "mlp-in 1"
    assert dataclasses.is_dataclass(Tile)
