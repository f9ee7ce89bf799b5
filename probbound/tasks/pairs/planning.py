"""The rule of "auto" over pairs, which `probbound.check` computes again (Theorem 8.16).

docs/planner.md states it; whatever is changed here is changed there and in `probbound/check`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from probbound.contract.cost import CostMeter
from probbound.strategies.follow_up import passes_for
from probbound.strategies.levels import MOST_DRAWS
from probbound.strategies.on_screens import Enumerable
from probbound.tasks.pairs.grammar import (
    BRUTE_FORCE,
    CASCADE,
    HYBRID,
    IID,
    PairGrammar,
    ScreenName,
)
from probbound.tasks.pairs.preparation import made_screen
from probbound.tasks.pairs.question import PairQuestion
from probbound.tasks.pairs.recipes import LEVELS, PairRecipes
from probbound.tasks.pairs.screens.choice import STEP, chosen_ranks, tried_pairs
from probbound.tasks.pairs.screens.gate_directions import left_beyond_flops
from probbound.tasks.pairs.screens.registry import GATES, LOW_RANK, ROTATING_FRAME, SCREENS
from probbound.tasks.pairs.screens.room import MOST_NUMBERS, gates_numbers, low_rank_numbers
from probbound.tasks.pairs.tariff import Price, Tariff

SPECTRUM_SHARE, SCREEN_SHARE = Fraction(1, 8), Fraction(5, 8)


@dataclass(frozen=True)
class Offer:
    """A strategy with its knobs, and what it takes from now on.

    Its bound will rest on so many `samples` of a `share` of all pairs; without, every pair is
    foretold to be proved or run. `screen` is the one that runs on all pairs.
    """

    strategy: str
    cost: int
    share: Fraction = Fraction(1)
    samples: int | None = None
    budget: int = 0
    draws: int | None = None
    screen: str = ""

    @property
    def value(self) -> Fraction:
        """What its bound is foretold to be in proportion to, should no sample fail."""
        return Fraction(0) if self.samples is None else self.share / max(self.samples, 1)


@dataclass(frozen=True)
class Ranked:
    """A screen that runs on all pairs: its price, and the numbers that it holds, at each rank."""

    name: str
    price: Callable[[int], Price]
    numbers: Callable[[int], int]


@dataclass
class Look:
    """What was spent of `amount`, and what was seen so far."""

    grammar: PairGrammar
    question: PairQuestion
    meter: CostMeter
    tariff: Tariff
    amount: int
    spent: int = 0
    offers: list[Offer] = field(default_factory=list)
    unbooked: dict[str, Enumerable] = field(default_factory=dict)

    @property
    def stake(self) -> int:
        """What there is to lose: the budget, or brute force where that is less."""
        return min(self.amount, self.tariff.brute_force)

    @property
    def drawing(self) -> int:
        """What is left for draws."""
        return self.amount - self.spent - self.tariff.tables

    @property
    def exact(self) -> bool:
        """Whether some offer is foretold to leave nothing to chance."""
        return any(offer.samples is None for offer in self.offers)

    @property
    def best(self) -> Offer:
        """The least foretold, and of equals the cheapest."""
        return min(self.offers, key=lambda offer: (offer.value, offer.cost))

    def affords(self, price: Price) -> bool:
        """Whether making a screen and running it takes no more than its share."""
        return self.spent + price.made + price.all_pairs <= SCREEN_SHARE * self.stake

    def holds(self, kind: Ranked, rank: int) -> bool:
        """Whether a screen can be afforded and held."""
        return self.affords(kind.price(rank)) and kind.numbers(rank) <= MOST_NUMBERS

    def ranks(self) -> dict[str, int]:
        """Of the screens with ranks, from the spectrum of the output matrix, if that is little."""
        if self.tariff.spectrum > SPECTRUM_SHARE * self.stake:
            return {}
        folded = self.question.folded
        with self.meter.phase("plan: spectrum", "proof", left_beyond_flops(folded)):
            found = chosen_ranks(folded)
        self.spent += self.tariff.spectrum
        return found

    def left_by(self, name: ScreenName, price: Price, *, on_all: bool) -> Fraction:
        """The share of pairs that a screen is foretold to leave."""
        screen = made_screen(self.grammar, name, self.question, self.meter, on_all=on_all)
        pairs = tried_pairs(self.question.folded)
        with self.meter.phase(f"plan: {name.base} on some", "proof", len(pairs) * screen.flops):
            left = int(screen.uncertified(pairs).sum())
        self.spent += price.made
        if on_all:
            self.unbooked[name.base] = screen
        return Fraction(2 * left + 1, 2 * len(pairs) + 2)

    def tabled(self, name: ScreenName, price: Price) -> None:
        """A screen run on all pairs, and passes for what it leaves."""
        share = self.left_by(name, price, on_all=True)
        passes = (self.drawing - price.all_pairs) // self.tariff.forward
        if passes < 1:
            return
        members = math.ceil(share * self.tariff.pairs)
        offer = Offer(
            strategy=f"{HYBRID}:{name.base}:{name.rank}",
            cost=price.all_pairs + self.tariff.tables + min(members, passes) * self.tariff.forward,
            share=share,
            samples=None if members <= passes else passes,
            budget=min(passes, MOST_DRAWS),
            screen=name.base,
        )
        self.offers.append(offer)

    def drawn(self, name: ScreenName, price: Price) -> None:
        """Draws that pass a screen of single pairs before they are run."""
        kept = self.left_by(name, price, on_all=False)
        draws = min(MOST_DRAWS, int(self.drawing / (price.one + kept * self.tariff.forward)))
        if draws < 1:
            return
        rest = Fraction(self.drawing)
        offer = Offer(
            strategy=f"{CASCADE}:{name.base}",
            cost=self.drawing,
            samples=draws,
            budget=passes_for(draws, kept, rest, price.one, self.tariff.forward),
            draws=draws,
        )
        self.offers.append(offer)

    def plain(self) -> None:
        """Every pair run, or draws of all."""
        tariff = self.tariff
        if tariff.brute_force <= self.amount - self.spent:
            self.offers.append(Offer(BRUTE_FORCE, tariff.brute_force))
        draws = min(MOST_DRAWS, max(0, self.drawing // tariff.forward))
        cost = tariff.tables + draws * tariff.forward
        self.offers.append(Offer(IID, cost, samples=draws, budget=draws))

    def book_what_is_not_run(self, taken: Offer) -> None:
        """The tables of screens that were looked at; one that runs books its own."""
        for base, screen in self.unbooked.items():
            if taken.screen != base:
                self.meter.record(
                    f"plan: {base} tables", "proof", SCREENS[base].tables(screen), 0.0
                )


def chosen(
    grammar: PairGrammar, question: PairQuestion, meter: CostMeter
) -> tuple[str, PairQuestion]:
    """What is foretold to give the least for the budget.

    Looks at weights and at pairs that are the same for every seed; nothing is drawn.
    """
    look = looked(grammar, question, meter)
    best = look.best
    look.book_what_is_not_run(best)
    return best.strategy, replace(question, budget=best.budget, draws=best.draws)


def looked(grammar: PairGrammar, question: PairQuestion, meter: CostMeter) -> Look:
    """All that the rule looks at for the operations of a question, with an offer of each."""
    tariff, amount = Tariff.of(question), int(question.budget_flops or 0)
    look, kinds = Look(grammar, question, meter, tariff, amount), _with_ranks(grammar, tariff)
    ranks = look.ranks() if any(look.affords(kind.price(STEP)) for kind in kinds) else {}
    for kind in kinds:
        rank = ranks.get(kind.name, 0)
        if rank and look.holds(kind, rank) and not look.exact:
            look.tabled(ScreenName(kind.name, rank), kind.price(rank))
    if not look.unbooked and tariff.brute_force > amount:
        _turned(look)
    look.plain()
    return look


def _with_ranks(grammar: PairGrammar, tariff: Tariff) -> list[Ranked]:
    """The screens that a task has of those that run on all pairs, cheap ones first."""
    values = tariff.p
    every = (
        Ranked(GATES.name, tariff.gates, lambda rank: gates_numbers(values, rank, LEVELS)),
        Ranked(LOW_RANK.name, tariff.low_rank, lambda _: low_rank_numbers(values)),
    )
    return [kind for kind in every if kind.name in grammar.screens]


def _turned(look: Look) -> None:
    """The screen for large p, where there is one and it can be made."""
    name, tariff = ScreenName(ROTATING_FRAME.name), look.tariff
    if name.base not in look.grammar.screens:
        return
    settings = PairRecipes(look.grammar).settings(name, tariff.pairs)
    waves, beside = int(settings["waves"] or 0), int(settings["beside"] or 0)
    price = tariff.rotating_frame(waves, beside)
    usable = waves >= 1 and 2 * waves + beside <= tariff.few
    if usable and look.spent + price.made <= SCREEN_SHARE * look.stake:
        look.drawn(name, price)
