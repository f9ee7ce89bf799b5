"""The sampled methods at their edges: ties, tiny and constant matrices, empty and full samples."""

from __future__ import annotations

import math

import numpy as np
import pytest

from probbound.arithmetic.factored import FactoredMatrix
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.noise.contract import MAXIMA, Method, Quantity, Settings
from probbound.noise.planted import planted
from probbound.noise.registry import method_named, noise_table
from probbound.noise.sampled import SAMPLED
from probbound.noise.sampled.draws import distinct, gaussian
from probbound.noise.sampled.entries import gathered
from probbound.noise.sampled.norm_screen import uncertified
from probbound.noise.sampled.sketch import spectral_bound
from probbound.noise.sampled.tiles import SingleFactors, side_for
from probbound.noise.term import NoiseTerm

STREAM = Stream.from_seed(0)


def _settings(budget: int, delta: float = 1e-6) -> Settings:
    return Settings(STREAM, budget, math.log(delta))


def _share(method: str, term: NoiseTerm, threshold: float, budget: int, delta: float = 1e-6):
    quantity = Quantity("share-above", threshold=threshold)
    return method_named(method).bounds(term, [quantity], _settings(budget, delta))[0]


SHARES = [m.name for m in SAMPLED if "share-above" in m.quantities]


def test_no_method_that_samples_entries_offers_a_maximum():
    for method in SAMPLED:
        if method.evidence == "samples":
            assert not method.quantities & MAXIMA
            for name in MAXIMA:
                with pytest.raises(UserError, match="cannot bound"):
                    method.bounds(planted("spike", 8, 8, 2), [Quantity(name)], _settings(9))
    with pytest.raises(ValueError, match="maximum"):
        Method("hopeful", "samples", frozenset(("largest-entry",)), SAMPLED[0].run)


def test_the_quantile_of_level_one_never_comes_from_the_sample():
    term = planted("spike", 50, 50, 4, spike=1e4)
    for seed in range(5):
        settings = Settings(Stream.from_seed(seed), 100, math.log(0.4))
        quantile = Quantity("quantile", level=1.0)
        for name in ("entries", "entries-iid"):
            assert method_named(name).bounds(term, [quantile], settings)[0].bound >= 1e4


@pytest.mark.parametrize("method", SHARES)
def test_shares_at_the_edges(method):
    constant = NoiseTerm.whole(FactoredMatrix(np.full((6, 1), 2.0), np.full((1, 6), 1.5)))
    single = NoiseTerm.whole(FactoredMatrix(np.array([[2.0]]), np.array([[3.0]])))
    zero = NoiseTerm.whole(FactoredMatrix(np.zeros((5, 2)), np.zeros((2, 4))))
    assert _share(method, constant, 2.9, 10_000).bound == 1
    assert _share(method, constant, 3.0, 10_000).bound >= 0
    assert _share(method, single, 5.0, 100).bound == 1
    assert _share(method, zero, 0.1, 100_000).bound < 0.1
    assert _share(method, planted("gaussian", 9, 9, 2), 0.01, 0).bound == 1
    assert _share(method, planted("spike", 30, 30, 1), 1.0, 50).bound >= 1 / 900
    sure, surer = (
        _share(method, planted("heavy-tailed", 60, 60, 3), 5.0, 2_000, d).bound
        for d in (1e-2, 1e-30)
    )
    assert sure <= surer <= 1


@pytest.mark.parametrize("method", ["entries", "rows", "norm-screen"])
def test_a_budget_beyond_the_population_is_an_exact_count(method):
    term = planted("block-sparse", 20, 30, 4)
    found = _share(method, term, 0.5, 10**6)
    left, right = term.remainder.factors
    assert found.bound == pytest.approx(np.mean(np.abs(left @ right) > 0.5), rel=1e-12)
    assert found.delta == 0


def test_the_screen_leaves_every_large_entry_and_numbers_the_rest_once():
    for kind in ("gaussian", "heavy-tailed", "block-sparse", "coherent"):
        matrix = planted(kind, 30, 25, 4).remainder
        rest = uncertified(matrix.two_factor(), 1.5)
        pairs = np.stack(rest.members(np.arange(rest.size)), axis=1)
        assert len(np.unique(pairs, axis=0)) == rest.size
        left = np.zeros(matrix.shape, dtype=bool)
        left[tuple(pairs.T)] = True
        entries = matrix.factors[0] @ matrix.factors[1]
        assert np.all(left[np.abs(entries) > 1.5])


