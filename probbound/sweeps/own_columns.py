"""What the table of a sweep says of the certificate of an own claim."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from probbound.arithmetic.rounding import ratio_down
from probbound.certificates.own_weighted import certain_upper, own_weighted_upper


def own_columns(certificate: Mapping[str, Any]) -> dict[str, Any]:
    """The columns by name; there are no operations, since nobody knows what a look takes."""
    plain = ("bound", "failure_upper", "guarantee", "confidence_weighted", "chosen")
    cost, sampling = certificate["cost"], certificate["sampling"]
    members = [part["members"] for part in certificate["parts"]]
    return {
        **{name: certificate[name] for name in plain},
        "population": None if None in members else float(sum(members)),
        "delta_spent": float(certificate["delta"]),
        "weighted_upper": own_weighted_upper(certificate),
        "certified_mass": ratio_down(1 - certain_upper(certificate), 1),
        "draws": sampling["draws"],
        "failures": sampling["failures"],
        "looks": cost["looks"],
        "cheap_looks": cost["cheap_looks"],
        "seconds": float(cost["seconds"]),
    }
