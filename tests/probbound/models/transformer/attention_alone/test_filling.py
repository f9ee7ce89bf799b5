"""Product sets on all of which the answer is right, against enumeration (Theorem 10.8)."""

import numpy as np
import pytest

from probbound import UserError
from probbound.models.transformer.attention_alone import filling
from probbound.models.transformer.attention_alone.filling import Fillings
from probbound.models.transformer.attention_alone.form import form_of
from probbound.populations.product_sets import all_of
from tests.probbound.models.transformer.attention_alone.networks import (
    inducing_network,
    random_network,
)
from tests.probbound.models.transformer.attention_alone.reference import leads, some_sets


def compared(model, rng, sets, last=False):
    """Of random sets, labels and margins: how many are right, and how many are proved."""
    fillings, (n, v) = Fillings(form_of(model)), (model.n_ctx, model.d_vocab)
    true, proved = 0, 0
    for _ in range(sets):
        one = some_sets(rng, n, v, rng.choice([0.1, 0.4, 0.8]))
        if last:
            one[-1] = np.arange(v) == rng.integers(v)
        tokens, margin = all_of(one), float(rng.choice([0.0, 0.5, -0.5]))
        label = int(np.bincount(model(tokens).argmax(axis=1)).argmax())
        right = bool(leads(model, tokens, np.full(len(tokens), label), margin).all())
        shown = fillings.right(one, label, margin)
        assert right or not shown
        true, proved = true + right, proved + shown
    return true, proved


@pytest.mark.parametrize(("layers", "heads"), [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1)])
def test_no_set_is_proved_that_has_a_wrong_sequence(layers, heads):
    rng, true, proved = np.random.default_rng(layers), 0, 0
    for seed in range(1 if layers == 3 else 2):
        scale = float(rng.choice([0.1, 1.0, 6.0]))
        model = random_network(seed, layers=layers, heads=heads, v=3, n=4, scale=scale)
        found = compared(model, rng, 3)
        true, proved = true + found[0], proved + found[1]
    assert proved <= true


@pytest.mark.parametrize("heads", [1, 2])
def test_noisy_copying(heads):
    rng, found = np.random.default_rng(heads), []
    for seed, noise in enumerate((0.0, 0.1, 0.3)):
        model = inducing_network(
            seed, v=3, n=4, sharp=6.0 + 6 * seed, noise=noise, heads=heads, whole=True
        )
        found.append(compared(model, rng, 4))
    assert sum(proved for _, proved in found) >= 3


@pytest.mark.parametrize("seed", range(2))
def test_of_one_layer_and_one_head_all_that_is_right_is_proved(seed):
    rng = np.random.default_rng(seed)
    true, proved = compared(random_network(seed, layers=1, v=3, n=4), rng, 15, last=True)
    assert 0 < true == proved


def test_a_single_sequence_is_as_certain_as_its_forward_pass():
    rng = np.random.default_rng(1)
    model = random_network(3, layers=2, heads=1, v=4, n=4)
    fillings = Fillings(form_of(model))
    for tokens in rng.integers(0, 4, (8, 4)):
        label = int(model(tokens[None]).argmax())
        one = np.eye(4, dtype=bool)[tokens]
        assert fillings.right(one, label)
        assert not any(fillings.right(one, other) for other in range(4) if other != label)


def test_a_tie_is_wrong():
    model = random_network(2, layers=2)
    model.arrays["unembed.W_U"][:, 1] = model.arrays["unembed.W_U"][:, 0]
    model.arrays["unembed.b_U"][1] = model.arrays["unembed.b_U"][0] = 50.0
    one, fillings = np.eye(4, dtype=bool)[[0, 1, 2, 3, 0]], Fillings(form_of(model))
    assert not fillings.right(one, 0)
    assert not fillings.right(one, 0, 0.0)
    assert fillings.right(one, 0, -1e-6)
    assert not fillings.right(one, 0, 1e300)


def test_tables_that_would_be_too_large_are_refused(monkeypatch):
    form = form_of(random_network(0))
    assert Fillings(form)
    monkeypatch.setattr(filling, "MOST_ENTRIES", 799)
    with pytest.raises(UserError, match="would have 800 entries, more than 799"):
        Fillings(form)
