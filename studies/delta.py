"""Which δ is best? The confidence-weighted bound counts a wrong certificate as no certificate.

With probability δ a high-probability bound may be wrong; (1 - δ)·b + δ·b0 takes that into account,
with b0 the best deterministic bound in the same certificate. A small δ costs width, a large one
costs confidence: where is the optimum, and how does it move with the budget?
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from probbound.figures.charts import BLACK, styles
from studies.bands import band, draw_band, exponent
from studies.grids import certified_rows
from studies.study import Row, Study
from studies.write_up import markdown_table


@dataclass(frozen=True)
class Grid:
    """Grids of sweeps with many δ."""

    grids: tuple[Mapping[str, Any], ...]


def measure(grid: Grid, work: Path) -> list[Row]:
    """One row per certificate; `loss` is 1 minus the confidence-weighted bound."""
    return [
        {
            **{key: row[key] for key in ("model", "strategy", "budget", "delta", "seed")},
            "samples": row["samples"],
            "failures": row["failures"],
            "failure_upper": row["failure_upper"],
            "loss": 1 - row["confidence_weighted"],
        }
        for row in certified_rows(grid.grids, work)
    ]


def _best(rows: list[Row]) -> list[Row]:
    """The δ of least loss for each model, strategy, budget and seed, if δ changes anything."""
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        key = (row["model"], row["strategy"], row["budget"], row["seed"])
        groups.setdefault(key, []).append(row)
    bests = ((min(own, key=lambda row: row["loss"]), own) for own in groups.values())
    return [best for best, own in bests if any(row["loss"] > best["loss"] for row in own)]


def draw(rows: list[Row]) -> Figure:
    """Loss against δ for each strategy, one line per budget; and the best δ against the budget."""
    shown = styles(row["strategy"] for row in rows)
    figure, panels = plt.subplots(
        1, len(shown) + 1, figsize=(3.4 * len(shown) + 4.2, 4), layout="constrained"
    )
    first = rows[0]["model"]
    budgets = sorted({row["budget"] for row in rows})
    for axes, (strategy, style) in zip(panels, shown.items(), strict=False):
        own = [row for row in rows if (row["model"], row["strategy"]) == (first, strategy)]
        for place, budget in enumerate(budgets):
            line = band([row for row in own if row["budget"] == budget], "delta", "loss")
            fade = 0.35 + 0.65 * (place + 1) / len(budgets)
            draw_band(axes, line, style.colour, "", "", alpha=fade)
            least = int(np.argmin(line.middle))
            axes.plot(line.x[least], line.middle[least], style.marker, color=style.colour)
            label = f"n = {budget:,}"
            axes.annotate(
                *(label, (line.x[0], line.middle[0])),
                xytext=(2, 3),
                textcoords="offset points",
                fontsize=7,
            )
        axes.set(xscale="log", yscale="log", xlabel="δ", title=f"{strategy} on {first}")
        axes.title.set_fontsize(10)
    panels[0].set_ylabel("1 - confidence-weighted bound")
    last, best = panels[-1], _best(rows)
    for strategy, style in shown.items():
        own = [row for row in best if row["strategy"] == strategy]
        draw_band(last, band(own, "budget", "delta"), style.colour, style.marker, strategy)
    ends = np.array([budgets[0], budgets[-1]], dtype=float)
    last.plot(ends, 1 / ends, color=BLACK, lw=1, ls="--", label="1/n")
    last.set(xscale="log", yscale="log", xlabel="forward passes n", ylabel="best δ on the grid")
    last.set_title("optimum, all models and seeds", fontsize=10)
    last.legend(fontsize=8)
    return figure


def found(rows: list[Row]) -> str:
    """Where the optimum lies, how it moves, and what a habitual δ loses."""
    best = _best(rows)
    inside = {min(row["delta"] for row in rows), max(row["delta"] for row in rows)}
    lines = []
    for strategy in dict.fromkeys(row["strategy"] for row in rows):
        own = [row for row in best if row["strategy"] == strategy]
        free = [row for row in own if row["delta"] not in inside]
        slope = exponent((row["budget"] for row in free), (row["delta"] for row in free))
        clean = [row["delta"] * row["budget"] for row in free if row["failures"] == 0]
        lines.append(
            [
                strategy,
                f"{len(free)} of {len(own)}",
                str(slope) if slope else "–",
                f"{math.exp(np.mean(np.log(clean))):.2f}" if clean else "–",
                *(f"{_loss_of(rows, own, delta):.2f}" for delta in _habits(rows)),
            ]
        )
    habits = [f"loss at δ = {delta:g} ÷ best" for delta in _habits(rows)]
    columns = [
        "strategy",
        "optimum inside the grid",
        "best δ ∝ n to the",
        "δ·n at the best",
        *habits,
    ]
    return (
        "A sample without a wrong input certifies a failure rate of M·ln(1/δ)/n, where M is what "
        "the screen left, and a wrong certificate falls back on M: the sum M·(ln(1/δ)/n + δ) is "
        "least at **δ = 1/n, whatever the screen**, since both terms scale with M. Measured "
        "(geometric means over models, budgets and seeds; δ·n over certificates that saw no wrong "
        "input):\n\n"
        + markdown_table(columns, lines)
        + "\n\nThe optimum is flat: a δ that is ten times too small costs a factor "
        "1 + ln(10)/(1 + ln(n)), the price of one more power of ten of confidence. Where k "
        "wrong inputs are seen the width is about M·√(2k·ln(1/δ))/n, and the same weighing puts "
        "the best δ near √(k/(2 ln(1/δ)))/n: larger by about the root of k, on a flatter bottom."
    )


def _habits(rows: list[Row]) -> list[float]:
    known = sorted({row["delta"] for row in rows})
    return [min(known, key=lambda delta: abs(math.log(delta / habit))) for habit in (1e-3, 1e-6)]


def _loss_of(rows: list[Row], best: list[Row], delta: float) -> float:
    """Geometric mean of the loss at δ over the least one."""
    least = {(r["model"], r["strategy"], r["budget"], r["seed"]): r["loss"] for r in best}
    ratios = []
    for row in rows:
        key = (row["model"], row["strategy"], row["budget"], row["seed"])
        if row["delta"] == delta and least.get(key, 0) > 0:
            ratios.append(row["loss"] / least[key])
    return math.exp(np.mean(np.log(ratios))) if ratios else 1.0


STUDY = Study(__doc__ or "", Grid, measure, draw, found)
