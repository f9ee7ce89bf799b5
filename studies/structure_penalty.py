"""How much of a penalty on structure makes a network provable, and what does it cost in accuracy?

A published network was trained on its own bound: the bound never said anything and the accuracy
fell from 0.985 to 0.036. Here the loss of networks that learn induction is that of their answers
and, times a penalty, -log of the first layer's attention to the token before, which is what makes
screens over whole sets of sequences tight. Nothing of a bound is in it. How often is each network
right on inputs that were drawn, and how much of it is proved?
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import probbound
from probbound.arithmetic.decimals import lower, upper
from probbound.arithmetic.rounding import one_minus_down
from probbound.contract.cost import CostMeter
from probbound.draws.random_streams import Stream
from probbound.figures.charts import AMBER, BLACK, BLUE, GREEN, PINK
from probbound.machine.progress import track
from probbound.models.transformer.network import GeneralTransformer
from probbound.models.transformer.running import activations
from probbound.tasks.induction.question import InductionQuestion
from probbound.tasks.induction.screens.factored import BY_FACTORED
from probbound.tasks.induction.task import Induction
from studies.bands import band, draw_band
from studies.models import model_named
from studies.study import Row, Study
from studies.write_up import markdown_table

PUBLISHED = {"before": 0.985, "after": 0.036}
_PATTERN = "blocks.0.attn.hook_pattern"
_ATTENDED = 2000
_SHARES = {
    "accuracy": (BLACK, "*", "inputs answered rightly"),
    "attention": (AMBER, "o", "attention to the token before"),
    "pairs": (BLUE, "s", "proved by pairs, of all inputs"),
    "factored": (GREEN, "^", "certified by factored, of inputs drawn"),
}


@dataclass(frozen=True)
class Grid:
    """Networks of two layers, `d_vocab` tokens and `n_ctx` positions for each penalty and seed.

    `inputs` are drawn to see how many are right and how many `factored` certifies; `hybrid` has a
    `budget` of forward passes and `delta`.
    """

    d_vocab: int
    n_ctx: int
    steps: int
    penalties: tuple[float, ...]
    seeds: tuple[int, ...]
    inputs: int
    budget: int
    delta: float


def measure(grid: Grid, work: Path) -> list[Row]:
    """One row per network."""
    each = [(penalty, seed) for penalty in grid.penalties for seed in grid.seeds]
    return [_row(grid, *one, work) for one in track(each, "networks")]


def _row(grid: Grid, penalty: float, seed: int, work: Path) -> Row:
    sizes = f"v{grid.d_vocab}-n{grid.n_ctx}-l2"
    name = f"trained-induction-{sizes}-p{penalty:f}-s{seed}-{grid.steps}-steps"
    model, task = model_named(name, work), Induction(grid.d_vocab, grid.n_ctx)
    question = InductionQuestion(model, task, 0, grid.delta, 0)
    tokens = task.sample(Stream.from_seed(0).fold_in("inputs"), 0, grid.inputs)
    wrong = int(question.exact.uncertified(tokens).sum())
    certified = ~BY_FACTORED.prepared(question, CostMeter()).uncertified(tokens)
    before = _attention_before(model, tokens[:_ATTENDED])
    given: dict[str, Any] = {"delta": grid.delta, "seed": 0}
    pairs = probbound.certify(model, task, strategy="pairs", **given)
    hybrid = probbound.certify(model, task, strategy="hybrid", budget=grid.budget, **given)
    return {
        "penalty": penalty,
        "seed": seed,
        "steps": grid.steps,
        "inputs": grid.inputs,
        "wrong": wrong,
        "accuracy": 1 - wrong / grid.inputs,
        "attention": float(before.mean()),
        "attention, 1 %": float(np.quantile(before, 0.01)),
        "pairs": max(0.0, one_minus_down(pairs.failure_upper)),
        "factored": float(certified.mean()),
        "budget": grid.budget,
        "delta": grid.delta,
        "failure_upper": hybrid.failure_upper,
        "flops": hybrid.cost.flops,
    }


def _attention_before(model: GeneralTransformer, tokens: np.ndarray) -> np.ndarray:
    """The first layer's weight of the position before, of every position but the first."""
    pattern = activations(model, tokens, _PATTERN.__eq__)[_PATTERN][:, 0]
    return np.diagonal(pattern, offset=-1, axis1=1, axis2=2)


def draw(rows: list[Row]) -> Figure:
    """Shares, and certified failure rates, against the penalty."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.2), layout="constrained")
    places = {p: i for i, p in enumerate(sorted({row["penalty"] for row in rows}))}
    placed = [{**row, "place": places[row["penalty"]]} for row in rows]
    for column, (colour, marker, label) in _SHARES.items():
        draw_band(left, band(placed, "place", column), colour, marker, label)
    left.set(ylabel="share", ylim=(-0.04, 1.06))
    left.legend(fontsize=8, loc="center left")
    nothing = min((row["failure_upper"] for row in rows if row["failure_upper"]), default=1) / 10
    shown = [{**row, "failure_upper": row["failure_upper"] or nothing} for row in placed]
    draw_band(right, band(shown, "place", "failure_upper"), PINK, "D", "hybrid")
    for row in placed:
        if not row["failure_upper"]:
            at: dict[str, Any] = {"xytext": (6, 4), "textcoords": "offset points"}
            right.annotate("0", (row["place"], nothing), **at)
    right.set(yscale="log", ylabel="failure rate ≤")
    budget, delta = rows[0]["budget"], rows[0]["delta"]
    right.set_title(f"hybrid, {budget:,} forward passes, δ = {delta:g}", fontsize=10)
    for axes in (left, right):
        _penalties(axes, places)
    return figure


def _penalties(axes: Axes, places: dict[float, int]) -> None:
    axes.set_xticks(list(places.values()), [f"{penalty:g}" for penalty in places])
    axes.set_xlabel("penalty on attention elsewhere")


def found(rows: list[Row]) -> str:
    """A line for each network, and what was published beside them."""
    lines = [
        [
            *(f"{row['penalty']:g}", f"{row['wrong']:,}", row["attention"], row["attention, 1 %"]),
            *(lower(row["pairs"], 5), lower(row["factored"], 5), upper(row["failure_upper"])),
        ]
        for row in rows
    ]
    inputs, budget, delta = rows[0]["inputs"], rows[0]["budget"], rows[0]["delta"]
    columns = ["penalty", f"wrong of {inputs:,}", "attention before, mean", "1 %"]
    columns += ["proved by pairs", "certified by factored", "hybrid: failure rate ≤"]
    return (
        f"Each network trained for {rows[0]['steps']:,} steps; `pairs` proves that share of all "
        f"inputs (δ = 0), `factored` certifies that share of those drawn, and `hybrid` has "
        f"{budget:,} forward passes (δ = {delta:g}):\n\n{markdown_table(columns, lines)}\n\n"
        "The published network that was trained on its own bound for 500 steps: accuracy "
        f"{PUBLISHED['before']} before and {PUBLISHED['after']} after, and its bound on the "
        "accuracy never above 3·10⁻⁵."
    )


STUDY = Study(__doc__ or "", Grid, measure, draw, found)
