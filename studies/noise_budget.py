"""The seed of this project: structure exact, noise bounded by m sampled entries. What does m buy?

The structured model is bounded exactly; of the noise (of a transformer's QK, OV and direct paths,
or of what each operand gives to each neuron) m entries are evaluated, and a concentration
inequality speaks for the rest. From ten entries to all of them: which accuracy is certified, at
which cost, and how does that compare with every deterministic treatment of the same noise, which
looks at all entries or falls back on norms?
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from probbound.arithmetic.decimals import lower
from probbound.figures.charts import AMBER, BLACK, GREY, ORANGE, PINK
from probbound.machine.errors import UserError
from probbound.tasks.registry import room_for
from probbound.tasks.room import NoiseSize
from studies.bands import band, draw_band
from studies.grids import certified_rows
from studies.models import model_named
from studies.study import Row, Study
from studies.write_up import markdown_table

SAMPLED = {"entries": (AMBER, "o"), "entries:counted": (PINK, "s")}


@dataclass(frozen=True)
class Grid:
    """Grids of sweeps: `entries` with budgets and seeds, `entries:NOISE`, and `iid` beside them."""

    grids: tuple[Mapping[str, Any], ...]


def measure(grid: Grid, work: Path) -> list[Row]:
    """One row per certificate; `relative` is its cost over that of multiplying out all noise.

    Raises:
        UserError: if a task has no strategy that samples noise, or as `certified_rows`.
    """
    rows = certified_rows(grid.grids, work)
    asked = dict.fromkeys((row["model"], row["task"]) for row in rows)
    sizes = {model: _noise_size(model, task, work) for model, task in asked}
    return [
        {
            **{key: row[key] for key in ("model", "strategy", "delta", "seed")},
            "entries": sizes[row["model"]].entries,
            "m": row["budget"],
            "bound": row["bound"],
            "flops": row["flops"],
            "relative": row["flops"] / sizes[row["model"]].flops,
            "seconds": row["seconds"],
        }
        for row in rows
    ]


def _noise_size(model: str, task: str, work: Path) -> NoiseSize:
    size_of = room_for(task).noise_size
    if size_of is None:
        raise UserError(f"no strategy of {task} samples noise; leave {model} out of this study")
    return size_of(model_named(model, work))


def _deterministic(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row["m"] is None]


def draw(rows: list[Row]) -> Figure:
    """Accuracy against the number of entries, and against cost, for each model."""
    names = list(dict.fromkeys(row["model"] for row in rows))
    figure, grid = plt.subplots(
        *(2, len(names)),
        figsize=(3.6 * len(names) + 0.8, 6.6),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for name, above, below in zip(names, *grid, strict=True):
        own = [row for row in rows if row["model"] == name]
        for axes, x in ((above, "m"), (below, "relative")):
            _panel(axes, own, x)
        above.set_title(name, fontsize=10)
        every = own[0]["entries"]
        above.axvline(every, color=GREY, lw=0.8, ls="--")
        above.text(every, 0.02, "all ", color=GREY, fontsize=8, ha="right")
        above.set_xlabel("noise entries evaluated, m")
        below.set_xlabel("operations ÷ multiplying out")
        below.axvline(1, color=GREY, lw=0.8, ls="--")
    for axes in grid[:, 0]:
        axes.set_ylabel("certified accuracy")
    handles = {
        label: handle
        for axes in grid[1]
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=5, fontsize=8)
    return figure


def _panel(axes: Axes, rows: list[Row], x: str) -> None:
    for strategy, (colour, marker) in SAMPLED.items():
        own = [row for row in rows if row["strategy"] == strategy]
        if own:
            draw_band(axes, band(own, x, "bound", place="m"), colour, marker, strategy)
    if x == "relative":
        certain = _deterministic(rows)
        xs, ys = [row[x] for row in certain], [row["bound"] for row in certain]
        axes.plot(xs, ys, "x", color=BLACK, label="deterministic, same noise")
        useful = sorted((row for row in certain if row["bound"] > 0), key=lambda r: -r["bound"])
        for rank, row in enumerate(useful):
            place = {"xytext": (-5, -9 if rank else 3), "textcoords": "offset points"}
            text = row["strategy"].partition(":")[2]
            axes.annotate(text, (row[x], row["bound"]), fontsize=7, ha="right", **place)
        plain = [row for row in rows if row["strategy"] == "iid"]
        if plain:
            shown = band(plain, x, "bound", place="m")
            draw_band(axes, shown, ORANGE, "", "iid (plain input samples)", ls=":")
    axes.set(xscale="log", ylim=(-0.03, 1.03))


def found(rows: list[Row]) -> str:
    """A table per model, and where sampling beats each deterministic treatment."""
    parts = []
    for name in dict.fromkeys(row["model"] for row in rows):
        own = [row for row in rows if row["model"] == name]
        parts.append(_of_model(name, own))
    return "\n\n".join(parts)


def _of_model(name: str, rows: list[Row]) -> str:
    certain = _deterministic(rows)
    best = max(certain, key=lambda row: row["bound"])
    curves = {
        strategy: band([r for r in rows if r["strategy"] == strategy], "m", "bound")
        for strategy in SAMPLED
        if any(row["strategy"] == strategy for row in rows)
    }
    costs = band([row for row in rows if row["strategy"] == "entries"], "m", "relative")
    lines = [
        [f"{m:.0f}", *(_cell(curve, i) for curve in curves.values()), float(costs.middle[i])]
        for i, m in enumerate(costs.x)
    ]
    table = markdown_table(["m", *curves, "cost ÷ multiplying out (entries)"], lines)
    cheap = [row for row in certain if row["relative"] < 0.5]
    lesser = max((row["bound"] for row in cheap), default=0.0)
    verdict = (
        f"**{name}.** Looking at every entry certifies {lower(best['bound'])} "
        f"(`{best['strategy']}`) at {best['relative']:.2f} of multiplying out; the best "
        f"deterministic treatment below half of that cost certifies {lower(lesser)}. "
    )
    useful = [(c, b) for c, b in zip(costs.middle, curves["entries"].middle, strict=True) if b > 0]
    if useful:
        half = [c for c, b in useful if b >= best["bound"] / 2]
        verdict += f"Sampled entries say something from {useful[0][0]:.3f} of that cost"
        verdict += f", and half as much as all of them from {half[0]:.3f}." if half else "."
    else:
        verdict += "Sampled entries certify nothing at any m."
    treatments = [[f"`{row['strategy']}`", lower(row["bound"]), row["relative"]] for row in certain]
    all_of_them = markdown_table(["deterministic", "bound", "cost ÷ multiplying out"], treatments)
    return f"{verdict}\n\n{table}\n\n{all_of_them}"


def _cell(curve: Any, place: int) -> str:
    if place >= len(curve.x):
        return ""
    low, middle, high = (lower(a[place]) for a in (curve.low, curve.middle, curve.high))
    return f"{middle} ({low} … {high})"


STUDY = Study(__doc__ or "", Grid, measure, draw, found)
