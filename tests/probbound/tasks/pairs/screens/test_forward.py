"""The forward pass: right only where rounding cannot have made the margin."""

from dataclasses import replace

import numpy as np
import pytest

from probbound.contract.cost import CostMeter
from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.screens.forward import (
    ForwardPass,
    forward_flops,
    forward_table_flops,
)
from tests.counting import counted, counting
from tests.probbound.tasks.pairs.networks import (
    cyclic,
    exact_margin,
    left_of,
    margins,
    planted,
    random,
    sundry,
    with_skip,
)


@pytest.mark.parametrize("net", [planted(noise=0.1), random(8, 6, 3), with_skip()])
def test_what_it_passes_is_what_has_a_margin(net):
    assert (left_of(ForwardPass.of(net), net) == ~(margins(net) > 0)).all()


def test_it_never_passes_a_wrong_pair():
    for net in sundry(300):
        assert not (~left_of(ForwardPass.of(net), net) & ~(margins(net) > 0)).any()


def test_all_pairs_and_single_ones_agree():
    net = planted(p=11, noise=0.3, untied=True)
    check = ForwardPass.of(net)
    assert (check.enumerate(CostMeter()).pairs == np.argwhere(left_of(check, net))).all()


def test_ties_fail_and_the_smallest_safe_margin_passes():
    rows = np.ones((2, 3))
    out = np.array([[1.0, 1.0], [0.5, 0.5], [2.0, 2.0]])
    tie = Folded.of(rows, rows, out, cyclic(2))
    assert left_of(ForwardPass.of(tie), tie).all()
    for bit in range(1, 56):
        out[0, 0] = 1 + 2.0**-bit
        net = Folded.of(rows, rows, out, cyclic(2))
        passed = ~left_of(ForwardPass.of(net), net)
        assert not passed[[0, 1], [1, 0]].any()
        assert passed[0, 0] == passed[1, 1]
        assert passed[0, 0] or bit > 44
        assert exact_margin(net, 0, 0) > 0 or not passed[0, 0]


def test_rounding_never_passes_a_tie_that_no_float_shows():
    rng = np.random.default_rng(4)
    seen = 0
    for _ in range(200):
        net = random(4, 40, int(rng.integers(1 << 30)))
        out = net.out.copy()
        out[:, 1] = out[:, 0][::-1] * 1.0
        out[:, 0] = out[:, 1]
        rows = rng.permutation(40)
        first, second = net.first[:, :40], net.second[:, :40]
        tied = Folded.of(first[:, rows], second[:, rows], out[:40][rows], np.zeros((4, 4), int))
        seen += (~left_of(ForwardPass.of(tied), tied)).sum()
    assert seen == 0


@pytest.mark.parametrize("size", [1e-3, 0.05, 0.3])
def test_weights_within_the_stated_errors_are_certified_too(size):
    net = planted(p=7, frequencies=(1, 2), noise=0.05)
    stated = replace(
        net,
        first_error=np.full(7, size),
        second_error=np.full(7, 2 * size),
        out_error=np.full(7, size),
    )
    passed = ~left_of(ForwardPass.of(stated), stated)
    assert passed.any() or size > 0.01
    rng = np.random.default_rng(0)
    for _ in range(50):
        moved = replace(
            net,
            first=net.first + _of_length(rng, net.first.shape, size),
            second=net.second + _of_length(rng, net.second.shape, 2 * size),
            out=net.out + _of_length(rng, net.out.T.shape, size).T,
        )
        assert not (passed & ~(margins(moved) > 0)).any()


def _of_length(rng, shape, size):
    steps = rng.normal(size=shape)
    return size * steps / np.linalg.norm(steps, axis=1, keepdims=True)


def test_a_claimed_margin_is_exceeded():
    net = planted(noise=0.1)
    middle = float(np.median(margins(net)))
    assert (left_of(ForwardPass.of(net, middle), net) == ~(margins(net) > middle)).all()


def test_the_price_is_what_is_done():
    net = planted()
    with counting() as count:
        seen = replace(net, first=counted(net.first), second=counted(net.second))
        ForwardPass.of(seen).enumerate(CostMeter())
    compared = net.size * (net.n_classes + 2)
    said = forward_table_flops(net) + net.size * forward_flops(net) + compared
    assert said == pytest.approx(count.floats, rel=0.01)
