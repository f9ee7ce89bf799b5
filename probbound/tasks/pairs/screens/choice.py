"""What a plan looks at to foresee a screen: the spectrum of the output matrix, and some pairs.

A choice is the maker's alone: whatever it is, what a screen then certifies is certified.
"""

from __future__ import annotations

import numpy as np

from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.screens.gate_directions import left_beyond
from probbound.tasks.pairs.screens.pairs import Pairs
from probbound.tasks.pairs.screens.rank_proposal import spread_pairs

TRIED = 1 << 9  # pairs
LEFT = {"gates": 2.0**-14, "low-rank": 2.0**-8}  # of the power of the output matrix, at most
STEP = 4  # ranks are multiples of it, so that two ways of rounding give one


def chosen_ranks(folded: Folded) -> dict[str, int]:
    """For each screen the least multiple of 4 whose directions leave little enough to it.

    `gates` multiplies what they leave by norms, and needs more of them. A screen for which there
    are not so many directions is left out.
    """
    left, most = left_beyond(folded), min(folded.gated, folded.n_classes)
    found = {}
    for name, allowed in LEFT.items():
        rank = STEP * max(1, -(-int((left > allowed).sum()) // STEP))
        if rank <= most:
            found[name] = rank
    return found


def tried_pairs(folded: Folded) -> Pairs:
    """About TRIED pairs, evenly spread, the same for every look."""
    a, b = spread_pairs(folded)
    step = max(1, len(a) // TRIED)
    return np.stack([a[::step], b[::step]], axis=1)
