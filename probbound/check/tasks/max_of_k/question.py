"""One form of each question: what decides nothing but the seed has no part in it (Theorem 6.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from probbound.check.tasks.max_of_k.grid import DEFAULT_POINTS
from probbound.check.tasks.max_of_k.listing import LIMIT
from probbound.check.tasks.max_of_k.noise import SPREADS
from probbound.check.tasks.max_of_k.paths import RERUN

_SCREENS = ("cubic", *RERUN)
_OF_NOISE = tuple(f"entries:{name}" for name in SPREADS)
_WITHOUT_BUDGET = frozenset(("brute-force", *_SCREENS, *_OF_NOISE))
_DRAWN = ("iid", "iid:tables", "hybrid", "cascade", "entries", "entries:counted")
_ON_SCREENS = tuple(f"{kind}:{name}" for kind in ("hybrid", "cascade") for name in _SCREENS)
_KNOWN = _WITHOUT_BUDGET | {"auto", *_DRAWN, *_ON_SCREENS}
_FIRST = {"low-rank": "subproduct", "quadratic": "recursive"}  # noise that needs no name


def is_known(strategy: str) -> bool:
    """Whether a strategy goes by this name."""
    return strategy in _KNOWN


def one_form(asked: Mapping[str, Any]) -> dict[str, Any]:
    """A question without what has no part in its answer."""
    strategy = asked["strategy"]
    found = dict(asked, claim=_claim(asked["claim"]), strategy=_shortest(strategy))
    if strategy in _WITHOUT_BUDGET or asked["budget_flops"] is not None:
        found["budget"] = None
    if asked["budget_flops"] is not None:
        found["budget_flops"] = float(asked["budget_flops"])
    if asked["grid_points"] == DEFAULT_POINTS and asked["claim"]["population"]["size"] > LIMIT:
        found["grid_points"] = None
    if asked["paths"] == "separate":
        found["paths"] = None
    return found


def _claim(claim: Mapping[str, Any]) -> dict[str, Any]:
    """An accuracy is the share of margins above 0; equal weights are no prior; how they came to
    be rounded is no part of a prior."""
    found, stated = dict(claim), claim["population"]
    prior = stated["prior"]
    if claim["kind"] == "margin" and claim["at"] == 0:
        found |= {"kind": "accuracy", "at": None}
    if prior is not None:
        law = {name: prior[name] for name in ("sha256", "total", "weights")}
        even = prior["weights"] == [1] * len(prior["weights"])
        found["population"] = {**stated, "prior": None if even else law}
    return found


def _shortest(strategy: str) -> str:
    """Its name without the noise, or the screen of a hybrid, that is meant anyway."""
    if strategy == "hybrid:cubic":
        return "hybrid"
    name, _, noise = strategy.rpartition(":")
    rung = name.rpartition(":")[2]
    meant = (first for kind, first in _FIRST.items() if rung.startswith(kind))
    return name if noise in meant else strategy
