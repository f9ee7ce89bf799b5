"""Styles tell strategies apart, figures are written whole, the Pareto set is what it says."""

from __future__ import annotations

import numpy as np
from matplotlib import pyplot as plt

from probbound.figures import FAMILIES, family_of, house_style, pareto, save, stairs, styles
from probbound.strategies.registry import strategy_names


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
