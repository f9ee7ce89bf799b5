"""The row of checks: counts against a loop, batches, looks, interruptions."""

import numpy as np
import pytest

from probbound.own.levels import run_levels
from probbound.own.sample import Chunk


def chunks_of(members, counts, size):
    for at in range(0, len(members), size):
        yield Chunk(members[at : at + size], None if counts is None else counts[at : at + size])


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

    chunks = chunks_of(members, counts, 64)
    tally = run_levels(chunks, [check(t) for t in (first, second, exact)], looks, batch)
    weight = np.ones(500, dtype=int) if counts is None else counts
    left_one, left_two = ~first, ~first & ~second
    looked = np.zeros(500, dtype=bool)
    looked[np.flatnonzero(left_two)[:looks]] = True
    assert tally.samples == (weight.sum(), weight[left_one].sum(), weight[looked].sum())
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

    run_levels(chunks_of(np.arange(1000), None, 10), [lambda b: b % 3 > 0, exact], 1000, 50)
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
    tally = run_levels(chunks_of(members, None, 20), [lambda b: b % 5 > 0, exact], 10**6, 8)
    assert tally.interrupted
    assert tally.members == tally.samples[0]
    reached = [m for m in range(tally.members) if m % 5 == 0]
    looked = reached[: 8 * (stop - 1)]
    assert tally.left == (len(reached), sum(m % 2 for m in looked))
    assert tally.conceded == len(reached) - len(looked)


def test_an_unfinished_chunk_does_not_count():
    def exact(batch):
        if batch[0] >= 60:
            raise KeyboardInterrupt
        return batch % 2 == 0

    tally = run_levels(chunks_of(np.arange(200), None, 20), [exact], 10**6, 8)
    assert (tally.members, tally.samples, tally.left, tally.conceded) == (60, (60,), (30,), 0)
