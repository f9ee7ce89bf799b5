"""The deterministic methods: they look at the weights alone, and fail never."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from estimators.guarantee import Guarantee
from probbound.arithmetic.factored import FactoredMatrix
from probbound.arithmetic.rounding import inflated
from probbound.noise import norms
from probbound.noise.chain import (
    recursive_flops,
    recursive_rows,
    subproduct_flops,
    subproduct_rows,
)
from probbound.noise.contract import (
    QUANTITIES,
    Method,
    NoiseBound,
    Quantity,
    QuantityName,
    Settings,
)
from probbound.noise.envelope import FROM_ENTRIES, FROM_NORMS, FROM_SPREADS, Envelope
from probbound.noise.inputs import diagonal_flops
from probbound.noise.streamed import order_statistic, row_extremes, streaming_flops
from probbound.noise.term import NoiseTerm

Vector = Float[np.ndarray, " m"]
_ROOT_TWO = math.nextafter(math.sqrt(2), math.inf)


class Build(NamedTuple):
    """An envelope and what it cost."""

    envelope: Envelope
    flops: int
    entries: int = 0


def _frobenius(term: NoiseTerm, _: Sequence[Quantity], __: Settings) -> Build:
    """Norms of the factors multiplied: O(v r), Theorems 3.7, 3.8 and 3.10."""
    noise = term.remainder
    norm = norms.norm_product(noise)
    entry = np.minimum(norms.entry_product(noise), norm)
    spread = np.minimum(inflated(_ROOT_TWO * norm, 1), 2 * entry)
    envelope = Envelope(term, entry, spread, norm)
    return Build(envelope, frobenius_flops(noise))


def frobenius_flops(noise: FactoredMatrix) -> int:
    """Operations of norms of the factors multiplied, in both ways."""
    products = norms.norm_product_flops(noise) + norms.entry_product_flops(noise)
    return products + 5 * noise.shape[0]


def _svd(term: NoiseTerm, _: Sequence[Quantity], __: Settings) -> Build:
    """σ₁ for every row, √2 σ₁ for its spread: O(v r²), Theorems 3.7 and 3.9."""
    largest = norms.spectral_upper(term.remainder)
    norm = np.full(term.shape[0], largest)
    rank = min(*term.shape, term.remainder.inner)
    frobenius = inflated(math.sqrt(rank) * largest, 2)
    envelope = Envelope(term, norm, inflated(_ROOT_TWO * norm, 1), norm, largest, frobenius)
    return Build(envelope, norms.spectral_upper_flops(term.remainder))


def _second_moments(term: NoiseTerm, quantities: Sequence[Quantity], _: Settings) -> Build:
    """All row norms by Gram matrices, and Chebyshev's inequality: O(v r²), Theorems 3.2, 3.5.

    Spreads come from the rows less their means, whose norms are as dear again (Theorem 3.7).
    """
    noise, flops = term.remainder, 0
    norm = spread = np.full(term.shape[0], math.inf)
    if any(quantity.name in FROM_SPREADS for quantity in quantities):
        spread, flops = norms.spreads_upper(noise), norms.spreads_upper_flops(noise)
    if any(quantity.name not in FROM_SPREADS for quantity in quantities):
        norm, flops = norms.row_norms_upper(noise), flops + norms.row_norms_upper_flops(noise)
    return Build(Envelope(term, norm, spread, norm), flops)


def _recursive(term: NoiseTerm, _: Sequence[Quantity], __: Settings) -> Build:
    """The max row difference recursion through all factors: O(v r), Theorem 3.11."""
    return Build(Envelope(term, *recursive_rows(term.remainder)), recursive_flops(term.remainder))


def _subproduct(term: NoiseTerm, _: Sequence[Quantity], __: Settings) -> Build:
    """Exact row differences of sub-products: O(v r²), Theorem 3.12."""
    rows = subproduct_rows(term.remainder)
    return Build(Envelope(term, *rows), subproduct_flops(term.remainder))


def _max_diff(term: NoiseTerm, _: Sequence[Quantity], settings: Settings) -> Build:
    """Twice the largest entry of each row: O(v² r), Theorem 3.10."""
    noise = term.remainder
    entry = _outward(row_extremes(noise, (), settings.memory_bytes).largest, noise.entry_error())
    envelope = Envelope(term, entry, 2 * entry, np.full(len(entry), math.inf))
    return Build(envelope, evaluating_flops(noise, 0), noise.size)


def _streamed(term: NoiseTerm, quantities: Sequence[Quantity], settings: Settings) -> Build:
    noise, error = term.remainder, term.remainder.entry_error()
    thresholds = sorted({q.threshold or 0.0 for q in quantities if q.name in _COUNTED})
    lowered = [math.nextafter(t - error, -math.inf) if error else t for t in thresholds]
    rows = row_extremes(noise, lowered, settings.memory_bytes)
    envelope = Envelope(
        term,
        _outward(rows.largest, error),
        _outward(rows.spread, 2 * error),
        np.full(term.shape[0], math.inf),
        counted=dict(zip(thresholds, rows.counts, strict=True)),
    )
    return Build(envelope, evaluating_flops(noise, len(thresholds)), noise.size)


def evaluating_flops(noise: FactoredMatrix, thresholds: int) -> int:
    """Operations of the extremes of all rows, and of what rounding can have done to them."""
    return streaming_flops(noise, thresholds) + noise.entry_error_flops() + 6 * noise.shape[0]


def _by_algebra(term: NoiseTerm, quantities: Sequence[Quantity], _: Settings) -> Build:
    noise = term.remainder
    norm = norms.row_norms_upper(noise)
    envelope, flops = Envelope(term, norm, norm, norm), norms.row_norms_upper_flops(noise)
    if any(quantity.name == "spectral-norm" for quantity in quantities):
        envelope = replace(envelope, spectral=norms.spectral_upper(noise))
        flops += norms.spectral_upper_flops(noise)
    return Build(envelope, flops)


def _exact(term: NoiseTerm, quantities: Sequence[Quantity], settings: Settings) -> list[NoiseBound]:
    """Every entry, in tiles, O(v² r); norms and the mean by algebra instead (Theorem 3.14)."""
    rows: dict[Quantity, NoiseBound] = {}
    for names, build in ((FROM_NORMS | _SPECTRAL, _by_algebra), (_STREAMED, _streamed)):
        asked = [quantity for quantity in quantities if quantity.name in names]
        found = _from_envelope("exact", build, term, asked, settings) if asked else []
        rows.update(zip(asked, found, strict=True))
    for quantity in quantities:
        if quantity.name == "mean":
            rows[quantity] = _exact_mean(term, quantity)
        elif quantity.name == "quantile":
            rows[quantity] = _exact_quantile(term, quantity, settings)
    return [rows[quantity] for quantity in quantities]


def _exact_mean(term: NoiseTerm, quantity: Quantity) -> NoiseBound:
    started = time.perf_counter()
    bound = norms.mean_upper(term.remainder)
    return _row("exact", quantity, bound, Cost(norms.mean_flops(term.remainder), 0, started))


def _exact_quantile(term: NoiseTerm, quantity: Quantity, settings: Settings) -> NoiseBound:
    started, noise = time.perf_counter(), term.remainder
    value, passes = order_statistic(
        noise.two_factor(), quantity.level or 1.0, settings.memory_bytes
    )
    bound = inflated(value + noise.entry_error(), 1)
    flops = noise.two_factor_flops() + passes * noise.size * (2 * noise.inner + 3)
    flops += noise.entry_error_flops()
    return _row("exact", quantity, bound, Cost(flops, passes * noise.size, started))


def _from_envelope(
    name: str,
    build: Callable[[NoiseTerm, Sequence[Quantity], Settings], Build],
    term: NoiseTerm,
    quantities: Sequence[Quantity],
    settings: Settings,
) -> list[NoiseBound]:
    started = time.perf_counter()
    envelope, flops, entries = build(term, quantities, settings)
    shared = time.perf_counter() - started
    rows = []
    for quantity in quantities:
        cost = Cost(flops, entries, time.perf_counter() - shared)
        if quantity.name == "input-share" and term.reads == "pairs":
            cost = cost.plus(diagonal_flops(term), term.shape[0])
        per_row = {"row-norms": envelope.norm, "largest-row-spread": envelope.spread}
        known = per_row.get(quantity.name)
        rows.append(_row(name, quantity, envelope.bound(quantity), cost, known))
    return rows


@dataclass(frozen=True)
class Cost:
    """What one row took: operations, entries evaluated, and when its clock started."""

    flops: int
    entries: int
    started: float

    def plus(self, flops: int, entries: int) -> Cost:
        """With more work counted."""
        return replace(self, flops=self.flops + flops, entries=self.entries + entries)


def _row(
    method: str,
    quantity: Quantity,
    bound: float,
    cost: Cost,
    per_row: np.ndarray | None = None,
) -> NoiseBound:
    return NoiseBound(
        quantity,
        method,
        bound,
        Guarantee.DETERMINISTIC,
        -math.inf,
        cost.entries,
        cost.flops,
        time.perf_counter() - cost.started,
        per_row=per_row,
    )


def _outward(values: Vector, error: float) -> Vector:
    """Computed non-negative numbers plus what rounding may have hidden."""
    return inflated(values + error, 2)


def _method(
    name: str,
    build: Callable[[NoiseTerm, Sequence[Quantity], Settings], Build],
    quantities: frozenset[QuantityName],
    *,
    streams: bool = False,
) -> Method:
    return Method(name, "weights", quantities, partial(_from_envelope, name, build), streams)


_SPECTRAL: frozenset[QuantityName] = frozenset(("spectral-norm",))
_ALL = FROM_ENTRIES | FROM_SPREADS | FROM_NORMS | _SPECTRAL
_COUNTED = ("share-above", "input-share")
_STREAMED = (FROM_ENTRIES | FROM_SPREADS) - {"quantile"}

DETERMINISTIC: tuple[Method, ...] = (
    Method("exact", "weights", frozenset(QUANTITIES), _exact, streams=True),
    _method("max-diff", _max_diff, FROM_SPREADS, streams=True),
    _method("second-moments", _second_moments, _ALL),
    _method("svd", _svd, _ALL),
    _method("subproduct", _subproduct, _ALL),
    _method("frobenius", _frobenius, _ALL),
    _method("recursive", _recursive, _ALL),
)
