"""`gates`: never above the truth, whatever waves are proposed; and it leaves little, for less."""

from dataclasses import replace

import numpy as np
import pytest

from probbound.contract.cost import CostMeter
from probbound.machine.errors import UserError
from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.screens.forward import forward_flops
from probbound.tasks.pairs.screens.gate_proposal import GateProposal, propose_gates
from probbound.tasks.pairs.screens.gates import GatesScreen
from probbound.tasks.pairs.screens.rank_proposal import propose
from tests.counting import counted, counting
from tests.probbound.tasks.pairs.networks import (
    left_of,
    margins,
    planted,
    random,
    sundry,
    with_skip,
)


def any_gates(net, seed):
    """Waves, phases and levels that have nothing to do with the network."""
    rng, p = np.random.default_rng(seed), net.n_first
    return GateProposal(
        frequencies=rng.integers(0, 2 * p, 2),
        waves=rng.normal(size=(2, p)),
        levels=rng.normal(size=(2, 3)),
        groups=rng.integers(0, 2, net.gated),
        phases=rng.integers(-p, p, net.gated),
        amplitudes=rng.normal(size=net.gated),
    )


def test_it_never_passes_a_wrong_pair():
    passed = 0
    for number, net in enumerate(sundry(300)):
        rank = 1 + number % min(6, net.gated, net.n_classes)
        screen = GatesScreen.of(net, rank, 1 + number % 5, exact_tail=number % 4 < 2)
        certified = ~left_of(screen, net)
        assert not (certified & ~(margins(net) > 0)).any()
        passed += certified.sum()
    assert passed > 300


def test_nor_does_it_with_any_other_waves():
    passed = 0
    for number, net in enumerate(sundry(100)):
        rank = min(6, net.gated, net.n_classes)
        good = GatesScreen.of(net, rank, 4).gates
        rng = np.random.default_rng(number)
        bent = replace(
            good,
            waves=good.waves + 0.05 * rng.normal(size=good.waves.shape),
            phases=good.phases + rng.integers(-1, 2, net.gated),
            amplitudes=good.amplitudes * rng.uniform(0.8, 1.2, net.gated),
            levels=good.levels * rng.uniform(0.5, 2, good.levels.shape),
        )
        for gates in (bent, any_gates(net, number)):
            screen = GatesScreen.of(net, rank, 4, gates=gates)
            certified = ~left_of(screen, net)
            assert not (certified & ~(margins(net) > 0)).any()
            passed += certified.sum()
    assert passed > 20


def test_what_it_says_a_pair_may_lose_holds_gate_by_gate():
    net = planted(p=13, noise=0.15, untied=True, seed=3)
    screen = GatesScreen.of(net, 6, 4)
    weights, p = screen.sums.weights, 13
    a, b = np.indices((p, p)).reshape(2, -1)
    d = (a - b) % p
    points = screen.points[0][d, a] + screen.points[1][d, b]
    loss = screen.lost(a, b)
    found = np.maximum(screen.scaled.first[a] + screen.scaled.second[b], 0) @ weights
    lost = (found - points)[:, :-1] @ screen.join.right
    spread = lost.max(axis=1) - lost.min(axis=1)
    assert (spread <= loss + 1e-9).all()
    assert (spread > loss / 20).any()
    assert (found[:, -1] >= points[:, -1] - 1e-9).all()


def test_a_clean_network_is_certified_whole():
    net = planted(p=29, frequencies=(1, 3, 4, 9), each=40)
    for exact in (True, False):
        assert not left_of(GatesScreen.of(net, 8, 4, exact_tail=exact), net).any()


def test_noise_leaves_some_and_the_exact_tail_leaves_no_more():
    net = planted(p=29, frequencies=(1, 3, 4, 9), each=40, noise=0.01, untied=True, seed=2)
    left = {x: left_of(GatesScreen.of(net, 8, 6, exact_tail=x), net) for x in (True, False)}
    assert left[True].mean() < left[False].mean() < 1
    assert not (left[True] & ~left[False]).any()


def test_a_skip_path_is_no_gate():
    net = with_skip(noise=0.01)
    certified = ~left_of(GatesScreen.of(net, 8, 6), net)
    assert certified.any()
    assert not (certified & ~(margins(net) > 0)).any()


