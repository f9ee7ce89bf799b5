"""How do cost and bound grow with vocabulary, context length and width?

Planted models of every size, all made by one recipe, with one size varied at a time:
operations and seconds of each strategy, the growth as an exponent over the larger half of the
sizes, beside the exponent that the algorithm has when that size alone goes to infinity.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

import probbound
from probbound.arithmetic.decimals import upper
from probbound.figures.charts import styles
from probbound.machine.progress import track
from probbound.tasks.max_of_k.task import task_for
from studies.bands import band, draw_band, exponent
from studies.models import model_named
from studies.study import Row, Study
from studies.write_up import markdown_table

SIZES = {"d_vocab": "d_vocab", "n_ctx": "n_ctx (positions)", "d_model": "d_model"}
MEASURES = {"flops": "operations (FLOP)", "seconds": "seconds", "failure_upper": "failure rate ≤"}
ASYMPTOTIC = {
    "cubic": {"d_vocab": 3, "n_ctx": 1, "d_model": 1},
    "sub-cubic": {"d_vocab": 2, "n_ctx": 4, "d_model": 1},
    "low-rank-qk-eu": {"d_vocab": 2, "n_ctx": 4, "d_model": 2},
    "quadratic-qk-eu": {"d_vocab": 2, "n_ctx": 4, "d_model": 2},
    "iid": {"d_vocab": 1, "n_ctx": 1, "d_model": 2},
    "cascade": {"d_vocab": 2, "n_ctx": 2, "d_model": 2},
    "entries": {"d_vocab": 1, "n_ctx": 1, "d_model": 2},
    "entries:exact": {"d_vocab": 2, "n_ctx": 1, "d_model": 2},
}
"""The highest power in the operation counts of docs/theory.md, samples fixed: 1.3 (cubic), 4.1 to
4.3 (the ladder; multisets of context tokens grow like n_ctx⁴ until they are capped), 4.9 (cascade:
tables of v² brackets, n_ctx² look-ups a draw) and 4.30 (entries: v d² fixed, v² d if all are
evaluated); a forward pass takes n_ctx d² + v d."""


@dataclass(frozen=True)
class Grid:
    """Sizes of each kind with the others at `base`, and a list of strategies.

    `most` holds, for each strategy, the largest d_vocab that it is run at; `seeds` planted models
    of each size are certified with `budget` (noise entries for `entries`, else forward passes).
    """

    strategies: tuple[str, ...]
    most: tuple[int, ...]
    budgets: tuple[int, ...]
    base: tuple[int, ...]
    d_vocab: tuple[int, ...]
    n_ctx: tuple[int, ...]
    d_model: tuple[int, ...]
    seeds: int
    delta: float


def measure(grid: Grid, work: Path) -> list[Row]:
    """One row per certificate; the first of each shape, which compiles, is made and not kept."""
    shapes = []
    for place, size in enumerate(SIZES):
        for value in getattr(grid, size):
            shape = list(grid.base)
            shape[place] = value
            shapes.append((size, value, tuple(shape)))
    rows = []
    for size, value, (d_vocab, n_ctx, d_model) in track(shapes, "scaling"):
        for seed in range(grid.seeds + 1):
            model = model_named(f"planted-max-of-{n_ctx}-v{d_vocab}-d{d_model}-s{seed}", work)
            for strategy, most, budget in zip(
                grid.strategies, grid.most, grid.budgets, strict=True
            ):
                if d_vocab > most:
                    continue
                made = probbound.certify(
                    *(model, task_for(model)),
                    strategy=strategy,
                    budget=budget,
                    delta=grid.delta,
                    seed=seed,
                )
                asked = {"size": size, "value": value, "strategy": strategy, "seed": seed}
                shape = {"d_vocab": d_vocab, "n_ctx": n_ctx, "d_model": d_model}
                cost = {"flops": made.cost.flops, "seconds": made.cost.seconds}
                if seed:
                    rows.append(asked | shape | cost | {"failure_upper": made.failure_upper})
    return rows


def draw(rows: list[Row]) -> Figure:
    """Operations, seconds and bound (rows) against each size (columns)."""
    dealt = styles(dict.fromkeys(row["strategy"] for row in rows))
    figure, grid = plt.subplots(
        *(len(MEASURES), len(SIZES)), figsize=(12, 9.6), sharey="row", layout="constrained"
    )
    for line, (measure, label) in zip(grid, MEASURES.items(), strict=True):
        for axes, (size, name) in zip(line, SIZES.items(), strict=True):
            for strategy, style in dealt.items():
                own = _of(rows, size, strategy)
                if own:
                    shown = band(own, "value", measure)
                    draw_band(axes, shown, style.colour, style.marker, strategy)
            axes.set(xscale="log", yscale="log")
            sizes = sorted({row["value"] for row in rows if row["size"] == size})
            axes.set_xticks(sizes, [str(value) for value in sizes], fontsize=8)
            axes.minorticks_off()
            if measure == "failure_upper":
                axes.set_xlabel(name)
        line[0].set_ylabel(label)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=8)
    return figure


def found(rows: list[Row]) -> str:
    """Measured exponents with intervals, beside the asymptotic ones."""
    parts = []
    for size in SIZES:
        lines = []
        for strategy in dict.fromkeys(row["strategy"] for row in rows):
            own = _of(rows, size, strategy)
            sizes = sorted({row["value"] for row in own})
            if len(sizes) < 2:
                continue
            larger = [row for row in own if row["value"] >= sizes[len(sizes) // 2 - 1]]
            fits = [_growth(larger, measure) for measure in ("flops", "seconds")]
            limit = ASYMPTOTIC[strategy][size]
            lines.append([f"`{strategy}`", f"{sizes[0]} … {sizes[-1]}", limit, *fits])
        columns = ["strategy", f"{size} from … to", "asymptotic", "operations", "seconds"]
        parts.append(f"Growth with {size}:\n\n" + markdown_table(columns, lines))
    largest = max(row["d_vocab"] for row in rows)
    at = [row for row in rows if row["size"] == "d_vocab" and row["d_vocab"] == largest]
    lines = []
    for strategy in dict.fromkeys(row["strategy"] for row in at):
        own = [row for row in at if row["strategy"] == strategy]
        flops, seconds, failing = (float(np.median([row[key] for row in own])) for key in MEASURES)
        lines.append([f"`{strategy}`", flops, seconds, upper(failing)])
    parts.append(
        f"At d_vocab {largest}:\n\n" + markdown_table(["strategy", *MEASURES.values()], lines)
    )
    parts.append(
        "Exponents are least-squares slopes over the larger half of the sizes, with 95 % "
        "intervals. They differ from the asymptotic ones where terms of lower order still weigh, "
        "and where an algorithm changes on the way: the cubic screen lists what it leaves as long "
        "as it can, and counts by tables after."
    )
    return "\n\n".join(parts)


def _of(rows: list[Row], size: str, strategy: str) -> list[Row]:
    return [row for row in rows if (row["size"], row["strategy"]) == (size, strategy)]


def _growth(rows: list[Row], measure: str) -> Any:
    """The exponent, from the median over seeds at each size; the two-point slope of two sizes."""
    shown = band(rows, "value", measure)
    fit = exponent(shown.x, shown.middle)
    if fit is None:
        return f"{np.diff(np.log(shown.middle))[0] / np.diff(np.log(shown.x))[0]:.2f}"
    return str(fit)


STUDY = Study(__doc__ or "", Grid, measure, draw, found)
