"""Styles tell strategies apart, figures are written whole, the Pareto set is what it says."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axis import XAxis

from probbound.figures.charts import (
    FAMILIES,
    Zero,
    family_of,
    house_style,
    log_limits,
    mark_zero,
    pareto,
    readable_logs,
    save,
    stairs,
    styles,
)
from probbound.tasks.max_of_k.grammar import strategy_names


def test_every_strategy_of_a_readable_figure_has_its_own_look():
    names = ["brute-force", "cubic", "sub-cubic", "low-rank-qk", "low-rank-eu", "iid", "iid:tables"]
    names += ["hybrid", "hybrid:sub-cubic", "cascade", "cascade:cubic", "auto"]
    dealt = styles(names)
    looks = {(style.colour, style.marker) for style in dealt.values()}
    assert len(looks) == len(names)
    assert len({colour for colour, _ in FAMILIES.values()}) == len(FAMILIES)
    assert {family_of(name) for name in strategy_names()} <= set(FAMILIES)


def test_the_pareto_set_holds_what_nothing_beats():
    points = [(float(x), float(y)) for x, y in np.random.default_rng(0).integers(0, 9, (40, 2))]
    front = pareto(points)
    for point in set(points):
        beaten = any(x <= point[0] and y <= point[1] and (x, y) != point for x, y in points)
        assert (point in front) == (not beaten)
    assert stairs([(1.0, 3.0), (2.0, 1.0)], 5.0) == ([1.0, 2.0, 2.0, 5.0], [3.0, 3.0, 1.0, 1.0])


def test_the_same_figure_is_the_same_bytes_and_closed(tmp_path):
    written = []
    for name in ("a", "b"):
        with house_style():
            figure, axes = plt.subplots()
            axes.plot([1, 2], [3, 4])
            written.append([path.read_bytes() for path in save(figure, tmp_path / name)])
    assert written[0] == written[1]
    assert plt.get_fignums() == []


def gaps(axis):
    """Points between the labels along an axis, and how many labels there are."""
    figure = axis.axes.get_figure()
    figure.canvas.draw()
    place = 0 if isinstance(axis, XAxis) else 1
    ends = []
    for label in axis.get_ticklabels(which="both"):
        box = label.get_window_extent().extents
        middle = (box[place] + box[place + 2]) / 2
        low, high = axis.axes.bbox.expanded(1.02, 1.02).extents[place::2]
        if label.get_text() and low <= middle <= high:
            ends.append((box[place], box[place + 2]))
    ends.sort()
    return len(ends), [after - before for (_, before), (after, _) in pairwise(ends)]


@pytest.mark.parametrize("decades", [0.1, 0.3, 0.9, 1.3, 2.5, 6.0, 12.0, 20.0])
@pytest.mark.parametrize("size", [(7.6, 4.3), (3.2, 2.6)])
def test_logarithmic_axes_have_two_labels_that_do_not_touch(decades, size):
    with house_style():
        figure, axes = plt.subplots(figsize=size, layout="constrained")
        axes.plot([3e5, 3e5 * 10**decades], [1.7 * 10**-decades, 1.7], "o")
        axes.set(xscale="log", yscale="log")
        readable_logs(figure)
        for axis in (axes.xaxis, axes.yaxis):
            count, between = gaps(axis)
            assert count >= 2
            assert min(between) > 2
        plt.close(figure)


@pytest.mark.parametrize("values", [[0.0], [1.0], [0.0, 1.0], [0.0, 1e-9, 1.0], [0.4, 0.5]])
def test_zeros_and_single_values_have_their_place_and_label(values):
    zero = Zero.below(values)
    places = [value or zero.place for value in values]
    limits = log_limits([*places, zero.least])
    with house_style():
        figure, axes = plt.subplots(layout="constrained")
        axes.plot(places, places, "o")
        axes.set(xscale="log", yscale="log", xlim=limits, ylim=limits)
        for axis in (axes.xaxis, axes.yaxis):
            if 0.0 in values:
                mark_zero(axis, zero)
        readable_logs(figure)
        for axis in (axes.xaxis, axes.yaxis):
            count, between = gaps(axis)
            assert count >= 2
            assert min(between) > 2
            labels = [label.get_text() for label in axis.get_ticklabels()]
            assert (labels[0] == "$0$") == (0.0 in values)
        plt.close(figure)


def test_an_axis_whose_ticks_were_set_by_hand_is_left_alone():
    figure, axes = plt.subplots()
    axes.set(xscale="log", xlim=(1, 100))
    axes.set_xticks([3, 30], ["three", "thirty"])
    readable_logs(figure)
    figure.canvas.draw()
    assert [label.get_text() for label in axes.get_xticklabels()] == ["three", "thirty"]
    plt.close(figure)
