"""`planted-max-of-K-vV-dD-sSEED`: a transformer that takes the largest token by construction."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from probbound.contract.networks import Network
from probbound.models.store import renamed
from probbound.tasks.max_of_k.planted_max import planted_max_of_k
from studies.builders.builder import Builder


def _build(given: Mapping[str, Any], name: str, _: Path) -> Network:
    sizes = (int(given[part]) for part in ("d_vocab", "n_ctx", "d_model", "seed"))
    return renamed(planted_max_of_k(*sizes), name)


MODEL = Builder(
    "planted-max-of-4-v256-d64-s0",
    re.compile(r"(?P<n_ctx>\d+)-v(?P<d_vocab>\d+)-d(?P<d_model>\d+)-s(?P<seed>\d+)"),
    _build,
)
