"""The product over strata of betting capitals, and the weighted means it rules out.

Only the lower endpoint is computed: the upper one is that of the reflected samples 1 - x.
The proof is Theorem 2.28; the names below are its names.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from estimators._betting import TRUNCATION, aimed_bets, leverage, moments_before
from estimators._roots import last_nonnegative
from estimators._samples import logical_range

_LEAST_MEAN = 1e-12
_LOG_PRICES = (-7.0, 35.0)

PerProblem = Float[np.ndarray, " problems"]
Rows = Int[np.ndarray, " some"]


@dataclass(frozen=True)
class Sampled:
    """A stratum of weight `weight` with draws `x`, shape (problems, n), on the unit scale."""

    weight: float
    x: Float[np.ndarray, "problems n"]
    population: int | None


@dataclass(frozen=True)
class _Capital:
    """The log capital g of one stratum as a function of its mean m: convex, nonincreasing.

    The factors are 1 - c + c x / m_t with m_t = slope m - offset the mean of draw t given the
    past, and g is used on [lo, hi], which holds the true mean.
    """

    weight: float
    x: Float[np.ndarray, "problems n"]
    share: Float[np.ndarray, "problems n"]
    slope: Float[np.ndarray, " n"]
    offset: Float[np.ndarray, "problems n"]
    lo: PerProblem
    hi: PerProblem

    def value(self, mean: PerProblem, rows: Rows) -> PerProblem:
        """g(mean)."""
        own, share = self._own(mean, rows), self.share[rows]
        return np.log(1 - share + share * self.x[rows] / own).sum(-1)

    def fall(self, mean: PerProblem, rows: Rows) -> PerProblem:
        """-g'(mean), nonnegative and nonincreasing."""
        own, stake = self._own(mean, rows), self.share[rows] * self.x[rows]
        return (self.slope * stake / (own * ((1 - self.share[rows]) * own + stake))).sum(-1)

    def cheapest(self, price: PerProblem, rows: Rows) -> PerProblem:
        """The m of [lo, hi] at which g(m) + price · weight · m is least, but for the solver."""
        lo = np.maximum(self.lo[rows], np.minimum(_LEAST_MEAN, self.hi[rows]))

        def excess(mean: PerProblem, some: Rows) -> PerProblem:
            return self.fall(mean, rows[some]) - price[some] * self.weight

        return last_nonnegative(excess, lo, self.hi[rows])

    def _own(self, mean: PerProblem, rows: Rows) -> Float[np.ndarray, "some n"]:
        return np.maximum(mean[:, None] * self.slope - self.offset[rows], _LEAST_MEAN)


def product_lower_endpoint(strata: list[Sampled], log_inverse: PerProblem) -> PerProblem:
    """Weighted means at or below this have a product of capitals of at least 1/δ.

    `log_inverse` is log(1/δ). The certificate of Theorem 2.28 is sound for any price and any
    point, so the search for good ones need not be exact.
    """
    capitals = _capitals(strata, log_inverse)
    draws = sum(stratum.x.shape[1] for stratum in strata)
    threshold = log_inverse + 64 * np.finfo(np.float64).eps * (draws + log_inverse)

    def excess(cheapness: PerProblem, rows: Rows) -> PerProblem:
        price = np.exp(-cheapness)
        logs = [capital.value(capital.cheapest(price, rows), rows) for capital in capitals]
        return np.sum(logs, axis=0) - threshold[rows]

    every = np.arange(len(log_inverse))
    ends = (np.full(len(every), -end) for end in reversed(_LOG_PRICES))
    price = np.exp(-last_nonnegative(excess, *ends))
    total = -threshold
    for capital in capitals:
        point = capital.cheapest(price, every)
        fall = capital.fall(point, every)
        tilt = price * capital.weight - fall
        least = np.minimum(tilt * capital.lo, tilt * capital.hi)
        total = total + capital.value(point, every) + fall * point + least
    # Overflow in the search leaves no number; 0 is below every mean and needs no proof.
    return np.nan_to_num(total / price, nan=0.0, posinf=0.0, neginf=0.0)


def _capitals(strata: list[Sampled], log_inverse: PerProblem) -> list[_Capital]:
    """Bets that share the aim log(1/δ) over the strata as the least favourable means do."""
    weights = [leverage(s.x.shape[1], _members(s)) for s in strata]
    power = [float((weight**2).sum()) for weight in weights]
    spread = [moments_before(s.x)[0] for s in strata]
    heaviest = max(s.weight for s in strata)
    out = []
    for s, weight, own_power, own_spread in zip(strata, weights, power, spread, strict=True):
        n = s.x.shape[1]
        doubt = np.zeros(s.x.shape)
        for other, other_power, other_spread in zip(strata, power, spread, strict=True):
            known = np.arange(n) * other.x.shape[1] // n
            doubt += (other.weight / heaviest) ** 2 * other_spread[:, known] / other_power
        scale = np.sqrt(2 * log_inverse[:, None] * own_spread / doubt)
        scale *= s.weight / heaviest / own_power
        seen = s.x.cumsum(-1) - s.x
        guess = (seen + 0.5) / (np.arange(n) + 1)
        share = np.minimum(aimed_bets(s.x, scale, weight) * guess, TRUNCATION)
        offset, lo, hi = np.zeros(s.x.shape), np.zeros(len(s.x)), np.ones(len(s.x))
        if s.population is not None:
            offset = seen / (s.population - np.arange(n))
            lo, hi = logical_range(s.x.sum(-1), n, np.asarray(s.population))
        out.append(_Capital(s.weight, s.x, share, weight, offset, lo, hi))
    return out


def _members(stratum: Sampled) -> Int[np.ndarray, ""] | None:
    return None if stratum.population is None else np.asarray(stratum.population)
