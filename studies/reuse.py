"""One sample of noise serves a whole family of claims. From how many claims on does that pay?

For one accuracy plain inputs beat sampled noise entries everywhere. But what noise a model has is
a fact about its weights: one sample of entries, at one δ, serves every claim of a family, while
inputs have to be drawn for each, or shared by a law that covers all. Four families, the same δ for
each as a whole, the same operations for both: margins, lengths, populations over random halves of
the vocabulary, and classes of a checksum, which share every pair of tokens and no sequence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from estimators.proportion import clopper_pearson
from probbound.arithmetic.decimals import lower
from probbound.contract.cost import CostMeter
from probbound.draws.random_streams import Stream
from probbound.figures.charts import AMBER, GREY, ORANGE
from probbound.models.attention_only.evaluation import wrong_answers
from probbound.models.attention_only.transformer import Transformer, forward_flops
from probbound.tasks.max_of_k.screens.sequences import copying_table_flops, sequence_table_flops
from probbound.tasks.max_of_k.structured.laws import Among, Checksum, Law
from probbound.tasks.max_of_k.structured.lengths import shortened
from probbound.tasks.max_of_k.structured.several import several
from probbound.tasks.max_of_k.task import task_for
from studies.bands import band, draw_band
from studies.models import model_named
from studies.study import Row, Study
from studies.write_up import markdown_table

ENTRIES, INPUTS = "noise entries", "inputs"
OWN, POOLED, SORTED = "own", "pooled", "sorted"
_DRAWN_AT_ONCE = 1 << 14
_LOOK = {ENTRIES: (AMBER, "o"), INPUTS: (ORANGE, "s")}
_WAYS = (
    "Mean and worst certified accuracy of a family, medians over seeds. Inputs are drawn in the "
    "best of three ways, and which is best is not paid for. *Own*: some from each law. *Pooled*: "
    "from the uniform law, whose failures could all be those of one claim. *Sorted*: from the "
    "uniform law, each draw for every claim whose law holds it; what none holds is not run."
)
_LINES = ("-", "--", ":")


@dataclass(frozen=True)
class Family:
    """Claims about laws and margins; `shared` is how much denser a law is than the uniform one.

    That is of whole sequences: inputs from the uniform law bound each claim at `shared` times their
    own bound. None where no one law covers all.
    """

    laws: tuple[Law, ...]
    margins: tuple[float, ...]
    shared: int | None

    @property
    def claims(self) -> int:
        """How many claims there are."""
        return len(self.laws) * len(self.margins)


@dataclass(frozen=True)
class Grid:
    """Tables with a `model`, a `family`, the numbers of `claims` and the `budgets` of entries.

    `cases` sequences of each law are checked against the structure; `largest` is the largest of
    the margins.
    """

    families: tuple[Mapping[str, Any], ...]
    seeds: int
    delta: float
    cases: int
    largest: float


def _margins(v: int, k: int, count: int, largest: float) -> Family:
    return Family((Among(v, k),), tuple(largest * i / count for i in range(count)), None)


def _lengths(v: int, k: int, count: int, largest: float) -> Family:
    laws = [Among(v, k - i, name=f"{k - i} tokens") for i in range(min(count, k - 1))]
    return Family(tuple(laws), (0.0,), None)


def _halves(v: int, k: int, count: int, largest: float) -> Family:
    orders = [np.argsort(Stream.from_seed(i).fold_in("half").words(0, v)) for i in range(count)]
    laws = [Among(v, k, tuple(o[: v // 2].tolist()), f"half {i}") for i, o in enumerate(orders)]
    return Family(tuple(laws), (0.0,), 2**k)


def _checksums(v: int, k: int, count: int, largest: float) -> Family:
    return Family(tuple(Checksum(v, k, count, i) for i in range(count)), (0.0,), count)


FAMILIES: dict[str, Callable[[int, int, int, float], Family]] = {
    "margins": _margins,
    "lengths": _lengths,
    "halves of the vocabulary": _halves,
    "classes of a checksum": _checksums,
}


def measure(grid: Grid, work: Path) -> list[Row]:
    """One row per family, budget, seed and method; both methods of a family cost the same."""
    rows = []
    for given in grid.families:
        model = model_named(given["model"], work)
        for count in given["claims"]:
            make = FAMILIES[given["family"]]
            family = make(model.d_vocab, model.n_ctx, count, grid.largest)
            for budget in given["budgets"]:
                for seed in range(grid.seeds):
                    about = {"model": given["model"], "family": given["family"]}
                    about |= {"claims": family.claims, "budget": budget, "seed": seed}
                    rows += _compared(model, family, budget, seed, grid, about)
    return rows


def _compared(
    model: Transformer, family: Family, budget: int, seed: int, grid: Grid, about: Row
) -> list[Row]:
    meter = CostMeter()
    found = several(
        model,
        family.laws,
        family.margins,
        budget=budget,
        delta=grid.delta,
        cases=grid.cases,
        stream=Stream.from_seed(seed).fold_in(f"{about['family']} {family.claims}"),
        meter=meter,
    )
    flops = meter.total().flops
    by_entries = [1 - bound.failure_upper for bound in found]
    stream = Stream.from_seed(seed).fold_in(f"inputs {about['family']} {family.claims}")
    how, by_inputs = _by_inputs(model, family, flops, grid.delta, stream)
    tables = sequence_table_flops(model) + copying_table_flops(model, cubic=False)
    same = about | {"flops": flops, "forward": forward_flops(model), "tables": tables}
    return [
        same | _summary(ENTRIES, "one sample", by_entries),
        same | _summary(INPUTS, how, by_inputs),
    ]


def _summary(method: str, how: str, bounds: Sequence[float]) -> Row:
    """The mean and the worst certified accuracy of a family."""
    return {"method": method, "how": how, "mean": float(np.mean(bounds)), "worst": min(bounds)}


def _by_inputs(
    model: Transformer, family: Family, flops: int, delta: float, stream: Stream
) -> tuple[str, list[float]]:
    """What forward passes of so many operations certify, by the best of all ways to share them.

    Which is the best is not paid for: inputs get the benefit.
    """
    ways = {OWN: _by_own(model, family, flops, delta, stream.fold_in(OWN))}
    if family.shared is not None:
        passes = flops // forward_flops(model)
        ways[POOLED] = _by_pooled(model, family, passes, delta, stream.fold_in(POOLED))
        ways[SORTED] = _by_sorted(model, family, passes, delta, stream.fold_in(SORTED))
    how = max(ways, key=lambda way: np.mean(ways[way]))
    return how, ways[how]


def _by_own(
    model: Transformer, family: Family, flops: int, delta: float, stream: Stream
) -> list[float]:
    """As many draws from each law as can be paid for, each claim with its part of δ."""
    each = [forward_flops(shortened(model, law.length)) for law in family.laws]
    draws = flops // sum(each)
    more = np.cumsum(each) <= flops - draws * sum(each)  # what is left buys one more for some
    counts = (draws + more).tolist()
    wrong = _wrong(model, family.laws, family.margins, counts, stream)
    log, n = math.log(delta / family.claims), np.repeat(counts, len(family.margins))
    upper = clopper_pearson(wrong, n, log_delta=log, side="upper").upper
    return (1 - np.asarray(upper)).tolist()


def _by_pooled(
    model: Transformer, family: Family, passes: int, delta: float, stream: Stream
) -> list[float]:
    """Uniform draws, whose failures could all be those of one law, which is so much denser."""
    uniform = (Among(model.d_vocab, model.n_ctx),)
    (wrong,) = _wrong(model, uniform, (0.0,), [passes], stream)
    upper = float(clopper_pearson(wrong, passes, delta=delta, side="upper").upper)
    return [max(0.0, 1 - (family.shared or 1) * upper)] * family.claims


def _by_sorted(
    model: Transformer, family: Family, passes: int, delta: float, stream: Stream
) -> list[float]:
    """Uniform draws, each one for every law that holds it; what none holds is not run."""
    uniform = Among(model.d_vocab, model.n_ctx)
    tokens, held = np.empty((0, model.n_ctx), np.int64), np.empty((len(family.laws), 0), bool)
    for start in range(0, 1 << 40, _DRAWN_AT_ONCE):
        if len(tokens) >= passes:
            break
        drawn = uniform.sample(stream, start, start + _DRAWN_AT_ONCE)
        by_law = np.stack([law.holds(drawn) for law in family.laws])
        some = by_law.any(axis=0)
        tokens = np.concatenate([tokens, drawn[some]])
        held = np.concatenate([held, by_law[:, some]], axis=1)
    wrong = wrong_answers(model, task_for(model), tokens[:passes])
    held = held[:, :passes]
    log = math.log(delta / family.claims)
    found = clopper_pearson(held @ wrong.astype(int), held.sum(axis=1), log_delta=log, side="upper")
    return (1 - np.asarray(found.upper)).tolist()


def _wrong(
    model: Transformer,
    laws: Sequence[Law],
    margins: Sequence[float],
    draws: Sequence[int],
    stream: Stream,
) -> list[int]:
    """Failures of each law's draws at each margin; margins share the draws of a law."""
    found: dict[Law, list[int]] = {}
    for length in {law.length for law in laws}:
        own = [(law, n) for law, n in zip(laws, draws, strict=True) if law.length == length]
        tokens = np.concatenate([law.sample(stream.fold_in(law.name), 0, n) for law, n in own])
        short, ends = shortened(model, length), np.cumsum([n for _, n in own])[:-1]
        wrong = [wrong_answers(short, task_for(short), tokens, margin) for margin in margins]
        counts = [[int(part.sum()) for part in np.split(each, ends)] for each in wrong]
        found |= {law: list(c) for (law, _), c in zip(own, zip(*counts, strict=True), strict=True)}
    return [count for law in laws for count in found[law]]


