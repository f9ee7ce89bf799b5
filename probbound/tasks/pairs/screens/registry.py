"""The screens over pairs by name: what a number after the name is, and how they are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from probbound.contract.cost import CostMeter
from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.folding import folding_flops
from probbound.tasks.pairs.methods import PairScreen
from probbound.tasks.pairs.question import PairQuestion
from probbound.tasks.pairs.screens.low_rank import (
    LowRankScreen,
    compare_flops,
    enumerate_flops,
    table_flops,
)
from probbound.tasks.pairs.screens.rank_proposal import proposal_flops


@dataclass(frozen=True)
class ScreenKind:
    """A screen with one whole number as its setting, `usual` where none is given.

    `built` makes the screen with it, or refuses the number. `proposal` is what finding it takes,
    and `all_pairs` the most that running it on all pairs takes, tables included.
    """

    name: str
    setting: str
    usual: int
    built: Callable[[PairQuestion, int], PairScreen]
    proposal: Callable[[Folded, int], int]
    all_pairs: Callable[[Folded, int], int]

    def number(self, given: int | None) -> int:
        """The setting in use."""
        return self.usual if given is None else given

    def made(self, question: PairQuestion, given: int | None, meter: CostMeter) -> PairScreen:
        """The screen; what is folded and proposed for it is paid for.

        Raises:
            UserError: if the number cannot be used.
        """
        number = self.number(given)
        with meter.phase(f"{self.name}: proposal", "proof") as phase:
            screen = self.built(question, number)
            phase.flops += folding_flops(question.model) + self.proposal(question.folded, number)
        return screen

    def price(self, question: PairQuestion, given: int | None) -> int:
        """The most operations that making it and running it on all pairs takes."""
        folded, number = question.folded, self.number(given)
        found = folding_flops(question.model) + self.proposal(folded, number)
        return found + self.all_pairs(folded, number)


def _low_rank(question: PairQuestion, rank: int) -> PairScreen:
    return LowRankScreen.of(question.folded, rank, question.claim.margin)


def _low_rank_pairs(folded: Folded, rank: int) -> int:
    """As many as if every pair had to be compared with every class."""
    compared = folded.size * compare_flops(rank, folded.n_classes)
    return table_flops(folded, rank) + enumerate_flops(folded, rank) + compared


SCREENS = {
    kind.name: kind
    for kind in (ScreenKind("low-rank", "rank", 16, _low_rank, proposal_flops, _low_rank_pairs),)
}
