"""From what a user gives to a question of max-of-K, or one sentence of what cannot be used."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from probbound.contract.confidence import check_delta
from probbound.contract.defaults import AUTO
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.models.attention_only.accepted import accepted_model
from probbound.models.attention_only.forward_error import ForwardError
from probbound.models.attention_only.transformer import forward_flops, require_finite
from probbound.strategies.levels import MOST_DRAWS
from probbound.strategies.losses import MOST_LOSSES
from probbound.tasks.accepted import accepted_claim
from probbound.tasks.given import Given, beyond, require_to_stop
from probbound.tasks.max_of_k.accepted import accepted_task
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.settings import SETTINGS
from probbound.tasks.max_of_k.strategies import require_way_to, strategy_named, uses
from probbound.tasks.max_of_k.task import MaxOfK

MOST_GRID_POINTS = 1 << 22
FEW_INPUTS = 1 << 20  # so many forward passes take seconds, whether needed or not


def asked(
    model: Any,
    task: Any,
    claim: Any,
    strategy: str,
    given: Given,
) -> Question:
    """The question, once every part of it is seen to be of use.

    Raises:
        UserError: on the first that is not, in one sentence.
    """
    model, task, claim = accepted_model(model), accepted_task(task), accepted_claim(claim)
    require_way_to(strategy, claim, weighted=task.prior is not None)
    question = Question(
        model,
        task,
        claim=claim,
        **given.read(SETTINGS, uses(strategy).settings, strategy),
    )
    if strategy == AUTO and question.budget_flops is None:
        spent = float(question.budget * forward_flops(question.model))
        question = replace(question, budget_flops=spent)
    sequential = strategy == AUTO or strategy_named(strategy).sequential
    require_to_stop(strategy, question.stopped_at, sequential=sequential)
    _require_usable(question)
    _require_reasonable(question, strategy)
    return question


def beyond_population(task: MaxOfK, budget: int, strategy: str) -> Iterator[str]:
    """A sentence if all inputs are drawn from, with replacement, more often than there are any."""
    if strategy != AUTO and strategy_named(strategy).repeats_inputs:
        yield from beyond(budget, task.size, "inputs")


def _require_usable(question: Question) -> None:
    model, task, budget = question.model, question.task, question.budget
    if budget < 0:
        raise UserError(f"budget must be a non-negative integer, got {budget!r}")
    check_delta(question.delta)
    if question.stopped_at is not None and question.stopped_at < 0:
        raise UserError(f"stopped_at must be a non-negative integer, got {question.stopped_at}")
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


def _require_reasonable(question: Question, strategy: str) -> None:
    """Refuse numbers that no certificate can carry, and draws where running all inputs is less.

    Raises:
        UserError: naming the limit, or the strategy to take.
    """
    losses = question.claim.kind == "loss"
    for name, number, most in (
        ("budget", question.budget, MOST_LOSSES if losses else MOST_DRAWS),
        ("draws", question.draws, MOST_DRAWS),
        ("stopped_at", question.stopped_at, MOST_DRAWS),
        ("grid points", question.grid_points, MOST_GRID_POINTS),
    ):
        if number is not None and number > most:
            raise UserError(
                f"{name} must be at most {most:,}, the most that a certificate is checked with, "
                f"got {_shown(number)}"
            )
    for sentence in beyond_population(question.task, question.budget, strategy):
        if question.budget > FEW_INPUTS:
            raise UserError(sentence)


def _shown(number: int) -> str:
    return f"{number:,}" if number < 10**15 else f"about 2^{number.bit_length() - 1}"
