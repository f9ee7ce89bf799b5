"""Ranges of functionals of states over product sets, against enumeration (10.6 and 10.7)."""

import numpy as np
import pytest

from probbound.models.transformer.attention_alone.form import form_of
from probbound.models.transformer.attention_alone.near import norms
from probbound.models.transformer.attention_alone.trees import Ranges, Vectors
from probbound.populations.product_sets import all_of
from tests.probbound.models.transformer.attention_alone.networks import random_network
from tests.probbound.models.transformer.attention_alone.reference import (
    scores,
    some_sets,
    states,
)

V, N = 3, 4
SHAPES = [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1)]


@pytest.mark.parametrize(("layers", "heads"), SHAPES)
@pytest.mark.parametrize("scale", [0.3, 3.0])
def test_no_state_is_beyond_its_range(layers, heads, scale):
    rng = np.random.default_rng(7 * layers + heads)
    model = random_network(layers, layers=layers, heads=heads, v=V, n=N, scale=scale)
    form = form_of(model)
    ranges, vectors = Ranges(form), Vectors(form.outcomes.T, norms(form.outcomes))
    trees = [ranges.tree(vectors, depth) for depth in range(layers + 1)]
    sets = np.stack(
        [some_sets(rng, N, V) for _ in range(2)] + [np.eye(V, dtype=bool)[[0, 1, 2, 0]]]
    )
    for number, one in enumerate(sets):
        found = states(form, all_of(one)) @ form.outcomes
        for depth in {1, layers}:
            for at in (0, N - 1):
                upper = ranges.upper(trees[depth], at, sets)[number]
                true = found[depth, :, at].max(axis=0)
                assert np.all(upper >= true)
                if depth == 1 and heads == 1 and scale < 1:
                    np.testing.assert_allclose(upper, true, atol=1e-5)
                if one.sum() == N and depth == 1 and scale < 1:
                    np.testing.assert_allclose(upper, true, atol=1e-5)


@pytest.mark.parametrize(("layers", "heads"), [(2, 1), (2, 2), (3, 1)])
def test_no_score_is_beyond_its_bounds_but_for_one_number(layers, heads):
    rng = np.random.default_rng(layers)
    form = form_of(random_network(9, layers=layers, heads=heads, v=V, n=N, scale=0.7))
    ranges = Ranges(form)
    for share in (0.1, 0.7):
        one = some_sets(rng, N, V, share)
        tokens = all_of(one)
        made = states(form, tokens)
        for head in range(heads):
            low, high = ranges.score_bounds(layers, head, N - 1, one[None])
            found = scores(form, made[layers - 1], layers - 1, head)[:, -1]
            # one number c for each sequence has to fit all positions
            assert np.all((found - high).max(axis=1) <= (found - low).min(axis=1) + 1e-9)


def test_of_one_layer_scores_are_tables():
    form = form_of(random_network(5, layers=1, v=V, n=N))
    low, high = Ranges(form).score_bounds(1, 0, N - 1, np.eye(V, dtype=bool)[[0, 1, 2, 0]][None])
    np.testing.assert_allclose(low, high, atol=1e-9)
