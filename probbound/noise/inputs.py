"""The share of all inputs that touch an entry above a threshold (Theorem 3.13)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from probbound.arithmetic.rounding import inflated
from probbound.machine.errors import UserError
from probbound.noise.term import NoiseTerm


def input_share(
    term: NoiseTerm, counts: Float[np.ndarray, " m"], total: int, threshold: float, n_ctx: int
) -> float:
    """An upper bound on the share of the inputs, from bounds on how many entries are large.

    `counts[i]` is at least the number of entries in row i that exceed the threshold in absolute
    value, `total` at least their number in all. Exact, but for rounding, where the counts are.
    """
    v, n = term.shape
    rows = min(int(np.count_nonzero(counts)), total) / v
    if term.reads == "last-row":
        return _share_upper(rows, 1)
    if term.reads == "rows":
        return _share_upper(float(-np.expm1(n_ctx * _log_of_rest(np.asarray(rows)))), 4 * n_ctx)
    missed = (n_ctx - 1) * _log_of_rest(np.minimum(counts / n, 1.0))
    own = _diagonal_above(term, threshold)
    share = np.where(own, 1.0, -np.expm1(missed)).mean()
    union = _union(own, total / term.remainder.size, n_ctx)
    return min(_share_upper(float(share), v + 4 * n_ctx), union)


def input_share_from_share(term: NoiseTerm, share: float, threshold: float, n_ctx: int) -> float:
    """A union bound from the share of large entries alone, for a term that reads pairs.

    (n_ctx - 1) · share for the other tokens, and the exact share of large entries (q, q).

    Raises:
        UserError: if the term reads whole rows: a row counts as soon as one of its entries is
            large, so the share of large entries says little about it.
    """
    if term.reads != "pairs":
        raise UserError(
            f"the share of inputs needs more than the share of entries for {term.name}, "
            "whose inputs touch whole rows; use a method that bounds rows"
        )
    return _union(_diagonal_above(term, threshold), share, n_ctx)


def _union(own: Bool[np.ndarray, " v"], share: float, n_ctx: int) -> float:
    """Of the entries (q, q) those that may be large, of the others a share of them."""
    return _share_upper((n_ctx - 1) * share + float(own.mean()), len(own))


def diagonal_flops(term: NoiseTerm) -> int:
    """Operations of looking at the v entries (q, q), for a term that reads pairs, else 0."""
    if term.reads != "pairs":
        return 0
    matrix = term.remainder
    entries = term.shape[0] * (2 * matrix.inner + 3)
    return matrix.two_factor_flops() + entries + matrix.entry_error_flops()


def _diagonal_above(term: NoiseTerm, threshold: float) -> Bool[np.ndarray, " v"]:
    """Which entries (q, q) may be large, wherever rounding leaves a doubt too: O(v r)."""
    matrix = term.remainder
    return ~(np.abs(matrix.diagonal()) + matrix.entry_error() <= threshold)


def _share_upper(share: float, roundings: int) -> float:
    return min(1.0, inflated(share, roundings + 64))


def _log_of_rest(share: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """log(1 - share), -inf at 1."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log1p(-share))
