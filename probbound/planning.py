"""What every strategy would give for a budget, predicted from a pilot that certifies nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from estimators.proportion import clopper_pearson
from probbound.cost import CostMeter
from probbound.errors import UserError
from probbound.evaluation import wrong_answers
from probbound.models.transformer import Transformer, forward_flops
from probbound.parallel import parallel_map
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
from probbound.strategies.cascade import RESIDUE_CHUNK
from probbound.strategies.outcome import Question
from probbound.tasks import MaxOfK

CHEAP_PILOT = 1 << 16
MOST_PILOT = 1 << 22
DEAR_PILOT = 1 << 12
TIMED_PASSES = 1 << 12
LARGEST_BUDGET = 1e18
MOST_SAMPLES = 10**15


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
            *self._sampled("iid", self._iid_cost, budget),
            *self._sampled("iid:tables", self._table_cost, budget),
            *self._sampled("hybrid", self._hybrid_cost, budget, self._left_by_cubic),
            *self._cascades(budget),
        ]
        return sorted(made, key=lambda forecast: (forecast.failure_upper, forecast.cost))

    def for_target(self, target: float) -> list[Forecast]:
        """The cheapest way in which each strategy is predicted to reach a failure rate."""
        reached: dict[str, Forecast] = {}
        for budget in np.geomspace(1e6, LARGEST_BUDGET, 121) * self._unit:
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
        self, strategy: str, cost: Callable[[int], float], budget: float, share: float = 1.0
    ) -> Iterator[Forecast]:
        """As many draws from a set of this share of all inputs as the budget buys."""
        affordable = _largest(lambda draws: cost(draws) <= budget, MOST_SAMPLES)
        if affordable < 1:
            return
        if share < 1 and share * self.task.size <= affordable:
            exact = max(1, math.ceil(share * self.task.size))
            yield Forecast(strategy, self.pilot.wrong, cost(exact), exact)
        else:
            upper = self._expected_bound(affordable, self.pilot.wrong / share, self.delta)
            yield Forecast(strategy, share * upper, cost(affordable), affordable)

    @property
    def _left_by_cubic(self) -> float:
        return max(self.pilot.cubic, 1 / self.task.size)

    def _iid_cost(self, draws: int) -> float:
        return self.prices.forward * forward_flops(self.model) * draws

    def _table_cost(self, draws: int) -> float:
        passes = self.prices.cheap * table_forward_flops(self.model) * draws
        return self.prices.proof * sequence_table_flops(self.model) + passes

    def _hybrid_cost(self, draws: int) -> float:
        screen = CubicScreen()
        proof = screen.flops(self.model) + screen.draw_flops(self.model, draws)
        return self.prices.proof * proof + self._iid_cost(draws)

    def _cascade_cost(self, draws: int, share: float) -> float:
        """Tables and checks; from a residue, its count and drawing from it chunk by chunk."""
        model, prices = self.model, self.prices
        proof = sequence_table_flops(model) + copying_table_flops(model, cubic=False)
        if share < 1:
            screen, (chunks, rest) = CubicScreen(), divmod(draws, RESIDUE_CHUNK)
            proof += screen.flops(model) + chunks * screen.draw_flops(model, RESIDUE_CHUNK)
            proof += screen.draw_flops(model, rest)
        kept = min(self.pilot.copying / share, 1.0)
        check = copying_flops(model) + kept * table_forward_flops(model)
        return prices.proof * proof + prices.cheap * check * draws

    def _cascades(self, budget: float) -> Iterator[Forecast]:
        """From all inputs, and from what the cubic screen leaves."""
        for name, share in (("cascade", 1.0), ("cascade:cubic", self._left_by_cubic)):
            cost = partial(self._cascade_cost, share=share)
            for forecast in self._sampled(name, cost, budget, share):
                passes = forecast.budget * min(self.pilot.copying / share, 1.0)
                limit = math.ceil(passes + 4 * math.sqrt(passes) + 10)
                yield replace(forecast, budget=limit, draws=forecast.budget)

    @staticmethod
    def _expected_bound(draws: int, rate: float, delta: float) -> float:
        expected = min(round(draws * rate), draws)
        return float(clopper_pearson(expected, draws, delta=delta, side="upper").upper)


def _largest(holds: Callable[[int], bool], most: int) -> int:
    """The largest integer up to `most` at which a condition that fails from some point on holds."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def run_pilot(model: Transformer, task: MaxOfK, seed: int, target: float | None = None) -> Pilot:
    """Estimate the shares from draws of the pilot's own stream.

    CHEAP_PILOT draws see the copying check and DEAR_PILOT the additive one; a target, which a
    pilot has to resolve, makes it up to MOST_PILOT cheap draws.
    """
    draws = CHEAP_PILOT if target is None else int(min(max(CHEAP_PILOT, 10 / target), MOST_PILOT))
    stream = Stream.from_seed(seed).fold_in("plan")
    tables = SequenceTables.of(model)
    copying, exact = CopyingCheck.quadratic(tables), TableForwardCheck(tables)
    additive = AdditiveCheck(tables)
    cheap = stream.fold_in("cheap")

    def left_of(start: int) -> np.ndarray:
        tokens = task.sample(cheap, start, min(start + CHEAP_PILOT, draws))
        return tokens[copying.uncertified(tokens)]

    chunks = range(0, draws, CHEAP_PILOT)
    left = np.concatenate(list(parallel_map(left_of, chunks, "pilot")))
    wrong = int(exact.uncertified(left).sum())
    few = task.sample(stream.fold_in("dear"), 0, DEAR_PILOT)
    uncertified = int(additive.uncertified(few).sum())
    flops = sequence_table_flops(model) + copying_table_flops(model, cubic=False)
    flops += draws * copying.flops + len(left) * exact.flops + DEAR_PILOT * additive.flops
    return Pilot(
        wrong=(wrong + 0.5) / (draws + 1),
        copying=(len(left) + 0.5) / (draws + 1),
        cubic=max((uncertified + 0.5) / (DEAR_PILOT + 1), (wrong + 0.5) / (draws + 1)),
        flops=flops,
    )


def planned(question: Question, meter: CostMeter) -> tuple[str, Question]:
    """The strategy that a pilot predicts to be best for the operations left, with its knobs.

    Raises:
        UserError: if no strategy fits what the pilot leaves of the budget.
    """
    model, task = question.model, question.task
    with meter.phase("pilot that plans", "sampling") as phase:
        pilot = run_pilot(model, task, question.seed)
        phase.flops = pilot.flops
    budget = question.budget_flops or question.budget * forward_flops(model)
    planner = Planner(model, task, question.delta, pilot, prices_in_flops())
    forecasts = planner.forecasts(float(budget - pilot.flops))
    if not forecasts:
        raise UserError(
            f"a budget of {budget:.2g} operations is too small to plan: the pilot takes "
            f"{pilot.flops:.2g}; name a strategy instead"
        )
    best = forecasts[0]
    return best.strategy, replace(question, budget=best.budget, draws=best.draws)


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
