"""The figure of `probbound noise`: spectrum, entries and the unseen tail, bounds and cost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from estimators import proportion
from estimators.guarantee import Guarantee
from probbound.arithmetic.decimals import upper
from probbound.cli.output import chance
from probbound.figures.charts import BLUE, GREEN, ORANGE, rendered
from probbound.machine.files import write_atomically
from probbound.noise.contract import NoiseBound, Settings
from probbound.noise.sampled.draws import distinct
from probbound.noise.sampled.entries import gathered
from probbound.noise.term import NoiseTerm

MARKERS = "osD^vPX*<>hp"
PREFERRED = "largest-row-spread"


def draw(
    term: NoiseTerm, rows: list[NoiseBound], threshold: float, settings: Settings, path: Path
) -> None:
    """Write the three panels as a PNG file."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(15, 4.6), layout="constrained")
    try:
        spectrum(left, term)
        entries(middle, term, threshold, settings)
        quantities = {row.quantity.name: row.quantity for row in rows}
        chosen = quantities.get(PREFERRED, rows[0].quantity)
        bounds_against_cost(right, [row for row in rows if row.quantity == chosen])
        write_atomically(path, rendered(figure, "png"))
    finally:
        plt.close(figure)


def spectrum(axes: Axes, term: NoiseTerm) -> None:
    """Singular values of the whole product, and of the noise."""
    for matrix, label, colour, marker in (
        (term.original, "whole product", ORANGE, "s"),
        (term.remainder, "noise", BLUE, "o"),
    ):
        values = matrix.singular_values()
        values = values[values > 1e-10 * max(values[0], 1e-300)]
        axes.semilogy(
            np.arange(1, len(values) + 1), values, marker, color=colour, label=label, ms=4
        )
    axes.set(xlabel="index", ylabel="singular value", title="Spectrum")
    axes.legend(frameon=False)


def entries(axes: Axes, term: NoiseTerm, threshold: float, settings: Settings) -> None:
    """Histogram of sampled entries, and how many of all may lie beyond, at δ."""
    matrix = term.remainder
    n = min(settings.budget, matrix.size, 1_000_000)
    drawn = distinct(settings.stream.fold_in("plot"), n, matrix.size)
    values = gathered(matrix.two_factor(), *np.divmod(drawn, matrix.shape[1]))
    axes.set(xlabel="entry of the noise", ylabel="sampled entries per bin", yscale="log")
    axes.set_title(f"{n:,} of {matrix.size:,} entries")
    if n == 0:
        return
    axes.hist(values, bins=80, color=BLUE)
    beyond = int(np.count_nonzero(~(np.abs(values) + matrix.entry_error() <= threshold)))
    most = proportion.hypergeometric(
        beyond, n, matrix.size, log_delta=settings.log_delta, side="upper"
    ).upper
    for sign, label in ((1, "threshold"), (-1, None)):
        axes.axvline(sign * threshold, color=ORANGE, ls="--", label=label)
    axes.legend(frameon=False, loc="upper left")
    axes.set_title(
        f"{n:,} of {matrix.size:,} entries\n"
        f"beyond ±{upper(threshold)}: {upper(beyond / n, 2)} of those seen, "
        f"at most {upper(float(most), 2)} of all (δ = {chance(settings.delta)})",
        fontsize=10,
    )


def bounds_against_cost(axes: Axes, rows: list[NoiseBound]) -> None:
    """Each method's bound on the largest row spread against the operations it took."""
    for row, marker in zip(rows, MARKERS * (1 + len(rows) // len(MARKERS)), strict=False):
        colour = ORANGE if row.guarantee is Guarantee.HIGH_PROBABILITY else BLUE
        axes.plot(row.flops, row.bound, marker, color=colour, label=row.method, ms=8)
    truths = {row.truth for row in rows if row.truth is not None}
    for truth in truths:
        axes.axhline(truth, color=GREEN, ls=":", label="truth")
    axes.set(xlabel="operations (FLOP)", ylabel="bound (units of the entries)")
    axes.set_xscale("log")
    if all(row.bound > 0 for row in rows):
        axes.set_yscale("log")
    name = rows[0].quantity.name
    axes.set_title(f"{name}, bound against cost\n(blue: deterministic, orange: at δ)", fontsize=10)
    axes.margins(0.15)
    axes.legend(frameon=False, fontsize=8)
