"""How good `--strategy auto` is in hindsight: the tables of docs/planner.md.

`python -m tests.bench.planner` prints them in Markdown. Every deterministic screen is run, and
`auto` plans for real; what a number of draws gives is then computed at its expected count of
failures, from reference rates that neither has seen, so that luck decides nothing. On models of
ENTRIES, whose forward passes are dear, `entries` is run for real, medians of three seeds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

import probbound
from estimators.proportion import clopper_pearson
from probbound.contract.cost import CostMeter
from probbound.contract.memo import Memo
from probbound.contract.residue import draw, listed_by
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.models.attention_only.transformer import Transformer, forward_flops
from probbound.models.catalogue import shipped_names
from probbound.planning.forecast import MOST_SAMPLES, largest
from probbound.strategies.levels import in_chunks
from probbound.tasks.max_of_k.grammar import parsed
from probbound.tasks.max_of_k.methods.brute_force import brute_force_flops
from probbound.tasks.max_of_k.planning.rule import planned
from probbound.tasks.max_of_k.preparation import Checks, certain_residue, checks
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.screens.cubic import CubicScreen
from probbound.tasks.max_of_k.screens.sequences import (
    AdditiveCheck,
    copying_flops,
    copying_table_flops,
    sequence_table_flops,
    table_forward_flops,
)
from probbound.tasks.max_of_k.strategies import SCREENS
from probbound.tasks.max_of_k.task import MaxOfK, task_for
from tests.bench.planner_entries import EntriesRuns

DELTA = 1e-6
BUDGETS = tuple(10 ** (half / 2) for half in range(12, 23))
REFERENCE_DRAWS = 1 << 21
RESIDUE_DRAWS, NOISY_DRAWS = 1 << 16, 1 << 12
DEAREST_SCREEN = 2e10
ENTRIES = ("max-of-4-v1024",)
NEAR = 1.1
HEADER = (
    "| operations | auto chose | best in hindsight | its bound | auto / best "
    "| without pilot | pilot |\n|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Source:
    """Draws of all inputs (no screen) or of what a screen left, with the reference rates."""

    screen: str
    share: float
    alone: float
    shared: float
    draw: Callable[[int], float]
    members: int | None
    kept: float
    wrong: float


@dataclass(frozen=True)
class Case:
    """A model, what its screens leave, and its failure rate."""

    model: Transformer
    task: MaxOfK
    wrong: float
    sources: dict[str, Source]
    entries: EntriesRuns | None = None

    def outcomes(self, budget: float) -> dict[str, float]:
        """What every strategy that fits a budget gives."""
        found = {name: bound for name, bound in self._outcomes(budget) if bound is not None}
        return found | (self.entries.outcomes(budget) if self.entries else {})

    def given(self, strategy: str, budget: float) -> float:
        """What one gives, 1 if it does not fit."""
        return self.outcomes(budget).get(strategy, 1.0)

    def bound(self, source: Source, draws: int) -> float | None:
        """The bound of so many draws: exact where they cover all there is."""
        if draws < 1:
            return None
        if source.screen and source.members is not None and source.members <= draws:
            return self.wrong
        expected = min(round(draws * source.wrong), draws)
        upper = clopper_pearson(expected, draws, delta=DELTA, side="upper").upper
        return source.share * float(upper)

    def _outcomes(self, budget: float) -> Iterator[tuple[str, float | None]]:
        model, everything = self.model, self.sources[""]
        fitting = partial(self._fitting, budget)
        if brute_force_flops(model, self.task) <= budget:
            yield "brute-force", self.wrong
        each = table_forward_flops(model)
        yield "iid:tables", fitting(everything, lambda n: sequence_table_flops(model) + each * n)
        for name, source in self.sources.items():
            if name and source.alone <= budget:
                yield name, source.share
            plain = partial(self._plain_cost, source)
            yield (f"hybrid:{name}" if name else "iid"), fitting(source, plain)
            checked = partial(self._checked_cost, source)
            yield (f"cascade:{name}" if name else "cascade"), fitting(source, checked)

    def _fitting(self, budget: float, source: Source, cost: Callable[[int], float]) -> float | None:
        return self.bound(source, largest(lambda n: cost(n) <= budget, MOST_SAMPLES))

    def _plain_cost(self, source: Source, draws: int) -> float:
        return source.alone + source.draw(draws) + forward_flops(self.model) * draws

    def _checked_cost(self, source: Source, draws: int) -> float:
        tables = sequence_table_flops(self.model) + copying_table_flops(self.model, cubic=False)
        check = copying_flops(self.model) + source.kept * table_forward_flops(self.model)
        return tables + source.shared + source.draw(draws) + check * draws


def case_of(name: str) -> Case:
    """Run every deterministic screen of a model, and look at what each leaves."""
    model = probbound.load(name)
    task = task_for(model)
    question = Question(model, task, 0, DELTA, 0)
    made = checks(question, CostMeter(), cubic=False)
    stream = Stream.from_seed(0).fold_in("reference")
    kept, wrong = _rates(made, partial(task.sample, stream), REFERENCE_DRAWS)
    found: dict[str, Source] = {}
    for screen_name, build in SCREENS.items():
        screen = build(question)
        if parsed(screen_name).sampled_screen:
            continue
        if isinstance(screen, CubicScreen) and screen.flops(model) > DEAREST_SCREEN:
            found[screen_name] = _cubic_by_sampling(model, task, made, kept, wrong)
            continue
        alone, shared = CostMeter(), CostMeter()
        residue = certain_residue(screen, replace(question, memo=Memo()), alone)
        certain_residue(screen, question, shared)
        share = float(residue.size / task.size)
        within = stream.fold_in(screen_name)

        def sample(start: int, stop: int, residue=residue, within=within) -> np.ndarray:
            tickets = draw(residue, within, start, stop)
            return tickets.genuine

        listing = isinstance(screen, CubicScreen)
        quiet = screen_name.startswith("sub-cubic")
        kept_here, wrong_here = (
            (min(kept / share, 1.0), min(wrong / share, 1.0))
            if listing
            else _rates(made, sample, RESIDUE_DRAWS if quiet else NOISY_DRAWS)
        )
        if screen_name == "sub-cubic":
            wrong = share * wrong_here if model.n_ctx > 4 else wrong
        found[screen_name] = Source(
            *(screen_name, share, alone.total().flops, shared.total().flops),
            partial(in_chunks, residue.draw_flops),
            residue.tickets if listed_by(residue, residue.tickets) else None,
            *(kept_here, wrong_here),
        )
    if model.n_ctx == 4 and model.d_vocab == 64:
        exact = probbound.certify(
            model, task, strategy="cascade:sub-cubic", budget=10**6, draws=10**7
        )
        wrong = exact.failure_upper
    sources = {
        name: Source(
            *(one.screen, one.share, one.alone, one.shared, one.draw, one.members, one.kept),
            min(wrong / one.share, 1.0),
        )
        for name, one in found.items()
    }
    sources[""] = Source("", 1.0, 0.0, 0.0, lambda _: 0.0, None, kept, wrong)
    runs = EntriesRuns(model, task, DELTA) if name in ENTRIES else None
    return Case(model, task, wrong, sources, runs)


def _rates(
    checks: Checks, sample: Callable[[int, int], np.ndarray], draws: int
) -> tuple[float, float]:
    """The shares that the copying check leaves, and that are wrong."""
    left = wrong = 0
    for start in range(0, draws, 1 << 16):
        tokens = sample(start, min(start + (1 << 16), draws))
        tokens = tokens[checks.cheap.uncertified(tokens)]
        left += len(tokens)
        wrong += int(checks.exact.uncertified(tokens).sum())
    return left / draws, wrong / draws


def _cubic_by_sampling(
    model: Transformer, task: MaxOfK, checks: Checks, kept: float, wrong: float
) -> Source:
    """The cubic screen, where running it takes minutes: its share from 2^14 sequences."""
    screen = CubicScreen()
    tokens = task.sample(Stream.from_seed(0).fold_in("cubic"), 0, 1 << 14)
    share = float(AdditiveCheck(checks.exact.tables).uncertified(tokens).mean())
    flops = float(screen.flops(model))
    one = partial(in_chunks, partial(screen.draw_flops, model))
    return Source("cubic", share, flops, flops, one, None, kept / share, wrong / share)


def picks(case: Case) -> list[dict]:
    """For every budget, what auto chose, and its bound over the best one in hindsight."""
    rows = []
    for budget in BUDGETS:
        outcomes = case.outcomes(budget)
        if not outcomes:
            continue
        best = min(outcomes, key=lambda name: outcomes[name])
        question = Question(case.model, case.task, 0, DELTA, 0, budget_flops=budget)
        meter = CostMeter()
        try:
            name, knobs = planned(question, DELTA, meter)
        except UserError:
            name, knobs = "none", question
        rows.append(
            {
                "budget": budget,
                "chose": name,
                "best": best,
                "bound": outcomes[best],
                "ratio": _given_by(case, name, knobs) / outcomes[best],
                "free": case.given(_canonical(name), budget) / outcomes[best],
                "pilot": _pilots(meter) / budget,
            }
        )
    return rows


def _canonical(name: str) -> str:
    return "hybrid:cubic" if name == "hybrid" else name


def _given_by(case: Case, name: str, knobs: Question) -> float:
    if name == "none":
        return 1.0
    found = parsed(name)
    if name == "brute-force":
        return case.wrong
    if name.startswith("entries"):
        assert case.entries is not None
        return case.entries.found(name, knobs.budget)
    if found.kind == "screen" and found.screen is not None:
        return case.sources[found.screen.text].share
    draws = knobs.budget if knobs.draws is None else knobs.draws
    return case.bound(case.sources[found.screen.text if found.screen else ""], draws) or 1.0


def _pilots(meter: CostMeter) -> int:
    """Operations of planning that no strategy could use."""
    return sum(phase.flops for phase in meter.phases if phase.name.startswith("pilot"))


def main(names: list[str]) -> None:
    """Print a table for each model, and how often auto was near the best."""
    near = near_free = total = 0
    for name in names:
        rows = picks(case_of(name))
        print(f"\n`{name}`\n\n{HEADER}")
        for row in rows:
            print(
                f"| {row['budget']:.1e} | `{row['chose']}` | `{row['best']}` | {row['bound']:.2e} "
                f"| {row['ratio']:.2f} | {row['free']:.2f} | {row['pilot']:.1%} |"
            )
        sys.stdout.flush()
        near += sum(row["ratio"] <= NEAR for row in rows)
        near_free += sum(row["free"] <= NEAR for row in rows)
        total += len(rows)
    print(f"\nwithin 10 %: {near} of {total}; with the pilot for free {near_free} of {total}")


if __name__ == "__main__":
    main(sys.argv[1:] or [name for name in shipped_names() if name != "max-of-4"])
