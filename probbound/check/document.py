"""The certificate file, read and validated by hand: JSON, fields and types, copies, hex, digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from probbound.check import rules
from probbound.check.claims import CLAIM_KINDS
from probbound.check.layout import Cases, Layout, canonical, faults
from probbound.check.models.registry import kind_named, kinds
from probbound.check.own.layout import OWN_CLAIM
from probbound.check.report import Refused, Unusable
from probbound.check.tasks.registry import replay_of, tasks

FORMAT = "probbound-certificate/4"
_TYPE = "https://in-toto.io/Statement/v1"
_PREDICATE_TYPE = "urn:probbound:certificate:4"
_READERS = {
    "probbound-certificate/1": "a version of probbound before 0.1.0",
    "probbound-certificate/2": "probbound 0.1.0",
    "probbound-certificate/3": "a version of probbound between 0.1.0 and 0.2.0 (commit 98893ff)",
}
_SEAL = "self_sha256"
_MOST_BYTES = 1 << 24
_MOST_DIGITS = 4300


def _claim_of(task: str) -> dict[str, Any] | None:
    """How a claim about a task is stated, None if there is no such task."""
    if task not in tasks():
        return None
    return {
        "kind": rules.one_of(*CLAIM_KINDS),
        "at": rules.maybe(rules.finite),
        "task": rules.one_of(task),
        "population": replay_of(task).population,
        "network": Cases("kind", _network_of),
    }


def _network_of(kind: str) -> dict[str, Any] | None:
    if kind not in kinds():
        return None
    return {"kind": rules.one_of(kind), "parts": kind_named(kind).parts}


_FIELDS: dict[str, Any] = {
    "format": rules.one_of(FORMAT),
    "claim": Cases("task", _claim_of),
    "bound": rules.not_negative,
    "failure_upper": rules.maybe(rules.share),
    "guarantee": rules.one_of("deterministic", "high-probability"),
    "delta": rules.share,
    "delta_allowed": rules.inside,
    "delta_chosen": rules.flag,
    "confidence_weighted": rules.not_negative,
    "strategy": rules.text,
    "chosen": rules.text,
    "proof": {
        "certified_mass": rules.maybe(rules.share),
        "loss_upper": rules.maybe(rules.not_negative),
        "largest_loss": rules.maybe(rules.not_negative),
        "flops": rules.count,
    },
    "levels": [
        {
            "check": rules.text,
            "mode": rules.one_of("enumerated", "passed through", "sampled"),
            "share_upper": rules.share,
            "samples": rules.count,
            "failures": rules.count,
            "log_delta": rules.maybe(rules.log),
        }
    ],
    "sampling": {
        "draws": rules.count,
        "samples": rules.count,
        "failures": rules.maybe(rules.count),
        "replace": rules.flag,
        "mean_loss": rules.maybe(rules.not_negative),
        "flops": rules.count,
    },
    "cost": {
        "flops": rules.count,
        "seconds": rules.not_negative,
        "phases": [
            {
                "name": rules.text,
                "part": rules.one_of("proof", "sampling"),
                "flops": rules.count,
                "seconds": rules.not_negative,
            }
        ],
    },
    "ledger": [
        {
            "statement": rules.text,
            "method": rules.text,
            "theorem": rules.text,
            "delta": rules.share,
            "log_delta": rules.log,
            "samples": rules.count,
        }
    ],
    "model": {"name": rules.text, "sha256": rules.sha256},
    "recipe": rules.maybe(rules.recipe),
    "budget": rules.maybe(rules.count),
    "seed": rules.count,
    "seed_source": rules.one_of("content", "beacon", "chosen"),
    "beacon": rules.maybe(rules.text),
    "budget_flops": rules.maybe(rules.amount),
    "stopped_at": rules.maybe(rules.count),
    "ran": {"recipe": rules.recipe, "budget": rules.maybe(rules.count)},
    "reference": [
        None,
        {
            "sha256": rules.sha256,
            "sequences": rules.positive,
            "precision": rules.one_of("float64", "float32", "float16", "bfloat16"),
            "largest_difference": rules.not_negative,
            "allowed": rules.not_negative,
        },
    ],
    "arithmetic": rules.text,
    "versions": rules.texts,
    "hex": rules.texts,
    _SEAL: rules.sha256,
}


def _model(predicate: Mapping[str, Any]) -> tuple[str, str]:
    return predicate["model"]["name"], predicate["model"]["sha256"]


NETWORK = Layout(FORMAT, _PREDICATE_TYPE, _FIELDS, _model, "the model")
LAYOUTS = {layout.format: layout for layout in (NETWORK, OWN_CLAIM)}


def read_document(path: Path) -> dict[str, Any]:
    """The predicate of a certificate file.

    Raises:
        Unusable: if the file is missing, is not JSON, or is no certificate of this format.
        Refused: if a field is missing, unknown or malformed, or the parts contradict each other.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise Unusable(f"there is no certificate {path}") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise Unusable(f"the certificate {path} cannot be read: {reason}") from error
    if len(content) > _MOST_BYTES:
        raise Unusable(f"{path} is larger than any certificate: {_MOST_BYTES} bytes")
    try:
        found = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_int=_integer,
        )
    except (ValueError, RecursionError) as error:
        raise Unusable(f"{path} cannot be read as a certificate: {error}") from error
    return predicate_of(found)


