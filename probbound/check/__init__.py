"""Check a certificate without trusting its maker: a second implementation, by NumPy and SciPy.

`python -m probbound.check CERTIFICATE WEIGHTS`, or `check(certificate, weights)`; an own claim has
no weights (docs/own-claims.md says how it is checked). Nothing here is
shared with the code that makes certificates, and none of that code is loaded. The statements are
those of docs/theory.md; docs/certificate.md says what is checked and what is not. Names are loaded
when first used, and so is what SciPy they need.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from probbound.check.document import read_document
    from probbound.check.fresh import Fresh, fresh_samples
    from probbound.check.models.contract import Weights
    from probbound.check.models.reference import Reference, read_reference
    from probbound.check.models.registry import read_weights
    from probbound.check.report import Refused, Report, Unusable

_HOMES = {
    "Fresh": "probbound.check.fresh",
    "Reference": "probbound.check.models.reference",
    "Refused": "probbound.check.report",
    "Report": "probbound.check.report",
    "Unusable": "probbound.check.report",
    "Weights": "probbound.check.models.contract",
    "fresh_samples": "probbound.check.fresh",
    "read_document": "probbound.check.document",
    "read_reference": "probbound.check.models.reference",
    "read_weights": "probbound.check.models.registry",
}

__all__ = [
    "Fresh",
    "Reference",
    "Refused",
    "Report",
    "Unusable",
    "Weights",
    "check",
    "fresh_samples",
    "read_document",
    "read_reference",
    "read_weights",
]


def check(
    certificate: Path | str,
    weights: Path | str | Weights | None = None,
    reference: Path | str | None = None,
    *,
    replay: str | None = None,
    data: Path | str | None = None,
    against: Path | str | None = None,
    patient: bool = False,
) -> Report:
    """Whether a certificate file holds, for weights given as a file or as read already.

    `reference` is the file of logits that the certificate names, if it is at hand. A certificate
    of an own claim has no weights; with `replay`, FILE.py:NAME, that file is executed, and the
    functions of its object NAME, or the generator NAME of rows, are asked again. `data` is the
    file of rows, or of a law of rows, that a claim is about, and `against` that of the network
    which has to answer the same. What asks for more than ten minutes or 8 GiB is declined unless
    `patient`.

    Raises:
        Unusable: if a file cannot be read, is no certificate of a format known here, or is not
            what such a certificate is checked with.
    """
    from probbound.check.document import read_document
    from probbound.check.kinds import KINDS, Beside
    from probbound.check.report import Refused, Report

    try:
        predicate = read_document(Path(certificate))
    except Refused as refusal:
        return Report(refused=(str(refusal),))
    files = {"data": data, "against": against}
    given = {name: Path(file) for name, file in files.items() if file is not None}
    beside = Beside(weights, reference, replay, patient, given)
    return KINDS[predicate["format"]](predicate, beside)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'probbound.check' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
