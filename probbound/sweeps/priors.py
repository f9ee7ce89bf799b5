"""The priors of a sweep, read from files for the models whose tokens they are over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from probbound.contract.networks import Network
from probbound.draws.priors import Prior, read_prior
from probbound.machine.errors import UserError
from probbound.models.registry import room_of
from probbound.sweeps.config import UNIFORM, SweepConfig

Priors = Mapping[str, Mapping[str, Prior]]  # by the name of the prior, and that of the model


def read_priors(
    config: SweepConfig, models: Mapping[str, Network], given: Mapping[str, Prior]
) -> tuple[SweepConfig, dict[str, dict[str, Prior]]]:
    """The grid by the names of its priors, and each for every model with as many tokens.

    A prior in a file goes by the file's name, without its directory; others are `given` by name.

    Raises:
        UserError: if a file is none that any model could use, or two priors have one name.
    """
    names, found = [], dict[str, dict[str, Prior]]()
    for asked in config.priors:
        names.append(asked if asked in (UNIFORM, *given) else Path(asked).name)
        if asked == UNIFORM:
            continue
        fitting = _fitting(asked, models, given)
        if names[-1] == UNIFORM or found.setdefault(names[-1], fitting) != fitting:
            raise UserError(f"two of the priors are called {names[-1]}; rename one of the files")
    return replace(config, priors=tuple(names)), found


def _fitting(
    asked: str, models: Mapping[str, Network], given: Mapping[str, Prior]
) -> dict[str, Prior]:
    fitting, refusals = {}, []
    for name, model in models.items():
        try:
            fitting[name] = _over(asked, room_of(model).sizes(model).tokens, given)
        except UserError as error:
            refusals.append(error)
    if not fitting:
        raise refusals[0]
    return fitting


def _over(asked: str, d_vocab: int, given: Mapping[str, Prior]) -> Prior:
    if asked not in given:
        return read_prior(asked, d_vocab)
    prior = given[asked]
    if len(prior.weights) != d_vocab:
        raise UserError(
            f"the prior {asked} has {len(prior.weights)} weights, the model {d_vocab} tokens"
        )
    return prior
