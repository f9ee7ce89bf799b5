"""The forward pass: every class computed, with a margin that rounding cannot have made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from probbound.contract.cost import CostMeter
from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.screens.pairs import (
    PairResidue,
    Pairs,
    all_features,
    feature_flops,
    features,
    in_chunks,
    numbered,
)
from probbound.tasks.pairs.screens.slack import (
    PairSlack,
    Sizes,
    folding_slack,
    rounding_slack,
    sizes_flops,
    slack_flops,
)


@dataclass(frozen=True)
class ForwardPass:
    """A pair passes if its own logit is for certain above every other (Theorem 8.3).

    By more than `margin`, which is 0 for being right. What is within the rounding error fails, as
    do a tie and a NaN.
    """

    folded: Folded
    slack: PairSlack
    name: str = "forward pass"

    @classmethod
    def of(cls, folded: Folded, margin: float = 0.0) -> ForwardPass:
        """Of a network."""
        with np.errstate(all="ignore"):
            return cls(folded, forward_slack(folded, Sizes.of(folded), margin))

    @property
    def flops(self) -> int:
        """Operations for each pair: its logits, as everywhere in the project."""
        return forward_flops(self.folded)

    def uncertified(self, pairs: Pairs) -> Bool[np.ndarray, " n"]:
        """Which pairs fail."""
        return in_chunks(self._wrong, pairs, self.folded.n_features + self.folded.n_classes)

    def enumerate(self, meter: CostMeter) -> PairResidue:
        """All pairs that fail."""
        folded = self.folded
        proof = forward_table_flops(folded) + folded.size * self.flops
        with meter.phase("forward passes", "proof", proof):
            left = np.empty((folded.n_first, folded.n_second), dtype=bool)
            for rows, found in all_features(folded):
                a, b = numbered(folded, rows)
                left[rows] = self._left(found, a, b).reshape(-1, folded.n_second)
            return PairResidue.of(left)

    def _wrong(self, a: Int[np.ndarray, " n"], b: Int[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
        return self._left(features(self.folded, a, b), a, b)

    def _left(
        self,
        found: Float[np.ndarray, "n n_features"],
        a: Int[np.ndarray, " n"],
        b: Int[np.ndarray, " n"],
    ) -> Bool[np.ndarray, " n"]:
        with np.errstate(all="ignore"):
            logits = found @ self.folded.out
            return not_above(logits, self.folded.labels[a, b], self.slack.of(a, b))


def not_above(
    values: Float[np.ndarray, "n n_classes"],
    labels: Int[np.ndarray, " n"],
    lead: Float[np.ndarray, " n"],
) -> Bool[np.ndarray, " n"]:
    """Whether some other value is not below the label's less `lead`; `values` is overwritten.

    A NaN anywhere is not below.
    """
    rows = np.arange(len(values))
    own = values[rows, labels] - lead
    values[rows, labels] = -np.inf
    return ~(values.max(axis=1) < own)


def forward_slack(folded: Folded, sizes: Sizes, margin: float = 0.0) -> PairSlack:
    """λ of Theorem 8.3, with the margin that is claimed."""
    steps = folded.n_features + 8
    slack = folding_slack(folded, sizes) + rounding_slack(
        sizes, steps, 3 * sizes.largest_out + abs(margin), offset=1.0
    )
    return PairSlack(slack.first + margin, slack.second)


def forward_flops(folded: Folded) -> int:
    """Operations of the logits of one pair."""
    return feature_flops(folded) + 2 * folded.n_features * folded.n_classes


def forward_table_flops(folded: Folded) -> int:
    """Operations of what is made once."""
    return sizes_flops(folded) + slack_flops(folded)
