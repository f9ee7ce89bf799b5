"""The one value every estimator returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from estimators.guarantee import Guarantee

Side = Literal["lower", "upper", "two"]
Bound = float | Float[np.ndarray, "..."]
Count = int | Int[np.ndarray, "..."]


@dataclass(frozen=True)
class Interval:
    """Bounds on a parameter that hold together, except with probability exp(log_delta).

    Fields are scalars, or arrays with one leading batch shape for many problems at once.
    `log_delta` is the natural logarithm of δ, -inf where nothing was spent. A one-sided interval
    has the trivial value of the parameter's range on its other side. `population` is the size
    of a finite population sampled without replacement, None for draws with replacement.
    """

    lower: Bound
    upper: Bound
    log_delta: float | Float[np.ndarray, "..."]
    method: str
    guarantee: Guarantee
    n: Count
    population: Count | None = None

    @property
    def width(self) -> Bound:
        """upper - lower."""
        return self.upper - self.lower
