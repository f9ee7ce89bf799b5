"""Radii hold the real outcome, agree with the checker's, and are certain of nothing where they
should be (Theorem 9.2)."""

import itertools

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from probbound.check.models.transformer.network import Network
from probbound.models.transformer.network import GeneralTransformer
from probbound.models.transformer.plain import ACTIVATIONS
from probbound.models.transformer.running import outcomes, outcomes_with_radii
from probbound.models.transformer.sizing import sizes_of
from tests.probbound.check.models.transformer import exact
from tests.probbound.check.models.transformer.networks import (
    CASES,
    ROW,
    random_arrays,
    stated,
    weights,
)
from tests.probbound.models.transformer.networks import WAYS, architecture, network, run_in


@pytest.mark.parametrize(("case", "way"), WAYS)
def test_the_real_outcome_lies_within_and_the_checker_has_much_the_same_radius(case, way):
    said, spread = stated(**CASES[case]), 0.5 if len(case) % 2 else 2.0
    arrays = random_arrays(said, len(case), spread)
    made = network(len(case), spread, **CASES[case])
    with run_in(way):
        values, radii = outcomes_with_radii(made, np.array([ROW]), sizes_of(made))
        np.testing.assert_allclose(values, outcomes(made, np.array([ROW])), atol=1e-11)
    wanted = exact.outcomes(said, arrays, ROW)[-1]
    away = [abs(mpf(float(v)) - w) for v, w in zip(values[0], wanted, strict=True)]
    assert all(a <= mpf(float(r)) for a, r in zip(away, radii[0], strict=True))
    other = Network(weights(said, arrays)).outcomes_with_radii(np.array([ROW]))[1]
    finite = np.isfinite(radii)
    assert (finite == np.isfinite(other)).all()
    assert ((radii / other < 5) & (other / radii < 5) | ~finite).all()


def test_depth_makes_radii_explode_and_never_lie():
    grown = []
    for layers in (1, 2, 3, 4, 6):
        made = network(n_layers=layers, windows=[None] * layers, spread=1.0)
        with run_in("by operations"):
            _, radii = outcomes_with_radii(made, np.array([ROW]), sizes_of(made))
        grown.append(radii.max())
        assert not np.isnan(radii).any()
    assert grown[0] < 1e-8
    assert all(a < b for a, b in itertools.pairwise(grown))
    assert grown[-1] > 1


def test_weights_beyond_the_theorem_are_certain_of_nothing():
    arrays = dict(network().arrays)
    arrays["blocks.0.mlp.W_in"] = arrays["blocks.0.mlp.W_in"] * 2.0**300
    made = network()
    large = type(made)(arrays, made.architecture)
    with run_in("by operations"):
        _, radii = outcomes_with_radii(large, np.array([ROW]), sizes_of(large))
    assert not np.isfinite(radii).any()


BARE = {"n_layers": 0, "windows": [], "positions": "none"}
NO_NORM = {"norm": "none", "norm_eps": 0.0, "final_norm": False}
AT_THE_EDGES = {
    "scores that nothing is known of": ({}, {"blocks.0.attn.W_Q": 2.0**300}),
    "squares overflow": ({**BARE, "norm": "rms"}, {"embed.W_E": 1e200, "embed.b_E": 0}),
    "squares underflow": (
        {**BARE, "norm": "rms", "norm_eps": 0.0},
        {"embed.W_E": 1e-160, "embed.b_E": 0},
    ),
    "means of squares underflow": (
        {**BARE, "norm_eps": 1e-320},
        {"embed.W_E": 1e-160, "embed.b_E": 0},
    ),
    "cap": ({**BARE, **NO_NORM, "logit_cap": 1.7e308}, {"unembed.b_U": 0}),
    "cap of scores": ({**NO_NORM, "score_cap": 1.7e308}, {"embed.W_E": 1e-3}),
    "columns underflow": (
        {"n_layers": 0, "windows": [], **NO_NORM},
        {"embed.W_E": 1e140, "pos_embed.W_pos": 1e140, "unembed.W_U": 1e-170, "unembed.b_U": 0},
    ),
}


