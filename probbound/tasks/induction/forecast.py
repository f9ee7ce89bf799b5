"""How large a tree of cases would get, forecast by random descents (Remark 10.13)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

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
        return sum(self.products[: self._kept(run)])

    def operations(self, run: int, each: int) -> int:
        """The same of operations; a sequence that is run takes `each`."""
        kept = self._kept(run)
        total = 0
        for sequences, flops, product in zip(
            self.sequences[:kept], self.flops[:kept], self.products[:kept], strict=True
        ):
            total += product * (sequences * each if sequences <= run else flops)
        return total

    def _kept(self, run: int) -> int:
        small = (i for i, sequences in enumerate(self.sequences) if sequences <= run)
        return next(small, len(self.sequences) - 1) + 1


@dataclass(frozen=True)
class Mean:
    """Of the estimates of independent descents, with its standard error."""

    value: float
    error: float


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


def mean_of(estimates: Sequence[int], roots: int) -> Mean:
    """What `roots` trees come to, from estimates of trees of roots that were uniformly drawn.

    Raises:
        UserError: if there are fewer than two, which show no spread.
    """
    if len(estimates) < 2:
        raise UserError(f"a forecast takes two descents at least, got {len(estimates)}")
    values: Float[np.ndarray, " n"] = roots * np.array(estimates, dtype=float)
    return Mean(float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values)))
