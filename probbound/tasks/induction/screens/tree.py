"""Cases that are proved, run or split, one after the other: the screen `tree` (10.11)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from probbound.contract.checks import Check
from probbound.contract.cost import CostMeter
from probbound.machine.progress import track
from probbound.models.transformer.attention_alone.filling import Fillings
from probbound.models.transformer.attention_alone.form import Form
from probbound.populations.product_sets import ProductSets, all_of, split, stacked
from probbound.tasks.induction.cases import Case, cases
from probbound.tasks.induction.screens.pairs import PairScreen
from probbound.tasks.induction.task import Induction

RUN = 256  # so many sequences are run where they are not proved together


@dataclass(frozen=True)
class TreeScreen:
    """A tree of at most `nodes` sets of sequences, each proved, run, split or left.

    Its roots are the cases that `pairs` leaves, or all of them where that is not given. A set is
    split where most tokens are left, the latest such place. Sequences that were run and failed are
    left as well, one by one.
    """

    form: Form
    task: Induction
    margin: float
    nodes: int
    exact: Check
    pairs: PairScreen | None
    name: str = "tree"

    def enumerate(self, meter: CostMeter) -> ProductSets:
        """What is left."""
        roots = list(cases(self.task)) if self.pairs is None else self.pairs.left(meter)
        fillings = Fillings(self.form)
        waiting, left = deque(roots), []
        with meter.phase("tree", "proof") as phase:
            for _ in track(range(self.nodes), "tree"):
                if not waiting:
                    break
                case = waiting.popleft()
                if case.free <= RUN:
                    phase.flops += case.free * self.exact.flops
                    left += list(self._failing(case))
                    continue
                phase.flops += fillings.flops(case.allowed)
                if not fillings.right(case.allowed, case.label, self.margin):
                    parts = split(case.allowed, widest(case.allowed))
                    waiting.extend(Case(part, case.label) for part in parts)
        left += [case.allowed for case in waiting]
        return ProductSets(stacked(left, self.task.n_ctx, self.task.d_vocab))

    def _failing(self, case: Case) -> Iterator[Bool[np.ndarray, "n_ctx d_vocab"]]:
        rows = all_of(case.allowed)
        for row in rows[self.exact.uncertified(rows)]:
            one = np.zeros_like(case.allowed)
            one[np.arange(len(row)), row] = True
            yield one


def widest(allowed: Bool[np.ndarray, "n_ctx d_vocab"]) -> int:
    """The place with most tokens, the latest of them."""
    sizes = allowed.sum(axis=1)
    return int(len(sizes) - 1 - sizes[::-1].argmax())
