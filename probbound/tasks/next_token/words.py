"""The rows of a claim in words; nothing heavy is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

INPUTS = "rows of tokens"

_ARITHMETIC = {
    "real": "about the weights as real numbers: what rounding could change counts against it",
    "float64": "about what this program computes in float64, not about real numbers: what "
    "lies within {agreement:.1e} of the largest outcome counts against it",
}


@dataclass(frozen=True)
class _Words:
    """What is said of a population of rows, and the option that brings it."""

    data: Callable[[Mapping[str, Any]], str]
    option: Callable[[Mapping[str, Any]], str]


def _of_list(population: Mapping[str, Any]) -> str:
    size, length = population["size"], population["length"]
    rows, shortest = "row" if size == 1 else "rows", population["shortest"]
    lengths = f"{length}" if shortest == length else f"{shortest} to {length}"
    return f"{size:,} {rows} of {lengths} tokens, {population['sha256'][:16]}…"


def _of_law(population: Mapping[str, Any]) -> str:
    bits = population["rounded_bits"]
    rounded = "" if bits is None else f" rounded to multiples of 2^-{bits}"
    return (
        f"rows of {population['length']} independent tokens, each position by its law{rounded}, "
        f"{population['sha256'][:16]}…"
    )


def _of_generator(population: Mapping[str, Any]) -> str:
    source = population["source"]
    known = f"{source['sha256'][:16]}…" if source["version"] is None else repr(source["version"])
    return f"rows of {population['length']} tokens by the generator {population['name']}, {known}"


_WORDS = {
    "rows": _Words(_of_list, lambda _: "--data rows.npz"),
    "row-law": _Words(_of_law, lambda _: "--data law.npz"),
    "row-generator": _Words(_of_generator, lambda _: "--replay FILE.py:NAME"),
}


def counted(population: Mapping[str, Any]) -> str:
    """The number of rows in words, where there is one."""
    size = population["size"]
    return "" if size is None else f"{size:,}"


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
    yield "data", _WORDS[population["kind"]].data(population)
    if "on_trust" in population:
        yield "on trust", population["on_trust"]


def means(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """By what rows were decided, where the claim does not say so."""
    if bits := settings.get("balls"):
        said = f"rows that radii leave open were decided by ball arithmetic of {bits} bits"
        yield "balls", f"{said} (python-flint)"


def files(population: Mapping[str, Any]) -> tuple[str, ...]:
    """Options that bring what a claim is about, each with the name of a file."""
    other = () if population["against"] is None else ("--against other.safetensors",)
    return (_WORDS[population["kind"]].option(population), *other)
