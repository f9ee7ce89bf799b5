"""What a plan says of `entries`: forecasts of it, and the look that they rest on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from probbound.contract.confidence import CANDIDATES
from probbound.contract.cost import CostMeter
from probbound.draws.random_streams import Stream
from probbound.planning.forecast import Forecast, largest, share_seen
from probbound.tasks.max_of_k.grammar import ENTRIES_CHOICES
from probbound.tasks.max_of_k.planning.prices import Prices
from probbound.tasks.max_of_k.structured.cells import Cells, cells_of
from probbound.tasks.max_of_k.structured.count import Resolution, certified_estimate, counting_flops
from probbound.tasks.max_of_k.structured.deterministic import certain_flops
from probbound.tasks.max_of_k.structured.families import Family, own_share
from probbound.tasks.max_of_k.structured.outlook import Outlook, Work
from probbound.tasks.max_of_k.structured.parts import Parts, Sizes
from probbound.tasks.max_of_k.structured.pilot import (
    ALL_PAIRS,
    ALL_ROWS,
    NoisePilot,
    Wanted,
    pilot_counts,
    pilot_entries,
    pilot_flops,
    planned,
    planning_flops,
    seen,
)
from probbound.tasks.max_of_k.structured.tolerances import Brackets, certified, certified_flops
from probbound.tasks.max_of_k.task import MaxOfK

SAMPLED = ("entries", "entries:counted")
CERTAIN = tuple(f"entries:{noise}" for noise in ENTRIES_CHOICES)
TRIED, CHECKED, COUNTED = 256, 1 << 12, 64
_ROWS_SEEN, _PAIRS_SEEN = 64, 4096
OVER, NOT_RUN = "over the budget", "not run"


@dataclass(frozen=True)
class Entries:
    """An outlook, and the failure rates of `certain` treatments that were run."""

    outlook: Outlook
    certain: Mapping[str, float] = field(default_factory=dict)

    def forecasts(
        self, budget: float, delta: float | None, prices: Prices, wrong: float
    ) -> Iterator[Forecast]:
        """Every variant; δ is chosen if it is None. What does not fit is 1 at its least price."""
        for name in SAMPLED if self.outlook.countable else SAMPLED[:1]:
            yield self._sampled(name, budget, delta, prices)
        for name in CERTAIN if self.outlook.countable else ():
            cost = self._cost(self._treatments[name], prices)
            if cost > budget:
                yield Forecast(name, 1.0, cost, at_best=True, note=OVER)
            elif name in self.certain:
                failure = self.certain[name]
                yield Forecast(name, failure, cost, weighted=failure)
            else:
                yield Forecast(name, wrong, cost, weighted=wrong, at_best=True, note=NOT_RUN)

    def price_of(self, name: str) -> int:
        """Operations of a certain treatment."""
        return sum(self._treatments[name])

    @cached_property
    def _treatments(self) -> dict[str, Work]:
        sizes, structure = self.outlook.sizes, self.outlook.structure
        counting = counting_flops(sizes, self.outlook.cells)
        return {
            f"entries:{noise}": Work(structure, certain_flops(sizes, noise), counting)
            for noise in ENTRIES_CHOICES
        }

    def _sampled(self, name: str, budget: float, delta: float | None, prices: Prices) -> Forecast:
        outlook, counted = self.outlook, name != SAMPLED[0]

        def cost(entries: int) -> float:
            return self._cost(outlook.work(entries, counted=counted), prices)

        if cost(0) > budget:
            return Forecast(name, 1.0, cost(0), at_best=True, note=OVER)
        entries = largest(lambda n: cost(n) <= budget, outlook.most)
        candidates = CANDIDATES if delta is None else np.array([delta])
        bounds = outlook.bounds(entries, candidates, counted=counted)
        weighted = (1 - candidates) * bounds + candidates
        best = int(weighted.argmin())
        return Forecast(
            *(name, float(bounds[best]), cost(entries), entries),
            delta=float(candidates[best]),
            weighted=float(weighted[best]),
            at_best=not outlook.known,
        )

    def _cost(self, work: Work, prices: Prices) -> float:
        return prices.noise * (work.structure + work.noise) + prices.cheap * work.lookups


def look_flops(sizes: Sizes, cells: Cells, entries: int) -> int:
    """Operations of `looked`, the structure apart."""
    within = _entries_seen(sizes, entries)
    counts = pilot_counts(sizes, within)
    choosing = planning_flops(sizes, cells, counts[ALL_PAIRS], counts[ALL_ROWS], TRIED)
    checking = CHECKED * certified_flops(sizes.n_ctx)
    countable = Resolution().counts(sizes.n_ctx)
    counting = counting_flops(sizes, cells, n_labels=COUNTED) if countable else 0
    return pilot_flops(sizes, within) + choosing + checking + counting


def _entries_seen(sizes: Sizes, entries: int) -> int:
    """A budget of which the pilot's part is _ROWS_SEEN rows and _PAIRS_SEEN pairs, or less."""
    rows = 50 / 9 * _ROWS_SEEN * ALL_ROWS.entries(sizes)
    pairs = 50 * _PAIRS_SEEN * ALL_PAIRS.entries(sizes)
    return min(entries, math.ceil(max(rows, pairs)))


def _share(family: Family, sizes: Sizes, exceeding: int, looked_at: int) -> float:
    """Of a family, exact once all members were looked at."""
    whole = looked_at >= family.population(sizes)
    return exceeding / looked_at if whole else share_seen(exceeding, looked_at)


def looked(
    hoped: Outlook,
    parts: Parts,
    task: MaxOfK,
    entries: int,
    delta: float,
    stream: Stream,
    meter: CostMeter,
) -> Outlook:
    """What a smaller pilot shows of a budget of noise entries: tolerances as it would set them.

    Shares of cases come from sequences that the tolerances were not chosen on.
    """
    cells = cells_of(parts)
    with meter.phase("pilot of entries", "sampling", look_flops(parts, cells, entries)):
        pilot = NoisePilot.draw(parts, task, _entries_seen(parts, entries), stream)
        if not pilot.usable:
            return replace(hoped, left=1.0, left_counted=1.0, known=True)
        pilot = replace(pilot, tokens=pilot.tokens[:TRIED])
        left = entries - pilot_entries(parts, entries)
        plan = planned(pilot, Wanted("separate", left, delta, 0.0, 1), cells)
        brackets = Brackets(parts, plan.tolerances)
        tokens = task.sample(stream.fold_in("cases"), 0, CHECKED)
        uncertified = share_seen(int((~certified(brackets, tokens)).sum()), CHECKED)
        counted = 1.0
        if hoped.countable:
            counted = 1 - certified_estimate(brackets, cells, COUNTED)
        return replace(
            hoped,
            sizes=parts,
            cells=cells,
            exceeding={f: _share(f, parts, *found) for f, found in seen(pilot, plan).items()},
            left=uncertified,
            left_counted=counted,
            own=own_share(parts, plan.tolerances),
            known=True,
        )
