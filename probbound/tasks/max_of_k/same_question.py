"""One form for each claim, so that one question has one seed (Theorem 6.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def one_claim(claim: Mapping[str, Any]) -> dict[str, Any]:
    """A margin above 0 is a right answer; a prior is its weights, equal ones none."""
    population, kind, at = claim["population"], claim["kind"], claim["at"]
    prior = population["prior"]
    if kind == "margin" and at == 0:
        kind, at = "accuracy", None
    if prior is not None:
        law = {name: value for name, value in prior.items() if name != "rounded_bits"}
        prior = None if set(prior["weights"]) == {1} else law
    return {**claim, "kind": kind, "at": at, "population": {**population, "prior": prior}}
