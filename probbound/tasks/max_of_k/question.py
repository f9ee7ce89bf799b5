"""What a strategy is asked of max-of-K."""

from __future__ import annotations

from dataclasses import dataclass, field

from probbound.contract.claims import ACCURACY, Claim
from probbound.contract.memo import Memo
from probbound.draws.random_streams import Stream
from probbound.models.attention_only.transformer import Transformer
from probbound.tasks.max_of_k.accepted import require_kinds
from probbound.tasks.max_of_k.structured.families import PathChoice
from probbound.tasks.max_of_k.task import MaxOfK


@dataclass(frozen=True)
class Question:
    """Bound what `claim` is about with `budget` forward passes, failing with `delta`.

    `grid_points` is the resolution of counting, None for exact counting where that is feasible.
    Of a cascade, `draws` fixes the number of draws (a pilot does if it is None), `target` is a
    failure rate at which drawing may stop, and `stopped_at` repeats one that was interrupted.
    `budget_flops` is what a plan may spend.
    `paths` says whether `entries` samples all noise paths at the same places or each at its own.
    `memo` is what was worked out of the weights; altered copies of a question share it.

    Raises:
        UserError: if the model or the task is of another kind, a subclass too.
        ValueError: if the memo is of another model.
    """

    model: Transformer
    task: MaxOfK
    budget: int
    delta: float
    seed: int
    grid_points: int | None = None
    target: float | None = None
    draws: int | None = None
    budget_flops: float | None = None
    stopped_at: int | None = None
    paths: PathChoice | None = None
    claim: Claim = ACCURACY
    memo: Memo = field(default_factory=Memo, compare=False, repr=False)

    def __post_init__(self) -> None:
        require_kinds(self.model, self.task)
        self.memo.belongs_to(self.model)

    @property
    def stream(self) -> Stream:
        """The randomness of the certifying samples."""
        return Stream.from_seed(self.seed).fold_in("certify")
