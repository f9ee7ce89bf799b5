import numpy as np
import pytest

from probbound.check.models.transformer.alone import filling, three
from probbound.check.models.transformer.alone.filling import right
from probbound.check.models.transformer.alone.form import form_of
from tests.probbound.check.models.transformer.alone.test_filling import sets
from tests.probbound.check.models.transformer.alone.tiny import every, leads, looking_weights


@pytest.mark.parametrize(("sharp", "v", "n"), [(5.0, 3, 5), (9.0, 4, 4)])
@pytest.mark.parametrize("scale", [0.5, 3.0, 60.0])
def test_what_is_proved_is_right_on_every_filling(sharp, v, n, scale):
    rng, some = np.random.default_rng(3), 0
    network = looking_weights(n, v=v, n=n, sharp=sharp, scale=scale)
    form, tokens = form_of(network), every(v, n)
    lead = leads(network, tokens)
    for _ in range(3):
        allowed = sets(rng, n, v)
        assert three.looks_before(form, [np.flatnonzero(row) for row in allowed])
        inside = allowed[np.arange(n), tokens].all(axis=1)
        size = np.abs(lead[inside]).max()
        for label in range(v):
            true = lead[inside, label].min()
            assert not right(form, allowed, label, true + 1e-9 * (1 + size))
            some += right(form, allowed, label, true - 0.5 * size)
    assert some or scale > 1


@pytest.mark.parametrize("sharp", [7.0, 60.0])
def test_a_sequence_alone_is_proved_to_its_margin(sharp):
    network = looking_weights(4, v=4, sharp=sharp)
    row = np.array([[3, 0, 1, 2, 0]])
    allowed = np.eye(4, dtype=bool)[row[0]]
    for label, lead in enumerate(leads(network, row)[0]):
        assert right(form_of(network), allowed, label, lead - (1e-6 if sharp > 20 else 0.2))
        assert not right(form_of(network), allowed, label, lead + 1e-9)


def test_letters_lose_less_than_tokens(monkeypatch):
    network = looking_weights(2, sharp=60.0, scale=2.0)
    form, allowed = form_of(network), np.eye(3, dtype=bool)[[0, 1, 2, 0, 1]]
    allowed[1:3] = True
    inside = allowed[np.arange(5), every(3, 5)].all(axis=1)
    least = leads(network, every(3, 5)[inside]).min(axis=0)
    label = int(least.argmax())
    by_letters = lost(form, allowed, label, least[label])
    monkeypatch.setattr(filling.three, "looks_before", lambda form, sets: False)
    assert by_letters < 0.8 * lost(form, allowed, label, least[label])


def lost(form, allowed, label, lead):
    low, high = 0.0, 100.0
    for _ in range(14):
        half = (low + high) / 2
        low, high = (low, half) if right(form, allowed, label, lead - half) else (half, high)
    return high


@pytest.mark.parametrize("n", [1, 2, 3])
def test_short_sequences(n):
    network = looking_weights(1, n=n, sharp=9.0)
    form, least = form_of(network), leads(network, every(3, n)).min(axis=0)
    for label in range(3):
        assert not right(form, np.ones((n, 3), dtype=bool), label, least[label] + 1e-9)
        assert right(form, np.ones((n, 3), dtype=bool), label, least[label] - 20)


def test_a_set_with_no_sequence_is_right():
    allowed = np.ones((5, 3), dtype=bool)
    allowed[1] = False
    assert right(form_of(looking_weights(0)), allowed, 0, 0.0)


def test_which_sets_are_tried_so(monkeypatch):
    every_token = [np.arange(3)] * 5
    assert not three.looks_before(form_of(looking_weights(0, sharp=0.5)), every_token)
    for most, wanted in ((39, True), (38, False)):
        monkeypatch.setattr(three, "_MOST_LETTERS", most)
        assert three.looks_before(form_of(looking_weights(0)), every_token) == wanted
