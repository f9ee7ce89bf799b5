"""Products with Gaussian columns: norms, and so maxima, of noise too large to multiply out."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from estimators import sketch
from probbound.arithmetic.factored import FactoredMatrix
from probbound.arithmetic.rounding import gamma, inflated, ratio_up
from probbound.draws.random_streams import Stream
from probbound.noise.contract import Method, NoiseBound, Quantity, QuantityName, Settings
from probbound.noise.sampled.answers import Work
from probbound.noise.sampled.draws import gaussian
from probbound.noise.term import NoiseTerm

METHOD = "sketch"
COLUMNS = 32
SPECTRAL_COLUMNS = 20
POWER = 2
_RELATIVE_SLACK = 1e-12


def row_sketch(
    noise: FactoredMatrix, stream: Stream, columns: int, *, centred: bool
) -> tuple[Float[np.ndarray, " m"], float]:
    """Upper bounds on ‖(N Ω)_i‖₂ of every row, and on ‖N Ω‖_F, in exact arithmetic.

    Ω has `columns` independent standard normal columns; if `centred`, N has the mean of each row
    taken out of it, which is done by taking it out of Ω. What rounding can have taken off is
    added (Theorem 3.25).
    """
    omega = gaussian(stream, noise.shape[1], columns)
    first, *others = noise.factors
    lengths = np.sqrt(np.einsum("md,md->m", first, first))
    scale = math.prod([math.sqrt(np.einsum("ij,ij->", f, f)) for f in (*others, omega)])
    if centred:
        omega -= omega.mean(axis=0)
    operations = sum(noise.dimensions[1:]) + (noise.shape[1] + 2 if centred else 0)
    lost = lengths * inflated(2 * gamma(operations) * scale, max(noise.dimensions) * columns)
    product = noise.matvec(omega)
    norms = np.sqrt(np.einsum("mk,mk->m", product, product)) * (1 + gamma(columns + 4)) + lost
    norms = norms * (1 + gamma(8))
    return norms, inflated(float(np.linalg.norm(norms)), len(norms) + 2)


def spectral_bound(noise: FactoredMatrix, stream: Stream, log_delta: float) -> float:
    """‖N‖₂ from M Ω, M = (N Nᵀ)^q N, whose norm is ‖N‖₂^(2q+1) (Theorem 3.27).

    With r = ‖N‖₂ / P, P the product of the factors' Frobenius norms, and y_t the computed norm
    after t of the p = 2q + 1 products (each divided by P), r^p g <= y_p + Σ_t r^(p-1-t) γ y_t:
    the largest such r, found by bisection, takes in all that rounding can have done.
    """
    scale = inflated(
        math.prod(float(np.linalg.norm(f)) for f in noise.factors),
        sum(f.size for f in noise.factors),
    )
    if scale == 0:
        return 0.0
    pivot = sketch.spectral_pivot(SPECTRAL_COLUMNS, log_delta=log_delta)
    block = gaussian(stream, noise.shape[1], SPECTRAL_COLUMNS)
    error, products = 1.1 * gamma(sum(noise.dimensions) + 4), 2 * POWER + 1
    seen = []
    for step in range(products):
        seen.append(float(np.linalg.norm(block)) * (1 + _RELATIVE_SLACK))
        block = (noise.matvec(block) if step % 2 == 0 else noise.rmatvec(block)) / scale
    last = float(np.linalg.norm(block, 2)) * (1 + _RELATIVE_SLACK) + 1e-300
    low, high = 0.0, 1.0
    for _ in range(200):
        r = (low + high) / 2
        allowed = last + error * sum(r ** (products - 1 - t) * y for t, y in enumerate(seen))
        low, high = (r, high) if r**products * pivot <= allowed else (low, r)
    return high * scale * (1 + _RELATIVE_SLACK)


def _run(term: NoiseTerm, quantities: Sequence[Quantity], settings: Settings) -> list[NoiseBound]:
    """Each quantity from the sketch that serves it; sketches that serve several are made once."""
    stream = settings.stream.fold_in(METHOD)
    made: dict[str, _Sketch] = {}
    rows = []
    for quantity in quantities:
        kind = _KINDS[quantity.name]
        if kind not in made:
            made[kind] = _Sketch(kind, term.remainder, stream.fold_in(kind), settings.log_delta)
        rows.append(made[kind].bound(quantity))
    return rows


_KINDS: dict[QuantityName, str] = {
    "row-norms": "rows",
    "largest-entry": "rows",
    "frobenius-norm": "rows",
    "rms": "rows",
    "largest-row-spread": "centred rows",
    "row-spread-share": "centred rows",
    "spectral-norm": "spectrum",
}


class _Sketch:
    """One product with Gaussian columns, and what it cost."""

    def __init__(self, kind: str, noise: FactoredMatrix, stream: Stream, log_delta: float) -> None:
        started = time.perf_counter()
        self.shape, self.norm, self.spectrum = noise.shape, 0.0, 0.0
        self.norms = np.empty(0)
        if kind == "spectrum":
            self.spectrum = spectral_bound(noise, stream, log_delta)
            flops = (2 * POWER + 1) * noise.matvec_flops(SPECTRAL_COLUMNS)
            flops += 4 * noise.shape[0] * SPECTRAL_COLUMNS**2
            flops += (2 * POWER + 1) * 3 * max(noise.shape) * SPECTRAL_COLUMNS
        else:
            centred = kind == "centred rows"
            norms, total = row_sketch(noise, stream, COLUMNS, centred=centred)
            self.norms = np.asarray(sketch.row_norms(norms, COLUMNS, log_delta=log_delta).upper)
            found = sketch.frobenius_norm(total, COLUMNS, log_delta=log_delta)
            self.norm = float(found.upper)
            flops = noise.matvec_flops(COLUMNS) + 2 * sum(noise.shape) * COLUMNS
            flops += 2 * sum(factor.size for factor in noise.factors)
            flops += 2 * noise.shape[1] * COLUMNS if centred else 0
        self.work = Work(METHOD, log_delta, 0, flops, time.perf_counter() - started)

    def bound(self, quantity: Quantity) -> NoiseBound:
        """The row of one quantity (Theorems 3.25 to 3.28)."""
        columns = SPECTRAL_COLUMNS if quantity.name == "spectral-norm" else COLUMNS
        row = self.work.answer(
            quantity, self._bound(quantity), detail=f"{columns} Gaussian columns"
        )
        if quantity.name == "row-norms":
            return replace(row, per_row=self.norms)
        if quantity.name == "largest-row-spread":
            return replace(row, per_row=inflated(math.sqrt(2) * self.norms, 4))
        return row

    def _bound(self, quantity: Quantity) -> float:
        m, n = self.shape
        if quantity.name == "spectral-norm":
            return self.spectrum
        if quantity.name == "frobenius-norm":
            return self.norm
        if quantity.name == "rms":
            return inflated(self.norm / math.sqrt(m * n), 4)
        if quantity.name == "row-spread-share":
            spreads = inflated(math.sqrt(2), 2) * self.norms * (1 + gamma(4))
            return ratio_up(int(np.count_nonzero(~(spreads <= (quantity.threshold or 0.0)))), m)
        largest = float(self.norms.max())
        if quantity.name == "largest-row-spread":
            return inflated(math.sqrt(2) * largest, 4)
        return largest


SKETCH = Method(METHOD, "sketch", frozenset(_KINDS), _run)
