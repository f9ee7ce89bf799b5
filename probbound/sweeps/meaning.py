"""Which combinations of a grid are cells: those that have a meaning, whatever a network is.

The rule: a claim or a prior that the strategy cannot bound, a prior over other tokens than the
model's, or a claim that cannot be made of what was brought, is no cell and is named; a model,
strategy, claim, prior or file of which nothing is left is refused. An own claim meets strategies,
budgets, δ and seeds, and nothing else.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache

from probbound.machine.errors import UserError
from probbound.sweeps.brought import NO_INPUTS, Inputs, KnownInputs, Wanted
from probbound.sweeps.cells import Cell
from probbound.sweeps.claims import claim_named
from probbound.sweeps.config import OWN_STRATEGIES, UNIFORM, SweepConfig
from probbound.sweeps.own_claims import OwnDigests
from probbound.tasks.registry import room_for

PriorDigests = Mapping[str, Mapping[str, str]]  # the SHA-256 of each prior, by prior and model
NO_PRIORS: PriorDigests = {}
OwnClaims = Mapping[str, OwnDigests]
NO_OWN: OwnClaims = {}
_AXES = ("strategy", "claim", "prior", "model", "data", "against")


def cells_of(
    config: SweepConfig,
    digests: Mapping[str, str],
    priors: PriorDigests = NO_PRIORS,
    own: OwnClaims = NO_OWN,
    inputs: KnownInputs = NO_INPUTS,
) -> list[Cell]:
    """Every cell of the grid once, in grid order, those of own claims last.

    `digests` holds the SHA-256 of each model, `own` what each own claim is, and `inputs` what was
    brought.
    """
    grid = _questions(config, digests, priors, own, inputs)
    return list(dict.fromkeys(cell for _, cell, why in grid if why is None))


def left_out(
    config: SweepConfig,
    digests: Mapping[str, str],
    priors: PriorDigests = NO_PRIORS,
    own: OwnClaims = NO_OWN,
    inputs: KnownInputs = NO_INPUTS,
) -> dict[Cell, str]:
    """Every combination that is no cell, and why."""
    grid = _questions(config, digests, priors, own, inputs)
    return {cell: why for _, cell, why in grid if why is not None}


def require_meaning(
    config: SweepConfig,
    digests: Mapping[str, str],
    priors: PriorDigests = NO_PRIORS,
    own: OwnClaims = NO_OWN,
    inputs: KnownInputs = NO_INPUTS,
) -> None:
    """Refuse a grid in which a model, strategy, claim, prior or file stands for nothing.

    Raises:
        UserError: naming the first such, and the reason.
    """
    reasons: dict[str, dict[str, list[str | None]]] = {name: {} for name in _AXES}
    for strategy, cell, why in _questions(config, digests, priors, own, inputs):
        values = (strategy, cell.claim, cell.prior, cell.model, cell.data, cell.against)
        for axis, value in zip(_AXES, values, strict=True):
            if value:  # an own claim has no prior and no model
                reasons[axis].setdefault(value, []).append(why)
    for axis, values in reasons.items():
        for value, found in values.items():
            if None not in found:
                raise UserError(f"the {axis} {value} has no meaning in this grid: {found[0]}")


_Question = tuple[str, Cell, str | None]


def _questions(
    config: SweepConfig,
    digests: Mapping[str, str],
    priors: PriorDigests,
    own: OwnClaims,
    inputs: KnownInputs,
) -> Iterator[_Question]:
    """Each combination as a cell, after its strategy as the grid names it, and why it is none."""
    yield from _of_networks(config, digests, priors, inputs)
    yield from _of_own_claims(config, own)


def _of_networks(
    config: SweepConfig, digests: Mapping[str, str], priors: PriorDigests, inputs: KnownInputs
) -> Iterator[_Question]:
    grid = itertools.product(
        *(config.models, config.tasks, config.network_claims, config.priors),
        itertools.product(config.data, config.against, config.arithmetic),
        *(config.strategies, config.noises, config.budgets, config.deltas),
        itertools.product(config.paths, config.seeds),
    )
    for model, task, claim, prior, brought, asked, noise, budget, delta, (paths, seed) in grid:
        strategy = room_for(task).with_noise(asked, noise)
        uses, wanted = room_for(task).uses(strategy), Wanted(model, task, *brought)
        found = inputs.get(wanted)
        cell = Cell(
            *(model, digests[model], strategy),
            budget=budget if uses.inputs else None,
            delta=delta if uses.chance else None,
            paths=paths if "paths" in uses.settings else None,
            seed=seed if uses.chance else None,
            task=task,
            claim=claim,
            prior=prior,
            prior_sha256=priors.get(prior, {}).get(model),
        )
        if found is not None:
            cell = replace(cell, **found.of_cell(wanted))
        yield asked, cell, _why_not(cell, found)


def _of_own_claims(config: SweepConfig, own: OwnClaims) -> Iterator[_Question]:
    grid = itertools.product(
        *(config.own_claims, config.strategies, config.budgets, config.deltas, config.seeds)
    )
    for claim, strategy, budget, delta, seed in grid:
        sampled = strategy != "brute-force"
        cell = Cell(
            *("", "", strategy),
            budget=budget if sampled else None,
            delta=delta if sampled else None,
            paths=None,
            seed=seed if sampled else None,
            task="",
            claim=claim,
            prior="",
            claim_sha256=own[claim].claim_sha256,
            file_sha256=own[claim].file_sha256,
        )
        yield strategy, cell, _why_no_own_cell(cell, own)


def _why_no_own_cell(cell: Cell, own: OwnClaims) -> str | None:
    known = cell.strategy in OWN_STRATEGIES
    has = f"own claims have the strategies {', '.join(OWN_STRATEGIES)}"
    return own[cell.claim].refused.get(cell.strategy) if known else has


def _why_not(cell: Cell, inputs: Inputs | None) -> str | None:
    if inputs is not None and cell.claim in inputs.refused:
        return inputs.refused[cell.claim]
    if cell.prior != UNIFORM and cell.prior_sha256 is None:
        return f"{cell.prior} is no prior over the tokens of {cell.model}"
    return _cannot(cell.task, cell.strategy, cell.claim, cell.prior != UNIFORM)


@cache
def _cannot(task: str, strategy: str, claim: str, weighted: bool) -> str | None:
    try:
        room_for(task).require_way_to(strategy, claim_named(claim), weighted=weighted)
    except UserError as error:
        return str(error)
    return None
