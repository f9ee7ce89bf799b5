"""Whether a certificate stands: identity, seed, arithmetic, then the counts themselves."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from probbound.check.arithmetic import Expected, Facts, claimed_facts, expected
from probbound.check.document import FORMAT, canonical
from probbound.check.effort import MOST_BYTES, MOST_OPERATIONS
from probbound.check.models.network import Network
from probbound.check.models.reference import Reference, agreement, said_of
from probbound.check.models.slack import slack_of
from probbound.check.models.stated_network import misstatements
from probbound.check.models.weights import Weights
from probbound.check.prior import Law
from probbound.check.report import Declined, Refused, Report
from probbound.check.tasks.max_of_k.entries import entries_again
from probbound.check.tasks.max_of_k.loss_claim import loss_faults, understated
from probbound.check.tasks.max_of_k.loss_replay import made_again
from probbound.check.tasks.max_of_k.plan import is_planned, planned_again
from probbound.check.tasks.max_of_k.question import is_known, one_form
from probbound.check.tasks.max_of_k.replay import counted, screen_of
from probbound.check.tasks.max_of_k.work import work_of

TOLERANCE = 1e-9
_EXACT, _LONGEST_REASON = 1e-12, 1000
_ARITHMETIC = (
    "IEEE float64, round to nearest, exp and log assumed within 16 units in the last place; "
    "rounding errors bounded a priori and counted against the claim, ties too "
    "(docs/theory.md, 5.1 to 5.13)"
)


def judge(
    predicate: Mapping[str, Any],
    weights: Weights,
    reference: Reference | None = None,
    *,
    patient: bool = False,
) -> Report:
    """The report on a well-formed certificate and the weights it should be about.

    With the file of logits that the certificate names, if it is at hand. One that asks for more
    work than MOST_OPERATIONS or MOST_BYTES is not checked unless `patient`.
    """
    most = (math.inf, math.inf) if patient else (MOST_OPERATIONS, MOST_BYTES)
    confirmed, refused, declined, work = [], (), (), ""
    try:
        for sentence in _identity(predicate, weights):
            confirmed.append(sentence)
        asked = work_of(predicate, weights)
        work = asked.sentence
        asked.require_within(*most)
        for sentence in _confirmed(predicate, weights, reference, most[0]):
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
    _require(_wrong_identity(predicate, weights))
    yield "the weights have the digest of the certificate"
    _require(misstatements(predicate["claim"]["network"], weights.network))
    yield "the network is the one that goes with the weights, each part read or assumed as stated"
    _require(_wrong_question(predicate))
    _require(_wrong_costs(predicate))


def _confirmed(
    predicate: Mapping[str, Any], weights: Weights, reference: Reference | None, most: float
) -> Iterator[str]:
    """What holds computed again, sentence by sentence, with at most so many operations.

    Raises:
        Refused: at the first thing that does not.
        Declined: if it is seen to take more.
    """
    law, claim = Law.of(predicate["claim"]), predicate["claim"]
    margin = float(claim["at"] or 0.0)
    network = Network(weights, slack_of(weights, margin), margin, most)
    if reference is not None:
        yield agreement(predicate["reference"], reference, network)
    known = None
    if is_planned(predicate):
        known = planned_again(predicate, network, law)
        yield "what was planned before the draws was planned again, and is what ran"
    if claim["kind"] == "loss":
        _require(loss_faults(predicate, TOLERANCE))
        yield "the ledger adds up, and its bounds fit each other"
        loss = made_again(predicate, network, law)
        _require(understated(predicate, loss, TOLERANCE))
        _require(_wrong_levels(predicate, loss))
        _require(_wrong_spends(predicate, loss))
        yield "layers, draws and losses were computed again, and claim no less"
    elif predicate["chosen"].partition(":")[0] == "entries":
        _require(disagreements(predicate, entries_again(predicate, weights, law)))
        yield "pilot, tolerances and noise samples were computed again, with the same counts"
    else:
        facts = claimed_facts(predicate)
        _require(disagreements(predicate, expected(predicate, facts)))
        yield "the ledger adds up, and the bound follows from the counts"
        again = counted(predicate, network, law, known)
        _require(_other_counts(facts, again))
        _require(disagreements(predicate, expected(predicate, again.conceding(facts))))
        yield "screens and samples were computed again, with the same counts"


def trusted(predicate: Mapping[str, Any], reference: Reference | None = None) -> tuple[str, ...]:
    """What the certificate says that cannot be, or was not, checked."""
    notes = ["the model's name, versions, seconds, and the operations of each phase"]
    parts = predicate["claim"]["network"].items()
    if assumed := [f"{p}: {s['value']}" for p, s in parts if s["source"] == "assumed"]:
        notes.append(f"the network, where the file does not say what it is: {', '.join(assumed)}")
    if predicate["reference"] is not None and reference is None:
        notes.append(said_of(predicate["reference"]))
    if predicate["seed_source"] == "chosen":
        notes.append("the seed was chosen by hand; that it was not one of many tried")
    if predicate["beacon"] is not None:
        notes.append("that the beacon was public, and unknown before the weights were fixed")
    return tuple(notes)


def _require(reasons: Iterator[str]) -> None:
    for reason in reasons:
        raise Refused(reason if len(reason) <= _LONGEST_REASON else reason[:_LONGEST_REASON] + "…")


def _wrong_identity(predicate: Mapping[str, Any], weights: Weights) -> Iterator[str]:
    claim, digest = predicate["claim"], weights.digest()
    if predicate["model"]["sha256"] != digest:
        yield f"it is about weights with digest {predicate['model']['sha256']}, these have {digest}"
    vocabulary, length, *_, out = weights.sizes
    if (claim["d_vocab"], claim["n_ctx"]) != (vocabulary, length):
        yield "the claim is about another vocabulary or context than the weights have"
    if out < vocabulary:
        yield "the weights have fewer outputs than tokens, so they cannot name every maximum"
    if claim["population"] != vocabulary**length:
        yield f"the population is {vocabulary}^{length}, not {claim['population']}"
    recorded = predicate["reference"]
    if recorded and recorded["largest_difference"] > recorded["allowed"]:
        yield "its logits differ from those of its reference by more than it allows"
    if (claim["at"] is None) != (claim["kind"] != "margin"):
        yield "only a claim about a margin names one"
    loss = claim["kind"] == "loss"
    said = (predicate["failure_upper"], predicate["proof"]["certified_mass"])
    said += (predicate["sampling"]["failures"],)
    if any((number is None) != loss for number in said):
        yield f"its numbers are not those of a claim about {claim['kind']}"
    if not loss and any(predicate["proof"][name] for name in ("loss_upper", "largest_loss")):
        yield "it bounds a loss, which it is not about"
    if not loss and predicate["sampling"]["mean_loss"] is not None:
        yield "it has a mean loss, which it is not about"
    if predicate["arithmetic"] != _ARITHMETIC:
        yield f"its arithmetic is none that this checker knows: {predicate['arithmetic'][:80]!r}"


def _wrong_question(predicate: Mapping[str, Any]) -> Iterator[str]:
    if not is_known(predicate["strategy"]):
        yield f"there is no strategy {predicate['strategy'][:80]!r}"
    ran = {"budget": predicate["budget"], "draws": predicate["draws"]}
    if predicate["strategy"] != "auto" and (
        predicate["chosen"] != predicate["strategy"] or predicate["ran"] != ran
    ):
        yield "what ran is not what was asked for"
    if predicate["strategy"] == "auto" and predicate["budget_flops"] is None:
        yield "'auto' was not given a budget of operations"
    if (predicate["beacon"] is not None) != (predicate["seed_source"] == "beacon"):
        yield "a beacon and the source of the seed contradict each other"
    if predicate["seed_source"] != "chosen" and predicate["seed"] != derived_seed(predicate):
        yield "the seed is not the one that follows from the question"
    yield from (
        f"{predicate['strategy']!r} has no {name} to set"
        for name in _idle_settings(predicate)
        if predicate[name] is not None
    )
    if predicate["stopped_at"] is not None and not predicate["chosen"].startswith("cascade"):
        yield f"{predicate['chosen']!r} cannot be interrupted"


def _idle_settings(predicate: Mapping[str, Any]) -> Iterator[str]:
    """Settings that decide nothing but the seed: values of theirs would be seeds to try."""
    strategy = predicate["strategy"]
    kind = strategy.partition(":")[0]
    if kind != "cascade":
        yield "target"
    if kind != "cascade" or predicate["target"] is not None:
        yield "draws"
    if strategy != "auto":
        yield "budget_flops"
    if strategy not in ("entries", "entries:counted"):
        yield "paths"
    if screen_of(strategy) != "cubic":
        yield "grid_points"


def derived_seed(predicate: Mapping[str, Any]) -> int:
    """The seed that the question gives, in its one form (Theorem 6.1)."""
    names = ("claim", "strategy", "budget", "grid_points", "target", "draws", "budget_flops")
    record = {name: predicate[name] for name in (*names, "paths")}
    delta = "auto" if predicate["delta_chosen"] else predicate["delta_allowed"]
    record |= {"model": predicate["model"]["sha256"], "delta": delta}
    record |= {"format": FORMAT, "beacon": predicate["beacon"]}
    digest = hashlib.sha256(b"probbound/seed/1\n" + canonical(one_form(record))).digest()
    return int.from_bytes(digest[:6], "big")


def _wrong_costs(predicate: Mapping[str, Any]) -> Iterator[str]:
    cost, parts = predicate["cost"], {"proof": 0, "sampling": 0}
    for phase in cost["phases"]:
        parts[phase["part"]] += phase["flops"]
    if parts != {name: predicate[name]["flops"] for name in parts}:
        yield "the operations of its phases do not add up"
    if cost["flops"] != sum(parts.values()):
        yield "its operations in all are not those of its phases"
    if not _close(cost["seconds"], math.fsum(p["seconds"] for p in cost["phases"]), TOLERANCE):
        yield "its seconds are not those of its phases"


def disagreements(predicate: Mapping[str, Any], wanted: Expected) -> Iterator[str]:
    """Where a certificate claims more than `wanted`, or says something else."""
    delta, failure = predicate["delta"], predicate["failure_upper"]
    if failure < wanted.failure * (1 - TOLERANCE):
        yield f"it claims a failure rate of at most {failure!r}, recomputed {wanted.failure!r}"
    if Fraction(predicate["bound"]) > 1 - Fraction(failure):
        yield f"its bound {predicate['bound']!r} is more than 1 - failure_upper"
    proven, mass = wanted.proven, predicate["proof"]["certified_mass"]
    if Fraction(mass) > 1 - Fraction(proven * (1 - TOLERANCE)):
        yield f"its screens are said to certify {mass!r}, recomputed {1 - proven!r}"
    weighted = (1 - delta) * predicate["bound"] + delta * mass
    if predicate["confidence_weighted"] > weighted * (1 + _EXACT):
        yield f"its confidence-weighted bound is more than {weighted!r}"
    if predicate["guarantee"] != ("high-probability" if wanted.spends else "deterministic"):
        yield f"its guarantee is not {predicate['guarantee']}"
    if not _close(delta, math.fsum(spend[3] for spend in wanted.spends), _EXACT):
        yield f"the δ of its ledger do not add up to {delta!r}"
    if delta > predicate["delta_allowed"] * (1 + _EXACT):
        yield f"it spends {delta!r}, more than the δ that was allowed"
    sampling = predicate["sampling"]
    drawn = tuple(sampling[name] for name in ("draws", "samples", "failures", "replace"))
    if drawn != wanted.drawn:
        yield f"its sampling is {drawn}, it has to be {wanted.drawn}"
    yield from _wrong_levels(predicate, wanted)
    yield from _wrong_spends(predicate, wanted)


def _wrong_levels(predicate: Mapping[str, Any], wanted: Expected) -> Iterator[str]:
    if len(predicate["levels"]) != len(wanted.levels):
        yield f"it has {len(predicate['levels'])} levels, and there are {len(wanted.levels)}"
        return
    for number, (level, right) in enumerate(zip(predicate["levels"], wanted.levels, strict=True)):
        said = tuple(level[name] for name in ("check", "mode", "samples", "failures"))
        check, mode, share, samples, failures, log_delta = right
        if said != (check, mode, samples, failures):
            yield f"level {number} says {said}, it has to be {(check, mode, samples, failures)}"
        if level["share_upper"] < share * (1 - TOLERANCE):
            yield f"level {number} leaves a share of up to {share!r}, not {level['share_upper']!r}"
        if (level["log_delta"] is None) != (log_delta is None) or (
            log_delta is not None and not _same_log(level["log_delta"], log_delta)
        ):
            yield f"level {number} spends a log δ of {log_delta!r}, not {level['log_delta']!r}"


def _wrong_spends(predicate: Mapping[str, Any], wanted: Expected) -> Iterator[str]:
    ledger = predicate["ledger"]
    if len(ledger) != len(wanted.spends):
        yield f"its ledger has {len(ledger)} rows, and there are {len(wanted.spends)} spends"
        return
    for spend, (statement, method, theorem, delta, samples) in zip(
        ledger, wanted.spends, strict=True
    ):
        said = tuple(spend[name] for name in ("statement", "method", "theorem", "samples"))
        if said != (statement, method, theorem, samples):
            yield f"its ledger says {said}, it has to be {(statement, method, theorem, samples)}"
        if not _close(spend["delta"], delta, _EXACT):
            yield f"its ledger spends {spend['delta']!r} where it has to be {delta!r}"
        if not _same_log(spend["log_delta"], math.log(delta)):
            yield f"its ledger has a log δ of {spend['log_delta']!r} where δ is {delta!r}"


def _other_counts(claimed: Facts, again: Facts) -> Iterator[str]:
    """Where a certificate counts less than was counted again, or no checks could (Theorem 6.2)."""
    if not claimed.run <= claimed.left <= claimed.draws:
        yield "it counts more in a check than was left for it"
    if claimed.failures < claimed.left - claimed.run:
        yield "it does not count as failures what it left without running it"
    if claimed.share < again.share * (1 - TOLERANCE):
        yield f"its screens leave a share of {again.share!r}, not {claimed.share!r}"
    for name in ("draws", "left", "run", "failures"):
        said, found = getattr(claimed, name), getattr(again, name)
        if said != found if name == "draws" else said < found:
            yield f"it counts {said} in {_NAMES[name]}, counted again there are {found}"


_NAMES = {
    "draws": "draws",
    "left": "draws that the cheap check left",
    "run": "forward passes",
    "failures": "failures",
}


def _same_log(a: float, b: float) -> bool:
    """Whether two logarithms are those of one δ; where it is nearly 1, they have few digits."""
    return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=_EXACT)


def _close(a: float, b: float, relative: float) -> bool:
    return math.isclose(a, b, rel_tol=relative, abs_tol=0.0)
