"""All methods by name, and the table of every quantity by every method that can bound it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from probbound.machine.errors import UserError
from probbound.noise.bounds import DETERMINISTIC
from probbound.noise.contract import Method, NoiseBound, Quantity, Settings
from probbound.noise.sampled import SAMPLED
from probbound.noise.term import NoiseTerm
from probbound.noise.truth import truths

PROVEN_RMS = "second-moments"
METHODS: dict[str, Method] = {method.name: method for method in (*DETERMINISTIC, *SAMPLED)}


def method_named(name: str) -> Method:
    """The method `name`.

    Raises:
        UserError: if there is none of that name.
    """
    if name not in METHODS:
        raise UserError(f"there is no method {name!r}; choose from {', '.join(METHODS)}")
    return METHODS[name]


def noise_table(
    term: NoiseTerm,
    quantities: Sequence[Quantity],
    settings: Settings,
    methods: Sequence[str] | None = None,
    exact: bool = False,
) -> list[NoiseBound]:
    """Every quantity by every method that can bound it, quantity by quantity.

    `methods` restricts it to those named; None takes all but those that evaluate every entry.
    `exact` computes every quantity itself and puts it into each row as its truth.

    Raises:
        UserError: if there is no method of a name.
    """
    chosen = [method_named(name) for name in methods] if methods is not None else cheap_methods()
    rows: dict[Quantity, list[NoiseBound]] = {quantity: [] for quantity in quantities}
    for method in chosen:
        asked = [quantity for quantity in rows if quantity.name in method.quantities]
        for row in method.bounds(term, asked, settings) if asked else ():
            rows[row.quantity].append(row)
    known = truths(term, list(rows), settings.memory_bytes) if exact else {}
    return [replace(row, truth=known.get(quantity)) for quantity in rows for row in rows[quantity]]


def proven_rms(term: NoiseTerm, settings: Settings) -> float:
    """A bound on the root mean square of the entries, at no look at any of them."""
    (rms,) = method_named(PROVEN_RMS).bounds(term, [Quantity("rms")], settings)
    return rms.bound


def cheap_methods() -> list[Method]:
    """The methods that do not evaluate every entry."""
    return [method for method in METHODS.values() if not method.streams]
