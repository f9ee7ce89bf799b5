"""The certificate: what is claimed, by what kind of guarantee, from what, at what cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from estimators.guarantee import Guarantee
from probbound.arithmetic.rounding import one_minus_down
from probbound.certificates.format import FORMAT, file_content, sealed
from probbound.certificates.seeds import Seed
from probbound.contract.claims import Claim
from probbound.contract.cost import Cost
from probbound.contract.ledger import Spend
from probbound.contract.networks import Network
from probbound.contract.recipe import Recipe
from probbound.contract.tasks import Task
from probbound.machine.files import write_atomically
from probbound.models.reference import Reference
from probbound.models.registry import room_of
from probbound.strategies.outcome import Level, LossBound, Outcome


@dataclass(frozen=True)
class Statement:
    """What is claimed, of which network and which inputs.

    `kind` is "accuracy", "margin" (the share of inputs whose margin is above `at`), "loss" (the
    mean cross-entropy, each cut at `at`) or "kl" (the share of rows whose divergence is at most
    `at`). `population` is what the task states of its inputs, and `network` what the
    room of the network says of it: its `kind` and its `parts`.
    """

    kind: str
    at: float | None
    task: str
    population: Mapping[str, Any]
    network: Mapping[str, Any]

    @classmethod
    def of(cls, claim: Claim, task: Task, model: Network) -> Statement:
        """A claim on a task and a network."""
        room = room_of(model)
        network = {"kind": room.kind, "parts": room.parts(model)}
        return cls(claim.kind, claim.at, task.name, task.statement(), network)

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return dict(vars(self))


@dataclass(frozen=True)
class Sampling:
    """Sequences drawn, those of them run by a forward pass, and the failed among these.

    Where the claim is a loss, `mean_loss` is that of the draws, and no failures are counted. Of
    `entries` noise entries instead: with the pilot's, without, and members that exceed.
    """

    draws: int
    samples: int
    failures: int
    replace: bool
    mean_loss: float | None
    flops: int


@dataclass(frozen=True)
class Ran:
    """What is run, and with how many inputs or noise entries, None where it counts none."""

    recipe: Recipe
    budget: int | None

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {"recipe": self.recipe.to_json(), "budget": self.budget}


@dataclass(frozen=True)
class Certificate:
    """The claim holds at `bound`, unless an event of probability at most `delta` happened.

    The share of inputs that are right (by the margin claimed) is at least `bound`;
    `failure_upper` bounds the rest at full precision, and `certified_mass` is the share that the
    screens alone certify. A mean loss is at most `bound`; then `loss` is there, and as nothing is
    said of failures `failure_upper` is 1 and `certified_mass` 0. `confidence_weighted` is
    (1 - δ) · bound + δ · b, with b the bound that is certain. `asked` is what was to be run, None
    where a plan for `budget_flops` was to decide, and `ran` what did run; `strategy` and `chosen`
    are their names, for people. `delta_allowed` is the δ that was asked for, or, with
    `delta_chosen`, that was chosen before any draw; `delta` is what was spent.
    `arithmetic` says how numbers were computed, and where it is proved what that does to them.
    """

    claim: Statement
    bound: float
    failure_upper: float
    guarantee: Guarantee
    delta: float
    delta_allowed: float
    delta_chosen: bool
    confidence_weighted: float
    strategy: str
    chosen: str
    certified_mass: float
    loss: LossBound | None
    levels: tuple[Level, ...]
    sampling: Sampling
    cost: Cost
    ledger: tuple[Spend, ...]
    model_name: str
    model_sha256: str
    reference: Reference | None
    asked: Ran | None
    budget_flops: float | None
    seed: Seed
    stopped_at: int | None
    ran: Ran
    arithmetic: str
    versions: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """The predicate: the fields of the contract, null where the claim has no such number."""
        loss, share = self.loss, None if self.loss else self.failure_upper
        failures = None if loss else self.sampling.failures
        proof = {
            "certified_mass": None if loss else self.certified_mass,
            "loss_upper": loss.proven if loss else None,
            "largest_loss": loss.largest if loss else None,
            "flops": self.cost.flops_of("proof"),
        }
        fields = {
            "format": FORMAT,
            "claim": self.claim.to_json(),
            "bound": self.bound,
            "failure_upper": share,
            "guarantee": str(self.guarantee),
            "delta": self.delta,
            "delta_allowed": self.delta_allowed,
            "delta_chosen": self.delta_chosen,
            "confidence_weighted": self.confidence_weighted,
            "strategy": self.strategy,
            "chosen": self.chosen,
            "proof": proof,
            "levels": [_level_json(level) for level in self.levels],
            "sampling": {**asdict(self.sampling), "failures": failures},
            "cost": {
                "flops": self.cost.flops,
                "seconds": self.cost.seconds,
                "phases": [asdict(phase) for phase in self.cost.phases],
            },
            "ledger": [asdict(spend) for spend in self.ledger],
            "model": {"name": self.model_name, "sha256": self.model_sha256},
            "reference": self.reference and asdict(self.reference),
            "recipe": self.asked and self.asked.recipe.to_json(),
            "budget": self.asked and self.asked.budget,
            "budget_flops": self.budget_flops,
            "seed": self.seed.value,
            "seed_source": self.seed.source,
            "beacon": self.seed.beacon,
            "stopped_at": self.stopped_at,
            "ran": self.ran.to_json(),
            "arithmetic": self.arithmetic,
            "versions": dict(self.versions),
        }
        return sealed(fields)

    def save(self, path: Path | str) -> None:
        """Write the certificate file in one piece or not at all.

        Raises:
            UserError: if the file cannot be written.
        """
        write_atomically(Path(path), file_content(self.to_json()))


def confidence_weighted(bound: float, delta: float, deterministic: float) -> float:
    """(1 - δ) · bound + δ · deterministic: one axis for both kinds of guarantee.

    What a reader expects at least whose credence in the bound is 1 - δ, and who knows the
    deterministic one for certain (Theorem 1.15).
    """
    return (1 - delta) * bound + delta * deterministic


def certain_bound_of(outcome: Outcome) -> float:
    """What holds without any δ: on the loss by the weights alone, else what screens certify."""
    return outcome.loss.proven if outcome.loss else bound_of(outcome.proof_failure_upper)


def bound_of(failure_upper: float) -> float:
    """The accuracy bound that goes with a bound on the failure rate, rounded down."""
    return max(0.0, one_minus_down(failure_upper))


def _level_json(level: Level) -> dict[str, Any]:
    fields = asdict(level)
    return {**fields, "log_delta": level.log_delta if math.isfinite(level.log_delta) else None}
