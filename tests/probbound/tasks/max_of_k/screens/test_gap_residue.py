"""Gap classes and what is left of them: a partition, counted exactly, drawn exactly."""

import itertools
from collections import Counter

import numpy as np
import pytest
from scipy.stats import chi2

from probbound.contract.cost import CostMeter
from probbound.contract.residue import draw
from probbound.draws.random_streams import Stream
from probbound.tasks.max_of_k.screens.gap_classes import GapClasses, gap_classes
from probbound.tasks.max_of_k.screens.gap_residue import GapResidue
from probbound.tasks.max_of_k.screens.ladder import LadderScreen
from probbound.tasks.max_of_k.screens.windows import label_windows, trailing_windows
from tests.factories import copying_model

SHAPES = [(1, 3, 0.0), (2, 4, 0.0), (5, 1, 0.0), (6, 4, 0.0), (7, 3, 2.6), (6, 2, 9.0)]


def everything_left(classes):
    """The residue of a screen that certifies nothing."""
    v = classes.d_vocab
    left = np.zeros((v, v, len(classes.counts)), dtype=bool)
    for query, label in itertools.product(range(v), repeat=2):
        allowed = classes.units[label] > 0
        left[query, label] = allowed & (classes.has_label | (query == label)) & (query <= label)
    counts = (left * classes.units).sum(axis=2)
    return GapResidue(classes, np.packbits(left, axis=2), counts)


@pytest.mark.parametrize(("d_vocab", "n_ctx", "offset"), SHAPES)
def test_the_multisets_are_a_partition_of_all_sequences(d_vocab, n_ctx, offset):
    residue = everything_left(gap_classes(d_vocab, n_ctx, offset, 1.0))
    tickets = residue.members(np.arange(residue.tickets), Stream.from_seed(0), 0)
    found = set(map(tuple, tickets.members.tolist()))
    assert len(found) == residue.tickets == residue.size == d_vocab**n_ctx
    assert not tickets.blank.any()


def test_classes_are_few_but_never_fewer_than_five():
    assert gap_classes(64, 4, 0.0, 1.0).starts == (0, 1, 2, 3, 4, 5)
    assert gap_classes(64, 4, 8.0, 1.0).starts == (0, 1, 9, 10, 11, 13)
    assert len(gap_classes(64, 20, 0.0, 1.0).starts) == 5
    assert len(gap_classes(3, 20, 0.0, 1.0).starts) == 3


@pytest.mark.parametrize("starts", [(0, 1), (0, 1, 2, 5), (0, 1, 4, 7, 8)])
def test_windows_are_the_extremes_over_each_class(starts):
    classes = GapClasses(9, 2, starts)
    table = np.random.default_rng(0).standard_normal((9, 9))
    high = trailing_windows(np.maximum, table, classes)
    low = trailing_windows(np.minimum, table, classes)
    by_label = label_windows(table, classes)
    for c, label in itertools.product(range(len(starts)), range(9)):
        tokens = [t for t in range(label + 1) if starts[c] <= label - t < classes.stops[c]]
        assert len(tokens) == classes.sizes[label, c]
        if tokens:
            np.testing.assert_array_equal(high[c, :, label], table[:, tokens].max(axis=1))
            np.testing.assert_array_equal(low[c, :, label], table[:, tokens].min(axis=1))
            assert by_label[c, label] == table[tokens, label].max()


def chi_square(residue, n):
    """A statistic of n draws against the uniform law over sequences, and its degrees."""
    tickets = draw(residue, Stream.from_seed(1), 0, n)
    counts = Counter(map(tuple, tickets.genuine.tolist()))
    share = n / float(residue.tickets << residue.classes.unit_bits)
    statistic = sum((count - share) ** 2 / share for count in counts.values())
    blank = n - share * len(counts)
    assert bool(tickets.blank.any()) == (blank > 1e-9)
    return statistic + (tickets.blank.sum() - blank) ** 2 / max(blank, 1), len(counts)


@pytest.mark.parametrize("bits", [0, 1, 3])
def test_draws_are_uniform_over_what_is_left(bits, monkeypatch):
    """False-alarm rate 1e-6, with tickets of one sequence and of several."""
    residue = LadderScreen("sub-cubic").enumerate(copying_model(2), CostMeter())
    size = residue.tickets
    if bits:
        monkeypatch.setattr(GapClasses, "integers", object)
        monkeypatch.setattr(GapClasses, "unit_bits", bits)
        residue = LadderScreen("sub-cubic").enumerate(copying_model(2), CostMeter())
        assert residue.size >= size
    statistic, members = chi_square(residue, 20_000)
    assert members == size
    assert statistic < chi2.isf(1e-6, members)


def test_draws_depend_on_their_number_alone():
    residue = everything_left(gap_classes(64, 20, 0.0, 1.0))
    assert residue.classes.unit_bits == 59
    whole = draw(residue, Stream.from_seed(3), 0, 60)
    parts = [draw(residue, Stream.from_seed(3), a, b) for a, b in ((0, 1), (1, 40), (40, 60))]
    np.testing.assert_array_equal(whole.members, np.concatenate([p.members for p in parts]))
    assert whole.members.max() <= 63
    assert whole.members.min() >= 0
    assert residue.draw_flops(10) == 10 * residue.draw_flops(1) > 0
