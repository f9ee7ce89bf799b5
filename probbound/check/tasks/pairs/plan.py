"""The plan of a question over pairs, made again by the rule of docs/planner.md (Theorem 8.16)."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from probbound.check.report import Declined, Refused
from probbound.check.tasks.arithmetic import RUN
from probbound.check.tasks.pairs.inputs import MOST_DRAWS
from probbound.check.tasks.pairs.proposal import looked_at
from probbound.check.tasks.pairs.recipe import (
    GATES,
    LOW_RANK,
    ROTATING_FRAME,
    Recipe,
    Screen,
)
from probbound.check.tasks.pairs.replay import Asked
from probbound.check.tasks.pairs.tariff import Price, Tariff
from probbound.check.tasks.pairs.waves import powers_left
from probbound.check.tasks.recipes import FIXED

_SPECTRUM, _SCREEN = Fraction(1, 8), Fraction(5, 8)
PLANNED_LEVELS, _TRIED, _MOST_NUMBERS = 8, 1 << 9, 1 << 30
_STEP, _WAVES, _BESIDE = 4, 12, 32
_DRAWN = Recipe(((RUN, "sampled"),), FIXED)
_EVERY = Recipe(((RUN, "enumerated"),))


@dataclass(frozen=True)
class Offer:
    """What is run, with what budget; of `value` and `operations`, foretold, less is better."""

    value: Fraction
    operations: int
    recipe: Recipe
    budget: int | None = None


@dataclass(frozen=True)
class Kind:
    """A screen whose directions leave at most `power`; its price, and numbers a pair, by rank."""

    name: str
    levels: int | None
    power: float
    price: Callable[[int], Price]
    numbers: Callable[[int], int]

    def rank(self, left: np.ndarray) -> int:
        """The least that leaves so little of the power."""
        return _STEP * max(1, math.ceil(int((left > self.power).sum()) / _STEP))


@dataclass(frozen=True)
class Planning:
    """A question that asks for `auto`, of a task that has the `screens`."""

    asked: Asked
    tariff: Tariff
    screens: Collection[str]
    amount: int

    @classmethod
    def of(cls, asked: Asked, screens: Collection[str]) -> Planning:
        """Of a certificate that was planned."""
        amount = int(float(asked.predicate["budget_flops"]))
        return cls(asked, Tariff.of(asked.network.weights), screens, amount)

    def best(self) -> Offer:
        """What the rule takes.

        Raises:
            Declined: if it would look at a screen that is not run again for plans.
        """
        offers, spent, tariff, looked = [], 0, self.tariff, False
        kinds = [kind for kind in self._kinds if kind.name in self.screens]
        cheap = any(self._affords(0, kind.price(_STEP)) for kind in kinds)
        if cheap and tariff.spectrum <= _SPECTRUM * self._stake:
            spent, left = tariff.spectrum, powers_left(self.asked.folded)
            for kind in kinds:
                rank = kind.rank(left)
                price = kind.price(rank)
                held = kind.numbers(rank) * tariff.p**2 <= _MOST_NUMBERS
                if rank > tariff.few or not held or not self._affords(spent, price):
                    continue
                looked, spent = True, spent + price.made
                rest = self.amount - spent - tariff.tables
                made = self._tabled(Screen(kind.name, rank, kind.levels), price, rest)
                offers += made
                if any(offer.value == 0 for offer in made):
                    break
        if not looked:
            self._require_no_frame(spent)
        if tariff.brute_force <= self.amount - spent:
            offers.append(Offer(Fraction(0), tariff.brute_force, _EVERY))
        draws = (self.amount - spent - tariff.tables) // tariff.forward
        draws = min(MOST_DRAWS, max(draws, 0))
        operations = tariff.tables + draws * tariff.forward
        offers.append(Offer(Fraction(1, max(draws, 1)), operations, _DRAWN, draws))
        return min(offers, key=lambda offer: (offer.value, offer.operations))

    @property
    def _stake(self) -> int:
        return min(self.amount, self.tariff.brute_force)

    @property
    def _kinds(self) -> tuple[Kind, Kind]:
        gates, low_rank, levels = self.tariff.gates, self.tariff.low_rank, PLANNED_LEVELS
        return (
            Kind(GATES, levels, 2.0**-14, gates, lambda rank: 3 * (rank + 1) + 4 * levels),
            Kind(LOW_RANK, None, 2.0**-8, low_rank, lambda _: 8),
        )

    def _affords(self, spent: int, price: Price) -> bool:
        return spent + price.made + price.all_pairs <= _SCREEN * self._stake

    def _tabled(self, screen: Screen, price: Price, rest: int) -> list[Offer]:
        """The screen on all pairs, and passes for what it leaves of those that are tried."""
        inputs, tariff = self.asked.inputs, self.tariff
        numbers = looked_at(inputs.size)
        numbers = numbers[:: max(1, len(numbers) // _TRIED)]
        left = len(self.asked.left_among(screen, numbers))
        passes = (rest - price.all_pairs) // tariff.forward
        if passes < 1:
            return []
        share = Fraction(2 * left + 1, 2 * len(numbers) + 2)
        members = math.ceil(share * inputs.size)
        value = Fraction(0) if members <= passes else share / passes
        operations = price.all_pairs + tariff.tables + min(members, passes) * tariff.forward
        recipe = Recipe(((screen.name, "enumerated"), (RUN, "sampled")), FIXED, screen=screen)
        return [Offer(value, operations, recipe, min(passes, MOST_DRAWS))]

    def _require_no_frame(self, spent: int) -> None:
        """That no rotating frame is looked at.

        Raises:
            Declined: if one is.
        """
        tariff = self.tariff
        waves = min(_WAVES, (tariff.p - 1) // 2)
        beside = max(0, min(_BESIDE, tariff.p - 2 * waves))
        if ROTATING_FRAME not in self.screens or tariff.brute_force <= self.amount:
            return
        if waves < 1 or 2 * waves + beside > tariff.few:
            return
        if spent + tariff.rotating_frame(waves, beside) <= _SCREEN * self._stake:
            raise Declined("plans that look at a rotating frame are not made again by this checker")


def is_planned(predicate: Mapping[str, Any]) -> bool:
    """Whether something was decided after the question was asked, and chance has a part in it."""
    decided = predicate["recipe"] is None or predicate["delta_chosen"]
    return decided and predicate["guarantee"] != "deterministic"


def require_planned(asked: Asked, screens: Collection[str]) -> None:
    """That what ran is what the rule gives.

    Raises:
        Refused: if it is not.
        Declined: if the plan is not made again.
    """
    predicate: Mapping[str, Any] = asked.predicate
    if predicate["delta_chosen"]:
        raise Declined("over pairs no δ is chosen again by this checker")
    best = Planning.of(asked, screens).best()
    said = (asked.recipe, predicate["ran"]["budget"])
    if said != (best.recipe, best.budget):
        raise Refused(
            f"its plan is {_sentence(*said)}; made again it is "
            f"{_sentence(best.recipe, best.budget)}"
        )


def _sentence(recipe: Recipe, budget: int | None) -> str:
    screen = recipe.screen
    of_rank = "" if screen is None else f" of rank {screen.rank}"
    return f"{recipe.text}{of_rank} with budget {budget}"
