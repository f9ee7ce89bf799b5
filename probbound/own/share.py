"""`bound_share`: the share of a population that a user's check fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from estimators.interval import Side
from probbound.contract.defaults import DEFAULT_BUDGET, DEFAULT_DELTA
from probbound.own.answering import answered
from probbound.own.certificate import OwnCertificate
from probbound.own.counting import share_part
from probbound.own.functions import Function
from probbound.own.question import (
    DEFAULT_BATCH,
    Settings,
    Strategy,
    Subject,
    known_population,
    sorted_screens,
)
from probbound.own.screens import Screen
from probbound.populations.contract import Population


def bound_share(
    population: Population,
    check: Callable[[Any], Any],
    *,
    name: str,
    screens: Iterable[Screen] = (),
    strategy: Strategy = "auto",
    budget: int = DEFAULT_BUDGET,
    delta: float = DEFAULT_DELTA,
    side: Side = "upper",
    seed: int | None = None,
    beacon: str | None = None,
    version: str | None = None,
    draws: int | None = None,
    batch: int = DEFAULT_BATCH,
    stopped_at: int | None = None,
) -> OwnCertificate:
    """A certificate for the share of members that fail `check` (Theorems 7.1 to 7.7, 7.11).

    An interruption (Ctrl-C) ends the looking; what was seen until then is bounded.

    Args:
        population: `Product`, `Listed`, `Sequences`, `Drawn` or `Strata`.
        check: called with a batch, answers one boolean a member, True if it is good; NumPy or JAX,
            jitted or not, or a list.
        name: what the claim is called.
        screens: a `Left` (what an enumerated screen left: draws come from it), then any `Cheap`
            sound checks, which members pass through before the check.
        strategy: "brute-force" looks at every member, "iid" at `budget` draws, "cascade" at what
            cheap checks leave of more draws; "auto" takes the first if the budget covers it, the
            last if there are cheap checks.
        budget: looks, calls of the check for one member.
        delta: the probability, over the draws alone, that the bound is wrong.
        side: "upper" bounds the failing share from above; "lower"; "two" at δ/2 each.
        seed: chosen by hand; None derives it from all that is asked (Theorem 6.1).
        beacon: public text that is mixed into the derived seed.
        version: a name for this state of the functions, in place of the digests of their sources.
        draws: how many draws a cascade makes; None lets a pilot decide.
        batch: members that a function is handed at once, no more.
        stopped_at: repeat one that was interrupted after this many draws, or members of a list.

    Raises:
        UserError: on anything that cannot be used, in one sentence. What a check raises is let
            through as it is.
    """
    settings = Settings(name, side, strategy, budget, delta, batch, draws, stopped_at)
    subject = share_subject(population, check, screens, version)
    return answered(subject, settings, seed, beacon, share_part)


def share_subject(
    population: Population,
    check: Callable[[Any], Any],
    screens: Iterable[Screen],
    version: str | None,
) -> Subject:
    """What a claim about a share is about, as `bound_share` is given it.

    Raises:
        UserError: if a part of it cannot be used.
    """
    base = known_population(population)
    left, cheap = sorted_screens(base, screens, version)
    return Subject("share", base, (Function.of(check, version),), left, cheap)
