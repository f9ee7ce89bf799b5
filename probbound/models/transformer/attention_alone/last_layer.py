"""The last layer over all of a product set, position by position (Theorems 10.8 and 10.18)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from probbound.models.transformer.attention_alone.chains import largest_sums
from probbound.models.transformer.attention_alone.form import LEAST

_TINY, _EXP = 2.0**-40, 2.0**-44
_HALVINGS = 30


@dataclass(frozen=True)
class Place:
    """Of one head at one position: bounds of scores, and upper bounds of quantities read there.

    By window of tokens, that of the position first: `shape` says how many may stand at it and at
    those before, the last counting fastest.
    """

    shape: tuple[int, ...]
    low: Float[np.ndarray, " windows"]
    high: Float[np.ndarray, " windows"]
    worth: Float[np.ndarray, "windows quantities"]


def at_most(
    places: Sequence[Place], level: Float[np.ndarray, " quantities"]
) -> Bool[np.ndarray, " quantities"]:
    """Whether a head's mean of each quantity is at most its level on every sequence."""
    top = max(place.high.max() for place in places)
    terms, sizes, largest = [], np.zeros(len(level)), np.ones(len(level))
    for place in places:
        over = place.worth - level + 2.0**-46 * (np.abs(place.worth) + np.abs(level))
        with np.errstate(under="ignore"):
            most = np.exp(place.high - top) * (1 + _EXP)
            least = np.exp(place.low - top) * (1 - _EXP)
        term = np.where(over > 0, over * most[:, None], over * least[:, None])
        sizes += np.abs(term).max(axis=0)
        largest += np.abs(over).max(axis=0)
        terms.append(term.T.reshape(1, len(level), *place.shape))
    reached = largest_sums(terms[0].max(axis=-1), terms[1:])[0].reshape(len(level), -1)
    return reached.max(axis=1) <= -_TINY * sizes - LEAST * largest


def lowest(places: Sequence[Place]) -> Float[np.ndarray, " quantities"]:
    """A level for each quantity that its mean is at most on every sequence, found by halving."""
    high = np.max([place.worth.max(axis=0) for place in places], axis=0)
    low = np.min([place.worth.min(axis=0) for place in places], axis=0)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        holds = at_most(places, middle)
        low, high = np.where(holds, low, middle), np.where(holds, middle, high)
    return high
