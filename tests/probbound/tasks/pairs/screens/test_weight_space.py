"""`norms` and `integral`: sound, and as empty as they are said to be."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate

from probbound.contract.cost import CostMeter
from probbound.machine.errors import UserError
from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.screens.wave_proposal import WaveProposal, propose_waves
from probbound.tasks.pairs.screens.weight_space import (
    VARIATION,
    integral_screen,
    norms_screen,
)
from tests.probbound.tasks.pairs.networks import (
    cyclic,
    left_of,
    margins,
    planted,
    sundry,
)


def any_waves(net, seed):
    """Waves that have nothing to do with the network."""
    rng = np.random.default_rng(seed)
    return WaveProposal(
        frequencies=rng.integers(1, net.n_classes, 2),
        groups=rng.integers(0, 2, net.gated),
        amplitudes=rng.normal(size=net.gated),
        phases=rng.normal(size=net.gated) * 9,
        out_amplitudes=rng.normal(size=net.gated),
        out_phases=rng.normal(size=net.gated),
        centre=rng.normal(size=net.n_features),
    )


@pytest.mark.parametrize("screen", [norms_screen, integral_screen])
def test_it_never_passes_a_wrong_pair(screen):
    passed = 0
    for number, net in enumerate(sundry(300)):
        for proposal in (None, any_waves(net, number)):
            certified = ~left_of(screen(net, proposal=proposal), net)
            assert not (certified & ~(margins(net) > 0)).any()
            passed += certified.sum()
    assert passed > 100 or screen is integral_screen


def test_norms_certify_clean_waves():
    net = planted(p=29, frequencies=(1, 3, 4, 9), each=48)
    assert not left_of(norms_screen(net), net).any()


def test_an_integral_certifies_waves_of_many_even_phases():
    net = planted(p=13, frequencies=(1, 3, 4), each=4000)
    left = left_of(integral_screen(net), net)
    assert left.mean() < 0.2
    assert not (~left & ~(margins(net) > 0)).any()


def test_a_little_noise_ends_both():
    net = planted(p=29, frequencies=(1, 3, 4, 9), each=48, noise=0.05)
    for screen in (norms_screen, integral_screen):
        found = screen(net)
        assert left_of(found, net).all()
        assert found.terms.share > 0.1


def test_the_terms_bound_what_they_are_said_to():
    net = planted(p=31, frequencies=(1, 3), each=40, noise=0.02, seed=1)
    waves = propose_waves(net).usable()
    found, p = integral_screen(net).terms, 31
    along, out = waves.along(p), waves.out(p)
    a, b = np.indices((p, p)).reshape(2, -1)
    structure = np.maximum(along[a] + along[b], 0)
    sums = (a + b)[:, None]
    weights = np.bincount(waves.groups, waves.amplitudes * waves.out_amplitudes)
    ideal = np.zeros((p * p, p))
    for k, weight in zip(waves.frequencies, weights, strict=True):
        agreed = np.abs(np.cos(np.pi * k * (a - b) / p))[:, None]
        ideal += (
            agreed * 2 * weight / (3 * np.pi) * np.cos(2 * np.pi * k * (np.arange(p) - sums) / p)
        )
    assert np.abs(structure @ out - ideal).max() <= found.integration + found.phase_defect
    features = np.maximum(net.first[a] + net.second[b], 0)
    assert np.abs((features - structure) @ out).max() <= found.input_noise
    rest = net.out - waves.centre[:, None] - out
    assert np.abs(features @ rest).max() <= found.output_noise


def test_the_variation_of_the_integrand_is_at_most_as_said():
    angles = np.linspace(0, 2 * np.pi, 20001)
    for shift in np.linspace(0, 2 * np.pi, 41):
        values = np.maximum(np.cos(angles), 0) * np.cos(2 * angles + shift)
        assert np.abs(np.diff(values)).sum() <= VARIATION
        mean = integrate.trapezoid(values, angles) / (2 * np.pi)
        assert mean == pytest.approx(np.cos(shift) / (3 * np.pi), abs=1e-6)


@pytest.mark.parametrize("screen", [norms_screen, integral_screen])
def test_labels_that_are_no_sums_are_left(screen):
    net = planted(p=29, frequencies=(1, 3, 4, 9), each=48)
    other = replace(net, labels=(cyclic(29) + 2) % 29)
    assert left_of(screen(other), other).all()


def test_all_pairs_and_single_ones_agree():
    net = planted(p=29, frequencies=(1, 3, 4, 9), each=48, noise=0.003)
    screen = norms_screen(net)
    left = left_of(screen, net)
    assert 0 < left.sum() < left.size
    assert (screen.enumerate(CostMeter()).pairs == np.argwhere(left)).all()


def test_operands_of_other_sizes_are_refused():
    net = Folded.of(np.ones((4, 3)), np.ones((5, 3)), np.ones((3, 4)), np.zeros((4, 5), int))
    with pytest.raises(UserError, match="one size"):
        norms_screen(net)
