"""When in training does a model become certifiable, and is it structure or noise that decides?

Structure, here, is what `entries` knows exactly: one direction of attention, the copying diagonal,
the means. Its margin is counted over all inputs as if there were no noise. Noise is the rest,
its size certified from a sample of its entries. Beside both: what the model gets wrong, and what
cheap proofs and samples can certify of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from estimators.guarantee import Guarantee
from probbound.arithmetic.decimals import upper
from probbound.arithmetic.factored import FactoredMatrix
from probbound.contract.cost import CostMeter
from probbound.draws.random_streams import Stream
from probbound.figures.charts import AMBER, BLACK, GREEN, ORANGE, SKY, shade_vacuous, styles
from probbound.machine.progress import track
from probbound.models.attention_only.transformer import Transformer
from probbound.models.recipes import recipe_named
from probbound.models.store import read_model, save_model
from probbound.noise.contract import Quantity, Settings
from probbound.noise.registry import noise_table
from probbound.noise.term import NoiseTerm
from probbound.tasks.max_of_k.strategies import strategy_named
from probbound.tasks.max_of_k.structured.margin import structured_margin
from probbound.tasks.max_of_k.structured.parts import Parts, parts_of
from probbound.tasks.max_of_k.task import MaxOfK
from probbound.tasks.max_of_k.training import snapshots
from studies.bands import band, draw_band, step_axis
from studies.grids import BRUTE_FORCE as TRUTH
from studies.grids import certified_beside_truth
from studies.study import Row, Study
from studies.write_up import markdown_table

MARGIN, RISE = "structured margin", "structured rise of scores"
NOISE = {"QK": "noise of scores", "OV": "noise of OV", "direct": "noise of the direct path"}


@dataclass(frozen=True)
class Grid:
    """One model for each seed, and it after each number of steps `at`.

    The strategies are asked beside brute force, with `budget` forward passes where they sample.
    Of each noise the quantile of `level` is certified from `entries` of its entries, and the
    structured margin is that on a `share` of the inputs; δ is for each certificate alone.
    """

    d_vocab: int
    n_ctx: int
    d_model: int
    recipe: str
    steps: int
    seeds: tuple[int, ...]
    at: tuple[int, ...]
    strategies: tuple[str, ...]
    budget: int
    delta: float
    entries: int
    level: float
    share: float


def measure(grid: Grid, work: Path) -> list[Row]:
    """One row for each snapshot and thing measured; `truth` is None for what is exact."""
    paths = _trained(grid, work)
    rows = [
        _row(
            *(grid, *paths[row["model"]], row["strategy"]),
            *(row["failure_upper"], row["truth"], row["guarantee"]),
        )
        for row in certified_beside_truth(paths, grid.strategies, grid.budget, grid.delta, work)
    ]
    for path, place in track(list(paths.items()), "structure and noise"):
        for name, value, exact in _inside(read_model(Path(path)), grid, place):
            guarantee = Guarantee.DETERMINISTIC if exact is None else Guarantee.HIGH_PROBABILITY
            rows.append(_row(grid, *place, name, value, exact, str(guarantee)))
    return rows


def _trained(grid: Grid, work: Path) -> dict[str, tuple[int, int]]:
    """Seed and steps of each snapshot, by its file; made if it is not there."""
    task, recipe = MaxOfK(grid.d_vocab, grid.n_ctx), recipe_named(grid.recipe, grid.steps)
    paths = {}
    for seed in grid.seeds:
        own = {at: work / f"s{seed}-at-{at}.safetensors" for at in grid.at}
        if not all(path.exists() for path in own.values()):
            models = snapshots(task, grid.d_model, recipe, seed, grid.at, f"s{seed}")
            for path, model in zip(own.values(), models, strict=True):
                save_model(model, path)
        paths |= {str(path): (seed, at) for at, path in own.items()}
    return paths


def _inside(
    model: Transformer, grid: Grid, place: tuple[int, int]
) -> Iterable[tuple[str, float, float | None]]:
    """Structure exactly; the quantile of each noise, certified and true."""
    parts = parts_of(model, CostMeter())
    yield MARGIN, structured_margin(parts, grid.share, CostMeter()), None
    yield RISE, float(np.median(np.abs(parts.steepness)) * np.ptp(parts.size)), None
    stream = Stream.from_seed(place[0]).fold_in(f"checkpoint {place[1]}")
    for path, matrix in _noise(parts).items():
        settings = Settings(stream.fold_in(path), grid.entries, math.log(grid.delta))
        asked = [Quantity("quantile", level=grid.level)]
        (bound,) = noise_table(NoiseTerm.whole(matrix), asked, settings, ["entries"], exact=True)
        yield NOISE[path], bound.bound, bound.truth


def _noise(parts: Parts) -> dict[str, FactoredMatrix]:
    """The noise of each path; the diagonal of the OV circuit is structure."""
    diagonal = np.zeros(parts.values.shape)
    np.fill_diagonal(diagonal, parts.values.diagonal())
    values = parts.values - FactoredMatrix(diagonal)
    return {"QK": parts.scores, "OV": values, "direct": parts.direct}


def _row(
    grid: Grid, seed: int, step: int, name: str, value: float, truth: float | None, guarantee: str
) -> Row:
    return {
        "seed": seed,
        "step": step,
        "measured": name,
        "value": value,
        "truth": truth,
        "guarantee": guarantee,
        "budget": grid.budget,
        "entries": grid.entries,
        "level": grid.level,
        "share": grid.share,
        "delta": grid.delta,
        "d_vocab": grid.d_vocab,
    }


def draw(rows: list[Row]) -> Figure:
    """Failure rates; margin against noise of logits; rise against noise of scores."""
    figure, (left, middle, right) = plt.subplots(
        1, 3, figsize=(12.4, 4.4), layout="constrained", width_ratios=(1.2, 1, 1)
    )
    strategies = _strategies(rows)
    style = styles(strategies)
    for name in (TRUTH, *strategies):
        look = (BLACK, "*") if name == TRUTH else (style[name].colour, style[name].marker)
        shown = [{**r, "value": max(r["value"], _floor(rows))} for r in _of(rows, name)]
        draw_band(left, band(shown, "step", "value"), *look, "truth" if name == TRUTH else name)
    left.set(yscale="log", ylabel="failure rate")
    shade_vacuous(left, rows[0]["d_vocab"])
    left.set_ylim(top=2.5)
    share, level = rows[0]["share"], rows[0]["level"]
    _sizes(middle, rows, (MARGIN, f"structured margin on {share:g} of inputs", GREEN, "s"))
    _sizes(middle, rows, (NOISE["OV"], "noise of OV", ORANGE, "o"))
    _sizes(middle, rows, (NOISE["direct"], "noise of the direct path", AMBER, "^"))
    middle.axhline(0, color=BLACK, lw=0.8)
    middle.set_ylabel("logits")
    _sizes(right, rows, (RISE, "structured rise, median query", SKY, "s"))
    _sizes(right, rows, (NOISE["QK"], "noise of scores", ORANGE, "o"))
    right.set(yscale="log", ylabel="attention scores, nats")
    figure.suptitle(f"noise: its certified {level:g} quantile; dotted: its true one", fontsize=9)
    for axes in (left, middle, right):
        step_axis(axes, sorted({row["step"] for row in rows}))
        axes.legend(fontsize=8)
    return figure


def _sizes(axes: Axes, rows: list[Row], shown: tuple[str, str, str, str]) -> None:
    name, label, colour, marker = shown
    own = _of(rows, name)
    draw_band(axes, band(own, "step", "value"), colour, marker, label)
    exact = band(own, "step", "truth")
    axes.plot(exact.x, exact.middle, color=colour, ls=":", lw=1.2)


def _of(rows: list[Row], name: str) -> list[Row]:
    return [row for row in rows if row["measured"] == name]


def _strategies(rows: list[Row]) -> list[str]:
    inside = {MARGIN, RISE, *NOISE.values(), TRUTH}
    return [n for n in dict.fromkeys(row["measured"] for row in rows) if n not in inside]


def _floor(rows: list[Row]) -> float:
    """Where a rate of 0 is drawn."""
    rates = [r["value"] for name in (TRUTH, *_strategies(rows)) for r in _of(rows, name)]
    return min((rate for rate in rates if rate > 0), default=1e-9)


def _medians(rows: list[Row], name: str, column: str = "value") -> dict[int, float]:
    steps = sorted({row["step"] for row in rows})
    own = _of(rows, name)
    return {s: float(np.median([r[column] for r in own if r["step"] == s])) for s in steps}


def found(rows: list[Row]) -> str:
    """Medians step by step, when each thing happens, and what happens to the noise."""
    strategies = _strategies(rows)
    names = [TRUTH, *strategies, MARGIN, NOISE["OV"], NOISE["direct"], RISE, NOISE["QK"]]
    columns = {name: _medians(rows, name) for name in names}
    margin, noise = columns[MARGIN], columns[NOISE["OV"]]
    bounds = {TRUTH, *strategies, *NOISE.values()}
    lines = [
        [step, *(upper(columns[n][step]) if n in bounds else columns[n][step] for n in names)]
        for step in margin
    ]
    first = next((step for step in margin if margin[step] > noise[step]), None)
    one, seeds = rows[0], len({row["seed"] for row in rows})
    parts = [
        f"Failure rates, then sizes (logits; nats for scores), in the median over the seeds "
        f"({seeds}). The margin is that on {one['share']:g} of the inputs, noise is its "
        f"{one['level']:g} quantile certified from {one['entries']:,} entries at "
        f"δ = {one['delta']:g}.\n\n{markdown_table(['step', *names], lines)}\n",
        *(_first_below(columns, (TRUTH, *strategies), level) for level in (0.5, 0.1, 0.01)),
        f"- the structured margin is positive {_said(_when(margin, 0.0, above=True))}, and above "
        f"the certified noise of OV {'never' if first is None else f'at step {first:,} first'};",
        *_growth(margin, noise, columns[TRUTH]),
        *_listed(rows, strategies),
    ]
    noisy = [row for name in NOISE.values() for row in _of(rows, name)]
    ratios = [row["value"] / row["truth"] for row in noisy if row["truth"] > 0]
    below = sum(row["value"] < row["truth"] for row in noisy)
    parts.append(
        f"- the certified quantiles are {np.median(ratios):.3g} times the true ones in the median, "
        f"{max(ratios):.3g} at worst; {below} of {len(noisy)} are below it."
    )
    return "\n".join(parts)


def _listed(rows: list[Row], strategies: list[str]) -> list[str]:
    """Which sampling strategies had no need to sample."""
    parts = []
    for name in strategies:
        own = _of(rows, name)
        listed = sum(row["guarantee"] == str(Guarantee.DETERMINISTIC) for row in own)
        if listed and not strategy_named(name).deterministic:
            parts.append(
                f"- {listed} of the {len(own)} certificates of `{name}` sampled nothing: what the "
                "screen left was no more than the forward passes, and all of it was run;"
            )
    return parts


def _first_below(columns: dict[str, dict[int, float]], names: Iterable[str], level: float) -> str:
    found = [f"`{name}` {_said(_when(columns[name], level))}" for name in names]
    return f"- a failure rate below {level:g}: {', '.join(found)};"


def _growth(
    margin: dict[int, float], noise: dict[int, float], truth: dict[int, float]
) -> list[str]:
    """What grows from the first step with a margin above 0 to the last one, and where it ends."""
    first, last = _when(margin, 0.0, above=True), max(margin)
    if first is None or first == last:
        return ["- structure comes too late here to see what grows after it;"]
    ratios = (margin[first] / noise[first], margin[last] / noise[last])
    parts = [
        f"- from step {first:,} to {last:,} the margin goes from {margin[first]:.3g} to "
        f"{margin[last]:.3g} and the noise of OV from {upper(noise[first])} to "
        f"{upper(noise[last])}, so that margin over noise goes from {ratios[0]:.3g} to "
        f"{ratios[1]:.3g};"
    ]
    if ratios[1] < 1:
        parts.append(
            f"- at the end noise is larger than the margin, and {truth[last]:.2g} of the inputs "
            "are wrong: an entry can do harm only where the attention is, and only if it speaks "
            "for a rival of the label, which its size alone does not tell;"
        )
    return parts


def _when(values: dict[int, float], level: float, *, above: bool = False) -> int | None:
    """The first step from which on the values stay below (or above) a level."""
    found = None
    for step, value in values.items():
        inside = value > level if above else value < level
        found = (step if found is None else found) if inside else None
    return found


def _said(step: int | None) -> str:
    return "never" if step is None else f"from step {step:,} on"


STUDY = Study(__doc__ or "", Grid, measure, draw, found)
