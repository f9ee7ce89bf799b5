"""The sequences of induction: sizes, labels and draws, against enumeration (10.1 and 10.2)."""

import itertools

import numpy as np
import pytest
from scipy import stats

from probbound import UserError
from probbound.draws.random_streams import Stream
from probbound.populations.product_sets import all_of
from probbound.tasks.induction.cases import cases
from probbound.tasks.induction.task import Induction, matched, stated
from probbound.tasks.induction.words import counted

FALSE_ALARM = 1e-6  # of each chi-square at its fixed seed
SIZES = [(2, 3), (2, 5), (3, 4), (4, 5), (5, 3)]


def by_definition(v, n, repeats):
    """Every sequence, with its right answer."""
    found = {}
    for x in itertools.product(range(v), repeat=n):
        before = [i for i in range(n - 1) if x[i] == x[-1]]
        if repeats == "any" and before:
            found[x] = x[before[-1] + 1]
        if repeats == "once" and len(before) == 1 and before[0] <= n - 3:
            found[x] = x[before[0] + 1]
    return found


@pytest.mark.parametrize(
    ("v", "n", "repeats"), [(*s, r) for s in SIZES for r in ("once", "any")] + [(3, 2, "any")]
)
def test_the_sequences_are_those_of_the_definition(v, n, repeats):
    task, wanted = Induction(v, n, repeats), by_definition(v, n, repeats)
    assert task.size == task.mass == len(wanted)
    tokens = task.population.members(np.arange(task.size))
    found = dict(zip(map(tuple, tokens.tolist()), task.labels(tokens).tolist(), strict=True))
    assert found == wanted
    assert stated(task.statement()) == task


def test_the_number_in_words():
    assert counted(Induction(4, 5).statement()) == "4*3*3^3"
    assert counted(Induction(4, 5, "any").statement()) == "4*(4^4 - 3^4)"


@pytest.mark.parametrize("repeats", ["once", "any"])
def test_cases_are_disjoint_whole_and_of_one_answer(repeats):
    task, seen = Induction(3, 4, repeats), {}
    for case in cases(task):
        tokens = all_of(case.allowed)
        assert len(tokens) == case.free
        assert np.all(task.labels(tokens) == case.label)
        for row in map(tuple, tokens.tolist()):
            assert row not in seen
            seen[row] = case.label
    assert seen == by_definition(3, 4, repeats)


@pytest.mark.parametrize("repeats", ["once", "any"])
def test_draws_are_uniform(repeats):
    task, n = Induction(3, 4, repeats), 40_000
    numbers = {row: k for k, row in enumerate(by_definition(3, 4, repeats))}
    rows = task.sample(Stream.from_seed(7), 0, n)
    counts = np.bincount([numbers[tuple(row)] for row in rows.tolist()], minlength=len(numbers))
    assert len(counts) == len(numbers)
    assert stats.chisquare(counts).pvalue > FALSE_ALARM


@pytest.mark.parametrize("repeats", ["once", "any"])
def test_a_draw_is_the_same_whoever_asks(repeats):
    task, stream = Induction(4, 6, repeats), Stream.from_seed(1)
    rows = task.sample(stream, 0, 300)
    assert np.array_equal(task.sample(stream, 100, 157), rows[100:157])
    assert task.sample(stream, 5, 5).shape == (0, 6)


def test_the_latest_place_counts():
    tokens = np.array([[1, 1, 0, 1], [2, 1, 2, 2], [0, 1, 2, 0]])
    assert matched(tokens).tolist() == [1, 2, 0]


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ((1, 5), "d_vocab of at least 2 and n_ctx of at least 3"),
        ((4, 2), "n_ctx of at least 3, got 4 and 2"),
        ((4, 1, "any"), "n_ctx of at least 2"),
        ((10, 5000), "more than the 10\\^4300"),
    ],
)
def test_what_is_no_task_is_refused(sizes, said):
    with pytest.raises(UserError, match=said):
        Induction(*sizes)
