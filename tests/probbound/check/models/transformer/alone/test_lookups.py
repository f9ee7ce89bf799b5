import numpy as np
import pytest

from probbound.check.models.transformer.alone.form import form_of
from probbound.check.models.transformer.alone.lookups import right
from probbound.check.report import Refused
from tests.probbound.check.models.transformer.alone.tiny import (
    every,
    inducing_weights,
    leads,
    once,
    random_weights,
)


def judged(network, margin):
    form = form_of(network)
    tokens = every(form.tokens, form.length)
    rows, place = once(tokens)
    tokens = tokens[rows]
    label = tokens[np.arange(len(rows)), place + 1]
    lead = leads(network, tokens)[np.arange(len(rows)), label]
    return right(form, margin)(tokens, place), lead


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("seed", range(6))
def test_what_is_said_to_be_right_is(heads, seed):
    for margin in (-30.0, -5.0, 0.0):
        network = random_weights(seed, scale=1 + seed, heads=heads, n=4 + seed % 2)
        found, lead = judged(network, margin)
        assert (lead[found] > margin).all()
        noisy = inducing_weights(4, 5, heads=heads, noise=0.05 * seed, seed=seed, itself=False)
        found, lead = judged(noisy, margin)
        assert (lead[found] > margin).all()
        assert seed > 0 or heads > 1 or found.all()


def test_a_network_that_induces_is_right_everywhere():
    found, _ = judged(inducing_weights(itself=False), 10.0)
    assert found.all()


def test_a_place_that_has_no_answer_behind_it_is_not_right():
    said = right(form_of(inducing_weights(itself=False)), 0.0)
    tokens = np.array([[0, 1, 2, 3, 0, 3]] * 4)
    assert said(tokens, np.array([3, 4, 5, -3])).tolist() == [True, False, False, False]


@pytest.mark.parametrize("shape", [{"layers": 1}, {"layers": 3}, {"n": 2}])
def test_only_two_layers(shape):
    with pytest.raises(Refused, match="look-ups"):
        right(form_of(random_weights(0, **shape)), 0.0)
