"""`low-rank`: never above the truth, whatever is proposed; and it leaves little."""

from dataclasses import replace

import numpy as np
import pytest

from probbound.contract.cost import CostMeter
from probbound.machine.errors import UserError
from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.screens.forward import ForwardPass
from probbound.tasks.pairs.screens.join import compare_flops
from probbound.tasks.pairs.screens.low_rank import (
    LowRankScreen,
    enumerate_flops,
    table_flops,
)
from probbound.tasks.pairs.screens.rank_proposal import RankProposal, propose
from tests.counting import counted, counting
from tests.probbound.tasks.pairs.networks import (
    all_pairs,
    left_of,
    margins,
    planted,
    random,
    sundry,
    symmetric,
    with_skip,
)


def any_proposal(net, rank, seed):
    """Nothing that a maker would propose."""
    rng, n = np.random.default_rng(seed), net.n_features
    mean = rng.normal(size=n)
    mean[net.gated :] = 0
    return RankProposal(
        exponents=rng.integers(-3, 4, n),
        left=rng.normal(size=(n, rank)),
        right=rng.normal(size=(rank, net.n_classes)),
        centre=rng.normal(size=n),
        mean=mean,
        centres=rng.normal(size=(net.n_classes, rank)),
    )


def test_it_never_passes_a_wrong_pair():
    passed = 0
    for number, net in enumerate(sundry(300)):
        rank = 1 + number % min(6, net.gated, net.n_classes)
        certified = ~left_of(LowRankScreen.of(net, rank), net)
        assert not (certified & ~(margins(net) > 0)).any()
        passed += certified.sum()
    assert passed > 1000


def test_nor_does_it_with_any_other_proposal():
    passed = 0
    for number, net in enumerate(sundry(200)):
        right = propose(net, min(net.gated, net.n_classes))
        rng = np.random.default_rng(number)
        size = (0.0, 1e-3, 0.03, 0.1)[number % 4]
        shift = rng.integers(-1, 2, net.n_features)
        bent = replace(
            right,
            left=np.ldexp(right.left, shift[:, None]) + size * rng.normal(size=right.left.shape),
            right=right.right + size * rng.normal(size=right.right.shape),
            centre=np.ldexp(right.centre, shift) + size * rng.normal(size=right.centre.shape),
            mean=np.where(np.arange(net.n_features) < net.gated, right.mean * (1 + size), 0),
            centres=right.centres * (1 + size * rng.normal(size=right.centres.shape)),
            exponents=right.exponents + shift,
        )
        for proposal in (bent, any_proposal(net, 2, number)):
            certified = ~left_of(LowRankScreen.of(net, 1, proposal=proposal), net)
            assert not (certified & ~(margins(net) > 0)).any()
            passed += certified.sum()
    assert passed > 500


@pytest.mark.parametrize("net", [planted(), planted(noise=0.01, untied=True)])
def test_it_leaves_nothing_of_a_network_of_few_directions(net):
    assert not left_of(LowRankScreen.of(net, 6), net).any()


def test_a_skip_path_costs_no_slack():
    net = with_skip(noise=0.01)
    right = margins(net) > 1
    assert not (left_of(LowRankScreen.of(net, 8), net) & right).any()


def test_a_group_needs_no_cyclic_order():
    labels = symmetric(3)
    net = random(6, 60, 1, labels)
    fitted = np.maximum(net.first[:, None] + net.second, 0).reshape(36, -1)
    wanted = np.eye(6)[labels.ravel()]
    net = replace(net, out=np.linalg.lstsq(fitted, wanted, rcond=None)[0])
    certified = ~left_of(LowRankScreen.of(net, 6), net)
    assert certified.any()
    assert not (certified & ~(margins(net) > 0)).any()


def test_all_pairs_and_single_ones_agree():
    net = planted(p=17, noise=0.15, untied=True, biased=True)
    screen = LowRankScreen.of(net, 7)
    left = left_of(screen, net)
    assert 0 < left.sum() < left.size
    assert (screen.enumerate(CostMeter()).pairs == np.argwhere(left)).all()


def test_cones_hold_most_pairs_of_a_clean_network():
    net = planted(p=29, frequencies=(1, 3, 4, 9))
    screen, meter = LowRankScreen.of(net, 8), CostMeter()
    assert screen.enumerate(meter).tickets == 0
    fixed = table_flops(screen.scaled, 8) + enumerate_flops(screen.scaled, 8)
    assert meter.phases[-1].flops - fixed < 0.5 * net.size * compare_flops(8, net.n_classes)


def test_the_own_class_has_no_tail_that_could_help_it():
    net = planted(noise=0.3)
    assert (np.diagonal(LowRankScreen.of(net, 3).join.remainder.tails) == 0).all()


@pytest.mark.parametrize("where", ["left", "right", "centre", "mean", "centres"])
def test_a_proposal_of_no_numbers_certifies_nothing_false(where):
    net = planted(p=7, frequencies=(1, 2), noise=0.4, seed=5)
    good = propose(net, 4)
    for value in (np.nan, np.inf, 1e200):
        values = getattr(good, where).copy()
        values[0] = value
        screen = LowRankScreen.of(net, 4, proposal=replace(good, **{where: values}))
        assert not (~left_of(screen, net) & ~(margins(net) > 0)).any()


def test_exact_ties_are_left():
    net = planted(p=7, frequencies=(1, 2))
    out = net.out.copy()
    out[:, 1] = out[:, 0]
    tied = replace(net, out=out)
    left = left_of(LowRankScreen.of(tied, 4), tied)
    assert left[(net.labels == 0) | (net.labels == 1)].all()


def test_stated_errors_are_counted():
    net = planted()
    size = float(margins(net).min()) / float(np.linalg.norm(net.out, axis=0).max())
    assert not left_of(LowRankScreen.of(net, 6), net).any()
    off = replace(net, first_error=np.full(13, size))
    assert left_of(LowRankScreen.of(off, 6), off).any()
    assert (left_of(LowRankScreen.of(off, 6), off) >= left_of(ForwardPass.of(off), off)).all()


def test_a_claimed_margin_is_exceeded():
    net = planted(noise=0.02)
    middle = float(np.median(margins(net)))
    certified = ~left_of(LowRankScreen.of(net, 8, middle), net)
    assert certified.any()
    assert not (certified & ~(margins(net) > middle)).any()


@pytest.mark.parametrize("rank", [0, 99])
def test_a_rank_that_is_not_there_is_refused(rank):
    with pytest.raises(UserError, match="rank must lie between"):
        LowRankScreen.of(planted(), rank)


@pytest.mark.parametrize("untied", [False, True])
def test_the_price_is_what_is_done(untied):
    net = planted(p=29, each=40, noise=0.1, untied=untied)
    proposal, meter = propose(net, 6), CostMeter()
    with counting() as count:
        seen = Folded.of(counted(net.first), counted(net.second), counted(net.out), net.labels)
        LowRankScreen.of(seen, 6, proposal=proposal).enumerate(meter)
    assert meter.phases[-1].flops == pytest.approx(count.floats, rel=0.03)


def test_the_price_of_one_pair_is_never_too_low():
    net = planted(p=29, each=40, noise=0.1)
    screen = LowRankScreen.of(net, 6)
    with counting() as count:
        seen = replace(screen, scaled=replace(screen.scaled, first=counted(screen.scaled.first)))
        seen.uncertified(all_pairs(net))
    assert 0.7 * screen.flops < count.floats / net.size <= screen.flops
