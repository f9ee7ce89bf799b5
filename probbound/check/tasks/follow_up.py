"""How many draws a cascade makes where a pilot fixes their number."""

from __future__ import annotations

import math


def planned_draws(budget: int, passed: int, pilot: int, worth: float) -> int:
    """As many as leave `budget` to be run, by a pilot that passed so many on, but for three
    standard deviations; no more than `worth`, which cost as much as running those.
    """
    twice, share = 2 * budget + 9, 1 - 9 / (passed + 1)
    expected = 2 * budget**2 / (twice + math.sqrt(twice**2 - 4 * share * budget**2))
    return max(budget, int(min(expected * pilot / (passed + 1), worth)))
