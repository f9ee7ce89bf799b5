"""From what a user gives to a question over pairs, or one sentence of what cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from probbound.contract.defaults import AUTO
from probbound.machine.errors import UserError
from probbound.tasks.accepted import accepted_claim
from probbound.tasks.given import Given, beyond, require_to_stop, require_usable
from probbound.tasks.pairs.accepted import accepted_network, require_fitting
from probbound.tasks.pairs.population import Pairs
from probbound.tasks.pairs.question import PairQuestion
from probbound.tasks.pairs.strategies import PairStrategies
from probbound.tasks.settings import OF_DRAWING

FEW_PAIRS = 1 << 20  # so many forward passes take seconds, whether needed or not


def asked(
    strategies: PairStrategies,
    model: Any,
    task: Pairs,
    claim: Any,
    strategy: str,
    given: Given,
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
        **given.read(OF_DRAWING, uses.settings, strategy),
    )
    if strategy == AUTO and question.budget_flops is None:
        question = replace(question, budget_flops=float(question.budget * question.exact.flops))
    require_to_stop(strategy, question.stopped_at, sequential="target" in uses.settings)
    require_usable(question)
    for sentence in beyond_population(strategies, task, question.budget, strategy):
        if question.budget > FEW_PAIRS:
            raise UserError(sentence)
    return question


def beyond_population(
    strategies: PairStrategies, task: Pairs, budget: int, strategy: str
) -> Iterator[str]:
    """A sentence if all pairs are drawn from, with replacement, more often than there are any."""
    if strategies.repeats_inputs(strategy):
        yield from beyond(budget, task.size, "pairs")
