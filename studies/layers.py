"""What does a second layer of attention cost a proof, and a third? Where is the exponential?

Induction takes two layers: one that moves each token to the position behind it, and one that finds
the last token there. A proof has to speak of every filling of the tokens that do not matter, and
there are exponentially many. Networks whose first layer reads the token before it sharply (a
penalty in training) stand beside such as training left alone, of one, two and three layers. What
does every strategy certify, for how many operations? In which share of cases is every filling
right once r more tokens are known, and how many nodes would a complete proof have?
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

import probbound
from estimators.proportion import clopper_pearson
from probbound.arithmetic.decimals import lower, upper
from probbound.arithmetic.rounding import inflated, one_minus_down
from probbound.draws.random_streams import Stream
from probbound.figures.charts import AMBER, BLUE, GREEN, GREY, ORANGE, PINK
from probbound.machine.progress import track
from probbound.models.transformer.network import GeneralTransformer
from probbound.tasks.induction.asking import uses
from probbound.tasks.induction.cases import case_around, revealed
from probbound.tasks.induction.forecast import Descent, descend, mean_of
from probbound.tasks.induction.question import InductionQuestion
from probbound.tasks.induction.screens.tree import RUN
from probbound.tasks.induction.task import Induction
from studies.models import model_named
from studies.study import Row, Study
from studies.write_up import markdown_table

CERTIFIED, REVEALED, ALL = "certified", "every filling", "extrapolated"
_LOOKS = ((BLUE, "s"), (ORANGE, "o"), (GREEN, "D"), (PINK, "^"), (AMBER, "v"), (GREY, "x"))
_SIDES = (
    ("left", 1),
    ("right", -1),
    ("right", 1),
    ("left", -1),
)  # of labels: where they begin or end, and up
_EMPTY: Row = dict.fromkeys(
    (
        *("strategy", "budget", "failure_upper", "guarantee", "flops", "revealed", "draws"),
        *("left", "share", "nodes", "nodes_error", "tree", "tree_error", "tree_flops"),
        "tree_flops_error",
    )
)
"""`nodes` are of one case, down to single sequences; `tree` of all cases, as `tree` runs them."""


@dataclass(frozen=True)
class Grid:
    """Networks, tables of `name`, what it is `called`, the `strategies` and how many `draws`.

    `budget` forward passes and `delta` are those of every strategy; `draws` has a number of cases
    for each number of tokens revealed, from none; they are also the roots of random descents.
    """

    models: tuple[Mapping[str, Any], ...]
    budget: int
    delta: float


@dataclass(frozen=True)
class _Subject:
    called: str
    model: GeneralTransformer
    task: Induction
    delta: float

    @property
    def question(self) -> InductionQuestion:
        return InductionQuestion(self.model, self.task, 0, self.delta, 0)

    def row(self, kind: str, **given: Any) -> Row:
        known = {
            "model": self.called,
            "layers": self.model.architecture.n_layers,
            "inputs": self.task.size,
            "free": self.task.n_ctx - 3,
            "delta": self.delta,
            "kind": kind,
        }
        return known | _EMPTY | given


def measure(grid: Grid, work: Path) -> list[Row]:
    """A row for each strategy, number of revealed tokens and forecast of each network."""
    rows: list[Row] = []
    for given in track(list(grid.models), "networks"):
        model = model_named(given["name"], work)
        task = Induction(model.d_vocab, model.n_ctx)
        subject = _Subject(given["called"], model, task, grid.delta)
        rows += _certified(subject, given["strategies"], grid.budget)
        for number, draws in enumerate(given["draws"]):
            if draws:
                rows.append(_on_every_filling(subject, number, draws))
    return rows


def _certified(subject: _Subject, strategies: Iterable[str], budget: int) -> list[Row]:
    rows = []
    for strategy in strategies:
        with_budget: dict[str, Any] = {"budget": budget} if uses(strategy).inputs else {}
        found = probbound.certify(
            *(subject.model, subject.task),
            strategy=strategy,
            delta=subject.delta,
            seed=0,
            **with_budget,
        )
        rows.append(
            subject.row(
                CERTIFIED,
                strategy=strategy,
                budget=with_budget.get("budget"),
                failure_upper=found.failure_upper,
                guarantee=found.guarantee,
                flops=found.cost.flops,
            )
        )
    every = subject.task.size * subject.question.exact.flops
    return [*rows, subject.row(ALL, strategy="brute-force", flops=every)]


def _on_every_filling(subject: _Subject, number: int, draws: int) -> Row:
    """Cases as a universal claim draws them (10.12), and one descent from each (10.13)."""
    task, question = subject.task, subject.question
    stream = Stream.from_seed(0).fold_in(f"{number} revealed")
    tokens = task.sample(stream.fold_in("sequences"), 0, draws)
    given = revealed(task, stream, 0, draws, number)
    check, found = question.every_filling, []
    for i, (row, known) in enumerate(zip(tokens, given, strict=True)):
        case = case_around(task, row, known)
        found.append(descend(case, check.fillings, 0.0, stream.fold_in(f"descent {i}")))
    members = np.concatenate([tokens, given.astype(np.int64)], axis=1)
    whole = np.array([len(each.products) == 1 for each in found])
    left = int(check.uncertified(members[~whole]).sum())
    bound = float(clopper_pearson(left, draws, delta=subject.delta, side="upper").upper)
    nodes = mean_of([each.nodes(1) for each in found], 1)
    return subject.row(
        REVEALED,
        revealed=number,
        draws=draws,
        left=left,
        share=max(0.0, one_minus_down(min(inflated(bound, 1), 1.0))),
        nodes=nodes.value,
        nodes_error=nodes.error,
        **(_tree(found, question) if number == 0 else {}),
    )


def _tree(found: list[Descent], question: InductionQuestion) -> Row:
    task, each = question.task, question.exact.flops
    roots = task.d_vocab * (task.n_ctx - 2) * (task.d_vocab - 1)
    nodes = mean_of([one.nodes(RUN) for one in found], roots)
    flops = mean_of([one.operations(RUN, each) for one in found], roots)
    return {
        "tree": nodes.value,
        "tree_error": nodes.error,
        "tree_flops": flops.value,
        "tree_flops_error": flops.error,
    }


def draw(rows: list[Row]) -> Figure:
    """Certified failure against operations, shares of cases, and nodes of a case's tree."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13.2, 4.3), layout="constrained")
    nothing = min(row["failure_upper"] for row in rows if row["failure_upper"]) / 10
    for number, name in enumerate(_names(rows)):
        colour, marker = _LOOKS[number % len(_LOOKS)]
        own = [row for row in rows if row["model"] == name]
        _frontier(left, own, nothing, number)
        known = [row for row in own if row["kind"] == REVEALED]
        middle.plot(*_of(known, "revealed", "proved"), marker=marker, color=colour)
        right.plot([], [], marker=marker, color=colour, label=name)
        x, y = _of(known, "unknown", "nodes")
        low = [row["nodes_error"] for row in known]
        right.errorbar(x, y, np.minimum(low, 0.9 * np.array(y)), marker=marker, color=colour)
    left.set(xscale="log", yscale="log", xlabel="operations", ylabel="failure rate ≤")
    left.set_title(f"every strategy, δ = {rows[0]['delta']:g}; hollow: δ = 0", fontsize=10)
    middle.set(xlabel="tokens revealed", ylabel="share of cases drawn", ylim=(-0.04, 1.04))
    middle.set_title("proved right on every filling", fontsize=10)
    right.legend(fontsize=7, loc="upper left")
    for axes in (middle, right):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    right.set(yscale="log", xlabel="tokens left free", ylabel="nodes of a case's proof, mean")
    right.set_title("forecast by random descent", fontsize=10)
    return figure


