"""Tickets of product sets: by the definition of docs/induction.md, and as the maker has them."""

import math
from fractions import Fraction

import numpy as np
import pytest

from probbound.check.stream import Stream
from probbound.check.tasks.induction import left as module
from probbound.check.tasks.induction.left import Left
from probbound.contract.residue import Residue
from probbound.draws.random_streams import Stream as Makers
from probbound.populations.product_sets import ProductSets
from probbound.strategies.levels import TicketDraws


def sets(seed, places=4, tokens=3, number=5):
    """Random sets, none of them empty."""
    found = np.random.default_rng(seed).random((number, places, tokens)) < 0.6
    found[..., 0] |= ~found.any(axis=2)
    return found


def test_every_sequence_is_listed_in_order():
    for one in sets(1):
        wanted = np.stack(np.meshgrid(*map(np.flatnonzero, one), indexing="ij"), -1).reshape(-1, 4)
        (rows,) = Left(one[None]).everything()
        np.testing.assert_array_equal(rows, wanted)
    many = Left(sets(1))
    rows = np.concatenate(list(many.everything()))
    assert len(rows) == many.tickets == sum(many.masses)
    assert many.covered_by(len(rows))
    assert not many.covered_by(len(rows) - 1)
    assert many.share(1000) >= Fraction(len(rows), 1000)


def test_nothing_left_is_a_share_of_nothing():
    none = Left.of([], 4, 3)
    assert (none.tickets, none.share(7), list(none.everything())) == (0, 0.0, [])
    assert none.covered_by(0)


@pytest.mark.parametrize(("places", "tokens"), [(3, 3), (26, 8), (60, 9)])
def test_maker_and_checker_draw_the_same(places, tokens):
    """Also where a ticket is one of many numbers, and words of more than 64 bits are read."""
    found = sets(2, places, tokens)
    mine, makers = Left(found), ProductSets(found)
    assert isinstance(makers, Residue)
    assert (mine.bits, mine.tickets) == (makers.bits, makers.tickets)
    assert (mine.bits > 0) == (places > 3)
    drawn = list(mine.drawn(Stream.of_seed(5).named("residue"), 3000))
    made = TicketDraws(makers, Makers.from_seed(5).fold_in("residue")).tickets(0, 3000)
    np.testing.assert_array_equal(np.concatenate(drawn), made.members[~made.blank])


def test_bits_are_as_few_as_leave_so_many_tickets(monkeypatch):
    monkeypatch.setattr(module, "_MOST_TICKETS", 1 << 53)
    rng = np.random.default_rng(4)
    for number in (1, 3, 50):
        many = Left(sets(int(rng.integers(99)), 24, 8, number))
        for bits, few in ((many.bits, True), (many.bits - 1, False)):
            assert (sum(math.ceil(Fraction(m, 2**bits)) for m in many.masses) <= 2**53) == few


def test_a_blank_ticket_shows_nothing():
    """A set of three sequences on one ticket of four numbers: a quarter of the draws is blank."""
    one = np.array([[[True, True, True]]])
    many = Left(one)
    many.__dict__["bits"] = 2
    drawn = np.concatenate(list(many.drawn(Stream.of_seed(1), 40_000)))
    assert many.tickets == 1
    assert many.share(4) == 1.0
    assert abs(len(drawn) - 30_000) < 7 * math.sqrt(40_000 * 3 / 16)
    assert (abs(np.bincount(drawn[:, 0]) - 10_000) < 7 * math.sqrt(10_000)).all()
