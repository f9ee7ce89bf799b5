"""The tables and the figure of docs/entries.md.

`python -m tests.bench.entries` prints the tables in Markdown and writes docs/img/entries.png.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt

import probbound
from probbound.certificate import Certificate
from probbound.models.planted_max import planted_max_of_k
from probbound.models.transformer import Transformer, forward_flops
from probbound.structured.deterministic import NOISE_CHOICES
from probbound.structured.families import PathChoice
from probbound.tasks import task_for

FIGURE = Path("docs/img/entries.png")
DELTA = 1e-3
SEEDS = 3
IID_RUNS = (10, 30, 100, 300, 1000)
MODELS = ("max-of-4-v1024", "max-of-4-v4096", "planted-max-of-4-v16384")
BUDGETS = {
    "max-of-4-v1024": (1e5, 2e5, 4e5, 8e5, 2e6),
    "max-of-4-v4096": (7.5e5, 1e6, 1.5e6, 2.5e6, 5e6, 1e7, 2e7),
    "planted-max-of-4-v16384": (3e6, 5e6, 1e7, 2e7, 5e7),
}
VARIANTS: dict[str, tuple[str, PathChoice]] = {
    "entries": ("entries", "separate"),
    "entries, joint": ("entries", "joint"),
    "entries:counted": ("entries:counted", "separate"),
}


class Point(NamedTuple):
    """A certified accuracy, the operations, and those over what multiplying out costs."""

    bound: float
    flops: float
    relative: float


def loaded(name: str) -> Transformer:
    """A shipped model, or the planted one."""
    return planted_max_of_k(16384, 4, 128) if name.startswith("planted") else probbound.load(name)


def multiplying_out(model: Transformer) -> int:
    """Operations of the three products QK, OV and direct, from two factors each."""
    return 6 * model.d_vocab**2 * model.d_model


def point(model: Transformer, made: Certificate) -> Point:
    """Where a certificate stands."""
    flops = made.cost.flops
    return Point(made.bound, flops, flops / multiplying_out(model))


def sampled(model: Transformer, variant: str, budget: float) -> list[Point]:
    """One certificate for each seed, by their bounds."""
    strategy, paths = VARIANTS[variant]
    found = [
        probbound.certify(
            *(model, task_for(model)),
            strategy=strategy,
            paths=paths,
            budget=int(budget),
            delta=DELTA,
            seed=seed,
        )
        for seed in range(SEEDS)
    ]
    return sorted(point(model, made) for made in found)


def certain(model: Transformer) -> dict[str, Point]:
    """Every deterministic treatment of the same noise."""
    names = [f"entries:{noise}" for noise in NOISE_CHOICES]
    task = task_for(model)
    return {name: point(model, probbound.certify(model, task, strategy=name)) for name in names}


def iid(model: Transformer) -> list[Point]:
    """Plain input sampling."""
    task = task_for(model)
    return [
        point(model, probbound.certify(model, task, strategy="iid", budget=runs, delta=DELTA))
        for runs in IID_RUNS
    ]


def study(name: str) -> tuple[dict[str, list[Point]], dict[str, Point], list[Point]]:
    """All of one model, printed as tables."""
    model = loaded(name)
    print(
        f"### {name}\n\nMultiplying out: {multiplying_out(model):.2e} operations; a forward pass: "
    )
    print(f"{forward_flops(model):.2e}.\n\n| noise entries | " + " | ".join(VARIANTS) + " |")
    print("|---|" + "---|" * len(VARIANTS))
    curves: dict[str, list[Point]] = {variant: [] for variant in VARIANTS}
    for budget in BUDGETS[name]:
        cells = []
        for variant, curve in curves.items():
            low, middle, high = sampled(model, variant, budget)
            curve.append(middle)
            cells.append(
                f"{middle.bound:.3f} ({low.bound:.3f} … {high.bound:.3f}) at {middle.relative:.3f}"
            )
        print(f"| {budget:.2g} | " + " | ".join(cells) + " |", flush=True)
    print("\n| deterministic treatment | bound | cost |\n|---|---|---|")
    known = certain(model)
    for treatment, found in known.items():
        print(f"| `{treatment}` | {found.bound:.4f} | {found.relative:.3f} |", flush=True)
    print("\n| forward passes (`iid`) | bound | cost |\n|---|---|---|")
    plain = iid(model)
    for runs, found in zip(IID_RUNS, plain, strict=True):
        print(f"| {runs} | {found.bound:.4f} | {found.relative:.4f} |")
    print(flush=True)
    return curves, known, plain


def main() -> None:
    """Tables to the standard output, and the figure."""
    plot, panels = plt.subplots(1, len(MODELS), figsize=(13, 4.3), sharey=True)
    for name, axes in zip(MODELS, panels, strict=True):
        curves, known, plain = study(name)
        for variant, curve in curves.items():
            axes.plot([p.relative for p in curve], [p.bound for p in curve], "o-", label=variant)
        relative, bound = zip(*((p.relative, p.bound) for p in known.values()), strict=True)
        axes.plot(relative, bound, "x", color="black", label="deterministic, same noise")
        axes.plot([p.relative for p in plain], [p.bound for p in plain], ":", label="iid")
        axes.axvline(0.1, color="grey", linewidth=0.8)
        axes.set(xscale="log", title=name, xlabel="operations / multiplying out")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel(f"certified accuracy, δ = {DELTA:g}")
    panels[-1].legend(fontsize=8)
    plot.tight_layout()
    plot.savefig(FIGURE, dpi=110)


if __name__ == "__main__":
    main()