def test_all_pairs_and_single_ones_agree():
    net = planted(p=29, frequencies=(1, 3, 4, 9), each=40, noise=0.02, seed=2)
    screen = GatesScreen.of(net, 8, 6)
    left = left_of(screen, net)
    assert 0 < left.sum() < left.size
    assert (screen.enumerate(CostMeter()).pairs == np.argwhere(left)).all()


@pytest.mark.parametrize("where", ["waves", "levels", "amplitudes"])
def test_a_proposal_of_no_numbers_certifies_nothing_false(where):
    net = planted(p=7, frequencies=(1, 2), noise=0.4, seed=5)
    good = GatesScreen.of(net, 4, 3).gates
    for value in (np.nan, np.inf, -np.inf, 1e200):
        values = getattr(good, where).copy()
        values[0] = value
        screen = GatesScreen.of(net, 4, 3, gates=replace(good, **{where: values}))
        assert not (~left_of(screen, net) & ~(margins(net) > 0)).any()


def test_a_mean_below_zero_is_not_believed():
    net = planted(p=11, noise=0.3, seed=4)
    proposal = propose(net, 4)
    bent = replace(proposal, mean=-3 * proposal.mean)
    certified = ~left_of(GatesScreen.of(net, 4, 3, proposal=bent), net)
    assert not (certified & ~(margins(net) > 0)).any()


def test_stated_errors_are_counted():
    net = planted(p=29, frequencies=(1, 3, 4, 9), each=40)
    size = float(margins(net).min()) / float(np.linalg.norm(net.out, axis=0).max())
    off = replace(net, out_error=np.full(29, size))
    assert left_of(GatesScreen.of(off, 8, 4), off).any()


@pytest.mark.parametrize(
    ("net", "levels", "said"),
    [
        (planted(), 0, "at least one level"),
        (
            Folded.of(np.ones((4, 3)), np.ones((5, 3)), np.ones((3, 4)), np.zeros((4, 5), int)),
            3,
            "operands of one size",
        ),
    ],
)
def test_what_has_no_waves_is_refused(net, levels, said):
    with pytest.raises(UserError, match=said):
        GatesScreen.of(net, 2, levels)


def test_levels_are_where_they_lose_least():
    net = planted(p=29, each=40, noise=0.1, seed=1)
    few, many = (propose_gates(net, np.ones(net.gated), n) for n in (3, 12))
    assert (few.levels[:, 0] == 0).all()
    assert (np.diff(many.levels, axis=1) >= 0).all()
    losses = [GatesScreen.of(net, 6, 3, gates=gates).losses[0].mean() for gates in (few, many)]
    assert losses[1] < losses[0]


@pytest.mark.parametrize("untied", [False, True])
@pytest.mark.parametrize("exact", [False, True])
def test_the_price_is_what_is_done(untied, exact):
    net = planted(p=31, each=40, noise=0.05, untied=untied)
    proposal, meter = propose(net, 6), CostMeter()
    gates = GatesScreen.of(net, 6, 4, proposal=proposal).gates
    with counting() as count:
        seen = Folded.of(counted(net.first), counted(net.second), counted(net.out), net.labels)
        screen = GatesScreen.of(seen, 6, 4, exact_tail=exact, proposal=proposal, gates=gates)
        screen.enumerate(meter)
    width, sides = 7, 2 if untied else 1
    ends = sum(x.on.stored * width + x.levels.stored for x in screen.sums.patterns) * 31 * sides
    assert count.floats < meter.phases[-1].flops - ends < 1.12 * count.floats


def test_it_is_cheaper_than_forward_passes():
    net = planted(p=61, frequencies=(1, 5, 9, 22), each=90)
    screen, meter = GatesScreen.of(net, 8, 4, exact_tail=False), CostMeter()
    assert screen.enumerate(meter).tickets == 0
    assert meter.phases[-1].flops * 15 < net.size * forward_flops(net)


def test_structure_that_is_not_there_costs_only_the_certificate():
    net = random(9, 12, 5)
    assert left_of(GatesScreen.of(net, 5, 3), net)[~(margins(net) > 0)].all()
