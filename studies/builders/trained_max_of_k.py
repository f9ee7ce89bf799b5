"""`trained-max-of-K-vV-dD-sSEED-STEPS-steps`: trained when first asked for, and then kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from probbound.contract.networks import Network
from probbound.models.recipes import recipe_named
from probbound.models.store import read_model, save_model
from probbound.tasks.max_of_k.task import MaxOfK
from probbound.tasks.max_of_k.training import train
from studies.builders.builder import Builder

RECIPE = "longer"


def _build(given: Mapping[str, Any], name: str, kept: Path) -> Network:
    path = kept / f"{name}.safetensors"
    if not path.exists():
        task = MaxOfK(int(given["d_vocab"]), int(given["n_ctx"]))
        recipe = recipe_named(RECIPE, int(given["steps"]))
        model = train(task, int(given["d_model"]), recipe, int(given["seed"]), name)
        save_model(model, path)
    return read_model(path)


MODEL = Builder(
    "trained-max-of-4-v64-d32-s0-8000-steps",
    re.compile(
        r"(?P<n_ctx>\d+)-v(?P<d_vocab>\d+)-d(?P<d_model>\d+)-s(?P<seed>\d+)-(?P<steps>\d+)-steps"
    ),
    _build,
)
