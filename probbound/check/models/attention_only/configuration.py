"""The configuration among the texts and numbers that a file holds beside its weights.

A configuration is an object of JSON that holds a telling key (`transformer_lens.TELLING`), or that
stands under the name config: at any depth, within lists and within JSON that is itself text.
Entries of the file that carry telling names themselves are together one more.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from probbound.check.models.attention_only.transformer_lens import TELLING
from probbound.check.models.files import once
from probbound.check.report import Unusable

_NAMES = ("config", "cfg", "model_config", "model_cfg")
_OWN_FORMAT, _OWN = "probbound-model/", ("format", "sha256", "record", "source")
_DEEPEST = 32
_LONGEST_INTEGER = 300
_MENTIONED = re.compile(
    rf"""(?:^|[\s{{(,'"])({"|".join(sorted(TELLING))})['"]?[ \t]{{0,9}}[:=]""", re.MULTILINE
)


@dataclass(frozen=True)
class Configuration:
    """Where it was found, its keys, and whether they are the names of the file's entries."""

    place: str
    keys: Mapping[str, Any]
    flat: bool = False


def configurations(entries: Mapping[str, Any]) -> Iterator[Configuration]:
    """Every configuration among a file's entries, the flat one last.

    Raises:
        Unusable: at what may be a configuration but cannot be read as one.
    """
    own = _OWN if str(entries.get("format")).startswith(_OWN_FORMAT) else ()
    flat = {}
    for name, value in entries.items():
        if name in own:
            continue
        if _telling(name):
            flat[name] = value = _plain(value)
        yield from _inside(_last(name), value, f"its entry {name[:40]!r}", 0)
    if flat:
        names = ", ".join(repr(name[:40]) for name in sorted(flat)[:3])
        yield Configuration(f"its entries {names}", flat, flat=True)


def _telling(name: str) -> bool:
    return _last(name) in TELLING


def _last(name: str) -> str:
    return re.split("[./:]", name)[-1]


def _plain(value: Any) -> Any:
    """A text as the JSON that it is, if it is any."""
    try:
        return _parsed(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _inside(name: str, value: Any, place: str, depth: int) -> Iterator[Configuration]:
    if depth > _DEEPEST:
        raise Unusable(f"{place} is nested too deep")
    if isinstance(value, str):
        yield from _in_text(name, value, place, depth)
    elif isinstance(value, dict):
        if name.lower() in _NAMES or any(map(_telling, value)):
            yield Configuration(place, value)
        for key, part in value.items():
            yield from _inside(key, part, f"{place}, under {key[:40]!r}", depth + 1)
    elif isinstance(value, list):
        for part in value:
            yield from _inside(name, part, place, depth + 1)
    elif name.lower() in _NAMES and value is not None:
        raise Unusable(f"{place} is {shown(value)}, which is no configuration")


def _in_text(name: str, text: str, place: str, depth: int) -> Iterator[Configuration]:
    try:
        value = _parsed(text)
    except ValueError:
        mentioned = _MENTIONED.search(text)
        if mentioned or name.lower() in _NAMES:
            what = f"mentions {mentioned[1]}" if mentioned else "is called a configuration"
            raise Unusable(
                f"{place} {what} but is no JSON; give the configuration as JSON under 'config', "
                "or leave it out"
            ) from None
        return
    yield from _inside(name, value, place, depth + 1)


def _parsed(text: str) -> Any:
    """The JSON that a text is.

    Raises:
        ValueError: if it is none.
        Unusable: if it is nested too deep, has a number too long, or a name twice in an object.
    """
    try:
        return json.loads(text.strip("\ufeff \t\r\n"), parse_int=_integer, object_pairs_hook=once)
    except RecursionError:
        raise Unusable("JSON in its entries is nested too deep") from None


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_INTEGER:
        raise Unusable(f"a number in its entries has {len(digits)} digits")
    return int(digits)


def shown(value: Any) -> str:
    """A value of JSON as its sender wrote it, or the beginning."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
