"""The margin that the structured part of a model would have if there were no noise."""

from __future__ import annotations

import numpy as np

from probbound.contract.cost import CostMeter
from probbound.tasks.max_of_k.structured.cells import cells_of
from probbound.tasks.max_of_k.structured.count import certified_count
from probbound.tasks.max_of_k.structured.parts import Parts
from probbound.tasks.max_of_k.structured.tolerances import Brackets, Tolerances

_HALVINGS = 20


def without_noise(parts: Parts) -> Tolerances:
    """Tolerances of the structured part alone, whose noise is 0; they hold of no other model."""
    v = parts.d_vocab
    levels = parts.mean + parts.position
    order = np.sort(levels, axis=1)[:, ::-1]
    best = levels.argmax(axis=1)[:, None]
    second = order[:, 1:2] if order.shape[1] > 1 else np.full_like(order[:, :1], -np.inf)
    others = np.where(np.arange(v) == best, second, order[:, :1])
    row = (others - parts.position[:, :v]).max(axis=0)
    zero = np.zeros(v)
    return Tolerances(
        score=zero, low=zero, row=row, far_row=row, near=v, direct_low=zero, direct_row=zero
    )


def structured_margin(parts: Parts, share: float, meter: CostMeter) -> float:
    """The largest margin, in logits, that the structured part has on a share of all inputs.

    Negative where it answers too many of them wrongly. Inputs are counted as in Theorem 4.32 with
    noise of 0, so that the true margin is no smaller; found to a millionth of the largest logit.
    """
    brackets, cells = Brackets(parts, without_noise(parts)), cells_of(parts)
    wanted = share * parts.d_vocab**parts.n_ctx
    largest = float(np.ptp(np.append(parts.mean, parts.copying)) + np.ptp(parts.position))
    low, high = -largest, largest
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if certified_count(brackets, cells, meter, middle) >= wanted:
            low = middle
        else:
            high = middle
    return low
