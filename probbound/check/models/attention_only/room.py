"""One layer of attention to the checker."""

from __future__ import annotations

from collections.abc import Collection

from probbound.check import rules
from probbound.check.models.attention_only.network import Network
from probbound.check.models.attention_only.slack import slack_of
from probbound.check.models.attention_only.weights import Weights, assembled, is_weight
from probbound.check.models.contract import Kind


def _knows(names: Collection[str]) -> bool:
    return any(map(is_weight, names))


def _subject(weights: Weights, margin: float, most: float) -> Network:
    return Network(weights, slack_of(weights, margin), margin, most)


_WORDS = ("activation", "norms", "positions", "mask", "caps")

NETWORK = Kind(
    name=Weights.kind,
    knows=_knows,
    assembled=assembled,
    parts={
        "layers": rules.part(rules.positive),
        "heads": rules.part(rules.positive),
        **{name: rules.part(rules.word) for name in _WORDS},
        "attention_scale": rules.part(rules.finite),
    },
    subject=_subject,
)
