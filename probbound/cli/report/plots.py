"""The frontier of each model as PNG and SVG: certified failure rate against cost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from probbound.cli.output import chance
from probbound.cli.report.data import Report, Row
from probbound.figures import GREY, house_style, pareto, save, shade_vacuous, stairs

COSTS = {"flops": "operations (FLOP)", "seconds": "seconds"}
MOST_PANELS = 4


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
    for axes, delta in zip(grid.flat, deltas, strict=False):
        _panel(axes, report, [row for row in rows if row["delta"] in (None, delta)], cost)
        axes.set_title("deterministic" if delta is None else f"δ = {chance(delta)}", fontsize=10)
    for axes in grid.flat[len(deltas) :]:
        axes.set_axis_off()
    figure.supxlabel(COSTS[cost], fontsize=10)
    figure.supylabel("certified failure rate (share of all inputs)", fontsize=10)
    figure.suptitle(f"{model}: lower left is better", fontsize=12)
    figure.legend(handles=_legend(report, rows), loc="outside right upper", fontsize=8)
    return figure


def _panel(axes: Axes, report: Report, rows: list[Row], cost: str) -> None:
    styles = report.styles
    positive = [row["failure_upper"] for row in rows if row["failure_upper"] > 0]
    floor = min(positive, default=1.0) / 10
    for row in rows:
        style = styles[row["strategy"]]
        hollow = row["guarantee"] == "deterministic"
        axes.plot(
            *(row[cost], max(row["failure_upper"], floor), style.marker),
            color=style.colour,
            markerfacecolor="white" if hollow else style.colour,
            markersize=6.5,
            alpha=0.9,
        )
    axes.set(xscale="log", yscale="log")
    if rows:
        axes.margins(0.06)
        right = axes.get_xlim()[1]
        front = pareto((row[cost], max(row["failure_upper"], floor)) for row in rows)
        axes.plot(*stairs(front, right), color=GREY, lw=1, zorder=1)
        shade_vacuous(axes, rows[0]["d_vocab"])
        axes.set_ylim(floor if floor * 10 not in positive else None, 2)
        axes.set_xlim(right=right)
    for row in rows:
        if row["strategy"] == "brute-force":
            axes.axhline(max(row["failure_upper"], floor), color="black", ls=":", lw=1)


def _legend(report: Report, rows: list[Row]) -> list[Line2D]:
    shown = {row["strategy"] for row in rows}
    marks = [
        Line2D([], [], ls="", marker=style.marker, color=style.colour, label=name)
        for name, style in report.styles.items()
        if name in shown
    ]
    hollow = Line2D(
        *([], []), ls="", marker="o", color=GREY, markerfacecolor="white", label="hollow: δ = 0"
    )
    front = Line2D([], [], color=GREY, lw=1, label="Pareto set")
    truth = Line2D([], [], color="black", ls=":", lw=1, label="truth (brute force)")
    return [*marks, hollow, front, *([truth] if "brute-force" in shown else [])]


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
