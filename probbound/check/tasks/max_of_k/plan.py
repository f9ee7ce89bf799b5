"""The plan of a question, made again by the rule of docs/planner.md (Theorem 6.10)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from probbound.check.models.attention_only.network import Copying, Network
from probbound.check.prior import Law
from probbound.check.report import Refused
from probbound.check.tasks.max_of_k.chosen_delta import (
    CANDIDATES,
    best_delta,
    chosen_delta,
    planning,
    sampled_by,
)
from probbound.check.tasks.max_of_k.foretold import Foretold
from probbound.check.tasks.max_of_k.gapped import Gapped
from probbound.check.tasks.max_of_k.pilot import Pilot, share_seen
from probbound.check.tasks.max_of_k.recipe import (
    ALL_RUN,
    CHECKED,
    LOOKED_UP,
    RUN,
    SUB_CUBIC,
    Recipe,
    Screen,
    run_by,
)
from probbound.check.tasks.max_of_k.replay import MOST_DRAWS, Leftover, coins_of
from probbound.check.tasks.max_of_k.tariff import Tariff
from probbound.check.tasks.recipes import FIXED, FIXED_OR_INTERRUPTED

SCREEN = Screen(SUB_CUBIC)
_SCREEN_ALONE = Recipe(SCREEN, ())
ON_SCREEN = Recipe(SCREEN, CHECKED, FIXED_OR_INTERRUPTED)
_CHECKED = Recipe(None, CHECKED, FIXED_OR_INTERRUPTED)
_LOOKED_UP, _RUN = Recipe(None, LOOKED_UP, FIXED), Recipe(None, RUN, FIXED)
_ALL_RUN = Recipe(None, ALL_RUN)
_MOST_BRUTE_FORCE = 10**12
_NEAR = 1.001
_SPENT, _FOR_TABLES = Fraction(199, 200), Fraction(9, 10)
_PILOT, _SECOND_PILOT, _FIRST_BATCH = Fraction(1, 40), Fraction(1, 100), Fraction(1, 8)


@dataclass(frozen=True)
class Plan:
    """What runs, with how many forward passes; the δ is None if nothing is by chance."""

    recipe: Recipe
    budget: int | None
    delta: float | None

    @property
    def sentence(self) -> str:
        """For people."""
        drawn = "" if self.recipe.draws is None else f", draws {self.recipe.draws}"
        return f"{self.recipe.text} with budget {self.budget}{drawn} and δ {self.delta!r}"


@dataclass(frozen=True)
class Pool:
    """A share of all inputs, of which the copying check leaves `kept` and `wrong` are wrong.

    `members` is how many it has, None if they cannot be listed; a draw takes `each` operations.
    """

    share: Fraction
    kept: Fraction
    wrong: Fraction
    members: int | None = None
    each: int = 0

    def part(self, share: Fraction, members: int | None, each: int) -> Pool:
        """One that holds all that is kept or wrong, as far as it can."""
        kept, wrong = (
            min(rate / share, Fraction(1)) if share else Fraction(0)
            for rate in (self.kept, self.wrong)
        )
        return Pool(share, kept, wrong, members, each)


@dataclass(frozen=True)
class Offer:
    """What a recipe is forecast to give, the less the better."""

    recipe: Recipe
    value: float
    draws: int = 0
    delta: float | None = None

    @property
    def plan(self) -> Plan:
        """With its draws as the budget of inputs, if it has a use for one."""
        return Plan(self.recipe, self.draws if self.recipe.budgeted else None, self.delta)


class Planning:
    """The operations of a question that asks for `auto`, and what was spent of them."""

    def __init__(self, predicate: Mapping[str, Any], network: Network, law: Law) -> None:
        self.predicate, self.network, self.law = predicate, network, law
        self.tariff = Tariff(*network.weights.sizes)
        self.amount = Fraction(float(predicate["budget_flops"]))
        self.delta = None if predicate["delta_chosen"] else predicate["delta_allowed"]
        self.spent = 0
        self.left: Leftover | None = None

    @property
    def rest(self) -> Fraction:
        """What may still be spent."""
        return _SPENT * self.amount - self.spent

    def plan(self) -> Plan:
        """The plan.

        Raises:
            Refused: if the operations pay for none.
        """
        if not tables_pay(self.amount, self.tariff):
            return self._without_tables()
        pilot = Pilot(self.network, self.tariff, Copying(self.network, cubic=False))
        inputs, beyond, seen = self._looked(pilot)
        best = _taken(self._offers(inputs, beyond))
        if best is not None and best.recipe == ON_SCREEN:
            inputs, beyond = self._screened(pilot, inputs, seen)
            best = _taken(self._offers(inputs, beyond)) or Offer(_SCREEN_ALONE, 1.0)
        return self._with_passes(_required(best), beyond or inputs, inputs)

    def _without_tables(self) -> Plan:
        seen = share_seen(0, 0)
        if self.delta is None:
            allowance = float(_PILOT * self.amount / 2)
            found = Pilot(self.network, self.tariff).look(self._inputs(), allowance)
            self.spent, seen = found.draws * self.tariff.forward, found.failing
        pool = Pool(Fraction(1), Fraction(1), seen)
        offers = [*self._brute_force(seen), *self._sampled(_RUN, pool, self.tariff.forward)]
        return _required(offers[0] if offers else None).plan

    def _looked(self, pilot: Pilot) -> tuple[Pool, Pool | None, int]:
        """All inputs, what the screen is foretold to leave if it may be run, and the draws seen."""
        tariff, room = self.tariff, self.amount - self.tariff.tables
        allowance, sample = _PILOT * room, self._inputs()
        seen = pilot.look(sample, float(allowance / 2), ceiling=float(_FIRST_BATCH * room))
        self.spent = tariff.tables + seen.draws * tariff.look + seen.left * tariff.from_tables
        inputs, starts = Pool(Fraction(1), seen.kept, seen.failing), tariff.starts
        if starts is None or seen.draws == 0:
            return inputs, None, seen.draws
        if tariff.screen(starts) > room or tariff.brackets > 2 * allowance:
            return inputs, None, seen.draws
        left = Foretold(self.network).left(sample(0, seen.draws))
        self.spent += tariff.brackets + seen.draws * tariff.bracket_look
        share = max(share_seen(left, seen.draws), seen.failing)
        members = math.ceil(share * self._everything)
        return inputs, inputs.part(share, members, tariff.gapped(starts, 1)), seen.draws

    def _screened(self, pilot: Pilot, inputs: Pool, looked: int) -> tuple[Pool, Pool]:
        """The same, once the screen has been run and draws of what it left looked at."""
        left = Gapped(self.network, SCREEN, self.law, coins_of(self.predicate, ON_SCREEN))
        self.left, tariff = left, self.tariff
        self.spent += tariff.screen(left.gaps.starts)
        share, each = left.size / self._everything, left.operations(1)
        beyond = inputs.part(share, left.tickets if left.one_each else None, each)
        if not left.tickets:
            return inputs, beyond
        stream = planning(self.predicate["seed"], f"residue of {SCREEN.text}")
        sample = sampled_by(self.network, left, self.law, stream)
        seen = pilot.look(sample, float(_SECOND_PILOT * self.amount), left.operations)
        self.spent += seen.draws * (tariff.look + each) + seen.left * tariff.from_tables
        if seen.draws:
            beyond = replace(beyond, kept=seen.kept, wrong=seen.failing)
        if seen.draws > looked * share:
            inputs = replace(inputs, wrong=share * seen.failing)
        return inputs, beyond

    def _inputs(self) -> Any:
        stream = planning(self.predicate["seed"], "inputs")
        return sampled_by(self.network, None, self.law, stream)

    @property
    def _everything(self) -> int:
        return self.tariff.v**self.tariff.k

    def _offers(self, inputs: Pool, beyond: Pool | None) -> list[Offer]:
        look, run, starts = self.tariff.look, self.tariff.from_tables, self.tariff.starts
        made = self._sampled(_CHECKED, inputs, look + inputs.kept * run)
        made += self._sampled(_LOOKED_UP, inputs, run)
        if beyond is not None:
            each = beyond.each + look + beyond.kept * run
            unpaid = self.tariff.screen(starts) if starts and self.left is None else 0
            made += self._sampled(ON_SCREEN, beyond, each, unpaid)
        return [*made, *self._brute_force(inputs.wrong)]

    def _sampled(
        self, recipe: Recipe, pool: Pool, each: Fraction | int, unpaid: int = 0
    ) -> list[Offer]:
        draws = min(MOST_DRAWS, math.floor((self.rest - unpaid) / each))
        if draws < 1:
            return []
        if pool.members is not None and pool.members <= draws:
            return [Offer(recipe, float(pool.share * min(pool.wrong, 1)), pool.members)]
        candidates = CANDIDATES if self.delta is None else np.array([self.delta])
        share = float(pool.share)
        found = best_delta(
            round(draws * pool.wrong), draws, share, proven=share, candidates=candidates
        )
        value = found.weighted if self.delta is None else found.failure
        return [Offer(recipe, value, draws, found.delta)]

    def _brute_force(self, wrong: Fraction) -> list[Offer]:
        fits = self.tariff.brute_force <= min(self.rest, _MOST_BRUTE_FORCE)
        return [Offer(_ALL_RUN, float(wrong))] if fits else []

    def _with_passes(self, offer: Offer, beyond: Pool, inputs: Pool) -> Plan:
        """With the limit on forward passes that chance will hardly exceed, or that is paid for."""
        if offer.recipe.rest != CHECKED:
            return offer.plan
        pool = beyond if offer.recipe == ON_SCREEN else inputs
        expected = math.ceil(offer.draws * pool.kept)
        hardly = math.ceil(Fraction(5 * expected, 4)) + 4 * (math.isqrt(expected) + 1) + 10
        unrun = offer.draws * (pool.each + self.tariff.look)
        paid = math.floor((self.rest - unrun) / self.tariff.from_tables)
        drawn = replace(offer.recipe, draws=offer.draws)
        return Plan(drawn, min(offer.draws, max(hardly, paid)), offer.delta)


def tables_pay(amount: Fraction, tariff: Tariff) -> bool:
    """Whether more passes are had with tables than without."""
    return (_FOR_TABLES * amount - tariff.tables) / tariff.from_tables > amount / tariff.forward


def _taken(offers: Sequence[Offer]) -> Offer | None:
    """The first that is as good as the best, or nearly."""
    least = min((offer.value for offer in offers), default=math.inf)
    return next((offer for offer in offers if offer.value <= _NEAR * least), None)


def _required(best: Offer | None) -> Offer:
    if best is None:
        raise Refused("no plan can be made: its budget does not pay for one forward pass")
    return best


def is_planned(predicate: Mapping[str, Any]) -> bool:
    """Whether something was decided after the question was asked, and chance has a part in it."""
    decided = predicate["recipe"] is None or predicate["delta_chosen"]
    return decided and predicate["guarantee"] != "deterministic"


def planned_again(predicate: Mapping[str, Any], network: Network, law: Law) -> Leftover | None:
    """What a screen left that was run to plan, if any.

    Raises:
        Refused: if what ran, or the δ, is not what the rule gives.
    """
    claim = predicate["claim"]
    if claim["kind"] != "accuracy" or claim["population"]["prior"] is not None:
        raise Refused("plans are made for the accuracy under a uniform prior only")
    delta = predicate["delta_allowed"]
    if predicate["recipe"] is not None:
        found, left = chosen_delta(predicate, network, law)
        if found != delta:
            raise Refused(f"its δ is {delta!r}, chosen again it is {found!r}")
        return left
    asked = Planning(predicate, network, law)
    found = asked.plan()
    wanted = replace(found, delta=found.delta if asked.delta is None else delta)
    said = Plan(run_by(predicate), predicate["ran"]["budget"], delta)
    if said != wanted:
        raise Refused(f"its plan is {said.sentence}; made again it is {wanted.sentence}")
    return asked.left if said.recipe.screen == SCREEN else None
