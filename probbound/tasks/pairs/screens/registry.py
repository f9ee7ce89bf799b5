"""The screens over pairs by name: what a number after the name is, and how they are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from probbound.contract.cost import CostMeter
from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.folding import folding_flops
from probbound.tasks.pairs.methods import PairScreen
from probbound.tasks.pairs.question import PairQuestion
from probbound.tasks.pairs.screens.low_rank import LowRankScreen
from probbound.tasks.pairs.screens.rank_proposal import proposal_flops

TAIL = 1e-3  # of the squared singular values: what the chosen rank leaves at most


@dataclass(frozen=True)
class ScreenKind:
    """A screen with one whole number as its setting, called `setting`.

    `chosen` proposes the number where none is given, a function of the weights alone, and
    `built` makes the screen with it, or refuses the number.
    """

    name: str
    setting: str
    chosen: Callable[[Folded], int]
    built: Callable[[PairQuestion, int], PairScreen]
    flops: Callable[[Folded, int], int]

    def number(self, question: PairQuestion, given: int | None) -> int:
        """The setting in use."""
        return self.chosen(question.folded) if given is None else given

    def made(self, question: PairQuestion, given: int | None, meter: CostMeter) -> PairScreen:
        """The screen; what is folded and proposed for it is paid for.

        Raises:
            UserError: if the number cannot be used.
        """
        with meter.phase(f"{self.name}: proposal", "proof") as phase:
            number = self.number(question, given)
            screen = self.built(question, number)
            phase.flops += folding_flops(question.model) + self.flops(question.folded, number)
        return screen


def chosen_rank(folded: Folded) -> int:
    """The least rank that leaves a share of TAIL of what the gates add to the logits, squared."""
    gates = folded.out[: folded.gated]
    squares = np.linalg.svd(gates - gates.mean(axis=1, keepdims=True), compute_uv=False) ** 2
    tails = np.append(np.cumsum(squares[::-1])[::-1], 0.0)
    return max(1, int(np.argmax(tails <= TAIL * tails[0])))


def _low_rank(question: PairQuestion, rank: int) -> PairScreen:
    return LowRankScreen.of(question.folded, rank, question.claim.margin)


SCREENS = {
    kind.name: kind
    for kind in (ScreenKind("low-rank", "rank", chosen_rank, _low_rank, proposal_flops),)
}
