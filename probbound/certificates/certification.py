"""From a model, a task and a strategy to a certificate."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import jax
import numpy as np
import scipy

from probbound import __version__
from probbound.arithmetic.scalars import real, whole
from probbound.certificates.certificate import (
    Certificate,
    Ran,
    Sampling,
    Statement,
    bound_of,
    certain_bound_of,
    confidence_weighted,
)
from probbound.certificates.reasonable import require_reasonable
from probbound.certificates.same_question import one_form
from probbound.certificates.seeds import Seed, seed_for
from probbound.contract.claims import ACCURACY, Claim
from probbound.contract.confidence import check_delta
from probbound.contract.cost import CostMeter
from probbound.contract.defaults import DEFAULT_BUDGET, DEFAULT_DELTA
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.models.accepted import accepted_model
from probbound.models.forward_error import ForwardError
from probbound.models.reference import agreement
from probbound.models.store import digest
from probbound.models.transformer import Transformer, require_finite
from probbound.strategies.outcome import Outcome
from probbound.tasks.max_of_k.accepted import accepted_claim, accepted_task
from probbound.tasks.max_of_k.planning.survey import decided
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.strategies import counts_on_grids, strategy_named, uses_delta
from probbound.tasks.max_of_k.strategy_names import AUTO
from probbound.tasks.max_of_k.structured.families import PathChoice
from probbound.tasks.max_of_k.task import MaxOfK

_Number = TypeVar("_Number", int, float)


def certify(
    model: Transformer,
    task: MaxOfK,
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
    paths: PathChoice | None = None,
    claim: Claim = ACCURACY,
    reference: Path | str | None = None,
) -> Certificate:
    """Bound what `claim` is about, the accuracy of `model` on `task` by default.

    Args:
        model: the network; claims are about its weights as real numbers.
        task: the population and its labels; must have the model's vocabulary and context.
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
        budget_flops: operations that "auto" may spend, its pilot included.
        stopped_at: repeat a cascade that was interrupted after this many draws.
        paths: whether `entries` samples the noise of all paths at the same places ("joint": one
            event, one δ) or each path at its own ("separate": δ is split); None: separate.
        claim: the accuracy, the share of inputs with a margin, or the mean loss.
        reference: an `.npz` of `tokens` and the `logits` that another framework gives for them;
            refused unless the model's agree with them (`probbound.models.reference`).

    Raises:
        UserError: on anything that cannot be used, in one sentence.
    """
    settings: dict[str, Any] = {
        "grid_points": _maybe(whole, "grid points", grid_points),
        "target": _maybe(real, "target", target),
        "draws": _maybe(whole, "draws", draws),
        "budget_flops": _maybe(real, "budget in flops", budget_flops),
        "paths": paths,
    }
    if isinstance(delta, str) and delta != AUTO:
        raise UserError(f"delta must be a number or {AUTO!r}, got {delta!r}")
    model, task, claim = accepted_model(model), accepted_task(task), accepted_claim(claim)
    budget, seed = whole("budget", budget), _maybe(whole, "seed", seed)
    number = DEFAULT_DELTA if isinstance(delta, str) else real("delta", delta)
    stopped_at = _maybe(whole, "stopped_at", stopped_at)
    asked = Question(
        model, task, budget, number, seed or 0, stopped_at=stopped_at, claim=claim, **settings
    )
    _require_meaning(asked, strategy)
    _require_usable(asked)
    require_reasonable(asked, strategy)
    choose = isinstance(delta, str) and uses_delta(strategy)
    record = {
        "claim": Statement.of(claim, task, model).to_json(),
        "model": digest(model),
        "strategy": strategy,
        "budget": budget,
        "delta": AUTO if choose else number,
        **settings,
    }
    agreed = None if reference is None else agreement(model, Path(reference))
    source = seed_for(one_form(record), seed, beacon)
    asked, meter = replace(asked, seed=source.value), CostMeter()
    name, run = decided(asked, strategy, choose, meter)
    outcome = strategy_named(name).answer(run, meter)
    made = _certificate(asked, source, strategy, name, run, choose, outcome, meter)
    return replace(made, reference=agreed)


def _maybe(rule: Callable[[str, Any], _Number], name: str, value: Any) -> _Number | None:
    return None if value is None else rule(name, value)


def _require_meaning(question: Question, strategy: str) -> None:
    if strategy == AUTO and (question.claim != ACCURACY or question.task.prior):
        raise UserError(f"{AUTO} plans for the accuracy under a uniform prior; name a strategy")
    sequential = strategy != AUTO and strategy_named(strategy).sequential
    if strategy != AUTO:
        strategy_named(strategy).require_meaning(question)
    if question.budget_flops is not None and strategy != AUTO:
        raise UserError(f"a budget of operations is for the strategy {AUTO}, not for {strategy}")
    if question.target is not None and not sequential:
        raise UserError(f"{strategy} has no target to stop at; a cascade has")
    if question.draws is not None and not sequential:
        raise UserError(f"{strategy} has no number of draws to set; a cascade has")
    if question.draws is not None and question.target is not None:
        raise UserError("give a target to stop at or a number of draws, not both")
    if question.grid_points is not None and not counts_on_grids(strategy):
        raise UserError(
            f"{strategy} has no grid to count on; cubic has, also in a hybrid or cascade"
        )
    if question.stopped_at is not None and not (sequential or strategy == AUTO):
        raise UserError(f"{strategy} cannot be interrupted; a cascade can")
    chooses = strategy != AUTO and strategy_named(strategy).chooses_paths
    if question.paths is not None and not chooses:
        raise UserError(f"{strategy} has no paths to sample jointly or separately; entries has")
    if question.paths not in (None, *get_args(PathChoice)):
        raise UserError(f"paths must be joint or separate, got {question.paths!r}")


def _require_usable(question: Question) -> None:
    model, task, budget, delta = question.model, question.task, question.budget, question.delta
    if budget < 0:
        raise UserError(f"budget must be a non-negative integer, got {budget!r}")
    check_delta(delta)
    if question.target is not None and not 0 < question.target < 1:
        raise UserError(f"target must lie strictly between 0 and 1, got {question.target!r}")
    for name in ("draws", "stopped_at"):
        number = getattr(question, name)
        if number is not None and number < 0:
            raise UserError(f"{name} must be a non-negative integer, got {number}")
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
    if not math.isfinite(ForwardError.of(model).logits):
        raise UserError(
            f"the weights of {model.name} are too far from 1 for sound arithmetic in float64; "
            "rescale them"
        )
    Stream.from_seed(question.seed)


def _certificate(
    question: Question,
    seed: Seed,
    strategy: str,
    chosen: str,
    run: Question,
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
        budget=question.budget,
        seed=seed,
        grid_points=question.grid_points,
        target=question.target,
        draws=question.draws,
        budget_flops=question.budget_flops,
        stopped_at=outcome.stopped_at,
        ran=Ran(run.budget, run.draws),
        paths=question.paths,
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
