"""How do cost and bound grow with the sizes of a network, and where does sampling begin?

Planted models of every size, all of a task made by one recipe, with one size varied at a time:
operations and CPU seconds of each strategy, the growth as an exponent over the larger half of the
sizes, beside the exponent that the algorithm has when that size alone goes to infinity.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy import optimize

import probbound
from probbound.arithmetic.decimals import upper
from probbound.figures.charts import GREY, Style, Zero, mark_zero, styles
from probbound.machine.progress import track
from studies.bands import band, draw_band, exponent
from studies.models import model_named
from studies.one_core import on_one_core
from studies.study import Row, Study
from studies.write_up import markdown_table

COSTS = {"flops": "operations (FLOP)", "seconds": "CPU seconds"}
FAILURE = "failure_upper"
MEASURES = COSTS | {FAILURE: "failure rate ≤"}
_Table = Mapping[str, Any]


@dataclass(frozen=True)
class Grid:
    """Series of models, and strategies that are run on them.

    A series has a `task`, the `size` that varies, its `values`, and `model`, the name of a model
    but for its seed, {} standing for the value. `seeds` models of each value are certified at
    `delta`; up to the value `warm_up` one more is before them, which compiles and is not kept. A
    strategy has a `task`, a `name`, a `budget`, `draws` if it is to draw more than that, and
    `growth`, its exponent in the limit for each size. It is run on models of `least` to `most`
    tokens; where it has `powers`, its cost beyond is extrapolated by a sum of these powers through
    as many of the largest values.
    """

    series: tuple[_Table, ...]
    strategies: tuple[_Table, ...]

    def of_task(self, task: str) -> list[_Table]:
        """The strategies of a task."""
        return [strategy for strategy in self.strategies if strategy["task"] == task]


def measure(grid: Grid, work: Path) -> list[Row]:
    """One row per certificate, and one per cost that is extrapolated; all on one core."""
    return on_one_core(_measured, grid, work)


def _measured(grid: Grid, work: Path) -> list[Row]:
    cases = [(series, value) for series in grid.series for value in series["values"]]
    rows: list[Row] = []
    for series, value in track(cases, "scaling"):
        for seed in range(0 if value <= series["warm_up"] else 1, series["seeds"] + 1):
            made = list(_certified(grid, series, value, seed, work))
            rows += made if seed else []
    return rows + [row for series in grid.series for row in _beyond(grid, series, rows)]


def _certified(grid: Grid, series: _Table, value: int, seed: int, work: Path) -> Iterator[Row]:
    """The certificates of one model."""
    model = model_named(f"{series['model'].format(value)}-s{seed}", work)
    task = probbound.task_for(model, task=series["task"])
    for strategy in grid.of_task(series["task"]):
        if not strategy["least"] <= model.d_vocab <= strategy["most"]:
            continue
        started = time.process_time()
        made = probbound.certify(
            *(model, task),
            strategy=strategy["name"],
            budget=strategy["budget"],
            delta=series["delta"],
            seed=seed,
            **({"draws": strategy["draws"]} if "draws" in strategy else {}),
        )
        spent = {"flops": made.cost.flops, "seconds": time.process_time() - started}
        yield _row(series, value, strategy, seed) | spent | {FAILURE: made.failure_upper}


def _row(series: _Table, value: int, strategy: _Table, seed: int | None) -> Row:
    size = series["size"]
    asked = {"size": size, "value": value, "strategy": strategy["name"], "seed": seed}
    return asked | {"limit": strategy["growth"][size], "extrapolated": seed is None}


def _beyond(grid: Grid, series: _Table, rows: list[Row]) -> Iterator[Row]:
    """The costs of strategies with `powers` at sizes where they were not run."""
    for strategy in grid.of_task(series["task"]):
        own = _of(rows, series["size"], strategy["name"])
        if "powers" not in strategy or not own:
            continue
        laws = {cost: _Law.through(band(own, "value", cost), strategy["powers"]) for cost in COSTS}
        largest = max(row["value"] for row in own)
        for value in (value for value in series["values"] if value > largest):
            costs = {cost: law.at(value) for cost, law in laws.items()}
            yield _row(series, value, strategy, None) | costs | {FAILURE: None}


@dataclass(frozen=True)
class _Law:
    """A sum of powers of a size, no coefficient below 0."""

    powers: tuple[int, ...]
    coefficients: tuple[float, ...]

    @classmethod
    def through(cls, measured: Any, powers: tuple[int, ...]) -> _Law:
        """Through as many of the largest sizes as there are powers, or as near as there is one."""
        x, y = measured.x[-len(powers) :], measured.middle[-len(powers) :]
        found, _ = optimize.nnls(np.power.outer(x, powers) / y[:, None], np.ones(len(x)))
        return cls(powers, tuple(found.tolist()))

    def at(self, value: float) -> float:
        """The sum at a size."""
        pairs = zip(self.coefficients, self.powers, strict=True)
        return float(sum(c * value**power for c, power in pairs))


def draw(rows: list[Row]) -> Figure:
    """Operations, CPU seconds and bound (rows) against each size (columns)."""
    dealt, sizes = styles(dict.fromkeys(row["strategy"] for row in rows)), _sizes(rows)
    figure, grid = plt.subplots(
        *(len(MEASURES), len(sizes)),
        figsize=(3.7 * len(sizes) + 0.9, 9.6),
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    bounds = [row[FAILURE] for row in rows if not row["extrapolated"]]
    zero = Zero.below(bounds)
    shown = [row | {FAILURE: max(row[FAILURE] or 0.0, zero.place)} for row in rows]
    for line, (measure, label) in zip(grid, MEASURES.items(), strict=True):
        for axes, size in zip(line, sizes, strict=True):
            _panel(axes, [row for row in shown if row["size"] == size], measure, dealt)
        line[0].set_ylabel(label)
    for axes, size in zip(grid[-1], sizes, strict=True):
        axes.set_xlabel(size)
    if 0 in bounds:
        mark_zero(grid[-1, 0].yaxis, zero)
    figure.legend(handles=_legend(rows, dealt), loc="outside lower center", ncols=4, fontsize=8)
    return figure


def _panel(axes: Axes, rows: list[Row], measure: str, dealt: dict[str, Style]) -> None:
    for strategy, style in dealt.items():
        own = [row for row in rows if row["strategy"] == strategy and not row["extrapolated"]]
        if not own:
            continue
        shown = band(own, "value", measure)
        draw_band(axes, shown, style.colour, style.marker, strategy)
        beyond = [row for row in rows if row["strategy"] == strategy and row["extrapolated"]]
        if beyond and measure in COSTS:
            further = band(beyond, "value", measure)
            x, y = np.append(shown.x[-1], further.x), np.append(shown.middle[-1], further.middle)
            axes.plot(x, y, ls=":", lw=1.2, color=style.colour)
            look: dict[str, Any] = {"color": style.colour, "markerfacecolor": "white"}
            axes.plot(x[1:], y[1:], ls="", marker=style.marker, markersize=5, **look)
    axes.set(xscale="log", yscale="log")
    sizes = sorted({row["value"] for row in rows})
    axes.set_xticks(sizes, [str(value) for value in sizes], fontsize=8)
    axes.minorticks_off()


def _legend(rows: list[Row], dealt: dict[str, Style]) -> list[Line2D]:
    handles = [
        Line2D([], [], color=style.colour, marker=style.marker, markersize=5, lw=1.2, label=name)
        for name, style in dealt.items()
    ]
    if any(row["extrapolated"] for row in rows):
        look: dict[str, Any] = {"color": GREY, "markerfacecolor": "white", "markersize": 5}
        handles.append(Line2D([], [], ls=":", marker="o", label="extrapolated, not run", **look))
    return handles


def found(rows: list[Row]) -> str:
    """Measured exponents with intervals beside those in the limit, and what the largest takes."""
    parts = []
    for size in _sizes(rows):
        lines = []
        for strategy in dict.fromkeys(row["strategy"] for row in rows):
            own = [row for row in _of(rows, size, strategy) if not row["extrapolated"]]
            sizes = sorted({row["value"] for row in own})
            if len(sizes) < 2:
                continue
            larger = [row for row in own if row["value"] >= sizes[len(sizes) // 2 - 1]]
            fits = [_growth(larger, cost) for cost in COSTS]
            lines.append([f"`{strategy}`", f"{sizes[0]} … {sizes[-1]}", own[0]["limit"], *fits])
        columns = ["strategy", f"{size} from … to", "in the limit", "operations", "CPU seconds"]
        parts.append(f"Growth with {size}:\n\n" + markdown_table(columns, lines))
        parts.append(_at_largest(rows, size))
    parts.append(
        "Exponents are least-squares slopes over the larger half of the sizes, with 95 % "
        "intervals. They differ from those in the limit where terms of lower order still weigh, "
        "and where an algorithm changes on the way."
    )
    return "\n\n".join(parts)


def _at_largest(rows: list[Row], size: str) -> str:
    """What each strategy takes and says at the largest value of a size."""
    largest = max(row["value"] for row in rows if row["size"] == size)
    lines = []
    for strategy in dict.fromkeys(row["strategy"] for row in rows):
        own = [row for row in _of(rows, size, strategy) if row["value"] == largest]
        if not own:
            continue
        costs = [float(np.median([row[cost] for row in own])) for cost in COSTS]
        if own[0]["extrapolated"]:
            lines.append([f"`{strategy}`", *(f"{cost:.2g}, extrapolated" for cost in costs), ""])
        else:
            bound = upper(float(np.median([row[FAILURE] for row in own])))
            lines.append([f"`{strategy}`", *costs, bound])
    return f"At {size} {largest}:\n\n" + markdown_table(["strategy", *MEASURES.values()], lines)


def _sizes(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys(row["size"] for row in rows))


def _of(rows: list[Row], size: str, strategy: str) -> list[Row]:
    return [row for row in rows if (row["size"], row["strategy"]) == (size, strategy)]


def _growth(rows: list[Row], cost: str) -> str:
    """The exponent, from the median over seeds at each size; the two-point slope of two sizes."""
    shown = band(rows, "value", cost)
    fit = exponent(shown.x, shown.middle)
    if fit is None:
        return f"{np.diff(np.log(shown.middle))[0] / np.diff(np.log(shown.x))[0]:.2f}"
    return str(fit)


STUDY = Study(__doc__ or "", Grid, measure, draw, found)
