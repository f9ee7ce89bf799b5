"""How many draws may be left to the exact check, so that its looks hardly ever run out."""

from __future__ import annotations

import math
from fractions import Fraction


def expected_left(budget: int, pilot_left: int) -> float:
    """The number e of draws left to expect, so that three standard deviations more fit the budget.

    Those of the draws, √e, and of the pilot that e rests on, e/√(pilot_left + 1), together.
    """
    twice, pilot = 2 * budget + 9, 1 - 9 / (pilot_left + 1)
    return 2 * budget**2 / (twice + math.sqrt(twice**2 - 4 * pilot * budget**2))


def passes_for(draws: int, kept: Fraction, rest: Fraction, each: int, run: int) -> int:
    """A limit on exact looks that chance will hardly exceed, or what the rest pays for.

    A draw takes `each` operations, and a look `run` for the share of draws that are `kept`.
    """
    expected = math.ceil(draws * kept)
    hardly = math.ceil(Fraction(5 * expected, 4)) + 4 * (math.isqrt(expected) + 1) + 10
    return min(draws, max(hardly, math.floor((rest - draws * each) / run)))