def test_the_screen_alone_certifies_what_norms_decide():
    row = _share("norm-screen", planted("coherent", 200, 200, 8), 4.0, 10)
    assert row.bound == 0
    assert row.log_delta == -math.inf


def test_single_precision_tiles_miss_no_entry_near_the_threshold():
    left, right = np.random.default_rng(0).standard_normal((2, 64, 8)) * [[[1e-8]], [[1e12]]]
    matrix = FactoredMatrix(left, right.T).two_factor()
    exact = np.abs(left @ right.T)
    singles = SingleFactors.of(matrix, matrix.entry_error())
    every = np.arange(64)[None]
    for threshold in np.quantile(exact, [0.0, 0.3, 0.99]) * (1 - 1e-13):
        count = singles.counts(every, every, float(threshold))[0]
        assert np.sum(exact > threshold) <= count <= np.sum(exact > threshold * (1 - 1e-4)) + 1


def test_tiles_keep_their_number_up_when_the_budget_is_small():
    assert side_for(10**8, (10**4, 10**4)) == 64
    assert side_for(10**8, (3, 10**4)) == 2
    assert side_for(100, (50, 50)) == 1


def test_gathered_entries_are_those_asked_for():
    matrix = planted("gaussian", 40, 30, 5).remainder.two_factor()
    drawn = np.random.default_rng(0).integers(1200, size=70_000)
    i, j = np.divmod(drawn, 30)
    dense = matrix.factors[0] @ matrix.factors[1]
    np.testing.assert_allclose(gathered(matrix, i, j), dense[i, j], rtol=0, atol=1e-13)


@pytest.mark.parametrize(("count", "population"), [(0, 0), (0, 5), (5, 5), (3, 100), (90, 1000)])
def test_distinct_draws_are_distinct_and_uniform(count, population):
    drawn = [distinct(STREAM.fold_in(str(r)), count, population) for r in range(300)]
    assert all(len(np.unique(d)) == count == len(d) for d in drawn)
    if count:
        assert all(d.min() >= 0 and d.max() < population for d in drawn)
        first = np.array([d[0] for d in drawn]) / population
        assert abs(first.mean() - (1 - 1 / population) / 2) < 5 * 0.29 / math.sqrt(300)


def test_gaussian_numbers_are_normal_and_reproducible():
    numbers = gaussian(STREAM, 500, 40)
    assert np.array_equal(numbers[:10], gaussian(STREAM, 10, 40))
    assert abs(numbers.mean()) < 0.04
    assert abs((numbers**2).mean() - 1) < 0.06
    assert np.isfinite(numbers).all()


def test_the_spectral_sketch_takes_in_what_cancellation_lost():
    wide = np.random.default_rng(0).standard_normal((30, 3)) * 1e6
    nothing = FactoredMatrix(np.hstack([wide, wide]), np.vstack([wide.T, -wide.T * (1 + 1e-15)]))
    spectrum = np.linalg.norm(wide, 2) ** 2
    assert 1e-16 * spectrum < spectral_bound(nothing, STREAM, math.log(1e-3)) < 1e-6 * spectrum
    assert spectral_bound(FactoredMatrix(np.zeros((3, 3))), STREAM, -1.0) == 0


def test_every_way_of_reading_gets_an_input_share_from_every_method():
    quantity = Quantity("input-share", threshold=1.0, n_ctx=3)
    for reads in ("pairs", "rows", "last-row"):
        matrix = planted("block-sparse", 24, 24, 6).remainder
        term = NoiseTerm.whole(matrix, reads=reads)
        above = np.abs(matrix.factors[0] @ matrix.factors[1]) > 1.0
        bad = above.any(axis=1).mean()
        touched = {
            "pairs": np.where(np.diag(above), 1, 1 - (1 - above.mean(axis=1)) ** 2).mean(),
            "rows": 1 - (1 - bad) ** 3,
            "last-row": bad,
        }[reads]
        names = [m.name for m in SAMPLED if "input-share" in m.quantities]
        rows = noise_table(term, [quantity], _settings(10**4), names)
        assert len(rows) == len(names)
        assert all(row.bound >= touched - 1e-12 for row in rows)
        exact = next(row for row in rows if row.method == "rows")
        assert exact.bound == pytest.approx(touched, rel=1e-9)
