"""Running radii hold what real numbers make, and are not much larger (Theorem 9.2)."""

import numpy as np
import pytest
from mpmath import mpf

from probbound.check.models.transformer.answers import leads
from probbound.check.models.transformer.block import Layer
from probbound.check.models.transformer.network import Network
from probbound.check.models.transformer.radii import Radii, Tracked
from probbound.check.models.transformer.sizes import Sizes
from probbound.check.models.transformer.values import Matrix, Values
from tests.probbound.check.models.transformer import exact
from tests.probbound.check.models.transformer.networks import (
    CASES,
    ROW,
    random_arrays,
    stated,
    weights,
)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("spread", [0.5, 2.0])
def test_the_real_outcome_lies_within(case, spread):
    said = stated(**CASES[case])
    arrays = random_arrays(said, seed=len(case), spread=spread)
    network = Network(weights(said, arrays))
    values, radii = network.outcomes_with_radii(np.array([ROW]))
    np.testing.assert_array_equal(values, network.logits(np.array([ROW])))
    wanted = exact.outcomes(said, arrays, ROW)[-1]
    away = [abs(mpf(float(v)) - w) for v, w in zip(values[0], wanted, strict=True)]
    assert all(a <= mpf(float(r)) for a, r in zip(away, radii[0], strict=True))
    if spread < 1:
        assert radii.max() < 1e-8


BLOCKS = [name for name, changes in CASES.items() if changes.get("n_layers", 1)]


@pytest.mark.parametrize("case", BLOCKS)
@pytest.mark.parametrize("radius", [1e-6, 1e-2, 0.5])
def test_a_block_carries_radii_as_far_as_it_carries_differences(case, radius):
    """Streams that differ by the radius: what the block makes of them differs by no more."""
    said = weights(stated(**CASES[case])).configuration
    random, length = np.random.default_rng(len(case)), 5
    arrays = {
        name.removeprefix("blocks.0."): values
        for name, values in random_arrays(stated(**CASES[case]), seed=1).items()
        if name.startswith("blocks.0.")
    }
    places = random.normal(size=(length, 4)) if said.positions == "shortformer" else None
    x = random.normal(size=(200, length, 4))
    moved = random.normal(size=x.shape)
    moved *= radius / np.linalg.norm(moved, axis=-1, keepdims=True)
    with np.errstate(all="ignore"):
        tracked = Layer(Radii(said, Sizes()), 0, arrays, places).of(
            Tracked(x, np.full(x.shape[:-1], radius)), length
        )
        plain = Layer(Values(said), 0, arrays, places)
        differences = np.linalg.norm(plain.of(x + moved, length) - tracked.values, axis=-1)
    np.testing.assert_array_equal(plain.of(x, length), tracked.values)
    assert (differences <= tracked.radius).all()
    if radius < 1e-5:
        assert np.median(tracked.radius / differences) < 2000


@pytest.mark.parametrize("activation", ["relu", "gelu", "gelu_tanh", "silu"])
def test_no_activation_is_steeper_than_is_said(activation):
    said = weights(stated(activation=activation)).configuration
    x = np.linspace(-40, 40, 800_001)[:, None]
    y = x + 1e-6
    found = Radii(said, Sizes()).activated(Tracked(x, np.full(len(x), 1e-6)))
    assert (np.abs(Values(said).activated(y) - found.values)[:, 0] <= found.radius).all()


def test_depth_makes_radii_grow_and_never_undefined():
    said = stated(n_layers=12, windows=[None] * 12)
    values, radii = Network(weights(said, random_arrays(said, spread=1.5))).outcomes_with_radii(
        np.array([ROW, ROW[::-1]])
    )
    assert np.isfinite(values).all()
    assert not np.isnan(radii).any()


@pytest.mark.parametrize(
    ("changes", "scales"),
    [
        ({"attn_scale": 2.0**-65}, {}),
        ({"logit_cap": 2.0**65}, {}),
        ({"positions": "rotary", "rotary_dim": 2, "rotary_base": 0.5}, {}),
        ({}, {"unembed.W_U": 2.0**70}),
        ({}, {"blocks.0.attn.b_Q": 2.0**70}),
    ],
)
def test_what_the_theorem_does_not_cover_is_certain_of_nothing(changes, scales):
    said = stated(**changes)
    arrays = random_arrays(said)
    arrays |= {name: arrays[name] * scale for name, scale in scales.items()}
    found = Network(weights(said, arrays)).outcomes_with_radii(np.array([ROW]))
    assert np.isinf(found.radii).all()
    assert not leads(found, np.array([0]), 0.0).any()


def test_norms_of_constant_vectors_without_eps_are_certain_of_nothing():
    said = stated(n_layers=0, windows=[], norm_eps=0, positions="none")
    arrays = {**random_arrays(said), "embed.W_E": np.ones((7, 4)), "embed.b_E": np.zeros(4)}
    found = Network(weights(said, arrays)).outcomes_with_radii(np.array([ROW]))
    assert np.isinf(found.radii).all()


def test_sizes_of_matrices_are_not_below_and_hardly_above_theirs():
    random = np.random.default_rng(0)
    matrix = Matrix("W", random.normal(size=(3, 40, 7)))
    sizes = Sizes()
    each, whole = sizes.of(matrix), sizes.of_whole(matrix)
    wanted = np.linalg.norm(matrix.values, 2, axis=(1, 2))
    assert (each.spectral >= wanted * (1 - 1e-12)).all()
    assert (each.spectral <= wanted * (1 + 1e-9)).all()
    together = np.linalg.norm(matrix.values.reshape(-1, 7), 2)
    assert whole.spectral == pytest.approx(together, rel=1e-9)
    absolute = np.linalg.norm(np.abs(matrix.values), 2, axis=(1, 2))
    assert (each.absolute >= absolute * (1 - 1e-12)).all()
    assert (each.absolute <= np.linalg.norm(matrix.values, axis=(1, 2)) * (1 + 1e-9)).all()
    assert sizes.of(Matrix("0", np.zeros((2, 3)))).spectral < 1e-100
