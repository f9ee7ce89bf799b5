"""Claims of a mean loss, shown by the losses of all inputs (Theorem 6.4)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from scipy.special import logsumexp

from probbound.check.network import Network
from probbound.check.prior import Law
from probbound.check.report import Refused

_MOST_INPUTS = 1 << 24
_AT_ONCE = 1 << 13


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


def shown_by_all(predicate: Mapping[str, Any], network: Network, law: Law, tolerance: float) -> str:
    """What shows the claim to be true, in a sentence.

    Raises:
        Refused: if the claim is not true, or there are too many inputs to tell.
    """
    shape = (len(network.token[0]),) * len(network.weights.W_pos)
    inputs = math.prod(shape)
    if inputs > _MOST_INPUTS:
        raise Refused(f"a mean loss over {inputs} inputs is not independently re-checked")
    mean, largest, whole = Fraction(0), 0.0, law.total ** len(shape)
    for start in range(0, inputs, _AT_ONCE):
        numbers = np.arange(start, min(start + _AT_ONCE, inputs))
        tokens = np.stack(np.unravel_index(numbers, shape), axis=1)
        masses = law.masses(tokens)
        found = _losses(network, tokens[masses > 0])
        if not np.isfinite(found).all():
            raise Refused("a loss is not finite")
        shares = (masses[masses > 0] / whole).astype(np.float64)
        mean += Fraction(float(found @ shares))
        largest = max(largest, float(found.max(initial=0.0)))
    proof = predicate["proof"]
    for name, said, exact in (
        ("bound", predicate["bound"], float(mean)),
        ("bound without sampling", proof["loss_upper"], float(mean)),
        ("largest loss", proof["largest_loss"], largest),
    ):
        if said < exact * (1 - tolerance):
            raise Refused(f"its {name} is {said!r}, over all inputs it is {exact!r}")
    return f"the mean loss over all inputs, each run, is {float(mean)!r}, no more than claimed"


def _losses(network: Network, tokens: np.ndarray) -> np.ndarray:
    """log(1 + the sum over rivals of e^gap), which keeps the digits of a loss near zero."""
    logits, label = network.logits(tokens), (np.arange(len(tokens)), tokens.max(axis=1))
    gaps = logits - logits[label][:, None]
    gaps[label] = -np.inf
    return np.logaddexp(0.0, np.asarray(logsumexp(gaps, axis=1)))
