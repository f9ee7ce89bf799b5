"""The exact range of the last position, against enumeration (10.5 and 10.9)."""

import numpy as np
import pytest

from probbound.models.transformer.attention_alone.form import form_of
from probbound.models.transformer.attention_alone.last_position import last_of
from probbound.models.transformer.attention_alone.near import differences, near_weights
from tests.probbound.models.transformer.attention_alone.networks import random_network
from tests.probbound.models.transformer.attention_alone.reference import states


@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0, 8.0])
def test_it_is_the_largest_over_all_sequences_that_end_so(scale):
    v, n = 3, 5
    form = form_of(random_network(4, v=v, n=n, scale=scale))
    last = last_of(form, near_weights(form).widening)
    tokens = np.array(np.unravel_index(np.arange(v**n), (v,) * n)).T
    state = states(form, tokens)[1][:, -1]
    atoms = form.atoms.reshape(n * v, -1)
    apart = np.concatenate([each - each[2 * v] for each in (atoms, atoms @ form.values[0, 0])])
    keys = (state @ form.scores[1, 0] @ apart.T).reshape(-1, 2, n * v)
    signed = np.stack([-keys[:, 0], keys[:, 0], -keys[:, 1], keys[:, 1]], axis=1)
    said = np.concatenate([differences(state @ form.outcomes), signed.reshape(len(state), -1)], 1)
    for q in range(v):
        for u in range(v):
            wanted = said[(tokens[:, -1] == q) & (tokens[:, -2] == u)].max(axis=0)
            found = last.at_most(q, u)
            assert np.all(found >= wanted)
            np.testing.assert_allclose(found, wanted, atol=1e-6 * np.abs(wanted).max())


def test_a_last_position_that_looks_at_neither_of_the_last_two_tokens():
    """Their weights underflow: the mean is that of what stands further back."""
    form = form_of(random_network(4, v=3, n=5))
    last = last_of(form, near_weights(form).widening)
    last.weights[:, -2:] = 0.0
    far, read = last.weights[1, :-2], last.read[:, :-2]
    x = np.array(np.unravel_index(np.arange(27), (3,) * 3)).T
    e, w = far[np.arange(3), x], read[:, np.arange(3), x]
    wanted = ((e * w).sum(axis=2) / e.sum(axis=1)).max(axis=1) + last.own[1]
    found = last.at_most(1, 0)
    assert np.all(found >= wanted)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
