"""The pilots of a plan, made again (docs/planner.md): draws of streams that certify nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from probbound.check.models.attention_only.network import Copying, Network
from probbound.check.tasks.max_of_k.prices import PILOT
from probbound.check.tasks.max_of_k.tariff import Tariff

MOST_PASSES = 1 << 12
_LEAST_FIRST, _FIRST = 48, 256

Sample = Callable[[int, int], np.ndarray]  # the sequences of draws start … stop - 1


@dataclass(frozen=True)
class Seen:
    """Of `draws` the copying check left `left`, and `wrong` were answered wrongly."""

    draws: int = 0
    left: int = 0
    wrong: int = 0

    @property
    def kept(self) -> Fraction:
        """The share left, never 0."""
        return share_seen(self.left, self.draws)

    @property
    def failing(self) -> Fraction:
        """The share answered wrongly, never 0."""
        return share_seen(self.wrong, self.draws)


@dataclass(frozen=True)
class Pilot:
    """Looks through a copying check and, where it leaves something, a pass; or by passes alone."""

    network: Network
    tariff: Tariff
    copying: Copying | None = None

    def look(
        self,
        sample: Sample,
        allowance: float,
        priced: Callable[[int], int] = lambda _: 0,
        ceiling: float = math.inf,
    ) -> Seen:
        """Draws for about `allowance` operations; so many are `priced` apart from what is done.

        Nothing where even a few are too dear; the first batch takes no more than `ceiling`.
        """
        each = 0 if self.copying else self.tariff.forward
        most = PILOT if self.copying else MOST_PASSES
        while most and priced(most) + each * most > allowance:
            most //= 2
        if most == 0:
            return Seen()
        if self.copying is None:
            return Seen(most, most, int(self.network.wrong(sample(0, most)).sum()))
        return self._through(sample, self.copying, allowance, most, ceiling)

    def _through(
        self, sample: Sample, copying: Copying, allowance: float, most: int, ceiling: float
    ) -> Seen:
        look, run = self.tariff.look, self.tariff.from_tables
        seen, spent = Seen(), 0
        first = int(min(_FIRST, max(_LEAST_FIRST, allowance / 4 / look), ceiling / (look + run)))
        for stop in _doubling(first, most):
            tokens = sample(seen.draws, stop)
            tokens = tokens[copying.left(tokens)]
            wrong = int(self.network.wrong(tokens).sum())
            spent += (stop - seen.draws) * look + len(tokens) * run
            seen = Seen(stop, seen.left + len(tokens), seen.wrong + wrong)
            if 2.5 * spent > allowance:
                break
        return seen


def share_seen(hits: int, draws: int) -> Fraction:
    """(hits + ½) / (draws + 1)."""
    return Fraction(2 * hits + 1, 2 * draws + 2)


def _doubling(first: int, most: int) -> Iterator[int]:
    stop = min(first, most)
    while 0 < stop < most:
        yield stop
        stop = min(2 * stop, most)
    if stop:
        yield stop
