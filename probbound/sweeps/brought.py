"""The inputs of a sweep that a user brings in files: read once, known by what a claim says of them.

They travel with the cells, as models do, so that a worker needs none of the files.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import asdict, astuple, dataclass, field, replace
from pathlib import Path
from typing import Any

from probbound.certificates.format import canonical
from probbound.contract.defaults import AUTO
from probbound.contract.networks import Network
from probbound.contract.tasks import Task
from probbound.machine.errors import UserError
from probbound.sweeps.claims import claim_named
from probbound.sweeps.config import BROUGHT, NONE, SweepConfig
from probbound.tasks.given import Given
from probbound.tasks.registry import room_for, task_for

_UNSET = {"data": NONE, "against": NONE, "arithmetic": AUTO}


@dataclass(frozen=True)
class Wanted:
    """A model, a task, and what is brought for it, by the names that the grid has."""

    model: str
    task: str
    data: str = NONE
    against: str = NONE
    arithmetic: str = AUTO

    @property
    def given(self) -> dict[str, str]:
        """What is brought: nothing of what is as it would be without."""
        told = {name: getattr(self, name) for name in BROUGHT}
        return {name: value for name, value in told.items() if value != _UNSET[name]}

    @property
    def named(self) -> Wanted:
        """With files by their names, without the directory."""
        names = {name: Path(getattr(self, name)).name for name in ("data", "against")}
        return replace(self, **names)

    @property
    def words(self) -> str:
        """Model and files, for a sentence."""
        against = "" if self.against == NONE else f" against {self.against}"
        return f"{self.model} on {self.data}{against}"


@dataclass(frozen=True)
class Inputs:
    """What brought inputs were when the sweep was asked.

    Attributes:
        sha256: of what a claim states of them as canonical JSON, None if there are none to be had.
        arithmetic: the one that the claim is in, as asked if there are none to be had.
        refused: the claims that cannot be made of them, and why.
    """

    sha256: str | None
    arithmetic: str | None
    refused: Mapping[str, str] = field(default_factory=dict)

    def of_cell(self, asked: Wanted) -> dict[str, str | None]:
        """The fields of a cell about them."""
        return {
            "data": asked.data,
            "against": None if asked.against == NONE else asked.against,
            "arithmetic": self.arithmetic,
            "inputs_sha256": self.sha256,
        }


KnownInputs = Mapping[Wanted, Inputs]
NO_INPUTS: KnownInputs = {}
Tasks = Mapping[str, Task]  # by the digest of their inputs


def digest_of(population: Mapping[str, Any]) -> str:
    """SHA-256 of what a claim states of its inputs."""
    return hashlib.sha256(canonical(population)).hexdigest()


def inputs_to_json(known: KnownInputs) -> list[dict[str, Any]]:
    """As kept in the store."""
    return [{"asked": asdict(asked), **asdict(found)} for asked, found in known.items()]


def inputs_from_json(found: Any) -> dict[Wanted, Inputs]:
    """The inverse of `inputs_to_json`.

    Raises:
        TypeError, KeyError: if `found` is something else.
    """
    made = {Wanted(**each["asked"]): _inputs(each) for each in found}
    for asked, inputs in made.items():
        refused = [text for pair in dict(inputs.refused).items() for text in pair]
        may_lack = [text for text in (inputs.sha256, inputs.arithmetic) if text is not None]
        if not all(type(text) is str for text in (*astuple(asked), *refused, *may_lack)):
            raise TypeError("a digest of inputs has the wrong type")
    return made


def _inputs(found: Mapping[str, Any]) -> Inputs:
    return Inputs(**{name: value for name, value in found.items() if name != "asked"})


def combinations(config: SweepConfig) -> Iterator[Wanted]:
    """Every model and task with what may be brought for it, but those that nothing is brought."""
    axes = (config.models, config.tasks, *(getattr(config, name) for name in BROUGHT))
    for asked in itertools.starmap(Wanted, itertools.product(*axes)):
        if asked.given or room_for(asked.task).brought is not None:
            yield asked


def read_brought(
    config: SweepConfig, models: Mapping[str, Network]
) -> tuple[SweepConfig, dict[Wanted, Inputs], dict[str, Task]]:
    """The grid by the names of its files, what was found in them, and the tasks by digest.

    A file goes by its name, without its directory.

    Raises:
        UserError: if a value of an axis is of no use to any model, or two files have one name.
    """
    known, tasks = dict[Wanted, Inputs](), dict[str, Task]()
    refusals: dict[tuple[str, str], list[str | None]] = {}
    for asked in combinations(config):
        inputs, why = _found(asked, models[asked.model], config, tasks)
        for name in BROUGHT:
            refusals.setdefault((name, getattr(asked, name)), []).append(why)
        if known.setdefault(asked.named, inputs) != inputs:
            raise UserError(
                f"two of the files are called {asked.named.data} or {asked.named.against}; "
                "rename one of them"
            )
    for found in refusals.values():
        if found[0] is not None and None not in found:
            raise UserError(found[0])
    names = {name: tuple(Path(v).name for v in getattr(config, name)) for name in BROUGHT[:2]}
    return replace(config, **names), known, tasks


def _found(
    asked: Wanted, model: Network, config: SweepConfig, tasks: dict[str, Task]
) -> tuple[Inputs, str | None]:
    """The inputs, their task put to the others, or why there are none."""
    try:
        task = task_for(model, None, asked.task, asked.given)
    except UserError as error:
        why = str(error)
        return Inputs(None, asked.arithmetic, dict.fromkeys(config.network_claims, why)), why
    statement = task.statement()
    sha256 = digest_of(statement)
    refused = {
        claim: why
        for claim in config.network_claims
        if (why := _why_not(claim, model, task, config)) is not None
    }
    tasks.setdefault(sha256, task)
    return Inputs(sha256, statement.get("arithmetic"), refused), None


def _why_not(claim: str, model: Network, task: Task, config: SweepConfig) -> str | None:
    """Why a claim cannot be made of these inputs by any strategy of the grid."""
    room, reasons = room_for(task.name), list[str]()
    given = Given(config.budgets[0], config.deltas[0])
    for strategy in config.strategies:
        try:
            room.asked(model, task, claim_named(claim), strategy, given)
        except UserError as error:
            reasons.append(str(error))
        else:
            return None
    return reasons[0]


def altered(now: KnownInputs, before: KnownInputs) -> Iterator[tuple[Wanted, Inputs]]:
    """What is asked by the same names as before, in the same arithmetic, and is something else."""
    for asked, inputs in now.items():
        was = before.get(asked)
        if was is not None and was.arithmetic == inputs.arithmetic and was.sha256 != inputs.sha256:
            yield asked, inputs
