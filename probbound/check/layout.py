"""What a kind of certificate has to hold: its fields, by rules, and the subject it names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple


class Layout(NamedTuple):
    """A format: its predicate type, its fields, and what the statement is about.

    `fields` has a rule for a value, an object of rules, [rule] for a list, and [None, rule] for
    what may be null; `subject` gives the name and digest of a predicate that fits them.
    """

    format: str
    predicate_type: str
    fields: Mapping[str, Any]
    subject: Callable[[Mapping[str, Any]], tuple[str, str]]
    about: str


class Cases(NamedTuple):
    """An object whose fields depend on what it says under `key`; `of` gives their rules."""

    key: str
    of: Callable[[str], Mapping[str, Any] | None]


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, no spaces, UTF-8, floats as Python's shortest decimals."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def fits(value: Any, wanted: Any) -> bool:
    """Whether there is no fault."""
    return next(faults(value, wanted, ""), None) is None


def faults(value: Any, wanted: Any, path: str) -> Iterator[str]:
    """Where a value of JSON is not as wanted, in sentences."""
    place = path or "the certificate"
    if isinstance(wanted, Cases):
        said = value.get(wanted.key) if type(value) is dict else None
        rules = wanted.of(said) if type(said) is str else None
        if rules is None:
            yield f"{place}.{wanted.key} cannot be {_shown(said)}"
        else:
            yield from faults(value, rules, path)
    elif callable(wanted):
        if not wanted(value):
            yield f"{place} cannot be {_shown(value)}"
    elif isinstance(wanted, list) and wanted[0] is None:
        if value is not None:
            yield from faults(value, wanted[1], path)
    elif isinstance(wanted, list):
        if type(value) is not list:
            yield f"{place} must be a list, not {_shown(value)}"
            return
        for number, part in enumerate(value):
            yield from faults(part, wanted[0], f"{path}[{number}]")
    elif type(value) is not dict:
        yield f"{place} must be an object, not {_shown(value)}"
    else:
        for key in (*(k for k in wanted if k not in value), *(k for k in value if k not in wanted)):
            yield f"{place} has no {key}" if key in wanted else f"{place} has an unknown {key!r}"
        for key, rule in wanted.items():
            if key in value:
                yield from faults(value[key], rule, f"{path}.{key}" if path else key)


def _shown(value: Any) -> str:
    text = repr(value) if type(value) is not int or value.bit_length() < 1000 else "a huge integer"
    return text if len(text) <= 80 else text[:77] + "..."
