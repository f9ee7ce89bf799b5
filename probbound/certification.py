"""From a model, a task and a strategy to a certificate."""

from __future__ import annotations

import math
import platform
from dataclasses import asdict
from typing import Literal

import jax
import numpy as np
import scipy

from probbound import __version__
from probbound.certificate import (
    Certificate,
    Claim,
    Sampling,
    bound_of,
    confidence_weighted,
)
from probbound.cost import CostMeter
from probbound.delta_choice import delta_for
from probbound.errors import UserError
from probbound.models.store import digest
from probbound.models.transformer import Transformer, require_finite
from probbound.random_streams import Stream
from probbound.strategies.outcome import Outcome, Question
from probbound.strategies.registry import AUTO, strategy_named
from probbound.survey import planned
from probbound.tasks import MaxOfK

DEFAULT_BUDGET = 10_000
DEFAULT_DELTA = 1e-6
DEFAULT_SEED = 0


def certify(
    model: Transformer,
    task: MaxOfK,
    *,
    strategy: str,
    budget: int = DEFAULT_BUDGET,
    delta: float | Literal["auto"] = DEFAULT_DELTA,
    seed: int = DEFAULT_SEED,
    grid_points: int | None = None,
    target: float | None = None,
    draws: int | None = None,
    budget_flops: float | None = None,
    stopped_at: int | None = None,
) -> Certificate:
    """Bound the accuracy of `model` on `task` from below.

    Args:
        model: the network; claims are about its weights as real numbers.
        task: the population and its labels; must have the model's vocabulary and context.
        strategy: one of `probbound.strategy_names()`, or "auto": the one that a pilot predicts to
            be best for `budget_flops` (or for what `budget` forward passes cost).
        budget: forward passes that a sampling strategy may spend; fixed before any is made.
        delta: the probability, over the sampling alone, that the bound is wrong; "auto" chooses
            the one with the best predicted confidence-weighted bound before any draw certifies.
        seed: of the certifying samples; the same seed gives the same certificate.
        grid_points: resolution of counting; None counts exactly where listing is feasible.
        target: a cascade stops drawing once it certifies this failure rate (anytime).
        draws: how many draws a cascade makes; None lets a pilot decide.
        budget_flops: operations that "auto" may spend, its pilot included.
        stopped_at: repeat a cascade that was interrupted after this many draws.

    Raises:
        UserError: on anything that cannot be used, in one sentence.
    """
    choose = delta == AUTO
    asked = Question(
        *(model, task, budget, DEFAULT_DELTA if isinstance(delta, str) else delta, seed),
        grid_points=grid_points,
        target=target,
        draws=draws,
        budget_flops=budget_flops,
        stopped_at=stopped_at,
    )
    if isinstance(delta, str) and not choose:
        raise UserError(f"delta must be a number or {AUTO!r}, got {delta!r}")
    meter = CostMeter()
    _require_meaning(asked, strategy)
    _require_usable(asked)
    name, run = strategy, asked
    if strategy == AUTO:
        name, run = planned(asked, None if choose else asked.delta, meter)
    elif choose and not strategy_named(strategy).deterministic:
        run = delta_for(asked, strategy, meter)
    outcome = strategy_named(name).run(run, meter)
    chosen = choose and not strategy_named(name).deterministic
    return _certificate(asked, strategy, name, chosen, outcome, meter)


def _require_meaning(question: Question, strategy: str) -> None:
    sequential = strategy != AUTO and strategy_named(strategy).sequential
    if question.budget_flops is not None and strategy != AUTO:
        raise UserError(f"a budget of operations is for the strategy {AUTO}, not for {strategy}")
    if question.target is not None and not sequential:
        raise UserError(f"{strategy} has no target to stop at; a cascade has")
    if question.draws is not None and not sequential:
        raise UserError(f"{strategy} has no number of draws to set; a cascade has")


def _require_usable(question: Question) -> None:
    model, task, budget, delta = question.model, question.task, question.budget, question.delta
    if isinstance(budget, bool) or not isinstance(budget, int) or budget < 0:
        raise UserError(f"budget must be a non-negative integer, got {budget!r}")
    if not 0 < delta < 1:
        raise UserError(f"delta must lie strictly between 0 and 1, got {delta!r}")
    if question.target is not None and not 0 < question.target < 1:
        raise UserError(f"target must lie strictly between 0 and 1, got {question.target!r}")
    if question.draws is not None and question.draws < 0:
        raise UserError(f"draws must be a non-negative integer, got {question.draws}")
    if question.budget_flops is not None and not 0 < question.budget_flops < math.inf:
        raise UserError(f"budget in flops must be a positive number, got {question.budget_flops}")
    if (task.d_vocab, task.n_ctx) != (model.d_vocab, model.n_ctx):
        raise UserError(
            f"the task has d_vocab {task.d_vocab} and n_ctx {task.n_ctx}, but {model.name} has "
            f"{model.d_vocab} and {model.n_ctx}"
        )
    if model.d_vocab_out < task.d_vocab:
        raise UserError(
            f"{model.name} has {model.d_vocab_out} outputs for {task.d_vocab} tokens, so it "
            "cannot name every maximum"
        )
    require_finite(model)
    Stream.from_seed(question.seed)


def _certificate(
    question: Question,
    strategy: str,
    chosen: str,
    delta_chosen: bool,
    outcome: Outcome,
    meter: CostMeter,
) -> Certificate:
    task, cost = question.task, meter.total()
    bound = bound_of(outcome.failure_upper)
    proven = bound_of(outcome.proof_failure_upper)
    delta = outcome.ledger.delta
    return Certificate(
        claim=Claim("accuracy", task.name, task.d_vocab, task.n_ctx, task.size),
        bound=bound,
        failure_upper=outcome.failure_upper,
        guarantee=outcome.guarantee,
        delta=delta,
        delta_chosen=delta_chosen,
        confidence_weighted=confidence_weighted(bound, delta, proven),
        strategy=strategy,
        chosen=chosen,
        certified_mass=proven,
        levels=outcome.levels,
        sampling=Sampling(**asdict(outcome.sampled), flops=cost.flops_of("sampling")),
        cost=cost,
        ledger=outcome.ledger.spends,
        model_name=question.model.name,
        model_sha256=digest(question.model),
        budget=question.budget,
        seed=question.seed,
        grid_points=question.grid_points,
        target=question.target,
        draws=question.draws,
        budget_flops=question.budget_flops,
        stopped_at=outcome.stopped_at,
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
