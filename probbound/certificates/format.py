"""The certificate as a file: an in-toto Statement whose predicate is checked by a JSON Schema.

`docs/certificate.md` says why it is laid out so. The independent checker does not use this module.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import best_match

from probbound.arithmetic.scalars import MOST_DIGITS
from probbound.machine.errors import UserError
from probbound.machine.json_objects import named_once

FORMAT = "probbound-certificate/4"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
OWN_FORMAT = "probbound-own-claim/1"
SEAL = "self_sha256"
MOST_BYTES = 1 << 24
_READERS = {
    "probbound-certificate/2": "probbound 0.1.0",
    "probbound-certificate/3": "a version of probbound between 0.1.0 and 0.2.0 (commit 98893ff)",
}


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, no spaces, UTF-8; floats are the shortest decimals that round-trip.

    Raises:
        UserError: if a number has no JSON: NaN, an infinity, an integer of over MOST_DIGITS digits.
    """
    try:
        made = json.dumps(
            value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
    except ValueError as error:
        raise UserError(
            f"a certificate holds finite numbers of up to {MOST_DIGITS} digits, and one is not"
        ) from error
    return made.encode("utf-8", "surrogatepass")


class Format(NamedTuple):
    """A kind of certificate: its predicate type, its schema, and what it is about."""

    predicate_type: str
    schema: str
    subject: Callable[[Mapping[str, Any]], tuple[str, str]]


def _model(predicate: Mapping[str, Any]) -> tuple[str, str]:
    return predicate["model"]["name"], predicate["model"]["sha256"]


def _claim(predicate: Mapping[str, Any]) -> tuple[str, str]:
    claim = predicate["claim"]
    return claim["name"], hashlib.sha256(canonical(claim)).hexdigest()


FORMATS = {
    FORMAT: Format("urn:probbound:certificate:4", "certificate-4.json", _model),
    OWN_FORMAT: Format("urn:probbound:own-claim:1", "own-claim-1.json", _claim),
}


def sealed(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The predicate: the fields, every float of theirs in hex, and a digest over all of it.

    But not of the clock, so that the same question gets the same digest on every run.
    """
    made = {**fields, "hex": dict(_hexes(_timeless(fields), ""))}
    return {**made, SEAL: hashlib.sha256(canonical(_timeless(made))).hexdigest()}


def _timeless(value: Any) -> Any:
    """The same without what a clock said: fields called seconds."""
    if isinstance(value, dict):
        return {key: _timeless(part) for key, part in value.items() if key != "seconds"}
    return [_timeless(part) for part in value] if isinstance(value, list) else value


def _hexes(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, float):
        yield path, value.hex()
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _hexes(part, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _hexes(part, f"{path}[{number}]")


def statement(predicate: Mapping[str, Any]) -> dict[str, Any]:
    """The in-toto Statement about its subject; the predicate's fields stand beside it as well."""
    kind = FORMATS[predicate["format"]]
    name, digest = kind.subject(predicate)
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": digest}}],
        "predicateType": kind.predicate_type,
        "predicate": dict(predicate),
        **predicate,
    }


def file_content(predicate: Mapping[str, Any]) -> bytes:
    """What a certificate file holds.

    Raises:
        UserError: if the schema does not allow it.
    """
    made = statement(predicate)
    if fault := schema_fault(json.loads(json.dumps(made)), predicate["format"]):
        raise UserError(f"the certificate does not fit its own schema: {fault}")
    return (json.dumps(made, indent=2, allow_nan=False, ensure_ascii=False) + "\n").encode()


def read_certificate(path: Path | str) -> dict[str, Any]:
    """The predicate of a certificate file: every field of the contract.

    That it is whole is all that is checked (schema, copies, digest); `probbound.check` does the
    rest.

    Raises:
        UserError: if the file is missing, is not JSON, is no certificate of this format, or was
            altered by somebody who left its digest alone.
    """
    return predicate_of(parsed(Path(path)), str(path))


def parsed(path: Path) -> Any:
    """The JSON of a file, no larger than MOST_BYTES.

    Raises:
        UserError: if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ValueError(f"it is larger than {MOST_BYTES} bytes")
        text = content.decode("utf-8")
        return json.loads(
            text,
            parse_constant=_no_constant,
            parse_int=_integer,
            object_pairs_hook=named_once,
        )
    except FileNotFoundError as error:
        raise UserError(f"there is no certificate {path}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as a certificate: {error}") from error


def predicate_of(found: Any, source: str) -> dict[str, Any]:
    """The predicate of a parsed certificate, once it is seen to be whole.

    Raises:
        UserError: naming the version, if it is another one, or the first fault.
    """
    named = found.get("format") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(named, str):
        raise UserError(f"{source} is not a certificate of format {FORMAT}")
    if named not in FORMATS:
        reader = _READERS.get(named, "the version that made it")
        raise UserError(
            f"{source} is a certificate of format {named[:60]!r}, and this version of probbound "
            f"reads {' and '.join(FORMATS)} only; make it anew, or check it with {reader}"
        )
    if fault := schema_fault(found, named):
        raise UserError(f"{source} is not a certificate of format {named}: {fault}")
    predicate = found["predicate"]
    fields = {key: value for key, value in predicate.items() if key not in ("hex", SEAL)}
    if canonical(found) != canonical(statement(predicate)) or sealed(fields) != predicate:
        raise UserError(f"{source} was altered: its parts do not agree with its own digest")
    return predicate


def schema_fault(found: Any, format: str = FORMAT) -> str | None:
    """The most telling way in which JSON breaks the schema of a format, None if it fits."""
    error = best_match(_validator(FORMATS[format].schema).iter_errors(found))
    if error is None:
        return None
    place = error.json_path.removeprefix("$.").removeprefix("$")
    return f"{error.message[:300]}" + (f" (at {place})" if place else "")


@cache
def _validator(schema: str) -> Draft202012Validator:
    text = (files("probbound") / "schemas" / schema).read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(text), format_checker=FormatChecker())


def _integer(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"an integer of {len(digits)} digits is more than any in a certificate")
    return int(digits)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number of JSON")
