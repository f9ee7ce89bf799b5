"""How many draws go through the cheap checks, from a pilot that is not used again."""

from __future__ import annotations

import math
from typing import NamedTuple

from probbound.draws.random_streams import Stream
from probbound.own.levels import Check, run_levels
from probbound.own.sample import Chunk
from probbound.populations.contract import Population
from probbound.populations.drawn import CHUNK

MOST_CHUNKS = 16
DRAWS_A_LOOK = 100


class Pilot(NamedTuple):
    """The draws that are to be made, and what cheap checks looked at to find that out."""

    draws: int
    looks: int


def pilot_of(
    population: Population, cheap: list[Check], budget: int, stream: Stream, batch: int
) -> Pilot:
    """As many draws as `budget` looks can follow up, at most a hundred a look (Theorem 7.7).

    The pilot's independent draws go through the cheap checks alone. What they leave decides how
    many draws are made, and nothing else.
    """
    chunks = max(1, min(-(-10 * budget // CHUNK), MOST_CHUNKS))
    draws = chunks * CHUNK
    rows = (population.draw(stream, start, start + CHUNK) for start in range(0, draws, CHUNK))
    pieces = (Chunk(part[at : at + batch]) for part in rows for at in range(0, CHUNK, batch))
    left = run_levels(pieces, cheap, draws, batch)
    if left.interrupted:
        raise KeyboardInterrupt
    share = (left.failures + 1) / draws
    within = int(min(_expected(budget, left.failures) / share, DRAWS_A_LOOK * budget))
    return Pilot(max(budget, within), left.looks + left.cheap)


def _expected(budget: int, pilot_left: int) -> float:
    """The number e of draws left to expect, so that three standard deviations more fit the budget.

    Those of the draws, √e, and of the pilot that e rests on, e/√(pilot_left + 1), together.
    """
    twice, pilot = 2 * budget + 9, 1 - 9 / (pilot_left + 1)
    return 2 * budget**2 / (twice + math.sqrt(twice**2 - 4 * pilot * budget**2))
