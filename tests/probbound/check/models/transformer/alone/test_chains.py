import itertools

import numpy as np
import pytest

from probbound.check.models.transformer.alone import chains
from probbound.check.models.transformer.alone.chains import Piece, largest_chain_mean

SIZES = (2, 3, 3)  # tokens that may stand at each position


def pieces(rng, width, queries=2, functionals=3):
    """Chains over three positions with the last letters given: two tokens more."""
    found = []
    for now, before in (
        (1, 1),
        (1, SIZES[2]),
        (SIZES[2], SIZES[1]),
        (SIZES[1], SIZES[0]),
        (SIZES[0], 1),
    ):
        low = 0.05 + rng.random((now, before, queries, 1, 1))
        value = rng.normal(size=(now, before, 1, 1, functionals))
        found.append(Piece(low, low * (1 + width * rng.random(low.shape)), value))
    return found


def chosen(x, at, query, functional):
    part = x[at[0], at[1], query % x.shape[2], 0]
    return part[functional % len(part)]


def largest(found, query, functional):
    best = -np.inf
    for a, b, c in itertools.product(*(range(size) for size in reversed(SIZES))):
        letters = [(0, 0), (0, a), (a, b), (b, c), (c, 0)]
        low, high, w = (
            np.array(
                [
                    chosen(each[k], at, query, functional)
                    for each, at in zip(found, letters, strict=True)
                ]
            )
            for k in range(3)
        )
        order = np.argsort(-w)
        for k in range(len(w) + 1):
            e = np.concatenate([high[order[:k]], low[order[k:]]])
            best = max(best, (e * w[order]).sum() / e.sum())
    return best


@pytest.mark.parametrize("width", [0.0, 0.5, 20.0])
def test_it_is_the_largest_mean_of_all_chains(monkeypatch, width):
    monkeypatch.setattr(chains, "_AT_ONCE", 20)
    found = pieces(np.random.default_rng(1), width)
    bound = largest_chain_mean(found)
    assert bound.shape == (2, 1, 3)
    for query, functional in np.ndindex(2, 3):
        true = largest(found, query, functional)
        assert true <= bound[query, 0, functional] <= true + 1e-9


def test_where_nothing_is_known_of_weights_it_is_the_largest_value():
    found = [
        Piece(0 * each.low, each.high, each.value) for each in pieces(np.random.default_rng(2), 1.0)
    ]
    fitting = max(each.value[..., 0].max() for each in found)
    assert (largest_chain_mean(found)[..., 0] <= fitting).all()
    assert (largest_chain_mean(found)[..., 0] >= fitting - 1e-9).all()
