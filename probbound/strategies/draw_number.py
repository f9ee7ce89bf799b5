"""How many draws a cascade makes, from a pilot that certifies nothing."""

from __future__ import annotations

import math


def draws_within(
    budget: int, *, pilot: int, left: int, cheap_flops: float, exact_flops: float
) -> int:
    """As many draws as `budget` exact checks can follow up, or as cost as much as these.

    The cheap check left `left` of `pilot` draws. At least `budget`.
    """
    within_budget = expected_left(budget, left) * pilot / (left + 1)
    within_cost = budget * exact_flops / cheap_flops
    return max(budget, int(min(within_budget, within_cost)))


def expected_left(budget: int, pilot_left: int) -> float:
    """The number e of draws left to expect, so that three standard deviations more fit the budget.

    Those of the draws, √e, and of the pilot that e rests on, e/√(pilot_left + 1), together.
    """
    twice, pilot = 2 * budget + 9, 1 - 9 / (pilot_left + 1)
    return 2 * budget**2 / (twice + math.sqrt(twice**2 - 4 * pilot * budget**2))
