"""Check a certificate without trusting its maker: a second implementation, by NumPy and SciPy.

`python -m probbound.check CERTIFICATE WEIGHTS`, or `check(certificate, weights)`. Nothing here is
shared with the code that makes certificates, and none of that code is loaded. The statements are
those of docs/theory.md; docs/certificate.md says what is checked and what is not.
"""

from __future__ import annotations

from pathlib import Path

from probbound.check.document import read_document
from probbound.check.fresh import Fresh, fresh_samples
from probbound.check.judge import judge
from probbound.check.report import Refused, Report, Unusable
from probbound.check.weights import Weights, read_weights

__all__ = [
    "Fresh",
    "Refused",
    "Report",
    "Unusable",
    "Weights",
    "check",
    "fresh_samples",
    "read_document",
    "read_weights",
]


def check(
    certificate: Path | str, weights: Path | str | Weights, *, patient: bool = False
) -> Report:
    """Whether a certificate file holds for weights, given as a file or as read already.

    What asks for more than ten minutes or 8 GiB is declined unless `patient`.

    Raises:
        Unusable: if a file cannot be read, or is no certificate of a format known here.
    """
    try:
        predicate = read_document(Path(certificate))
    except Refused as refusal:
        return Report(refused=(str(refusal),))
    read = weights if isinstance(weights, Weights) else read_weights(Path(weights))
    return judge(predicate, read, patient=patient)
