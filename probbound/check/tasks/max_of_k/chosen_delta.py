"""δ where it was left to be chosen, chosen again before anything is drawn (4.26 and 6.10)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import scipy

from probbound.check.models.attention_only.network import Copying, Network
from probbound.check.prior import Law
from probbound.check.report import Refused
from probbound.check.stream import Stream
from probbound.check.tasks.max_of_k.gapped import Gapped
from probbound.check.tasks.max_of_k.pilot import Pilot, Sample, Seen
from probbound.check.tasks.max_of_k.recipe import CHECKED, LOOKED_UP, RUN, Recipe, Screen, run_by
from probbound.check.tasks.max_of_k.replay import Leftover, drawing, screened, uses_cubic_table
from probbound.check.tasks.max_of_k.sketch import Coins
from probbound.check.tasks.max_of_k.tariff import Tariff

CANDIDATES = np.array([float(f"{10 ** (-step / 20):.2e}") for step in range(600, 0, -1)])
_SKETCH_CANDIDATES = (1e-12, 1e-9, 1e-6, 1e-4, 1e-2)
_PILOT_SHARE = 0.025


@dataclass(frozen=True)
class Choice:
    """A δ, the bound that it lets expect, and 1 less the confidence-weighted accuracy."""

    delta: float
    failure: float
    weighted: float


def best_delta(
    expected: int,
    draws: int,
    share: float,
    *,
    proven: float,
    part: float = 1.0,
    candidates: np.ndarray = CANDIDATES,
) -> Choice:
    """The candidate with the least weighted bound; of equals the least δ.

    For so many failures among draws, which get a `part` of δ, from a `share` of all inputs, where
    screens prove a failure rate of `proven`. A forecast: nothing is proven by it.
    """
    failure = share * _about(expected, draws, part * candidates)
    weighted = (1 - candidates) * failure + candidates * proven
    at = int(weighted.argmin())
    return Choice(float(candidates[at]), float(failure[at]), float(weighted[at]))


def _about(k: int, n: int, deltas: np.ndarray) -> np.ndarray:
    """The bounds of Theorem 2.3, but for rounding."""
    if k >= n:
        return np.ones_like(deltas)
    if k == 0:
        return -np.expm1(np.log(deltas) / n)
    return np.asarray(scipy.special.betainccinv(k + 1, n - k, deltas))


def planning(seed: int, *names: str) -> Stream:
    """A stream of what plans, apart from all that certify."""
    return Stream.of_seed(seed).named("plan", *names)


def sampled_by(network: Network, left: Leftover | None, law: Law, stream: Stream) -> Sample:
    """Sequences of draws start … stop - 1, without blanks."""
    drawn = drawing(network, left, law, stream)

    def sample(start: int, stop: int) -> np.ndarray:
        tokens, blank = drawn(start, stop)
        return tokens[~blank]

    return sample


@dataclass(frozen=True)
class Asked:
    """A question whose δ is to be chosen: what is drawn from, and for how many draws."""

    predicate: Mapping[str, Any]
    network: Network
    law: Law

    @property
    def recipe(self) -> Recipe:
        """What was asked for, and is run."""
        return run_by(self.predicate)

    @property
    def budget(self) -> int:
        """Forward passes, 0 where none are made."""
        return self.predicate["budget"] or 0

    @property
    def tariff(self) -> Tariff:
        """What operations are counted by."""
        return Tariff(*self.network.weights.sizes)

    def choice(
        self,
        seen: Seen,
        share: float,
        *,
        proven: float,
        part: float = 1.0,
        candidates: np.ndarray = CANDIDATES,
    ) -> Choice:
        """The best δ for what a pilot saw of a share of all inputs."""
        draws = self._through(seen) if self.recipe.rest == CHECKED else self.budget
        expected = round(draws * seen.wrong / max(seen.draws, 1))
        return best_delta(expected, draws, share, proven=proven, part=part, candidates=candidates)

    def _through(self, seen: Seen) -> int:
        """As many draws as a cascade would make if its own pilot saw the same."""
        if self.recipe.draws is not None:
            return self.recipe.draws
        followed = self.budget * (seen.draws + 1) / (seen.left + 1)
        affordable = self.budget * self.tariff.forward / self.tariff.look
        return max(self.budget, int(min(followed, affordable)))

    def seen(self, left: Leftover | None) -> Seen:
        """What a pilot sees of all inputs, or of what a screen left."""
        seed, tariff = self.predicate["seed"], self.tariff
        copying = None
        if self.recipe.rest == CHECKED:
            cubic = uses_cubic_table(self.network, self.budget)
            copying = Copying(self.network, cubic=cubic)
        pilot = Pilot(self.network, tariff, copying)
        allowance = _PILOT_SHARE * self.budget * tariff.forward
        if left is None:
            inputs = sampled_by(self.network, None, self.law, planning(seed, "delta"))
            return pilot.look(inputs, allowance)
        if left.tickets == 0:
            return Seen()
        stream = planning(seed, "residue of the screen")
        tickets = sampled_by(self.network, left, self.law, stream)
        return pilot.look(tickets, allowance, left.operations)


def chosen_delta(
    predicate: Mapping[str, Any], network: Network, law: Law
) -> tuple[float, Leftover | None]:
    """The δ of a question that names its strategy, and what its screen left if that is for sure.

    Raises:
        Refused: if no δ is chosen for that strategy.
    """
    asked = Asked(predicate, network, law)
    recipe = asked.recipe
    screen = recipe.screen
    if recipe.rest not in ((), RUN, LOOKED_UP, CHECKED) or recipe.target is not None:
        raise Refused(f"no δ is chosen for {recipe.text}, under the law {recipe.law!r}")
    if screen is not None and screen.by_chance:
        return _of_a_sketch(asked, screen), None
    left, share = screened(predicate, network, law), 1.0
    if left is not None:
        share = float(left.size / _everything(network))
    return asked.choice(asked.seen(left), share, proven=share).delta, left


def _of_a_sketch(asked: Asked, screen: Screen) -> float:
    """The best of a few, the screen being run at each with coins that certify nothing."""
    part = 0.5 if asked.recipe.rest else 1.0
    key = planning(asked.predicate["seed"], "coins").key
    stream = Stream.of_seed(int.from_bytes(key, "little")).named("certify")
    seen, found = None, []
    for delta in _SKETCH_CANDIDATES:
        left = Gapped(asked.network, screen, asked.law, Coins(stream, math.log(part * delta)))
        seen = seen or asked.seen(left)
        share = float(left.size / _everything(asked.network))
        one = np.array([delta])
        found.append(asked.choice(seen, share, proven=1.0, part=part, candidates=one))
    return min(found, key=lambda choice: choice.weighted).delta


def _everything(network: Network) -> Fraction:
    vocabulary, length, *_ = network.weights.sizes
    return Fraction(vocabulary**length)
