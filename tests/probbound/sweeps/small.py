"""A small sweep, and records without what the clock says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from probbound.models.store import save_model
from probbound.sweeps.config import SweepConfig
from tests.factories import copying_model

STRATEGIES = ("brute-force", "cubic", "iid", "hybrid", "cascade")


def small_config(models: tuple[str, ...], strategies: tuple[str, ...] = STRATEGIES) -> SweepConfig:
    """2 deterministic cells for each model, and 8 for each strategy that samples inputs."""
    return SweepConfig(models, strategies, budgets=(5, 40), deltas=(1e-3, 1e-6), seeds=(0, 1))


def small_models(root: Path) -> tuple[str, ...]:
    """Paths of two models of a few hundred inputs."""
    paths = tuple(root / f"copying-{seed}.safetensors" for seed in range(2))
    for seed, path in enumerate(paths):
        save_model(copying_model(seed), path)
    return tuple(map(str, paths))


def without_clock(value: Any) -> Any:
    """Everything but seconds, and the digest that a certificate has of all its fields."""
    if isinstance(value, dict):
        kept = (key for key in value if not key.endswith(("seconds", "self_sha256")))
        return {key: without_clock(value[key]) for key in kept}
    return [without_clock(v) for v in value] if isinstance(value, list) else value


def cells_without_clock(out: Path) -> dict[str, bytes]:
    """The bytes of every cell by file name, but for the clock."""
    return {
        path.name: json.dumps(without_clock(json.loads(path.read_text()))).encode()
        for path in (out / "cells").glob("*.json")
    }
