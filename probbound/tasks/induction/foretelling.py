"""Forecasts of induction for `probbound plan`: what every strategy would certify, and at what cost.

A look, by a stream of its own, says what is wrong and what screens leave; no budget pays for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from probbound.contract.cost import CostMeter
from probbound.machine.errors import UserError
from probbound.planning.forecast import Forecast, cheapest_for
from probbound.planning.foretold import Foretold, Wish
from probbound.strategies.follow_up import passes_for
from probbound.strategies.laws import FixedNumber, FixedOrInterrupted, Law
from probbound.strategies.levels import MOST_DRAWS
from probbound.tasks.given import Given
from probbound.tasks.induction.asking import asked, task_for
from probbound.tasks.induction.forecast import Tree
from probbound.tasks.induction.grammar import (
    BRUTE_FORCE,
    HYBRID,
    IID,
    MOST_NODES,
    PAIRS,
    TREE,
    parsed,
)
from probbound.tasks.induction.looking import Seen, looked
from probbound.tasks.induction.question import MOST_RUN, InductionQuestion
from probbound.tasks.induction.screens.look_ups import LOOK_UPS

_PARTS = 10  # a hybrid spends so many different parts of its budget on a tree


def foretold(model: object, wish: Wish) -> Foretold:
    """What every strategy is predicted to give, best first; of a universal claim of cases.

    Raises:
        UserError: if the network or the claim cannot be used, δ is to be chosen, or seconds are
            named.
    """
    if wish.unit == "seconds":
        raise UserError(
            "of induction forecasts are made for operations and for a target; give --budget-flops "
            "or --target"
        )
    if wish.delta is None:
        raise UserError("of induction δ is not chosen by a plan; give --delta a number")
    meter, question = CostMeter(), _question(model, wish)
    planner = Planner(question, looked(question, meter))
    seen = planner.seen
    found = planner.forecasts
    if wish.unit == "target":
        forecasts = cheapest_for(wish.amount, found, named=_without_nodes)
    else:
        forecasts = found(wish.amount)
    return Foretold(
        forecasts=forecasts,
        pilot={"inputs": seen.pilot, "wrong": seen.wrong},
        left=dict(seen.left),
        wrong=seen.wrong,
        flops=meter.total().flops,
        unseen="never looked at",
        said=tuple(seen.said),
    )


def _without_nodes(name: str) -> tuple[str, str]:
    taken_apart = parsed(name)
    return taken_apart.kind, taken_apart.screen


def _question(model: object, wish: Wish) -> InductionQuestion:
    return asked(
        *(model, wish.inputs or task_for(model, None), wish.claim, IID),
        Given(0, wish.delta, wish.seed),
    )


@dataclass(frozen=True)
class Planner:
    """Forecasts of a question from what was seen before any draw."""

    question: InductionQuestion
    seen: Seen

    def forecasts(self, amount: float) -> list[Forecast]:
        """Every strategy that so many operations pay for, best first."""
        made = [*self._plain(amount)]
        if self.question.claim.revealed is None:
            made += [*self._cascade(amount), *self._pairs(amount), *self._trees(amount)]
        return sorted(made, key=lambda forecast: (forecast.failure_upper, forecast.cost))

    @property
    def _once(self) -> int:
        """What forward passes take once."""
        return 0 if self.question.claim.revealed is not None else self.question.once_flops

    @property
    def _each(self) -> int:
        """What one takes, or a case; no more than it is planned by (10.14)."""
        of_cases = self.question.claim.revealed is not None
        return self.question.price if of_cases else self.question.exact.flops

    def _plain(self, amount: float) -> Iterator[Forecast]:
        """All of them run, or draws of all."""
        question, once = self.question, self._once
        every = once + question.number * self._each
        if question.number <= MOST_RUN and every <= amount:
            yield self._certain(BRUTE_FORCE, 1.0, every)
        yield from self._drawn(IID, 1.0, once, self._each, amount)

    def _cascade(self, amount: float) -> Iterator[Forecast]:
        """Draws that pass look-ups before they are run."""
        question, law = self.question, FixedOrInterrupted(self.question.delta)
        for name, kept in self.seen.kept.items():
            way = LOOK_UPS[name]
            before = self._once + way.made_for(question).flops
            each, rest = way.operations(question.task.n_ctx), Fraction(amount) - before
            draws = min(MOST_DRAWS, math.floor(rest / (each + kept * self._each)))
            if draws < 1:
                continue
            budget = passes_for(draws, kept, rest, each, self._each)
            cost = before + draws * (each + kept * self._each)
            made = self._by_chance(name, 1.0, law, draws, cost)
            yield replace(made, budget=budget, draws=draws)

    def _pairs(self, amount: float) -> Iterator[Forecast]:
        """All cases at once, and perhaps draws of what is left."""
        seen = self.seen
        if seen.pairs is None or seen.pairs == 1:
            return
        cost = seen.pairs_flops
        if cost <= amount:
            yield self._certain(PAIRS, seen.pairs, cost)
        yield from self._behind(f"{HYBRID}:{PAIRS}", seen.pairs, cost, amount)

    def _trees(self, amount: float) -> Iterator[Forecast]:
        """A tree of as many nodes as can be paid for, or of fewer and draws of what they leave."""
        tree, rest = self.seen.tree, amount - self.seen.pairs_flops
        if tree is None or rest <= 0:
            return
        yield from self._tree(tree, rest)
        parts = [rest * part / _PARTS for part in range(1, _PARTS)]
        hybrids = [one for part in parts for one in self._hybrid(tree, part, amount)]
        if hybrids:
            yield min(hybrids, key=lambda forecast: (forecast.failure_upper, forecast.cost))

    def _tree(self, tree: Tree, rest: float) -> Iterator[Forecast]:
        """All that it is foretold to have, or as much of it as can be paid for."""
        spent, whole = min(rest, tree.operations.value), tree.nodes
        nodes, share = self._within(tree, spent)
        if spent < rest:
            nodes = math.ceil(whole.value + 3 * whole.error)
        if nodes <= MOST_NODES:
            yield self._certain(f"{TREE}:{nodes}", share, self.seen.pairs_flops + spent)

    def _hybrid(self, tree: Tree, spent: float, amount: float) -> Iterator[Forecast]:
        nodes, share = self._within(tree, spent)
        if spent < tree.operations.value and nodes <= MOST_NODES:
            before = self.seen.pairs_flops + spent
            yield from self._behind(f"{HYBRID}:{TREE}:{nodes}", share, before, amount)

    def _within(self, tree: Tree, spent: float) -> tuple[int, float]:
        """Nodes that can be paid for, and the share that is left: what waits then, and what is
        wrong of the rest, which was run.
        """
        nodes, waiting = tree.within(spent)
        of_all = waiting / self.question.task.size
        return max(1, math.ceil(nodes)), of_all + self.seen.wrong * (1 - waiting / tree.sequences)

    def _behind(
        self, name: str, share: float, cost: int | float, amount: float
    ) -> Iterator[Forecast]:
        """Forward passes on draws from what a screen left."""
        each = self._each + 2 * self.question.task.n_ctx
        yield from self._drawn(name, share, self._once + cost, each, amount)

    def _drawn(
        self, name: str, share: float, before: int | float, each: int, amount: float
    ) -> Iterator[Forecast]:
        """As many draws from a share as can be paid for, or each of its members once."""
        draws = min(MOST_DRAWS, math.floor((amount - before) / each))
        if draws < 1:
            return
        members = math.ceil(share * self.question.number)
        if members == 0:
            return  # the screen alone says as much
        if share < 1 and members <= draws:
            yield self._certain(name, share, before + members * each, draws)
            return
        law = FixedNumber(self.question.delta, "1.5")
        yield self._by_chance(name, share, law, draws, before + draws * each)

    def _certain(self, name: str, share: float, cost: int | float, budget: int = 0) -> Forecast:
        """Nothing is left to chance: what a screen leaves, or what was run and is wrong."""
        every = name == BRUTE_FORCE or budget > 0
        failing = min(share, self.seen.wrong) if every else max(share, self.seen.wrong)
        return Forecast(name, failing, float(cost), budget, weighted=failing)

    def _by_chance(
        self, name: str, share: float, law: Law, draws: int, cost: int | float | Fraction
    ) -> Forecast:
        """So many draws of a share of all, as many of them wrong as the pilot lets expect."""
        failing = round(draws * min(self.seen.wrong / share, 1.0))
        bound = share * law.bound(failing, draws, interrupted=False).share_upper
        delta = self.question.delta
        weighted = (1 - delta) * bound + delta * share
        return Forecast(name, bound, float(cost), draws, delta=delta, weighted=weighted)
