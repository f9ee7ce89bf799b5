"""The frontier of each model as PNG and SVG: certified failure rate against cost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from estimators.guarantee import Guarantee
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
    shade_vacuous,
    stairs,
)

COSTS = {"flops": "operations (FLOP)", "seconds": "seconds"}
MOST_PANELS = 4
_FRONT: dict[str, Any] = {"color": GREY, "lw": 1, "zorder": 1}
_TRUTH: dict[str, Any] = {"color": BLACK, "ls": ":", "lw": 1}


@dataclass(frozen=True)
class Drawn:
    """One figure: what it shows, and its two files."""

    model: str
    cost: str
    png: Path
    svg: Path


def frontiers(report: Report, directory: Path) -> list[Drawn]:
    """Draw each model against each cost into `directory`, one panel for each δ.

    Where there are more than MOST_PANELS values of δ, panels are spread evenly over them.
    """
    drawn = []
    for model, sha256 in report.models.items():
        rows = report.certified(model)
        if not rows:
            continue
        for cost in COSTS:
            with house_style():
                figure = _figure(report, model, rows, cost)
                png, svg = save(figure, directory / f"frontier-{cost}-{_file_name(model, sha256)}")
            drawn.append(Drawn(model, cost, png, svg))
    return drawn


def _figure(report: Report, model: str, rows: list[Row], cost: str) -> Any:
    deltas = _spread(sorted({row["delta"] for row in rows if row["delta"] is not None}))
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
    scale = _Scale.of(rows, cost)
    for axes, delta in zip(grid.flat, deltas, strict=False):
        _panel(axes, report, [row for row in rows if row["delta"] in (None, delta)], scale)
        axes.set_title("deterministic" if delta is None else f"δ = {chance(delta)}", fontsize=10)
    for axes in grid.flat[len(deltas) :]:
        axes.set_axis_off()
    figure.supxlabel(COSTS[cost], fontsize=10)
    figure.supylabel("certified failure rate (share of all inputs)", fontsize=10)
    figure.suptitle(f"{model}: lower left is better", fontsize=12)
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
        axes.plot(x, y, **_mark(report.styles[row["strategy"]], hollow=hollow))
        if row["strategy"] == "brute-force":
            axes.axhline(y, **_TRUTH)
    scale.apply(axes)
    if rows:
        axes.plot(*stairs(pareto(points), axes.get_xlim()[1]), **_FRONT)
        shade_vacuous(axes, rows[0]["d_vocab"])


@dataclass(frozen=True)
class _Scale:
    """Both axes of all panels of a figure; zeros stand below everything else."""

    cost: str
    no_cost: Zero
    no_failure: Zero
    rows: list[Row]

    @classmethod
    def of(cls, rows: list[Row], cost: str) -> _Scale:
        rates = (row["failure_upper"] for row in rows)
        return cls(cost, Zero.below(row[cost] for row in rows), Zero.below(rates), rows)

    def place(self, row: Row) -> tuple[float, float]:
        """Where a certificate is drawn."""
        cost, rate = row[self.cost], row["failure_upper"]
        return cost or self.no_cost.place, rate or self.no_failure.place

    def apply(self, axes: Axes) -> None:
        """Set limits and ticks."""
        costs, rates = map(list, zip(*map(self.place, self.rows), strict=True))
        axes.set(xscale="log", yscale="log")
        for axis, zero, shown in (
            (axes.xaxis, self.no_cost, costs),
            (axes.yaxis, self.no_failure, rates),
        ):
            if zero.place in shown:
                mark_zero(axis, zero)
        axes.set_xlim(log_limits([*costs, self.no_cost.least]))
        axes.set_ylim(log_limits(rates)[0], 2)


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
    plain = re.sub(r"[^\w.-]+", "_", model)
    return plain if plain == model else f"{plain}-{sha256[:8]}"
