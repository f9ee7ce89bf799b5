"""Bound against cost, into docs/img/noise_bounds.png: `python -m tests.bench.noise_figure`."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from probbound.arithmetic.factored import FactoredMatrix
from probbound.draws.random_streams import Stream
from probbound.figures.charts import AMBER, BLACK, BLUE, GREEN, ORANGE, PINK, SKY, readable_logs
from probbound.noise.contract import NoiseBound, Quantity, Settings
from probbound.noise.planted import planted
from probbound.noise.registry import METHODS
from probbound.noise.term import NoiseTerm

PATH = Path(__file__).parents[2] / "docs" / "img" / "noise_bounds.png"
DELTA, V, INNER = 1e-6, 8_192, 64
BUDGETS = {
    "tiles": np.geomspace(1e5, 3e7, 6),
    "entries": np.geomspace(1e3, 3e6, 7),
    "rows": np.geomspace(1e6, 3e7, 4),
}
STYLES = {
    "tiles": (BLUE, "o-"),
    "entries": (ORANGE, "s-"),
    "rows": (GREEN, "^-"),
    "exact": (BLACK, "*"),
    "second-moments": (PINK, "D"),
    "sketch": (BLUE, "P"),
    "subproduct": (AMBER, "v"),
    "svd": (SKY, "X"),
    "frobenius": (ORANGE, "<"),
    "recursive": (GREEN, ">"),
}


def main() -> None:
    """Draw both panels."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.8), layout="constrained")
    _shares(left)
    _spreads(right)
    readable_logs(figure)
    figure.savefig(PATH, dpi=130)


def _bound(term: NoiseTerm, name: str, quantity: Quantity, budget: float = 0) -> NoiseBound:
    settings = Settings(Stream.from_seed(0), int(budget), math.log(DELTA))
    return METHODS[name].bounds(term, [quantity], settings)[0]


def _shares(axes: Axes) -> None:
    term = planted("gaussian", V, V, INNER, structure_rank=0)
    quantity = Quantity("share-above", threshold=3.0)
    exact = _bound(term, "exact", quantity)
    for name, budgets in BUDGETS.items():
        rows = [_bound(term, name, quantity, budget) for budget in budgets]
        _line(axes, name, rows)
    _line(axes, "second-moments", [_bound(term, "second-moments", quantity)])
    _line(axes, "exact", [exact])
    axes.axhline(exact.bound, color="black", ls=":", lw=1)
    axes.set(
        xlabel="seconds",
        ylabel="bound on the share",
        title=f"Share of entries above 3, {V:,} × {V:,}, d = {INNER} (δ = 1e-6)",
    )
    axes.legend(frameon=False)


def _spreads(axes: Axes, v: int = 4096, d: int = 256) -> None:
    rng = np.random.default_rng(0)
    shapes = ((v, d), (d, d), (d, d), (d, v))
    term = NoiseTerm.whole(FactoredMatrix(*(rng.standard_normal(s) / math.sqrt(d) for s in shapes)))
    quantity = Quantity("largest-row-spread")
    for name in (
        "exact",
        "second-moments",
        "subproduct",
        "svd",
        "sketch",
        "recursive",
        "frobenius",
    ):
        _line(axes, name, [_bound(term, name, quantity)], flops=True)
    axes.set(
        xlabel="operations (FLOP)",
        ylabel="bound (units of the entries)",
        title=f"Largest row spread of four factors, v = {v:,}, d = {d}",
    )
    axes.legend(frameon=False)


def _line(axes: Axes, name: str, rows: list[NoiseBound], *, flops: bool = False) -> None:
    colour, style = STYLES[name]
    cost = [row.flops if flops else row.seconds for row in rows]
    axes.loglog(cost, [row.bound for row in rows], style, color=colour, label=name, ms=7)


if __name__ == "__main__":
    main()
