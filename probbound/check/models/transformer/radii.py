"""The operations of a transformer on float64 numbers with running radii (Theorem 9.2).

A state holds the numbers and, of each vector of them, at least its distance from what the same
operations make in real numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from probbound.check.models.transformer.configuration import NONE, Configuration
from probbound.check.models.transformer.functions import capped
from probbound.check.models.transformer.sizes import Sizes
from probbound.check.models.transformer.values import Matrix, Numbers, Values
from probbound.check.norms import gamma

_U = 2.0**-53
_KAPPA, _T = 1 + 2.0**-20, 2.0**-400
_STEEPEST = 1.13
_BELOW = 1 - 2.0**-30
_SURE = 2.01
_LONGEST, _FARTHEST, _UNDERFLOW = 2.0**64, 2.0**256, 2.0**-480


class Tracked(NamedTuple):
    """Numbers (…, n) and the radius of each vector of them (…)."""

    values: Numbers
    radius: Numbers


class Outcomes(NamedTuple):
    """Numbers that come out, and a radius for each."""

    values: Numbers
    radii: Numbers


class Radii:
    """Arithmetic on numbers and the radii of their vectors; `sizes` keeps what is worked out."""

    floats = 1

    def __init__(self, said: Configuration, sizes: Sizes) -> None:
        self.said, self.sizes, self.plain = said, sizes, Values(said)

    def exact(self, values: Numbers) -> Tracked:
        """(a); of a row longer than the theorem covers nothing is certain"""
        return Tracked(values, np.where(_length(values) <= _LONGEST, 0.0, np.inf))

    def at(self, x: Tracked, positions: slice) -> Tracked:
        return Tracked(x.values[:, positions], x.radius[:, positions])

    def plus(self, x: Tracked, y: Tracked) -> Tracked:
        """(a)"""
        found = x.values + y.values
        return _tracked(found, x.radius + y.radius + 4 * _U * _length(found))

    def times(self, x: Tracked, y: Tracked) -> Tracked:
        """(e)"""
        found = x.values * y.values
        radius = x.radius * _largest(y.values) + y.radius * _largest(x.values)
        return _tracked(found, radius + x.radius * y.radius + 2 * _U * _length(found))

    def affine(self, x: Tracked, matrix: Matrix, bias: Numbers | None) -> Tracked:
        """(b)"""
        size, steps = self.sizes.of(matrix), gamma(len(matrix.values) + 4)
        fresh = steps * (size.absolute * _length(x.values) + _norm(bias))
        return _tracked(self.plain.affine(x.values, matrix, bias), size.spectral * x.radius + fresh)

    def normed(
        self, x: Tracked, norm: str, weight: Numbers | None, bias: Numbers | None
    ) -> Tracked:
        """(c)"""
        if norm == NONE:
            return x
        n = x.values.shape[-1]
        fresh = 2 * gamma(n + 8) * _length(x.values) if norm == "layer" else 0.0
        moved = _up(x.radius + fresh)
        numerator, scale = self.plain.scaled(x.values, norm)
        within = scale[..., 0] * _BELOW - moved / np.sqrt(n)
        least = np.maximum(within, np.sqrt(self.said.norm_eps) * _BELOW)
        least = np.where(least > 0, least, 0.0)
        steepest = 1.0 if weight is None else float(np.abs(weight).max())
        found = self.plain.normed(x.values, norm, weight, bias)
        radius = steepest * (moved / least + gamma(n + 16) * _length(numerator / scale))
        return _tracked(found, radius + 4 * _U * (_length(found) + _norm(bias)))

    def activated(self, x: Tracked) -> Tracked:
        """(d)"""
        steepest = 1.0 if self.said.activation == "relu" else _STEEPEST
        radius = steepest * x.radius + 64 * _U * _length(x.values)
        return _tracked(self.plain.activated(x.values), radius)

    def heads(self, x: Tracked, matrices: Matrix, bias: Numbers | None) -> Tracked:
        """(b), head by head."""
        size, steps = self.sizes.of(matrices), gamma(matrices.values.shape[1] + 4)
        spectral, absolute = size.spectral[:, None], size.absolute[:, None]
        biases = 0.0 if bias is None else _length(bias)[:, None]
        fresh = steps * (absolute * _length(x.values)[:, None] + biases)
        values = self.plain.heads(x.values, matrices, bias)
        return _tracked(values, spectral * x.radius[:, None] + fresh)

    def rotated(self, x: Tracked) -> Tracked:
        """(f)"""
        turned = (256.0 * np.arange(x.values.shape[-2]) + 128) * _U * _length(x.values)
        return _tracked(self.plain.rotated(x.values), x.radius + turned)

    def attended(self, q: Tracked, k: Tracked, z: Tracked, hidden: Numbers) -> Tracked:
        """(g) and (h)"""
        k, z = self._shared(k), self._shared(z)
        scores = self.plain.scores(q.values, k.values)
        pattern, below = self.plain.pattern(scores, hidden)
        raised = self._score_radii(q, k) + 64 * _U + 4 * _U * np.abs(below)
        spread = np.where(hidden, 0.0, np.expm1(raised))
        mean = (pattern * spread).sum(axis=-1, keepdims=True)
        away = spread + mean + spread * mean + gamma(hidden.shape[1] + 16)
        away = np.where(hidden, 0.0, _up(pattern * away))
        lengths, radii = _length(z.values), z.radius
        moved = np.minimum(_mean(away, lengths), _SURE * _most(lengths, hidden))
        inherited = np.minimum(_mean(pattern + away, radii), _most(radii, hidden))
        fresh = gamma(hidden.shape[1] + 4) * _mean(pattern, lengths)
        return _tracked(pattern @ z.values, moved + inherited + fresh)

    def _shared(self, groups: Tracked) -> Tracked:
        return Tracked(*(self.plain.shared(part) for part in groups))

    def _score_radii(self, q: Tracked, k: Tracked) -> Numbers:
        """(g): r for every query and key."""
        along, steps = _length(q.values)[..., None], gamma(q.values.shape[-1] + 128)
        across, mine, theirs = _length(k.values)[..., None, :], q.radius[..., None], k.radius
        theirs = theirs[..., None, :]
        radius = mine * across + along * theirs + mine * theirs + steps * along * across
        radius = radius / self.said.attn_scale
        if self.said.positions == "alibi":
            radius = radius + 64 * _U * self.plain.bias(q.values.shape[-2])
        return _up(radius)

    def joined(self, heads: Tracked, matrices: Matrix, bias: Numbers | None) -> Tracked:
        """(i)"""
        each, whole = self.sizes.of(matrices), self.sizes.of_whole(matrices)
        apart = (each.spectral[:, None] * heads.radius).sum(axis=1)
        together = whole.spectral * np.sqrt((heads.radius**2).sum(axis=1))
        count = matrices.values.shape[0] * matrices.values.shape[1]
        entering = np.sqrt((_length(heads.values) ** 2).sum(axis=1))
        fresh = gamma(count + 4) * (whole.absolute * entering + _norm(bias))
        values = self.plain.joined(heads.values, matrices, bias)
        return _tracked(values, np.minimum(apart, together) + fresh)

    def outcome(self, x: Tracked, matrix: Matrix | None, bias: Numbers | None) -> Outcomes:
        """(j)"""
        values = x.values if matrix is None else self.plain.affine(x.values, matrix, bias)
        radii = np.broadcast_to(x.radius[..., None], values.shape)
        if matrix is not None:
            columns = _length(matrix.values.T) + _UNDERFLOW
            biases = 0.0 if bias is None else np.abs(bias)
            fresh = _length(x.values)[..., None] * columns + biases
            radii = x.radius[..., None] * columns + gamma(len(matrix.values) + 4) * fresh
        if self.said.logit_cap is not None:
            radii = radii + 64 * _U * np.abs(values)
        return Outcomes(capped(values, self.said.logit_cap), _up(radii))


def _tracked(values: Numbers, radius: Numbers) -> Tracked:
    return Tracked(values, _up(radius))


def _up(radius: Numbers) -> Numbers:
    """More than rounding can have taken from a radius; infinite if it is no number, or too far."""
    radius = radius * _KAPPA + _T
    return np.where(radius <= _FARTHEST, radius, np.inf)


def _length(x: Numbers) -> Numbers:
    """‖·‖₂ along the last axis."""
    return np.asarray(np.sqrt(np.einsum("...i,...i->...", x, x)))


def _norm(bias: Numbers | None) -> float:
    return 0.0 if bias is None else float(np.linalg.norm(bias))


def _largest(x: Numbers) -> Numbers:
    return np.abs(x).max(axis=-1)


def _mean(weights: Numbers, numbers: Numbers) -> Numbers:
    """Σ_s over keys of weights (…, query, key) times numbers (…, key), infinite if undefined."""
    found = (weights @ numbers[..., None])[..., 0]
    return np.where(np.isnan(found), np.inf, found)


def _most(numbers: Numbers, hidden: Numbers) -> Numbers:
    """The largest of numbers (…, key) that each query sees."""
    return np.where(hidden, 0.0, numbers[..., None, :]).max(axis=-1)
