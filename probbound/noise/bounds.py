"""The deterministic methods."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from estimators.guarantee import Guarantee
from probbound.noise.contract import Method, NoiseBound, Quantity, Settings
from probbound.noise.term import NoiseTerm
from probbound.rounding import gamma


def second_moments(
    term: NoiseTerm, quantities: Sequence[Quantity], _: Settings
) -> list[NoiseBound]:
    """Frobenius norm."""
    started = time.perf_counter()
    noise = term.remainder
    bound = noise.frobenius() * (1 + gamma(1))
    seconds = time.perf_counter() - started
    return [
        NoiseBound(
            quantity,
            "second-moments",
            bound,
            Guarantee.DETERMINISTIC,
            -math.inf,
            0,
            noise.frobenius_flops(),
            seconds,
        )
        for quantity in quantities
    ]


DETERMINISTIC: tuple[Method, ...] = (
    Method("second-moments", "weights", frozenset({"frobenius-norm"}), second_moments),
)
