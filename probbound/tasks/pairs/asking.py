"""From what a user gives to a question over pairs, or one sentence of what cannot be used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from probbound.contract.confidence import check_delta
from probbound.contract.defaults import AUTO
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.strategies.levels import MOST_DRAWS
from probbound.tasks.accepted import accepted_claim
from probbound.tasks.pairs.accepted import accepted_network, require_fitting
from probbound.tasks.pairs.population import Pairs
from probbound.tasks.pairs.question import PairQuestion
from probbound.tasks.pairs.strategies import PairStrategies
from probbound.tasks.settings import OF_DRAWING, numbers, parsed

FEW_PAIRS = 1 << 20  # so many forward passes take seconds, whether needed or not


def asked(
    strategies: PairStrategies,
    model: Any,
    task: Pairs,
    claim: Any,
    strategy: str,
    *,
    budget: Any,
    delta: Any,
    seed: Any,
    stopped_at: Any,
    settings: Mapping[str, Any],
) -> PairQuestion:
    """The question, once every part of it but the task is seen to be of use.

    Raises:
        UserError: on the first that is not, in one sentence.
    """
    model, claim, uses = accepted_network(model), accepted_claim(claim), strategies.uses(strategy)
    strategies.require_way_to(strategy, claim, weighted=False)
    require_fitting(model, task)
    question = PairQuestion(
        model,
        task,
        claim=claim,
        **numbers(budget, delta, seed, stopped_at),
        **parsed(settings, OF_DRAWING, uses.settings, strategy),
    )
    if strategy == AUTO and question.budget_flops is None:
        question = replace(question, budget_flops=float(question.budget * question.exact.flops))
    if question.stopped_at is not None and "target" not in uses.settings:
        raise UserError(f"{strategy} cannot be interrupted; a cascade can")
    _require_usable(question)
    for sentence in beyond_population(strategies, task, question.budget, strategy):
        if question.budget > FEW_PAIRS:
            raise UserError(sentence)
    return question


def beyond_population(
    strategies: PairStrategies, task: Pairs, budget: int, strategy: str
) -> Iterator[str]:
    """A sentence if all pairs are drawn from, with replacement, more often than there are any."""
    if strategies.repeats_inputs(strategy) and budget > task.size:
        yield (
            f"a budget of {budget:,} draws is more than the {task.size:,} pairs that there are; "
            "brute-force runs each of them once and is exact"
        )


def _require_usable(question: PairQuestion) -> None:
    check_delta(question.delta)
    for name, number in (
        ("budget", question.budget),
        ("draws", question.draws or 0),
        ("stopped_at", question.stopped_at or 0),
    ):
        if not 0 <= number <= MOST_DRAWS:
            raise UserError(f"{name} must be at least 0 and at most {MOST_DRAWS:,}, got {number}")
    Stream.from_seed(question.seed)
