"""What every strategy would give for a budget, predicted from a pilot that certifies nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from estimators.proportion import clopper_pearson
from probbound.errors import UserError
from probbound.evaluation import wrong_answers
from probbound.models.transformer import Transformer, forward_flops
from probbound.random_streams import Stream
from probbound.screens.cubic import CubicScreen
from probbound.screens.sequences import (
    AdditiveCheck,
    CopyingCheck,
    SequenceTables,
    TableForwardCheck,
    copying_flops,
    copying_table_flops,
    sequence_table_flops,
    table_forward_flops,
)
from probbound.strategies.brute_force import brute_force_flops
from probbound.strategies.cascade import PILOT_DRAWS, RESIDUE_CHUNK
from probbound.tasks import MaxOfK

CHEAP_PILOT = 1 << 16
DEAR_PILOT = 1 << 12
TIMED_PASSES = 1 << 12
LARGEST_BUDGET = 1e18


@dataclass(frozen=True)
class Pilot:
    """Estimated shares of all inputs, and what it cost to estimate them.

    `wrong` answered wrongly, `copying` left by the copying check, `cubic` left by the additive
    screen. They plan; nothing is certified by them.
    """

    wrong: float
    copying: float
    cubic: float
    flops: int


@dataclass(frozen=True)
class Prices:
    """What a unit of each kind of work costs, in the currency of the budget.

    In operations every price is a count; in seconds it is the count over a measured rate.
    """

    proof: float
    forward: float
    cheap: float


@dataclass(frozen=True)
class Forecast:
    """One strategy with its knobs, the bound it is predicted to give, and its predicted cost."""

    strategy: str
    failure_upper: float
    cost: float
    budget: int = 0
    draws: int | None = None

    @property
    def samples(self) -> int:
        """Draws that the bound rests on."""
        return self.budget if self.draws is None else self.draws


@dataclass(frozen=True)
class Planner:
    """Forecasts for one model, task and δ (log-scale arithmetic of expected counts)."""

    model: Transformer
    task: MaxOfK
    delta: float
    pilot: Pilot
    prices: Prices

    def forecasts(self, budget: float) -> list[Forecast]:
        """Every strategy that fits the budget, best first."""
        made = [
            *self._fixed(budget),
            *self._sampled("iid", 0.0, self.prices.forward * forward_flops(self.model), budget),
            *self._hybrid(budget),
            *self._cascade(budget),
        ]
        return sorted(made, key=lambda forecast: (forecast.failure_upper, forecast.cost))

    def for_target(self, target: float) -> list[Forecast]:
        """The cheapest way in which each strategy is predicted to reach a failure rate."""
        reached: dict[str, Forecast] = {}
        for budget in np.geomspace(1e3, LARGEST_BUDGET, 241) * self._unit:
            for forecast in self.forecasts(float(budget)):
                if forecast.failure_upper <= target:
                    reached.setdefault(forecast.strategy, forecast)
        return sorted(reached.values(), key=lambda forecast: forecast.cost)

    @property
    def _unit(self) -> float:
        return self.prices.cheap

    def _fixed(self, budget: float) -> Iterator[Forecast]:
        screen = CubicScreen()
        for strategy, flops, failure in (
            ("brute-force", brute_force_flops(self.model, self.task), self.pilot.wrong),
            ("cubic", screen.flops(self.model), self.pilot.cubic),
        ):
            if (cost := self.prices.proof * flops) <= budget:
                yield Forecast(strategy, failure, cost)

    def _sampled(
        self, strategy: str, overhead: float, each: float, budget: float, share: float = 1.0
    ) -> Iterator[Forecast]:
        """Draws from a set of this share of all inputs, at a price each after an overhead."""
        affordable = int(min((budget - overhead) / each, 1e15))
        if affordable < 1:
            return
        if share * self.task.size <= affordable:
            exact = max(1, math.ceil(share * self.task.size))
            yield Forecast(strategy, self.pilot.wrong, overhead + exact * each, exact)
        else:
            upper = self._expected_bound(affordable, self.pilot.wrong / share, self.delta)
            cost = overhead + affordable * each
            yield Forecast(strategy, share * upper, cost, affordable)

    def _hybrid(self, budget: float) -> Iterator[Forecast]:
        screen, model = CubicScreen(), self.model
        proof = self.prices.proof * screen.flops(model)
        probe = 1000
        drawing = self.prices.proof * screen.draw_flops(model, probe)
        marginal = self.prices.proof * (screen.draw_flops(model, 2 * probe)) - drawing
        each = self.prices.forward * forward_flops(model) + marginal / probe
        overhead = proof + drawing - marginal
        yield from self._sampled("hybrid", overhead, each, budget, max(self.pilot.cubic, 1e-30))

    def _cascade(self, budget: float) -> Iterator[Forecast]:
        """From all inputs, and from what the cubic screen leaves, a chunk of draws at a time."""
        screen, model, prices = CubicScreen(), self.model, self.prices
        proof = prices.proof * screen.flops(model)
        drawing = prices.proof * screen.draw_flops(model, RESIDUE_CHUNK) / RESIDUE_CHUNK
        for name, share, base, each in (
            ("cascade", 1.0, 0.0, 0.0),
            ("cascade:cubic", max(self.pilot.cubic, 1e-30), proof, drawing),
        ):
            kept = min(self.pilot.copying / share, 1.0)
            tables = sequence_table_flops(model) + copying_table_flops(model, cubic=False)
            pilot = PILOT_DRAWS * (prices.cheap * copying_flops(model) + each)
            check = prices.cheap * (copying_flops(model) + kept * table_forward_flops(model))
            overhead = base + prices.proof * tables + pilot
            for forecast in self._sampled(name, overhead, each + check, budget, share):
                passes = forecast.budget * kept
                limit = math.ceil(passes + 4 * math.sqrt(passes) + 10)
                yield replace(forecast, budget=limit, draws=forecast.budget)

    @staticmethod
    def _expected_bound(draws: int, rate: float, delta: float) -> float:
        expected = min(round(draws * rate), draws)
        return float(clopper_pearson(expected, draws, delta=delta, side="upper").upper)


def run_pilot(model: Transformer, task: MaxOfK, seed: int) -> Pilot:
    """Estimate the shares from CHEAP_PILOT and DEAR_PILOT draws of the pilot's own stream."""
    stream = Stream.from_seed(seed).fold_in("plan")
    tables = SequenceTables.of(model)
    copying, exact = CopyingCheck.quadratic(tables), TableForwardCheck(tables)
    additive = AdditiveCheck(tables)
    tokens = task.sample(stream.fold_in("cheap"), 0, CHEAP_PILOT)
    left = tokens[copying.uncertified(tokens)]
    wrong = int(exact.uncertified(left).sum())
    few = task.sample(stream.fold_in("dear"), 0, DEAR_PILOT)
    uncertified = int(additive.uncertified(few).sum())
    flops = sequence_table_flops(model) + copying_table_flops(model, cubic=False)
    flops += CHEAP_PILOT * copying.flops + len(left) * exact.flops + DEAR_PILOT * additive.flops
    return Pilot(
        wrong=(wrong + 0.5) / (CHEAP_PILOT + 1),
        copying=(len(left) + 0.5) / (CHEAP_PILOT + 1),
        cubic=max((uncertified + 0.5) / (DEAR_PILOT + 1), (wrong + 0.5) / (CHEAP_PILOT + 1)),
        flops=flops,
    )


