"""Max-of-K as everybody outside sees it."""

from __future__ import annotations

from probbound.contract.cost import CostMeter
from probbound.strategies.outcome import Outcome
from probbound.tasks.max_of_k.asking import asked, beyond_population
from probbound.tasks.max_of_k.grammar import with_noise
from probbound.tasks.max_of_k.noise_size import noise_size
from probbound.tasks.max_of_k.planning.foretelling import foretold
from probbound.tasks.max_of_k.planning.rule import decided
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.recorded import recorded_training
from probbound.tasks.max_of_k.same_question import one_claim
from probbound.tasks.max_of_k.strategies import recipe, require_way_to, strategy_named, uses
from probbound.tasks.max_of_k.task import MaxOfK, stated, task_for
from probbound.tasks.room import Room

ARITHMETIC = (
    "IEEE float64, round to nearest, exp and log assumed within 16 units in the last place; "
    "rounding errors bounded a priori and counted against the claim, ties too "
    "(docs/theory.md, 5.1 to 5.13)"
)


def _answer(strategy: str, question: Question, meter: CostMeter) -> Outcome:
    return strategy_named(strategy).answer(question, meter)


TASK = Room[Question](
    name=MaxOfK.name,
    arithmetic=ARITHMETIC,
    task_for=task_for,
    stated=stated,
    asked=asked,
    recipe=recipe,
    one_claim=one_claim,
    uses=uses,
    require_way_to=require_way_to,
    with_noise=with_noise,
    decided=decided,
    answer=_answer,
    foretold=foretold,
    train=recorded_training,
    beyond=beyond_population,
    noise_size=noise_size,
)
