"""Rules that single values of a certificate keep to: whether a value of JSON is of a kind."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

_LONGEST_TEXT = 10_000

Rule = Callable[[Any], bool]


def count(value: Any) -> bool:
    return type(value) is int and value >= 0


def positive(value: Any) -> bool:
    return count(value) and value > 0


def share(value: Any) -> bool:
    return type(value) is float and 0 <= value <= 1


def inside(value: Any) -> bool:
    return type(value) is float and 0 < value < 1


def not_negative(value: Any) -> bool:
    return type(value) is float and 0 <= value < math.inf


def finite(value: Any) -> bool:
    return type(value) is float and -math.inf < value < math.inf and not _minus_zero(value)


def _minus_zero(value: float) -> bool:
    return value == 0 and math.copysign(1.0, value) < 0


def log(value: Any) -> bool:
    return type(value) is float and -math.inf < value <= 0


def amount(value: Any) -> bool:
    return type(value) in (int, float) and 0 < value < math.inf


def text(value: Any) -> bool:
    return type(value) is str and len(value) <= _LONGEST_TEXT


def long_text(value: Any) -> bool:
    """Text that may quote another."""
    return type(value) is str and len(value) <= 2 * _LONGEST_TEXT


def word(value: Any) -> bool:
    return type(value) is str and re.fullmatch("[ -~]{1,40}", value) is not None


def sha256(value: Any) -> bool:
    return type(value) is str and re.fullmatch("[0-9a-f]{64}", value) is not None


def flag(value: Any) -> bool:
    return type(value) is bool


def counts(value: Any) -> bool:
    return type(value) is list and bool(value) and all(map(count, value))


def texts(value: Any) -> bool:
    return type(value) is dict and all(map(text, value.values()))


def one_of(*allowed: str) -> Rule:
    return lambda value: type(value) is str and value in allowed


def part(rule: Rule) -> dict[str, Rule]:
    """A part of the network: what it is, and whether the file of weights says so."""
    return {"value": rule, "source": one_of("read", "assumed")}


def label_of(most: int) -> Rule:
    """Text of one character at least."""
    return lambda value: type(value) is str and 0 < len(value) <= most


def some(rule: Rule) -> Rule:
    """A list of one at least."""
    return lambda value: type(value) is list and bool(value) and all(map(rule, value))


def recipe(value: Any) -> bool:
    """Levels and perhaps a law, each an object of words and numbers; a task says of which."""
    if type(value) is not dict or value.keys() != {"levels", "law"}:
        return False
    levels, law = value["levels"], value["law"]
    named = some(lambda part: _settings(part, "level", "mode"))
    return named(levels) and (law is None or _settings(law, "law"))


def _settings(value: Any, *names: str) -> bool:
    if type(value) is not dict or not all(word(value.get(name)) for name in names):
        return False
    return all(each is None or type(each) in (str, int, float, bool) for each in value.values())


def maybe(rule: Rule) -> Rule:
    return lambda value: value is None or rule(value)
