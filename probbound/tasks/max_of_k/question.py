"""What a strategy is asked of max-of-K."""

from __future__ import annotations

from dataclasses import dataclass

from probbound.models.attention_only.transformer import Transformer
from probbound.tasks.max_of_k.accepted import require_kinds
from probbound.tasks.max_of_k.structured.families import PathChoice
from probbound.tasks.max_of_k.task import MaxOfK
from probbound.tasks.question import OneQuestion


@dataclass(frozen=True)
class Question(OneQuestion[Transformer, MaxOfK]):
    """A question about sequences.

    `grid_points` is the resolution of counting, None for exact counting where that is feasible.
    `paths` says whether `entries` samples all noise paths at the same places or each at its own.

    Raises:
        UserError: if the model or the task is of another kind, a subclass too.
        ValueError: if the memo is of another model.
    """

    grid_points: int | None = None
    paths: PathChoice | None = None

    def __post_init__(self) -> None:
        require_kinds(self.model, self.task)
        super().__post_init__()
