"""Rows of tokens as everybody outside sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Never

from probbound.contract.cost import CostMeter
from probbound.contract.recipe import Recipe
from probbound.draws.priors import Prior
from probbound.machine.errors import UserError
from probbound.strategies.outcome import Outcome
from probbound.tasks.given import by_rule
from probbound.tasks.next_token.asking import asked, beyond, brought, require_way_to, uses
from probbound.tasks.next_token.foretelling import foretold
from probbound.tasks.next_token.grammar import BRUTE_FORCE, IID, require_strategy
from probbound.tasks.next_token.mean_loss import brute_force_loss, iid_loss
from probbound.tasks.next_token.methods import brute_force, iid
from probbound.tasks.next_token.planning import chosen
from probbound.tasks.next_token.question import RowQuestion
from probbound.tasks.next_token.recipes import recipe_of
from probbound.tasks.next_token.task import NextToken
from probbound.tasks.one_kind import one_kind
from probbound.tasks.room import Room

ARITHMETIC = (
    "IEEE float64, round to nearest, functions assumed within 16 units in the last place; where a "
    "claim is about real numbers, rounding errors are bounded on the way and counted against it, "
    "ties too (docs/theory.md, 5.1 to 5.3 and chapter 9)"
)

_LABELS = ("name", "rounded_bits")  # of a generator, and of a law: its weights are what is asked


_METHODS = {BRUTE_FORCE: (brute_force, brute_force_loss), IID: (iid, iid_loss)}


def _task_for(model: Any, prior: Prior | None, about: str) -> Never:
    raise UserError(
        "next-token is about rows of tokens that you bring: probbound certify MODEL --data TOKENS "
        "(plan and sweep take --data too), in Python probbound.NextToken(tokens)"
    )


def _stated(population: Mapping[str, Any]) -> Never:
    raise UserError("a claim about rows of tokens states their digest alone; bring the rows again")


def _train(options: Mapping[str, Any], name: str) -> Never:
    raise UserError("nothing is trained for next-token: bring a network, by probbound import")


def _recipe(strategy: str, question: RowQuestion) -> Recipe:
    return recipe_of(
        strategy, question.task.size, {"target": question.target, "balls": question.balls}
    )


def _answer(strategy: str, question: RowQuestion, meter: CostMeter) -> Outcome:
    of_share, of_loss = _METHODS[require_strategy(strategy)]
    return (of_loss if question.claim.kind == "loss" else of_share)(question, meter)


def _with_noise(strategy: str, noise: str) -> str:
    return strategy


def _one_claim(claim: Mapping[str, Any]) -> dict[str, Any]:
    """Of one kind, and labels of rows are no part of the question."""
    population = {key: None if key in _LABELS else x for key, x in claim["population"].items()}
    return one_kind({**claim, "population": population})


TASK = Room[RowQuestion](
    name=NextToken.name,
    arithmetic=ARITHMETIC,
    task_for=_task_for,
    stated=_stated,
    asked=asked,
    recipe=_recipe,
    one_claim=_one_claim,
    uses=uses,
    require_way_to=require_way_to,
    with_noise=_with_noise,
    decided=by_rule(chosen, "over rows"),
    answer=_answer,
    train=_train,
    beyond=beyond,
    foretold=foretold,
    brought=brought,
)
