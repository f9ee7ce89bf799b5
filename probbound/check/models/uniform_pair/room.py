"""A nearly uniform transformer of pairs to the checker."""

from __future__ import annotations

from probbound.check import rules
from probbound.check.models.contract import Kind
from probbound.check.models.uniform_pair.network import Network
from probbound.check.models.uniform_pair.weights import Weights, assembled

NETWORK = Kind(
    name=Weights.kind,
    knows=lambda _: False,  # only a file of probbound's own says how it attends
    assembled=assembled,
    parts={
        "layers": rules.part(rules.positive),
        "heads": rules.part(rules.positive),
        "activation": rules.part(rules.word),
        "attention": rules.part(rules.text),
        "attention_coefficient": rules.part(rules.not_negative),
        "operands": rules.part(rules.word),
    },
    subject=Network,
)
