"""A pair network with its products multiplied out, and what that rounds (Theorems 8.1, 8.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from probbound.check.models.pair_mlp.rounding import UNDERFLOW, above, gamma, lengths

HALF_ULP = 2.0**-53
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Folded:
    """Features of (a, b) are first[a] + second[b], negative ones of the first `gates` made zero.

    `out` (features, classes) makes logits of them. A margin is off by at most
    off_first[a] + off_second[b], κ of 8.1.
    """

    first: np.ndarray
    second: np.ndarray
    out: np.ndarray
    gates: int
    off_first: np.ndarray
    off_second: np.ndarray

    @classmethod
    def of(cls, w: Arrays) -> Folded:
        """Of the weights of a network; what overflows certifies nothing."""
        with np.errstate(all="ignore"):
            return cls._of(w)

    @classmethod
    def _of(cls, w: Arrays) -> Folded:
        first, first_error = _product(w["W_E"], w.get("W_in"))
        second, second_error = first, first_error
        if "W_E2" in w or "W_in2" in w:
            second, second_error = _product(w.get("W_E2", w["W_E"]), w.get("W_in2", w.get("W_in")))
        if "b_in" in w:
            second = second + w["b_in"]
            second_error = second_error + HALF_ULP * lengths(second)
        out, off = w["W_U"], np.zeros(w["W_U"].shape[1])
        if "W_out" in w:
            out = w["W_out"] @ w["W_U"]
            whole = lengths(w["W_out"].reshape(1, -1))[0] * lengths(w["W_U"].T)
            off = gamma(len(w["W_U"])) * whole
        parts, gates = [(first, second, out)], first.shape[1]
        if "W_skip" in w:
            a, a_error = _product(w["W_E"], w["W_skip"])
            b, b_error = _product(w["W_E2"], w["W_skip"]) if "W_E2" in w else (a, a_error)
            parts.append((a, b, w["W_U"]))
            first_error, second_error = first_error + a_error, second_error + b_error
        bias, bias_error = _bias(w)
        if bias.any() or bias_error.any():
            parts.append((np.ones((len(first), 1)), np.zeros((len(second), 1)), bias[None]))
        first, second = (np.concatenate([part[side] for part in parts], axis=1) for side in (0, 1))
        out = np.concatenate([part[2] for part in parts])
        moved, longest = float((off + bias_error).max()), float(lengths(out.T).max())
        return cls(
            *(first, second, out, gates),
            off_first=kappa(first_error, first, longest, moved),
            off_second=kappa(second_error, second, longest, moved),
        )

    def scaled(self, exponents: np.ndarray) -> Folded:
        """The same function, feature i divided by 2^exponents[i] (8.2); κ is that of before."""
        return replace(
            self,
            first=np.ldexp(self.first, -exponents),
            second=np.ldexp(self.second, -exponents),
            out=np.ldexp(self.out, exponents[:, None]),
        )

    def features(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Those of pairs, (n, features)."""
        found = self.first[a] + self.second[b]
        np.maximum(found[:, : self.gates], 0.0, out=found[:, : self.gates])
        return found


def _product(rows: np.ndarray, matrix: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """rows · matrix, and how far each computed row may be off in norm."""
    if matrix is None:
        return rows, np.zeros(len(rows))
    whole = lengths(rows) * lengths(matrix.reshape(1, -1))[0]
    return rows @ matrix, gamma(len(matrix)) * whole


def _bias(w: Arrays) -> tuple[np.ndarray, np.ndarray]:
    """b_out · W_U + b_U, and how far each number may be off."""
    columns = w["W_U"]
    found, size = np.zeros(columns.shape[1]), np.zeros(columns.shape[1])
    if "b_out" in w:
        found, size = w["b_out"] @ columns, np.abs(w["b_out"]) @ np.abs(columns)
    if "b_U" in w:
        found, size = found + w["b_U"], size + np.abs(w["b_U"])
    if "b_out" not in w:
        return found, np.zeros(len(found))
    return found, gamma(len(columns) + 2) * size * (1 + 2 * gamma(len(columns) + 2))


def kappa(error: np.ndarray, rows: np.ndarray, longest: float, moved: float) -> np.ndarray:
    """The share of κ that is an operand's, infinite where it is no number."""
    found = above(2 * error * (longest + moved) + 2 * lengths(rows) * moved) + UNDERFLOW
    return np.where(found < np.inf, found, np.inf)