def predicate_of(found: Any) -> dict[str, Any]:
    """The predicate of parsed JSON, checked for being whole and consistent with itself.

    Raises:
        Unusable: if it is no certificate of this format.
        Refused: as `read_document`.
    """
    named = found.get("format") if isinstance(found, dict) else None
    layout = LAYOUTS.get(named) if isinstance(named, str) else None
    if layout is None:
        shown = f"format {named[:60]!r}" if isinstance(named, str) else "no format"
        reader = _READERS.get(str(named), "the version of probbound that made it")
        raise Unusable(
            f"it is a certificate of {shown}, and this checker reads {' and '.join(LAYOUTS)} "
            f"only; check it with {reader}, or make it anew"
        )
    for problem in faults(found, {**_statement(layout), **layout.fields}, ""):
        raise Refused(problem)
    predicate = found["predicate"]
    _require_copies(found, predicate, layout)
    sealed = _timeless({key: value for key, value in predicate.items() if key != _SEAL})
    if dict(_hexes({k: v for k, v in sealed.items() if k != "hex"}, "")) != predicate["hex"]:
        raise Refused("a number in hex is not the one in decimals")
    if hashlib.sha256(canonical(sealed)).hexdigest() != predicate[_SEAL]:
        raise Refused("it was altered: its own digest does not match")
    return predicate


def _statement(layout: Layout) -> dict[str, Any]:
    """The fields of an in-toto Statement."""
    return {
        "_type": rules.one_of(_TYPE),
        "subject": [{"name": rules.text, "digest": {"sha256": rules.sha256}}],
        "predicateType": rules.one_of(layout.predicate_type),
        "predicate": layout.fields,
    }


def _require_copies(found: dict[str, Any], predicate: dict[str, Any], layout: Layout) -> None:
    name, digest = layout.subject(predicate)
    if canonical(found["subject"]) != canonical([{"name": name, "digest": {"sha256": digest}}]):
        raise Refused(f"its subject is not {layout.about} that the predicate is about")
    for name in layout.fields:
        if canonical(found[name]) != canonical(predicate[name]):
            raise Refused(f"{name} stands in it twice, and not the same")


def _timeless(value: Any) -> Any:
    """The same without what a clock said: fields called seconds."""
    if isinstance(value, dict):
        return {key: _timeless(part) for key, part in value.items() if key != "seconds"}
    return [_timeless(part) for part in value] if isinstance(value, list) else value


def _hexes(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, float):
        yield path, value.hex()
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _hexes(part, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _hexes(part, f"{path}[{number}]")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return made


def _integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"an integer of {len(digits)} digits is more than any in a certificate")
    return int(digits)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number of JSON")
