"""The prices that `auto` goes by over pairs: rough ones, of sizes alone (docs/planner.md).

What is run is booked as it is; these only decide, and `probbound.check` decides by the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from probbound.models.registry import room_of
from probbound.tasks.pairs.question import PairQuestion
from probbound.tasks.pairs.screens.choice import TRIED
from probbound.tasks.pairs.screens.rank_proposal import LOOKED_AT


@dataclass(frozen=True)
class Price:
    """Of a screen: what making it and its look take, and then all pairs, or one at most."""

    made: int
    all_pairs: int
    one: int


@dataclass(frozen=True)
class Tariff:
    """For p values of an operand, g neurons, d numbers that a product makes rows of, 0 for none.

    `forward` is the price of a forward pass, exact, and `stored` how many weights there are.
    """

    p: int
    g: int
    d: int
    forward: int
    stored: int

    @classmethod
    def of(cls, question: PairQuestion) -> Tariff:
        """Of a question's network."""
        model, weights = question.model, room_of(question.model).arrays(question.model)
        return cls(
            p=model.d_vocab,
            g=model.d_mlp,
            d=model.d_model if "W_in" in weights else 0,
            forward=question.exact.flops,
            stored=sum(int(values.size) for values in weights.values()),
        )

    @property
    def pairs(self) -> int:
        """How many there are."""
        return self.p**2

    @property
    def tables(self) -> int:
        """What is made once for forward passes."""
        return 4 * self.p * self.d * self.g + 4 * self.stored

    @property
    def brute_force(self) -> int:
        """Every pair."""
        return self.tables + self.pairs * self.forward

    @property
    def few(self) -> int:
        """The most directions that there can be."""
        return min(self.p, self.g)

    @property
    def spectrum(self) -> int:
        """The look at the output matrix."""
        return self.g * self.p * self.few + 4 * self.few**3 // 3

    def gates(self, rank: int) -> Price:
        """Of `gates` at a rank."""
        p, g, one = self.p, self.g, 3 * self.p * rank
        sums = self.pairs * (50 * rank + 900) + 500 * g * p
        made = self.tables + self.pairs * g + 2 * p**3 + sums
        compared = 9 * rank**2 // 4
        return Price(made + self.tried * one, self.pairs * (compared + 10 * rank + 20), one)

    def low_rank(self, rank: int) -> Price:
        """Of `low-rank` at a rank."""
        p, g, few = self.p, self.g, self.few
        each, one = g * (2 * rank + 6) + 8 * rank, g * (2 * rank + 10) + 3 * p * rank
        looked = min(LOOKED_AT, self.pairs) * g * (2 * rank + 9)
        made = looked + 44 * few**3 + 3 * g * p * few + self.pairs * (4 * g + 12 * rank)
        return Price(made + self.tried * one, self.pairs * each, one)

    def rotating_frame(self, waves: int, beside: int) -> Price:
        """Of `rotating-frame` with so many waves, and directions beside them."""
        p, g, both = self.p, self.g, 2 * waves + beside
        one = 2 * g * (both + 2) + 60 * waves + (2 * both + 4) * p
        looked = min(LOOKED_AT, self.pairs) * g * (4 * waves + 6)
        turned = self.pairs * waves + g * p * (12 * waves + 4 * beside + 22 + 3 * p.bit_length())
        left = (2 * g**2 * min(p, 1 << 12) + 9 * g**3) if beside else 0
        return Price(looked + turned + left + self.tried * one, self.pairs * one, one)

    @property
    def tried(self) -> int:
        """How many pairs a look tries, at most about."""
        return min(TRIED, self.pairs)
