"""What frontier do sample budget, proof cost and confidence span, next to deterministic proofs?

Every strategy on one plot: the failure rate that it certifies against everything that it cost, in
operations (proof, tables and draws counted) and in seconds. Which regime belongs to proofs, which
to plain sampling, which to mixtures?
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from probbound.arithmetic.decimals import upper
from probbound.figures.charts import (
    BLACK,
    GREY,
    Style,
    Zero,
    mark_zero,
    pareto,
    shade_vacuous,
    stairs,
    styles,
)
from studies.grids import certified_rows, truths
from studies.study import Row, Study
from studies.write_up import markdown_table

COSTS = {"flops": "operations (FLOP)", "seconds": "seconds"}


@dataclass(frozen=True)
class Grid:
    """Grids of sweeps; models named NAME-sN are seeds of NAME."""

    grids: tuple[Mapping[str, Any], ...]


def measure(grid: Grid, work: Path) -> list[Row]:
    """One row per certificate; `truth` by brute force, else estimated from the most draws."""
    rows = certified_rows(grid.grids, work, timed=True)
    truth = {name: _estimate(rows, name) for name in dict.fromkeys(row["model"] for row in rows)}
    exact = truths(rows)
    columns = ("model", "strategy", "budget", "delta", "seed", "guarantee", "answers")
    numbers = ("failure_upper", "delta_spent", "flops", "seconds", "samples")
    return [
        {
            "family": re.sub(r"-s\d+$", "", row["model"]),
            **{key: row[key] for key in (*columns, *numbers)},
            "truth": exact.get(row["model"], truth[row["model"]]),
            "truth_by": "brute force" if row["model"] in exact else "estimate",
        }
        for row in rows
    ]


def _estimate(rows: list[Row], model: str) -> float | None:
    """Wrong among the most uniform draws: what the cascade's check leaves holds every wrong one.

    Where the budget of forward passes was used up, some that were not run count as wrong.
    """
    drawn = [
        row
        for row in rows
        if (row["model"], row["strategy"]) == (model, "cascade") and row["samples"] < row["budget"]
    ]
    most = max(drawn, key=lambda row: row["draws"], default=None)
    return most["failures"] / most["draws"] if most and most["draws"] else None


def _medians(rows: list[Row]) -> list[Row]:
    """Medians over seeds and models of a family, for each strategy and budget."""
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        groups.setdefault((row["strategy"], row["budget"]), []).append(row)
    merged = []
    for own in groups.values():
        middle = {
            key: float(np.median([row[key] for row in own]))
            for key in ("failure_upper", "flops", "seconds", "truth")
            if own[0][key] is not None
        }
        ends = {
            "low": min(row["failure_upper"] for row in own),
            "high": max(row["failure_upper"] for row in own),
        }
        merged.append(own[0] | middle | ends)
    return sorted(merged, key=lambda row: (row["strategy"], row["budget"] or 0))


def _of(rows: list[Row], family: str, delta: float) -> list[Row]:
    """A family's medians at one δ, deterministic strategies among them."""
    return _medians(
        [row for row in rows if row["family"] == family and row["delta"] in (None, delta)]
    )


def _families(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys(row["family"] for row in rows))


def _deltas(rows: list[Row]) -> list[float]:
    return sorted({row["delta"] for row in rows if row["delta"] is not None}, reverse=True)