@pytest.mark.parametrize("edge", AT_THE_EDGES)
def test_what_overflows_or_underflows_is_within_the_radius_or_certain_of_nothing(edge):
    changes, scales = AT_THE_EDGES[edge]
    said = stated(**changes)
    arrays = random_arrays(said)
    arrays |= {name: arrays[name] * scale for name, scale in scales.items()}
    made, rows = GeneralTransformer(arrays, architecture(**changes)), np.array([ROW])
    real = [float(number) for number in exact.outcomes(said, arrays, ROW)[-1]]
    for values, radii in (
        outcomes_with_radii(made, rows, sizes_of(made)),
        Network(weights(said, arrays)).outcomes_with_radii(rows),
    ):
        certain = np.isfinite(radii[0])
        assert (np.abs(values[0] - real)[certain] <= radii[0][certain] * (1 + 1e-6)).all()


def test_sizes_of_tiny_matrices_are_not_below_theirs():
    tiny = 1e-170 * network().arrays["blocks.0.mlp.W_in"]
    arrays = {**network().arrays, "blocks.0.mlp.W_in": tiny}
    size = sizes_of(GeneralTransformer(arrays, architecture()))["blocks.0.mlp.W_in"]
    least = 1e-170 * np.linalg.norm(tiny * 1e170, 2)
    assert size.spectral >= least
    assert size.absolute >= least


def test_norms_of_constant_vectors_without_eps_are_certain_of_nothing():
    made = network(norm_eps=0.0, embedding_norm=True)
    arrays = dict(made.arrays)
    for name in ("embed.W_E", "pos_embed.W_pos", "embed.b_E"):
        arrays[name] = np.ones_like(arrays[name])
    flat = type(made)(arrays, made.architecture)
    with run_in("by operations"):
        _, radii = outcomes_with_radii(flat, np.array([ROW]), sizes_of(flat))
    assert not (radii < np.inf).any()


@pytest.mark.parametrize("kind", ["gelu", "gelu_tanh", "silu"])
def test_no_activation_is_steeper_or_less_exact_than_is_said(kind):
    """Slopes on a grid of 2^-9; second derivatives are below 2, so they miss 2^-8 at most.

    Beyond 12 the slope is within 1e-4 of 0 or 1.
    """
    import jax

    with jax.enable_x64(True):
        x = np.arange(-12, 12, 2.0**-9)
        slope = np.asarray(jax.vmap(jax.grad(lambda y: ACTIVATIONS[kind](y)))(x))
        bend = np.asarray(jax.vmap(jax.grad(jax.grad(lambda y: ACTIVATIONS[kind](y))))(x))
        assert np.abs(bend).max() < 2
        peaks = np.abs(slope).max()
        fine = x[np.abs(slope) > peaks - 2.0**-7]
        around = (fine[:, None] + np.linspace(-(2.0**-9), 2.0**-9, 65)).ravel()
        steep = np.asarray(jax.vmap(jax.grad(lambda y: ACTIVATIONS[kind](y)))(around))
        assert np.abs(steep).max() + 2.0**-13 < 1.13
        points = np.random.default_rng(0).uniform(-9, 9, 400)
        found = np.asarray(ACTIVATIONS[kind](jax.numpy.asarray(points)))
    wanted = {
        "gelu": lambda v: v * mpmath.ncdf(v),
        "gelu_tanh": lambda v: (
            v * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (v + mpf("0.044715") * v**3))) / 2
        ),
        "silu": lambda v: v / (1 + mpmath.exp(-v)),
    }[kind]
    for point, value in zip(points.tolist(), found.tolist(), strict=True):
        assert abs(mpf(value) - wanted(mpf(point))) <= 64 * mpf(2) ** -53 * abs(mpf(point))
