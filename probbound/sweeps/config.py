"""What a sweep is asked: lists of models, strategies and settings, checked before any work."""

from __future__ import annotations

import itertools
import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, time
from pathlib import Path
from typing import Any, get_args

from probbound.contract.claims import is_own_claim
from probbound.contract.confidence import LEAST_DELTA
from probbound.contract.defaults import AUTO, DEFAULT_BUDGET, DEFAULT_DELTA
from probbound.machine.errors import UserError
from probbound.own.question import Strategy
from probbound.sweeps.claims import DEFAULT_CLAIM, WANTED, one_name
from probbound.tasks.registry import DEFAULT_TASK, noise_choices, room_for, task_names
from probbound.tasks.told import tasks_told

DEFAULT_SEEDS = (0,)
MOST_BYTES = 1 << 16
_MOST_LEVELS = 8
_MOST_DOTS = 1000
_SCALARS = (str, int, float, date, time)
OWN_NOISE = "own"
PATHS = ("separate", "joint")
UNIFORM = "uniform"
OWN_STRATEGIES = get_args(Strategy)
NONE = "none"
BROUGHT = ("data", "against", "arithmetic")
LATER = ("tasks", "claims", "priors", *BROUGHT)


@dataclass(frozen=True)
class SweepConfig:
    """The grid of all these lists; duplicates are dropped.

    Models are shipped names or paths; priors are files, or `uniform`. Files of `data`, models that
    they are answered `against` and the `arithmetic` are what a task takes that is brought its
    inputs; other tasks have none. A strategy meets only the
    settings that it uses: a noise choice makes `NAME:NOISE` where there is such a strategy, and
    else changes nothing. Claims are named as in `probbound.sweeps.claims`; one that is the user's
    own meets strategies, budgets, δ and seeds alone, and a grid of such alone has no models.

    Raises:
        UserError: if a list is empty or holds what cannot be used, in one sentence.
    """

    models: tuple[str, ...]
    strategies: tuple[str, ...]
    noises: tuple[str, ...] = (OWN_NOISE,)
    budgets: tuple[int, ...] = (DEFAULT_BUDGET,)
    deltas: tuple[float, ...] = (DEFAULT_DELTA,)
    paths: tuple[str, ...] = PATHS[:1]
    seeds: tuple[int, ...] = DEFAULT_SEEDS
    tasks: tuple[str, ...] = (DEFAULT_TASK,)
    claims: tuple[str, ...] = (DEFAULT_CLAIM,)
    priors: tuple[str, ...] = (UNIFORM,)
    data: tuple[str, ...] = (NONE,)
    against: tuple[str, ...] = (NONE,)
    arithmetic: tuple[str, ...] = (AUTO,)

    def __post_init__(self) -> None:
        for field in fields(self):
            values = tuple(dict.fromkeys(getattr(self, field.name)))
            if values or field.name != "models":
                _require(field.name, values)
            object.__setattr__(self, field.name, values)
        object.__setattr__(self, "claims", tuple(dict.fromkeys(map(one_name, self.claims))))
        if not self.network_claims:
            self._require_own_alone()
            return
        _require("models", self.models)
        for task, name in itertools.product(self.tasks, self.strategies):
            room_for(task).uses(name)

    @property
    def network_claims(self) -> tuple[str, ...]:
        """The claims about networks."""
        return tuple(name for name in self.claims if not is_own_claim(name))

    @property
    def own_claims(self) -> tuple[str, ...]:
        """The others."""
        return tuple(name for name in self.claims if is_own_claim(name))

    def _require_own_alone(self) -> None:
        """Refuse what is for claims about networks, of which there are none."""
        for field in fields(self):
            given = getattr(self, field.name)
            unset = () if field.name == "models" else field.default
            if field.name in _OF_NETWORKS and given != unset:
                raise UserError(
                    f"{field.name} are for claims about networks, and this grid has own claims "
                    f"alone; leave {', '.join(map(str, given))} out"
                )
        for name in self.strategies:
            if name not in OWN_STRATEGIES:
                raise UserError(
                    f"own claims have the strategies {', '.join(OWN_STRATEGIES)}, got {name!r}"
                )

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any], source: str) -> SweepConfig:
        """From lists by name, as in a TOML file; `source` names them in messages.

        TOML has 1e6 as a float: where whole numbers are wanted, one that is whole stands for it.
        """
        unknown = sorted(set(given) - set(_WANTED))
        if unknown:
            raise UserError(
                f"{source} has the unknown key {unknown[0]!r}; the keys are {', '.join(_WANTED)}"
            )
        for name, values in given.items():
            if not isinstance(values, list | tuple):
                raise UserError(f"{name} in {source} must be a list, got {values!r}")
        given = {name: _counted(name, values) for name, values in given.items()}
        for name, values in given.items():
            if values or name != "models":
                _require(name, values)
        own_alone = all(map(is_own_claim, given.get("claims", (DEFAULT_CLAIM,))))
        given = {"models": (), **given} if own_alone else given
        if not own_alone and "tasks" not in given:
            given["tasks"] = (tasks_told(given.get("models", ())),)
        for name in ("models", "strategies"):
            if name not in given:
                raise UserError(f"{source} has no {name}: give {_WANTED[name][0]}")
        return cls(**{name: tuple(values) for name, values in given.items()})

    def to_json(self) -> dict[str, list[Any]]:
        """The lists by name; an axis that came later is left out where it has its default.

        So a grid has one form, whether or not the version that asked it knew the axis.
        """
        later = {(name, getattr(type(self), name)) for name in LATER}
        return {name: list(v) for name, v in asdict(self).items() if (name, v) not in later}

    def to_toml(self) -> str:
        """The lists as a TOML file that asks the same."""
        return "".join(
            f"{name} = [{', '.join(map(_toml, values))}]\n"
            for name, values in self.to_json().items()
        )


