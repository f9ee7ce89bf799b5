"""What `entries` is expected to give for a budget of noise entries, and what that takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from probbound.models.attention_only.transformer import Transformer
from probbound.tasks.max_of_k.structured.cells import Cells
from probbound.tasks.max_of_k.structured.count import Resolution, counting_flops
from probbound.tasks.max_of_k.structured.families import Family, allocation, families
from probbound.tasks.max_of_k.structured.parts import Sizes, structure_flops
from probbound.tasks.max_of_k.structured.pilot import (
    ALL_PAIRS,
    ALL_ROWS,
    CASES,
    MOST_PAIRS,
    MOST_ROWS,
    SHARE_OF_BUDGET,
    about_upper,
    pilot_counts,
    pilot_entries,
    pilot_flops,
    planning_flops,
)
from probbound.tasks.max_of_k.structured.tolerances import certified_flops


class Work(NamedTuple):
    """Operations of the structure, of evaluating noise, and of looking numbers up in tables."""

    structure: int
    noise: int
    lookups: int


@dataclass(frozen=True)
class Outlook:
    """Shares that a pilot of `entries` saw, or the least that is possible if it is not `known`.

    `exceeding` is the share of each family beyond its tolerances, `left` that of the cases which
    the structure does not certify, `left_counted` the same by counting, and `own` that of last
    tokens whose noise with themselves exceeds.
    """

    sizes: Sizes
    structure: int
    cells: Cells
    exceeding: Mapping[Family, float]
    left: float
    left_counted: float
    own: float = 0.0
    known: bool = True

    @property
    def countable(self) -> bool:
        """Whether sequences are short enough to be counted."""
        return Resolution().counts(self.sizes.n_ctx)

    @cached_property
    def most(self) -> int:
        """Noise entries past which more of them change nothing."""
        every = sum(f.population(self.sizes) * f.entries(self.sizes) for f in self.exceeding)
        pilot = 10 * MOST_PAIRS * ALL_PAIRS.entries(self.sizes)
        pilot += MOST_ROWS * ALL_ROWS.entries(self.sizes)
        return math.ceil((every + pilot) / SHARE_OF_BUDGET)

    def counts(self, entries: int) -> dict[Family, int]:
        """Members of each family that a budget of noise entries buys beside the pilot's."""
        left = entries - pilot_entries(self.sizes, entries)
        return allocation(self.sizes, list(self.exceeding), left)

    def work(self, entries: int, *, counted: bool) -> Work:
        """What a budget of noise entries takes in all."""
        sizes = self.sizes
        drawn = sum(n * family.flops(sizes) for family, n in self.counts(entries).items())
        cases = CASES * certified_flops(sizes.n_ctx)
        checked = counting_flops(sizes, self.cells) if counted else cases
        seen = pilot_counts(sizes, entries)
        choosing = planning_flops(sizes, self.cells, seen[ALL_PAIRS], seen[ALL_ROWS])
        return Work(self.structure, pilot_flops(sizes, entries) + drawn, choosing + checked)

    def bounds(
        self, entries: int, deltas: Float[np.ndarray, " n"], *, counted: bool
    ) -> Float[np.ndarray, " n"]:
        """The failure rates that a budget of noise entries is expected to certify, by δ."""
        if pilot_counts(self.sizes, entries)[ALL_ROWS] == 0:
            return np.ones_like(deltas)
        counts = self.counts(entries)
        full = {f for f, count in counts.items() if count >= f.population(self.sizes)}
        log = np.log(max(len(counts) - len(full) + (not counted), 1) / deltas)
        left = self.left_counted if counted else about_upper(self.left, CASES, log)
        found = self.own + left + np.zeros_like(deltas)
        for family, share in self.exceeding.items():
            whole = family in full
            upper = share if whole else self._upper(family, share, counts[family], log)
            found += family.slots * upper
        return np.minimum(found, 1.0)

    def _upper(
        self, family: Family, share: float, count: int, log: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, " n"]:
        """Exact for a share of 0, but for what is drawn without replacement."""
        if count == 0:
            return np.ones_like(log)
        width = about_upper(share, count, log) - share
        if family.near is None:
            part = count / family.population(self.sizes)
            width *= part / -math.log1p(-part)
        return share - (1 - share) * np.expm1(-width)


def hoped_for(model: Transformer, wrong: float) -> Outlook:
    """The best that is possible: all is certified but what is wrong, and no noise exceeds.

    Rows are met as those of labels alone, and none of the direct path is needed.
    """
    met = families("separate", model, near=1, direct_rows=False)
    return Outlook(
        sizes=model,
        structure=structure_flops(model),
        cells=Cells(model.d_vocab, ()),
        exceeding=dict.fromkeys(met, 0.0),
        left=wrong,
        left_counted=wrong,
        known=False,
    )