def draw(rows: list[Row]) -> Figure:
    """Mean certified accuracy against the number of claims: a panel for each model and family."""
    panels = list(dict.fromkeys((row["family"], row["model"]) for row in rows))
    lines = dict(zip(sorted({row["budget"] for row in rows}), _LINES, strict=False))
    across = min(3, len(panels))
    down = -(-len(panels) // across)
    figure, grid = plt.subplots(
        *(down, across),
        figsize=(4.1 * across, 3.5 * down + 0.6),
        squeeze=False,
        sharey=True,
        layout="constrained",
    )
    for (family, model), axes in zip(panels, grid.ravel(), strict=False):
        own = [row for row in rows if (row["family"], row["model"]) == (family, model)]
        costs = _panel(axes, own, lines)
        axes.set_title(f"{family}\n{model}\ncost of {costs} passes", fontsize=9)
    for axes in grid.ravel()[len(panels) :]:
        axes.set_visible(False)
    for axes in grid[:, 0]:
        axes.set_ylabel("mean certified accuracy")
    marks = [Line2D([], [], color=c, marker=m, label=name) for name, (c, m) in _LOOK.items()]
    marks.append(Line2D([], [], color=GREY, lw=0.8, label="they cross"))
    marks += [Line2D([], [], color=GREY, ls=ls, label=f"{n:,} entries") for n, ls in lines.items()]
    figure.legend(handles=marks, loc="outside lower center", ncols=5, fontsize=8)
    return figure


def _panel(axes: Axes, rows: list[Row], lines: Mapping[int, str]) -> str:
    """The curves of a panel; what each budget costs, in forward passes."""
    costs = []
    for budget in sorted({row["budget"] for row in rows}):
        line = lines[budget]
        own = [row for row in rows if row["budget"] == budget]
        for method, (colour, marker) in _LOOK.items():
            shown = band([row for row in own if row["method"] == method], "claims", "mean")
            draw_band(axes, shown, colour, marker, method, ls=line)
        crossing = _crossing(rows, budget)
        if crossing is not None:
            axes.axvline(crossing, color=GREY, lw=0.8, ls=line)
        cheapest, dearest = (f(row["flops"] / row["forward"] for row in own) for f in (min, max))
        costs.append(f"{cheapest:.0f} … {dearest:.0f}")
    axes.set(xscale="log", ylim=(-0.03, 1.03), xlabel="claims in the family")
    return ", ".join(costs)


def _crossing(rows: list[Row], budget: int) -> float | None:
    """The number of claims from which on entries certify more, between two that were measured."""
    curves = [
        band([r for r in rows if (r["method"], r["budget"]) == (m, budget)], "claims", "mean")
        for m in (ENTRIES, INPUTS)
    ]
    claims, ahead = curves[0].x, curves[0].middle - curves[1].middle
    if ahead[-1] <= 0:
        return None
    last = int(np.flatnonzero(ahead <= 0)[-1]) if np.any(ahead <= 0) else None
    if last is None:
        return float(claims[0])
    part = -ahead[last] / (ahead[last + 1] - ahead[last])
    return float(claims[last] * (claims[last + 1] / claims[last]) ** part)


def found(rows: list[Row]) -> str:
    """A table for each model and family, and where the two cross."""
    panels = dict.fromkeys((row["family"], row["model"]) for row in rows)
    tables = [
        _of_panel([row for row in rows if (row["family"], row["model"]) == panel])
        for panel in panels
    ]
    return "\n\n".join([_WAYS, *tables])


def _of_panel(rows: list[Row]) -> str:
    lines, said = [], []
    for budget in sorted({row["budget"] for row in rows}):
        own = [row for row in rows if row["budget"] == budget]
        for claims in sorted({row["claims"] for row in own}):
            some = [row for row in own if row["claims"] == claims]
            passes = float(np.median([row["flops"] / row["forward"] for row in some]))
            pair = [[r for r in some if r["method"] == method] for method in (ENTRIES, INPUTS)]
            cells = [_cell(part) for part in pair]
            how = ", ".join(dict.fromkeys(row["how"] for row in pair[1]))
            lines.append([budget, claims, f"{passes:.0f}", *cells, how])
        crossing = _crossing(own, budget)
        most = max(row["claims"] for row in own)
        said.append(
            f"with {budget} entries they do not cross up to {most} claims"
            if crossing is None
            else f"with {budget} entries they cross at about {crossing:.0f} claims"
        )
    one = rows[0]
    tables = one["tables"] / one["forward"]
    text = (
        f"**{one['family'].capitalize()}, {one['model']}**: {'; '.join(said)}. (The tables that "
        f"make look-ups of inputs cheap cost as much as {tables:.3g} passes, once for all claims.)"
    )
    columns = ["entries", "claims", "cost in passes", "noise entries: mean, worst"]
    columns += ["inputs: mean, worst", "draws"]
    return f"{text}\n\n{markdown_table(columns, lines)}"


def _cell(rows: list[Row]) -> str:
    mean, worst = (lower(float(np.median([row[key] for row in rows]))) for key in ("mean", "worst"))
    return f"{mean}, {worst}"


STUDY = Study(__doc__ or "", Grid, measure, draw, found)
