"""How many draws go through the cheap checks, from a pilot that is not used again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from probbound.draws.random_streams import Stream
from probbound.populations.contract import Population
from probbound.populations.drawn import CHUNK
from probbound.strategies.chunks import Chunk
from probbound.strategies.follow_up import expected_left
from probbound.strategies.rooms import InOrder, Leaves, passed
from probbound.strategies.tally import Step

MOST_CHUNKS = 16
DRAWS_A_LOOK = 100


class Pilot(NamedTuple):
    """The draws that are to be made, and what cheap checks looked at to find that out."""

    draws: int
    looks: int


def pilot_of(
    population: Population, cheap: Sequence[Leaves], budget: int, stream: Stream, batch: int
) -> Pilot:
    """As many draws as `budget` looks can follow up, at most a hundred a look (Theorem 7.7).

    The pilot's independent draws go through the cheap checks alone. What they leave decides how
    many draws are made, and nothing else.
    """
    chunks = max(1, min(-(-10 * budget // CHUNK), MOST_CHUNKS))
    draws = chunks * CHUNK
    rows = (population.draw(stream, start, start + CHUNK) for start in range(0, draws, CHUNK))
    pieces = (part[at : at + batch] for part in rows for at in range(0, CHUNK, batch))
    steps = (Step(len(piece), Chunk(piece)) for piece in pieces)
    left = passed(steps, InOrder(cheap, draws, batch), survives=False)
    share = (left.failures + 1) / draws
    within = int(min(expected_left(budget, left.failures) / share, DRAWS_A_LOOK * budget))
    return Pilot(max(budget, within), left.looks + left.cheap)