def _frontier(axes: Axes, own: list[Row], nothing: float, number: int) -> None:
    """Strategies of much the same cost and bound share a label, on a side of the network's own."""
    colour, marker = _LOOKS[number % len(_LOOKS)]
    places: dict[tuple[int, str], list[Row]] = {}
    for row in own:
        if row["kind"] == CERTIFIED and row["failure_upper"] < 1:
            at = row["flops"], row["failure_upper"] or nothing
            fill = "white" if row["guarantee"] == "deterministic" else colour
            axes.plot(*at, marker, color=colour, mfc=fill)
            place = round(np.log10(row["flops"])), f"{row['failure_upper']:.1e}"
            places.setdefault(place, []).append(row)
    for alike in places.values():
        row = alike[-1]
        side, up = _SIDES[number % len(_SIDES)]
        axes.annotate(
            "\n".join(each["strategy"] for each in alike) + ("" if row["failure_upper"] else ": 0"),
            (row["flops"], row["failure_upper"] or nothing),
            (-2 if side == "left" else 2, 6 * up),
            textcoords="offset points",
            ha=side,
            va="bottom" if up > 0 else "top",
            fontsize=6,
            color=colour,
        )
    axes.margins(x=0.2, y=0.22)


def _of(known: list[Row], x: str, y: str) -> tuple[list[float], list[float]]:
    shown = [
        row | {"proved": 1 - row["left"] / row["draws"], "unknown": row["free"] - row["revealed"]}
        for row in known
    ]
    return [row[x] for row in shown], [row[y] for row in shown]


