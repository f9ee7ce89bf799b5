"""What no loss of a network exceeds, against 60 digits and the worst that a norm lets in (9.10)."""

import math

import mpmath
import numpy as np
import pytest

from probbound.check.models.transformer.largest_loss import largest_loss
from probbound.check.models.transformer.losses import cross_entropies
from probbound.check.models.transformer.network import Network
from tests.probbound.check.models.transformer.networks import (
    CASES,
    NO_MLP,
    NO_NORM,
    random_arrays,
    stated,
    weights,
)

NORMS = {
    "layer": ({}, "ln_final"),
    "rms": ({"norm": "rms"}, "ln_final"),
    "masked": ({"head": "masked"}, "head.ln"),
    "masked without a norm": ({"head": "masked", **NO_NORM}, "head.ln"),
    "post": ({"norm_place": "post", "final_norm": False}, "blocks.0.ln2"),
    "post without an MLP": ({"norm_place": "post", "final_norm": False, **NO_MLP}, "blocks.0.ln1"),
    "embeddings": (
        {"n_layers": 0, "windows": [], "embedding_norm": True, "final_norm": False},
        "embed.ln",
    ),
    "no head": ({"n_layers": 0, "windows": [], "head": "none", "d_out": 4}, "ln_final"),
}


def parts(said, arrays, name):
    """w, b, W_U and b_U in 60 digits."""
    width, out = said["d_model"], said["d_out"]
    given = (
        arrays[f"{name}.w"],
        arrays.get(f"{name}.b", np.zeros(width)),
        arrays.get("unembed.W_U", np.eye(width, out)),
        arrays.get("unembed.b_U", np.zeros(out)),
    )
    return [mpmath.matrix(each.tolist()) for each in given]


def wanted(said, arrays, name):
    """C as the theorem has it, in 60 digits, without what is added for rounding."""
    w, b, matrix, bias = parts(said, arrays, name)
    width, out = said["d_model"], said["d_out"]
    root = mpmath.sqrt(width)
    reach = [root * mpmath.norm([w[i] * matrix[i, j] for i in range(width)]) for j in range(out)]
    middle = [mpmath.fdot(b, matrix[:, j]) + bias[j] for j in range(out)]
    total = mpmath.log(mpmath.fsum(map(mpmath.exp, map(sum, zip(reach, middle, strict=True)))))
    return max(a - c for a, c in zip(reach, middle, strict=True)) + total


@pytest.mark.parametrize("case", NORMS)
def test_it_is_the_number_of_the_theorem(case):
    changes, name = NORMS[case]
    said = stated(**changes)
    for seed, spread in ((0, 0.5), (1, 3.0), (2, 1e-3)):
        arrays = random_arrays(said, seed, spread)
        with mpmath.workdps(60):
            least = wanted(said, arrays, name)
        found = largest_loss(weights(said, arrays))
        assert least <= found
        assert found <= float(least) * (1 + 1e-5) + 1e-4


@pytest.mark.parametrize("case", CASES)
def test_no_loss_exceeds_it(case):
    said = stated(**CASES[case])
    for seed in range(3):
        arrays = random_arrays(said, seed, 2.0)
        made = weights(said, arrays)
        tokens = np.random.default_rng(seed).integers(0, 7, (12, 5))
        outcomes = Network(made).outcomes_with_radii(tokens)
        labels = outcomes.values.argmin(axis=1)
        certain = np.isfinite(outcomes.radii).all(axis=1) & (outcomes.radii.max(axis=1) < 1e-6)
        losses = cross_entropies(outcomes, labels)[certain]
        assert (losses <= largest_loss(made)).all()


@pytest.mark.parametrize("cap", [None, 0.1, 1.0, 50.0])
@pytest.mark.parametrize("kind", ["layer", "rms"])
def test_the_worst_that_a_norm_lets_in_is_within_it(kind, cap):
    """Vectors of norm √d towards one answer and away from another."""
    said = stated(norm=kind, logit_cap=cap)
    for seed in range(5):
        random = np.random.default_rng(seed)
        arrays = random_arrays(said, seed, 1.0)
        arrays["unembed.b_U"] = random.normal(size=6) * 10 ** random.uniform(-1, 2)
        most, w = largest_loss(weights(said, arrays)), arrays["ln_final.w"]
        for j, m in [(j, m) for j in range(6) for m in range(6) if j != m]:
            towards = w * (arrays["unembed.W_U"][:, j] - arrays["unembed.W_U"][:, m])
            y = towards / np.linalg.norm(towards) * 2.0
            x = w * y + arrays.get("ln_final.b", 0.0)
            values = x @ arrays["unembed.W_U"] + arrays["unembed.b_U"]
            values = values if cap is None else cap * np.tanh(values / cap)
            assert np.logaddexp.reduce(values - values[m]) <= most


def test_a_cap_bounds_it_alone_and_the_lesser_of_both_counts():
    capped = stated(**NO_NORM, logit_cap=3.0)
    alone = largest_loss(weights(capped))
    assert 6 + math.log(6) <= alone <= 6 + math.log(6) + 1e-5
    small = random_arrays(stated(logit_cap=3.0), 0, 1e-3)
    assert largest_loss(weights(stated(logit_cap=3.0), small)) < alone
    large = random_arrays(stated(logit_cap=3.0), 0, 9.0)
    assert largest_loss(weights(stated(logit_cap=3.0), large)) == alone


def test_without_cap_and_norm_or_with_huge_weights_nothing_bounds_it():
    for changes in (NO_NORM, {"final_norm": False}, {"norm_place": "both", "final_norm": False}):
        assert largest_loss(weights(stated(**changes))) == math.inf
    for name, size in (("unembed.W_U", 1e200), ("unembed.b_U", 1.7e308), ("ln_final.w", 1e308)):
        arrays = random_arrays(stated())
        arrays[name] = np.full_like(arrays[name], size)
        assert largest_loss(weights(stated(), arrays)) == math.inf


def test_one_answer_and_many():
    said = stated(d_out=1)
    assert largest_loss(weights(said, random_arrays(said))) >= 0
    many = stated(d_out=300)
    arrays = random_arrays(many)
    with mpmath.workdps(30):
        least = wanted(many, arrays, "ln_final")
    assert least <= largest_loss(weights(many, arrays)) <= float(least) * (1 + 1e-5) + 1e-4
