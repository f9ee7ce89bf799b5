"""Errors of the idealised logit: within what Theorem 8.12 proves, on the scale that is said."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate

from probbound.tasks.modular_addition.planted_sum import planted_sum
from probbound.tasks.modular_addition.task import ModularAddition
from studies.idealised import NAIVE, UNIT, Idealised


def size_of_integrand(turned: float) -> float:
    """|relu(cos u) cos(2u + turned)| over the circle."""
    zeros = [(math.pi * (n + 0.5) - turned) / 2 for n in range(-4, 5)]
    inside = [x for x in zeros if abs(x) < math.pi / 2]
    found = integrate.quad(
        lambda u: math.cos(u) * abs(math.cos(2 * u + turned)),
        -math.pi / 2,
        math.pi / 2,
        points=inside,
    )
    return found[0]


def test_the_scale_is_that_of_the_integrals():
    whole = integrate.quad(lambda u: math.cos(u) * math.cos(2 * u), -math.pi / 2, math.pi / 2)[0]
    assert whole == pytest.approx(UNIT)
    sizes = [size_of_integrand(turned) for turned in np.linspace(0, 2 * math.pi, 41)]
    assert max(sizes) == pytest.approx(NAIVE)
    model = planted_sum(113, waves=2, neurons=8)
    assert NAIVE * Idealised.of(model, ModularAddition(113).labelling).agreed == pytest.approx(
        0.849, abs=1e-3
    )


@pytest.mark.parametrize("neurons", [5, 9, 40])
@pytest.mark.parametrize("noise", [0.0, 0.05, 0.5])
def test_no_error_is_above_what_is_proved(neurons, noise):
    task, pairs = ModularAddition(13), np.argwhere(np.ones((13, 13), dtype=bool))
    for seed in range(4):
        model = planted_sum(13, seed, waves=3, neurons=neurons, beside=3, noise=noise)
        ideal = Idealised.of(model, task.labelling)
        terms, scale = ideal.terms, ideal.scale
        whole = terms.integration + terms.phase_defect + terms.input_noise + terms.output_noise
        assert np.all(ideal.of_integral(pairs) <= terms.integration * scale)
        assert np.all(ideal.of_network(pairs) <= whole * scale)


def test_many_even_phases_are_the_integral_and_few_are_not():
    task, pairs = ModularAddition(13), np.argwhere(np.ones((13, 13), dtype=bool))
    few, many = (
        Idealised.of(planted_sum(13, waves=2, neurons=neurons, noise=0.0), task.labelling)
        for neurons in (5, 400)
    )
    assert few.of_network(pairs).max() > 0.01
    assert many.of_network(pairs).max() < 1e-4
