"""What a strategy is asked of a task over pairs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from probbound.contract.checks import Check
from probbound.models.pair_mlp.network import PairMLP
from probbound.models.uniform_pair.network import UniformPair
from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.kinds import PairKind, kind_of_pairs
from probbound.tasks.pairs.population import Pairs
from probbound.tasks.question import OneQuestion


@dataclass(frozen=True)
class PairQuestion(OneQuestion[PairMLP | UniformPair, Pairs]):
    """A question about pairs."""

    @property
    def kind(self) -> PairKind[Any]:
        """What the network's kind brings."""
        return kind_of_pairs(self.model)

    @cached_property
    def exact(self) -> Check:
        """The check at the end of every row."""
        return self.kind.exact(self.model, lambda: self.folded, self.task, self.claim.margin)

    @property
    def price(self) -> int:
        """Operations that a forward pass is planned to take."""
        return self.exact.flops

    @property
    def once_flops(self) -> int:
        """Operations of what that check works out before it sees a pair."""
        return self.kind.once_flops(self.model, lambda: self.folded)

    @cached_property
    def folded(self) -> Folded:
        """The network as the screens see it."""
        return self.kind.folded(self.model, self.task.labelling)

    @property
    def folding_flops(self) -> int:
        """Operations of `folded`."""
        return self.kind.folding_flops(self.model)
