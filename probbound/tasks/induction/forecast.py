"""How large a tree of cases would get, forecast by random descents (Remark 10.13)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.models.transformer.attention_alone.filling import Fillings
from probbound.populations.product_sets import split
from probbound.tasks.induction.cases import Case
from probbound.tasks.induction.screens.tree import widest


@dataclass(frozen=True)
class Descent:
    """One way down from a case: of every set on it the sequences, the operations of an attempt at
    a proof, and the product of the numbers of parts on the way to it. The last set was proved, or
    is one sequence.
    """

    sequences: tuple[int, ...]
    flops: tuple[int, ...]
    products: tuple[int, ...]

    def nodes(self, run: int) -> int:
        """An estimate, without bias, of the nodes where sets of at most `run` are run."""
        return sum(product for product, _ in self.levels(run, 0))

    def operations(self, run: int, each: int) -> int:
        """The same of operations; a sequence that is run takes `each`."""
        return sum(flops for _, flops in self.levels(run, each))

    def levels(self, run: int, each: int) -> list[tuple[int, int]]:
        """Both of the nodes of each level by itself."""
        kept = self._kept(run)
        rows = zip(self.sequences[:kept], self.flops[:kept], self.products[:kept], strict=True)
        return [
            (product, product * (sequences * each if sequences <= run else flops))
            for sequences, flops, product in rows
        ]

    def _kept(self, run: int) -> int:
        small = (i for i, sequences in enumerate(self.sequences) if sequences <= run)
        return next(small, len(self.sequences) - 1) + 1


@dataclass(frozen=True)
class Mean:
    """Of the estimates of independent descents, with its standard error."""

    value: float
    error: float


@dataclass(frozen=True)
class Tree:
    """A tree whose roots have `sequences` in all, from descents of roots drawn in proportion to
    theirs. Sets of at most `run` are run, a sequence for `each` operations.
    """

    sequences: int | float
    descents: tuple[Descent, ...]
    run: int
    each: int

    @property
    def nodes(self) -> Mean:
        """All that it has, if nothing waits in the end."""
        return self._mean([descent.nodes(self.run) for descent in self.descents])

    @property
    def operations(self) -> Mean:
        """What all of them take."""
        return self._mean([way.operations(self.run, self.each) for way in self.descents])

    def within(self, operations: int | float) -> tuple[float, float]:
        """The nodes, taken level by level, that so many operations pay for, and the sequences of
        what waits then.
        """
        spent, nodes, waiting = self._levels
        return (
            float(np.interp(operations, spent, nodes)),
            float(np.interp(operations, spent, waiting)),
        )

    @cached_property
    def _levels(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Operations and nodes up to the end of each level, and the sequences of the next one."""
        ways = [way.levels(self.run, self.each) for way in self.descents]
        made = np.zeros((3, 1 + max(map(len, ways))))
        for descent, way in zip(self.descents, ways, strict=True):
            roots = self.sequences / descent.sequences[0] / len(ways)
            for level, (product, flops) in enumerate(way):
                made[:2, 1 + level] += roots * flops, roots * product
                made[2, level] += self.sequences / len(ways)
        spent, nodes = made[:2].cumsum(axis=1)
        return spent, nodes, made[2]

    def _mean(self, estimates: Sequence[int]) -> Mean:
        roots = [self.sequences / descent.sequences[0] for descent in self.descents]
        return mean_of([n * each for n, each in zip(roots, estimates, strict=True)], 1)


def descend(case: Case, fillings: Fillings, margin: float, stream: Stream) -> Descent:
    """From a case to a part of each split, uniformly chosen, until one is proved.

    Split number k draws integer 0 of the stream `k`. No part of a proof (Remark 10.13).
    """
    sequences, flops, products, allowed = [], [], [1], case.allowed
    while True:
        sequences.append(Case(allowed, case.label).free)
        flops.append(fillings.flops(allowed))
        if sequences[-1] == 1 or fillings.right(allowed, case.label, margin):
            return Descent(tuple(sequences), tuple(flops), tuple(products))
        parts = list(split(allowed, widest(allowed)))
        chosen = stream.fold_in(str(len(products))).integers(0, 1, len(parts))
        products.append(products[-1] * len(parts))
        allowed = parts[int(chosen[0])]


def mean_of(estimates: Sequence[int | float], roots: int) -> Mean:
    """What `roots` trees come to, from estimates of trees of roots that were uniformly drawn.

    Raises:
        UserError: if there are fewer than two, which show no spread.
    """
    if len(estimates) < 2:
        raise UserError(f"a forecast takes two descents at least, got {len(estimates)}")
    values: Float[np.ndarray, " n"] = roots * np.array(estimates, dtype=float)
    return Mean(float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values)))
