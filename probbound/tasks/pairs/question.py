"""What a strategy is asked of a task over pairs."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from probbound.contract.checks import Check
from probbound.contract.claims import ACCURACY, Claim
from probbound.contract.memo import Memo
from probbound.draws.random_streams import Stream
from probbound.models.pair_mlp.network import PairMLP
from probbound.models.uniform_pair.network import UniformPair
from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.kinds import PairKind, kind_of_pairs
from probbound.tasks.pairs.population import Pairs


@dataclass(frozen=True)
class PairQuestion:
    """Bound the share of pairs that `claim` is about with `budget` forward passes and `delta`.

    Of a cascade, `draws` fixes the number of draws (a pilot does if it is None), `target` is a
    failure rate at which drawing may stop, and `stopped_at` repeats one that was interrupted.
    `budget_flops` is what a plan may spend. `memo` is what was worked out of the weights; altered
    copies of a question share it.

    Raises:
        ValueError: if the memo is of another network.
    """

    model: PairMLP | UniformPair
    task: Pairs
    budget: int
    delta: float
    seed: int
    target: float | None = None
    draws: int | None = None
    budget_flops: float | None = None
    stopped_at: int | None = None
    claim: Claim = ACCURACY
    memo: Memo = field(default_factory=Memo, compare=False, repr=False)

    def __post_init__(self) -> None:
        self.memo.belongs_to(self.model)

    @property
    def stream(self) -> Stream:
        """The randomness of the certifying samples."""
        return Stream.from_seed(self.seed).fold_in("certify")

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
