"""What every strategy would give for a budget, predicted from a pilot that certifies nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, partial

import numpy as np

from probbound.contract.confidence import CANDIDATES, Choice, best_delta
from probbound.contract.residue import listed_by
from probbound.models.attention_only.transformer import Transformer, forward_flops
from probbound.planning.forecast import (
    MOST_SAMPLES,
    Forecast,
    Measured,
    Source,
    cheapest_for,
    largest,
)
from probbound.strategies.levels import in_chunks
from probbound.tasks.max_of_k.grammar import DEFAULT_SCREEN, parsed
from probbound.tasks.max_of_k.methods.brute_force import MAX_FLOPS, brute_force_flops
from probbound.tasks.max_of_k.planning.entries import SAMPLED, Entries
from probbound.tasks.max_of_k.planning.pilot import Pilot
from probbound.tasks.max_of_k.planning.prices import Prices
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.screens.screen import Price
from probbound.tasks.max_of_k.screens.sequences import (
    copying_flops,
    copying_table_flops,
    sequence_table_flops,
    table_forward_flops,
)
from probbound.tasks.max_of_k.strategies import SCREENS
from probbound.tasks.max_of_k.structured.outlook import hoped_for
from probbound.tasks.max_of_k.task import MaxOfK

PILOT_ERROR = 1.25  # how many times more a check may leave than its pilot said
PREDICTED = ("cubic", "sub-cubic")


@dataclass(frozen=True)
class Planner:
    """Forecasts for one model and task (expected counts); δ is chosen for each if it is None.

    What is in `measured` is known exactly. `entries` is None until somebody looked.
    """

    model: Transformer
    task: MaxOfK
    delta: float | None
    pilot: Pilot
    prices: Prices
    measured: Mapping[str, Measured] = field(default_factory=dict)
    entries: Entries | None = None

    def forecasts(self, budget: float, *, every: bool = True) -> list[Forecast]:
        """Every strategy that fits the budget, best first; what is not known comes last.

        Of `entries` also what does not fit. Without `every`, only what rests on screens of which
        something is known, and what might be gained by looking at `entries`.
        """
        sources = [source for source in self._sources(every) if every or not source.at_best]
        made = list(self._all(budget, sources))
        if self.model.n_heads == 1:
            found = self.seen.forecasts(budget, self.delta, self.prices, self.wrong)
            made += [one for one in found if every or not one.at_best or one.strategy in SAMPLED]
        value = "failure_upper" if self.delta is not None else "weighted"
        return sorted(made, key=lambda made: (made.at_best, getattr(made, value), made.cost))

    def for_target(self, target: float) -> list[Forecast]:
        """The cheapest way in which each strategy is predicted to reach a failure rate.

        Only what rests on screens of which something is known, then what `entries` might do.
        """
        made = partial(self.forecasts, every=False)
        return cheapest_for(target, made, self.prices.cheap)

    def _all(self, budget: float, sources: list[Source]) -> Iterator[Forecast]:
        everything = Source("", 1.0, self.pilot.copying, self.wrong)
        brute = brute_force_flops(self.model, self.task)
        if brute <= MAX_FLOPS and (cost := self.prices.proof * brute) <= budget:
            yield self._exact("brute-force", self.wrong, cost)
        yield from self._sampled("iid", everything, self._passes, budget)
        yield from self._sampled("iid:tables", everything, self._table_passes, budget)
        yield from self._cascade(everything, budget)
        for source in sources:
            if source.alone <= budget and not source.sampled:
                made = self._exact(source.screen, source.share, source.alone, source.at_best)
                yield made
            hybrid = partial(self._hybrid_cost, source)
            yield from self._sampled(source.named("hybrid"), source, hybrid, budget)
            yield from self._cascade(source, budget)

    @cached_property
    def wrong(self) -> float:
        """The estimate of the failure rate that rests on the most draws for their share."""
        found = [(float(self.pilot.draws), self.pilot.wrong)]
        for known in self.measured.values():
            share = float(known.residue.size / self.task.size)
            if share and known.seen.draws:
                found.append((known.seen.draws / share, share * known.seen.failing))
        return max(found)[1]

    @cached_property
    def seen(self) -> Entries:
        """What is known of `entries`, or the best that is possible."""
        return self.entries or Entries(hoped_for(self.model, self.wrong))

    def _sources(self, every: bool) -> Iterator[Source]:
        """What each screen leaves, or only those of which something is known."""
        question = Question(self.model, self.task, 0, self.delta or 0.5, 0)
        for name, build in SCREENS.items():
            if not (every or name in PREDICTED or name in self.measured):
                continue
            price = build(question).price(self.model)
            if price is not None:
                foretold = self.pilot.cubic if name == DEFAULT_SCREEN else self.pilot.sub_cubic
                yield self._source(name, price, foretold)

    def _source(self, name: str, price: Price, share: float) -> Source:
        """A screen that was run, or else what the pilot says of it.

        Of a screen with noise only this is known, that it leaves no less than the sub-cubic one.
        """
        proof, size = self.prices.proof, self.task.size
        if name in self.measured:
            known = self.measured[name]
            share = float(known.residue.size / size)
            every = max(known.residue.tickets, 1)
            listable = listed_by(known.residue, known.residue.tickets)
            seen = known.seen.draws > 0
            return Source(
                screen=name,
                share=share,
                kept=known.seen.kept if seen else self._within(self.pilot.copying, share),
                wrong=self._within(self.wrong, share),
                alone=proof * known.alone,
                shared=proof * known.shared,
                draw=lambda draws: proof * in_chunks(known.residue.draw_flops, draws),
                members=every if listable else None,
            )
        held = max(share, 1 / size)
        return Source(
            screen=name,
            share=held,
            kept=self._within(self.pilot.copying, held),
            wrong=self._within(self.wrong, held),
            alone=proof * price.alone,
            shared=proof * price.shared,
            draw=lambda draws: proof * in_chunks(price.draw, draws),
            members=max(1, math.ceil(Fraction(held) * size)),
            sampled=parsed(name).sampled_screen,
            at_best=name not in PREDICTED or share >= 1,
        )

    @staticmethod
    def _within(of_all: float, share: float) -> float:
        return min(of_all / share, 1.0) if share else 0.0

    def _exact(self, name: str, failure: float, cost: float, at_best: bool = False) -> Forecast:
        return Forecast(name, failure, cost, weighted=failure, at_best=at_best)

    def _sampled(
        self, strategy: str, source: Source, cost: Callable[[int], float], budget: float
    ) -> Iterator[Forecast]:
        """As many draws from the source as the budget buys, or each of its members once."""
        affordable = largest(lambda draws: cost(draws) <= budget, MOST_SAMPLES)
        if affordable < 1:
            return
        if source.screen and source.members is not None and source.members <= affordable:
            exact, failure = source.members, min(self.wrong, source.share)
            yield Forecast(
                *(strategy, failure, cost(exact), exact),
                weighted=failure,
                at_best=source.at_best,
            )
            return
        choice = self._bound(source, affordable)
        yield Forecast(
            *(strategy, choice.failure_upper, cost(affordable), affordable),
            delta=choice.delta,
            weighted=choice.weighted,
            at_best=source.at_best,
        )

    def _bound(self, source: Source, draws: int) -> Choice:
        expected = min(round(draws * source.wrong), draws)
        candidates = CANDIDATES if self.delta is None else np.array([self.delta])
        return best_delta(
            expected,
            draws,
            share=source.share,
            proven=1.0 if source.sampled else source.share,
            part=0.5 if source.sampled else 1.0,
            candidates=candidates,
        )

    def _cascade(self, source: Source, budget: float) -> Iterator[Forecast]:
        """Draws, and a limit on the forward passes that chance will hardly exceed.

        Passes that are not needed are not made, and draws left over when they run out count as
        wrong: so what is left of the budget where all of a source is looked at is allowed too.
        """
        cost = partial(self._cascade_cost, source)
        for made in self._sampled(source.named("cascade"), source, cost, budget):
            passes = made.budget * source.kept
            hardly = math.ceil(PILOT_ERROR * passes + 4 * math.sqrt(passes) + 10)
            rest = budget - self._cascade_cost(replace(source, kept=0.0), made.budget)
            affordable = rest / (self.prices.cheap * table_forward_flops(self.model))
            limit = max(hardly, min(int(affordable), made.budget))
            yield Forecast(
                *(made.strategy, made.failure_upper, made.cost, limit, made.budget),
                *(made.delta, made.weighted, made.at_best),
            )

    def _passes(self, draws: int) -> float:
        return self.prices.forward * forward_flops(self.model) * draws

    def _tables(self, check: bool) -> float:
        tables, copying = self._table_flops
        return self.prices.proof * (tables + check * copying)

    @cached_property
    def _table_flops(self) -> tuple[int, int]:
        return sequence_table_flops(self.model), copying_table_flops(self.model, cubic=False)

    def _table_passes(self, draws: int) -> float:
        return self._tables(False) + self.prices.cheap * table_forward_flops(self.model) * draws

    def _hybrid_cost(self, source: Source, draws: int) -> float:
        return source.alone + source.draw(draws) + self._passes(draws)

    def _cascade_cost(self, source: Source, draws: int) -> float:
        check = copying_flops(self.model) + source.kept * table_forward_flops(self.model)
        drawn = source.draw(draws) + self.prices.cheap * check * draws
        return self._tables(True) + source.shared + drawn
