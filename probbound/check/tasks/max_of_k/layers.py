"""The layers of a mean loss: a screen at several margins (Theorems 1.13 and 1.14)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from probbound.check.bounds import up
from probbound.check.tasks.max_of_k.losses import loss_at, margin_for
from probbound.check.tasks.max_of_k.replay import Leftover

LAYERS, LEAST_LAYER = 16, 1e-5


@dataclass(frozen=True)
class Layer:
    """A screen at a margin: it leaves `share` by mass, and no other loss is above `loss`.

    `listed` says whether the budget covers each of the sequences left.
    """

    margin: float
    loss: float
    share: Fraction
    listed: bool


def layers_of(
    left_at: Callable[[float], Leftover], largest: float, outputs: int, everything: int, budget: int
) -> Iterator[Layer]:
    """Layers in LAYERS geometric steps of the loss, up to the first at which all is left.

    `left_at` is what the screen leaves at a margin, of a mass of `everything`.
    """
    above = largest
    for loss in np.geomspace(largest, LEAST_LAYER, LAYERS + 1)[1:]:
        margin = margin_for(float(loss), outputs)
        allowed = loss_at(margin, outputs)
        if allowed < above:
            left, above = left_at(margin), allowed
            share = left.size / everything
            yield Layer(margin, allowed, share, left.one_each and left.tickets <= budget)
            if share == 1:
                return


def layered(layers: list[Layer], largest: float) -> float:
    """ℓ_n + Σ s_i (ℓ_{i-1} - ℓ_i) of Theorem 1.13, in fractions."""
    allowed = [Fraction(largest), *(Fraction(layer.loss) for layer in layers)]
    steps = (layer.share * (allowed[i] - allowed[i + 1]) for i, layer in enumerate(layers))
    return up(allowed[-1] + sum(steps))


def mixed(layer: Layer, rest: float) -> float:
    """(1 - s) ℓ + s · rest of Theorem 1.14 (b), in fractions."""
    return up((1 - layer.share) * Fraction(layer.loss) + layer.share * Fraction(rest))


def worth_drawing_from(layers: list[Layer], at_best: float) -> Layer | None:
    """The layer that would give the least bound were every loss drawn 0; None for all inputs.

    `at_best` is the bound that so many draws of all inputs would give then.
    """
    best, least = None, at_best
    for layer in layers:
        share = float(layer.share)
        hoped = (1 - share) * layer.loss + (0.0 if layer.listed else share * at_best)
        if hoped < least:
            best, least = layer if layer.share < 1 else None, hoped
    return best
