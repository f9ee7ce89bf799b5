"""One form of each question: what decides nothing but the seed has no part in it (Theorem 6.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from probbound.check.tasks.max_of_k.recipe import recipe_of, run_by


def misasked(predicate: Mapping[str, Any]) -> Iterator[str]:
    """Where what was asked, or what ran, has another form than the one that its meaning has.

    Raises:
        Refused: if one of them is no recipe.
    """
    ran, budget = run_by(predicate), predicate["ran"]["budget"]
    if predicate["recipe"] is not None:
        recipe_of(predicate["recipe"], predicate["claim"])
    if (budget is not None) != ran.budgeted:
        yield f"a budget of {budget} is none for what ran: {ran.text}"
    if predicate["stopped_at"] is not None and not ran.may_stop:
        yield f"it cannot be interrupted: {ran.text}"


def one_claim(claim: Mapping[str, Any]) -> dict[str, Any]:
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
