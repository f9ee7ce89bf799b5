"""What `entries` gives for a budget of operations, run for real: medians of a few seeds.

`python -m tests.bench.planner_entries max-of-4-v4096 1e9` prints it beside what `auto` chooses.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cached_property, lru_cache
from statistics import median

import probbound
from probbound.contract.cost import CostMeter
from probbound.models.attention_only.transformer import Transformer, forward_flops
from probbound.planning.forecast import largest
from probbound.tasks.max_of_k.planning.entries import CERTAIN, SAMPLED, Entries
from probbound.tasks.max_of_k.planning.rule import planned
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.structured.cells import cells_of
from probbound.tasks.max_of_k.structured.outlook import Outlook, hoped_for
from probbound.tasks.max_of_k.structured.parts import parts_of
from probbound.tasks.max_of_k.task import MaxOfK, task_for

DELTA = 1e-6
SEEDS = 3


class EntriesRuns:
    """Runs of one model; what a budget buys follows from prices, and nothing is run twice."""

    def __init__(self, model: Transformer, task: MaxOfK, delta: float) -> None:
        self._model, self._task, self._delta = model, task, delta
        self._found = lru_cache(maxsize=None)(self._run)

    @cached_property
    def _outlook(self) -> Outlook:
        parts = parts_of(self._model, CostMeter())
        return replace(hoped_for(self._model, 0.0), sizes=parts, cells=cells_of(parts))

    def outcomes(self, budget: float) -> dict[str, float]:
        """The bound of every variant that fits."""
        return {name: found for name in (*SAMPLED, *CERTAIN) if (found := self.given(name, budget))}

    def given(self, name: str, budget: float) -> float | None:
        """The bound of one variant, None if it does not fit."""
        if name in CERTAIN:
            fits = Entries(self._outlook).price_of(name) <= budget
            return self._found(name, 0) if fits else None
        entries = self.affordable(name, budget)
        return None if entries is None else self._found(name, entries)

    def affordable(self, name: str, budget: float) -> int | None:
        """Noise entries that a budget of operations buys."""
        counted = name != SAMPLED[0]

        def fits(entries: int) -> bool:
            return sum(self._outlook.work(entries, counted=counted)) <= budget

        return largest(fits, self._outlook.most) if fits(0) else None

    def found(self, name: str, entries: int) -> float:
        """The median bound with so many noise entries."""
        return self._found(name, entries)

    def _run(self, name: str, entries: int) -> float:
        seeds = range(1, 1 + SEEDS) if name in SAMPLED else (1,)
        options = {"strategy": name, "budget": entries, "delta": self._delta}
        return median(
            probbound.certify(self._model, self._task, seed=seed, **options).failure_upper
            for seed in seeds
        )


def main(name: str, budgets: list[float]) -> None:
    """For every budget what `auto` chooses, plain sampling, and the variants of `entries`."""
    model = probbound.load(name)
    task = task_for(model)
    runs = EntriesRuns(model, task, DELTA)
    for budget in budgets:
        passes = int(budget / forward_flops(model))
        plain = probbound.certify(model, task, strategy="iid", budget=passes, delta=DELTA)
        question = Question(model, task, 0, DELTA, 0, budget_flops=budget)
        print(f"{budget:.1e} {planned(question, DELTA, CostMeter())[0]}")
        for variant, bound in {"iid": plain.failure_upper, **runs.outcomes(budget)}.items():
            print(f"  {variant} {bound:.2e}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], [float(budget) for budget in sys.argv[2:]])
