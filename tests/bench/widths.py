"""The tightness table and figure of docs/estimators.md.

`python -m tests.bench.widths` writes docs/img/estimator_widths.png and prints the table. Draws are
with replacement at δ = 1e-3, two-sided, and a width is the mean over a few samples.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float

from estimators.heuristic import normal_mean
from estimators.mean import betting, betting_sequence, empirical_bernstein, hoeffding
from tests.estimators import gallery

DELTA = 1e-3
SIZES = (100, 1_000, 10_000, 100_000)
FIGURE = Path("docs/img/estimator_widths.png")
SHOWN = ("two points, evenly", "two points at the ends", "heavy tail clipped", "rate 1/N")

Batch = Float[np.ndarray, "replicates n"]


def _variance_known(x: Batch, values: Float[np.ndarray, " N"]) -> float:
    """Bennett's inequality in Bernstein's form with the true variance: no estimator knows it."""
    log = np.log(2 / DELTA)
    return 2 * float(np.sqrt(2 * values.var() * log / x.shape[1]) + log / (3 * x.shape[1]))


def _library(estimate: Callable) -> Callable[[Batch, Float[np.ndarray, " N"]], float]:
    def width(x: Batch, values: Float[np.ndarray, " N"]) -> float:
        return float(np.mean(_last(estimate(x, delta=DELTA).width, x)))

    return width


def _last(width: np.ndarray, x: Batch) -> np.ndarray:
    return width if np.shape(width) == x.shape[:1] else width[:, -1]


ORACLE = "Bernstein, variance known"
METHODS = {
    "Hoeffding": _library(hoeffding),
    "empirical Bernstein": _library(empirical_bernstein),
    "betting sequence": _library(betting_sequence),
    "betting": _library(betting),
    ORACLE: _variance_known,
    "normal (no guarantee)": _library(normal_mean),
}
STYLES = {
    "Hoeffding": ("#999999", "-", "s"),
    "empirical Bernstein": ("#E69F00", "-", "^"),
    "betting sequence": ("#56B4E9", "-", "v"),
    "betting": ("#0072B2", "-", "o"),
    ORACLE: ("#000000", "--", ""),
    "normal (no guarantee)": ("#D55E00", ":", ""),
}


def widths() -> dict[str, Float[np.ndarray, "methods sizes"]]:
    """Mean widths, for every population of the gallery."""
    out = {}
    for name, values in gallery.POPULATIONS.items():
        rng = np.random.default_rng(0)
        table = np.empty((len(METHODS), len(SIZES)))
        for j, n in enumerate(SIZES):
            x = gallery.draw(rng, values, n, max(4, min(40, 100_000 // n)), replace=True)
            table[:, j] = [width(x, values) for width in METHODS.values()]
        out[name] = table
    return out


def table(found: dict[str, Float[np.ndarray, "methods sizes"]]) -> str:
    """Markdown: the geometric mean over the gallery, and each population at n = 1000."""
    lines = ["| method | " + " | ".join(f"n = {n:,}" for n in SIZES) + " |"]
    lines.append("|---|" + "---|" * len(SIZES))
    mean = np.exp(np.mean([np.log(np.maximum(rows, 1e-12)) for rows in _varied(found)], axis=0))
    for name, row in zip(METHODS, mean, strict=True):
        lines.append(f"| {name} | " + " | ".join(f"{width:.4f}" for width in row) + " |")
    lines += ["", "| population, n = 1,000 | " + " | ".join(METHODS) + " |"]
    lines.append("|---|" + "---|" * len(METHODS))
    for name, rows in found.items():
        lines.append(f"| {name} | " + " | ".join(f"{w:.4f}" for w in rows[:, 1]) + " |")
    return "\n".join(lines)


def _varied(found: dict[str, Float[np.ndarray, "methods sizes"]]) -> list[np.ndarray]:
    """The populations with a variance: on a constant the normal width is zero."""
    return [rows for name, rows in found.items() if np.ptp(gallery.POPULATIONS[name]) > 0]


def figure(found: dict[str, Float[np.ndarray, "methods sizes"]]) -> None:
    """One panel per population of `SHOWN`: widths over that of the oracle, so that lines part."""
    figure, axes = plt.subplots(2, 2, figsize=(9.5, 7), sharex=True, sharey=True)
    for axis, name in zip(axes.flat, SHOWN, strict=True):
        oracle = found[name][list(METHODS).index(ORACLE)]
        for method, row in zip(METHODS, found[name], strict=True):
            colour, line, marker = STYLES[method]
            axis.plot(
                SIZES, row / oracle, line, color=colour, marker=marker, label=method, markersize=5
            )
        axis.set(title=name, xscale="log", yscale="log", ylim=(0.12, 9))
        axis.set_yticks([0.25, 0.5, 1, 2, 4, 8], ["1/4", "1/2", "1", "2", "4", "8"])
        axis.minorticks_off()
        axis.grid(alpha=0.3, which="major")
    for axis in axes[1]:
        axis.set_xlabel("draws n, with replacement")
    for axis in axes[:, 0]:
        axis.set_ylabel("mean width / width with variance known")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", ncols=3, frameon=False)
    figure.suptitle(f"Two-sided intervals for a mean in [0, 1], δ = {DELTA:g}", y=0.9, fontsize=11)
    figure.tight_layout(rect=(0, 0, 1, 0.92))
    figure.savefig(FIGURE, dpi=130)


if __name__ == "__main__":
    measured = widths()
    figure(measured)
    print(table(measured))
