"""How looks and draws are shared out, from the question alone (docs/own-claims.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from probbound.check.own.claim import Predicate
from probbound.check.own.draws import Sample, sample_of
from probbound.check.own.populations import Population, plain_parts, population_of
from probbound.check.report import Refused


@dataclass(frozen=True)
class Planned:
    """A part of the population: its share, and n looks at it, or draws of it; None lists it."""

    share: Fraction
    statement: Mapping[str, Any]
    population: Population
    n: int | None

    @property
    def sample(self) -> Sample:
        """What is drawn, of one that is not listed."""
        return sample_of(self.population, self.n or 0)


def planned_parts(
    predicate: Predicate, weights: Mapping[str, np.ndarray] | None = None
) -> list[Planned]:
    """The parts that a certificate has to have; `weights` of lists by digest, if at hand.

    Raises:
        Refused: if the populations contradict themselves, or there are more or fewer parts.
        Declined: if there are too many.
    """
    claim, weights = predicate["claim"], weights or {}
    whole = plain_parts(claim["population"])
    base = whole if claim["left"] is None else [(1, claim["left"]["population"])]
    total = sum(weight for weight, _ in base)
    shares = [Fraction(weight, total) for weight, _ in base]
    if claim["left"] is not None:
        require_left(claim, whole)
        shares = [Fraction(*claim["left"]["share"])]
    held = [population_of(stated, weights.get(stated.get("sha256", ""))) for _, stated in base]
    if len(predicate["parts"]) != len(base):
        raise Refused(f"it has {len(predicate['parts'])} parts, and there are {len(base)}")
    numbers = _looks(predicate, [weight for weight, _ in base], held)
    statements = [stated for _, stated in base]
    return [Planned(*part) for part in zip(shares, statements, held, numbers, strict=True)]


def require_left(claim: Mapping[str, Any], whole: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
    """What a screen left is numbered, as the whole is, and its share is a reduced fraction."""
    share = Fraction(*claim["left"]["share"])
    if [share.numerator, share.denominator] != claim["left"]["share"] or share > 1:
        raise Refused("the share that its screen left is no share in lowest terms")
    for population in (whole[0][1], claim["left"]["population"]):
        if len(whole) > 1 or population["kind"] in ("drawn", "strata"):
            raise Refused("what a screen leaves of a population that is not numbered has no share")
    if population_of(whole[0][1]).members == 0:
        raise Refused("its population has no members")


def _looks(
    predicate: Predicate, weights: Sequence[int], held: Sequence[Population]
) -> list[int | None]:
    """For each part how many are looked at or drawn, None if it is listed."""
    sizes, chosen = [population.members for population in held], predicate["chosen"]
    if chosen == "brute-force":
        if None in sizes:
            raise Refused("it lists what can only be drawn")
        return [None] * len(held)
    if predicate["claim"]["population"]["kind"] == "strata":
        numbers = shared_out(predicate["budget"], weights, sizes)
    elif chosen == "iid":
        numbers = [predicate["budget"]]
    else:
        numbers = [_cascaded(predicate)]
    return [
        None if n is None or (size is not None and n >= size) else n
        for n, size in zip(numbers, sizes, strict=True)
    ]


def _cascaded(predicate: Predicate) -> int | None:
    """As many draws as were asked for, or as its pilot is said to have chosen."""
    if predicate["asked_draws"] is not None:
        return predicate["asked_draws"]
    (part,) = predicate["parts"]
    taken = part["take_all"]["members"] if part["take_all"] else 0
    return None if part["mode"] == "listed" else part["draws"] + taken


def shared_out(budget: int, weights: Sequence[int], sizes: Sequence[int | None]) -> list[int]:
    """Looks by weight; what parts leave over that are covered goes to the others."""
    found, open_parts, left = [0] * len(weights), list(range(len(weights))), budget
    while open_parts:
        still_open = []
        for at, n in zip(
            open_parts, _by_remainders(left, [weights[at] for at in open_parts]), strict=True
        ):
            size = sizes[at]
            found[at] = n if size is None or n < size else size
            if size is None or n < size:
                still_open.append(at)
        if len(still_open) == len(open_parts):
            break
        open_parts, left = still_open, budget - sum(found) + sum(found[at] for at in still_open)
    return found


def _by_remainders(looks: int, weights: Sequence[int]) -> list[int]:
    total = sum(weights)
    whole = [looks * weight // total for weight in weights]
    order = sorted(range(len(weights)), key=lambda at: -(looks * weights[at] % total))
    for at in order[: looks - sum(whole)]:
        whole[at] += 1
    return whole


def wrong_strategy(predicate: Predicate, held: Sequence[Population]) -> Iterator[str]:
    """Where what ran is not what was asked for."""
    claim, strategy, chosen = (predicate[name] for name in ("claim", "strategy", "chosen"))
    strata = claim["population"]["kind"] == "strata"
    covered = _covered(predicate, held)
    wanted = strategy
    if covered and strategy in ("auto", "iid"):
        wanted = "brute-force"
    elif strategy == "auto":
        wanted = "cascade" if claim["cheap"] else "iid"
    if chosen != wanted:
        yield f"what ran is not what was asked for: {wanted}"
    if chosen == "cascade" and not claim["cheap"]:
        yield "a cascade needs a cheap check"
    if predicate["asked_draws"] is not None and (strata or chosen != "cascade"):
        yield "a number of draws is of a cascade without strata"


def _covered(predicate: Predicate, held: Sequence[Population]) -> bool:
    sizes = [population.members for population in held]
    return None not in sizes and sum(size or 0 for size in sizes) <= predicate["budget"]
