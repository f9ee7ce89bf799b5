"""The certificate: what is claimed, by what kind of guarantee, from what, at what cost."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from estimators.guarantee import Guarantee
from probbound.cost import Cost
from probbound.errors import UserError
from probbound.files import write_atomically
from probbound.ledger import Spend
from probbound.rounding import one_minus_down
from probbound.strategies.outcome import Level

FORMAT = "probbound-certificate/1"
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
class Certificate:
    """Accuracy is at least `bound`, unless an event of probability at most `delta` happened.

    `failure_upper` bounds 1 - accuracy at full precision, and `certified_mass` is the share of
    inputs that the screens alone certify. `confidence_weighted` is
    (1 - δ) · bound + δ · certified_mass. `chosen` is what ran where the strategy was "auto", and
    `delta_chosen` whether δ was "auto".
    """

    claim: Claim
    bound: float
    failure_upper: float
    guarantee: Guarantee
    delta: float
    delta_chosen: bool
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
    seed: int
    grid_points: int | None
    target: float | None
    draws: int | None
    budget_flops: float | None
    stopped_at: int | None
    versions: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """The fields of the contract, as JSON values."""
        proof_flops = self.cost.flops_of("proof")
        return {
            "format": FORMAT,
            "claim": asdict(self.claim),
            "bound": self.bound,
            "failure_upper": self.failure_upper,
            "guarantee": str(self.guarantee),
            "delta": self.delta,
            "delta_chosen": self.delta_chosen,
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
            "seed": self.seed,
            "grid_points": self.grid_points,
            "target": self.target,
            "draws": self.draws,
            "budget_flops": self.budget_flops,
            "stopped_at": self.stopped_at,
            "arithmetic": ARITHMETIC,
            "versions": dict(self.versions),
        }

    def save(self, path: Path) -> None:
        """Write the JSON in one piece or not at all.

        Raises:
            UserError: if the file cannot be written.
        """
        text = json.dumps(self.to_json(), indent=2, allow_nan=False, ensure_ascii=False) + "\n"
        write_atomically(path, text.encode())


def read_certificate(path: Path) -> dict[str, Any]:
    """The JSON of a certificate file.

    Raises:
        UserError: if the file is missing, is not JSON, or is not a certificate of this format.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"there is no certificate {path}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as a certificate: {error}") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        kind = found.get("format") if isinstance(found, dict) else type(found).__name__
        raise UserError(f"{path} is not a certificate of format {FORMAT} (found {kind!r})")
    return found


def confidence_weighted(bound: float, delta: float, deterministic: float) -> float:
    """(1 - δ) · bound + δ · deterministic: one axis for both kinds of guarantee."""
    return (1 - delta) * bound + delta * deterministic


def bound_of(failure_upper: float) -> float:
    """The accuracy bound that goes with a bound on the failure rate, rounded down."""
    return max(0.0, one_minus_down(failure_upper))


def _level_json(level: Level) -> dict[str, Any]:
    fields = asdict(level)
    return {**fields, "log_delta": level.log_delta if math.isfinite(level.log_delta) else None}
