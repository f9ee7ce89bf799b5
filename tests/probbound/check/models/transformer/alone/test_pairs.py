import numpy as np
import pytest

from probbound.check.models.transformer.alone.form import form_of
from probbound.check.models.transformer.alone.pairs import looked_at, proved
from probbound.check.report import Refused
from tests.probbound.check.models.transformer.alone.tiny import (
    every,
    inducing_weights,
    leads,
    once,
    random_weights,
)

NETWORKS = [
    *(("random", {"seed": s, "scale": 1 + s, "v": 3 + s % 3, "n": 3 + s % 3}) for s in range(12)),
    ("random", {"seed": 50, "v": 2, "n": 5}),
    ("random", {"seed": 51, "v": 3, "n": 5, "out": 6}),
    ("random", {"seed": 52, "v": 4, "n": 4, "out": 2}),
    ("random", {"seed": 53, "v": 4, "n": 4, "scale": 1000}),
    *(("inducing", {"seed": s, "v": 4, "n": 5, "noise": 0.1 * s}) for s in range(5)),
]
MAKERS = {"random": random_weights, "inducing": inducing_weights}


@pytest.mark.parametrize(("maker", "shape"), NETWORKS)
def test_what_is_proved_is_right_on_every_sequence(maker, shape):
    network = MAKERS[maker](**shape)
    form = form_of(network)
    tokens = every(form.tokens, form.length)
    rows, place = once(tokens)
    lead, tokens = leads(network, tokens[rows]), tokens[rows]
    label = tokens[np.arange(len(rows)), place + 1]
    there = label < lead.shape[1]
    own = np.where(there, lead[np.arange(len(rows)), np.where(there, label, 0)], -np.inf)
    at = tokens[:, -1], tokens[:, -2], place, label
    least = np.full((form.tokens,) * 2 + (form.length - 2, form.tokens), np.inf)
    np.minimum.at(least, at, own)
    exists = np.isfinite(least) | (least < 0)
    for margin in (-20.0, -2.0, 0.0, 1.0):
        found = proved(form, margin)
        assert not (found & ~exists).any()
        assert (least[found] > margin).all()


def test_a_network_that_induces_is_proved_whole():
    form = form_of(inducing_weights(itself=False))
    cases = 5 * 4 * (3 * 4 + 1)
    assert proved(form, 0.0).sum() == proved(form, 10.0).sum() == cases
    assert looked_at(form, 0.0, 8) == 1
    assert proved(form, 19.0).sum() == 0 == looked_at(form, 19.0, 8)


def test_a_look_is_at_those_very_pairs():
    form = form_of(inducing_weights(noise=0.15, seed=1))
    pairs = [(q, u) for q in range(5) for u in range(5) if q != u]
    found = proved(form, 0.0)
    share = sum(found[pairs[k * 20 // 8]].sum() for k in range(8)) / (8 * 13)
    assert 0 < share < 1
    assert looked_at(form, 0.0, 8) == share


@pytest.mark.parametrize("shape", [{"layers": 1}, {"layers": 3}, {"heads": 2}, {"n": 2}])
def test_only_two_layers_of_one_head(shape):
    with pytest.raises(Refused, match="pairs"):
        proved(form_of(random_weights(0, **shape)), 0.0)
