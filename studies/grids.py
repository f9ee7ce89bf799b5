"""Sweeps inside studies: several grids in one store, on all cores, as rows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from probbound.machine.errors import UserError
from probbound.sweeps.config import SweepConfig
from probbound.sweeps.local import in_process, on_workers
from probbound.sweeps.run import Sweep
from probbound.tasks.registry import DEFAULT_TASK
from studies.models import model_named
from studies.study import Row

BRUTE_FORCE = "brute-force"
_WORTH_WORKERS = 20


def certified_rows(
    grids: tuple[Mapping[str, Any], ...], work: Path, *, timed: bool = False
) -> list[Row]:
    """The rows of all cells of some grids, each a table of a sweep's configuration.

    Models are those of `studies.models`. Many cells run on all cores at once, one process each;
    few, or those whose seconds are to be compared, one after another.

    Raises:
        UserError: if a cell failed: a study is not written from what is left.
    """
    rows: dict[str, Row] = {}
    for given in grids:
        config = SweepConfig.from_mapping(given, "a grid")
        models = {name: model_named(name, work) for name in config.models}
        sweep = Sweep.prepared(config, work / "sweep", models=models)
        alone = timed or len(sweep.pending) < _WORTH_WORKERS
        swept = sweep.run(in_process if alone else on_workers(os.cpu_count() or 1))
        for row in swept.table.to_pylist():
            if row["status"] == "failed":
                raise UserError(f"{row['strategy']} on {row['model']} failed: {row['reason']}")
            rows[row["key"]] = row
    return list(rows.values())


def certified_beside_truth(
    models: Iterable[str],
    strategies: Iterable[str],
    budget: int,
    delta: float,
    work: Path,
    task: str = DEFAULT_TASK,
) -> list[Row]:
    """One row per model and strategy, and by brute force; `truth` is what that found."""
    grid = {
        "tasks": [task],
        "models": list(models),
        "strategies": [BRUTE_FORCE, *strategies],
        "budgets": [budget],
        "deltas": [delta],
        "seeds": [0],
    }
    rows = certified_rows((grid,), work)
    truth = truths(rows)
    return [row | {"truth": truth[row["model"]]} for row in rows]


def truths(rows: list[Row]) -> dict[str, float]:
    """The failure rate of each model that some row enumerated by brute force."""
    return {row["model"]: row["failure_upper"] for row in rows if row["strategy"] == BRUTE_FORCE}
