"""Ranks and levels chosen: little work, and never a word about what is certified."""

import numpy as np
import pytest

from probbound.contract.cost import CostMeter
from probbound.tasks.pairs.screens.choice import chosen_gates, chosen_rank
from probbound.tasks.pairs.screens.forward import forward_flops
from probbound.tasks.pairs.screens.low_rank import LowRankScreen
from tests.probbound.tasks.pairs.networks import margins, planted, random


def work_of(screen, net):
    meter = CostMeter()
    left = screen.enumerate(meter).tickets
    return meter.total().flops + left * forward_flops(net)


@pytest.mark.parametrize("frequencies", [(1, 3), (1, 3, 4, 9)])
def test_a_clean_network_gets_two_directions_a_frequency(frequencies):
    net = planted(p=29, frequencies=frequencies, each=40)
    assert chosen_rank(net) == 2 * len(frequencies)


def test_the_chosen_rank_is_nearly_the_cheapest():
    net = planted(p=29, frequencies=(1, 3, 4, 9), each=40, noise=0.01)
    work = {rank: work_of(LowRankScreen.of(net, rank), net) for rank in range(2, 25, 2)}
    assert work[chosen_rank(net)] <= 1.15 * min(work.values())


def test_chosen_gates_are_cheaper_than_a_rank_where_waves_are_clean():
    net = planted(p=61, frequencies=(1, 5, 9, 22), each=90)
    gates, rank = chosen_gates(net), chosen_rank(net)
    assert not gates.exact_tail
    assert work_of(gates.screen(net), net) < 0.5 * work_of(LowRankScreen.of(net, rank), net)


def test_where_nothing_is_certified_a_choice_is_made_all_the_same():
    net = random(6, 5, 3)
    assert 1 <= chosen_rank(net) <= 5
    assert chosen_gates(net).levels >= 3


def test_the_choice_is_of_the_margin_that_is_claimed():
    net = planted(p=29, frequencies=(1, 3, 4, 9), each=40, noise=0.005)
    high = float(np.quantile(margins(net), 0.2))
    assert chosen_rank(net, high) >= chosen_rank(net)