def read_toml(path: Path) -> dict[str, Any]:
    """The keys of a sweep's TOML file, of which no more than MOST_BYTES are read.

    A dotted key takes `tomllib` the square of its parts, so that their number is limited too.

    Raises:
        UserError: if the file is missing or too long, is not TOML, or holds deeply nested values
            or whole numbers of more than 64 bits.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ValueError(f"it is longer than {MOST_BYTES} bytes")
        if any(line.count(b".") > _MOST_DOTS for line in data.splitlines()):
            raise ValueError(f"it has more than {_MOST_DOTS} dots in a line")
        found = tomllib.loads(data.decode("utf-8"))
        _require_plain(found)
        return found
    except FileNotFoundError as error:
        raise UserError(f"there is no configuration {path}") from error
    except RecursionError as error:
        raise UserError(f"{path} cannot be read as TOML: it is nested too deeply") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as TOML: {error}") from error


def _require_plain(found: dict[str, Any]) -> None:
    """Refuse what could not even be shown in a message, level by level."""
    level: list[Any] = [found]
    for _ in range(_MOST_LEVELS):
        if any(type(value) is int and not -(1 << 63) <= value < 1 << 63 for value in level):
            raise ValueError("it holds a whole number of more than 64 bits")
        inner = [value.values() if isinstance(value, dict) else value for value in level]
        level = [each for some in inner if not isinstance(some, _SCALARS) for each in some]
    if level:
        raise ValueError(f"its values are nested more than {_MOST_LEVELS} deep")


def _require(name: str, values: Sequence[Any]) -> None:
    wanted, fits = _WANTED[name]
    if not values:
        raise UserError(f"{name} must not be empty: give {wanted}")
    for value in values:
        if not fits(value):
            raise UserError(f"{name} must be {wanted}, got {value!r}")


def _counted(name: str, values: Sequence[Any]) -> Sequence[Any]:
    if _WANTED[name][1] is not _is_count:
        return values
    return [int(x) if isinstance(x, float) and x.is_integer() else x for x in values]


def _toml(value: str | int | float) -> str:
    """JSON's way of writing strings and numbers is also TOML's, except for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


def _is_claim(value: Any) -> bool:
    try:
        return _is_text(value) and bool(one_name(value))
    except UserError:
        return False


def _is_task(value: Any) -> bool:
    return _is_text(value) and value.partition(":")[0] in task_names()


def _is_delta(value: Any) -> bool:
    return isinstance(value, float) and LEAST_DELTA <= value < 1


_OF_NETWORKS = ("models", "tasks", "priors", "noises", "paths", *BROUGHT)
_WANTED: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "models": ("names or paths of models", _is_text),
    "strategies": ("names of strategies", _is_text),
    "noises": (
        f"{OWN_NOISE} (what a strategy's name means), {', '.join(noise_choices())}",
        (OWN_NOISE, *noise_choices()).__contains__,
    ),
    "budgets": ("whole numbers of forward passes, at least 0 and below 2^63", _is_count),
    "deltas": (
        f"probabilities strictly between 0 and 1, of at least {LEAST_DELTA:g}",
        _is_delta,
    ),
    "paths": (f"{' or '.join(PATHS)}", PATHS.__contains__),
    "seeds": ("whole numbers, at least 0 and below 2^63", _is_count),
    "tasks": (f"names of tasks: {', '.join(task_names())}", _is_task),
    "claims": (WANTED, _is_claim),
    "priors": (f"{UNIFORM} or paths of files of one weight a token", _is_text),
    "data": (f"{NONE} or paths of files of inputs", _is_text),
    "against": (f"{NONE} or names or paths of models", _is_text),
    "arithmetic": (f"{AUTO} or names of arithmetics", _is_text),
}
