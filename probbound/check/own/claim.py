"""What a certificate claims, and whether it is a claim of its kind at all; the seed it follows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from probbound.check.layout import canonical
from probbound.check.own.layout import FORMAT

Predicate = Mapping[str, Any]
_OF_MEANS = ("mean", "difference")


def of_mean(predicate: Predicate) -> bool:
    """Whether a mean is bounded, and not the share that fails."""
    return predicate["claim"]["kind"] in _OF_MEANS


def result_names(claim: Mapping[str, Any]) -> list[str]:
    """What the results of a claim are called, by its checks."""
    names = [check["name"] for check in claim["checks"]]
    if claim["kind"] == "difference":
        return [" - ".join(names)]
    if claim["kind"] == "family" and claim["thresholds"]:
        return [f"{names[0]} > {threshold!r}" for threshold in claim["thresholds"]]
    return names if claim["kind"] == "family" else names[:1]


def has_pilot(predicate: Predicate) -> bool:
    """Whether the number of draws was neither asked for nor follows from the budget."""
    strata = predicate["claim"]["population"]["kind"] == "strata"
    return predicate["chosen"] == "cascade" and predicate["asked_draws"] is None and not strata


def passed_through(predicate: Predicate) -> list[str]:
    """The cheap checks that members pass through, by name."""
    cheap = [check["name"] for check in predicate["claim"]["cheap"]]
    return [] if predicate["chosen"] == "iid" else cheap


def wrong_claim(predicate: Predicate) -> Iterator[str]:
    """Where the fields of a claim are not those of its kind."""
    claim = predicate["claim"]
    kind, checks, low, high = (claim[name] for name in ("kind", "checks", "low", "high"))
    if (low is None) != (high is None) or (low is None) != (not of_mean(predicate)):
        yield f"a claim of kind {kind} has no such ends of values"
    if low is not None and not low < high:
        yield f"values cannot be from {low!r} to {high!r}"
    if kind == "difference" and (low, high) != (-1.0, 1.0):
        yield "a difference of two shares is from -1 to 1"
    many = {"share": (1, 1), "mean": (1, 1), "difference": (2, 2), "family": (1, 1 << 20)}[kind]
    if not many[0] <= len(checks) <= many[1]:
        yield f"a claim of kind {kind} is not about {len(checks)} checks"
    if claim["thresholds"] and (kind != "family" or len(checks) != 1):
        yield "thresholds are of a family of one measure"
    if kind != "share" and (claim["left"] is not None or claim["cheap"]):
        yield f"screens are of a claim about a share, and it is of kind {kind}"
    if claim["population"]["kind"] == "strata" and (claim["left"] is not None or claim["cheap"]):
        yield "screens are of a population without strata"
    for number in _idle(predicate):
        yield f"it has a number for {number}, which it is not about"


def _idle(predicate: Predicate) -> Iterator[str]:
    mean = of_mean(predicate)
    for name in ("failure_upper", "failure_lower"):
        if (predicate[name] is None) != mean:
            yield name
    for name in ("mean_upper", "mean_lower"):
        if (predicate[name] is None) == mean:
            yield name
    if (predicate["sampling"]["failures"] is None) != mean:
        yield "sampling.failures"


def wrong_identity(predicate: Predicate) -> Iterator[str]:
    """Where a function has another identity than it says, or none where the seed needs one."""
    for name, said in functions(predicate):
        digest, version = said["sha256"] is not None, said["version"] is not None
        wanted = {"source": (True, False), "version": (False, True), "none": (False, False)}
        if (digest, version) != wanted[said["identity"]]:
            yield f"the identity of {name} is not {said['identity']}"
        if said["identity"] == "none" and predicate["seed_source"] != "chosen":
            yield f"a seed follows from the question, and {name} has no identity"


def functions(predicate: Predicate) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Names and identities of all functions of the user."""
    claim = predicate["claim"]
    for check in (*claim["checks"], *claim["cheap"]):
        yield repr(check["name"]), check
    for population in _populations(claim):
        if population["kind"] == "drawn":
            yield "the sampler", population["sampler"]


def _populations(claim: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    population = claim["population"]
    strata = population["strata"] if population["kind"] == "strata" else ()
    yield from (stratum["population"] for stratum in strata)
    yield population
    if claim["left"] is not None:
        yield claim["left"]["population"]


def wrong_seed(predicate: Predicate) -> Iterator[str]:
    """Where the seed is not the one that follows from the question (Theorem 6.1)."""
    if (predicate["beacon"] is not None) != (predicate["seed_source"] == "beacon"):
        yield "a beacon and the source of the seed contradict each other"
    if predicate["seed_source"] != "chosen" and predicate["seed"] != derived_seed(predicate):
        yield "the seed is not the one that follows from the question"


def derived_seed(predicate: Predicate) -> int:
    """The seed of the question, in its one form."""
    claim = predicate["claim"]
    names = ("kind", "low", "high", "population", "thresholds", "side")
    record = {name: claim[name] for name in names}
    for name in ("checks", "cheap"):
        record[name] = [_nameless(check) for check in claim[name]]
    whole = predicate["chosen"] == "brute-force" and claim["population"]["kind"] != "strata"
    record |= {
        "format": FORMAT,
        "beacon": predicate["beacon"],
        "left": _nameless(claim["left"]),
        "delta": predicate["delta_allowed"],
        "strategy": predicate["chosen"],
        "budget": None if whole else predicate["budget"],
        "draws": predicate["asked_draws"],
    }
    digest = hashlib.sha256(b"probbound/seed/1\n" + canonical(record)).digest()
    return int.from_bytes(digest[:6], "big")


def _nameless(part: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if part is None else {key: part[key] for key in part if key != "name"}
