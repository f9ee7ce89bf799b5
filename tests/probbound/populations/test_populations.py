"""Every population: its list, its tickets and its draws say the same of its members."""

import json
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from probbound.draws.priors import Prior
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.populations.contract import MOST_TICKETS, numbered
from probbound.populations.drawn import CHUNK, Drawn
from probbound.populations.listed import Listed
from probbound.populations.product import Product
from probbound.populations.sequences import Sequences
from probbound.populations.strata import Strata

FINITE = [
    Product(3),
    Product(2, 3, 4),
    Sequences([(1, 1), (1, 1, 1)]),
    Sequences([(0, 0, 1), (1, 2, 0, 5), (2, 2)]),
    Sequences([Prior((1, 3)), Prior((1, 3)), (0, 7)]),
    Listed(["a", "b", "c"]),
    Listed(["a", "b", "a", ("a",), ["a"]], [1, 2, 3, 4, 5]),
    Listed(np.array([[1, 2], [3, 4], [1, 2]])),
    Listed(range(9), [10**k for k in range(9)]),
]


def key(member):
    return tuple(member.tolist()) if isinstance(member, np.ndarray) else repr(member)


def counted(population):
    """How many tickets each member has, by its list."""
    batch, counts = population.listing(0, population.size)
    return dict(zip(map(key, population.handed(batch)), counts.tolist(), strict=True))


@pytest.mark.parametrize("population", FINITE, ids=lambda p: str(p.statement())[:60])
def test_tickets_are_those_of_the_list(population):
    listed = counted(population)
    assert len(listed) == population.size
    assert sum(listed.values()) == population.tickets
    assert population.uniform == (set(listed.values()) == {1})
    if population.tickets < 10**5:
        every = np.arange(population.tickets)
        members = list(map(key, population.handed(population.members(every))))
        assert Counter(members) == listed
        firsts = population.firsts(every)
        assert (population.firsts(firsts) == firsts).all()
        assert len(set(firsts.tolist())) == population.size
        assert [key(m) for m in population.handed(population.members(firsts))] == members


@pytest.mark.parametrize("population", FINITE, ids=lambda p: str(p.statement())[:60])
def test_draws_are_by_ticket_and_statements_are_json(population):
    stream = Stream.from_seed(1)
    tickets = stream.integers(3, 40, population.tickets)
    assert (population.draw(stream, 3, 40) == population.members(tickets)).all()
    assert json.loads(json.dumps(population.statement())) == population.statement()


def test_without_numbers_positions_have_streams_of_their_own():
    stream, wide = Stream.from_seed(2), Product(2**40, 7, 2**40)
    rows = wide.draw(stream, 5, 9)
    assert not numbered(wide)
    for place, size in enumerate(wide.sizes):
        column = stream.fold_in(f"position {place}").integers(5, 9, size)
        assert (rows[:, place] == column).all()
    long = Sequences([(1, 2, 0, 1)] * 40)
    assert long.tickets == 4**40 > MOST_TICKETS
    assert not (long.draw(stream, 0, 99) == 2).any()


def test_equal_items_are_one_member_and_weights_are_divided_out():
    merged = Listed(["a", "b", "a", "c"], [2, 4, 2, 0])
    assert (merged.size, merged.tickets, merged.mass, merged.uniform) == (2, 2, 8, True)
    assert merged.statement()["weights"] is None
    assert merged.statement() == Listed(["a", "b"]).statement()
    assert Listed([1, 1.0, True, "1"]).size == 4
    assert Listed(np.array([0.5, 0.25, 0.5])).size == 2


def test_shares_are_rounded_to_multiples_of_two_to_the_minus_24():
    rounded = Listed.of_shares("ab", [0.1, 0.2])
    assert rounded.mass == 2**24
    assert abs(Fraction(int(rounded.weights[0]), rounded.tickets) - Fraction(1, 3)) < 2**-24


