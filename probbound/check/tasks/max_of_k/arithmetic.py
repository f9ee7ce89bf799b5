"""From counts to a bound: what a certificate of max-of-K has to say, given what was counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from probbound.check.expected import Expected, Facts, Spend
from probbound.check.tasks.arithmetic import Terms
from probbound.check.tasks.arithmetic import claimed_facts as facts_by
from probbound.check.tasks.arithmetic import expected as expected_by
from probbound.check.tasks.arithmetic import form_of as form_by
from probbound.check.tasks.max_of_k.recipe import COPYING, run_by

_SKETCHED = {"qk": "attention scores", "eu": "direct path"}


def form_of(predicate: Mapping[str, Any]) -> str:
    """Which theorem a certificate stands on, read off its levels.

    Raises:
        Refused: if no theorem has such levels.
    """
    return form_by(predicate, COPYING)


def claimed_facts(predicate: Mapping[str, Any]) -> Facts:
    """The counts as the certificate states them."""
    return facts_by(predicate, COPYING)


def expected(predicate: Mapping[str, Any], facts: Facts) -> Expected:
    """What a certificate of its form has to say where `facts` are what was counted."""
    stated = predicate["claim"]["population"]
    each = stated["prior"]["total"] if stated["prior"] else stated["d_vocab"]
    mass, target = each ** stated["n_ctx"], run_by(predicate).target
    terms = Terms(mass, COPYING, target, _screen_spends(predicate))
    return expected_by(predicate, facts, terms)


def _screen_spends(predicate: Mapping[str, Any]) -> tuple[Spend, ...]:
    """What a screen that rests on a sketch spends, as the ledger has it (Theorem 4.5)."""
    recipe = run_by(predicate)
    if recipe.screen is None or not recipe.screen.by_chance:
        return ()
    rung = recipe.screen.name.split("-")
    paths = [path for part, path in _SKETCHED.items() if part in rung]
    share = 0.5 if recipe.rest else 1.0
    each = share * predicate["delta_allowed"] / max(len(paths), 1)
    return tuple(
        (f"row spreads of the noise in the {path}, all rows at once", "sketch", "4.5", each, 0)
        for path in paths
    )
