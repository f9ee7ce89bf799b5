"""Every screen over pairs against exact margins, on networks of all kinds: none passes a wrong one.

No false alarm: margins are exact wherever extended precision could be in doubt.
"""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from probbound.contract.cost import CostMeter
from probbound.tasks.pairs.folding import folded
from probbound.tasks.pairs.screens.forward import ForwardPass
from probbound.tasks.pairs.screens.gates import GatesScreen
from probbound.tasks.pairs.screens.low_rank import LowRankScreen
from probbound.tasks.pairs.screens.rotating import RotatingFrame
from probbound.tasks.pairs.screens.weight_space import integral_screen, norms_screen
from tests.probbound.tasks.pairs.networks import (
    all_pairs,
    cyclic,
    exact_margin,
    half_trained,
    left_of,
    margins,
    planted,
    sundry,
)


def most(net):
    return min(net.gated, net.n_classes)


def waves(net):
    """As many as there can be."""
    return min((net.n_classes - 1) // 2, net.n_features // 2)


SCREENS = {
    "forward": ForwardPass.of,
    "low-rank": lambda net, margin: LowRankScreen.of(net, most(net), margin),
    "gates": lambda net, margin: GatesScreen.of(net, most(net), 6, margin=margin),
    "gates by norms": lambda net, margin: GatesScreen.of(
        net, most(net), 6, exact_tail=False, margin=margin
    ),
    "rotating-frame": lambda net, margin: RotatingFrame.of(net, waves(net), 0, margin),
    "norms": norms_screen,
    "integral": integral_screen,
}
SELDOM = {"norms", "integral"}  # structure in the weights certifies little, and the page says why


def left_by(screen, net):
    """Which pairs are left, looked at one by one; all at once they are no fewer or more."""
    left = screen.uncertified(all_pairs(net)).reshape(net.labels.shape)
    if hasattr(screen, "enumerate"):
        pairs = screen.enumerate(CostMeter()).pairs
        assert np.array_equal(pairs, np.argwhere(left))
    return left


def passed(networks):
    """How many pairs each screen passed, and how many truly were above; a wrong one fails."""
    counts = Counter()
    for seed, net in enumerate(networks):
        found = margins(net)
        middle = float(found.ravel()[seed % found.size])  # a pair on the edge of what is claimed
        for margin in (0.0, middle, -abs(middle)):
            above = found > margin
            for a, b in np.argwhere(np.abs(found - margin) < 1e-12):
                above[a, b] = exact_margin(net, a, b) > margin
            counts["above"] += int(above.sum())
            for name, made in SCREENS.items():
                certified = ~left_by(made(net, margin), net)
                assert not (certified & ~above).any(), (name, seed, margin)
                counts[name] += int(certified.sum())
    return counts


@pytest.mark.parametrize("number", [30, pytest.param(300, marks=pytest.mark.slow)])
def test_no_screen_passes_what_is_not_above(number):
    counts = passed(sundry(number))
    for name in SCREENS:
        assert counts[name] >= (0 if name in SELDOM else 0.1) * counts["above"], counts


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("where", ["first", "second", "out", "first_error", "out_error"])
@pytest.mark.parametrize("screen", SCREENS)
def test_what_is_no_number_certifies_nothing_that_it_touches(screen, where, value):
    net = planted()
    values = getattr(net, where).copy()
    values[0] = abs(value) if "error" in where else value
    broken = replace(net, **{where: values})
    left = left_of(SCREENS[screen](broken, 0.0), broken)
    touched = {"first": left[0], "first_error": left[0], "second": left[:, 0]}
    assert touched.get(where, left).all()


@pytest.mark.parametrize("number", [5, pytest.param(60, marks=pytest.mark.slow)])
def test_no_screen_passes_what_a_half_trained_network_has_not_learnt(number):
    """Of exact networks; what folding rounds is in the tests of folding."""
    counts = passed(folded(model, cyclic(7)) for model in half_trained(number))
    pairs = 3 * 49 * number
    assert 0.1 * pairs < counts["above"] < 0.9 * pairs, counts
    assert counts["forward"] > 0.9 * counts["above"], counts
