"""In which share of cases is *every* sequence answered rightly, and what does it cost to know?

A case is a last token with a label, and holds all sequences that have both (with a gap g, those
whose other tokens are the label or at least g below it). No sample of inputs can say that all of
them are right; the additive form can, exactly, for one case at a time. So cases are listed, all
of them, or sampled without replacement. Which is worth its cost, from 2,080 cases to 1.3·10⁸?
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from estimators.proportion import clopper_pearson, hypergeometric
from probbound.arithmetic.decimals import lower
from probbound.arithmetic.rounding import inflated, one_minus_down, ratio_up
from probbound.draws.random_streams import Stream
from probbound.figures.charts import AMBER, BLACK, BLUE, GREEN, GREY, PINK, SKY
from probbound.models.attention_only.additive import additive_tables, table_flops
from probbound.models.attention_only.evaluation import ForwardPass
from probbound.models.attention_only.transformer import Transformer, forward_flops
from probbound.strategies import levels
from probbound.tasks.max_of_k.screens.cases import Cases, Pairs
from probbound.tasks.max_of_k.screens.universal import (
    CaseCheck,
    cubic_flops,
    cubic_left,
    setup_flops,
)
from probbound.tasks.max_of_k.task import task_for
from studies.bands import band, draw_band
from studies.models import model_named
from studies.study import Row, Study
from studies.write_up import markdown_table

SAMPLED, LISTED, CUBIC = "sampled cases", "all cases", "all cases, cubic"
BY_NUMBER, BY_SEQUENCES = "cases", "sequences"
_COLOURS = (BLUE, AMBER, GREEN, PINK, SKY)
_MARKERS = "osD^v"
_DRAWN_AT_ONCE = 1 << 12


@dataclass(frozen=True)
class Grid:
    """Tables of models, each with `gaps`, `draws`, `seeds`, whether to `list` all cases.

    `inputs` of each model are run, to say next to the cases how often it is right.
    """

    models: tuple[Mapping[str, Any], ...]
    delta: float
    inputs: int


@dataclass(frozen=True)
class _Subject:
    """A model with its check, and the operations of the looks that were paid for."""

    name: str
    model: Transformer
    check: CaseCheck
    cases: Cases
    delta: float
    accuracy: float

    def row(self, method: str, law: str, seed: int | None, n: int, left: int, flops: int) -> Row:
        """One claim; `n` were looked at and `left` of them not certified."""
        population = self.cases.number if law == BY_NUMBER else self.cases.sequences
        by_inputs = self.cases.sequences / self.cases.number * forward_flops(self.model)
        return {
            "model": self.name,
            "d_vocab": self.cases.d_vocab,
            "n_ctx": self.cases.n_ctx,
            "gap": self.cases.gap,
            "method": method,
            "law": law,
            "seed": seed,
            "n": n,
            "population": population,
            "left": left,
            "delta": None if n == population else self.delta,
            "bound": _bound(left, n, population, law, self.delta),
            "flops": flops,
            "a case by inputs": by_inputs,
            "accuracy": self.accuracy,
        }


def _bound(left: int, n: int, population: int, law: str, delta: float) -> float:
    """At least the share of right cases, or of sequences in right cases (Theorem 4.42)."""
    if n == population:
        return one_minus_down(ratio_up(left, n))
    if law == BY_NUMBER:
        found = hypergeometric(left, n, population, delta=delta, side="upper")
    else:
        found = clopper_pearson(left, n, delta=delta, side="upper")
    return one_minus_down(min(inflated(float(found.upper), 1), 1.0))


def measure(grid: Grid, work: Path) -> list[Row]:
    """One row per claim: a model, a gap, a law of cases, and how many were looked at."""
    rows: list[Row] = []
    for given in grid.models:
        model = model_named(given["name"], work)
        check, accuracy = CaseCheck.of(model), _accuracy(model, grid.inputs)
        for gap in given["gaps"]:
            cases = Cases(model.d_vocab, model.n_ctx, gap)
            subject = _Subject(given["name"], model, check, cases, grid.delta, accuracy)
            if given["list"]:
                rows += _listed(subject)
            for seed in range(given["seeds"]):
                stream = Stream.from_seed(seed).fold_in(f"{given['name']} {gap}")
                rows += _by_number(subject, given["draws"], seed, stream.fold_in(BY_NUMBER))
                rows += _by_sequences(subject, given["draws"], seed, stream.fold_in(BY_SEQUENCES))
    return rows


def _accuracy(model: Transformer, inputs: int) -> float:
    task, stream = task_for(model), Stream.from_seed(0).fold_in("accuracy")
    row = levels.Row((), ForwardPass.of(model, task))
    drawn = levels.Inputs(task, stream)
    wrong = levels.look(drawn, inputs, row, inputs, label="running inputs").failures
    return 1 - wrong / inputs


def _by_number(subject: _Subject, draws: Sequence[int], seed: int, stream: Stream) -> list[Row]:
    """Different cases; the first n of them are as good a sample as any."""
    cases = subject.cases
    sizes = sorted({min(n, cases.number) for n in draws})
    looks = subject.check.looks(cases.drawn(stream, sizes[-1]), cases.gap)
    left = np.cumsum([not look.right for look in looks])
    spent = np.cumsum([look.flops for look in looks]) + setup_flops(subject.model)
    return [
        subject.row(SAMPLED, BY_NUMBER, seed, n, int(left[n - 1]), int(spent[n - 1])) for n in sizes
    ]


def _by_sequences(subject: _Subject, draws: Sequence[int], seed: int, stream: Stream) -> list[Row]:
    """The cases of sequences drawn uniformly; a case that comes again is not looked at again."""
    drawn = _cases_of_sequences(subject, max(draws), stream)
    different, first, place = np.unique(drawn, axis=0, return_index=True, return_inverse=True)
    looks = subject.check.looks(different, subject.cases.gap)
    left = np.array([not look.right for look in looks])[place.ravel()]
    new = np.zeros(len(drawn), dtype=np.int64)
    new[first] = [look.flops for look in looks]
    counts, spent = left.cumsum(), new.cumsum() + setup_flops(subject.model)
    return [
        subject.row(SAMPLED, BY_SEQUENCES, seed, n, int(counts[n - 1]), int(spent[n - 1]))
        for n in sorted(set(draws))
    ]


def _cases_of_sequences(subject: _Subject, count: int, stream: Stream) -> Pairs:
    """Those of the first `count` drawn sequences that belong to a case."""
    task, found = task_for(subject.model), np.empty((0, 2), dtype=np.int64)
    for start in range(0, 1 << 40, _DRAWN_AT_ONCE):
        tokens = task.sample(stream, start, start + _DRAWN_AT_ONCE)
        found = np.concatenate([found, subject.cases.of(tokens)])
        if len(found) >= count:
            break
    return found[:count]


def _listed(subject: _Subject) -> list[Row]:
    """All cases, one by one and by the cubic screen: nothing is left to chance."""
    cases, gap = subject.cases, subject.cases.gap
    every = cases.at(np.arange(cases.number))
    looks = subject.check.looks(every, gap)
    exact = np.array([not look.right for look in looks])
    flops = setup_flops(subject.model) + sum(look.flops for look in looks)
    rows = _both_laws(subject, LISTED, every, exact, flops)
    screened = cubic_left(additive_tables(subject.model), gap)
    flops = table_flops(subject.model) + cubic_flops(subject.model)
    return rows + _both_laws(subject, CUBIC, every, screened, flops)


def _both_laws(
    subject: _Subject, method: str, every: Pairs, left: Bool[np.ndarray, " n"], flops: int
) -> list[Row]:
    cases = subject.cases
    held = sum(cases.size(*case) for case in every[left].tolist())
    return [
        subject.row(method, BY_NUMBER, None, cases.number, int(left.sum()), flops),
        subject.row(method, BY_SEQUENCES, None, cases.sequences, held, flops),
    ]


def draw(rows: list[Row]) -> Figure:
    """Share of right cases against operations for each model; draws needed for a share."""
    names = list(dict.fromkeys(row["model"] for row in rows))
    across = min(3, len(names) + 1)
    down = -(-(len(names) + 1) // across)
    figure, grid = plt.subplots(
        *(down, across), figsize=(4.1 * across, 3.5 * down), squeeze=False, layout="constrained"
    )
    panels = list(grid.ravel())
    for name, axes in zip(names, panels, strict=False):
        _frontier([row for row in rows if row["model"] == name], axes)
    _needed(rows, panels[len(names)])
    for axes in panels[len(names) + 1 :]:
        axes.set_visible(False)
    return figure


def _frontier(rows: list[Row], axes: Axes) -> None:
    for number, gap in enumerate(dict.fromkeys(row["gap"] for row in rows)):
        colour, marker = _COLOURS[number % 5], _MARKERS[number % 5]
        own = [row for row in rows if row["gap"] == gap and row["law"] == BY_NUMBER]
        sampled = [row for row in own if row["method"] == SAMPLED]
        shown = band(sampled, "flops", "bound", place="n")
        draw_band(axes, shown, colour, marker, f"gap {gap}")
        end = shown.x[-1], shown.middle[-1]
        axes.annotate(f"gap {gap}", end, (7, -9), textcoords="offset points", fontsize=7)
        for row in own:
            if row["method"] != SAMPLED:
                axes.plot(row["flops"], row["bound"], marker, color=colour, mfc="white", ms=7)
                text = "cubic" if row["method"] == CUBIC else "all"
                at = {"xytext": (0, 6), "textcoords": "offset points", "ha": "center"}
                axes.annotate(text, (row["flops"], row["bound"]), fontsize=7, color=GREY, **at)
    axes.axhline(rows[0]["accuracy"], color=BLACK, lw=0.8, ls=":")
    at = {"xycoords": axes.get_yaxis_transform(), "textcoords": "offset points", "fontsize": 7}
    axes.annotate("inputs right", (0.01, rows[0]["accuracy"]), (2, 3), color=GREY, **at)
    left, right = min(row["flops"] for row in rows), max(row["flops"] for row in rows)
    axes.set_xlim(left / (right / left) ** 0.06, right * (right / left) ** 0.14)
    axes.set(xscale="log", ylim=(-0.06, 1.09), xlabel="operations", ylabel="share of cases ≥")
    axes.set_title(f"{rows[0]['model']} ({_cases(rows)} cases)", fontsize=9)


def _cases(rows: list[Row]) -> str:
    (number,) = {row["population"] for row in rows if row["law"] == BY_NUMBER}
    return f"{number:,}" if number < 1e5 else f"{number:.1e}"


def _needed(rows: list[Row], axes: Axes) -> None:
    """How many draws leave how small a share open, and what no failure would have given."""
    rows = [r for r in rows if (r["method"], r["law"]) == (SAMPLED, BY_NUMBER) and r["bound"] < 1]
    names = list(dict.fromkeys(row["model"] for row in rows))
    for number, name in enumerate(names):
        own = [row for row in rows if row["model"] == name]
        best = max(own, key=lambda row: (row["bound"], -row["gap"]))["gap"]
        shown = band([r for r in own if r["gap"] == best], "n", "bound", place="n")
        colour, marker = _COLOURS[number % 5], _MARKERS[number % 5]
        axes.plot(1 / (1 - shown.middle), shown.x, marker=marker, color=colour, lw=1, ms=4)
        axes.plot([], [], marker=marker, color=colour, label=f"{name}, gap {best}")
    log, most = -math.log(rows[0]["delta"]), max(row["n"] for row in rows)
    law = np.geomspace(1.05, max(2.0, most / log), 50)
    axes.plot(law, log / -np.log1p(-1 / law), color=BLACK, ls="--", lw=0.9, label="none wrong")
    axes.set(xscale="log", yscale="log", xlabel="1 / share left open", ylabel="cases looked at")
    axes.legend(fontsize=7)


def found(rows: list[Row]) -> str:
    """A table for each model: the two laws, sampled and listed."""
    names = list(dict.fromkeys(row["model"] for row in rows))
    return "\n\n".join(_of_model([row for row in rows if row["model"] == name]) for name in names)


def _of_model(rows: list[Row]) -> str:
    one, (number,) = rows[0], {row["population"] for row in rows if row["law"] == BY_NUMBER}
    sampled = [r for r in rows if (r["method"], r["law"]) == (SAMPLED, BY_NUMBER)]
    most = max(row["n"] for row in sampled)
    each = [row["flops"] / most for row in sampled if row["n"] == most]
    looks = " to ".join(dict.fromkeys(f"{f(each):.2g}" for f in (min, max)))
    text = (
        f"**{one['model']}** has {_cases(rows)} cases, and was right on {one['accuracy']:.2%} of "
        f"the inputs that were run. A look at a case takes {looks} operations, so that looking at "
        f"all of them takes up to {number * max(each):.2g}; running all sequences of one would "
        f"take {one['a case by inputs']:.2g} on average."
    )
    lines = []
    for gap in dict.fromkeys(row["gap"] for row in rows):
        own = [row for row in rows if row["gap"] == gap]
        for method in dict.fromkeys(row["method"] for row in own):
            some = [row for row in own if row["method"] == method]
            for n in sorted({row["n"] for row in some if row["law"] == BY_NUMBER}):
                lines.append([gap, method, n, *_line(some, n)])
    columns = ["gap", "method", "n", "cases right ≥", "sequences in right cases ≥", "operations"]
    return f"{text}\n\n{markdown_table(columns, lines)}"


def _line(rows: list[Row], n: int) -> list[Any]:
    number = [row for row in rows if row["law"] == BY_NUMBER and row["n"] == n]
    listed = number[0]["method"] != SAMPLED
    others = [r for r in rows if r["law"] == BY_SEQUENCES and (listed or r["n"] == n)]
    cells = [_cell([row["bound"] for row in part]) for part in (number, others)]
    return [*cells, float(np.median([row["flops"] for row in number]))]


def _cell(bounds: list[float]) -> str:
    if not bounds:
        return ""
    low, middle, high = (lower(f(bounds)) for f in (min, np.median, max))
    return middle if len(bounds) == 1 else f"{middle} ({low} … {high})"


STUDY = Study(__doc__ or "", Grid, measure, draw, found)
