"""States of a first layer by letters, against every sequence of a set (Theorem 10.17)."""

import numpy as np
import pytest

from probbound.models.transformer.attention_alone.form import form_of
from probbound.models.transformer.attention_alone.letters import letters_of
from probbound.models.transformer.attention_alone.trees import Ranges, Vectors
from probbound.populations.product_sets import all_of
from tests.probbound.models.transformer.attention_alone.networks import looking_network
from tests.probbound.models.transformer.attention_alone.reference import some_sets, states


def numbers(letters, tokens):
    """The letter of every position of every sequence."""
    found = []
    for p, there in enumerate(letters.tokens):
        now = np.searchsorted(there, tokens[:, p])
        before = np.searchsorted(letters.tokens[p - 1], tokens[:, p - 1]) if p else 0
        found.append(letters.number(p, now, before))
    return np.stack(found, axis=1)


def made(seed, **given):
    rng, model = np.random.default_rng(seed), looking_network(seed, **given)
    return rng, *found_of(model, some_sets(rng, model.n_ctx, model.d_vocab, 0.7))


def found_of(model, one):
    form = form_of(model)
    letters, tokens = letters_of(Ranges(form), one), all_of(one)
    return letters, numbers(letters, tokens), states(form, tokens)[1]


SHARP = (-300.0, 0.0, 2.0, 6.0, 40.0)


@pytest.mark.parametrize("sharp", SHARP)
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_quantities_of_states_are_within_their_bounds(sharp, scale):
    rng, letters, number, x = made(1, sharp=sharp, scale=scale)
    rows = rng.normal(size=(6, x.shape[2]))
    found = letters.upper(Vectors(rows, np.linalg.norm(rows, axis=1)))[number]
    true = x @ rows.T
    assert np.all(true <= found)
    if sharp > 20:
        assert np.abs(found - true).max() < 1e-6 * (1 + np.abs(true).max())
    assert np.all(letters.off <= 1)
    assert (letters.off.max() > 0.9) == (sharp < 0)


@pytest.mark.parametrize("sharp", SHARP)
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_scores_of_the_second_layer_are_within_their_bounds(sharp, scale):
    rng, letters, number, x = made(2, sharp=sharp, scale=scale)
    middle = letters.vectors[rng.integers(len(letters.place))]
    matrix = letters.form.scores[1, 0]
    for p in range(x.shape[1]):
        bounds = letters.scores(p, middle)
        query = number[:, p] - letters.blocks[p].start
        for s in range(p + 1):
            true = ((x[:, p] @ matrix) * (x[:, s] - middle)).sum(axis=1)
            low, high = (each[query, number[:, s]] for each in (bounds.low, bounds.high))
            assert np.all((low <= true) & (true <= high))
            if sharp > 20:
                assert np.abs(high - low).max() < 1e-6 * (1 + np.abs(true).max())


def test_weights_of_scores_are_wide_enough():
    rng, letters, _, _ = made(3)
    bounds = letters.scores(3, letters.vectors[0])
    low, high = bounds.weights()
    top = bounds.high.max(axis=1, keepdims=True)
    for drawn in rng.uniform(size=(20, *low.shape)):
        between = np.exp(bounds.low - top + drawn * (bounds.high - bounds.low))
        assert np.all((low <= between) & (between <= high))
    assert high.max() <= 1 + 2.0**-40


def test_what_is_too_faint_to_be_told_apart_may_be_anything_that_is_read():
    """Every position looks two back, so sharply that other weights underflow."""
    model = looking_network(4, sharp=2000.0)
    looked = np.zeros((9, 9))
    looked[6:, 4:-2] = 6000.0 * np.eye(3)
    model.arrays["blocks.0.attn.W_Q"] = looked[None]
    letters, number, x = found_of(model, np.eye(3, dtype=bool)[[0, 1, 2, 0, 1]])
    assert letters.off[2:].tolist() == [1.0, 1.0, 1.0]
    for rows in (np.eye(x.shape[2]), -np.eye(x.shape[2])):
        found = letters.upper(Vectors(rows, np.ones(len(rows))))
        assert np.all((x @ rows.T)[0] <= found[number[0]])


def test_letters_are_numbered_by_position_token_and_the_token_before():
    _, letters, _, _ = made(5, v=4)
    assert letters.blocks[0] == slice(0, letters.sizes[0])
    assert [letters.counts[p] for p in range(1, 5)] == [
        letters.sizes[p] * letters.sizes[p - 1] for p in range(1, 5)
    ]
    place = [p for p, count in enumerate(letters.counts) for _ in range(count)]
    assert letters.place.tolist() == place
    at = letters.number(3, np.arange(letters.sizes[3])[:, None], np.arange(letters.sizes[2]))
    assert at.ravel().tolist() == list(range(letters.blocks[3].start, letters.blocks[3].stop))
