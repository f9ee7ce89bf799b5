"""Three layers by letters: sets on all of which the answer is right (Theorem 10.18)."""

import numpy as np
import pytest

from probbound.models.transformer.attention_alone import by_letters as letters_module
from probbound.models.transformer.attention_alone import filling
from probbound.models.transformer.attention_alone.by_letters import (
    by_letters,
    is_read_sharply,
    parts,
)
from probbound.models.transformer.attention_alone.filling import Fillings
from probbound.models.transformer.attention_alone.form import form_of
from probbound.models.transformer.attention_alone.trees import Ranges, Vectors
from probbound.populations.product_sets import all_of
from tests.probbound.models.transformer.attention_alone.networks import (
    looking_network,
    random_network,
)
from tests.probbound.models.transformer.attention_alone.reference import some_sets, states


def margins(model, tokens):
    """By how much every outcome leads at least."""
    logits = model(tokens)
    others = np.repeat(logits[:, None], logits.shape[1], axis=1)
    others[:, np.arange(logits.shape[1]), np.arange(logits.shape[1])] = -np.inf
    return (logits - others.max(axis=2)).min(axis=0)


@pytest.mark.parametrize("sharp", [5.0, 30.0])
@pytest.mark.parametrize(
    ("scale", "v", "n"), [(0.3, 4, 4), (2.0, 3, 5), (8.0, 3, 5), (100.0, 4, 4)]
)
def test_no_set_is_proved_that_has_a_wrong_sequence(v, n, sharp, scale):
    rng, shown = np.random.default_rng(int(sharp + scale)), 0
    model = looking_network(1, v=v, n=n, sharp=sharp, scale=scale)
    fillings = Fillings(form_of(model))
    for share in (0.2, 0.6, 0.9):
        one = some_sets(rng, n, v, share)
        assert is_read_sharply(fillings.ranges, one)
        least, size = margins(model, all_of(one)), np.abs(model(all_of(one))).max()
        for label in range(v):
            assert not fillings.right(one, label, float(least[label] + 1e-9 * (1 + size)))
            shown += fillings.right(one, label, float(least[label] - 0.5 * size))
    assert shown or scale > 2


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_states_behind_the_second_layer_and_scores_of_the_third_are_within_bounds(scale):
    rng, model = np.random.default_rng(0), looking_network(3, sharp=7.0, scale=scale)
    form, n = form_of(model), model.n_ctx
    one = some_sets(rng, n, model.d_vocab, 0.8)
    rows = rng.normal(size=(4, form.atoms.shape[2]))
    vectors = Vectors(rows, np.linalg.norm(rows, axis=1))
    for part in parts(one):
        proof, tokens = by_letters(Ranges(form), part), all_of(part)
        x = states(form, tokens)[2]
        assert np.all((x[:, -1] @ rows.T).max(axis=0) <= proof.direct(vectors))
        shift = form.scores[2, 0] @ (middle(proof) @ (np.eye(len(rows.T)) + form.values[1, 0]))
        scores = np.einsum("sd,de,spe->sp", x[:, -1], form.scores[2, 0], x)
        scores -= (x[:, -1] @ shift)[:, None]
        values = x @ form.values[2, 0] @ rows.T
        for p, place in enumerate(proof.places(vectors)):
            at = np.ravel_multi_index(windows(proof.letters, tokens, p), place.shape)
            assert np.all((place.low[at] <= scores[:, p]) & (scores[:, p] <= place.high[at]))
            assert np.all(values[:, p] <= place.worth[at])


def middle(proof):
    return proof.letters.vectors[proof.star]


def windows(letters, tokens, at):
    return [
        np.searchsorted(letters.tokens[at - k], tokens[:, at - k]) if at >= k else 0 * tokens[:, 0]
        for k in range(3)
    ]


@pytest.mark.parametrize("sharp", [6.0, 60.0])
def test_a_sequence_alone_is_proved_nearly_to_its_margin(sharp):
    rng, model = np.random.default_rng(2), looking_network(5, v=4, sharp=sharp)
    fillings = Fillings(form_of(model))
    for tokens in rng.integers(0, 4, (6, 5)):
        least = margins(model, tokens[None])
        near = 1e-6 if sharp > 50 else 0.3
        for label in range(4):
            assert fillings.right(np.eye(4, dtype=bool)[tokens], label, float(least[label] - near))


@pytest.mark.parametrize("seed", range(2))
def test_where_the_first_layer_is_sharp_little_is_lost(monkeypatch, seed):
    """Of tokens that are not known letters lose less than tokens alone do."""
    model = looking_network(seed, sharp=60.0, scale=2.5)
    fillings, one = Fillings(form_of(model)), np.eye(3, dtype=bool)[[0, 1, 2, 0, 1]]
    one[1] = one[2] = True
    least = margins(model, all_of(one))
    label = int(least.argmax())
    by_letters = lost(fillings, one, label, float(least[label]))
    monkeypatch.setattr(filling, "is_read_sharply", lambda ranges, one: False)
    assert by_letters < 0.8 * lost(fillings, one, label, float(least[label]))


def lost(fillings, one, label, lead):
    low, high = 0.0, 100.0
    for _ in range(14):
        half = (low + high) / 2
        low, high = (low, half) if fillings.right(one, label, lead - half) else (half, high)
    return high


def test_which_sets_are_tried_so(monkeypatch):
    one = np.ones((5, 3), dtype=bool)
    sharp = Ranges(form_of(looking_network(0, sharp=8.0)))
    for most, wanted in ((4096, True), (39, True), (38, False)):
        monkeypatch.setattr(letters_module, "MOST_LETTERS", most)
        assert is_read_sharply(sharp, one) == wanted
    assert not is_read_sharply(Ranges(form_of(looking_network(0, sharp=1.0))), one)
    for layers, heads in ((2, 1), (3, 2)):
        model = random_network(0, layers=layers, heads=heads, v=3)
        assert not is_read_sharply(Ranges(form_of(model)), one[: model.n_ctx])


def test_parts_make_up_a_set():
    rng = np.random.default_rng(1)
    one = some_sets(rng, 4, 3, 0.7)
    found = np.concatenate([all_of(part) for part in parts(one)])
    assert sorted(map(tuple, found)) == sorted(map(tuple, all_of(one)))
    assert all((part[-2:].sum(axis=1) == 1).all() for part in parts(one))
    alone = np.array([[True, False, True]])
    assert [part.tolist() for part in parts(alone)] == [
        [[True, False, False]],
        [[False, False, True]],
    ]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_short_sequences(n):
    model = looking_network(0, n=n, sharp=9.0)
    fillings, one = Fillings(form_of(model)), np.ones((n, 3), dtype=bool)
    least = margins(model, all_of(one))
    for label in range(3):
        assert not fillings.right(one, label, float(least[label] + 1e-9))
        assert fillings.right(one, label, float(least[label] - 20))


def test_a_tie_is_wrong():
    model = looking_network(2, sharp=9.0)
    model.arrays["unembed.W_U"][:, 1] = model.arrays["unembed.W_U"][:, 0]
    one, fillings = np.eye(3, dtype=bool)[[0, 1, 2, 0, 2]], Fillings(form_of(model))
    assert not fillings.right(one, 0)
    assert not fillings.right(one, 1)
