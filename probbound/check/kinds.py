"""The kinds of certificates: how each is judged, by its format, and what has to be beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from probbound.check.document import FORMAT
from probbound.check.models.contract import Weights
from probbound.check.own.layout import FORMAT as OWN_FORMAT
from probbound.check.report import Report, Unusable


@dataclass(frozen=True)
class Beside:
    """What is at hand beside a certificate.

    `weights` are a file or read already, `reference` a file of logits, `replay` names an object of
    a Python file that is run for it, FILE.py:NAME, and `files` are those of inputs, by name.
    """

    weights: Path | str | Weights | None = None
    reference: Path | str | None = None
    replay: str | None = None
    patient: bool = False
    files: Mapping[str, Path] = field(default_factory=dict)


def _of_network(predicate: Mapping[str, Any], beside: Beside) -> Report:
    from probbound.check.judge import judge
    from probbound.check.models.reference import read_reference
    from probbound.check.models.registry import read_weights

    weights, reference = beside.weights, beside.reference
    if weights is None:
        raise Unusable("it is about a network; give the file of its weights")
    files = dict(beside.files)
    if beside.replay is not None:
        files["replay"] = Path(beside.replay)
    return judge(
        predicate,
        weights if isinstance(weights, Weights) else read_weights(Path(weights)),
        None if reference is None else read_reference(Path(reference)),
        files=files,
        patient=beside.patient,
    )


def _of_own_claim(predicate: Mapping[str, Any], beside: Beside) -> Report:
    from probbound.check.own.given import given_by, load_object
    from probbound.check.own.judge import judge_own

    if beside.weights is not None or beside.reference is not None or beside.files:
        raise Unusable(
            "it is an own claim, with neither weights nor reference; its functions are run again "
            "with --replay FILE.py:NAME"
        )
    given = None
    if beside.replay is not None:
        given = given_by(load_object(beside.replay), beside.replay, predicate)
    return judge_own(predicate, given, patient=beside.patient)


KINDS: dict[str, Callable[[Mapping[str, Any], Beside], Report]] = {
    FORMAT: _of_network,
    OWN_FORMAT: _of_own_claim,
}
