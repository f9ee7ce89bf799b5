"""The sub-cubic screen of one sequence, without its gap classes: what a plan foretells it by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from probbound.models.attention_only.transformer import Transformer
from probbound.tasks.max_of_k.screens.ladder import Brackets, bracket_flops, brackets_of
from probbound.tasks.max_of_k.screens.paths import Known
from probbound.tasks.max_of_k.screens.sequences import SequenceTables


@dataclass(frozen=True)
class BracketCheck:
    """Brackets apart, and one bound for the attention of all free positions (4.1 and 4.4).

    For one head. What it certifies is right but for rounding (Theorem 4.24), which is not looked
    at here; the sub-cubic screen, which treats all tokens of a gap class alike, leaves more.
    """

    tables: SequenceTables
    brackets: Brackets
    high: Float[np.ndarray, " d_vocab"]
    low: Float[np.ndarray, " d_vocab"]
    name: str = "brackets"

    @classmethod
    def of(cls, tables: SequenceTables) -> BracketCheck:
        """The brackets of a model's tables."""
        mean = tables.direct.mean(axis=0)
        direct = Known(tables.direct - mean, np.zeros(len(tables.direct)))
        brackets = brackets_of(tables.value[0], tables.position[0], direct, mean, True, 0.0)
        free = tables.place[0, :-1] if tables.n_ctx > 1 else tables.place[0]
        return cls(tables, brackets, free.max(axis=0), free.min(axis=0))

    @property
    def flops(self) -> int:
        """Operations for one sequence."""
        return 6 * self.tables.n_ctx + 2

    def uncertified(self, tokens: Int[np.ndarray, "n n_ctx"]) -> Bool[np.ndarray, " n"]:
        """Which sequences may be answered wrongly."""
        query, label = tokens[:, -1], tokens.max(axis=1)
        base = query * self.tables.d_vocab
        own = self.tables.token[0].take(base + query) * self.tables.place[0, -1].take(query)
        total = own * (self.brackets.token[query, label] + self.brackets.last[query, label])
        for token in tokens.T[:-1]:
            term = self.brackets.token[token, label] + self.brackets.free[query, label]
            place = np.where(term > 0, self.high[query], self.low[query])
            total += term * place * self.tables.token[0].take(base + token)
        return ~(total < 0)


def bracket_check_flops(model: Transformer) -> int:
    """Operations of `BracketCheck.of`."""
    return bracket_flops(model) + 2 * model.d_vocab * (model.d_vocab_out + model.n_ctx)
