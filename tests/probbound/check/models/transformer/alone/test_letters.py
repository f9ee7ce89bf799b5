import numpy as np
import pytest

from probbound.check.models.transformer.alone.form import form_of
from probbound.check.models.transformer.alone.letters import alphabet
from tests.probbound.check.models.transformer.alone.tiny import every, looking_weights

SETS = [np.array(each) for each in ([0, 2], [0, 1, 2], [1], [0, 1, 2], [1, 2])]


def known(sharp, scale):
    form = form_of(looking_weights(1, sharp=sharp, scale=scale))
    letters, tokens = alphabet(form, SETS), every(3, 5)
    inside = np.all([np.isin(tokens[:, p], each) for p, each in enumerate(SETS)], axis=0)
    tokens = tokens[inside]
    x = form.atoms[np.arange(5), tokens]
    scores = np.where(np.tri(5, dtype=bool), x @ form.scores[0, 0] @ x.swapaxes(1, 2), -np.inf)
    e = np.exp(scores - scores.max(axis=2, keepdims=True))
    state = x + e / e.sum(axis=2, keepdims=True) @ x @ form.moves[0, 0]
    at = [np.searchsorted(each, tokens[:, p]) for p, each in enumerate(SETS)]
    return letters, state, [(y, at[p - 1] if p else 0 * y) for p, y in enumerate(at)]


@pytest.mark.parametrize("sharp", [-30.0, 0.0, 4.0, 40.0])
@pytest.mark.parametrize("scale", [1.0, 20.0])
def test_states_and_scores_are_within_their_bounds(sharp, scale):
    letters, state, at = known(sharp, scale)
    w = np.random.default_rng(0).normal(size=(state.shape[2], 5))
    highest = letters.highest(w, np.linalg.norm(w, axis=0))
    star = letters.middles[2][0, 1]
    for p in range(5):
        true, found = state[:, p] @ w, highest[p][at[p]]
        assert np.all(true <= found)
        below, above = letters.scores(p, star)
        query = at[p][0] * letters.middles[p].shape[1] + at[p][1]
        for s in range(p + 1):
            score = ((state[:, p] @ letters.form.scores[1, 0]) * (state[:, s] - star)).sum(axis=1)
            low, high = (each[s][query, *at[s]] for each in (below, above))
            assert np.all((low <= score) & (score <= high))
            if sharp > 20:
                assert (high - low).max() < 1e-5 * (1 + np.abs(score).max())
        if sharp > 20:
            assert np.abs(found - true).max() < 1e-6 * (1 + np.abs(true).max())
    assert (max(off.max() for off in letters.off) < 0.02) == (sharp > 20)


def test_weights_that_underflow_say_nothing():
    form = form_of(looking_weights(2, sharp=0.0))
    form.scores[0, 0][4:8, 3:7] = 0
    form.scores[0, 0][5:8, 3:6] = 5000 * np.eye(3)
    off = alphabet(form, SETS).off
    assert all(np.all(each == 1) for each in off[2:])
    assert np.all(off[0] == 0)
