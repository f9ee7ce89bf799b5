"""`rotating-frame`: never above the truth, whatever is proposed, and dear to nobody."""

from dataclasses import replace

import mpmath
import numpy as np
import pytest

from probbound.machine.errors import UserError
from probbound.tasks.pairs.folded import CyclicSum, Folded
from probbound.tasks.pairs.screens.frame_proposal import (
    FrameProposal,
    propose_frame,
    swing,
    trigonometric,
)
from probbound.tasks.pairs.screens.rotating import (
    SHARES,
    Frame,
    RotatingFrame,
    frame_table_flops,
)
from tests.counting import counted, counting
from tests.probbound.tasks.pairs.networks import (
    all_pairs,
    cyclic,
    left_of,
    margins,
    planted,
    sundry,
)


def noisy(p=29, frequencies=(1, 3, 4, 9), sigma=0.02, directions=3, seed=0):
    """A planted network with noise of few directions in its output matrix."""
    net, rng = planted(p, frequencies, 24, noise=0.004, seed=seed), np.random.default_rng(seed)
    noise = rng.normal(size=(net.n_features, directions)) @ rng.normal(size=(directions, p))
    return replace(net, out=net.out + sigma * noise)


def any_frame(net, seed):
    """Nothing that a maker would propose."""
    rng, p, n = np.random.default_rng(seed), net.n_classes, net.n_features
    return FrameProposal(
        frequencies=rng.integers(1, p, 2),
        waves=rng.normal(size=(n, 4)),
        sizes=rng.normal(size=2),
        beside=rng.normal(size=(n, 2)),
        others=rng.normal(size=(2, p)),
        centre=rng.normal(size=n),
        mean=rng.normal(size=n),
    )


def test_it_never_passes_a_wrong_pair():
    passed = 0
    for number, net in enumerate(sundry(300)):
        waves = 1 + number % min(3, (net.n_first - 1) // 2)
        most = min(net.n_features, net.n_classes) - 2 * waves
        if most < 0:
            continue
        check = RotatingFrame.of(net, waves, min(number % 4, most))
        certified = ~left_of(check, net)
        assert not (certified & ~(margins(net) > 0)).any()
        passed += certified.sum()
    assert passed > 1000


def test_nor_does_it_with_any_other_proposal():
    passed = 0
    for number in range(100):
        net = noisy(p=13, frequencies=(1, 3, 4), sigma=0.02 * (number % 5), seed=number)
        rng, good = np.random.default_rng(number), propose_frame(net, 3, 2)
        size = (0.0, 1e-3, 0.02)[number % 3]
        bent = replace(
            good,
            waves=good.waves + size * rng.normal(size=good.waves.shape),
            sizes=good.sizes * rng.uniform(0.3, 2, 3),
            beside=good.beside + size * rng.normal(size=good.beside.shape),
            others=good.others * (1 + size),
            centre=good.centre + size,
            mean=good.mean * rng.uniform(0, 2, net.n_features),
        )
        for proposal in (bent, any_frame(net, number)):
            certified = ~left_of(RotatingFrame.of(net, 3, proposal=proposal), net)
            assert not (certified & ~(margins(net) > 0)).any()
            passed += certified.sum()
    assert passed > 1000


def test_the_frame_is_below_the_least_lead_of_the_waves():
    rng, p = np.random.default_rng(0), 31
    proposal = any_frame(planted(p), 1)
    frame = Frame.of(proposal, p)
    waves = frame.waves.astype(np.longdouble)
    points, labels = rng.normal(size=(200, 4)), rng.integers(0, p, 200)
    points[:100] = 3 * frame.waves[labels[:100]] + 0.1 * points[:100]
    values = points @ waves.T
    own = values[np.arange(200), labels].copy()
    values[np.arange(200), labels] = -np.inf
    for difference in range(0, p, 5):
        found = frame.lead(points, labels, np.full(200, difference))
        assert (found <= own - values.max(axis=1) + 1e-12).all()


@pytest.mark.parametrize("beside", [0, 3])
def test_directions_beside_the_waves_take_the_noise_out(beside):
    net = noisy()
    left = left_of(RotatingFrame.of(net, 4, beside), net)
    assert left.mean() < 0.02 if beside else left.mean() > 0.2


def test_it_looks_at_p_only_once():
    net = noisy()
    small = RotatingFrame.of(net, 4, 3)
    large = RotatingFrame.of(noisy(p=97), 4, 3)
    assert small.each_flops == large.each_flops < large.flops


@pytest.mark.parametrize("p", [113, 4099, 16381])
def test_sines_and_cosines_are_as_near_as_assumed(p):
    frequencies = np.array([1, p // 3, (p - 1) // 2])
    found, agreed = trigonometric(frequencies, p), swing(frequencies, p)
    classes = np.random.default_rng(p).integers(0, p, 100)
    with mpmath.workdps(30):
        for row, k in enumerate(frequencies.tolist()):
            for c in classes.tolist():
                angle = 2 * mpmath.pi * k * c / p
                assert abs(mpmath.cos(angle) - found[row, c]) < mpmath.mpf(2) ** -46
                assert abs(mpmath.sin(angle) - found[row + 3, c]) < mpmath.mpf(2) ** -46
                assert abs(abs(mpmath.cos(angle / 2)) - agreed[row, c]) < 1e-9


def test_exact_ties_are_left():
    net = planted()
    out = net.out.copy()
    out[:, 1] = out[:, 0]
    tied = replace(net, out=out)
    assert left_of(RotatingFrame.of(tied, 3, 2), tied)[(net.labels == 0) | (net.labels == 1)].all()


def test_labels_by_rule_are_those_of_the_table():
    net = noisy()
    ruled = replace(net, labels=CyclicSum(29))
    assert (
        left_of(RotatingFrame.of(ruled, 4, 1), net) == left_of(RotatingFrame.of(net, 4, 1), net)
    ).all()


def test_another_label_table_is_not_taken_for_a_sum():
    net = planted()
    shifted = replace(net, labels=(cyclic(13) + 1) % 13)
    assert left_of(RotatingFrame.of(shifted, 3), shifted).all()


@pytest.mark.parametrize(("waves", "beside"), [(0, 0), (7, 0), (3, 99), (3, -1)])
def test_what_is_not_there_is_refused(waves, beside):
    with pytest.raises(UserError, match="frequencies"):
        RotatingFrame.of(planted(), waves, beside)


def test_classes_that_are_no_circle_are_refused():
    net = Folded.of(np.ones((4, 3)), np.ones((4, 3)), np.ones((3, 5)), np.zeros((4, 4), int))
    with pytest.raises(UserError, match="one size"):
        RotatingFrame.of(net, 1)


def test_the_price_is_what_is_done():
    net = noisy(sigma=0.01)
    proposal = propose_frame(net, 4, 3)
    with counting() as count:
        seen = replace(net, first=counted(net.first), out=counted(net.out))
        check = RotatingFrame.of(seen, 4, proposal=proposal)
        made = count.floats
        assert not check.uncertified(all_pairs(net)).any()
    assert 0.6 * frame_table_flops(net, 4, 3) < made < frame_table_flops(net, 4, 3)
    each = check.each_flops
    assert each <= 1.02 * (count.floats - made) / net.size <= 1.2 * each
    assert len(SHARES) > 1