def test_the_heaviest_are_taken_while_they_would_be_met():
    heavy = Listed(range(6), [1, 100, 1, 40, 1, 1]).heavy(3)
    assert heavy is not None
    assert heavy.batch.tolist() == [1, 3]
    assert heavy.counts.tolist() == [100, 40]
    assert heavy.rest.tickets == 4
    assert heavy.rest.members(np.arange(4)).tolist() == [0, 2, 4, 5]
    assert not heavy.rest.uniform
    assert Listed(range(6)).heavy(3) is None
    assert Listed(range(6), [1, 2, 1, 2, 1, 1]).heavy(1) is None
    assert Product(6).heavy(6) is None


def test_what_is_left_after_the_heaviest_is_never_taken_for_equal_weights():
    weights = [10**6, *[1] * 2, 3]  # four members, and what is left has five tickets
    heavy = Listed(range(4), [10**6, 1, 1, 2]).heavy(2)
    assert heavy is not None
    rest = heavy.rest
    assert rest.tickets == rest.size == len(weights)
    assert rest.members(np.arange(4)).tolist() == [1, 2, 3, 3]


def test_a_sampler_is_asked_chunk_by_chunk():
    asked = []

    def sample(rng, n):
        asked.append(n)
        return rng.random((n, 2))

    population, stream = Drawn(sample, "pairs"), Stream.from_seed(0)
    whole = population.draw(stream, CHUNK, 2 * CHUNK)
    part = population.draw(stream, CHUNK, CHUNK + 5)
    assert asked == [CHUNK, 5]
    assert (whole[:5] == part).all()
    assert (
        Drawn(lambda rng, n: [[1, 2]] * n, "lists").handed(
            Drawn(lambda rng, n: [[1, 2]] * n, "lists").draw(stream, 0, 3)
        )
        == [[1, 2]] * 3
    )


def test_a_source_is_part_of_a_samplers_statement():
    assert (
        Drawn(lambda rng, n: rng.random(n), "a").statement()
        != Drawn(lambda rng, n: rng.normal(n), "a").statement()
    )
    assert Drawn(np.random.Generator.random, "builtins have no source").without_identity()
    assert not Drawn(np.random.Generator.random, "named", version="1").without_identity()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (Product, "needs sizes"),
        (lambda: Product(0), "from 1 to"),
        (lambda: Listed(["a"], [1, 2]), "one for each"),
        (lambda: Listed(["a"], [-1]), "non-negative"),
        (lambda: Listed(["a", "b"], [1, 2**53]), "of_shares"),
        (lambda: Listed([object()]), "text, numbers"),
        (lambda: Listed(np.array(3)), "an array of rows"),
        (lambda: Listed.of_shares(["a"], [-0.5]), "none of them negative"),
        (lambda: Listed.of_shares(["a"], [float("nan")]), "finite numbers"),
        (lambda: Sequences([]), "positions"),
        (lambda: Sequences([(0, 0)]), "not all zero"),
        (lambda: Drawn(np.random.Generator.random, ""), "in words"),
        (lambda: Drawn(lambda rng, n: [1], "x").draw(Stream.from_seed(0), 0, 2), "gave 1"),
        (lambda: Drawn(lambda rng, n: 5, "x").draw(Stream.from_seed(0), 0, 2), "gave a int"),
        (lambda: Strata([]), "pairs"),
        (lambda: Strata([(1, Listed([]))]), "with members"),
        (lambda: Strata([(1, Strata([(1, Product(2))]))]), "multiply the shares out"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_remedy(make, says):
    with pytest.raises(UserError) as raised:
        make()
    assert says in str(raised.value)


def test_strata_are_their_parts_in_reduced_shares():
    mixed = Strata([(Fraction(1, 3), Product(2)), (1, Listed("ab"))])
    assert [share for share, _ in mixed.parts()] == [Fraction(1, 4), Fraction(3, 4)]
    assert mixed.size == 4
    assert Strata([(1, Product(2)), (1, Drawn(np.random.Generator.random, "x"))]).size is None
    assert mixed.statement() == Strata([(2, Product(2)), (6, Listed("ab"))]).statement()
