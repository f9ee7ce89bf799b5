"""The rotating frame: waves turned to the class of a pair, then every class (8.10, 6.14)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from probbound.check.models.pair_mlp.network import not_ahead
from probbound.check.models.pair_mlp.rounding import LARGEST, UNDERFLOW, above, gamma, lengths
from probbound.check.tasks.pairs.folded import Folded
from probbound.check.tasks.pairs.low_rank import in_parts, margin_up
from probbound.check.tasks.pairs.prices import rotating_price
from probbound.check.tasks.pairs.turning import Turning

_LARGEST_ERROR = 2.0**-10
_TRIGONOMETRY = 640  # roundings, for sines and cosines as well
_SHORT = (0.0, 0.08, 0.2, 0.4)  # τ: shares that waves may fall short by
_DIFFERENCES = 1 << 9  # at once


@dataclass(frozen=True)
class Rotating:
    """Which pairs are above a margin: by their waves alone (8.10), else against every class.

    `points` are Y, Y' and μ side by side, `at_mean` is μ·Y', `square` ‖μ‖², `offsets` o and
    `tails` at least ‖Δ_c‖; `raised` are the two operands' parts of what ‖f - μ‖² is raised by,
    `lead` those of λ.
    """

    net: Folded
    frame: Frame
    points: np.ndarray
    others: np.ndarray
    at_mean: np.ndarray
    square: float
    offsets: np.ndarray
    tails: np.ndarray
    raised: tuple[np.ndarray, np.ndarray]
    lead: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, net: Folded, waves: int, beside: int, margin: float) -> Rotating:
        """Of a network, with what is proposed for it.

        Raises:
            Refused: as `Turning.of`.
        """
        with np.errstate(all="ignore"):
            return cls._of(net, Turning.of(net, waves, beside), margin)

    @classmethod
    def _of(cls, net: Folded, found: Turning, margin: float) -> Rotating:
        frame = Frame.of(net, found)
        rest = net.out - found.centre[:, None] - found.left @ found.waves
        offsets = found.mean @ rest
        rest -= found.beside @ found.others
        inner, (width, middle) = len(found.waves) + found.beside.shape[1], _sizes(found)
        whole = _whole(net, found, width)
        tails = above(lengths(rest.T) + gamma(inner + 4) * whole)
        first, second = lengths(net.first), lengths(net.second)
        error = gamma(len(net.out) + inner + _TRIGONOMETRY)
        if not (error <= _LARGEST_ERROR and abs(margin) <= LARGEST):
            error = np.inf
        sums = 8 * math.sqrt(len(found.waves)) * width + 16 * float((whole + tails).max())
        weight = error * (sums + abs(margin) + 4)
        once = first + middle + frame.speaks + 1
        squares = 4 * gamma(2 * len(net.out) + 16)
        return cls(
            net=net,
            frame=frame,
            points=np.column_stack([found.left, found.beside, found.mean]),
            others=np.concatenate([found.waves, found.others]),
            at_mean=found.mean @ found.beside,
            square=float(found.mean @ found.mean),
            offsets=offsets,
            tails=tails,
            raised=(above(squares * (first + middle) ** 2), above(squares * second**2)),
            lead=(
                above(margin_up(margin) + net.off_first + weight * once) + UNDERFLOW,
                above(net.off_second + weight * second) + UNDERFLOW,
            ),
        )

    @property
    def price(self) -> int:
        """The operations of one pair at most."""
        waves, beside = self.frame.waves.shape[1] // 2, len(self.at_mean)
        features, classes = self.net.out.shape
        return rotating_price(features, classes, self.net.gates, waves, beside)

    def left(self, pairs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Which pairs (n, 2) it cannot certify."""
        return in_parts(self._left, pairs, labels, sum(self.net.out.shape))

    def _left(self, pairs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        (a, b), waves = pairs.T, self.frame.waves.shape[1]
        features = self.net.features(a, b)
        points = features @ self.points
        points[:, waves:-1] -= self.at_mean
        square = np.einsum("ni,ni->n", features, features) - 2 * points[:, -1] + self.square
        away = above(np.sqrt(np.maximum(square + self.raised[0][a] + self.raised[1][b], 0.0)))
        lead = self.lead[0][a] + self.lead[1][b]
        ahead = self.frame.ahead(points[:, :waves], labels, (a - b) % len(self.net.first))
        ahead += self.offsets[labels] - self.offsets.max()
        beside = lengths(self.others[waves:].T)
        ahead -= lengths(points[:, waves:-1]) * (beside[labels] + beside.max())
        ahead -= away * (self.tails[labels] + self.tails.max())
        left = ~(ahead > lead)
        some = np.flatnonzero(left)
        found = points[some, :-1] @ self.others + self.offsets
        found += away[some, None] * self.tails
        own = lead[some] + above(2 * away[some] * self.tails[labels[some]])
        left[some] = not_ahead(found, labels[some], own)
        return left


@dataclass(frozen=True)
class Frame:
    """Waves (p, 2K) of every class, and by how much the right one leads if pairs agree with them.

    `sizes` (p, K) are b for each difference a - b, `least` m̲; `speaks` is Σ R̄_k.
    """

    waves: np.ndarray
    sizes: np.ndarray
    least: np.ndarray
    speaks: float

    @classmethod
    def of(cls, net: Folded, found: Turning) -> Frame:
        """With R̄ fitted to the pairs of a = 0, whose right class is taken to be b."""
        number, values = len(found.frequencies), len(net.first)
        waves = np.ascontiguousarray(found.waves.T)
        halves = np.pi / values * (np.arange(values)[:, None] * found.frequencies % values)
        agreed = np.abs(np.cos(halves))
        every = np.arange(values)
        points = net.features(np.zeros_like(every), every) @ found.left
        turned = points[:, :number] * waves[:, :number] + points[:, number:] * waves[:, number:]
        fitted = (turned * agreed).sum(axis=0) / (agreed * agreed).sum(axis=0)
        speaks = np.where((fitted > 0) & (fitted < LARGEST), fitted, 0.0)
        sizes, apart = agreed * speaks, 1 - waves[1 : values // 2 + 1, :number].T
        least = [
            (sizes[at : at + _DIFFERENCES] @ apart).min(axis=1)
            for at in range(0, values, _DIFFERENCES)
        ]
        lost = above(4 * (gamma(number + 8) + 2.0**-45) * sizes.sum(axis=1))
        return cls(waves, sizes, np.concatenate(least) - lost, above(float(speaks.sum())))

    def ahead(self, points: np.ndarray, labels: np.ndarray, apart: np.ndarray) -> np.ndarray:
        """What waves say that every class is below the labels by, for points (n, 2K)."""
        number = self.sizes.shape[1]
        cosines, sines = np.split(self.waves[labels], 2, axis=1)
        c, s = points[:, :number], points[:, number:]
        along, across = c * cosines + s * sines, s * cosines - c * sines
        sizes, least = self.sizes[apart], self.least[apart]
        found = np.full(len(points), -np.inf)
        for short in _SHORT:
            over = along - (1 - short) * sizes
            lost = (over - np.hypot(over, across)).sum(axis=1)
            found = np.fmax(found, (1 - short) * least + lost)
        return found


def _sizes(found: Turning) -> tuple[float, float]:
    """‖Y‖_F and ‖μ‖."""
    return float(lengths(found.left.reshape(1, -1))[0]), float(lengths(found.mean[None])[0])


def _whole(net: Folded, found: Turning, width: float) -> np.ndarray:
    """whole_c of 8.10."""
    beside = float(lengths(found.beside.reshape(1, -1))[0])
    sizes = lengths(net.out.T) + float(lengths(found.centre[None])[0])
    return above(sizes + width * lengths(found.waves.T) + beside * lengths(found.others.T))
