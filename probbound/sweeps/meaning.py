"""Which combinations of a grid are cells: those that have a meaning, whatever the network is.

The rule: a claim or a prior that the strategy cannot bound, or a prior over other tokens than the
model's, is no cell and is named; a model, strategy, claim or prior of which nothing is left is
refused.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from functools import cache

from probbound.machine.errors import UserError
from probbound.sweeps.cells import Cell
from probbound.sweeps.claims import claim_named
from probbound.sweeps.config import UNIFORM, SweepConfig
from probbound.tasks.registry import room_named

PriorDigests = Mapping[str, Mapping[str, str]]  # the SHA-256 of each prior, by prior and model
NO_PRIORS: PriorDigests = {}
_AXES = ("strategy", "claim", "prior", "model")


def cells_of(
    config: SweepConfig, digests: Mapping[str, str], priors: PriorDigests = NO_PRIORS
) -> list[Cell]:
    """Every cell of the grid once, in grid order; `digests` holds the SHA-256 of each model."""
    grid = _questions(config, digests, priors)
    return list(dict.fromkeys(cell for _, cell in grid if _why_not(cell) is None))


def left_out(
    config: SweepConfig, digests: Mapping[str, str], priors: PriorDigests = NO_PRIORS
) -> dict[Cell, str]:
    """Every combination that is no cell, and why."""
    found = {cell: _why_not(cell) for _, cell in _questions(config, digests, priors)}
    return {cell: reason for cell, reason in found.items() if reason is not None}


def require_meaning(
    config: SweepConfig, digests: Mapping[str, str], priors: PriorDigests = NO_PRIORS
) -> None:
    """Refuse a grid in which a model, strategy, claim or prior stands for nothing.

    Raises:
        UserError: naming the first such, and the reason.
    """
    reasons: dict[str, dict[str, list[str | None]]] = {name: {} for name in _AXES}
    for strategy, cell in _questions(config, digests, priors):
        values = (strategy, cell.claim, cell.prior, cell.model)
        for axis, value in zip(_AXES, values, strict=True):
            reasons[axis].setdefault(value, []).append(_why_not(cell))
    for axis, values in reasons.items():
        for value, found in values.items():
            if None not in found:
                raise UserError(f"the {axis} {value} has no meaning in this grid: {found[0]}")


def _questions(
    config: SweepConfig, digests: Mapping[str, str], priors: PriorDigests
) -> Iterator[tuple[str, Cell]]:
    """Each combination as a cell, with its strategy as the grid names it."""
    grid = itertools.product(
        *(config.models, config.tasks, config.claims, config.priors),
        *(config.strategies, config.noises),
        *(config.budgets, config.deltas, config.paths, config.seeds),
    )
    for model, task, claim, prior, asked, noise, budget, delta, paths, seed in grid:
        strategy = room_named(task).with_noise(asked, noise)
        uses = room_named(task).uses(strategy)
        yield (
            asked,
            Cell(
                *(model, digests[model], strategy),
                budget=budget if uses.inputs else None,
                delta=delta if uses.chance else None,
                paths=paths if "paths" in uses.settings else None,
                seed=seed if uses.chance else None,
                task=task,
                claim=claim,
                prior=prior,
                prior_sha256=priors.get(prior, {}).get(model),
            ),
        )


def _why_not(cell: Cell) -> str | None:
    if cell.prior != UNIFORM and cell.prior_sha256 is None:
        return f"{cell.prior} is no prior over the tokens of {cell.model}"
    return _cannot(cell.task, cell.strategy, cell.claim, cell.prior != UNIFORM)


@cache
def _cannot(task: str, strategy: str, claim: str, weighted: bool) -> str | None:
    try:
        room_named(task).require_way_to(strategy, claim_named(claim), weighted=weighted)
    except UserError as error:
        return str(error)
    return None
