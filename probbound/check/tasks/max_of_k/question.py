"""One form of each question: what decides nothing but the seed has no part in it (Theorem 6.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from probbound.check.tasks.max_of_k.recipe import recipe_of
from probbound.check.tasks.recipes import misasked as misasked_by


def misasked(predicate: Mapping[str, Any]) -> Iterator[str]:
    """Where what was asked, or what ran, has another form than the one that its meaning has.

    Raises:
        Refused: if one of them is no recipe.
    """
    yield from misasked_by(predicate, recipe_of)


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
