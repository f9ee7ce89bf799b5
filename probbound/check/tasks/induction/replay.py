"""The counts behind a certificate of induction, counted again (docs/induction.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from probbound.check.bounds import up
from probbound.check.compare import disagreements, other_counts, require
from probbound.check.expected import Facts
from probbound.check.models.transformer.answers import leads
from probbound.check.models.transformer.network import Network
from probbound.check.models.transformer.prices import price
from probbound.check.report import Refused
from probbound.check.stream import Stream
from probbound.check.tasks.arithmetic import Terms, claimed_facts, expected, form_of
from probbound.check.tasks.follow_up import planned_draws
from probbound.check.tasks.induction.left import Left
from probbound.check.tasks.induction.plan import Plan, is_planned, made_again
from probbound.check.tasks.induction.prices import lookup_price, soft_price
from probbound.check.tasks.induction.recipe import EVERY, PAIRS, SOFT, Recipe, recipe_of
from probbound.check.tasks.induction.screens import Screens
from probbound.check.tasks.induction.sequences import MOST_DRAWS, Sequences, labels_of
from probbound.check.tasks.on_screens import PILOT, passed_through, require_levels


@dataclass(frozen=True)
class Asked:
    """A certificate and the network that it is about."""

    predicate: Mapping[str, Any]
    network: Network

    @cached_property
    def recipe(self) -> Recipe:
        """What ran."""
        return recipe_of(self.predicate["ran"]["recipe"], self.predicate["claim"])

    @cached_property
    def sequences(self) -> Sequences:
        """Those that the claim is about."""
        return Sequences.of(self.predicate["claim"]["population"])

    @cached_property
    def screens(self) -> Screens:
        """Those of the network."""
        return Screens(self.network.weights, self.sequences, self.network.margin)

    @property
    def stream(self) -> Stream:
        """The certifying stream."""
        return Stream.of_seed(self.predicate["seed"]).named("certify")

    def counted(self) -> Facts:
        """The facts of the certificate.

        Raises:
            Refused: if its levels are not those of what ran.
        """
        recipe = self.recipe
        require_levels(self.predicate, recipe, recipe.screen)
        if recipe.cascade:
            return self._cascade()
        if recipe.screen is not None:
            return self._behind(self._left())
        if recipe.run == EVERY:
            return self._cases() if recipe.budgeted else self._every_case()
        return self._sampled(1.0, None) if recipe.budgeted else self._every()

    def fresh(self, stream: Stream, draws: int) -> tuple[float, int]:
        """The share that an enumerated screen leaves, 1 without, and failures of draws from it."""
        left, share = None, 1.0
        if self.recipe.run == EVERY:
            given = int(self.predicate["claim"]["at"])
            cases = self.sequences.cases_drawn(stream, draws, given)
            return share, sum(not self.screens.proves(case) for case in cases)
        if self.recipe.screen is not None and not self.recipe.cascade:
            left = self._left()
            share = left.share(self.sequences.size)
        if share == 0:
            return share, 0
        return share, self._failures(self._drawn(stream, draws, left, share))

    def _left(self) -> Left:
        if self.recipe.screen == PAIRS:
            return self.screens.by_pairs()
        return self.screens.by_tree(self.recipe.nodes or 0, self._not_leading)

    def _every(self) -> Facts:
        """All sequences, each run."""
        size = self.sequences.size
        if size > MOST_DRAWS:
            raise Refused(f"{size} sequences are more than are independently re-checked")
        sets = [
            self.sequences.matched(query, place)
            for query in range(self.sequences.v)
            for place in self.sequences.places
        ]
        return Facts(up(Fraction(self._failures(Left(np.array(sets)).everything()), size)))

    def _behind(self, left: Left) -> Facts:
        """What a screen leaves: conceded, or run in full, or sampled (1.6)."""
        share, budget = left.share(self.sequences.size), self.predicate["ran"]["budget"]
        if not self.recipe.budgeted:
            return Facts(share)
        listed = form_of(self.predicate, "") == "screen, all run"
        if listed != left.covered_by(budget):
            raise Refused("all that the screen leaves is run where the budget covers it, and only")
        if listed:
            found, number = self._failures(left.everything()), left.tickets
            return Facts(share, number, number, number, found)
        return self._sampled(share, left)

    def _sampled(self, share: float, left: Left | None) -> Facts:
        draws = self.predicate["ran"]["budget"]
        named = "inputs" if share == 1 else "residue"
        wrong = self._failures(self._drawn(self.stream.named(named), draws, left, share))
        return Facts(share, draws, draws, draws, wrong)

    def _cases(self) -> Facts:
        """Cases drawn, each proved right on every filling or counted (10.12 a)."""
        draws, stream = self.predicate["ran"]["budget"], self.stream.named("cases")
        given = int(self.predicate["claim"]["at"])
        wrong = sum(
            not self.screens.proves(case)
            for case in self.sequences.cases_drawn(stream, draws, given)
        )
        return Facts(1.0, draws, draws, draws, wrong)

    def _every_case(self) -> Facts:
        """All cases, each proved right on every filling or counted (10.12 b)."""
        given = int(self.predicate["claim"]["at"])
        number = self.sequences.number_of_cases(given)
        if number > MOST_DRAWS:
            raise Refused(f"{number} cases are more than are independently re-checked")
        cases = self.sequences.every_case(given)
        wrong = sum(not self.screens.proves(case) for case in cases)
        return Facts(up(Fraction(wrong, number)))

    def _drawn(
        self, stream: Stream, draws: int, left: Left | None, share: float
    ) -> Iterator[np.ndarray]:
        """From what is left, or from all sequences where that is everything."""
        if left is None or share == 1:
            return self.sequences.drawn(stream, draws)
        return left.drawn(stream, draws)

    def _cascade(self) -> Facts:
        """Draws of all sequences through look-ups, then as many as the budget allows run (4.21)."""
        budget, name = self.predicate["ran"]["budget"], self.recipe.screen
        unproved = self.screens.unproved(name)
        draws, stopped = self.predicate["sampling"]["draws"], self.predicate["stopped_at"]
        planned = stopped
        if self.recipe.target is None and stopped is None:
            planned = self.recipe.draws
            if planned is None:
                pilot = self.sequences.drawn(self.stream.named("pilot"), PILOT)
                passed = sum(int(unproved(tokens).sum()) for tokens in pilot)
                each = soft_price if name == SOFT else lookup_price
                worth = budget * self._price / each(self.sequences.n)
                planned = planned_draws(budget, passed, PILOT, worth)
        if planned not in (None, draws):
            raise Refused(f"it makes {draws} draws, and {planned} were fixed beforehand")
        parts = self.sequences.drawn(self.stream.named("draws"), draws)
        return passed_through(parts, unproved, self._wrong, budget)

    @property
    def _price(self) -> int:
        return price(self.network.weights.configuration, self.sequences.n, real=True)

    def _failures(self, parts: Iterator[np.ndarray]) -> int:
        return sum(int(self._wrong(tokens).sum()) for tokens in parts)

    def _wrong(self, tokens: np.ndarray) -> np.ndarray:
        """Which sequences (m, n) are not certainly right."""
        return self._not_leading(tokens, labels_of(tokens))

    def _not_leading(self, tokens: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Which do not certainly have their label ahead by more than the margin (9.3)."""
        if not len(tokens):
            return np.zeros(0, dtype=bool)
        return ~leads(self.network.outcomes_with_radii(tokens), labels, self.network.margin)


