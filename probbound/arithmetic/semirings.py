"""Sums over all chains of states by one recursion, whatever adds and multiplies (Theorem 10.19)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Shaped


@dataclass(frozen=True)
class Semiring:
    """How chains are added up, and the links of one chain multiplied: `times` spreads over `plus`.

    `zero` is the sum of no chains, `one` the product of no links.
    """

    plus: np.ufunc
    times: np.ufunc
    zero: float | int
    one: float | int


MAX_PLUS = Semiring(np.maximum, np.add, -np.inf, 0.0)  # the largest sum, in float64
COUNTS = Semiring(np.add, np.multiply, 0, 1)  # how many, exact where arrays hold Python's integers


def reached(
    ring: Semiring,
    first: Shaped[np.ndarray, "..."],
    links: Iterable[Shaped[np.ndarray, "..."]],
    window: int = 1,
) -> Iterator[Shaped[np.ndarray, "..."]]:
    """At each place the sum over all chains that end there, by their last states (Theorem 10.19).

    `first` [..., state] weighs the states of the first place; a link [..., now, before] the states
    of a place by those of the one before; every place may have states of its own. With a window of
    w states it is `first` [..., w states] and links [..., now, w before], the latest first, and
    sums are by the last w. Axes in front are a batch. Only the last sums are kept.
    """
    sums = first
    yield sums
    for link in links:
        sums = ring.plus.reduce(ring.times(link, np.expand_dims(sums, -1 - window)), axis=-1)
        yield sums
