"""What a strategy is asked of induction, and the check at the end of every row."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int

from probbound.contract.checks import Check
from probbound.contract.claims import ACCURACY, Claim
from probbound.contract.memo import Memo
from probbound.draws.random_streams import Stream
from probbound.models.transformer.answering import REAL, Answering
from probbound.models.transformer.attention_alone.form import Form, form_of
from probbound.models.transformer.network import GeneralTransformer
from probbound.models.transformer.planned import planned_radii
from probbound.tasks.induction.task import Induction


@dataclass(frozen=True)
class ForwardPass:
    """Which sequences are not certainly answered by their label, in real numbers (9.3)."""

    task: Induction
    answering: Answering
    margin: float
    flops: int
    name: str = "forward pass"

    def uncertified(self, members: Int[np.ndarray, "n n_ctx"]) -> Bool[np.ndarray, " n"]:
        """Those that are left."""
        if not len(members):
            return np.zeros(0, dtype=bool)
        spread = self.answering(members, self.margin)
        return ~spread.leads(self.task.labels(members), self.margin)


@dataclass(frozen=True)
class InductionQuestion:
    """Bound the share of sequences that `claim` is about with `budget` forward passes and `delta`.

    Of a cascade, `draws` fixes the number of draws (a pilot does if it is None), `target` is a
    failure rate at which drawing may stop, and `stopped_at` repeats one that was interrupted.
    `budget_flops` is what a plan may spend.

    Raises:
        ValueError: if the memo is of another network.
    """

    model: GeneralTransformer
    task: Induction
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
    def once_flops(self) -> int:
        """Operations of what is of the network alone."""
        return REAL.once_flops(self.model)

    @property
    def price(self) -> int:
        """Operations that a forward pass is planned to take."""
        return planned_radii(self.model, self.task.n_ctx)

    @cached_property
    def exact(self) -> Check:
        """The check at the end of every row."""
        flops = REAL.flops(self.model, self.task.n_ctx)
        return ForwardPass(self.task, REAL.answering(self.model), self.claim.margin, flops)

    @cached_property
    def form(self) -> Form:
        """The network as the screens see it.

        Raises:
            UserError: if it is not of attention alone.
        """
        return form_of(self.model)
