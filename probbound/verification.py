"""What only the code that made a certificate can make again: plans, and `entries`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from probbound.certification import certify
from probbound.claims import claim_of
from probbound.cost import CostMeter
from probbound.errors import UserError
from probbound.models.transformer import Transformer
from probbound.strategies.outcome import Question
from probbound.survey import decided
from probbound.tasks import MaxOfK

FLOAT_TOLERANCE = 1e-9
NOT_COMPARED = ("versions", "hex", "self_sha256", "model.name")


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


def replay_faults(predicate: Mapping[str, Any], model: Transformer) -> list[str]:
    """Where making the certificate again from its question says something else; empty if nowhere.

    Everything but seconds, versions and the model's name must agree: integers and text exactly,
    floats to a relative FLOAT_TOLERANCE.
    """
    claim, chosen = predicate["claim"], predicate["seed_source"] == "chosen"
    try:
        again = certify(
            model,
            MaxOfK(claim["d_vocab"], claim["n_ctx"]),
            strategy=predicate["strategy"],
            budget=predicate["budget"],
            delta="auto" if predicate["delta_chosen"] else predicate["delta_allowed"],
            seed=predicate["seed"] if chosen else None,
            beacon=predicate["beacon"],
            budget_flops=predicate["budget_flops"],
            claim=claim_of(claim["kind"], claim["at"]),
            paths=predicate["paths"],
        )
    except UserError as error:
        return [f"its question cannot be asked again: {error}"]
    made = again.to_json()
    return list(_differences(predicate, {name: made[name] for name in predicate}, ""))


def _differences(stored: Any, again: Any, path: str) -> Iterator[str]:
    if path in NOT_COMPARED or path.endswith(".seconds"):
        return
    if isinstance(again, dict) and isinstance(stored, dict) and again.keys() == stored.keys():
        for key, value in again.items():
            yield from _differences(stored[key], value, f"{path}.{key}".lstrip("."))
    elif isinstance(again, list) and isinstance(stored, list) and len(again) == len(stored):
        for number, (old, new) in enumerate(zip(stored, again, strict=True)):
            yield from _differences(old, new, f"{path}[{number}]")
    elif not _same(stored, again):
        yield f"{path or 'it'} says {stored!r}, made again it is {again!r}"


def _same(stored: Any, again: Any) -> bool:
    if isinstance(again, float) and isinstance(stored, float):
        return math.isclose(stored, again, rel_tol=FLOAT_TOLERANCE, abs_tol=0.0)
    return type(stored) is type(again) and stored == again
