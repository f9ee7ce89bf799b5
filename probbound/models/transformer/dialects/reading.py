"""From a framework's arrays and configuration to a transformer, by a dialect's steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from probbound.machine.errors import UserError
from probbound.models.transformer.dialects.dialect import Dialect, Step
from probbound.models.transformer.network import GeneralTransformer

State = Mapping[str, np.ndarray]


def prefix_of(dialect: Dialect, names: State) -> str:
    """What stands before every name, "" if nothing does."""
    for prefix in dialect.prefixes:
        if any(name.startswith(prefix) for name in names):
            return prefix
    return ""


def without_prefix(dialect: Dialect, state: State) -> dict[str, np.ndarray]:
    """The arrays by what the dialect calls them: some may stand outside of the prefix.

    Raises:
        UserError: if two become one.
    """
    prefix = prefix_of(dialect, state)
    made = {name.removeprefix(prefix): values for name, values in state.items()}
    if len(made) < len(state):
        raise UserError(f"the file has arrays with and without {prefix} before one name")
    return made


def read(
    dialect: Dialect, state: State, settings: Mapping[str, Any], name: str
) -> GeneralTransformer:
    """The network that arrays (without prefix) and a configuration say.

    Raises:
        UserError: if a setting is not understood, an array is missing, one is left over, or one
            that changes nothing is that of another network.
    """
    pairs = dialect.tied(settings, state)
    state = _tied(pairs, state)
    shapes = {key: tuple(np.shape(values)) for key, values in state.items()}
    architecture = dialect.architecture(settings, shapes)
    used: set[str] = set()
    arrays: dict[str, np.ndarray] = {}
    for step in dialect.steps(architecture):
        sources = _sources(step, state)
        used |= set(sources)
        if sources:
            arrays[step.target] = _converted(step, [state[source] for source in sources])
        elif step.needed:
            raise UserError(f"there is no array {step.sources[0]}")
    used |= {name for pair in pairs.items() if used & {*pair} for name in pair}
    free = (key for key in state if not (dialect.idle(key) or dialect.aside(key)))
    over = [key for key in free if key not in used]
    if over:
        raise UserError(
            f"an array {over[0][:80]!r} has no place in {dialect.name}'s network as its "
            "configuration says it"
        )
    dialect.require(state, architecture)
    return GeneralTransformer(arrays, architecture, name)


def _tied(pairs: Mapping[str, str], state: State) -> State:
    """With both arrays where the framework makes them one.

    Raises:
        UserError: if both are in the file and differ: which of them is used depends on the version.
    """
    made = dict(state)
    for pair in pairs.items():
        there = [name for name in pair if name in made]
        if len(there) == 1:
            made.update(dict.fromkeys(pair, made[there[0]]))
        elif there and not np.array_equal(made[there[0]], made[there[1]]):
            raise UserError(
                f"{' and '.join(pair)} are one array by its configuration, and differ in the file: "
                "which is computed with depends on the framework's version; leave one out, or say "
                "tie_word_embeddings = false if they are two"
            )
    return made


def _sources(step: Step, state: State) -> tuple[str, ...]:
    for wanted in (step.sources, step.otherwise):
        there = [source for source in wanted if source in state]
        if there and len(there) < len(wanted):
            missing = next(source for source in wanted if source not in state)
            raise UserError(f"there is {there[0]}, and no {missing} to go with it")
        if there:
            return wanted
    return ()


def _converted(step: Step, values: list[np.ndarray]) -> np.ndarray:
    try:
        return step.convert(*values)
    except UserError:
        raise
    except (ValueError, IndexError) as error:
        shapes = ", ".join(str(each.shape) for each in values)
        raise UserError(
            f"{step.sources[0]} has shape {shapes}, which does not go with its configuration"
        ) from error
