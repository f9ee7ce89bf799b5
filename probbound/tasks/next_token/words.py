"""The rows of a claim in words; nothing heavy is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

INPUTS = "rows of tokens"

_ARITHMETIC = {
    "real": "about the weights as real numbers: what rounding could change counts against it",
    "float64": "about what this program computes in float64, not about real numbers: what "
    "lies within {agreement:.1e} of the largest outcome counts against it",
}


def counted(population: Mapping[str, Any]) -> str:
    """The number of rows in words."""
    return f"{population['size']:,}"


def manner(population: Mapping[str, Any]) -> str:
    """How inputs are answered where they are answered rightly."""
    return "correctly" if population["against"] is None else f"as {reference(population)} does"


def reference(population: Mapping[str, Any]) -> str:
    """The network that another is compared with."""
    return f"the network {population['against']['sha256'][:16]}…"


def remarks(population: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What else has to be said of a claim about these rows."""
    agreement = population["agreement"] or 0.0
    yield "arithmetic", _ARITHMETIC[population["arithmetic"]].format(agreement=agreement)
    size, length = population["size"], population["length"]
    rows = "row" if size == 1 else "rows"
    yield "data", f"{size:,} {rows} of {length} tokens, {population['sha256'][:16]}…"


def means(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """By what rows were decided, where the claim does not say so."""
    if bits := settings.get("balls"):
        said = f"rows that radii leave open were decided by ball arithmetic of {bits} bits"
        yield "balls", f"{said} (python-flint)"


def files(population: Mapping[str, Any]) -> tuple[str, ...]:
    """Options that bring what a claim is about, each with the name of a file."""
    other = () if population["against"] is None else ("--against other.safetensors",)
    return ("--data rows.npz", *other)
