"""The tasks by name. A room is imported when it is entered, so that a hundredth costs nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from probbound.machine.errors import UserError

if TYPE_CHECKING:
    from probbound.contract.networks import Network
    from probbound.contract.recipe import Recipe
    from probbound.contract.tasks import Task
    from probbound.draws.priors import Prior
    from probbound.tasks.room import Room
    from probbound.tasks.trainable import Option

_ROOMS = {
    "max-of-k": "probbound.tasks.max_of_k",
    "modular-addition": "probbound.tasks.modular_addition",
    "group-product": "probbound.tasks.group_product",
    "next-token": "probbound.tasks.next_token",
}
DEFAULT_TASK = "max-of-k"


def task_names() -> list[str]:
    """The tasks that there are."""
    return list(_ROOMS)


def require_task(name: str) -> str:
    """The name, if there is such a task; no room is entered.

    Raises:
        UserError: with the names there are.
    """
    if name not in _ROOMS:
        raise UserError(f"there is no task {name!r}; choose from {', '.join(_ROOMS)}")
    return name


def room_named(name: str) -> Room[Any]:
    """The room of a task.

    Raises:
        UserError: as `require_task`.
    """
    return import_module(f"{_ROOMS[require_task(name)]}.room").TASK


def room_for(task: str) -> Room[Any]:
    """The room of a task that may say behind a colon what it is about.

    Raises:
        UserError: as `require_task`.
    """
    return room_named(task.partition(":")[0])


def room_of(task: Any) -> Room[Any]:
    """The room that a task belongs to; it looks at the task itself when it is asked something.

    Raises:
        UserError: if it belongs to none.
    """
    kind = type(task)
    name = getattr(kind, "name", None)
    if name not in _ROOMS:
        raise UserError(
            f"bounds are proved for the tasks {', '.join(_ROOMS)}, got "
            f"{kind.__module__}.{kind.__qualname__}; no strategy serves another task"
        )
    return room_named(name)


def training_options(task: str) -> tuple[Option, ...]:
    """What a training on a task can be told; nothing heavy is loaded.

    Raises:
        UserError: as `require_task`.
    """
    return import_module(f"{_ROOMS[require_task(task)]}.trainable").OPTIONS


def strategy_names(task: str = DEFAULT_TASK) -> list[str]:
    """Every name that a strategy of a task goes by.

    Raises:
        UserError: as `require_task`.
    """
    return import_module(f"{_ROOMS[require_task(task)]}.grammar").strategy_names()


def strategy_summary(task: str = DEFAULT_TASK) -> str:
    """The names of a task's strategies, without every choice spelt out; nothing heavy is loaded.

    Raises:
        UserError: as `require_task`.
    """
    return import_module(f"{_ROOMS[require_task(task)]}.grammar").strategy_summary()


def recipe_of(
    strategy: str, size: int, given: Mapping[str, Any], task: str = DEFAULT_TASK
) -> Recipe:
    """What a strategy runs for a population of this size; nothing heavy is loaded.

    Raises:
        UserError: as `require_task`, or if the task has no strategy of that name.
    """
    return import_module(f"{_ROOMS[require_task(task)]}.recipes").recipe_of(strategy, size, given)


def counted(task: str, population: Mapping[str, Any]) -> str:
    """The number of a claim's inputs in the words of its task; nothing heavy is loaded.

    Raises:
        UserError: as `require_task`.
    """
    return import_module(f"{_ROOMS[require_task(task)]}.words").counted(population)


def noise_choices() -> list[str]:
    """Every way in which some task's strategies bound noise; nothing heavy is loaded."""
    grammars = (import_module(f"{room}.grammar") for room in _ROOMS.values())
    return list(dict.fromkeys(name for grammar in grammars for name in grammar.NOISE_CHOICES))


def manner(task: str, population: Mapping[str, Any]) -> str:
    """How inputs are answered where they are answered rightly; nothing heavy is loaded.

    Raises:
        UserError: as `require_task`.
    """
    return import_module(f"{_ROOMS[require_task(task)]}.words").manner(population)


def remarks(task: str, population: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What else has to be said of a claim's inputs, by what it is about; nothing heavy is loaded.

    Raises:
        UserError: as `require_task`.
    """
    return import_module(f"{_ROOMS[require_task(task)]}.words").remarks(population)


def task_for(
    model: Network,
    prior: Prior | None = None,
    task: str = DEFAULT_TASK,
    brought: Mapping[str, Any] = MappingProxyType({}),
) -> Task:
    """The task of a model's own inputs, max-of-K and uniform by default.

    `task` is the name of a task, and behind a colon what it is about where the model does not say,
    as in group-product:s5. `brought` are files of inputs by name, where the task is about those.

    Raises:
        UserError: as `require_task`, or if the model cannot serve it.
    """
    room, (name, _, about) = room_for(task), task.partition(":")
    if room.brought is not None and brought:
        if prior is not None or about:
            raise UserError(f"{name} takes neither a prior nor more of a name; leave it out")
        return room.brought(model, brought)
    if brought:
        raise UserError(
            f"{name} is about inputs of its own, so {', '.join(f'--{each}' for each in brought)} "
            "is of no use; name a task that is about yours with --task"
        )
    return room.task_for(model, prior, about)
