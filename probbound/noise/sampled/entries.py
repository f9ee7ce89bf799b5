"""Single entries, drawn uniformly: the plain way, and the yardstick of the others."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from functools import partial

import numpy as np
from jaxtyping import Float, Int

from estimators import mean, quantile
from probbound.arithmetic.factored import FactoredMatrix
from probbound.arithmetic.rounding import inflated
from probbound.machine.parallel import parallel_map
from probbound.noise.contract import Method, NoiseBound, Quantity, QuantityName, Settings
from probbound.noise.sampled.answers import Work, share_up, touched
from probbound.noise.sampled.draws import distinct
from probbound.noise.term import NoiseTerm

CHUNK = 1 << 15
_LINES = 1 << 11  # gathered at a time: two blocks of 1 MB at inner dimension 64, within a cache
QUANTITIES: frozenset[QuantityName] = frozenset(
    ("mean", "rms", "share-above", "quantile", "input-share")
)


def gathered(
    two_factor: FactoredMatrix, i: Int[np.ndarray, " n"], j: Int[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """Entries (i[s], j[s]) of a two-factor product, on all cores."""
    left, right = two_factor.factors[0], two_factor.factors[1].T

    def chunk(start: int) -> Float[np.ndarray, " n"]:
        part = slice(start, start + CHUNK)
        return _dot_products(left, right, i[part], j[part])

    parts = parallel_map(chunk, range(0, len(i), CHUNK), "entries")
    return np.concatenate([np.empty(0), *parts])


def _dot_products(
    left: Float[np.ndarray, "m d"],
    right: Float[np.ndarray, "n d"],
    i: Int[np.ndarray, " k"],
    j: Int[np.ndarray, " k"],
) -> Float[np.ndarray, " k"]:
    """left[i] · right[j], gathered into buffers that are used again and stay in the cache."""
    buffers = np.empty((2, min(_LINES, len(i)), left.shape[1]))
    found = np.empty(len(i))
    for at in range(0, len(i), _LINES):
        part = slice(at, at + _LINES)
        a, b = buffers[:, : len(i[part])]
        np.take(left, i[part], axis=0, out=a, mode="clip")
        np.take(right, j[part], axis=0, out=b, mode="clip")
        np.einsum("kd,kd->k", a, b, out=found[part])
    return found


def largest_possible(two_factor: FactoredMatrix) -> float:
    """No |N_ij| is above this: the longest row times the longest column of the factors."""
    left, right = two_factor.factors
    rows, columns = np.einsum("md,md->m", left, left), np.einsum("dn,dn->n", right, right)
    product = math.sqrt(float(rows.max())) * math.sqrt(float(columns.max()))
    return inflated(product, left.shape[1] + 4) + two_factor.entry_error()


def _run(
    name: str,
    replace: bool,
    term: NoiseTerm,
    quantities: Sequence[Quantity],
    settings: Settings,
) -> list[NoiseBound]:
    """Uniform entries, with or without replacement (Theorem 3.21; fixed-n)."""
    started = time.perf_counter()
    noise, stream = term.remainder, settings.stream.fold_in(name)
    population = noise.size
    n = settings.budget if replace else min(settings.budget, population)
    drawn = stream.integers(0, n, population) if replace else distinct(stream, n, population)
    two_factor = noise.two_factor()
    i, j = np.divmod(drawn, noise.shape[1])
    values = gathered(two_factor, i, j)
    flops = noise.two_factor_flops() + (2 * noise.inner + 3) * n + noise.entry_error_flops()
    work = Work(name, settings.log_delta, n, flops, time.perf_counter() - started)
    sample = _Sample(term, values, None if replace else population, noise.entry_error(), work)
    return [sample.bound(quantity, two_factor) for quantity in quantities]


class _Sample:
    """Values of uniform entries, each off by at most `error`."""

    def __init__(
        self,
        term: NoiseTerm,
        values: Float[np.ndarray, " n"],
        population: int | None,
        error: float,
        work: Work,
    ) -> None:
        self.term, self.values, self.error, self.work = term, values, error, work
        self.size = (np.abs(values) + error) * (1 + 1e-15)
        self.population = population

    def bound(self, quantity: Quantity, two_factor: FactoredMatrix) -> NoiseBound:
        """The row of one quantity; where all entries were seen, the estimators answer exactly."""
        certain = self.population == len(self.values)
        if quantity.name in ("share-above", "input-share"):
            share, work = self._share(quantity.threshold or 0.0), self.work
            if quantity.name == "input-share":
                share, work = touched(self.term, quantity, share), work.touching(self.term)
            return work.answer(quantity, share, certain=certain)
        most = largest_possible(two_factor)
        if quantity.name == "quantile":
            return self.work.answer(quantity, self._quantile(quantity.level or 1.0, most))
        return self.work.answer(quantity, self._moment(quantity.name, most), certain=certain)

    def _share(self, threshold: float) -> float:
        found = quantile.exceedance(
            self.size,
            threshold,
            log_delta=self.work.log_delta,
            side="upper",
            population=self.population,
        )
        share = float(found.upper)
        return share if self.population is None else share_up(share, self.population)

    def _quantile(self, level: float, most: float) -> float:
        """The largest sample never stands in for the largest entry: for that, `most` does."""
        if level == 1:
            return most
        found = quantile.order_statistic(
            np.minimum(self.size, most),
            level,
            log_delta=self.work.log_delta,
            side="upper",
            population=self.population,
            high=most,
        )
        return float(found.upper)

    def _moment(self, name: str, most: float) -> float:
        """Mean of the entries in [-most, most], or root of the mean of their squares."""
        if most == 0:
            return 0.0
        power = 2 if name == "rms" else 1
        raised = self.size**2 if power == 2 else self.values + self.error
        raised = raised + 1e-15 * np.abs(raised)
        top = inflated(most**power, 2)
        found = mean.betting(
            np.clip(raised, -top, top),
            low=0.0 if power == 2 else -top,
            high=top,
            log_delta=self.work.log_delta,
            side="upper",
            population=self.population,
        )
        upper = float(found.upper)
        return inflated(math.sqrt(upper), 2) if power == 2 else upper


ENTRIES = Method("entries", "samples", QUANTITIES, partial(_run, "entries", False))
ENTRIES_IID = Method("entries-iid", "samples", QUANTITIES, partial(_run, "entries-iid", True))
