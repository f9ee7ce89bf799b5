"""Pairs whose norms already certify them are counted by sorting; only the rest is sampled."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from estimators import proportion
from probbound.arithmetic.factored import FactoredMatrix
from probbound.arithmetic.rounding import gamma
from probbound.noise.contract import Method, NoiseBound, Quantity, Settings
from probbound.noise.sampled.answers import Work, share_up, touched
from probbound.noise.sampled.draws import distinct
from probbound.noise.sampled.entries import gathered
from probbound.noise.term import NoiseTerm

METHOD = "norm-screen"
_CONDITION = 1e-8  # the least eigenvalue of a Gram matrix that is balanced, over the largest


@dataclass(frozen=True)
class Rest:
    """The entries that norms do not certify: row i's are its first `counts[i]` in `columns`."""

    ends: Int[np.ndarray, " m"]
    counts: Int[np.ndarray, " m"]
    columns: Int[np.ndarray, " n"]

    @property
    def size(self) -> int:
        """How many there are."""
        return int(self.ends[-1])

    def members(
        self, ranks: Int[np.ndarray, " n"]
    ) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
        """Rows and columns of the entries with these numbers, from 0 to size - 1."""
        rows = np.searchsorted(self.ends, ranks, side="right")
        return rows, self.columns[ranks - (self.ends - self.counts)[rows]]


def uncertified(two_factor: FactoredMatrix, threshold: float) -> Rest:
    """What ‖a_i S‖ ‖S⁻¹ b_j‖ <= threshold leaves, S balancing the factors (Theorem 3.24).

    O((m + n) r² + (m + n) log n) operations. The norms are raised by what rounding can have
    taken off them, and by what `S⁻¹` lacks of being the inverse.
    """
    rows, columns, lost = _balanced_norms(two_factor)
    order = np.argsort(-columns, kind="stable")
    safe = math.nextafter((threshold - lost) * (1 - 1e-15), -math.inf)
    if not safe >= 0:  # NaN, after an overflow, certifies nothing
        counts = np.full(len(rows), len(columns))
    else:
        limits = np.divide(safe, rows, out=np.full_like(rows, np.inf), where=rows > 0)
        limits = limits * (1 - 1e-15)
        counts = len(columns) - np.searchsorted(columns[order][::-1], limits, side="right")
    return Rest(np.cumsum(counts), counts, order)


def _balanced_norms(
    two_factor: FactoredMatrix,
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " n"], float]:
    """Norms of the rows of A S and of the columns of W B, W ≈ S⁻¹, and ‖A‖ ‖SW - I‖ ‖B‖ at most.

    S makes the two Gram matrices equal, up to a ridge that keeps S well-conditioned.
    """
    left, right = two_factor.factors
    there, back = _balancing(left.T @ left, right @ right.T)
    inner = left.shape[1]
    slack = 1 + 4 * gamma(4 * inner + 16)
    raw = [float(np.sqrt(np.einsum("nd,nd->n", f, f).max())) for f in (left, right.T)]
    sizes = [float(np.linalg.norm(s)) for s in (there, back)]
    off = float(np.linalg.norm(there @ back - np.eye(inner))) + gamma(inner + 8) * math.prod(sizes)
    moved = (left @ there, (back @ right).T)
    norms = [
        (np.sqrt(np.einsum("nd,nd->n", f, f)) + gamma(inner + 8) * size * longest) * slack
        for f, size, longest in zip(moved, sizes, raw, strict=True)
    ]
    return norms[0], norms[1], off * math.prod(raw) * slack


def _balancing(
    rows: Float[np.ndarray, "d d"], columns: Float[np.ndarray, "d d"]
) -> tuple[Float[np.ndarray, "d d"], Float[np.ndarray, "d d"]]:
    """S and about its inverse, such that Sᵀ rows S = S⁻¹ columns S⁻ᵀ for the ridged matrices."""
    values, vectors = np.linalg.eigh(rows)
    values = np.maximum(values, _CONDITION * max(values[-1], 1e-300))
    root, inverse = (vectors * values**power @ vectors.T for power in (0.5, -0.5))
    spectrum, axes = np.linalg.eigh(root @ columns @ root)
    spectrum = np.maximum(spectrum, _CONDITION * max(spectrum[-1], 1e-300))
    return inverse @ (axes * spectrum**0.25), (axes * spectrum**-0.25).T @ root


def _run(term: NoiseTerm, quantities: Sequence[Quantity], settings: Settings) -> list[NoiseBound]:
    """The rest sampled without replacement; deterministic if it is within the budget."""
    shares: dict[float, tuple[float, bool, str, Work]] = {}
    rows = []
    for quantity in quantities:
        threshold = quantity.threshold or 0.0
        if threshold not in shares:
            shares[threshold] = _share(term.remainder, threshold, settings)
        share, certain, detail, work = shares[threshold]
        if quantity.name == "input-share":
            share, work = touched(term, quantity, share), work.touching(term)
        rows.append(work.answer(quantity, share, certain=certain, detail=detail))
    return rows


def _share(
    noise: FactoredMatrix, threshold: float, settings: Settings
) -> tuple[float, bool, str, Work]:
    """The bound on the share of large entries, whether it is certain, and on what it rests."""
    started = time.perf_counter()
    two_factor, error = noise.two_factor(), noise.entry_error()
    rest = uncertified(two_factor, threshold - error)
    n = min(settings.budget, rest.size)
    drawn = distinct(settings.stream.fold_in(METHOD), n, rest.size)
    values = gathered(two_factor, *rest.members(drawn))
    above = int(np.count_nonzero(~(np.abs(values) + error <= threshold)))
    share = 0.0
    if rest.size:
        found = proportion.hypergeometric(
            above, n, rest.size, log_delta=settings.log_delta, side="upper"
        )
        share = share_up(float(found.upper), rest.size, noise.size)
    detail = f"{rest.size:,} of {noise.size:,} entries left by the norms"
    work = Work(METHOD, settings.log_delta, n, _flops(noise, n), time.perf_counter() - started)
    return share, n == rest.size, detail, work


def _flops(noise: FactoredMatrix, sampled: int) -> int:
    """Gram matrices, two of r × r eigenvalues (at 9 r³), the moved factors, norms and sorting."""
    (m, n), r = noise.shape, noise.inner
    screen = 4 * (m + n) * r * r + 30 * r**3 + 4 * (m + n) * r
    sorting = (m + n) * max(1, math.ceil(math.log2(max(m, n))))
    looks = noise.entry_error_flops() + (2 * r + 3) * sampled
    return noise.two_factor_flops() + screen + sorting + looks


NORM_SCREEN = Method(METHOD, "samples", frozenset(("share-above", "input-share")), _run)
