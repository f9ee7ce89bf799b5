"""The certificate file, read and validated by hand: JSON, fields and types, copies, hex, digest."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from probbound.check.report import Refused, Unusable

FORMAT = "probbound-certificate/2"
_TYPE = "https://in-toto.io/Statement/v1"
_PREDICATE_TYPE = "urn:probbound:certificate:2"
_SEAL = "self_sha256"
_MOST_BYTES = 1 << 24
_LONGEST_TEXT = 10_000
_MOST_DIGITS = 4300

Rule = Callable[[Any], bool]


def _count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _positive(value: Any) -> bool:
    return _count(value) and value > 0


def _share(value: Any) -> bool:
    return type(value) is float and 0 <= value <= 1


def _inside(value: Any) -> bool:
    return type(value) is float and 0 < value < 1


def _not_negative(value: Any) -> bool:
    return type(value) is float and 0 <= value < math.inf


def _finite(value: Any) -> bool:
    return type(value) is float and -math.inf < value < math.inf and not _minus_zero(value)


def _minus_zero(value: float) -> bool:
    return value == 0 and math.copysign(1.0, value) < 0


def _log(value: Any) -> bool:
    return type(value) is float and -math.inf < value <= 0


def _amount(value: Any) -> bool:
    return type(value) in (int, float) and 0 < value < math.inf


def _text(value: Any) -> bool:
    return type(value) is str and len(value) <= _LONGEST_TEXT


def _sha256(value: Any) -> bool:
    return type(value) is str and re.fullmatch("[0-9a-f]{64}", value) is not None


def _flag(value: Any) -> bool:
    return type(value) is bool


def _counts(value: Any) -> bool:
    return type(value) is list and bool(value) and all(map(_count, value))


def _texts(value: Any) -> bool:
    return type(value) is dict and all(map(_text, value.values()))


def _one_of(*allowed: str) -> Rule:
    return lambda value: type(value) is str and value in allowed


def _maybe(rule: Rule) -> Rule:
    return lambda value: value is None or rule(value)


# A rule for a value, an object of rules, [rule] for a list, [None, rule] for what may be null.
_FIELDS: dict[str, Any] = {
    "format": _one_of(FORMAT),
    "claim": {
        "kind": _one_of("accuracy", "margin", "loss"),
        "at": _maybe(_finite),
        "task": _one_of("max-of-k"),
        "d_vocab": _positive,
        "n_ctx": _positive,
        "population": _positive,
        "prior": [
            None,
            {
                "sha256": _sha256,
                "total": _positive,
                "rounded_bits": _maybe(_count),
                "weights": _counts,
            },
        ],
    },
    "bound": _not_negative,
    "failure_upper": _maybe(_share),
    "guarantee": _one_of("deterministic", "high-probability"),
    "delta": _share,
    "delta_allowed": _inside,
    "delta_chosen": _flag,
    "confidence_weighted": _not_negative,
    "strategy": _text,
    "chosen": _text,
    "proof": {
        "certified_mass": _maybe(_share),
        "loss_upper": _maybe(_not_negative),
        "largest_loss": _maybe(_not_negative),
        "flops": _count,
    },
    "levels": [
        {
            "check": _text,
            "mode": _one_of("enumerated", "passed through", "sampled"),
            "share_upper": _share,
            "samples": _count,
            "failures": _count,
            "log_delta": _maybe(_log),
        }
    ],
    "sampling": {
        "draws": _count,
        "samples": _count,
        "failures": _maybe(_count),
        "replace": _flag,
        "mean_loss": _maybe(_not_negative),
        "flops": _count,
    },
    "cost": {
        "flops": _count,
        "seconds": _not_negative,
        "phases": [
            {
                "name": _text,
                "part": _one_of("proof", "sampling"),
                "flops": _count,
                "seconds": _not_negative,
            }
        ],
    },
    "ledger": [
        {
            "statement": _text,
            "method": _text,
            "theorem": _text,
            "delta": _share,
            "log_delta": _log,
            "samples": _count,
        }
    ],
    "model": {"name": _text, "sha256": _sha256},
    "budget": _count,
    "seed": _count,
    "seed_source": _one_of("content", "beacon", "chosen"),
    "beacon": _maybe(_text),
    "grid_points": _maybe(_positive),
    "target": _maybe(_inside),
    "draws": _maybe(_count),
    "budget_flops": _maybe(_amount),
    "paths": _maybe(_one_of("joint", "separate")),
    "stopped_at": _maybe(_count),
    "ran": {"budget": _count, "draws": _maybe(_count)},
    "arithmetic": _text,
    "versions": _texts,
    "hex": _texts,
    _SEAL: _sha256,
}


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
    if named != FORMAT:
        shown = f"format {named[:60]!r}" if isinstance(named, str) else "no format"
        raise Unusable(f"it is a certificate of {shown}, and this checker reads {FORMAT} only")
    for problem in _faults(found, {**_STATEMENT, **_FIELDS}, ""):
        raise Refused(problem)
    predicate = found["predicate"]
    _require_copies(found, predicate)
    sealed = _timeless({key: value for key, value in predicate.items() if key != _SEAL})
    if dict(_hexes({k: v for k, v in sealed.items() if k != "hex"}, "")) != predicate["hex"]:
        raise Refused("a number in hex is not the one in decimals")
    if hashlib.sha256(canonical(sealed)).hexdigest() != predicate[_SEAL]:
        raise Refused("it was altered: its own digest does not match")
    return predicate


_STATEMENT: dict[str, Any] = {
    "_type": _one_of(_TYPE),
    "subject": [{"name": _text, "digest": {"sha256": _sha256}}],
    "predicateType": _one_of(_PREDICATE_TYPE),
    "predicate": _FIELDS,
}


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, no spaces, UTF-8, floats as Python's shortest decimals."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def _require_copies(found: dict[str, Any], predicate: dict[str, Any]) -> None:
    model = predicate["model"]
    subject = [{"name": model["name"], "digest": {"sha256": model["sha256"]}}]
    if canonical(found["subject"]) != canonical(subject):
        raise Refused("its subject is not the model that the predicate is about")
    for name in _FIELDS:
        if canonical(found[name]) != canonical(predicate[name]):
            raise Refused(f"{name} stands in it twice, and not the same")


def _faults(value: Any, wanted: Any, path: str) -> Iterator[str]:
    place = path or "the certificate"
    if callable(wanted):
        if not wanted(value):
            yield f"{place} cannot be {_shown(value)}"
    elif isinstance(wanted, list) and wanted[0] is None:
        if value is not None:
            yield from _faults(value, wanted[1], path)
    elif isinstance(wanted, list):
        if type(value) is not list:
            yield f"{place} must be a list, not {_shown(value)}"
            return
        for number, part in enumerate(value):
            yield from _faults(part, wanted[0], f"{path}[{number}]")
    elif type(value) is not dict:
        yield f"{place} must be an object, not {_shown(value)}"
    else:
        for key in (*(k for k in wanted if k not in value), *(k for k in value if k not in wanted)):
            yield f"{place} has no {key}" if key in wanted else f"{place} has an unknown {key!r}"
        for key, rule in wanted.items():
            if key in value:
                yield from _faults(value[key], rule, f"{path}.{key}" if path else key)


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


def _shown(value: Any) -> str:
    text = repr(value) if type(value) is not int or value.bit_length() < 1000 else "a huge integer"
    return text if len(text) <= 80 else text[:77] + "..."


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
