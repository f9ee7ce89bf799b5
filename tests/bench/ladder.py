"""The tables and the figure of docs/ladder.md.

`python -m tests.bench.ladder` prints the tables in Markdown and writes docs/img/ladder.png.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np

import probbound
from probbound.contract.cost import CostMeter
from probbound.figures.charts import readable_logs
from probbound.models.attention_only.transformer import Transformer
from probbound.tasks.max_of_k.methods.ladder import RUNGS
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.screens.ladder import LadderScreen
from probbound.tasks.max_of_k.screens.screen import Screen
from probbound.tasks.max_of_k.strategies import SCREENS
from probbound.tasks.max_of_k.task import task_for

SEEDS = tuple(f"max-of-4-s{seed}" for seed in range(5))
PUBLISHED_RECIPE = "max-of-4-published"
FIGURE = Path("docs/img/ladder.png")
DELTA = 1e-6
EVERY_TOKEN = 1 << 40
PUBLISHED_MEANS = {
    "cubic": 0.9531,
    "sub-cubic": 0.820,
    "sub-cubic:no-mean-diff": 0.488,
    "low-rank-qk": 0.795,
    "low-rank-qk:svd": 0.406,
    "low-rank-eu": 0.653,
    "low-rank-qk-eu": 0.627,
    "quadratic-qk": 0.390,
    "quadratic-qk-eu": 0.285,
}
PUBLISHED_CODE = {
    "cubic": (35e6, 0.943),
    "sub-product": (2.8e6, 0.810),
    "cheapest": (1.97e6, 0.267),
}
QK_STEPS = ("exact", "second-moments", "subproduct", "sketch", "svd")


class Result(NamedTuple):
    """What a screen proves of a model, and what that took."""

    bound: float
    flops: int
    seconds: float


def prove(screen: Screen, model: Transformer) -> Result:
    """One run of a screen."""
    meter = CostMeter()
    residue = screen.enumerate(model, meter)
    cost = meter.total()
    bound = 1 - float(residue.size / task_for(model).size)
    return Result(bound, cost.flops, cost.seconds)


def by_name(name: str, model: Transformer) -> Result:
    """One run of a named screen."""
    return prove(SCREENS[name](Question(model, task_for(model), 0, DELTA, 0)), model)


def ladder() -> str:
    """Every rung that has a published mean, over the seeds and on the published recipe."""
    lines = [
        "| strategy | published mean | mean of s0 … s4 | least "
        f"| `{PUBLISHED_RECIPE}` | MFLOP | ms |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, published in PUBLISHED_MEANS.items():
        found = [by_name(name, probbound.load(seed)) for seed in SEEDS]
        other = by_name(name, probbound.load(PUBLISHED_RECIPE))
        bounds = [result.bound for result in found]
        seconds = float(np.median([result.seconds for result in found]))
        lines.append(
            f"| `{name}` | {published:.3f} | {np.mean(bounds):.4f} | {min(bounds):.4f} "
            f"| {other.bound:.4f} | {other.flops / 1e6:.2f} | {1000 * seconds:.0f} |"
        )
    return "\n".join(lines)


def noise_choices() -> str:
    """Every rung by every noise choice, on the published recipe: bound and MFLOP."""
    choices = RUNGS["low-rank-qk"].noise
    lines = ["| noise | " + " | ".join(f"`{name}`" for name in RUNGS) + " |"]
    lines.append("|---|" + "---|" * len(RUNGS))
    model = probbound.load(PUBLISHED_RECIPE)
    for choice in choices:
        cells = []
        for name, rung in RUNGS.items():
            result = by_name(f"{name}:{choice}", model) if choice in rung.noise else None
            cells.append(f"{result.bound:.4f} ({result.flops / 1e6:.2f})" if result else "")
        lines.append(f"| `{choice}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def losses() -> str:
    """What each step costs in bound, mean over the seeds, in units of 1e-4."""
    models = [probbound.load(seed) for seed in (*SEEDS, PUBLISHED_RECIPE)]
    steps = {
        "wrong token maximised per token (`cubic`)": lambda m: by_name("cubic", m),
        "brackets apart, positions joined": lambda m: prove(
            LadderScreen("every token", multiset_limit=EVERY_TOKEN), m
        ),
        "gap classes (`sub-cubic`)": lambda m: by_name("sub-cubic", m),
    }
    for noise in QK_STEPS:
        steps[f"scores' noise: `{noise}`"] = lambda m, n=noise: by_name(f"low-rank-qk:{n}", m)
    steps["scores' noise: `recursive`, rank 4"] = lambda m: by_name("quadratic-qk", m)
    for noise in QK_STEPS:
        steps[f"direct path's noise: `{noise}`"] = lambda m, n=noise: by_name(f"low-rank-eu:{n}", m)
    lines = ["| up to and with | s0 … s4 | `max-of-4-published` |", "|---|---|---|"]
    for step, run in steps.items():
        lost = [1 - run(model).bound for model in models]
        lines.append(f"| {step} | {np.mean(lost[:-1]):.5f} | {lost[-1]:.5f} |")
    return "\n".join(lines)


def figure() -> None:
    """Loss against operations for every strategy on the published recipe."""
    model = probbound.load(PUBLISHED_RECIPE)
    plot, axes = plt.subplots(figsize=(9, 5.5))
    for family, marker in zip(("cubic", "sub-cubic", *RUNGS), "*os^Dvp", strict=True):
        names = [name for name in SCREENS if name.split(":")[0] == family]
        found = [by_name(name, model) for name in names]
        losses = [1 - result.bound for result in found]
        axes.plot([r.flops for r in found], losses, marker, label=family, alpha=0.8, markersize=7)
    published: dict[str, Any] = {"ls": "", "marker": "x", "color": "black", "ms": 9, "mew": 2}
    for name, (flops, bound) in PUBLISHED_CODE.items():
        axes.plot(flops, 1 - bound, **published)
        axes.annotate(name, (flops, 1 - bound), xytext=(9, -4), textcoords="offset points")
    axes.plot([], [], label="published code, its own model", **published)
    axes.set(xscale="log", yscale="log", xlabel="operations (FLOP)", ylabel="1 - bound")
    axes.set_title(f"Proofs of {PUBLISHED_RECIPE}: lower left is better")
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize=8, loc="upper right")
    readable_logs(plot)
    plot.tight_layout()
    plot.savefig(FIGURE, dpi=110)


if __name__ == "__main__":
    print(ladder(), noise_choices(), losses(), sep="\n\n")
    figure()
