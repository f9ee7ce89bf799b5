"""What counts as answered with its label, in real numbers (9.3) and in float64 (9.4)."""

import math

import numpy as np

from probbound.check.models.transformer.answers import leads, leads_in_float64
from probbound.check.models.transformer.network import Network
from probbound.check.models.transformer.radii import Outcomes
from tests.probbound.check.models.transformer.networks import NO_NORM, stated, weights


def test_a_label_leads_only_by_more_than_margin_and_radii():
    values = np.array([[3.0, 1.0, 2.0]] * 4)
    radii = np.array([[0.0] * 3, [0.4, 9.0, 0.5], [0.5, 0.0, 0.5], [0.1, 0.1, math.inf]])
    values[1, 1] = -9.0
    found = Outcomes(values, radii)
    assert leads(found, np.zeros(4, int), 0.0).tolist() == [True, True, False, False]
    assert leads(found, np.zeros(4, int), 1.0).tolist() == [False] * 4
    assert leads(found, np.array([0, 2, 2, 2]), -1.5).tolist() == [True, False, False, False]
    lone = Outcomes(np.array([[math.nan]]), np.array([[math.inf]]))
    assert leads(lone, np.array([0]), 0.0).all()


def test_an_answer_that_leads_in_float64_and_not_in_real_numbers_does_not_count():
    """A difference of the last bits, of which float64 cannot tell the sign."""
    said = stated(n_layers=0, windows=[], d_out=2, positions="none", **NO_NORM)
    third = np.array([0.1, 0.2, 0.3, 0.0])
    arrays = {
        "embed.W_E": np.ones((7, 4)),
        "unembed.W_U": np.stack([third, third[[2, 1, 0, 3]]], 1),
    }
    found = Network(weights(said, arrays)).outcomes_with_radii(np.array([[0]]))
    assert not leads(found, found.values.argmax(axis=1), 0.0).any()
    assert not leads_in_float64(found.values, found.values.argmax(axis=1), 0.0).any()


def test_a_lead_in_float64_is_by_more_than_the_agreement():
    size = 1024.0
    agreed = size * 2.0**-24
    values = np.array([[size, 0, 0], [size, size - agreed, 0], [size, size - 2 * agreed, 0]])
    labels = np.zeros(3, int)
    assert leads_in_float64(values, labels, 0.0).tolist() == [True, False, True]
    assert leads_in_float64(values, labels, agreed).tolist() == [True, False, False]
    assert leads_in_float64(values, labels, size).tolist() == [False] * 3
    assert not leads_in_float64(np.array([[1.0, math.nan]]), np.array([0]), 0.0).any()
    assert leads_in_float64(np.array([[math.nan]]), np.array([0]), 0.0).all()
    assert leads_in_float64(values, np.array([1, 1, 2]), -1.0).tolist() == [False, True, False]
