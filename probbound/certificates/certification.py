"""From a model, a task and a strategy to a certificate."""

from __future__ import annotations

import platform
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
import scipy

from probbound import __version__
from probbound.certificates.certificate import (
    Certificate,
    Ran,
    Sampling,
    Statement,
    bound_of,
    certain_bound_of,
    confidence_weighted,
)
from probbound.certificates.seeds import Seed, seed_for
from probbound.contract.claims import ACCURACY, Claim
from probbound.contract.cost import CostMeter
from probbound.contract.defaults import AUTO, DEFAULT_BUDGET, DEFAULT_DELTA
from probbound.contract.networks import Network
from probbound.machine.errors import UserError
from probbound.models.reference import agreement
from probbound.models.store import digest
from probbound.strategies.outcome import Outcome
from probbound.tasks.given import Given
from probbound.tasks.registry import room_of
from probbound.tasks.room import Room


def certify(
    model: Network,
    task: Any,
    *,
    strategy: str,
    budget: int = DEFAULT_BUDGET,
    delta: float | Literal["auto"] = DEFAULT_DELTA,
    seed: int | None = None,
    beacon: str | None = None,
    grid_points: int | None = None,
    target: float | None = None,
    draws: int | None = None,
    budget_flops: float | None = None,
    stopped_at: int | None = None,
    paths: Literal["joint", "separate"] | None = None,
    balls: int | None = None,
    claim: Claim = ACCURACY,
    reference: Path | str | None = None,
) -> Certificate:
    """Bound what `claim` is about, the accuracy of `model` on `task` by default.

    Args:
        model: the network; claims are about its weights as real numbers.
        task: the population and its labels (`probbound.MaxOfK`); must have the model's vocabulary
            and context.
        strategy: one of `probbound.strategy_names()`, or "auto": the one that a pilot predicts to
            be best for `budget_flops` (or for what `budget` forward passes cost).
        budget: forward passes that a sampling strategy may spend, noise entries for `entries`;
            fixed before any is made.
        delta: the probability, over the sampling alone, that the bound is wrong; "auto" chooses
            the one with the best predicted confidence-weighted bound before any draw certifies.
        seed: of the certifying samples, chosen by hand; None derives it from the question, so that
            the same question gets the same samples (Theorem 6.1).
        beacon: public text that is mixed into the derived seed.
        grid_points: resolution of counting; None counts exactly where listing is feasible.
        target: a cascade stops drawing once it certifies this failure rate (anytime).
        draws: how many draws a cascade without target makes; None lets a pilot decide.
        budget_flops: operations that "auto" may spend, its pilot included; None: those of `budget`
            forward passes.
        stopped_at: repeat a cascade that was interrupted after this many draws.
        paths: whether `entries` samples the noise of all paths at the same places ("joint": one
            event, one δ) or each path at its own ("separate": δ is split); None: separate.
        balls: of rows of tokens, under the arithmetic "real": how many bits balls have by which
            those rows are decided that radii leave open (Theorem 9.14); None: by none.
        claim: the accuracy, the share of inputs with a margin, the mean loss, or of rows the share
            near the distribution of another network.
        reference: an `.npz` of `tokens` and the `logits` that another framework gives for them;
            refused unless the model's agree with them (`probbound.models.reference`).

    Raises:
        UserError: on anything that cannot be used, in one sentence.
    """
    if isinstance(delta, str) and delta != AUTO:
        raise UserError(f"delta must be a number or {AUTO!r}, got {delta!r}")
    room = room_of(task)
    given = Given(
        budget=budget,
        delta=DEFAULT_DELTA if isinstance(delta, str) else delta,
        seed=seed,
        stopped_at=stopped_at,
        settings={
            "grid_points": grid_points,
            "target": target,
            "draws": draws,
            "budget_flops": budget_flops,
            "paths": paths,
            "balls": balls,
        },
    )
    asked = room.asked(model, task, claim, strategy, given)
    choose = isinstance(delta, str) and room.uses(strategy).chance
    wanted = None if strategy == AUTO else _runs(room, strategy, asked)
    record = {
        "claim": room.one_claim(Statement.of(asked.claim, asked.task, asked.model).to_json()),
        "model": digest(asked.model),
        "recipe": wanted and wanted.recipe.to_json(),
        "budget": wanted and wanted.budget,
        "delta": AUTO if choose else asked.delta,
        "budget_flops": asked.budget_flops,
    }
    agreed = None if reference is None else agreement(asked.model, Path(reference))
    source = seed_for(record, None if seed is None else asked.seed, beacon)
    asked, meter = replace(asked, seed=source.value), CostMeter()
    name, run = room.decided(asked, strategy, choose, meter)
    outcome = room.answer(name, run, meter)
    made = _certificate(asked, room, source, strategy, name, run, choose, outcome, meter)
    return replace(made, asked=wanted, reference=agreed)


def _runs(room: Room[Any], strategy: str, question: Any) -> Ran:
    """What a strategy runs, with the budget of inputs if it has a use for one."""
    recipe = room.recipe(strategy, question)
    return Ran(recipe, question.budget if recipe.budgeted else None)


def _certificate(
    question: Any,
    room: Room[Any],
    seed: Seed,
    strategy: str,
    chosen: str,
    run: Any,
    delta_chosen: bool,
    outcome: Outcome,
    meter: CostMeter,
) -> Certificate:
    cost = meter.total()
    bound = outcome.loss.upper if outcome.loss else bound_of(outcome.failure_upper)
    delta = outcome.ledger.delta
    return Certificate(
        claim=Statement.of(question.claim, question.task, question.model),
        bound=bound,
        failure_upper=outcome.failure_upper,
        guarantee=outcome.guarantee,
        delta=delta,
        delta_allowed=run.delta,
        delta_chosen=delta_chosen,
        confidence_weighted=confidence_weighted(bound, delta, certain_bound_of(outcome)),
        strategy=strategy,
        chosen=chosen,
        certified_mass=bound_of(outcome.proof_failure_upper),
        loss=outcome.loss,
        levels=outcome.levels,
        sampling=Sampling(**asdict(outcome.sampled), flops=cost.flops_of("sampling")),
        cost=cost,
        ledger=outcome.ledger.spends,
        model_name=question.model.name,
        model_sha256=digest(question.model),
        reference=None,
        asked=None,
        budget_flops=question.budget_flops,
        seed=seed,
        stopped_at=outcome.stopped_at,
        ran=_runs(room, chosen, run),
        arithmetic=room.arithmetic,
        versions=versions(),
    )


def versions() -> dict[str, str]:
    """Versions of everything that a certificate's numbers could depend on."""
    return {
        "probbound": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "jax": jax.__version__,
    }
