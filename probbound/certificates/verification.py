"""What only the code that made a certificate can make again: plans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from probbound.contract.cost import CostMeter
from probbound.machine.errors import UserError
from probbound.models.transformer import Transformer
from probbound.tasks.max_of_k.planning.survey import decided
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.task import MaxOfK


def plan_faults(predicate: Mapping[str, Any], model: Transformer) -> list[str]:
    """Why the plan is not the one that the pilot of the recorded seed gives; empty if it is.

    The independent checker takes plans on trust, since they are not proofs; but a number of draws
    that was not planned may have been chosen after the draws were seen.
    """
    claim = predicate["claim"]
    question = Question(
        model,
        MaxOfK(claim["d_vocab"], claim["n_ctx"]),
        predicate["budget"],
        predicate["delta_allowed"],
        predicate["seed"],
        grid_points=predicate["grid_points"],
        draws=predicate["draws"],
        budget_flops=predicate["budget_flops"],
    )
    try:
        name, again = decided(
            question, predicate["strategy"], predicate["delta_chosen"], CostMeter()
        )
    except UserError as error:
        return [f"its plan cannot be made again: {error}"]
    found = {"strategy": name, "budget": again.budget, "draws": again.draws, "delta": again.delta}
    said = {"strategy": predicate["chosen"], **predicate["ran"]}
    said["delta"] = predicate["delta_allowed"]
    return [] if found == said else [f"its plan is {said}, made again it is {found}"]
