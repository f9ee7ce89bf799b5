"""The frontiers of each model and facet as PNG and SVG: the bound, or its confidence-weighted form.

A bound as it is claimed is compared at one δ only, so that there is a panel for each. On the
confidence-weighted one (Theorem 1.15) deterministic bounds and all δ have one panel.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from estimators.guarantee import Guarantee
from probbound.cli.facets import Facet
from probbound.cli.output import chance
from probbound.cli.report.data import Report, Row
from probbound.figures.charts import (
    BLACK,
    GREY,
    Style,
    Zero,
    house_style,
    log_limits,
    mark_zero,
    pareto,
    save,
    shade_above,
    stairs,
)

MOST_PANELS = 4
_DELTA = "delta_spent"
_ROOM = 2.0  # for what stands to the left of the first mark
_APART = 0.15, 0.05  # of the axes: labels that do not touch
_FRONT: dict[str, Any] = {"color": GREY, "lw": 1, "zorder": 1}
_TRUTH: dict[str, Any] = {"color": BLACK, "ls": ":", "lw": 1}
_BESIDE: dict[str, Any] = {
    "xytext": (-5, -2),  # below a Pareto set and to its left there is nothing
    "textcoords": "offset points",
    "ha": "right",
    "va": "top",
    "color": GREY,
    "fontsize": 7,
}


Point = tuple[float, float]


@dataclass(frozen=True)
class View:
    """What a figure draws against what: a column of the table, the bound as claimed or weighted."""

    stem: str
    x: str
    title: str
    weighted: bool = False


def views_of(facet: Facet) -> tuple[View, ...]:
    """What is drawn of a facet: both forms of the bound, against cost, time and δ."""
    cost, axis = facet.measure.terms.cost, facet.measure.terms.axis
    return (
        View(f"frontier-{cost}", cost, axis),
        View("frontier-seconds", "seconds", "seconds"),
        View(f"weighted-{cost}", cost, axis, weighted=True),
        View("weighted-delta", _DELTA, "δ spent", weighted=True),
    )


@dataclass(frozen=True)
class Drawn:
    """One figure: what it shows, in words, and its two files."""

    shows: str
    png: Path
    svg: Path


def frontiers(report: Report, directory: Path) -> list[Drawn]:
    """Draw every view of each model and facet into `directory`.

    Where there are more than MOST_PANELS values of δ, panels are spread evenly over them. Where
    all is deterministic there is nothing to weigh, and those views are left out.
    """
    drawn = []
    for model, sha256 in report.models.items():
        for facet in report.facets:
            rows = report.certified(model, facet)
            random = any(row["delta_spent"] for row in rows)
            for view in views_of(facet):
                if not rows or (view.weighted and not random):
                    continue
                name = view.stem + (f"-{_file_name(model, sha256)}" if model else "") + _end(facet)
                with house_style():
                    png, svg = save(_figure(report, model, facet, rows, view), directory / name)
                what = f"{'confidence-weighted ' if view.weighted else ''}{facet.title}"
                shows = f"{f'{model}: ' if model else ''}{what} against {view.title}"
                drawn.append(Drawn(shows, png, svg))
    return drawn


def _figure(report: Report, model: str, facet: Facet, rows: list[Row], view: View) -> Figure:
    deltas = _spread(sorted({row["delta"] for row in rows if row["delta"] is not None}))
    deltas = [None] if view.weighted else deltas
    columns = min(2, len(deltas))
    lines = -(-len(deltas) // columns)
    figure, grid = plt.subplots(
        lines,
        columns,
        figsize=(5.2 * columns + 2.4, 3.9 * lines + 0.4),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    scale = _Scale.of(facet, rows, view)
    for axes, delta in zip(grid.flat, deltas, strict=False):
        own = [row for row in rows if view.weighted or row["delta"] in (None, delta)]
        _panel(axes, report, own, scale)
        title = "deterministic" if delta is None else f"δ = {chance(delta)}"
        axes.set_title("" if view.weighted else title, fontsize=10)
    for axes in grid.flat[len(deltas) :]:
        axes.set_axis_off()
    for axes in grid.flat[max(0, len(deltas) - columns) : len(deltas)]:
        axes.tick_params(labelbottom=True)  # also above a panel that is not there
    measure, about = facet.measure, f"{facet.title}\n" if facet.slug else ""
    heading = f"{about}{model}: " if model else about
    kind = "confidence-weighted\n" if view.weighted else "certified "
    figure.supxlabel(view.title, fontsize=10)
    figure.supylabel(f"{kind}{measure.name} ({measure.unit})", fontsize=10, ma="center")
    figure.suptitle(f"{heading}lower left is better", fontsize=12)
    figure.legend(
        handles=_legend(report, rows),
        loc="outside right upper",
        fontsize=8,
        title="hollow marks: δ = 0",
        title_fontsize=8,
        alignment="left",
    )
    return figure


def _panel(axes: Axes, report: Report, rows: list[Row], scale: _Scale) -> None:
    points = [scale.place(row) for row in rows]
    for row, (x, y) in zip(rows, points, strict=True):
        hollow = row["guarantee"] == Guarantee.DETERMINISTIC
        exact = row["strategy"] == "brute-force"
        above = 3 if exact else 2  # draws that came to all inputs stand at the same place
        axes.plot(x, y, zorder=above, **_mark(report.styles[row["strategy"]], hollow=hollow))
        if exact:
            axes.axhline(y, **_TRUTH)
    scale.apply(axes)
    if rows:
        front = pareto(points)
        axes.plot(*stairs(front, axes.get_xlim()[1]), **_FRONT)
        shade_above(axes, scale.facet.measure.guess(rows[0]), axes.get_ylim()[1])
        if scale.view.x == _DELTA:
            _join(axes, report, rows, scale)
        elif scale.view.weighted:
            _name_deltas(axes, dict(zip(reversed(points), reversed(rows), strict=True)), front)


def _name_deltas(axes: Axes, rows: dict[Point, Row], front: list[Point]) -> None:
    """Write δ beside the marks of the Pareto set that spent any, where there is room."""
    inside, last = axes.transScale + axes.transLimits, (-1.0, -1.0)
    for place in front:
        x, y = inside.transform(place)
        apart = x - last[0] > _APART[0] or last[1] - y > _APART[1]
        if rows[place][_DELTA] and (apart or last[0] < 0):
            axes.annotate(f"δ = {chance(rows[place][_DELTA])}", place, **_BESIDE)
            last = x, y


def _join(axes: Axes, report: Report, rows: list[Row], scale: _Scale) -> None:
    """Thin lines from δ to δ through the medians over seeds of one strategy and budget."""
    series: dict[tuple[Any, ...], dict[float, list[float]]] = {}
    for row in rows:
        if row[_DELTA]:
            x, y = scale.place(row)
            own = series.setdefault((row["strategy"], row["paths"], row["budget"]), {})
            own.setdefault(x, []).append(y)
    for (strategy, *_), found in series.items():
        xs = sorted(found)
        ys = [median(found[x]) for x in xs]
        axes.plot(xs, ys, lw=0.8, alpha=0.6, color=report.styles[strategy].colour, zorder=1.5)


@dataclass(frozen=True)
class _Scale:
    """Both axes of all panels of a figure; zeros stand below everything else."""

    facet: Facet
    view: View
    no_x: Zero
    no_bound: Zero
    rows: list[Row]

    @classmethod
    def of(cls, facet: Facet, rows: list[Row], view: View) -> _Scale:
        bounds = (row[_bound(facet, view)] for row in rows)
        return cls(
            facet, view, Zero.below(float(row[view.x]) for row in rows), Zero.below(bounds), rows
        )

    def place(self, row: Row) -> tuple[float, float]:
        """Where a certificate is drawn."""
        x, bound = float(row[self.view.x]), row[_bound(self.facet, self.view)]
        return x or self.no_x.place, bound or self.no_bound.place

    def apply(self, axes: Axes) -> None:
        """Set limits and ticks."""
        xs, bounds = map(list, zip(*map(self.place, self.rows), strict=True))
        axes.set(xscale="log", yscale="log")
        for axis, zero, shown in (
            (axes.xaxis, self.no_x, xs),
            (axes.yaxis, self.no_bound, bounds),
        ):
            if zero.place in shown:
                mark_zero(axis, zero)
        left, right = log_limits([*xs, self.no_x.least])
        labelled = self.view.weighted and self.view.x != _DELTA
        axes.set_xlim(left / _ROOM if labelled else left, right)
        low, high = log_limits(bounds)
        guess = max(map(self.facet.measure.guess, self.rows))
        axes.set_ylim(low, 2 if guess <= 1 else max(high, 2 * guess))


def _bound(facet: Facet, view: View) -> str:
    """The column that a view shows of a facet."""
    return "weighted_upper" if view.weighted else facet.measure.column


def _mark(style: Style, *, hollow: bool) -> dict[str, Any]:
    """How a certificate is drawn, in the figure and in its legend."""
    inside = "white" if hollow else style.colour
    look = {"ls": "", "marker": style.marker, "ms": 6.5, "color": style.colour, "alpha": 0.9}
    return {**look, "markerfacecolor": inside}


def _legend(report: Report, rows: list[Row]) -> list[Line2D]:
    """What is drawn, as it is drawn: a strategy with both kinds of mark has two lines."""
    drawn = {(row["strategy"], row["guarantee"] == Guarantee.DETERMINISTIC) for row in rows}
    marks = []
    for name, style in report.styles.items():
        for hollow in (True, False):
            if (name, hollow) in drawn:
                label = f"{name}, δ = 0" if hollow and (name, False) in drawn else name
                marks.append(Line2D([], [], label=label, **_mark(style, hollow=hollow)))
    front = Line2D([], [], label="Pareto set", **_FRONT)
    truth = Line2D([], [], label="truth (brute force)", **_TRUTH)
    known = any(row["strategy"] == "brute-force" for row in rows)
    return [*marks, front, *([truth] if known else [])]


def _spread(deltas: list[float]) -> list[float] | list[None]:
    if not deltas:
        return [None]
    step = max(1, (len(deltas) - 1) / (MOST_PANELS - 1))
    places = dict.fromkeys(round(i * step) for i in range(MOST_PANELS))
    return [deltas[place] for place in places if place < len(deltas)]


def _file_name(model: str, sha256: str) -> str:
    """The model's name where it is fit for a file, else with its digest, so that none collide."""
    plain = _fit(model)
    return plain if plain == model else f"{plain}-{sha256[:8]}"


def _end(facet: Facet) -> str:
    """The same of what a facet adds to the name."""
    plain = _fit(facet.slug)
    digests = (facet.claim_sha256, facet.inputs_sha256, facet.prior_sha256)
    return plain if plain == facet.slug else f"{plain}-{next(filter(None, digests), '')[:8]}"


def _fit(text: str) -> str:
    """Text of which a file's name can be made."""
    return re.sub(r"[^\w.-]+", "_", text)
