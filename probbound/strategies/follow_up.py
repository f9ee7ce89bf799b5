"""How many draws may be left to the exact check, so that its looks hardly ever run out."""

from __future__ import annotations

import math


def expected_left(budget: int, pilot_left: int) -> float:
    """The number e of draws left to expect, so that three standard deviations more fit the budget.

    Those of the draws, √e, and of the pilot that e rests on, e/√(pilot_left + 1), together.
    """
    twice, pilot = 2 * budget + 9, 1 - 9 / (pilot_left + 1)
    return 2 * budget**2 / (twice + math.sqrt(twice**2 - 4 * pilot * budget**2))
