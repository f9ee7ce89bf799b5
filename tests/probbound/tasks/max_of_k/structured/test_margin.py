"""The margin of the structured part alone, against its logits written out."""

from __future__ import annotations

import numpy as np
import pytest

from probbound.contract.cost import CostMeter
from probbound.models.attention_only.transformer import Transformer, in_float64
from probbound.tasks.max_of_k.planted_max import planted_max_of_k
from probbound.tasks.max_of_k.screens.paths import position_scores
from probbound.tasks.max_of_k.structured.margin import structured_margin, without_noise
from probbound.tasks.max_of_k.structured.parts import parts_of
from tests.factories import all_sequences, copying_model, random_model, trained_model

MODELS = {
    "copying": lambda: copying_model(0),
    "trained": lambda: trained_model(0),
    "random": lambda: random_model(3),
    "planted": lambda: planted_max_of_k(8, 3, 16, 0),
}


def noiseless_margins(model: Transformer) -> np.ndarray:
    """Of every input: attention by one direction, values by diagonal, means and positions."""
    parts = parts_of(model, CostMeter())
    tokens = all_sequences(model.d_vocab, model.n_ctx)
    last, places = tokens[:, -1], np.arange(model.n_ctx)
    scores = parts.steepness[last, None] * parts.size[tokens]
    scores = np.exp(scores + position_scores(in_float64(model))[last])
    attention = scores / scores.sum(axis=1, keepdims=True)
    values = parts.mean + parts.position[places][None] + np.zeros((len(tokens), 1, 1))
    each = np.arange(len(tokens))[:, None]
    values[each, places, tokens] += (parts.copying - parts.mean[: model.d_vocab])[tokens]
    logits = np.einsum("np,npj->nj", attention, values)
    rows, labels = np.arange(len(tokens)), tokens.max(axis=1)
    own = logits[rows, labels]
    logits[rows, labels] = -np.inf
    return own - logits.max(axis=1)


@pytest.mark.parametrize("share", [0.5, 0.9])
@pytest.mark.parametrize("name", MODELS)
def test_the_counted_margin_is_below_the_true_one_of_the_structure(name, share):
    model = MODELS[name]()
    found = structured_margin(parts_of(model, CostMeter()), share, CostMeter())
    true = np.quantile(noiseless_margins(model), 1 - share, method="higher")
    assert found <= true + 1e-5


def test_it_is_not_vacuous_and_falls_with_the_share():
    model = planted_max_of_k(8, 3, 16, 0)
    parts = parts_of(model, CostMeter())
    half, most = (structured_margin(parts, share, CostMeter()) for share in (0.5, 0.95))
    true = np.quantile(noiseless_margins(model), 0.5)
    assert most < half
    assert half > 0.3 * true > 0


def test_tolerances_without_noise_are_the_largest_other_mean():
    parts = parts_of(random_model(4, biases=True, d_vocab=5, d_vocab_out=7), CostMeter())
    row = without_noise(parts).row
    for t in range(5):
        others = [
            parts.mean[j] + parts.position[p, j] - parts.position[p, t]
            for p in range(parts.n_ctx)
            for j in range(7)
            if j != t
        ]
        assert row[t] == pytest.approx(max(others), rel=1e-12)
