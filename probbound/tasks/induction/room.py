"""Induction as everybody outside sees it."""

from __future__ import annotations

from probbound.contract.recipe import Recipe
from probbound.tasks.given import by_rule
from probbound.tasks.induction.asking import asked, beyond, require_way_to, task_for, uses
from probbound.tasks.induction.foretelling import foretold
from probbound.tasks.induction.planning import chosen
from probbound.tasks.induction.question import InductionQuestion
from probbound.tasks.induction.recipes import recipe_of
from probbound.tasks.induction.strategies import answer
from probbound.tasks.induction.task import Induction, stated
from probbound.tasks.induction.training import train
from probbound.tasks.one_kind import one_kind
from probbound.tasks.room import Room
from probbound.tasks.settings import OF_DRAWING

ARITHMETIC = (
    "IEEE float64, round to nearest, functions assumed within 16 units in the last place; rounding "
    "errors are bounded and counted against the claim, ties too (docs/theory.md, 5.1 to 5.3 and "
    "chapters 9 and 10)"
)


def _recipe(strategy: str, question: InductionQuestion) -> Recipe:
    given = {setting.name: getattr(question, setting.name) for setting in OF_DRAWING}
    given["universal"] = question.claim.kind == "universal"
    return recipe_of(strategy, question.task.size, given)


def _with_noise(strategy: str, noise: str) -> str:
    return strategy


TASK = Room[InductionQuestion](
    name=Induction.name,
    arithmetic=ARITHMETIC,
    task_for=task_for,
    stated=stated,
    asked=asked,
    recipe=_recipe,
    one_claim=one_kind,
    uses=uses,
    require_way_to=require_way_to,
    with_noise=_with_noise,
    decided=by_rule(chosen, "of induction"),
    answer=answer,
    train=train,
    beyond=beyond,
    foretold=foretold,
)
