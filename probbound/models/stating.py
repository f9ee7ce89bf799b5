"""A network as a claim states it, whatever its kind: parts, each read in its file or assumed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


def sourced(values: Mapping[str, Any], assumed: Collection[str]) -> dict[str, dict[str, Any]]:
    """Each part with its `value`, `read` in the file, or `assumed` as the file does not say it."""
    return {
        part: {"value": value, "source": "assumed" if part in assumed else "read"}
        for part, value in values.items()
    }


def with_assumed(words: Collection[str], assumed: Collection[str]) -> str:
    """A network in a line, what is assumed of it last."""
    rest = f"; assumed, as the file does not say: {', '.join(assumed)}" if assumed else ""
    return ", ".join(words) + rest


def from_source(
    words: Mapping[str, str], parts: Mapping[str, Mapping[str, Any]], source: str
) -> list[str]:
    """The words for those parts of a claim that are `read`, or `assumed`."""
    return [text for part, text in words.items() if parts[part]["source"] == source]


def notice_of(name: str, words: Mapping[str, str], assumed: Collection[str]) -> str:
    """What whoever certifies a file without a full configuration has to be told, else ""."""
    found = [text for part, text in words.items() if part in assumed]
    return (
        f"the file of {name} does not say all of its network; assumed: {', '.join(found)}"
        if found
        else ""
    )
