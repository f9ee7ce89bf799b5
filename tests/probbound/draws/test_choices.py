"""Exact choices against their definition and their law (Theorem 10.19)."""

import numpy as np
import pytest
from scipy import stats

from probbound.check.stream import Stream as Checkers
from probbound.draws.choices import chosen
from probbound.draws.random_streams import Stream

FALSE_ALARM = 1e-6  # of each chi-square at its fixed seed
WEIGHTS = [
    (1, 2, 0, 3),
    (2**63 - 1, 1, 2**62),
    (2**64, 2**64 - 1),
    (3**60, 2 * 3**60, 0, 5 * 3**60),
    (0, 7**90, 7**90 + 1),
]


def by_definition(seed, number, weights):
    stream, total = Stream.from_seed(seed), sum(weights)
    each = total.bit_length() // 64 + 1
    scale = 2 ** (64 * each) // total
    while True:
        value = 0
        for word in stream.words(number * each, (number + 1) * each).tolist():
            value = value * 2**64 + word
        if value < scale * total:
            return next(j for j in range(len(weights)) if value < scale * sum(weights[: j + 1]))
        stream = stream.fold_in("retry")


@pytest.mark.parametrize("weights", WEIGHTS)
def test_choices_are_those_of_the_definition_on_both_sides(weights):
    found = chosen(Stream.from_seed(4), 0, 300, weights)
    assert found.tolist() == [by_definition(4, i, weights) for i in range(300)]
    assert np.array_equal(chosen(Stream.from_seed(4), 17, 130, weights), found[17:130])
    assert np.array_equal(Checkers.of_seed(4).chosen(weights, 17, 130), found[17:130])


@pytest.mark.parametrize("weights", WEIGHTS)
def test_choices_have_their_odds(weights):
    n = 20_000
    counts = np.bincount(chosen(Stream.from_seed(5), 0, n, weights), minlength=len(weights))
    wanted = [n * (weight / sum(weights)) for weight in weights]
    assert not counts[np.array(wanted) == 0].any()
    some = np.array(wanted) > 1e-9
    assert stats.chisquare(counts[some], np.array(wanted)[some]).pvalue > FALSE_ALARM


@pytest.mark.parametrize("weights", [(0, 5), (3,), (0, 2**70, 0)])
def test_one_possibility_takes_no_words(weights, monkeypatch):
    monkeypatch.setattr(Stream, "words", None)
    monkeypatch.setattr(Checkers, "words", None)
    only = max(range(len(weights)), key=weights.__getitem__)
    assert chosen(Stream.from_seed(0), 2, 5, weights).tolist() == [only] * 3
    assert Checkers.of_seed(0).chosen(weights, 2, 5).tolist() == [only] * 3
