"""The four kinds of promise a number can carry, strongest first."""

from __future__ import annotations

from enum import StrEnum


class Guarantee(StrEnum):
    """What is promised of a bound.

    `DETERMINISTIC` holds, full stop. `HIGH_PROBABILITY` fails with probability at most δ over
    the sampling alone, for any population. `CREDIBLE` is a Bayesian posterior statement and
    `HEURISTIC` a default estimate; neither promises anything about a given population.
    """

    DETERMINISTIC = "deterministic"
    HIGH_PROBABILITY = "high-probability"
    CREDIBLE = "credible"
    HEURISTIC = "heuristic"

    @property
    def is_proof(self) -> bool:
        """Whether a bound of this kind may enter a certificate."""
        return self in (Guarantee.DETERMINISTIC, Guarantee.HIGH_PROBABILITY)


_STRENGTH = {kind: rank for rank, kind in enumerate(Guarantee)}


def weakest(*kinds: Guarantee) -> Guarantee:
    """The guarantee of a bound that rests on all of `kinds`; deterministic if there are none."""
    return max(kinds, key=_STRENGTH.__getitem__, default=Guarantee.DETERMINISTIC)
