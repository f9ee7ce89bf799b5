"""The certificate: what is claimed, by what kind of guarantee, from what, at what cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from estimators.guarantee import Guarantee
from probbound.certificate_format import FORMAT, file_content, sealed
from probbound.cost import Cost
from probbound.files import write_atomically
from probbound.ledger import Spend
from probbound.rounding import one_minus_down
from probbound.seeds import Seed
from probbound.strategies.outcome import Level

ARITHMETIC = "float64, ties counted as wrong; rounding errors of float64 are not yet bounded"


@dataclass(frozen=True)
class Claim:
    """The accuracy of a model on a task's whole population."""

    quantity: str
    task: str
    d_vocab: int
    n_ctx: int
    population: int


@dataclass(frozen=True)
class Sampling:
    """Sequences drawn, those of them run by a forward pass, and the wrong among these."""

    draws: int
    samples: int
    failures: int
    replace: bool
    flops: int


@dataclass(frozen=True)
class Ran:
    """What the strategy that ran was given: as asked, or as the plan of "auto" decided."""

    budget: int
    draws: int | None


@dataclass(frozen=True)
class Certificate:
    """Accuracy is at least `bound`, unless an event of probability at most `delta` happened.

    `failure_upper` bounds 1 - accuracy at full precision, and `certified_mass` is the share of
    inputs that the screens alone certify. `confidence_weighted` is
    (1 - δ) · bound + δ · certified_mass. `chosen` is what ran where the strategy was "auto", and
    `ran` what it was given. `delta_allowed` is the δ that was asked for; `delta` is what was spent.
    """

    claim: Claim
    bound: float
    failure_upper: float
    guarantee: Guarantee
    delta: float
    delta_allowed: float
    confidence_weighted: float
    strategy: str
    chosen: str
    certified_mass: float
    levels: tuple[Level, ...]
    sampling: Sampling
    cost: Cost
    ledger: tuple[Spend, ...]
    model_name: str
    model_sha256: str
    budget: int
    seed: Seed
    grid_points: int | None
    target: float | None
    draws: int | None
    budget_flops: float | None
    stopped_at: int | None
    ran: Ran
    versions: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """The predicate of the certificate: the fields of the contract, sealed by a digest."""
        proof_flops = self.cost.flops_of("proof")
        fields = {
            "format": FORMAT,
            "claim": asdict(self.claim),
            "bound": self.bound,
            "failure_upper": self.failure_upper,
            "guarantee": str(self.guarantee),
            "delta": self.delta,
            "delta_allowed": self.delta_allowed,
            "confidence_weighted": self.confidence_weighted,
            "strategy": self.strategy,
            "chosen": self.chosen,
            "proof": {"certified_mass": self.certified_mass, "flops": proof_flops},
            "levels": [_level_json(level) for level in self.levels],
            "sampling": asdict(self.sampling),
            "cost": {
                "flops": self.cost.flops,
                "seconds": self.cost.seconds,
                "phases": [asdict(phase) for phase in self.cost.phases],
            },
            "ledger": [asdict(spend) for spend in self.ledger],
            "model": {"name": self.model_name, "sha256": self.model_sha256},
            "budget": self.budget,
            "seed": self.seed.value,
            "seed_source": self.seed.source,
            "beacon": self.seed.beacon,
            "grid_points": self.grid_points,
            "target": self.target,
            "draws": self.draws,
            "budget_flops": self.budget_flops,
            "stopped_at": self.stopped_at,
            "ran": asdict(self.ran),
            "arithmetic": ARITHMETIC,
            "versions": dict(self.versions),
        }
        return sealed(fields)

    def save(self, path: Path) -> None:
        """Write the certificate file in one piece or not at all.

        Raises:
            UserError: if the file cannot be written.
        """
        write_atomically(path, file_content(self.to_json()))


def confidence_weighted(bound: float, delta: float, deterministic: float) -> float:
    """(1 - δ) · bound + δ · deterministic: one axis for both kinds of guarantee."""
    return (1 - delta) * bound + delta * deterministic


def bound_of(failure_upper: float) -> float:
    """The accuracy bound that goes with a bound on the failure rate, rounded down."""
    return max(0.0, one_minus_down(failure_upper))


def _level_json(level: Level) -> dict[str, Any]:
    fields = asdict(level)
    return {**fields, "log_delta": level.log_delta if math.isfinite(level.log_delta) else None}
