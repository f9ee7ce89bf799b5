"""The fields of the certificate of an own claim (docs/own-claims.md), by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from probbound.check import rules
from probbound.check.layout import Layout, canonical, fits

FORMAT = "probbound-own-claim/1"
_MOST_BITS = 62  # of a number of an index, and of the weights of a law together
_IDENTITY = {
    "identity": rules.one_of("source", "version", "none"),
    "sha256": rules.maybe(rules.sha256),
    "version": rules.maybe(rules.label_of(1000)),
}
_FUNCTION = {"name": rules.long_text, **_IDENTITY}


def _small(value: Any) -> bool:
    return rules.positive(value) and value <= 1 << _MOST_BITS


def _law(value: Any) -> bool:
    return rules.counts(value) and 0 < sum(value) <= 1 << _MOST_BITS


_BOTH = {"lower": rules.finite, "upper": rules.finite}
_PLAIN: dict[str, dict[str, Any]] = {
    "product": {"sizes": rules.some(_small)},
    "sequences": {"laws": rules.some(_law), "positions": rules.counts},
    "listed": {
        "members": rules.count,
        "tickets": rules.count,
        "weights": rules.maybe(rules.some(rules.positive)),
        "sha256": rules.sha256,
    },
    "drawn": {
        "describe": rules.label_of(10_000),
        "chunk": lambda value: type(value) is int and value == 4096,
        "sampler": _IDENTITY,
    },
}


def _unmixed(value: Any) -> bool:
    """A population that is no strata."""
    kind = value.get("kind") if type(value) is dict else None
    if type(kind) is not str or kind not in _PLAIN:
        return False
    return fits(value, {"kind": rules.one_of(kind), **_PLAIN[kind]})


def _population(value: Any) -> bool:
    if type(value) is dict and value.get("kind") == "strata":
        strata = [{"weight": rules.positive, "population": _unmixed}]
        return fits(value, {"kind": rules.one_of("strata"), "strata": strata}) and bool(
            value["strata"]
        )
    return _unmixed(value)


def _fraction(value: Any) -> bool:
    return rules.counts(value) and len(value) == 2 and value[1] > 0


_LEVEL = {
    "check": rules.long_text,
    "mode": rules.one_of("enumerated", "passed through", "sampled"),
    "samples": rules.count,
    "failures": rules.count,
    "conceded": rules.maybe(rules.count),
    "law": rules.maybe(rules.text),
    "share_lower": rules.maybe(rules.share),
    "share_upper": rules.maybe(rules.share),
    "log_delta": rules.maybe(rules.log),
}
_PART = {
    "share": _fraction,
    "members": rules.maybe(rules.count),
    "tickets": rules.maybe(rules.count),
    "mode": rules.one_of("listed", "drawn"),
    "take_all": [
        None,
        {
            "members": rules.positive,
            "tickets": rules.positive,
            "failures": rules.counts,
            "conceded": rules.counts,
        },
    ],
    "rest": rules.maybe(rules.count),
    "draws": rules.count,
    "replace": rules.flag,
    "distinct": rules.maybe(rules.count),
    "looks": rules.count,
    "cheap_looks": rules.count,
    "stopped_at": rules.maybe(rules.count),
    "levels": [_LEVEL],
    "values": [
        None,
        {
            "number": rules.count,
            "sha256": rules.sha256,
            "base64": rules.maybe(lambda value: type(value) is str),
            "certain_lower": rules.finite,
            "certain_upper": rules.finite,
        },
    ],
    "lower": rules.some(rules.finite),
    "upper": rules.some(rules.finite),
}
_FIELDS: dict[str, Any] = {
    "format": rules.one_of(FORMAT),
    "claim": {
        "name": rules.label_of(1000),
        "kind": rules.one_of("share", "mean", "difference", "family"),
        "side": rules.one_of("upper", "lower", "two"),
        "low": rules.maybe(rules.finite),
        "high": rules.maybe(rules.finite),
        "population": _population,
        "checks": [_FUNCTION],
        "thresholds": [rules.finite],
        "left": [
            None,
            {"name": rules.long_text, "population": _unmixed, "share": _fraction},
        ],
        "cheap": [_FUNCTION],
    },
    "bound": rules.finite,
    "failure_upper": rules.maybe(rules.share),
    "failure_lower": rules.maybe(rules.share),
    "mean_upper": rules.maybe(rules.finite),
    "mean_lower": rules.maybe(rules.finite),
    "results": [{"name": rules.long_text, **_BOTH}],
    "guarantee": rules.one_of("deterministic", "high-probability"),
    "delta": rules.share,
    "delta_allowed": rules.inside,
    "confidence_weighted": rules.finite,
    "strategy": rules.one_of("auto", "brute-force", "iid", "cascade"),
    "chosen": rules.one_of("brute-force", "iid", "cascade"),
    "budget": rules.count,
    "asked_draws": rules.maybe(rules.count),
    "parts": [_PART],
    "sampling": {
        "draws": rules.count,
        "looks": rules.count,
        "failures": rules.maybe(rules.count),
        "replace": rules.flag,
    },
    "cost": {
        "looks": rules.count,
        "cheap_looks": rules.count,
        "pilot_looks": rules.count,
        "seconds": rules.not_negative,
    },
    "ledger": [
        {
            "statement": rules.long_text,
            "method": rules.text,
            "theorem": rules.text,
            "delta": rules.share,
            "log_delta": rules.log,
            "samples": rules.count,
        }
    ],
    "seed": rules.count,
    "seed_source": rules.one_of("content", "beacon", "chosen"),
    "beacon": rules.maybe(rules.label_of(10_000)),
    "trusted": [rules.long_text],
    "arithmetic": rules.text,
    "versions": rules.texts,
    "hex": rules.texts,
    "self_sha256": rules.sha256,
}


def _claim(predicate: Mapping[str, Any]) -> tuple[str, str]:
    claim = predicate["claim"]
    return claim["name"], hashlib.sha256(canonical(claim)).hexdigest()


OWN_CLAIM = Layout(FORMAT, "urn:probbound:own-claim:1", _FIELDS, _claim, "the claim")
