"""The largest weighted mean over chains of tokens, against enumeration (Theorem 10.16)."""

import itertools

import numpy as np
import pytest

from probbound.models.transformer.attention_alone import chain_means
from probbound.models.transformer.attention_alone.chain_means import ends, largest_chain_means
from probbound.models.transformer.attention_alone.form import form_of
from probbound.models.transformer.attention_alone.letters import letters_of
from probbound.models.transformer.attention_alone.trees import Ranges
from tests.probbound.models.transformer.attention_alone.networks import looking_network

SIZES = (2, 3, 1, 3, 2)


def alphabet():
    rng, one = np.random.default_rng(0), np.zeros((5, 4), dtype=bool)
    for row, size in zip(one, SIZES, strict=True):
        row[rng.permutation(4)[:size]] = True
    return letters_of(Ranges(form_of(looking_network(0, v=4))), one)


LETTERS = alphabet()


def chains_to(at):
    """The letters of every chain up to a position."""
    for tokens in itertools.product(*(range(size) for size in SIZES[: at + 1])):
        yield [LETTERS.number(s, tokens[s], tokens[s - 1] if s else 0) for s in range(at + 1)]


def drawn(seed, at, given, sharp, width):
    rng = np.random.default_rng(seed)
    chains, shape = ends(LETTERS, at, given)
    letters = LETTERS.blocks[at].stop
    low = sharp * rng.normal(size=(len(chains.last), letters))
    high = low + width * rng.random(low.shape)
    top = high.max(axis=1, keepdims=True)
    values = rng.normal(size=(letters, 3)) * 10.0 ** rng.integers(-3, 4)
    return rng, chains, shape, np.exp(low - top), np.exp(high - top), values


@pytest.mark.parametrize("at", range(5))
@pytest.mark.parametrize("given", [1, 2])
def test_ends_are_all_there_are(at, given):
    chains, shape = ends(LETTERS, at, given)
    assert shape == tuple(SIZES[at - k] if at >= k else 1 for k in range(given + 1))
    assert len(chains.last) == np.prod(shape)
    met = set()
    for letters in chains_to(at):
        fits = np.flatnonzero((chains.last == letters[: -given - 1 : -1]).all(axis=1))
        assert len(fits) == 1
        met.add(int(fits[0]))
        if at >= given:
            assert letters[at - given] in chains.row[fits[0]]
    assert met == set(range(len(chains.last)))
    assert chains.free == max(at - given, 0)
    assert chains.row.shape[1] == (
        (SIZES[at - given - 1] if at > given else 1) if at >= given else 0
    )


@pytest.mark.parametrize(("at", "given"), [(0, 1), (0, 2), (1, 2), (3, 1), (4, 1), (4, 2)])
@pytest.mark.parametrize(("sharp", "width"), [(0.1, 0.0), (2.0, 0.0), (2.0, 0.5), (9.0, 3.0)])
def test_it_is_the_largest_mean_over_chains(monkeypatch, at, given, sharp, width):
    monkeypatch.setattr(chain_means, "CHUNK_ENTRIES", 40)
    _, chains, _, low, high, values = drawn(at, at, given, sharp, width)
    found = largest_chain_means(LETTERS, chains, low, high, values)
    wanted = np.full_like(found, -np.inf)
    for letters in chains_to(at):
        number = np.flatnonzero((chains.last == letters[: -given - 1 : -1]).all(axis=1))[0]
        for j, w in enumerate(values[letters].T):
            wanted[number, j] = max(
                wanted[number, j], largest(low[number, letters], high[number, letters], w)
            )
    size = np.abs(values).max()
    assert np.all(found >= wanted - 1e-15 * size)
    faint = low.min() < 1e-6  # what rounding takes is divided by the least that they sum to
    assert np.all(found <= wanted + (1e-3 if faint else 1e-8) * size)


def largest(low, high, w):
    """Of a mean with weights in intervals: the largest values have the largest weights."""
    order = np.argsort(-w)
    low, high, w = low[order], high[order], w[order]
    found = []
    for k in range(len(w) + 1):
        e = np.concatenate([high[:k], low[k:]])
        if e.sum() > 0:
            found.append((e * w).sum() / e.sum())
    return max(found)


def test_where_weights_underflow_the_largest_value_is_taken():
    _, chains, _, low, high, values = drawn(0, 4, 1, 1.0, 0.0)
    high = np.full_like(high, 2.0**-1000)
    found = largest_chain_means(LETTERS, chains, np.zeros_like(low), high, values * 2.0**150)
    top = [
        max(values[letters, 0].max() for letters in chains_to(4) if letters[-1] == last[0])
        for last in chains.last
    ]
    assert np.all(found[:, 0] >= np.array(top) * 2.0**150)


def test_steps_end_and_are_few_where_weights_are_known(monkeypatch):
    _, chains, _, low, high, values = drawn(1, 4, 2, 1.0, 0.0)
    whole = largest_chain_means(LETTERS, chains, low, high, values)
    monkeypatch.setattr(chain_means, "STEPS", 8)
    few = largest_chain_means(LETTERS, chains, low, high, values)
    assert np.abs(whole - few).max() <= 1e-6 * np.abs(values).max()
    monkeypatch.setattr(chain_means, "STEPS", 1)
    assert np.all(largest_chain_means(LETTERS, chains, low, high, values) >= whole - 1e-9)
