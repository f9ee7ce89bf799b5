"""Sequences of induction against their definition, and against those of the maker."""

import itertools

import numpy as np
import pytest

from probbound.check.stream import Stream
from probbound.check.tasks.induction.left import Left
from probbound.check.tasks.induction.sequences import Sequences, labels_of, places_of
from probbound.draws.random_streams import Stream as Makers
from probbound.tasks.induction.task import Induction

KINDS = [(v, n, once) for v, n in ((2, 3), (3, 4), (4, 5)) for once in (True, False)]


def defined(v, n, once):
    """Every sequence of Definition 10.1."""
    for tokens in itertools.product(range(v), repeat=n):
        before = [i for i in range(n - 1) if tokens[i] == tokens[-1]]
        if before and (not once or (len(before) == 1 and before[0] <= n - 3)):
            yield tokens, tokens[before[-1] + 1]


def listed(sequences):
    sets = [sequences.matched(q, i) for q in range(sequences.v) for i in sequences.places]
    return np.concatenate(list(Left(np.array(sets)).everything()))


@pytest.mark.parametrize(("v", "n", "once"), KINDS)
def test_sets_hold_every_sequence_once(v, n, once):
    sequences, wanted = Sequences(v, n, once), dict(defined(v, n, once))
    found = listed(sequences)
    assert sequences.size == len(wanted) == len(found)
    assert {
        tuple(row): label for row, label in zip(found.tolist(), labels_of(found), strict=True)
    } == wanted
    cases = list(sequences.cases())
    assert sum(case.number for case in cases) == sequences.size
    for case in cases:
        rows = np.concatenate(list(Left(case.allowed[None]).everything()))
        assert (labels_of(rows) == case.label).all()
        assert len(set(places_of(rows))) == 1


@pytest.mark.parametrize(("v", "n", "once"), KINDS)
def test_maker_and_checker_number_and_draw_the_same(v, n, once):
    sequences, task = Sequences(v, n, once), Induction(v, n, "once" if once else "any")
    np.testing.assert_array_equal(listed(sequences), task.population.members(np.arange(task.size)))
    drawn = np.concatenate(list(sequences.drawn(Stream.of_seed(3).named("x"), 40_000)))
    made = task.sample(Makers.from_seed(3).fold_in("x"), 0, 40_000)
    np.testing.assert_array_equal(drawn, made)
    np.testing.assert_array_equal(labels_of(drawn), task.labels(made))
