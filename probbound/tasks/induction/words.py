"""The inputs of a claim about induction in words; nothing heavy is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

INPUTS = "inputs of induction"

_REPEATS = {
    "once": "the last token stands exactly once before, at one of the first {most} places",
    "any": "the last token stands before, anywhere; what followed it last is right",
}


def counted(population: Mapping[str, Any]) -> str:
    """The number of a claim's inputs in words."""
    v, n = population["d_vocab"], population["n_ctx"]
    if population["repeats"] == "once":
        return f"{v}*{n - 2}*{v - 1}^{n - 2}"
    return f"{v}*({v}^{n - 1} - {v - 1}^{n - 1})"


def manner(population: Mapping[str, Any]) -> str:
    """How inputs are answered where they are answered rightly."""
    return "correctly"


def remarks(population: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What else has to be said of a claim's inputs."""
    v, n = population["d_vocab"], population["n_ctx"]
    said = _REPEATS[population["repeats"]].format(most=n - 2)
    yield "sequences", f"{n} of {v} tokens; {said}"


def means(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Nothing has to be said of how inputs were decided."""
    return iter(())


def files(population: Mapping[str, Any]) -> tuple[str, ...]:
    """No files have to be brought."""
    return ()
