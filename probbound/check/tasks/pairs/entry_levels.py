"""What a certificate has to say that rests on sampled entries of gates (Theorem 8.11)."""

from __future__ import annotations

import math

from probbound.check.digits import ceiling
from probbound.check.expected import Expected
from probbound.check.tasks.pairs.recipe import ENTRIES, STRUCTURE, Screen
from probbound.check.tasks.pairs.replay import Asked


def entries_again(asked: Asked, pattern: Screen) -> Expected:
    """From entries drawn again; where none were to be drawn, nothing is certified.

    Raises:
        Refused: as `Asked.lost_entries`.
    """
    predicate = asked.predicate
    draws, delta = predicate["ran"]["budget"], predicate["delta_allowed"]
    if draws == 0:
        return Expected(1.0, 1.0, ((STRUCTURE, "enumerated", 1.0, 0, 0, None),))
    found, said = asked.lost_entries(pattern), predicate["levels"][-1]["share_upper"]
    statement = (
        f"{found.lost} of {draws} entries lose something, so gates lose all that a pair can on a "
        f"share of at most {ceiling(said, 4):.3e}"
    )
    levels = (
        (STRUCTURE, "enumerated", found.base, 0, 0, None),
        (ENTRIES, "sampled", found.share, draws, found.lost, math.log(delta)),
    )
    spend = (statement, "betting", "8.11", delta, draws)
    return Expected(found.failure, 1.0, levels, (spend,), (draws, draws, found.lost, True))
