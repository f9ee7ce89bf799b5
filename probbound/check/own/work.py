"""How much work an own claim asks of its checker, from its fields alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

from probbound.check.effort import Work
from probbound.check.own.claim import Predicate, of_mean, result_names
from probbound.check.own.plan import Planned

_LEAST = 1e6
_TERM = 2000  # operations of a term of a tail in decimals
_STEPS = 120  # tails that are computed for the ends of an interval
_WORD, _SORTED = 20, 200  # a random word, and one put in its place among the others
_BYTES = 96  # that a draw without replacement is held with
_BETTING = 5000  # of a value, both ends
_LOOK = 2000  # of a user's function; who has a dearer one knows it


def work_of(predicate: Predicate, planned: Sequence[Planned], *, replay: bool) -> Work:
    """What checking takes, at most about; with `replay` a microsecond or two for each look."""
    operations, memory = _LEAST, 0.0
    results = len(result_names(predicate["claim"]))
    for part, said in zip(planned, predicate["parts"], strict=True):
        draws = float(said["draws"])
        if of_mean(predicate):
            operations += _BETTING * draws
            memory = max(memory, 64 * draws)
        else:
            terms = 100 + 10 * math.sqrt(draws)
            operations += results * _STEPS * _TERM * (terms if draws else 0)
        if part.n is None:
            operations += _LOOK * _looks(part, said["stopped_at"]) * replay
        elif part.sample.apart:
            operations += _words(part.sample.rest or 0, part.sample.draws) * (_WORD + _SORTED)
            memory = max(memory, _BYTES * draws)
        operations += _LOOK * draws * replay
    return Work(operations, memory)


def _looks(part: Planned, stopped: int | None) -> float:
    return float((part.population.members or 0) if stopped is None else stopped)


def _words(rest: int, draws: int) -> float:
    """About how many words have so many different values."""
    left = max(rest - draws, 0.5)
    return rest * math.log(rest / left) if rest else 0.0
