"""The inputs of a claim about modular addition in words; nothing heavy is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

INPUTS = "inputs of modular-addition"


def counted(population: Mapping[str, Any]) -> str:
    """The number of a claim's inputs in words."""
    return f"{population['sizes'][0]}^2"


def manner(population: Mapping[str, Any]) -> str:
    """How inputs are answered where they are answered rightly."""
    return "correctly"


def remarks(population: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Nothing else has to be said."""
    return iter(())


def means(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Nothing has to be said of how inputs were decided."""
    return iter(())


def files(population: Mapping[str, Any]) -> tuple[str, ...]:
    """No files have to be brought."""
    return ()
