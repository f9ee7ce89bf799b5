"""Tolerances that hold for certain: the noise of the paths bounded by a method of chapter 3."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from probbound.arithmetic.factored import FactoredMatrix
from probbound.arithmetic.rounding import inflated
from probbound.contract.cost import CostMeter
from probbound.machine.parallel import parallel_map
from probbound.noise import norms
from probbound.noise.bounds import evaluating_flops, frobenius_flops
from probbound.noise.chain import recursive_flops, subproduct_flops
from probbound.noise.contract import NoiseBound, Quantity, QuantityName, Settings
from probbound.noise.registry import method_named
from probbound.noise.term import NoiseTerm, Reads
from probbound.tasks.max_of_k.structured.parts import Parts, Sizes, Vector
from probbound.tasks.max_of_k.structured.tolerances import Tolerances
from probbound.tasks.max_of_k.structured.values import row_flops, row_values

STREAMED = ("exact", "max-diff")

_ROWS = 1 << 8
_SPREADS: Mapping[str, Callable[[FactoredMatrix], int]] = {
    "exact": lambda matrix: evaluating_flops(matrix, 0),
    "max-diff": lambda matrix: evaluating_flops(matrix, 0),
    "second-moments": norms.spreads_upper_flops,
    "svd": norms.spectral_upper_flops,
    "subproduct": subproduct_flops,
    "frobenius": frobenius_flops,
    "recursive": recursive_flops,
}


def certain_tolerances(
    parts: Parts, noise: str, settings: Settings, meter: CostMeter
) -> Tolerances:
    """What the noise cannot exceed (Remark 4.36); of scores and direct path up to a row constant.

    The diagonal of the OV circuit is known and is kept out of its rows: one by one where all
    entries are evaluated, by Pythagoras where row norms are bounded.
    """
    scores = _bounds("QK", parts.scores, "pairs", noise, ("largest-row-spread",), settings, meter)
    direct = _bounds(
        "direct", parts.direct, "last-row", noise, ("largest-row-spread",), settings, meter
    )
    if noise in STREAMED:
        low, row = _streamed(parts, noise, meter)
    else:
        low = _by_norms(parts, noise, settings, meter)
        row = _row_from_entries(parts, low)
    zero = np.zeros(parts.d_vocab)
    return Tolerances(
        score=_per_row(scores[0], parts) / 2,
        low=low,
        row=row,
        far_row=row,
        near=parts.d_vocab,
        direct_low=zero,
        direct_row=_per_row(direct[0], parts),
    )


def certain_flops(sizes: Sizes, noise: str) -> int:
    """Operations of `certain_tolerances`, told from sizes alone."""
    v, d, out = sizes.d_vocab, sizes.d_model, sizes.d_vocab_out
    square, wide = (FactoredMatrix(np.zeros((v, d)), np.zeros((d, n))) for n in (v, out))
    spreads = _SPREADS[noise](square) + _SPREADS[noise](wide)
    if noise in STREAMED:
        return spreads + _streamed_flops(sizes)
    return spreads + (
        norms.row_norms_upper_flops(wide) if noise == "second-moments" else _SPREADS[noise](wide)
    )


def _streamed_flops(sizes: Sizes) -> int:
    return sizes.d_vocab * (row_flops(sizes, "OV") + 2 * sizes.d_vocab_out)


def _bounds(
    name: str,
    matrix: FactoredMatrix,
    reads: Reads,
    noise: str,
    quantities: Sequence[QuantityName],
    settings: Settings,
    meter: CostMeter,
) -> list[NoiseBound]:
    term = NoiseTerm.whole(matrix, reads)
    found = method_named(noise).bounds(term, [Quantity(q) for q in quantities], settings)
    flops, seconds = max(b.flops for b in found), max(b.seconds for b in found)
    meter.record(f"{name} noise by {noise}", "proof", flops, seconds)
    return found


def _per_row(bound: NoiseBound, parts: Parts) -> Vector:
    return np.full(parts.d_vocab, bound.bound) if bound.per_row is None else bound.per_row


def _by_norms(parts: Parts, noise: str, settings: Settings, meter: CostMeter) -> Vector:
    """|values[t, j]| for j ≠ t, by row (Remark 4.36)."""
    entry, norms = _bounds(
        "OV", parts.values, "rows", noise, ("largest-entry", "row-norms"), settings, meter
    )
    computed = np.abs(parts.copying - parts.mean[: parts.d_vocab])
    own = np.maximum(computed - 2 * parts.output_error, 0.0)
    squares = np.square(_per_row(norms, parts)) * (1 + 2.0**-50) - np.square(own)
    return np.minimum(entry.bound, inflated(np.sqrt(np.maximum(squares, 0.0)), 2))


def _row_from_entries(parts: Parts, entry: Vector) -> Vector:
    highest = (parts.mean + parts.place_high).max()
    return highest - parts.place_low[: parts.d_vocab] + entry


def _streamed(parts: Parts, noise: str, meter: CostMeter) -> tuple[Vector, Vector]:
    """Every row of the OV circuit, but for its diagonal."""
    started, tokens = time.perf_counter(), np.arange(parts.d_vocab)
    left, right = parts.values.factors

    def extremes(start: int) -> tuple[Vector, Vector]:
        rows = tokens[start : start + _ROWS]
        found = left[rows] @ right
        found[np.arange(len(rows)), rows] = 0.0
        return -found.min(axis=1), found.max(axis=1)

    parts_of_rows = parallel_map(extremes, range(0, parts.d_vocab, _ROWS), "OV noise")
    low, high = (np.concatenate(part) for part in zip(*parts_of_rows, strict=True))
    row = row_values(parts, "OV", tokens)
    if noise == "max-diff":
        low = np.maximum(low, high)
        row = _row_from_entries(parts, low)
    seconds = time.perf_counter() - started
    meter.record(f"OV noise by {noise}", "proof", _streamed_flops(parts), seconds)
    return low, row
