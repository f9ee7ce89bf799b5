"""`trained-induction-vV-nN-lL-pPENALTY-sSEED-STEPS-steps`: trained when first asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from probbound.contract.networks import Network
from probbound.models.store import read_model, save_model
from probbound.tasks.induction.training import train
from studies.builders.builder import Builder

_WHOLE = ("d_vocab", "n_ctx", "layers", "seed", "steps")


def _build(given: Mapping[str, Any], name: str, kept: Path) -> Network:
    path = kept / f"{name}.safetensors"
    if not path.exists():
        options = {option: int(given[option]) for option in _WHOLE}
        model, _ = train({**options, "structure_penalty": float(given["penalty"])}, name)
        save_model(model, path)
    return read_model(path)


MODEL = Builder(
    "trained-induction-v16-n8-l2-p0.003-s0-6000-steps",
    re.compile(
        r"v(?P<d_vocab>\d+)-n(?P<n_ctx>\d+)-l(?P<layers>\d+)-p(?P<penalty>\d+(\.\d+)?)"
        r"-s(?P<seed>\d+)-(?P<steps>\d+)-steps"
    ),
    _build,
)
