"""The task of a model: the one that is named, else the one that its file says it was made for."""

from __future__ import annotations

from probbound.tasks.registry import DEFAULT_TASK


def task_told(model: str, named: str | None) -> str:
    """The name of a task, with what stands behind its colon; the usual one if nothing says any."""
    if named is not None:
        return named
    from safetensors import SafetensorError

    from probbound.models.catalogue import located
    from probbound.models.store import read_record

    path, _ = located(model)
    try:
        record = read_record(path) if path.suffix == ".safetensors" else {}
        return str(record.get("task", DEFAULT_TASK))
    except (SafetensorError, OSError, ValueError, AttributeError):
        return DEFAULT_TASK  # whoever reads the weights says what is wrong with the file
