"""What a strategy answers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from estimators.guarantee import Guarantee
from probbound.contract.ledger import NOTHING_SPENT, Ledger


@dataclass(frozen=True)
class Level:
    """One screen of a cascade: how large a share of what reached it can have been left over.

    An enumerated level knows the share, by counting or by running its check on all `samples`
    members; a sampled one looked at `samples` draws, and its upper bound fails with probability
    at most exp(log_delta). `failures` of the `samples` were left over. Draws that are passed
    through to the next level need no bound of their own.
    """

    check: str
    mode: Literal["enumerated", "passed through", "sampled"]
    share_upper: float
    samples: int = 0
    failures: int = 0
    log_delta: float = -math.inf

    @classmethod
    def enumerated(cls, check: str, share: float) -> Level:
        """A level whose check was run on, or counted over, all that reached it."""
        return cls(check, "enumerated", share)


@dataclass(frozen=True)
class Sampled:
    """Sequences drawn, those of them that went on to a forward pass, and the failed among these.

    `mean_loss` is the mean over the draws where losses were sampled; none is a failure then.
    """

    draws: int = 0
    samples: int = 0
    failures: int = 0
    replace: bool = False
    mean_loss: float | None = None


NOTHING_SAMPLED = Sampled()


@dataclass(frozen=True)
class LossBound:
    """Upper bounds in nats: on the mean loss, on it by the weights alone, and on every loss."""

    upper: float
    proven: float
    largest: float


@dataclass(frozen=True)
class Outcome:
    """An upper bound on the share of sequences that fail, by mass, and what it rests on.

    `proof_failure_upper` is what the enumerated screens alone prove, 1 if there is none.
    `stopped_at` is the number of draws after which the user interrupted the sampling. Where the
    claim is of the loss, `loss` bounds it, and nothing is said of failures: both shares are 1.
    """

    failure_upper: float
    proof_failure_upper: float
    levels: tuple[Level, ...]
    ledger: Ledger = NOTHING_SPENT
    sampled: Sampled = NOTHING_SAMPLED
    stopped_at: int | None = None
    loss: LossBound | None = None

    @property
    def guarantee(self) -> Guarantee:
        """Deterministic if nothing was spent."""
        return Guarantee.HIGH_PROBABILITY if self.ledger.spends else Guarantee.DETERMINISTIC
