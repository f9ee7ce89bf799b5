"""What is left of cases that are not proved: by enumeration, and as the maker has it (10.21)."""

import numpy as np
import pytest

from probbound.check.models.transformer.alone.chain import Chain
from probbound.check.models.transformer.alone.form import form_of
from probbound.check.models.transformer.alone.pairs import left, proved
from probbound.models.transformer.attention_alone.form import form_of as makers
from probbound.models.transformer.attention_alone.pairs import PairTables
from tests.probbound.check.models.transformer.alone.tiny import (
    every,
    inducing_weights,
    leads,
    once,
    random_weights,
)
from tests.probbound.check.tasks.induction.networks import weights_read
from tests.probbound.models.transformer.attention_alone.networks import (
    inducing_network,
    random_network,
)

NETWORKS = [
    *(random_weights(seed=s, scale=1 + s, v=3 + s % 3, n=3 + s % 3) for s in range(6)),
    random_weights(51, v=3, n=5, out=6),
    random_weights(52, v=4, n=4, out=2),
    *(inducing_weights(seed=s, v=4, n=5, noise=0.1 * s) for s in range(4)),
]


@pytest.mark.parametrize("network", NETWORKS)
def test_every_sequence_that_is_wrong_is_in_just_one_set(network):
    form = form_of(network)
    tokens = every(form.tokens, form.length)
    rows, place = once(tokens)
    lead, tokens = leads(network, tokens[rows]), tokens[rows]
    label = tokens[np.arange(len(rows)), place + 1]
    there = label < lead.shape[1]
    own = np.where(there, lead[np.arange(len(rows)), np.where(there, label, 0)], -np.inf)
    for margin in (-2.0, 0.0, 1.0):
        number = np.zeros(len(rows), dtype=np.int64)
        for allowed, right in left(form, margin):
            inside = allowed[np.arange(form.length), tokens].all(axis=1)
            number += inside & (label == right)
        assert (number <= 1).all()
        assert (number[there & (own <= margin)] == 1).all()
        shown = proved(form, margin)[tokens[:, -1], tokens[:, -2], place, label]
        assert not number[shown].any()


def test_largest_sums_through_each_token():
    rng = np.random.default_rng(0)
    v, n, m = 3, 5, 4
    values = [rng.normal(size=(v, v if p else 1, m)) for p in range(n)]
    largest = np.array([np.abs(each).max(axis=(0, 1)) for each in values])
    scores = [rng.normal(size=(v, v if p else 1, 2)) ** 2 for p in range(n)]
    chain = Chain((0, 1), values, largest, scores, rng.normal(size=m))
    tokens = rng.random((n, v)) < 0.6
    tokens[:, 2] |= ~tokens.any(axis=1)
    tokens[-2:] = [[False, True, False], [True, False, False]]
    found = chain.through(tokens, np.array([3, 1]))
    rows = every(v, n)
    rows = rows[tokens[np.arange(n), rows].all(axis=1)]
    now, before = rows.copy(), np.roll(rows, 1, axis=1)
    now[:, -2:], before[:, 0], before[:, -1] = 0, 0, 0
    terms = [link[now[:, p], before[:, p]] for p, link in enumerate(chain.links)]
    sums = np.sum(terms, axis=0)[:, [3, 1]]
    for p in range(n):
        for at, token in enumerate(np.flatnonzero(tokens[p])):
            wanted = sums[rows[:, p] == token].max(axis=0)
            np.testing.assert_allclose(found[p][at], wanted, atol=1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_maker_and_checker_leave_the_same_sets(seed):
    """One list of sets on both sides, so that tickets are the same (Theorem 10.15)."""
    v, n = 3 + seed % 3, 3 + seed % 4
    if seed % 2:
        model = random_network(seed, v=v, n=n, scale=(0.3, 1.0, 3.0)[seed % 3])
    else:
        model = inducing_network(seed, v=v, n=n, sharp=4.0 + seed, noise=0.02 * seed, whole=True)
    margin = (0.0, 0.7, -0.7)[seed % 3]
    made = PairTables(makers(model), margin).left()
    again = list(left(form_of(weights_read(model)), margin))
    assert [one.label for one in made] == [label for _, label in again]
    for one, (allowed, _) in zip(made, again, strict=True):
        np.testing.assert_array_equal(one.allowed, allowed)