def prices_in_flops() -> Prices:
    """Every operation costs one."""
    return Prices(1.0, 1.0, 1.0)


def prices_in_seconds(model: Transformer, task: MaxOfK, seed: int) -> Prices:
    """Seconds an operation of each kind takes on this machine, timed on a small piece of each."""
    stream = Stream.from_seed(seed).fold_in("timing")
    tokens = task.sample(stream, 0, TIMED_PASSES)
    wrong_answers(model, task, tokens)
    forward = _seconds(lambda: wrong_answers(model, task, tokens))
    tables = SequenceTables.of(model)
    copying = CopyingCheck.quadratic(tables)
    many = task.sample(stream, 0, 1 << 15)
    cheap = _seconds(lambda: copying.uncertified(many))
    additive = AdditiveCheck(tables)
    few = many[:1024]
    proof = _seconds(lambda: additive.uncertified(few))
    return Prices(
        proof=proof / (len(few) * additive.flops),
        forward=forward / (len(tokens) * forward_flops(model)),
        cheap=cheap / (len(many) * copying.flops),
    )


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def checked_amount(name: str, amount: float) -> float:
    """A budget or target that is a positive number.

    Raises:
        UserError: if it is not.
    """
    if not (math.isfinite(amount) and amount > 0):
        raise UserError(f"{name} must be a positive number, got {amount}")
    return amount
