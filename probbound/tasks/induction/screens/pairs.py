"""All cases (q, u, i, b) at once from tables of neighbouring tokens: the screen `pairs` (10.9)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from probbound.contract.cost import CostMeter
from probbound.machine.errors import UserError
from probbound.models.transformer.attention_alone.form import Form
from probbound.models.transformer.attention_alone.near import require_two_layers
from probbound.models.transformer.attention_alone.pairs import PairTables
from probbound.populations.product_sets import ProductSets, stacked
from probbound.tasks.induction.cases import Case
from probbound.tasks.induction.task import Induction

MOST_ENTRIES = 1 << 28


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
        """Operations on all cases at most, tables and what is looked at again included (10.14)."""
        (n, v, w), out = self.form.atoms.shape, self.form.outcomes.shape[1]
        each = 12 * n * v * v * out * (out - 1) + 240 * n * v * v
        each += 20 * n * (v + 2) * (4 * n * v + out * out)
        return v * (v - 1) * each + 80 * n * v * v * out * out + 20 * w * (n * v) ** 2

    def look_flops(self, number: int) -> int:
        """Operations of a look at so many of the pairs of last tokens."""
        v = self.task.d_vocab
        return -(-self.flops * number // (v * (v - 1)))

    def look(self, number: int) -> float:
        """The share of cases that are proved at so many pairs of last tokens, evenly spread."""
        tables, places = PairTables(self.form, self.margin), self.task.n_ctx - 2
        proved = sum(int(tables.of(q, u).sum()) for q, u in self._spread(number))
        return proved / (number * ((places - 1) * (self.task.d_vocab - 1) + 1))

    def left_of(self, number: int) -> list[Case]:
        """The parts of cases that it leaves of so many pairs of last tokens (10.21)."""
        left = PairTables(self.form, self.margin).left_of(list(self._spread(number)))
        return [Case(one.allowed, one.label) for one in left]

    def _spread(self, number: int) -> Iterator[tuple[int, int]]:
        """So many pairs of last tokens, the query first."""
        v = self.task.d_vocab
        for k in range(number):
            q, other = divmod(k * v * (v - 1) // number, v - 1)
            yield q, other + (other >= q)

    def left(self, meter: CostMeter) -> list[Case]:
        """The parts of cases that it leaves, by last token and that before it (10.21)."""
        with meter.phase("pairs", "proof", self.flops):
            left = PairTables(self.form, self.margin).left()
        return [Case(one.allowed, one.label) for one in left]

    def enumerate(self, meter: CostMeter) -> ProductSets:
        """The sequences that it leaves."""
        cases = self.left(meter)
        sets = [case.allowed for case in cases]
        return ProductSets(stacked(sets, self.task.n_ctx, self.task.d_vocab))
