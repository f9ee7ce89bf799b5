"""The two ways a bound fails a statistical test: violated too often, or vacuous.

`FALSE_ALARM` is the declared probability that `check` fails a bound whose true violation
probability is at most δ. Seeds are fixed, so that a pass stays a pass.
"""

from __future__ import annotations

import numpy as np
import pytest
from jaxtyping import Float
from scipy import stats

FALSE_ALARM = 1e-6
FAST_REPLICATES = 1_000
FULL_REPLICATES = 20_000
REPLICATES = (FAST_REPLICATES, pytest.param(FULL_REPLICATES, marks=pytest.mark.slow))
DELTAS = (0.1, 0.01)


def check(violations: int, replicates: int, delta: float) -> None:
    """Fail if so many violations have probability below `FALSE_ALARM` at violation rate δ."""
    tail = float(stats.binom.sf(violations - 1, replicates, delta))
    if tail < FALSE_ALARM:
        pytest.fail(
            f"{violations} violations in {replicates} replicates at delta = {delta}: "
            f"a sound bound shows as many with probability {tail:.1e}"
        )


def check_not_vacuous(width: float | Float[np.ndarray, "..."], at_most: float) -> None:
    """Fail if the mean width exceeds `at_most`, which the caller declares below the range."""
    mean = float(np.mean(width))
    if not mean <= at_most:
        pytest.fail(f"vacuous: mean width {mean:.3g}, declared limit {at_most:.3g}")


def violations(
    lower: Float[np.ndarray, " replicates"],
    upper: Float[np.ndarray, " replicates"],
    truth: float,
    *,
    rounding: float = 1e-12,
) -> int:
    """How many intervals miss `truth` by more than `rounding`, the rounding of `truth` itself."""
    return int(np.sum((lower > truth + rounding) | (upper < truth - rounding)))
