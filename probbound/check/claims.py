"""The kinds of claims about networks, and at which number each of them may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from probbound.check import rules


def _nothing(value: Any) -> bool:
    return value is None


def _whole(value: Any) -> bool:
    return rules.not_negative(value) and float(value).is_integer()


_AT: dict[str, rules.Rule] = {
    "accuracy": _nothing,
    "margin": rules.finite,
    "loss": rules.maybe(rules.amount),
    "kl": rules.not_negative,
    "universal": _whole,
}
CLAIM_KINDS = tuple(_AT)


def wrong_level(claim: Mapping[str, Any]) -> Iterator[str]:
    """Where a claim is at a number that its kind does not have."""
    if not _AT[claim["kind"]](claim["at"]):
        yield f"a claim of kind {claim['kind']} cannot be at {claim['at']!r}"


def margin_of(claim: Mapping[str, Any]) -> float:
    """What the right answer has to lead by: 0 of all but a margin."""
    return float(claim["at"]) if claim["kind"] == "margin" else 0.0