def confirmed(predicate: Mapping[str, Any], network: Network) -> Iterator[str]:
    """What holds computed again, sentence by sentence.

    Raises:
        Refused: at the first thing that does not.
    """
    if predicate["delta_chosen"]:
        raise Refused("of induction δ is not chosen by a plan")
    asked = Asked(predicate, network)
    if is_planned(predicate):
        _require_planned(asked)
        yield "what was planned before the draws was planned again, and is what ran"
    recipe = asked.recipe
    cheap = (recipe.screen or "") if recipe.cascade else ""
    facts = claimed_facts(predicate, cheap, recipe.run)
    theorem = "10.12" if recipe.run == EVERY else "1.5"
    terms = Terms(asked.sequences.size, cheap, recipe.target, run=recipe.run, theorem=theorem)
    require(disagreements(predicate, expected(predicate, facts, terms)))
    yield "the ledger adds up, and the bound follows from the counts"
    again = asked.counted()
    require(other_counts(facts, again))
    require(disagreements(predicate, expected(predicate, again.conceding(facts), terms)))
    yield "screens and samples were computed again, with counts no higher"


def fresh(
    predicate: Mapping[str, Any], network: Network, stream: Stream, draws: int
) -> tuple[float, int]:
    """The share that a screen leaves, if one is run, and the failures of draws from it."""
    return Asked(predicate, network).fresh(stream, draws)


def _require_planned(asked: Asked) -> None:
    """That what ran is what the rule gives.

    Raises:
        Refused: if it is not.
    """
    plan = made_again(asked.predicate, asked.screens, asked.stream)
    said = Plan(asked.recipe, asked.predicate["ran"]["budget"])
    if said != plan:
        raise Refused(f"its plan is {said.sentence}; made again it is {plan.sentence}")
