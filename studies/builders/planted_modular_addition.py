"""`planted-mod-add-pP-noiseσ-sSEED[-direct]`: a network that adds modulo p by construction."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from probbound.contract.networks import Network
from probbound.models.store import renamed
from probbound.tasks.modular_addition.planted_sum import planted_sum
from studies.builders.builder import Builder


def _build(given: Mapping[str, Any], name: str, _: Path) -> Network:
    made = planted_sum(
        int(given["p"]),
        int(given["seed"]),
        noise=float(given["noise"]),
        bottleneck=given["direct"] is None,
    )
    return renamed(made, name)


MODEL = Builder(
    "planted-mod-add-p16381-noise0.05-s0",
    re.compile(r"p(?P<p>\d+)-noise(?P<noise>\d+(\.\d+)?)-s(?P<seed>\d+)(?P<direct>-direct)?"),
    _build,
)
