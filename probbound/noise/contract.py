"""What a method for bounding noise is asked, and what it answers.

The contract: a `Method` names the quantities it can honestly bound and gets those of them that
are wanted all at once, so that it passes over the matrix (or its sample) once. It answers one
`NoiseBound` each, in the order asked: an upper bound on the quantity of the exact product of
`term.remainder`'s stored factors, that fails with probability at most exp(settings.log_delta),
row by row (a union bound joins rows). `flops`, `entries` and `seconds` of a row are what that row
alone would have cost, as far as work is shared: the whole of the shared part.

A method is added by putting it into the tuple of its package, `DETERMINISTIC` or `SAMPLED`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from estimators.guarantee import Guarantee
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.noise.term import NoiseTerm

QuantityName = Literal[
    "mean",
    "rms",
    "share-above",
    "quantile",
    "row-spread-share",
    "row-norms",
    "largest-row-spread",
    "largest-entry",
    "spectral-norm",
    "frobenius-norm",
    "input-share",
]
QUANTITIES: tuple[QuantityName, ...] = get_args(QuantityName)
MAXIMA: frozenset[QuantityName] = frozenset(
    ("largest-entry", "largest-row-spread", "row-norms", "spectral-norm")
)
_NEEDS: dict[str, tuple[QuantityName, ...]] = {
    "threshold": ("share-above", "row-spread-share", "input-share"),
    "level": ("quantile",),
    "n_ctx": ("input-share",),
}

Evidence = Literal["weights", "samples", "sketch"]


@dataclass(frozen=True)
class Quantity:
    """Something asked about the noise N (m × n), always as an upper bound.

    - `mean`, `rms`: of the entries (the lower bound on the mean is that of -N, negated);
    - `share-above`: share of the entries with |N_ij| > `threshold`;
    - `quantile`: least x with a share of at least `level` of the |N_ij| at or below x;
    - `row-spread-share`: share of rows with max_j N_ij - min_j N_ij > `threshold`;
    - `row-norms`: every ‖N_i‖₂ at once; `largest-row-spread`, `largest-entry` (in absolute
      value), `spectral-norm`, `frobenius-norm`;
    - `input-share`: share of the inputs, uniform over all sequences of `n_ctx` tokens, that touch
      an entry above `threshold` in absolute value; which entries an input touches is `term.reads`.

    Raises:
        UserError: if the name is unknown, or a parameter is missing, out of range or superfluous.
    """

    name: QuantityName
    threshold: float | None = None
    level: float | None = None
    n_ctx: int | None = None

    def __post_init__(self) -> None:
        if self.name not in QUANTITIES:
            raise UserError(f"there is no quantity {self.name!r}; choose from {QUANTITIES}")
        for parameter, names in _NEEDS.items():
            if (getattr(self, parameter) is None) == (self.name in names):
                verb = "needs a" if self.name in names else "takes no"
                raise UserError(f"the quantity {self.name} {verb} {parameter}")
        if self.threshold is not None and not 0 <= self.threshold < math.inf:
            raise UserError(f"threshold must be a number of at least 0, got {self.threshold}")
        if self.level is not None and not 0 < self.level <= 1:
            raise UserError(f"level must lie in (0, 1], got {self.level}")
        if self.n_ctx is not None and self.n_ctx < 1:
            raise UserError(f"n_ctx must be at least 1, got {self.n_ctx}")

    def __str__(self) -> str:
        parameters = [
            f"{name}={getattr(self, name)!r}" for name in _NEEDS if getattr(self, name) is not None
        ]
        return " ".join([self.name, *parameters])


@dataclass(frozen=True)
class Settings:
    """What a method may spend: sampled `entries`, δ as a logarithm, coins, bytes of memory."""

    stream: Stream
    budget: int = 1_000_000
    log_delta: float = math.log(1e-6)
    memory_bytes: int = 1 << 28

    @property
    def delta(self) -> float:
        """δ itself, 0 where it underflows."""
        return math.exp(self.log_delta)


@dataclass(frozen=True)
class NoiseBound:
    """One row of the table: `quantity` is at most `bound`, except with probability `delta`.

    For `row-norms` and `largest-row-spread`, `per_row` bounds every row's norm or spread, all rows
    at once by the one statement, and `bound` is its largest entry. `entries`
    is the number of entries evaluated, `flops` the operations counted by formula, `truth` the
    value itself, rounded down, where somebody paid for it (Theorem 3.17). A deterministic row has
    δ = 0 and log δ = -inf.
    """

    quantity: Quantity
    method: str
    bound: float
    guarantee: Guarantee
    log_delta: float
    entries: int
    flops: int
    seconds: float
    truth: float | None = None
    detail: str = ""
    per_row: Float[np.ndarray, " m"] | None = field(default=None, compare=False)

    @property
    def delta(self) -> float:
        """δ itself, 0 where nothing was spent."""
        return math.exp(self.log_delta)


@dataclass(frozen=True)
class Method:
    """A way to bound noise, and the quantities it is honest about.

    `evidence` is what the bound rests on: all `weights` (deterministic), a random part of the
    entries (`samples`), or a `sketch`, random projections that every entry enters. From samples no
    maximum can be bounded (Theorem 3.15), and a method that offers one cannot be made. One that
    `streams` evaluates every entry.

    Raises:
        ValueError: if a method that rests on samples offers one of `MAXIMA`.
    """

    name: str
    evidence: Evidence
    quantities: frozenset[QuantityName]
    run: Callable[[NoiseTerm, Sequence[Quantity], Settings], list[NoiseBound]]
    streams: bool = False

    def __post_init__(self) -> None:
        if self.evidence == "samples" and self.quantities & MAXIMA:
            raise ValueError(
                f"{self.name} rests on samples, which bound no maximum: "
                f"{sorted(self.quantities & MAXIMA)}"
            )

    def bounds(
        self, term: NoiseTerm, quantities: Sequence[Quantity], settings: Settings
    ) -> list[NoiseBound]:
        """One row for each quantity.

        Raises:
            UserError: if the method cannot bound one of them.
        """
        for quantity in quantities:
            if quantity.name not in self.quantities:
                raise UserError(
                    f"{self.name} cannot bound {quantity.name}; "
                    f"it bounds {', '.join(q for q in QUANTITIES if q in self.quantities)}"
                )
        return self.run(term, quantities, settings)
