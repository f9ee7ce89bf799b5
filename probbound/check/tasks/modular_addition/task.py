"""Modular addition to the checker: the right answer to (a, b) is a + b mod p."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from probbound.check.tasks.pairs.inputs import Labels
from probbound.check.tasks.pairs.recipe import GATES, LOW_RANK, ROTATING_FRAME
from probbound.check.tasks.pairs.replays import pair_replay


def _labels_of(population: Mapping[str, Any]) -> Labels:
    modulus = population["sizes"][0]

    def labels(pairs: np.ndarray) -> np.ndarray:
        return (pairs[:, 0] + pairs[:, 1]) % modulus

    return labels


REPLAY = pair_replay(_labels_of, screens=(GATES, LOW_RANK, ROTATING_FRAME))
