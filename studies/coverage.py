"""How often is a bound wrong, and does it say anything when it is right?

δ is a promise about repeats: of a thousand certificates at δ = 0.05 at most about fifty may be
wrong, whatever the population. Here each method is repeated thousands of times on populations of
known mean, made hostile on purpose, and whole certificates on a model whose failure rate is known.
Beside them stand methods that promise nothing: a posterior, the normal approximation, and an exact
interval that is read after every draw though it is made for one reading. A method that is never
wrong because it says nothing shows in its width.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from estimators.guarantee import Guarantee
from estimators.proportion import clopper_pearson
from probbound.arithmetic.decimals import lower
from probbound.certificates.certification import certify
from probbound.draws.random_streams import Stream
from probbound.figures.charts import BLACK, BLUE, ORANGE, PINK
from probbound.machine.progress import track
from probbound.models.attention_only.transformer import Transformer
from probbound.tasks.max_of_k.task import task_for
from studies.methods import METHODS, Draw, Ends
from studies.models import model_named
from studies.populations import MADE, Values, of_model, population
from studies.study import Row, Study
from studies.write_up import markdown_table

LIMIT_DELTA = 1e-3
NARROW = 0.1
COLOURS = {
    str(Guarantee.HIGH_PROBABILITY): (BLUE, "o"),
    str(Guarantee.CREDIBLE): (PINK, "D"),
    str(Guarantee.HEURISTIC): (ORANGE, "s"),
}
_WORTH_WORKERS = 300
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Grid:
    """Samples of `sizes` at `deltas`, on two sides, from every population; certificates on one.

    `repeats` of each method, `slow_repeats` of the two that take long, `certified_repeats` of each
    of `strategies` with `budget` forward passes on the model, each with another seed.
    """

    model: str
    sizes: tuple[int, ...]
    deltas: tuple[float, ...]
    repeats: int
    slow_repeats: int
    strategies: tuple[str, ...]
    budget: int
    certified_repeats: int


@dataclass(frozen=True)
class Job:
    """One method (or strategy) on one population, many times over."""

    method: str
    population: str
    n: int
    delta: float
    repeats: int

    @property
    def stream(self) -> Stream:
        """Its own coins."""
        name = f"{self.method}/{self.population}/{self.n}/{self.delta:g}"
        return Stream.from_seed(0).fold_in("coverage").fold_in(name)


def measure(grid: Grid, work: Path) -> list[Row]:
    """One row per method, population, sample size and δ."""
    model = model_named(grid.model, work)
    real = of_model(model)
    jobs = [
        Job(name, among, n, delta, grid.slow_repeats if method.slow else grid.repeats)
        for name, method in METHODS.items()
        for among in (*MADE, *real)
        for n in grid.sizes
        for delta in grid.deltas
        if method.fits(population(among, n, real))
    ]
    jobs += [
        Job(strategy, grid.model, grid.budget, delta, grid.certified_repeats)
        for strategy in grid.strategies
        for delta in grid.deltas
    ]
    run = partial(_row, real=real, model=model)
    if len(jobs) < _WORTH_WORKERS:
        return [run(job) for job in track(jobs, "repeats")]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
        done = [pool.submit(run, job) for job in jobs]
        return [found.result() for found in track(done, "repeats")]


def _row(job: Job, real: Mapping[str, Values], model: Transformer) -> Row:
    if job.method in METHODS:
        guarantee = METHODS[job.method].guarantee
        among = population(job.population, job.n, real)
        truth = among.truth
        draw = Draw(among, job.n, job.repeats, job.delta, job.stream.generator())
        lower, upper = METHODS[job.method].run(draw)
    else:
        truth = float(real["a model's errors"].mean())
        guarantee, (lower, upper) = _certificates(job, model)
    slack = _ROUNDING * truth
    violations = int(np.sum((lower > truth + slack) | (upper < truth - slack)))
    rate = clopper_pearson(violations, job.repeats, delta=LIMIT_DELTA)
    return {
        "method": job.method,
        "guarantee": str(guarantee),
        "population": job.population,
        "truth": truth,
        "n": job.n,
        "delta": job.delta,
        "repeats": job.repeats,
        "violations": violations,
        "rate": violations / job.repeats,
        "rate_lower": float(rate.lower),
        "rate_upper": float(rate.upper),
        "relative_width": float(np.median(np.maximum(upper - lower, 0))) / truth,
    }


def _certificates(job: Job, model: Transformer) -> tuple[Guarantee, Ends]:
    """The whole path from a question to a certificate, once for each seed."""
    task, uppers = task_for(model), []
    for seed in range(job.repeats):
        found = certify(model, task, strategy=job.method, budget=job.n, delta=job.delta, seed=seed)
        uppers.append(found.failure_upper)
    return Guarantee.HIGH_PROBABILITY, (np.zeros(len(uppers)), np.array(uppers))


def draw(rows: list[Row]) -> Figure:
    """Violations over δ, the worst case of each method with its limits, and all widths."""
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10.6, 6), layout="constrained", sharey=True, width_ratios=(1.4, 1)
    )
    names = _methods(rows)
    edge = 0.1 * min(1 / (row["repeats"] * row["delta"]) for row in rows)
    for place, name in enumerate(names):
        own = [row for row in rows if row["method"] == name]
        colour, marker = COLOURS[own[0]["guarantee"]]
        for axes, xs in (
            (left, [max(row["rate"] / row["delta"], edge) for row in own]),
            (right, [max(row["relative_width"], NARROW) for row in own]),
        ):
            places = place + np.linspace(-0.22, 0.22, len(own))
            axes.scatter(xs, places, s=12, color=colour, marker=marker, alpha=0.35, lw=0)
        worst = _worst(own)
        rate, delta = max(worst["rate"] / worst["delta"], edge), worst["delta"]
        ends = [
            [rate - max(worst["rate_lower"] / delta, edge)],
            [worst["rate_upper"] / delta - rate],
        ]
        left.errorbar(
            [rate], [place], xerr=ends, color=colour, marker=marker, ms=6, capsize=2.5, lw=1.2
        )
        middle = float(np.median([row["relative_width"] for row in own]))
        right.plot([middle], [place], color=colour, marker=marker, ms=6)
    left.axvline(1, color=BLACK, lw=1)
    left.set(xscale="log", xlabel="violations per repeat ÷ δ (at the left edge: none seen)")
    left.set_yticks(range(len(names)), names)
    left.invert_yaxis()
    right.set(xscale="log", xlabel=f"median width ÷ truth (at {NARROW:g}: that or less)")
    for kind, (colour, marker) in COLOURS.items():
        left.plot([], [], color=colour, marker=marker, lw=0, label=kind)
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def _methods(rows: list[Row]) -> list[str]:
    """Those that promise most first, in the order measured."""
    order = list(COLOURS)
    kinds = {row["method"]: row["guarantee"] for row in rows}
    return sorted(kinds, key=lambda name: order.index(kinds[name]))


def _worst(rows: list[Row]) -> Row:
    return max(rows, key=lambda row: row["rate"] / row["delta"])


def found(rows: list[Row]) -> str:
    """Who broke the promise, by how much, and what the guaranteed ones pay for keeping it."""
    promised = str(Guarantee.HIGH_PROBABILITY)
    proofs = [row for row in rows if row["guarantee"] == promised]
    broken = [row for row in proofs if row["rate_lower"] > row["delta"]]
    repeats = sum(row["repeats"] for row in proofs)
    worst = _worst(proofs)
    parts = [
        f"{len(rows)} cases, {sum(row['repeats'] for row in rows):,} repeats. Limits on rates "
        f"are exact, each at δ = {LIMIT_DELTA:g}.\n\n{_table(rows)}\n",
        f"- of the {len(proofs)} cases with a guarantee ({repeats:,} repeats) "
        + (f"{len(broken)} break" if broken else "none breaks")
        + " the promise beyond what chance explains; the most violations are "
        f"{worst['rate'] / worst['delta']:.2f} δ ({worst['method']}, {worst['population']}, "
        f"n = {worst['n']}, δ = {worst['delta']:g}: {worst['violations']} of "
        f"{worst['repeats']:,}; at least {lower(worst['rate_lower'] / worst['delta'], 2)} δ is "
        "certain);",
    ]
    for name in _methods(rows):
        own = [row for row in rows if row["method"] == name]
        if own[0]["guarantee"] == promised:
            continue
        wrong = [row for row in own if row["rate_lower"] > row["delta"]]
        case = _worst(own)
        parts.append(
            f"- {name} ({own[0]['guarantee']}) is wrong more often than δ in {len(wrong)} of "
            f"{len(own)} cases, worst on {case['population']} with n = {case['n']} and "
            f"δ = {case['delta']:g}: {case['violations']:,} of {case['repeats']:,} miss;"
        )
    parts.append(_price(rows))
    return "\n".join(parts)


def _table(rows: list[Row]) -> str:
    lines = []
    for name in _methods(rows):
        own = [row for row in rows if row["method"] == name]
        worst = _worst(own)
        lines.append(
            [
                name,
                own[0]["guarantee"],
                len(own),
                worst["rate"] / worst["delta"],
                worst["population"],
                sum(row["rate_lower"] > row["delta"] for row in own),
                float(np.median([row["relative_width"] for row in own])),
            ]
        )
    columns = ["method", "guarantee", "cases", "most violations ÷ δ", "on"]
    return markdown_table([*columns, "cases above δ for certain", "median width ÷ truth"], lines)


def _price(rows: list[Row]) -> str:
    """Widths of the guaranteed methods over those of the normal interval, where that holds."""
    by_case = {(row["population"], row["n"], row["delta"], row["method"]): row for row in rows}
    lines = []
    for name in _methods(rows):
        ratios = [
            row["relative_width"] / normal["relative_width"]
            for (among, n, delta, method), row in by_case.items()
            if method == name
            and (normal := by_case.get((among, n, delta, "normal"))) is not None
            and normal["rate_upper"] < 3 * delta
        ]
        if ratios and name != "normal":
            lines.append(f"{name} {np.median(ratios):.2f}")
    if not lines:
        return "- the normal interval holds nowhere, so that there is no width to compare with."
    return (
        "- where the normal interval is wrong at most 3 δ of the time (at its upper limit), the "
        f"other widths are these multiples of its, in the median: {', '.join(lines)}."
    )


STUDY = Study(__doc__ or "", Grid, measure, draw, found)
