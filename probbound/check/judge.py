"""Whether a certificate stands: identity, seed, arithmetic, then the counts themselves."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from probbound.check.claims import margin_of, wrong_level
from probbound.check.compare import TOLERANCE, close, require
from probbound.check.document import FORMAT, canonical
from probbound.check.effort import MOST_BYTES, MOST_OPERATIONS
from probbound.check.models.contract import Weights, misstatements
from probbound.check.models.reference import Reference, agreement, said_of
from probbound.check.models.registry import kind_named
from probbound.check.report import Declined, Refused, Report
from probbound.check.tasks.registry import replay_of


def judge(
    predicate: Mapping[str, Any],
    weights: Weights,
    reference: Reference | None = None,
    *,
    files: Mapping[str, Path] = MappingProxyType({}),
    patient: bool = False,
) -> Report:
    """The report on a well-formed certificate and the weights it should be about.

    With the file of logits that the certificate names, if it is at hand, and `files` by name of
    what else its claim is about. One that asks for more
    work than MOST_OPERATIONS or MOST_BYTES is not checked unless `patient`.
    """
    most = (math.inf, math.inf) if patient else (MOST_OPERATIONS, MOST_BYTES)
    confirmed, refused, declined, work = [], (), (), ""
    try:
        for sentence in _identity(predicate, weights):
            confirmed.append(sentence)
        replay = replay_of(predicate["claim"]["task"])
        asked = replay.work(predicate, weights)
        work = asked.sentence
        asked.require_within(*most)
        margin = margin_of(predicate["claim"])
        network = kind_named(weights.kind).subject(weights, margin, most[0])
        network = replay.dressed(predicate, network, files)
        if reference is not None:
            confirmed.append(agreement(predicate["reference"], reference, network))
        for sentence in replay.confirmed(predicate, network):
            confirmed.append(sentence)
    except Refused as refusal:
        refused = (str(refusal),)
    except Declined as reason:
        declined = (str(reason),)
    except (ArithmeticError, ValueError, MemoryError) as error:
        refused = (f"it cannot be computed again: {error or type(error).__name__}",)
    said = trusted(predicate, reference)
    return Report(tuple(confirmed), refused, said, declined, work)


def _identity(predicate: Mapping[str, Any], weights: Weights) -> Iterator[str]:
    """What holds before anything is computed, sentence by sentence.

    Raises:
        Refused: at the first thing that does not.
    """
    require(_wrong_identity(predicate, weights))
    yield "the weights have the digest of the certificate"
    require(misstatements(predicate["claim"]["network"], weights))
    yield "the network is the one that goes with the weights, each part read or assumed as stated"
    require(_wrong_question(predicate))
    require(_wrong_costs(predicate))


def trusted(predicate: Mapping[str, Any], reference: Reference | None = None) -> tuple[str, ...]:
    """What the certificate says that cannot be, or was not, checked."""
    names = "the names of the model and of the strategies"
    notes = [f"{names}, versions, seconds, and the operations of each phase"]
    parts = predicate["claim"]["network"]["parts"].items()
    if assumed := [f"{p}: {s['value']}" for p, s in parts if s["source"] == "assumed"]:
        notes.append(f"the network, where the file does not say what it is: {', '.join(assumed)}")
    if predicate["reference"] is not None and reference is None:
        notes.append(said_of(predicate["reference"]))
    if predicate["seed_source"] == "chosen":
        notes.append("the seed was chosen by hand; that it was not one of many tried")
    if predicate["beacon"] is not None:
        notes.append("that the beacon was public, and unknown before the weights were fixed")
    return tuple(notes)


def _wrong_identity(predicate: Mapping[str, Any], weights: Weights) -> Iterator[str]:
    claim, digest = predicate["claim"], weights.digest()
    if predicate["model"]["sha256"] != digest:
        yield f"it is about weights with digest {predicate['model']['sha256']}, these have {digest}"
    replay = replay_of(claim["task"])
    if weights.kind not in replay.networks:
        yield f"no network {weights.kind} answers {claim['task']}"
        return
    yield from replay.misfits(claim, weights)
    recorded = predicate["reference"]
    if recorded and recorded["largest_difference"] > recorded["allowed"]:
        yield "its logits differ from those of its reference by more than it allows"
    yield from wrong_level(claim)
    loss = claim["kind"] == "loss"
    said = (predicate["failure_upper"], predicate["proof"]["certified_mass"])
    said += (predicate["sampling"]["failures"],)
    if any((number is None) != loss for number in said):
        yield f"its numbers are not those of a claim about {claim['kind']}"
    if not loss and any(predicate["proof"][name] for name in ("loss_upper", "largest_loss")):
        yield "it bounds a loss, which it is not about"
    if not loss and predicate["sampling"]["mean_loss"] is not None:
        yield "it has a mean loss, which it is not about"
    if predicate["arithmetic"] != replay.arithmetic:
        yield f"its arithmetic is none that this checker knows: {predicate['arithmetic'][:80]!r}"


def _wrong_question(predicate: Mapping[str, Any]) -> Iterator[str]:
    yield from replay_of(predicate["claim"]["task"]).misasked(predicate)
    asked = {name: predicate[name] for name in ("recipe", "budget")}
    if asked["recipe"] is None:
        if asked["budget"] is not None:
            yield "it has a budget of inputs beside one of operations"
        if predicate["budget_flops"] is None:
            yield "neither a recipe nor a budget of operations was asked for"
    else:
        if predicate["budget_flops"] is not None:
            yield "it has a budget of operations, and a recipe that they do not decide"
        if canonical(predicate["ran"]) != canonical(asked):
            yield "what ran is not what was asked for"
    if (predicate["beacon"] is not None) != (predicate["seed_source"] == "beacon"):
        yield "a beacon and the source of the seed contradict each other"
    if predicate["seed_source"] != "chosen" and predicate["seed"] != derived_seed(predicate):
        yield "the seed is not the one that follows from the question"


def derived_seed(predicate: Mapping[str, Any]) -> int:
    """The seed that the question gives, in its one form (Theorem 6.1)."""
    operations = predicate["budget_flops"]
    record = {
        "claim": replay_of(predicate["claim"]["task"]).one_claim(predicate["claim"]),
        "model": predicate["model"]["sha256"],
        "recipe": predicate["recipe"],
        "budget": predicate["budget"],
        "budget_flops": None if operations is None else float(operations),
        "delta": "auto" if predicate["delta_chosen"] else predicate["delta_allowed"],
        "format": FORMAT,
        "beacon": predicate["beacon"],
    }
    digest = hashlib.sha256(b"probbound/seed/1\n" + canonical(record)).digest()
    return int.from_bytes(digest[:6], "big")


def _wrong_costs(predicate: Mapping[str, Any]) -> Iterator[str]:
    cost, parts = predicate["cost"], {"proof": 0, "sampling": 0}
    for phase in cost["phases"]:
        parts[phase["part"]] += phase["flops"]
    if parts != {name: predicate[name]["flops"] for name in parts}:
        yield "the operations of its phases do not add up"
    if cost["flops"] != sum(parts.values()):
        yield "its operations in all are not those of its phases"
    if not close(cost["seconds"], math.fsum(p["seconds"] for p in cost["phases"]), TOLERANCE):
        yield "its seconds are not those of its phases"