def draw(rows: list[Row]) -> Figure:
    """A line of panels for each model: each δ against operations, the smallest against seconds."""
    families, deltas = _families(rows), _deltas(rows)
    views = [(delta, "flops") for delta in deltas] + [(deltas[-1], "seconds")]
    dealt = styles(sorted(dict.fromkeys(row["strategy"] for row in rows)))
    figure, grid = plt.subplots(
        *(len(families), len(views)),
        figsize=(4.3 * len(views), 3.5 * len(families) + 1.2),
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    for family, panels in zip(families, grid, strict=True):
        bounds = [row["failure_upper"] for row in rows if row["family"] == family]
        zero = Zero.below(bounds)
        for (delta, cost), axes in zip(views, panels, strict=True):
            _panel(axes, _above(_of(rows, family, delta), zero.place), cost, dealt)
            axes.set_title(f"{family}, δ = {delta:g}", fontsize=10)
        if 0 in bounds:
            mark_zero(panels[0].yaxis, zero)
        panels[0].set_ylabel("certified failure rate")
    for (_, cost), axes in zip(views, grid[-1], strict=True):
        axes.set_xlabel(COSTS[cost])
    drawn = {(row["strategy"], row["delta_spent"] == 0) for row in rows}
    marks = []
    for name, style in dealt.items():
        for certain in (True, False):
            if (name, certain) in drawn:
                label = f"{name}, δ = 0" if certain and (name, False) in drawn else name
                line: dict[str, Any] = {"lw": 0 if certain else 0.9}
                marks.append(Line2D([], [], label=label, **_mark(style, certain) | line))
    marks.append(Line2D([], [], color=GREY, lw=1, label="Pareto set (medians)"))
    marks.append(Line2D([], [], color=BLACK, ls=":", lw=1, label="truth, or its estimate"))
    figure.legend(
        handles=marks,
        loc="outside lower center",
        ncols=5,
        fontsize=8,
        title="hollow marks: δ = 0",
        title_fontsize=8,
    )
    return figure


def _above(rows: list[Row], floor: float) -> list[Row]:
    """The same with what is lower drawn there."""
    return [
        row | {key: max(row[key], floor) for key in ("failure_upper", "low", "high")}
        for row in rows
    ]


def _mark(style: Style, certain: bool) -> dict[str, Any]:
    """How a certificate is drawn, in the panels and in the legend."""
    look = {"marker": style.marker, "ms": 5, "color": style.colour}
    return {**look, "markerfacecolor": "white" if certain else style.colour}


def _panel(axes: Axes, rows: list[Row], cost: str, dealt: dict[str, Style]) -> None:
    axes.set(xscale="log", yscale="log")
    for strategy, style in dealt.items():
        own = [row for row in rows if row["strategy"] == strategy]
        if not own:
            continue
        x, y = [row[cost] for row in own], [row["failure_upper"] for row in own]
        if any(row["delta_spent"] > 0 for row in own):
            axes.plot(x, y, color=style.colour, lw=0.9)
        for row in own:
            look = _mark(style, row["delta_spent"] == 0)
            axes.plot(row[cost], row["failure_upper"], **look)
        low, high = [row["low"] for row in own], [row["high"] for row in own]
        if len(own) > 1:
            axes.fill_between(x, low, high, color=style.colour, alpha=0.15, lw=0)
        else:
            axes.plot([x[0], x[0]], [low[0], high[0]], color=style.colour, lw=0.8)
    front = pareto((row[cost], row["failure_upper"]) for row in rows)
    axes.plot(*stairs(front, axes.get_xlim()[1]), color=GREY, lw=1, zorder=1)
    truth = [row["truth"] for row in rows if row["truth"]]
    if truth:
        axes.axhline(float(np.median(truth)), color=BLACK, ls=":", lw=1)
    shade_vacuous(axes, rows[0]["answers"])
    axes.set_ylim(top=2)


def found(rows: list[Row]) -> str:
    """The Pareto set of each model and δ, by operations."""
    parts = []
    for family in _families(rows):
        own = [row for row in rows if row["family"] == family]
        known = [row["truth"] for row in own if row["truth"] is not None]
        how = own[0]["truth_by"]
        truth = f"{np.median(known):.2g} ({how})" if known else "not known"
        parts.append(f"**{family}**, truth {truth}:")
        for delta in _deltas(rows):
            found = _of(rows, family, delta)
            front = pareto((row["flops"], row["failure_upper"]) for row in found)
            useful = [(x, y) for x, y in front if y < 1 - 1 / own[0]["answers"]]
            at = {(row["flops"], row["failure_upper"]): row for row in found}
            lines = [
                [
                    x,
                    f"`{at[x, y]['strategy']}`",
                    at[x, y]["budget"] or "",
                    upper(y),
                    _beaten_by_proof(found, x),
                ]
                for x, y in useful
            ]
            columns = ["FLOP", "best strategy", "budget", "failure rate ≤", "best proof that cheap"]
            parts.append(f"δ = {delta:g}\n\n" + markdown_table(columns, lines))
    return "\n\n".join(parts)


def _beaten_by_proof(rows: list[Row], flops: float) -> str:
    """The lowest certain failure rate at this cost or below."""
    certain = [
        row["failure_upper"] for row in rows if row["delta_spent"] == 0 and row["flops"] <= flops
    ]
    return upper(min(certain)) if certain else "none"


STUDY = Study(__doc__ or "", Grid, measure, draw, found)