def _names(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys(row["model"] for row in rows))


def found(rows: list[Row]) -> str:
    """Strategies, cases and sizes of proofs, a table each."""
    return "\n\n".join((_strategies(rows), _cases(rows), _proofs(rows)))


def _strategies(rows: list[Row]) -> str:
    kept = [row for row in rows if row["kind"] == CERTIFIED]
    lines = [
        [
            *(row["model"], f"`{row['strategy']}`", upper(row["failure_upper"])),
            *(float(row["flops"]), "0" if row["guarantee"] == "deterministic" else row["delta"]),
        ]
        for row in kept
    ]
    budget = max(row["budget"] or 0 for row in kept)
    return f"Every strategy, with {budget:,} forward passes where it draws:\n\n" + markdown_table(
        ["network", "strategy", "failure rate ≤", "operations", "δ"], lines
    )


def _cases(rows: list[Row]) -> str:
    known = [row for row in rows if row["kind"] == REVEALED]
    most = range(1 + max(row["revealed"] for row in known))
    lines = []
    for name in _names(rows):
        of = {row["revealed"]: row for row in known if row["model"] == name}
        cells = [
            f"{1 - of[r]['left'] / of[r]['draws']:.2f} (≥ {lower(of[r]['share'], 2)})"
            if r in of
            else ""
            for r in most
        ]
        lines.append([name, *cells])
    draws = sorted({row["draws"] for row in known})
    return (
        f"Share of cases (last token, its place, what followed, and r more tokens) proved right on "
        f"every filling of the others, of {draws[0]:,} to {draws[-1]:,} that were drawn, and at "
        f"least that of all cases by the law of 10.12, δ = {rows[0]['delta']:g} each:\n\n"
        + markdown_table(["network", *(f"r = {r}" for r in most)], lines)
    )


def _proofs(rows: list[Row]) -> str:
    lines = []
    for name in _names(rows):
        own = [row for row in rows if row["model"] == name]
        (every,) = (row["flops"] for row in own if row["kind"] == ALL)
        known = [row for row in own if row["kind"] == REVEALED]
        forecast = [row for row in known if row["tree"] is not None]
        cells = ["", ""]
        if forecast:
            (one,) = forecast
            cells = [
                f"{one['tree']:.2g} ± {one['tree_error']:.1g}",
                f"{one['tree_flops']:.2g} ± {one['tree_flops_error']:.1g}",
            ]
        nodes = [f"{row['nodes']:.3g}" for row in reversed(known)]
        lines.append([name, f"{own[0]['inputs']:.2g}", *cells, float(every), ", ".join(nodes)])
    columns = ["network", "inputs", "nodes", "operations", "brute force", "nodes of a case"]
    return (
        "A complete proof of all cases by `tree` without `pairs`, forecast by random descents "
        f"(Remark 10.13) that run sets of at most {RUN} sequences, with standard errors, beside "
        "the operations of running every sequence; and the mean number of nodes of a case with "
        "fewest to most tokens left free, down to single sequences:\n\n"
        + markdown_table(columns, lines)
    )


STUDY = Study(__doc__ or "", Grid, measure, draw, found)
