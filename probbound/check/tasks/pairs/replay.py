"""The counts behind a certificate over pairs, counted again (Theorem 6.12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np

from probbound.check.bounds import up
from probbound.check.expected import Facts
from probbound.check.report import Refused
from probbound.check.stream import Stream
from probbound.check.tasks.arithmetic import form_of
from probbound.check.tasks.follow_up import planned_draws
from probbound.check.tasks.on_screens import PILOT, passed_through, require_levels
from probbound.check.tasks.pairs.entries import MOST_ENTRIES, Entries, Found
from probbound.check.tasks.pairs.folded import Folded
from probbound.check.tasks.pairs.gates import Gates
from probbound.check.tasks.pairs.inputs import Inputs
from probbound.check.tasks.pairs.kinds import KINDS, PairKind, Wrong
from probbound.check.tasks.pairs.low_rank import LowRank
from probbound.check.tasks.pairs.norms import ByNorms, integral_leads, norms_leads
from probbound.check.tasks.pairs.pattern import LOSSES, Bounded, Pattern
from probbound.check.tasks.pairs.recipe import (
    GATES,
    INTEGRAL,
    LOW_RANK,
    NORMS,
    ROTATING_FRAME,
    STRUCTURE,
    Recipe,
    Screen,
    run_by,
)
from probbound.check.tasks.pairs.rotating import Rotating


@runtime_checkable
class Check(Protocol):
    """A screen of a network: which pairs it leaves, and the price of one at most."""

    @property
    def price(self) -> int: ...

    def left(self, pairs: np.ndarray, labels: np.ndarray) -> np.ndarray: ...


def _pattern(folded: Folded, screen: Screen, margin: float) -> Pattern:
    return Pattern.of(folded, screen.rank, screen.levels or 1, margin)


_CHECKS: dict[str, Callable[[Folded, Screen, float], Check]] = {
    LOW_RANK: lambda folded, screen, margin: LowRank.of(folded, screen.rank, margin),
    GATES: lambda folded, screen, margin: Gates.of(folded, screen.rank, screen.levels or 1, margin),
    ROTATING_FRAME: lambda folded, screen, margin: Rotating.of(
        folded, screen.waves, screen.beside, margin
    ),
    STRUCTURE: lambda folded, screen, margin: Bounded(
        _pattern(folded, screen, margin), LOSSES[screen.noise]
    ),
    NORMS: lambda folded, screen, margin: ByNorms.of(folded, norms_leads, margin),
    INTEGRAL: lambda folded, screen, margin: ByNorms.of(folded, integral_leads, margin),
}


@dataclass(frozen=True)
class Asked:
    """A certificate, the network and the pairs that it is about."""

    predicate: Mapping[str, Any]
    network: Any
    inputs: Inputs

    @cached_property
    def recipe(self) -> Recipe:
        """What ran."""
        return run_by(self.predicate)

    @cached_property
    def stream(self) -> Stream:
        """The certifying stream."""
        return Stream.of_seed(self.predicate["seed"]).named("certify")

    @cached_property
    def folded(self) -> Folded:
        """The network as the screens see it."""
        return self.kind.folded(self.network.weights)

    @property
    def kind(self) -> PairKind:
        """What the kind of the network brings."""
        return KINDS[self.network.weights.kind]

    @cached_property
    def answers(self) -> Wrong:
        """Which pairs (n, 2) are not certainly answered with their label by the margin."""
        return self.kind.wrong(self.network, lambda: self.folded)

    def counted(self) -> Facts:
        """The facts of the certificate.

        Raises:
            Refused: if its levels are not those of what ran.
        """
        recipe = self.recipe
        require_levels(self.predicate, recipe, recipe.screen and recipe.screen.name)
        if recipe.screen is None:
            if not recipe.budgeted:
                wrong = sum(int(self._wrong(numbers).sum()) for numbers in self.inputs.listed())
                return Facts(up(Fraction(wrong, self.inputs.size)))
            return self._sampled(1.0, None)
        if recipe.cascade:
            return self._cascade(self._check(recipe.screen))
        left = self.left_by(recipe.screen)
        share = up(Fraction(len(left), self.inputs.size))
        if not recipe.budgeted:
            return Facts(share)
        if form_of(self.predicate, recipe.screen.name) == "screen, all run":
            return self._all_run(share, left)
        return self._sampled(share, left if len(left) < self.inputs.size else None)

    def lost_entries(self, pattern: Screen) -> Found:
        """What draws of entries say of a pattern of gates.

        Raises:
            Refused: if there are more than are independently re-checked, or nothing to draw from.
        """
        draws, delta = self.predicate["ran"]["budget"], self.predicate["delta_allowed"]
        if draws > MOST_ENTRIES:
            raise Refused(f"{draws} entries are more than are independently re-checked")
        with np.errstate(all="ignore"):
            gates = _pattern(self.folded, pattern, self.network.margin)
            entries = Entries.of(gates, self.inputs, draws, delta)
            return entries.found(self.stream.named("entries"), draws, delta)

    def fresh(self, stream: Stream, draws: int) -> tuple[float, int]:
        """The share that an enumerated screen leaves, 1 without, and failures of draws from it."""
        recipe, left, share = self.recipe, None, 1.0
        if recipe.screen is not None and not recipe.cascade:
            left = self.left_by(recipe.screen)
            share = up(Fraction(len(left), self.inputs.size))
        if share == 0:
            return share, 0
        among = self.inputs.drawn(stream, draws, left)
        return share, sum(int(self._wrong(numbers).sum()) for numbers in among)

    def left_by(self, screen: Screen) -> np.ndarray:
        """The numbers of the pairs that a screen leaves."""
        check = self._check(screen)
        parts = [numbers[self._left(check, numbers)] for numbers in self.inputs.listed()]
        return np.concatenate(parts)

    def left_among(self, screen: Screen, numbers: np.ndarray) -> np.ndarray:
        """Those of the numbered pairs that a screen leaves."""
        return numbers[self._left(self._check(screen), numbers)]

    def _check(self, screen: Screen) -> Check:
        return _CHECKS[screen.name](self.folded, screen, self.network.margin)

    def _left(self, check: Check, numbers: np.ndarray) -> np.ndarray:
        pairs = self.inputs.pairs(numbers)
        return check.left(pairs, self.inputs.labels(pairs))

    def _wrong(self, numbers: np.ndarray) -> np.ndarray:
        pairs = self.inputs.pairs(numbers)
        return self.answers(pairs, self.inputs.labels(pairs))

    def _all_run(self, share: float, left: np.ndarray) -> Facts:
        """Each that the screen left, once; no more than the budget (1.6)."""
        if len(left) > self.predicate["ran"]["budget"]:
            raise Refused(f"its budget does not cover the {len(left)} pairs that the screen leaves")
        return Facts(share, len(left), len(left), len(left), int(self._wrong(left).sum()))

    def _sampled(self, share: float, left: np.ndarray | None) -> Facts:
        draws, stream = self.predicate["ran"]["budget"], self.stream
        if left is not None and len(left) <= draws:
            raise Refused(f"its budget covers all {len(left)} pairs that the screen leaves")
        named = stream.named("inputs" if left is None else "residue")
        parts = self.inputs.drawn(named, draws, left)
        wrong = sum(int(self._wrong(numbers).sum()) for numbers in parts)
        return Facts(share, draws, draws, draws, wrong)

    def _cascade(self, check: Check) -> Facts:
        """Draws of all pairs through the screen, then as many as the budget allows run (4.21)."""
        budget = self.predicate["ran"]["budget"]
        planned = self._planned(check, budget)
        draws = self.predicate["sampling"]["draws"]
        if planned not in (None, draws):
            raise Refused(f"it makes {draws} draws, and {planned} were fixed beforehand")
        known = self._table(check) if draws > self.inputs.size else None

        def left(numbers: np.ndarray) -> np.ndarray:
            return self._left(check, numbers) if known is None else known[numbers]

        parts = self.inputs.drawn(self.stream.named("draws"), draws)
        return passed_through(parts, left, self._wrong, budget)

    def _table(self, check: Check) -> np.ndarray:
        return np.concatenate([self._left(check, numbers) for numbers in self.inputs.listed()])

    def _planned(self, check: Check, budget: int) -> int | None:
        """How many draws were fixed beforehand; None where the bound holds at any number."""
        recipe, stopped = self.recipe, self.predicate["stopped_at"]
        if recipe.target is not None or stopped is not None:
            return stopped
        if recipe.draws is not None:
            return recipe.draws
        pilot = self.inputs.drawn(self.stream.named("pilot"), PILOT)
        passed = sum(int(self._left(check, numbers).sum()) for numbers in pilot)
        worth = budget * self.kind.price(self.network.weights) / check.price
        return planned_draws(budget, passed, PILOT, worth)
