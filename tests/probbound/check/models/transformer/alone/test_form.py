import numpy as np
import pytest

from probbound.check.models.transformer.alone.form import form_of
from probbound.check.models.transformer.network import Network
from probbound.check.report import Refused
from tests.probbound.check.models.transformer.alone.tiny import every, random_weights, said
from tests.probbound.check.models.transformer.networks import PLAIN, weights


@pytest.mark.parametrize(
    "shape",
    [{"layers": 1}, {"heads": 2}, {"layers": 3, "out": 7}, {"heads": 2, "n_key_value_heads": 1}],
)
def test_the_form_is_the_network(shape):
    network = random_weights(3, n=3, **shape)
    form, tokens = form_of(network), every(4, 3)
    state = form.atoms[np.arange(3), tokens]
    for scores, moves in zip(form.scores, form.moves, strict=True):
        told = state
        for a, z in zip(scores, moves, strict=True):
            exponents = np.where(np.tri(3, dtype=bool), state @ a @ state.swapaxes(1, 2), -np.inf)
            shares = np.exp(exponents)
            told = told + shares / shares.sum(axis=2, keepdims=True) @ (state @ z)
        state = told
    np.testing.assert_allclose(
        state[:, -1] @ form.outcomes, Network(network).logits(tokens), atol=1e-12
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"positions": "none"},
        {"causal": False},
        {"windows": [2, None]},
        {"score_cap": 1.0},
        {"logit_cap": 1.0},
        {"head": "none", "d_out": 6},
    ],
)
def test_no_other_network_has_one(changes):
    with pytest.raises(Refused, match="attention alone"):
        form_of(weights({**said(), **changes} if changes else PLAIN))


def test_weights_that_are_too_large_are_refused():
    with pytest.raises(Refused, match="too large"):
        form_of(random_weights(0, scale=2.0**120))
