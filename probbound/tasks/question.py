"""What a question holds, whatever it is asked of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from probbound.contract.claims import ACCURACY, Claim
from probbound.contract.memo import Memo
from probbound.draws.random_streams import Stream

M = TypeVar("M")
T = TypeVar("T")


@dataclass(frozen=True)
class OneQuestion(Generic[M, T]):
    """Bound the share of inputs that `claim` is about with `budget` forward passes and `delta`.

    Of a cascade, `draws` fixes the number of draws (a pilot does if it is None), `target` is a
    failure rate at which drawing may stop, and `stopped_at` repeats one that was interrupted.
    `budget_flops` is what a plan may spend. `memo` is what was worked out of the weights; altered
    copies of a question share it.

    Raises:
        ValueError: if the memo is of another network.
    """

    model: M
    task: T
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
