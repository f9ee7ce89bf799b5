"""Each rule of docs/networks.md, against loops over numbers of 40 digits and by hand."""

import math

import numpy as np
import pytest

from probbound.check.models.transformer.functions import slopes
from probbound.check.models.transformer.network import Network
from probbound.check.report import Unusable
from tests.probbound.check.models.transformer import exact
from tests.probbound.check.models.transformer.networks import (
    CASES,
    NO_MLP,
    NO_NORM,
    ROW,
    random_arrays,
    stated,
    weights,
)


@pytest.mark.parametrize("case", CASES)
def test_every_position_is_as_by_loops(case):
    said = stated(**CASES[case])
    arrays = random_arrays(said, seed=len(case))
    found = Network(weights(said, arrays)).outcomes(np.array([ROW, ROW[::-1]]))
    for row, outcomes in zip((ROW, ROW[::-1]), found, strict=True):
        wanted = np.array(exact.outcomes(said, arrays, row)).astype(float)
        assert np.abs(outcomes - wanted).max() < 1e-13
        assert np.ptp(wanted) > 0.1


def test_absent_arrays_are_zeros_and_ones():
    said = stated(gated=True, head="masked", norm_place="both", embedding_norm=True)
    arrays = random_arrays(said)
    biases = {name for name in arrays if name.split(".")[-1].startswith(("b_", "b", "w"))}
    bare = {name: values for name, values in arrays.items() if name not in biases}
    neutral = {n: np.full(arrays[n].shape, float(n.endswith(".w"))) for n in biases}
    without, filled = weights(said, bare), weights(said, {**arrays, **neutral})
    assert len(biases) == 25
    assert set(without.arrays) == set(filled.arrays) == set(bare)
    assert without.digest() == filled.digest()
    found = Network(without).outcomes(np.array([ROW]))[0]
    wanted = np.array(exact.outcomes(said, bare, ROW)).astype(float)
    assert np.abs(found - wanted).max() < 1e-13


def test_one_head_and_two_positions_by_hand():
    said = stated(
        **{**NO_NORM, **NO_MLP, "n_heads": 1, "n_key_value_heads": 1, "d_model": 1, "d_head": 1},
        d_vocab=2,
        d_out=1,
        positions="none",
        attn_scale=2,
    )
    one = np.ones((1, 1, 1))
    arrays = {"embed.W_E": np.array([[1.0], [2.0]]), "unembed.W_U": np.array([[1.0]])}
    arrays |= {f"blocks.0.attn.W_{part}": one for part in "QKVO"}
    network = Network(weights(said, arrays))
    assert network.logits(np.array([[0]])).item() == 2.0
    share = 1 / (1 + math.exp(-1.0))  # scores 2·1/2 and 2·2/2
    assert network.logits(np.array([[0, 1]])).item() == pytest.approx(2 + (1 - share) + 2 * share)


def test_slopes_are_those_of_the_paper():
    np.testing.assert_array_equal(slopes(8), 2.0 ** -np.arange(1, 9))
    np.testing.assert_allclose(slopes(6), [2**-2, 2**-4, 2**-6, 2**-8, 2**-1, 2**-3])
    np.testing.assert_allclose(slopes(3), [2**-4, 2**-8, 2**-2])
    np.testing.assert_array_equal(slopes(1), [2.0**-8])


def test_parts_of_rows_and_of_outcomes_change_nothing(monkeypatch):
    said = stated()
    tokens = np.random.default_rng(0).integers(0, 7, (50, 5))
    network = Network(weights(said))
    whole = network.logits(tokens)
    monkeypatch.setattr("probbound.check.models.transformer.network._AT_ONCE", 8)
    np.testing.assert_allclose(network.logits(tokens), whole, rtol=0, atol=1e-14)
    assert network.logits(tokens[:0]).shape == (0, 6)


def test_weights_are_used_as_the_numbers_that_they_are():
    said = stated(positions="shortformer", gated=True)
    arrays = {name: values.astype("<f4") for name, values in random_arrays(said).items()}
    tokens = np.array([ROW])
    exactly = {name: values.astype(">f8") for name, values in arrays.items()}
    narrow, wide = weights(said, arrays), weights(said, exactly)
    assert narrow.digest() == wide.digest()
    np.testing.assert_array_equal(Network(narrow).logits(tokens), Network(wide).logits(tokens))


@pytest.mark.parametrize(
    "tokens", [[[7]], [[-1]], [[0] * 6], [0, 1], [[0.0]], [[True]], np.zeros((3, 0), int)]
)
def test_rows_that_it_does_not_read_are_refused(tokens):
    with pytest.raises(Unusable, match="tokens"):
        Network(weights(stated())).logits(np.array(tokens))
