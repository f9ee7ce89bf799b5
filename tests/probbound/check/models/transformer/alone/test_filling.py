import numpy as np
import pytest

from probbound.check.models.transformer.alone.filling import right
from probbound.check.models.transformer.alone.form import form_of
from tests.probbound.check.models.transformer.alone.tiny import (
    every,
    inducing_weights,
    leads,
    random_weights,
)

SHAPES = [
    {"layers": 1, "v": 3, "n": 4},
    {"layers": 1, "heads": 2, "v": 3, "n": 1},
    {"layers": 2, "v": 3, "n": 5},
    {"layers": 2, "v": 4, "n": 4, "out": 6},
    {"layers": 2, "heads": 2, "v": 3, "n": 4},
    {"layers": 3, "v": 3, "n": 3},
    {"layers": 3, "heads": 2, "v": 2, "n": 2},
]


def sets(rng, n, v):
    allowed = rng.random((n, v)) < rng.choice([0.3, 0.6, 0.9])
    allowed[np.arange(n), rng.integers(v, size=n)] = True
    return allowed


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scale", [0.3, 2.0, 40.0])
def test_what_is_proved_is_right_on_every_filling(shape, scale):
    rng, some = np.random.default_rng(5), 0
    for seed in range(2):
        network = random_weights(seed, scale=scale, **shape)
        form, tokens = form_of(network), every(shape["v"], shape["n"])
        lead = leads(network, tokens)
        for _ in range(2):
            allowed = sets(rng, shape["n"], shape["v"])
            inside = allowed[np.arange(shape["n"]), tokens].all(axis=1)
            label = int(rng.integers(lead.shape[1]))
            true = lead[inside, label].min()
            assert not right(form, allowed, label, true + 1e-7)
            some += right(form, allowed, label, true - 10.0)
    assert some or scale > 10


@pytest.mark.parametrize(("layers", "heads"), [(1, 2), (2, 2), (3, 1)])
def test_a_sequence_alone_is_proved_to_its_margin(layers, heads):
    network = random_weights(layers, layers=layers, heads=heads, n=4)
    row = np.array([[3, 0, 1, 2]])
    allowed = np.eye(4, dtype=bool)[row[0]]
    for label, lead in enumerate(leads(network, row)[0]):
        assert right(form_of(network), allowed, label, lead - 1e-3)
        assert not right(form_of(network), allowed, label, lead + 1e-9)


@pytest.mark.parametrize("heads", [1, 2])
def test_a_network_that_induces_is_proved(heads):
    form = form_of(inducing_weights(heads=heads, itself=False))
    allowed = np.ones((6, 5), dtype=bool)
    allowed[:, 2] = False
    allowed[[1, 5]] = np.arange(5) == 2
    allowed[2] = np.arange(5) == 4
    assert right(form, allowed, 4, 10.0)
    assert not right(form, allowed, 3, 0.0)


def test_a_last_token_that_is_not_known():
    network = random_weights(4, v=3, n=3)
    lead = leads(network, every(3, 3))
    label = int(lead.min(axis=0).argmax())
    assert not right(
        form_of(network), np.ones((3, 3), dtype=bool), label, lead[:, label].min() + 1e-9
    )
    assert right(form_of(network), np.ones((3, 3), dtype=bool), label, lead[:, label].min() - 5)
