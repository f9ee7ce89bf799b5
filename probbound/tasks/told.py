"""The task of a model: the one that is named, else the one that its file says it was made for."""

from __future__ import annotations

from collections.abc import Iterable

from probbound.machine.errors import UserError
from probbound.tasks.registry import DEFAULT_TASK, required_usual_task


def tasks_told(models: Iterable[str]) -> str:
    """The one task that all models were made for; the usual one where nothing says any.

    A model that is none is left to whoever reads it.

    Raises:
        UserError: if they were made for different ones, or one does not say and none is usual.
    """
    from probbound.models.catalogue import located

    found: dict[str, str] = {}
    for model in models:
        try:
            located(model)
        except UserError:
            continue
        found.setdefault(task_told(model, None), model)
    if len(found) > 1:
        made = ", ".join(f"{model} for {task}" for task, model in found.items())
        raise UserError(
            f"the models were made for different tasks ({made}); ask about each task by itself, or "
            "name the tasks"
        )
    return next(iter(found), DEFAULT_TASK)


def task_told(model: str, named: str | None) -> str:
    """The name of a task, with what stands behind its colon.

    Where nothing says any it is the usual one of the kind of network that the file names or whose
    names its arrays have.

    Raises:
        UserError: if the file does not say, and nothing is usual for such a network.
    """
    if named is not None:
        return named
    from probbound.models.catalogue import located
    from probbound.models.store import read_said

    path, _ = located(model)
    try:
        kind, made_for = read_said(path)
    except UserError:
        return DEFAULT_TASK  # whoever reads the weights says what is wrong with the file
    return made_for or required_usual_task(kind, path.stem)
