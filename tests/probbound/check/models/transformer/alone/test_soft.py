"""What the checker proves by the first layer's own weights, against what is answered (10.20)."""

import numpy as np
import pytest

from probbound.check.models.transformer.alone.form import form_of
from probbound.check.models.transformer.alone.soft import right
from probbound.check.report import Refused
from probbound.models.transformer.attention_alone import form as makers
from probbound.models.transformer.attention_alone.soft import Soft
from probbound.models.transformer.network import GeneralTransformer
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

MADE = {
    "sharp": inducing_network(1, v=4, n=5, sharp=20.0, noise=0.1, whole=True),
    "soft": inducing_network(3, v=4, n=5, sharp=4.0, noise=0.05, whole=True),
    "random": random_network(0, v=4, n=5, scale=3.0),
}


def judged(network, margin):
    form = form_of(network)
    tokens = every(form.tokens, form.length)
    rows, place = once(tokens)
    tokens = tokens[rows]
    label = tokens[np.arange(len(rows)), place + 1]
    lead = leads(network, tokens)[np.arange(len(rows)), label]
    return right(form, margin)(tokens, place), lead


@pytest.mark.parametrize("seed", range(6))
def test_what_is_said_to_be_right_is(seed):
    for margin in (-30.0, -5.0, 0.0):
        network = random_weights(seed, scale=1 + seed, n=4 + seed % 2)
        found, lead = judged(network, margin)
        assert (lead[found] > margin).all()
        noisy = inducing_weights(4, 5, noise=0.05 * seed, seed=seed, itself=False)
        found, lead = judged(noisy, margin)
        assert (lead[found] > margin).all()
        assert seed > 0 or found.all()


def test_a_soft_first_layer_is_seen_through():
    found, lead = judged(inducing_weights(4, 5, sharp=4.0, itself=False), 0.0)
    assert found.mean() > 0.9 * (lead > 0).mean() > 0.5


@pytest.mark.parametrize("margin", [0.0, 0.7, -2.0])
@pytest.mark.parametrize("name", MADE)
def test_maker_and_checker_prove_the_same(name, margin):
    model: GeneralTransformer = MADE[name]
    tokens = every(model.d_vocab, model.n_ctx)
    rows, place = once(tokens)
    tokens = tokens[rows]
    made = Soft(makers.form_of(model), margin).tables().right(tokens, place)
    checked = right(form_of(weights_read(model)), margin)(tokens, place)
    assert np.array_equal(made, checked)
    assert name == "random" or made.any()


def test_a_place_that_has_no_answer_behind_it_is_not_right():
    said = right(form_of(inducing_weights(itself=False)), 0.0)
    tokens = np.array([[0, 1, 2, 3, 0, 3]] * 4)
    assert said(tokens, np.array([3, 4, 5, -3])).tolist() == [True, False, False, False]


@pytest.mark.parametrize("shape", [{"layers": 1}, {"layers": 3}, {"heads": 2}])
def test_only_two_layers_of_one_head(shape):
    with pytest.raises(Refused, match="two layers, one head"):
        right(form_of(random_weights(0, **shape)), 0.0)
