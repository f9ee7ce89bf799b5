"""What a certificate of a mean loss has to say, and where it does not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from probbound.check.digits import ceiling
from probbound.check.expected import Expected, Level, Spend
from probbound.check.report import Refused
from probbound.check.tasks.arithmetic import RUN


@dataclass(frozen=True)
class ExpectedLoss(Expected):
    """`failure` is the bound on the mean loss, `proven` the one that is certain.

    `mean` is that of the losses looked at, None if all are bounded from the weights.
    """

    largest: float = math.inf
    mean: float | None = None


def loss_level(
    predicate: Mapping[str, Any],
    largest: float,
    mode: str,
    upper: float,
    n: int = 0,
    log_delta: float | None = None,
) -> Level:
    """Forward passes: what such a level leaves is a mean, as a share of the largest loss.

    Of that which the certificate has, or of `largest` where that is more.
    """
    said = max(predicate["proof"]["largest_loss"], largest)
    return RUN, mode, min(upper / said, 1.0), n, 0, log_delta


def loss_spend(predicate: Mapping[str, Any], n: int, theorem: str) -> Spend:
    """The row of the ledger for n losses, with the numbers that the rest of a certificate has.

    Raises:
        Refused: if it has none for it.
    """
    levels, largest = predicate["levels"], predicate["proof"]["largest_loss"]
    mean = predicate["sampling"]["mean_loss"]
    if mean is None or not levels:
        raise Refused("it has losses drawn, but no level for them, or no mean of them")
    upper = levels[-1]["share_upper"] * largest
    statement = (
        f"{n} losses, at most {ceiling(largest, 6):.6g} each, have a mean of at most "
        f"{ceiling(mean, 6):.6g}, so that of all they were drawn from is at most "
        f"{ceiling(upper, 6):.6g}"
    )
    return statement, "betting", theorem, predicate["delta_allowed"], n


def loss_faults(predicate: Mapping[str, Any], tolerance: float) -> Iterator[str]:
    """Where the numbers of a loss certificate contradict each other."""
    bound, proof, delta = predicate["bound"], predicate["proof"], predicate["delta"]
    certain, largest = proof["loss_upper"], proof["largest_loss"]
    if certain is None or largest is None or bound > largest or certain > largest:
        yield "its bounds on the loss do not fit each other"
        return
    if predicate["confidence_weighted"] < ((1 - delta) * bound + delta * certain) * (1 - tolerance):
        yield "its confidence-weighted bound is less than bound and certain bound make it"
    if predicate["guarantee"] != ("high-probability" if predicate["ledger"] else "deterministic"):
        yield f"its guarantee is not {predicate['guarantee']}"
    spent = math.fsum(row["delta"] for row in predicate["ledger"])
    if not math.isclose(spent, delta, rel_tol=tolerance):
        yield f"the δ of its ledger do not add up to {delta!r}"
    if delta > predicate["delta_allowed"] * (1 + tolerance):
        yield f"it spends {delta!r}, more than the δ that was allowed"
    if not predicate["ledger"] and bound < certain * (1 - tolerance):
        yield "its bound is certain, but less than what it says is certain"


def understated(
    predicate: Mapping[str, Any], wanted: ExpectedLoss, tolerance: float
) -> Iterator[str]:
    """Where a certificate claims less loss than was computed again, or was sampled otherwise."""
    sampling, proof = predicate["sampling"], predicate["proof"]
    for name, said, found in (
        ("bound", predicate["bound"], wanted.failure),
        ("bound without sampling", proof["loss_upper"], wanted.proven),
        ("largest loss", proof["largest_loss"], wanted.largest),
    ):
        if said < found * (1 - tolerance):
            yield f"its {name} is {said!r}, computed again it is {found!r}"
    drawn = (sampling["draws"], sampling["samples"], 0, sampling["replace"])
    if drawn != wanted.drawn:
        yield f"its sampling is {drawn}, it has to be {wanted.drawn}"
    mean = sampling["mean_loss"]
    if (mean is None) != (wanted.mean is None):
        yield f"its mean of the losses looked at is {mean!r}, it has to be {wanted.mean!r}"
    elif mean is not None and wanted.mean is not None and mean < wanted.mean * (1 - tolerance):
        yield f"the losses looked at have a mean of {wanted.mean!r}, not {mean!r}"
