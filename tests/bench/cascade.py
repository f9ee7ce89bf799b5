"""Certified failure rate against operations: plain sampling, sampling from tables, the cascade."""

from __future__ import annotations

import probbound
from probbound.contract.cost import CostMeter
from probbound.models.attention_only.transformer import forward_flops
from probbound.tasks.max_of_k.planning.survey import surveyed
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.screens.sequences import sequence_table_flops, table_forward_flops
from probbound.tasks.max_of_k.task import task_for

DELTA = 1e-6
CASES = {
    "max-of-4": (1e8, 3e8, 1e9),
    "max-of-10": (1e8, 1e9, 1e10),
    "max-of-4-v1024": (1e9, 3e9, 1e10, 3e10),
}


def rows() -> list[dict]:
    """One row per model and budget of operations; every phase of a strategy is counted."""
    return [_row(name, budget) for name, budgets in CASES.items() for budget in budgets]


def _row(name: str, budget: float) -> dict:
    model = probbound.load(name)
    task = task_for(model)
    plain = int(budget / forward_flops(model))
    tabled = int((budget - sequence_table_flops(model)) / table_forward_flops(model))
    question = Question(model, task, 0, DELTA, 0)
    planner = surveyed(question, DELTA, budget, CostMeter()).planner
    forecast = next(f for f in planner.forecasts(budget) if f.strategy == "cascade")
    certificates = {
        "iid": probbound.certify(model, task, strategy="iid", budget=plain, delta=DELTA),
        "iid:tables": probbound.certify(
            model, task, strategy="iid:tables", budget=tabled, delta=DELTA
        ),
        "cascade": probbound.certify(
            model,
            task,
            strategy="cascade",
            budget=forecast.budget,
            draws=forecast.draws,
            delta=DELTA,
        ),
        "auto": probbound.certify(model, task, strategy="auto", budget_flops=budget, delta=DELTA),
    }
    row: dict = {"name": name, "operations": f"{budget:.0e}"}
    row |= {key: f"{made.failure_upper:.2e}" for key, made in certificates.items()}
    row["auto chose"] = certificates["auto"].chosen
    best = min(certificates["cascade"].failure_upper, certificates["auto"].failure_upper)
    row["iid / best"] = certificates["iid"].failure_upper / best
    row["cascade seconds"] = certificates["cascade"].cost.seconds
    return row
