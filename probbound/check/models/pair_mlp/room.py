"""A pair network to the checker."""

from __future__ import annotations

from probbound.check import rules
from probbound.check.models.contract import Kind
from probbound.check.models.pair_mlp.network import Network
from probbound.check.models.pair_mlp.weights import Weights, assembled, is_pair_network

NETWORK = Kind(
    name=Weights.kind,
    knows=is_pair_network,
    assembled=assembled,
    parts={
        "layers": rules.part(rules.positive),
        "weights": rules.part(rules.text),
        "activation": rules.part(rules.word),
        "operands": rules.part(rules.word),
    },
    subject=Network,
)
