"""When in grokking does each certificate appear, and does it go when the solution goes?

A network is trained on a share of the pairs of a modular sum. It first remembers them, then finds
a solution for all pairs; with too few it never does. Beside the error on learnt and on other pairs:
what proofs and samples certify of all pairs at every checkpoint, and how much parameter norm a
logit costs. Negative control: training of the general solution goes on with too few pairs to find
it by, until it is lost (ungrokking). What is certified must go with it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from probbound.arithmetic.decimals import upper
from probbound.figures.charts import BLACK, GREY, SKY, Zero, mark_zero, shade_vacuous, styles
from probbound.models.pair_mlp.network import PairMLP, weights_of
from probbound.models.pair_mlp.training import PairRecipe, all_margins, learnt_pairs, snapshots
from probbound.models.store import read_model, save_model
from probbound.tasks.modular_addition.task import ModularAddition
from studies.bands import band, draw_band, step_axis
from studies.grids import BRUTE_FORCE as TRUTH
from studies.grids import certified_beside_truth
from studies.study import Row, Study
from studies.write_up import markdown_table

LEARNT, OTHERS, NORM = "error on learnt pairs", "error on other pairs", "norm per logit"
NEW, ON = "from the start", "from the general solution"


@dataclass(frozen=True)
class Grid:
    """Networks that learn from each of `shares` of the pairs, kept after each of the steps `at`.

    The last one of the first share then learns on from each of `fewer`, for as many steps. Training
    is without batches, and its rate falls over `steps`, which may be more than the last of `at`.
    """

    p: int
    d_mlp: int
    d_model: int
    learning_rate: float
    weight_decay: float
    steps: int
    seeds: tuple[int, ...]
    at: tuple[int, ...]
    shares: tuple[float, ...]
    fewer: tuple[float, ...]
    strategies: tuple[str, ...]
    budget: int
    delta: float


@dataclass(frozen=True)
class Place:
    """A checkpoint: of which training, and after how many steps of it."""

    seed: int
    start: str
    share: float
    step: int

    def path(self, work: Path) -> Path:
        """Where it is kept."""
        kind = "new" if self.start == NEW else "on"
        return work / f"s{self.seed}-{kind}-share{self.share:g}-at-{self.step}.safetensors"


def measure(grid: Grid, work: Path) -> list[Row]:
    """One row for each checkpoint and thing measured; `truth` is the error on all pairs."""
    task = ModularAddition(grid.p)
    places = {}
    for seed in grid.seeds:
        for share in grid.shares:
            places |= _trained(grid, task, work, seed, NEW, share)
        for share in grid.fewer:
            places |= _trained(grid, task, work, seed, ON, share)
    certified = certified_beside_truth(
        *(places, grid.strategies, grid.budget, grid.delta, work, task.name)
    )
    truth = {row["model"]: row["truth"] for row in certified}
    found = [(row["model"], row["strategy"], row["failure_upper"]) for row in certified]
    for path, place in places.items():
        model = read_model(Path(path))
        found += [(path, *measured) for measured in _beside(model, task, place)]
    return [
        {**vars(places[path]), "measured": name, "value": value, "truth": truth[path], "p": grid.p}
        for path, name, value in found
    ]


def _trained(
    grid: Grid, task: ModularAddition, work: Path, seed: int, start: str, share: float
) -> dict[str, Place]:
    """The checkpoints of one training by file; made if they are not there."""
    own = [Place(seed, start, share, step) for step in grid.at]
    if not all(place.path(work).exists() for place in own):
        recipe = PairRecipe(
            d_mlp=grid.d_mlp,
            d_model=grid.d_model,
            steps=grid.steps,
            batch=0,
            learning_rate=grid.learning_rate,
            weight_decay=grid.weight_decay,
            share_of_pairs=share,
        )
        first = Place(seed, NEW, grid.shares[0], grid.at[-1])
        given = None if start == NEW else read_model(first.path(work))
        models = snapshots(task.table, recipe, seed, grid.at, f"{share:g} of pairs", given)
        for place, model in zip(own, models, strict=True):
            save_model(model, place.path(work))
    return {str(place.path(work)): place for place in own}


def _beside(model: PairMLP, task: ModularAddition, place: Place) -> list[tuple[str, float]]:
    """The error on learnt and on other pairs, and the norm of the weights per logit.

    That is the root of the sum of their squares over the mean margin of the learnt pairs.
    """
    margins = all_margins(model, task.table)
    learnt = np.zeros(margins.shape, dtype=bool)
    pairs = learnt_pairs(task.table, place.share, place.seed)
    learnt[pairs[:, 0], pairs[:, 1]] = True
    norm = math.sqrt(sum(float((np.asarray(w) ** 2).sum()) for w in weights_of(model).values()))
    margin = float(margins[learnt].mean())
    return [
        (LEARNT, float((margins[learnt] <= 0).mean())),
        (OTHERS, float((margins[~learnt] <= 0).mean())),
        (NORM, norm / margin if margin > 0 else math.inf),
    ]


def draw(rows: list[Row]) -> Figure:
    """Failure rates step by step, a panel for each training, and what a logit costs."""
    runs = _runs(rows)
    columns = math.ceil((len(runs) + 1) / 2)
    figure, grid = plt.subplots(
        *(2, columns), figsize=(3.7 * columns, 7.4), squeeze=False, layout="constrained"
    )
    strategies = _strategies(rows)
    style = styles(strategies)
    rates = [row["value"] for row in rows if row["measured"] != NORM]
    zero = Zero.below(rates)
    for run, axes in zip(runs, grid.flat, strict=False):
        own = [row | {"value": max(row["value"], zero.place)} for row in _of(rows, run)]
        for name, look in ((LEARNT, (GREY, "")), (OTHERS, (SKY, "")), (TRUTH, (BLACK, "*"))):
            _line(axes, own, name, look, ls="-" if name == TRUTH else "--")
        for name in strategies:
            _line(axes, own, name, (style[name].colour, style[name].marker))
        axes.set(yscale="log", title=f"{run[1]:g} of pairs, {run[0]}", ylim=(zero.place / 2, 3))
        axes.title.set_fontsize(9)
        mark_zero(axes.yaxis, zero)
        shade_vacuous(axes, rows[0]["p"])
        step_axis(axes, _steps(rows))
    for axes in grid[:, 0]:
        axes.set_ylabel("failure rate of all pairs")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8)
    _efficiency(grid.flat[len(runs)], rows)
    for axes in grid.flat[len(runs) + 1 :]:
        axes.set_axis_off()
    return figure


def _line(axes: Axes, rows: list[Row], name: str, look: tuple[str, str], ls: str = "-") -> None:
    own = [row for row in rows if row["measured"] == name]
    draw_band(axes, band(own, "step", "value"), *look, "truth" if name == TRUTH else name, ls=ls)


def _efficiency(axes: Axes, rows: list[Row]) -> None:
    """The norm that a logit of learnt pairs costs, of what is trained from the start."""
    runs = [run for run in _runs(rows) if run[0] == NEW]
    for place, run in enumerate(runs):
        own = [r for r in _of(rows, run) if r["measured"] == NORM and math.isfinite(r["value"])]
        colour = to_hex(plt.get_cmap("viridis")(place / len(runs)))
        draw_band(axes, band(own, "step", "value"), colour, "o", f"{run[1]:g} of pairs")
    axes.set(yscale="log", ylabel="parameter norm ÷ mean margin, learnt pairs")
    axes.set_title("what a logit costs", fontsize=9)
    step_axis(axes, _steps(rows))
    axes.legend(fontsize=8)


def _runs(rows: list[Row]) -> list[tuple[str, float]]:
    return list(dict.fromkeys((row["start"], row["share"]) for row in rows))


def _of(rows: list[Row], run: tuple[str, float]) -> list[Row]:
    return [row for row in rows if (row["start"], row["share"]) == run]


def _steps(rows: list[Row]) -> list[int]:
    return sorted({row["step"] for row in rows})


def _strategies(rows: list[Row]) -> list[str]:
    beside = {LEARNT, OTHERS, NORM, TRUTH}
    return [n for n in dict.fromkeys(row["measured"] for row in rows) if n not in beside]


def found(rows: list[Row]) -> str:
    """A table for each training, and whether a certificate was ever below the truth."""
    strategies = _strategies(rows)
    names = [LEARNT, OTHERS, TRUTH, *strategies, NORM]
    parts = []
    for run in _runs(rows):
        own = _of(rows, run)
        lines = []
        for step in _steps(rows):
            at = [row for row in own if row["step"] == step]
            middle = {
                name: float(np.median([row["value"] for row in at if row["measured"] == name]))
                for name in names
            }
            shown = [upper(middle[n]) if n in strategies else middle[n] for n in names]
            lines.append([step, *shown])
        parts.append(f"**{run[1]:g} of all pairs, {run[0]}**\n")
        parts.append(markdown_table(["step", *names], lines) + "\n")
    said = [row for row in rows if row["measured"] in strategies]
    below = sum(row["value"] < row["truth"] for row in said)
    parts.append(
        f"Medians over {len({row['seed'] for row in rows})} seeds, p = {rows[0]['p']}. Of "
        f"{len(said)} certificates {below} are below the true failure rate."
    )
    return "\n".join(parts)


STUDY = Study(__doc__ or "", Grid, measure, draw, found)
