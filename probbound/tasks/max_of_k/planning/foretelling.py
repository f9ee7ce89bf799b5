"""Forecasts of every strategy for `probbound plan`; no budget pays for the looking."""

from __future__ import annotations

import math
from dataclasses import asdict, replace

from probbound.contract.cost import CostMeter
from probbound.contract.defaults import DEFAULT_DELTA
from probbound.models.attention_only.transformer import Transformer
from probbound.planning.foretold import Foretold, Wish
from probbound.tasks.max_of_k.planning.entries import OVER
from probbound.tasks.max_of_k.planning.pilot import CHEAP_PILOT, MOST_PILOT
from probbound.tasks.max_of_k.planning.prices import prices_in_flops, prices_in_seconds
from probbound.tasks.max_of_k.planning.survey import settled, surveyed
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.task import task_for


def foretold(model: Transformer, wish: Wish) -> Foretold:
    """What every strategy is predicted to give for a model.

    Raises:
        UserError: if the model cannot serve the task, or the claim is no accuracy.
    """
    wish.require_accuracy()
    task, target = task_for(model), wish.unit == "target"
    timed = wish.unit == "seconds"
    prices = prices_in_seconds(model, task, wish.seed) if timed else prices_in_flops()
    budget = math.inf if target else wish.amount / prices.cheap
    most = int(min(max(CHEAP_PILOT, 10 / wish.amount), MOST_PILOT)) if target else CHEAP_PILOT
    question = Question(model, task, 0, wish.delta or DEFAULT_DELTA, wish.seed)
    survey = surveyed(question, wish.delta, budget, CostMeter(), most=most)
    survey = replace(survey, planner=replace(survey.planner, prices=prices))
    survey, forecasts = settled(
        *(survey, question, budget),
        lambda now: now.planner.for_target(wish.amount) if target else now.forecasts(wish.amount),
    )
    pilot = survey.planner.pilot
    left = {
        "copying check": pilot.copying,
        "sub-cubic screen": pilot.sub_cubic,
        "cubic screen": pilot.cubic,
    }
    return Foretold(
        forecasts,
        asdict(pilot),
        left,
        survey.planner.wrong if pilot.draws else None,
        survey.meter.total().flops,
        OVER,
    )
