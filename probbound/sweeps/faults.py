"""What is wrong with a record: whether its certificate is whole, its own, and fits together.

Cheap, and so no proof: `docs/sweeps.md` says what only `probbound verify` can show.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from estimators.proportion import clopper_pearson, hypergeometric
from probbound.certificates.certificate import bound_of, confidence_weighted
from probbound.certificates.format import FORMAT, OWN_FORMAT, canonical, predicate_of, statement
from probbound.contract.defaults import AUTO, DEFAULT_BUDGET, DEFAULT_DELTA
from probbound.contract.ledger import Ledger, Spend
from probbound.machine.errors import UserError
from probbound.sweeps.brought import digest_of
from probbound.sweeps.cells import Cell, Record
from probbound.sweeps.claims import claim_named
from probbound.sweeps.own_faults import own_faults
from probbound.tasks.registry import recipe_of, room_named

_RUN = "forward pass"
_CLOSE = 1e-9
_MOST_COUNT = 2**63
_NEVER_ASKED = ("beacon", "stopped_at")


def fault_of(record: Record) -> str | None:
    """The first thing that is wrong with a record's certificate; None if nothing is, or none."""
    return next(_faults(record), None)


def _faults(record: Record) -> Iterator[str]:
    certificate = record.certificate
    if certificate is None:
        return
    try:
        predicate_of(statement(certificate), "its certificate")
    except UserError as error:
        yield str(error)
    except (KeyError, TypeError):
        yield "its certificate lacks its model"
    if certificate["format"] != (OWN_FORMAT if record.cell.is_own else FORMAT):
        yield "its certificate is of another kind than its question"
        return
    if record.cell.is_own:
        yield from own_faults(record.cell, certificate)
        return
    yield from _foreign(record.cell, certificate)
    yield from _incoherent_claim(record.cell, certificate)
    yield from _incoherent_spends(certificate)
    yield from _incoherent_counts(certificate)


def _foreign(cell: Cell, certificate: Mapping[str, Any]) -> Iterator[str]:
    """Where a certificate answers another question than the cell's."""
    said, claim = certificate["claim"], claim_named(cell.claim)
    asked = {
        "task": cell.task.partition(":")[0],
        "kind": claim.kind,
        "at": claim.at,
        "model": {"name": cell.model, "sha256": cell.model_sha256},
        "strategy": cell.strategy,
        "delta_allowed": DEFAULT_DELTA if cell.delta is None else cell.delta,
        "delta_chosen": False,
        "seed_source": "content" if cell.seed is None else "chosen",
        **dict.fromkeys(_NEVER_ASKED),
        **({} if cell.seed is None else {"seed": cell.seed}),
    }
    for name, wanted in asked.items():
        found = said[name] if name in ("task", "kind", "at") else certificate[name]
        if found != wanted:
            yield f"{name} of its certificate is {found!r}, its question says {wanted!r}"
    prior = said["population"]["prior"]
    if (prior and prior.get("sha256")) != cell.prior_sha256:
        yield "the prior of its certificate is not that of its question"
    if certificate["versions"].get("probbound") != cell.version:
        yield "its certificate was made by another version than its question says"
    yield from _otherwise_run(cell, certificate)


def _otherwise_run(cell: Cell, certificate: Mapping[str, Any]) -> Iterator[str]:
    """Where it runs something else than the cell's strategy with the cell's settings."""
    size = certificate["claim"]["population"]["size"]
    asked = cell.task.partition(":")[0]
    planned = cell.strategy == AUTO
    if planned != (certificate["budget_flops"] is not None):
        yield "its operations to plan with are not those of its question"
    if planned:
        if any(certificate[name] is not None for name in ("recipe", "budget")):
            yield "its recipe or budget is not that of its question"
        return
    try:
        recipe = recipe_of(cell.strategy, size, {"paths": cell.paths}, asked)
    except UserError as error:
        yield str(error)
        return
    budget = DEFAULT_BUDGET if cell.budget is None else cell.budget
    wanted = {"recipe": recipe.to_json(), "budget": budget if recipe.budgeted else None}
    if canonical({name: certificate[name] for name in wanted}) != canonical(wanted):
        yield "its recipe or budget is not that of its question"
    if certificate["chosen"] != cell.strategy or certificate["ran"] != wanted:
        yield "what ran is not what was asked"


def _incoherent_claim(cell: Cell, certificate: Mapping[str, Any]) -> Iterator[str]:
    """Where bound, levels and what screens prove contradict each other."""
    claim = certificate["claim"]
    if not _of_its_inputs(cell, claim):
        yield "its inputs are not those of its task"
    apart = None if certificate["sampling"]["replace"] else claim["population"]["size"]
    if any(
        level["share_upper"] < _least_share(level, apart) * (1 - _CLOSE)
        for level in certificate["levels"]
    ):
        yield "more was left over at a level than its share allows"
    yield from (_incoherent_loss if claim["kind"] == "loss" else _incoherent_share)(certificate)


def _of_its_inputs(cell: Cell, claim: Mapping[str, Any]) -> bool:
    """Whether the task, or who brought the inputs, makes the same statement of them."""
    if cell.inputs_sha256 is not None:
        return digest_of(claim["population"]) == cell.inputs_sha256
    try:
        return (
            room_named(claim["task"]).stated(claim["population"]).statement() == claim["population"]
        )
    except (UserError, AttributeError, KeyError, TypeError, ValueError):
        return False


