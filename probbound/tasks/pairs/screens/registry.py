"""The screens over pairs by name: what a number after the name is, and how they are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from probbound.contract.cost import CostMeter
from probbound.tasks.pairs.folding import folding_flops
from probbound.tasks.pairs.methods import PairScreen
from probbound.tasks.pairs.question import PairQuestion
from probbound.tasks.pairs.recipes import LEVELS
from probbound.tasks.pairs.screens.gate_directions import directions_flops
from probbound.tasks.pairs.screens.gate_proposal import gates_flops
from probbound.tasks.pairs.screens.gates import GatesScreen
from probbound.tasks.pairs.screens.join import most_flops
from probbound.tasks.pairs.screens.low_rank import LowRankScreen, enumerate_flops, table_flops
from probbound.tasks.pairs.screens.rank_proposal import proposal_flops


@dataclass(frozen=True)
class ScreenKind:
    """A screen with a rank as its setting.

    `built` makes the screen with it, or refuses the rank. `proposed` says what its proposal takes,
    and `tables` what making it takes beside: those who run it on all pairs book it with them.
    """

    name: str
    built: Callable[[PairQuestion, int], PairScreen]
    proposed: Callable[[PairQuestion, Any], int]
    tables: Callable[[Any], int]

    def made(
        self, question: PairQuestion, rank: int, meter: CostMeter, *, on_all: bool
    ) -> PairScreen:
        """The screen; what is folded and proposed for it is paid for.

        So are its tables, unless it is to be run `on_all` pairs.

        Raises:
            UserError: if the rank cannot be used.
        """
        with meter.phase(f"{self.name}: proposal", "proof") as phase:
            screen = self.built(question, rank)
            phase.flops += folding_flops(question.model) + self.proposed(question, screen)
            phase.flops += 0 if on_all else self.tables(screen)
        return screen


def low_rank_price(question: PairQuestion, rank: int) -> int:
    """The most operations of low-rank on all pairs: as if each were compared with every class."""
    folded = question.folded
    proposal = folding_flops(question.model) + proposal_flops(folded, rank)
    compared = folded.size * most_flops(rank, folded.n_classes)
    return proposal + table_flops(folded, rank) + enumerate_flops(folded, rank) + compared


def _low_rank(question: PairQuestion, rank: int) -> PairScreen:
    return LowRankScreen.of(question.folded, rank, question.claim.margin)


def _gates(question: PairQuestion, rank: int) -> PairScreen:
    margin = question.claim.margin
    return GatesScreen.of(question.folded, rank, LEVELS, exact_tail=False, margin=margin)


LOW_RANK = ScreenKind(
    "low-rank",
    _low_rank,
    lambda question, screen: proposal_flops(question.folded, screen.rank),
    lambda screen: table_flops(screen.scaled, screen.rank),
)
GATES = ScreenKind(
    "gates",
    _gates,
    lambda question, screen: (
        directions_flops(question.folded, screen.rank) + gates_flops(screen.scaled, screen.gates)
    ),
    lambda screen: screen.table_flops,
)
SCREENS = {kind.name: kind for kind in (LOW_RANK, GATES)}
