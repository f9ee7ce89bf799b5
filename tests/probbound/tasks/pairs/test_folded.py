"""Folded networks: joined, scaled, refused."""

import numpy as np
import pytest

from probbound.machine.errors import UserError
from probbound.tasks.pairs.folded import Folded
from tests.probbound.tasks.pairs.networks import cyclic, margins, planted, with_skip


def test_a_bias_and_a_skip_are_features_without_gates():
    rng = np.random.default_rng(0)
    rows, others, out = rng.normal(size=(5, 4)), rng.normal(size=(5, 4)), rng.normal(size=(4, 5))
    skip = rng.normal(size=(5, 2)), rng.normal(size=(5, 2)), rng.normal(size=(2, 5))
    bias = rng.normal(size=5)
    net = Folded.of(rows, others, out, cyclic(5), bias=bias, skip=skip)
    logits = np.maximum(rows[1] + others[3], 0) @ out + (skip[0][1] + skip[1][3]) @ skip[2] + bias
    own = logits[4]
    assert margins(net)[1, 3] == pytest.approx(own - np.delete(logits, 4).max())
    assert (net.n_features, net.gated) == (7, 4)


def test_a_bias_of_zeros_is_no_feature():
    net = planted()
    same = Folded.of(net.first, net.second, net.out, net.labels, bias=np.zeros(13))
    assert same.n_features == same.gated == net.gated


def test_scaling_by_powers_of_two_changes_nothing():
    net = with_skip()
    exponents = np.random.default_rng(1).integers(-9, 9, net.n_features)
    assert (margins(net.scaled(exponents)) == margins(net)).all()


@pytest.mark.parametrize(("noise", "tied"), [(0.0, True), (0.1, False)])
def test_operands_with_equal_rows_are_tied(noise, tied):
    assert planted(noise=noise, untied=True).tied is tied


@pytest.mark.parametrize(
    "change",
    [
        {"gated": 99},
        {"first_error": np.zeros(2)},
        {"labels": np.full((13, 13), 13)},
        {"second": np.zeros((13, 2))},
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(change):
    net = planted()
    fields = {name: getattr(net, name) for name in Folded.__dataclass_fields__}
    with pytest.raises(UserError, match="must"):
        Folded(**(fields | change))


def test_a_bias_of_zeros_that_is_known_up_to_an_error_is_one():
    net = planted()
    bias, off = np.zeros(13), np.full(13, 1e-3)
    kept = Folded.of(net.first, net.second, net.out, net.labels, bias=bias, out_error=off)
    assert kept.n_features == net.n_features + 1
