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
_DIGIT = 50  # one position of a member
_AT_ONCE = 1 << 16  # members whose digits are held together


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
        each = _LOOK + _DIGIT * (len(part.population.radices) + results)
        if part.n is None:
            looks = _looks(part, said["stopped_at"])
            operations += each * looks * replay
            memory = max(memory, _digits(part, looks))
            continue
        operations += each * draws * replay
        memory = max(memory, _digits(part, draws) * replay)
        if part.sample.apart:
            operations += _words(part.sample.rest or 0, part.sample.draws) * (_WORD + _SORTED)
            whole = 0.0
            if not part.population.one_each:
                operations += _DIGIT * draws * len(part.population.radices)
                whole = 16.0 * draws * len(part.population.radices)
            memory = max(memory, _BYTES * draws + whole)
    return Work(operations, memory)


def _digits(part: Planned, looks: float) -> float:
    return 16.0 * min(looks, _AT_ONCE) * len(part.population.radices)


def _looks(part: Planned, stopped: int | None) -> float:
    return float((part.population.members or 0) if stopped is None else stopped)


def _words(rest: int, draws: int) -> float:
    """About how many words have so many different values."""
    left = max(rest - draws, 0.5)
    return rest * math.log(rest / left) if rest else 0.0
