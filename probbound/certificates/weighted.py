"""The confidence-weighted bound as an upper bound: less is better, whatever is claimed."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from probbound.arithmetic.rounding import ratio_up


def weighted_upper(certificate: Mapping[str, Any]) -> float:
    """(1 - δ) u + δ u0, rounded up, of a certificate's JSON.

    u is the claimed bound on the share that fails, or on the mean loss, and u0 what the proof
    alone gives. A reader whose credence in u is at least 1 - δ, and who knows u0 for certain,
    expects no more (Theorem 1.15).
    """
    proof, failure, delta = certificate["proof"], certificate["failure_upper"], certificate["delta"]
    if failure is None:
        claimed, certain = Fraction(certificate["bound"]), Fraction(proof["loss_upper"])
    else:
        claimed, certain = Fraction(failure), 1 - Fraction(proof["certified_mass"])
    credence = 1 - Fraction(delta)
    return ratio_up(credence * claimed + (1 - credence) * certain, 1)
