"""New samples against an old claim (Theorem 6.3)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import scipy

from probbound.check.claims import margin_of
from probbound.check.models.contract import Weights
from probbound.check.models.registry import kind_named
from probbound.check.stream import Stream
from probbound.check.tasks.registry import replay_of

FALSE_ALARM = 1e-6
LEAST_DRAWS, MOST_DRAWS = 10_000, 200_000


@dataclass(frozen=True)
class Fresh:
    """How new draws fared: `p_value` is at most FALSE_ALARM with at most that probability if the
    claim is true.
    """

    seed: int
    draws: int
    failures: int
    expected_at_most: float
    p_value: float
    false_alarm: float = FALSE_ALARM

    @property
    def agrees(self) -> bool:
        """Whether the draws leave the claim standing."""
        return self.p_value > self.false_alarm


def fresh_samples(
    predicate: Mapping[str, Any],
    weights: Weights,
    seed: int,
    files: Mapping[str, Path] = MappingProxyType({}),
) -> Fresh:
    """Draw anew, from what its screen leaves if that is run again here, and answer.

    As many draws as the certificate rests on, but at least LEAST_DRAWS and at most MOST_DRAWS.
    The claim is one about answers, not about the loss. `files` are as `judge` takes them.
    """
    margin = margin_of(predicate["claim"])
    network = kind_named(weights.kind).subject(weights, margin, math.inf)
    draws = min(max(predicate["sampling"]["draws"], LEAST_DRAWS), MOST_DRAWS)
    stream = Stream.of_seed(seed).named("fresh")
    replay = replay_of(predicate["claim"]["task"])
    network = replay.dressed(predicate, network, files)
    share, failures = replay.fresh(predicate, network, stream, draws)
    most = min(predicate["failure_upper"] / share, 1.0) if share > 0 else 0.0
    return Fresh(seed, draws, failures, draws * most, _upper_tail(failures, draws, most))


def _upper_tail(k: int, n: int, rate: float) -> float:
    """P(Bin(n, rate) >= k)."""
    return 1.0 if k == 0 else float(scipy.special.betainc(k, n - k + 1, rate))
