"""Checks in a row: counts against a loop, batches, looks, interruptions, where they run."""

import numpy as np
import pytest

from probbound.strategies.chunks import Chunk
from probbound.strategies.rooms import InOrder, passed
from probbound.strategies.tally import Step


def steps_of(members, counts, size):
    for at in range(0, len(members), size):
        part = slice(at, at + size)
        chunk = Chunk(members[part], None if counts is None else counts[part])
        yield Step(len(chunk.batch), chunk)


def passed_through(steps, checks, looks, batch):
    """What is left of them by checks that answer True for a good member."""
    leaves = [lambda members, check=check: ~check(members) for check in checks]
    return passed(steps, InOrder(leaves, looks, batch), survives=True)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("looks", [0, 1, 30, 10**6])
@pytest.mark.parametrize("batch", [1, 7, 100])
def test_counts_are_those_of_a_loop(weighted, looks, batch):
    rng = np.random.default_rng(3)
    members = np.arange(500)
    counts = rng.integers(1, 9, 500) if weighted else None
    first, second, exact = (rng.random(500) < share for share in (0.5, 0.6, 0.8))
    sizes = []

    def check(table):
        def good(batch):
            sizes.append(len(batch))
            return table[batch]

        return good

    steps = steps_of(members, counts, 64)
    tally = passed_through(steps, [check(t) for t in (first, second, exact)], looks, batch)
    weight = np.ones(500, dtype=int) if counts is None else counts
    left_one, left_two = ~first, ~first & ~second
    looked = np.zeros(500, dtype=bool)
    looked[np.flatnonzero(left_two)[:looks]] = True
    assert tally.came == (weight.sum(), weight[left_one].sum(), weight[looked].sum())
    assert tally.left == (
        weight[left_one].sum(),
        weight[left_two].sum(),
        weight[looked & ~exact].sum(),
    )
    assert tally.conceded == weight[left_two & ~looked].sum()
    assert tally.looks == looked.sum()
    assert tally.cheap == 500 + left_one.sum()
    assert max(sizes) <= max(64, batch)


def test_later_checks_are_handed_full_batches():
    sizes = []

    def exact(batch):
        sizes.append(len(batch))
        return np.ones(len(batch), dtype=bool)

    passed_through(steps_of(np.arange(1000), None, 10), [lambda b: b % 3 > 0, exact], 1000, 50)
    assert sizes == [50] * 6 + [34]


@pytest.mark.parametrize("stop", [1, 2, 3, 5])
def test_what_was_on_its_way_when_it_was_stopped_is_conceded(stop):
    calls = []

    def exact(batch):
        calls.append(1)
        if len(calls) == stop:
            raise KeyboardInterrupt
        return batch % 2 == 0

    members = np.arange(200)
    steps = steps_of(members, None, 20)
    tally = passed_through(steps, [lambda b: b % 5 > 0, exact], 10**6, 8)
    assert tally.interrupted
    assert tally.draws == tally.came[0]
    reached = [m for m in range(tally.draws) if m % 5 == 0]
    looked = reached[: 8 * (stop - 1)]
    assert tally.left == (len(reached), sum(m % 2 for m in looked))
    assert tally.conceded == len(reached) - len(looked)


def test_an_unfinished_chunk_does_not_count():
    def exact(batch):
        if batch[0] >= 60:
            raise KeyboardInterrupt
        return batch % 2 == 0

    tally = passed_through(steps_of(np.arange(200), None, 20), [exact], 10**6, 8)
    assert (tally.draws, tally.came, tally.left, tally.conceded) == (60, (60,), (30,), 0)


def test_an_interruption_is_passed_on_where_nothing_was_set_aside_for_it():
    def exact(batch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        passed(steps_of(np.arange(9), None, 3), InOrder([exact], 9, 3), survives=False)


@pytest.mark.parametrize("before", [0, 1, 2])
@pytest.mark.parametrize("looks", [0, 7, 10**6])
def test_where_the_checks_run_changes_no_count(before, looks):
    """The first of them may have seen the members of a step before it is taken in."""
    tables = [np.random.default_rng(number).random(500) < 0.4 for number in range(3)]
    leaves = [lambda batch, table=table: table[batch] for table in tables]

    def seen(step):
        chunk, came, left = step.chunk, [], []
        for check in leaves[:before]:
            over = check(chunk.batch)
            came.append(len(over))
            left.append(int(over.sum()))
            chunk = chunk.where(over)
        return Step(step.draws, chunk, tuple(came), tuple(left))

    steps = list(steps_of(np.arange(500), None, 64))
    here = passed(steps, InOrder(leaves, looks, 64), survives=False)
    there = passed(map(seen, steps), InOrder(leaves, looks, 64, before), survives=False)
    assert here == there
    assert here.draws == 500
    assert here.failures == here.left[-1] + here.conceded >= sum(np.logical_and.reduce(tables))