def _incoherent_share(certificate: Mapping[str, Any]) -> Iterator[str]:
    """Of a share of inputs: an accuracy, or one with a margin."""
    failure, levels = certificate["failure_upper"], certificate["levels"]
    certain = certificate["proof"]["certified_mass"]
    if failure is None or certain is None:
        yield "its certificate has no bound on a failure rate"
        return
    if certificate["bound"] != bound_of(failure):
        yield "its bound is not 1 - failure_upper"
    yield from _unweighted(certificate, certain)
    left = math.prod(Fraction(level["share_upper"]) for level in levels)
    if failure < left * (1 - Fraction(_CLOSE)):
        yield "its failure_upper is below the product of its levels"
    if not _proven(certain, levels):
        yield "its certified mass is not that of its first level"


def _incoherent_loss(certificate: Mapping[str, Any]) -> Iterator[str]:
    """Of a mean loss, which is bounded from above, and without sampling by `loss_upper`."""
    bound, proof = certificate["bound"], certificate["proof"]
    certain, largest = proof["loss_upper"], proof["largest_loss"]
    if certificate["failure_upper"] is not None or None in (certain, largest):
        yield "its certificate has no bound on a loss, or one on a failure rate"
        return
    yield from _unweighted(certificate, certain)
    if not bound <= certain * (1 + _CLOSE) <= largest * (1 + 3 * _CLOSE):
        yield "its bound, what is proven and the largest loss contradict each other"
    if certificate["guarantee"] == "deterministic" and bound != certain:
        yield "its bound is deterministic and not what is proven"


def _unweighted(certificate: Mapping[str, Any], certain: float) -> Iterator[str]:
    parts = certificate["bound"], certificate["delta"], certain
    if certificate["confidence_weighted"] != confidence_weighted(*parts):
        yield "its confidence-weighted bound is not that of its parts"


def _least_share(level: Mapping[str, Any], apart: int | None) -> float:
    """What no honest bound on a level's share is below: of draws that were run, Theorem 2.3.

    Of different members, of `apart` in all, Theorem 2.4. Of a loss no draw counts as a failure: a
    bound on a mean is none below that on zeros.
    """
    left, samples, log_delta = level["failures"], level["samples"], level["log_delta"]
    if not samples or left > samples:
        return math.inf if left else 0.0
    if level["mode"] != "sampled" or level["check"] != _RUN or log_delta is None:
        return left / samples
    if apart is not None:
        return float(hypergeometric(left, samples, apart, log_delta=log_delta, side="upper").upper)
    return float(clopper_pearson(left, samples, log_delta=log_delta, side="upper").upper)


def _proven(certain: float, levels: list[Mapping[str, Any]]) -> bool:
    first = levels[0]
    return certain == 0 or (
        first["mode"] == "enumerated" and certain == bound_of(first["share_upper"])
    )


def _incoherent_spends(certificate: Mapping[str, Any]) -> Iterator[str]:
    ledger = Ledger(tuple(Spend(**spend) for spend in certificate["ledger"]))
    delta = certificate["delta"]
    if delta != ledger.delta:
        yield "its δ is not the sum of its ledger"
    if delta > certificate["delta_allowed"] * (1 + _CLOSE):
        yield "it spends more δ than was asked for"
    if (certificate["guarantee"] == "deterministic") != (not ledger.spends):
        yield "its guarantee is not that of its ledger"
    logs = [level["log_delta"] for level in certificate["levels"]]
    if math.fsum(math.exp(log) for log in logs if log is not None) > delta * (1 + _CLOSE):
        yield "its levels spend more δ than its ledger"
    for spend in ledger.spends:
        if not math.isclose(math.exp(spend.log_delta), spend.delta, rel_tol=_CLOSE):
            yield "a δ of its ledger is not the exponential of its log"


def _incoherent_counts(certificate: Mapping[str, Any]) -> Iterator[str]:
    sampling, cost, parts = (
        certificate["sampling"],
        certificate["cost"],
        {"proof": 0, "sampling": 0},
    )
    of_loss, failures = certificate["claim"]["kind"] == "loss", sampling["failures"]
    if (failures is None) != of_loss:
        yield "its failures are counted of a loss, or not counted of a share"
        return
    failures = 0 if failures is None else failures
    if not 0 <= failures <= sampling["samples"] <= sampling["draws"] < _MOST_COUNT:
        yield "its draws, samples and failures contradict each other"
    last = certificate["levels"][-1]
    if last["check"] == _RUN and last["failures"] != failures:
        yield "its failures are not those of its last level"
    for phase in cost["phases"]:
        parts[phase["part"]] += phase["flops"]
    if any(certificate[name]["flops"] != flops for name, flops in parts.items()):
        yield "the operations of its phases do not add up"
    if cost["flops"] != sum(parts.values()):
        yield "its operations in all are not those of its phases"
    if not math.isclose(cost["seconds"], math.fsum(p["seconds"] for p in cost["phases"])):
        yield "its seconds are not those of its phases"
