"""All cases (q, u, i, b) at once from tables of neighbouring tokens: the screen `pairs` (10.9)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from probbound.contract.cost import CostMeter
from probbound.machine.errors import UserError
from probbound.models.transformer.attention_alone.form import Form
from probbound.models.transformer.attention_alone.near import require_two_layers
from probbound.models.transformer.attention_alone.pairs import PairTables
from probbound.populations.product_sets import ProductSets, stacked
from probbound.tasks.induction.cases import Case, case_of
from probbound.tasks.induction.task import Induction

MOST_ENTRIES = 1 << 28
Proved = Bool[np.ndarray, "place label"]


@dataclass(frozen=True)
class PairScreen:
    """What tables of neighbouring tokens prove of a network of two layers of one head.

    Raises:
        UserError: if the network has others, its tables would be too large, or `repeats` is "any".
    """

    form: Form
    task: Induction
    margin: float
    name: str = "pairs"

    def __post_init__(self) -> None:
        require_two_layers(self.name, self.form)
        if self.task.repeats != "once":
            raise UserError("the screen pairs is for tokens that repeat once; tree is for any")
        n, v, out = *self.form.atoms.shape[:2], self.form.outcomes.shape[1]
        if n * v**2 * out**2 > MOST_ENTRIES:
            raise UserError(
                f"tables of pairs would have {n * v**2 * out**2:,} entries, more than "
                f"{MOST_ENTRIES:,}; cascade:factored needs smaller ones"
            )

    @property
    def flops(self) -> int:
        """Operations on all cases: six an entry of the terms of every q and u, twice."""
        n, v, out = *self.form.atoms.shape[:2], self.form.outcomes.shape[1]
        return 12 * v * (v - 1) * n * v * v * out * out

    def look_flops(self, number: int) -> int:
        """Operations of a look at so many of the pairs of last tokens."""
        v = self.task.d_vocab
        return -(-self.flops * number // (v * (v - 1)))

    def look(self, number: int) -> float:
        """The share of cases that are proved at so many pairs of last tokens, evenly spread."""
        v, places = self.task.d_vocab, self.task.n_ctx - 2
        proved = sum(int(right.sum()) for _, right in self._looked_at(number))
        return proved / (number * ((places - 1) * (v - 1) + 1))

    def left_of(self, number: int) -> list[Case]:
        """The cases that a look at so many pairs of last tokens leaves."""
        return self._unproved(dict(self._looked_at(number)))

    def _looked_at(self, number: int) -> Iterator[tuple[tuple[int, int], Proved]]:
        v, tables = self.task.d_vocab, PairTables(self.form, self.margin)
        for k in range(number):
            q, other = divmod(k * v * (v - 1) // number, v - 1)
            u = other + (other >= q)
            yield (q, u), tables.of(q, u)

    def left(self, meter: CostMeter) -> list[Case]:
        """The cases that it leaves."""
        with meter.phase("pairs", "proof", self.flops):
            proved = PairTables(self.form, self.margin).proved()
        v = self.task.d_vocab
        return self._unproved({(q, u): proved[q, u] for q in range(v) for u in range(v)})

    def _unproved(self, proved: Mapping[tuple[int, int], Proved]) -> list[Case]:
        """The cases of some pairs of last tokens that are not proved."""
        return [
            _narrowed(case_of(self.task, q, i, b), u)
            for q, u, i, b in _numbered(self.task)
            if (q, u) in proved and not proved[q, u][i, b]
        ]

    def enumerate(self, meter: CostMeter) -> ProductSets:
        """The sequences that it leaves."""
        cases = self.left(meter)
        sets = [case.allowed for case in cases]
        return ProductSets(stacked(sets, self.task.n_ctx, self.task.d_vocab))


def _numbered(task: Induction) -> Iterator[tuple[int, int, int, int]]:
    """Cases by query, token before it, place and label, in that order."""
    v, places = task.d_vocab, task.n_ctx - 2
    for q in range(v):
        others = [token for token in range(v) if token != q]
        for u in others:
            for i in range(places):
                for b in others if i + 1 < places else [u]:
                    yield q, u, i, b


def _narrowed(case: Case, u: int) -> Case:
    allowed = case.allowed.copy()
    allowed[-2] &= np.arange(allowed.shape[1]) == u
    return Case(allowed, case.label)
