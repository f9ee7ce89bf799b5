"""Which rank, and which levels: tried on some pairs, the least work in all is chosen.

A choice is the maker's alone: whatever it is, what a screen then certifies is certified.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.screens.forward import forward_flops
from probbound.tasks.pairs.screens.gates import GatesScreen
from probbound.tasks.pairs.screens.low_rank import (
    LowRankScreen,
    enumerate_flops,
    table_flops,
)
from probbound.tasks.pairs.screens.pairs import Pairs
from probbound.tasks.pairs.screens.rank_proposal import spread_pairs

RANKS = (2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 24, 28, 32, 40, 48, 64, 96)
TRIED = 1 << 9  # pairs


@dataclass(frozen=True)
class GateSettings:
    """The settings of `GatesScreen.of`."""

    rank: int
    levels: int
    exact_tail: bool

    def screen(self, folded: Folded, margin: float = 0.0) -> GatesScreen:
        """The screen of a network.

        Raises:
            UserError: as `GatesScreen.of`.
        """
        return GatesScreen.of(
            folded, self.rank, self.levels, exact_tail=self.exact_tail, margin=margin
        )


def chosen_rank(folded: Folded, margin: float = 0.0) -> int:
    """The rank for which `low-rank` and forward passes for what it leaves are the least work.

    Ranks above the first that leaves none of the pairs that are tried only cost more.
    """
    pairs, best = _some_pairs(folded), (np.inf, 1)
    most = min(folded.gated, folded.n_classes)
    for rank in [rank for rank in RANKS if rank <= most] or [most]:
        screen = LowRankScreen.of(folded, rank, margin)
        left = float(screen.uncertified(pairs).mean())
        work = table_flops(screen.scaled, rank) + enumerate_flops(screen.scaled, rank)
        work += left * folded.size * (screen.flops + forward_flops(folded))
        best = min(best, (work, rank))
        if left == 0:
            break
    return best[1]


def chosen_gates(folded: Folded, margin: float = 0.0) -> GateSettings:
    """The settings for which `gates` and forward passes for what it leaves are the least work.

    Raises:
        UserError: if operands are not of one size, or nothing passes a gate.
    """
    pairs, best = _some_pairs(folded), (np.inf, 0)
    candidates = list(_candidates(chosen_rank(folded, margin), folded))
    for number, settings in enumerate(candidates):
        screen = settings.screen(folded, margin)
        left = float(screen.uncertified(pairs).mean())
        work = screen.table_flops + folded.size * screen.each_flops
        work += left * folded.size * (screen.flops + forward_flops(folded))
        best = min(best, (work, number))
        if left == 0:
            break
    return candidates[best[1]]


def _candidates(rank: int, folded: Folded) -> Iterable[GateSettings]:
    """From cheap to dear: few levels and norms, then more of each and exact tails."""
    most = min(folded.gated, folded.n_classes)
    steps = (0, 3, False), (2, 4, False), (6, 6, False), (4, 8, True), (10, 12, True)
    for more, levels, exact in steps:
        yield GateSettings(min(rank + more, most), levels, exact)


def _some_pairs(folded: Folded) -> Pairs:
    a, b = spread_pairs(folded)
    step = max(1, len(a) // TRIED)
    return np.stack([a[::step], b[::step]], axis=1)
