"""The tasks by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from probbound.machine.errors import UserError
from probbound.machine.rooms import Rooms
from probbound.models.catalogue import DEFAULT_KIND

if TYPE_CHECKING:
    from probbound.contract.networks import Network
    from probbound.contract.recipe import Recipe
    from probbound.contract.tasks import Task
    from probbound.draws.priors import Prior
    from probbound.tasks.room import Room
    from probbound.tasks.trainable import Option

_ROOMS = Rooms(
    "task",
    {
        "max-of-k": "probbound.tasks.max_of_k",
        "modular-addition": "probbound.tasks.modular_addition",
        "group-product": "probbound.tasks.group_product",
        "next-token": "probbound.tasks.next_token",
        "induction": "probbound.tasks.induction",
    },
)
DEFAULT_TASK = "max-of-k"
_USUAL = {DEFAULT_KIND: DEFAULT_TASK, "transformer": "next-token"}


def task_names() -> list[str]:
    """The tasks that there are."""
    return list(_ROOMS)


def room_named(name: str) -> Room[Any]:
    """The room of a task.

    Raises:
        UserError: if there is no such task.
    """
    return _ROOMS.module(name, "room").TASK


def room_for(task: str) -> Room[Any]:
    """The room of a task that may say behind a colon what it is about.

    Raises:
        UserError: if there is no such task.
    """
    return room_named(task.partition(":")[0])


def room_of(task: Any) -> Room[Any]:
    """The room that a task belongs to; it looks at the task itself when it is asked something.

    Raises:
        UserError: if it belongs to none.
    """
    return room_named(_ROOMS.named_by(task, "name"))


def usual_task(kind: str) -> str:
    """What networks of a kind are asked about where no file says it, "" where nothing is usual."""
    return _USUAL.get(kind, "")


def required_usual_task(kind: str, model: str) -> str:
    """What such a network is usually asked about.

    Raises:
        UserError: if nothing is usual, with the remedy.
    """
    if found := usual_task(kind):
        return found
    raise UserError(
        f"it is not said which task {model} was made for; name one, as --task, or task= in Python: "
        "modular-addition, or next-token with --data of rows that you bring"
    )


def training_options(task: str) -> tuple[Option, ...]:
    """What a training on a task can be told; nothing heavy is loaded.

    Raises:
        UserError: if there is no such task.
    """
    return _ROOMS.module(task, "trainable").OPTIONS


def strategy_names(task: str = DEFAULT_TASK) -> list[str]:
    """Every name that a strategy of a task goes by.

    Raises:
        UserError: if there is no such task.
    """
    return _ROOMS.module(task, "grammar").strategy_names()


def strategy_summary(task: str = DEFAULT_TASK) -> str:
    """The names of a task's strategies, without every choice spelt out; nothing heavy is loaded.

    Raises:
        UserError: if there is no such task.
    """
    return _ROOMS.module(task, "grammar").strategy_summary()


def recipe_of(
    strategy: str, size: int | None, given: Mapping[str, Any], task: str = DEFAULT_TASK
) -> Recipe:
    """What a strategy runs for a population of this size; nothing heavy is loaded.

    Raises:
        UserError: if there is no such task, or if the task has no strategy of that name.
    """
    return _ROOMS.module(task, "recipes").recipe_of(strategy, size, given)


def inputs_of(task: str) -> str:
    """What a claim of a task is about, in the plural; nothing heavy is loaded.

    Raises:
        UserError: if there is no such task.
    """
    return _ROOMS.module(task, "words").INPUTS


def counted(task: str, population: Mapping[str, Any]) -> str:
    """The number of a claim's inputs in the words of its task; nothing heavy is loaded.

    Raises:
        UserError: if there is no such task.
    """
    return _ROOMS.module(task, "words").counted(population)


def all_inputs(task: str, population: Mapping[str, Any], written: str = "") -> str:
    """All inputs of a claim in words; `written` is how else their number is written.

    Raises:
        UserError: as `inputs_of`.
    """
    number, inputs = counted(task, population), inputs_of(task)
    if population["size"] is None:
        return f"all draws of {inputs}"
    beside = f" ({written})" if written and written != number else ""
    return f"all {number}{beside} {inputs}"


def noise_choices() -> list[str]:
    """Every way in which some task's strategies bound noise; nothing heavy is loaded."""
    grammars = (_ROOMS.module(task, "grammar") for task in _ROOMS)
    return list(dict.fromkeys(name for grammar in grammars for name in grammar.NOISE_CHOICES))


def manner(task: str, population: Mapping[str, Any]) -> str:
    """How inputs are answered where they are answered rightly; nothing heavy is loaded.

    Raises:
        UserError: as `require_task`.
    """
    return _ROOMS.module(task, "words").manner(population)


def reference_of(task: str, population: Mapping[str, Any]) -> str:
    """The network that a claim measures another's distance from, in words; nothing heavy is loaded.

    Raises:
        UserError: as `require_task`.
    """
    return _ROOMS.module(task, "words").reference(population)


def remarks(task: str, population: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What else has to be said of a claim's inputs, by what it is about; nothing heavy is loaded.

    Raises:
        UserError: as `require_task`.
    """
    return _ROOMS.module(task, "words").remarks(population)


def means(task: str, settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What has to be said of how inputs were decided, of the settings of what ran, by what it is
    about; nothing heavy is loaded.

    Raises:
        UserError: as `require_task`.
    """
    return _ROOMS.module(task, "words").means(settings)


def files(task: str, population: Mapping[str, Any]) -> tuple[str, ...]:
    """Options that bring what a claim is about, with names of files; nothing heavy is loaded.

    Raises:
        UserError: as `require_task`.
    """
    return _ROOMS.module(task, "words").files(population)


def task_for(
    model: Network,
    prior: Prior | None = None,
    task: str | None = None,
    brought: Mapping[str, Any] = MappingProxyType({}),
) -> Task:
    """The task of a model's own inputs, uniform by default.

    `task` is the name of a task, and behind a colon what it is about where the model does not say,
    as in group-product:s5; by default that which the model's file says it was made for, or the
    usual one of its kind of network. `brought` are files of inputs by name, where the task is about
    those.

    Raises:
        UserError: if there is no such task, if the model cannot serve it, or if none is named.
    """
    kind = getattr(type(model), "kind", DEFAULT_KIND)
    named = task or getattr(model, "made_for", "") or required_usual_task(kind, model.name)
    room, (name, _, about) = room_for(named), named.partition(":")
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
