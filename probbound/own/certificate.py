"""The certificate of an own claim: what is claimed, from what was looked at, on whose word."""

from __future__ import annotations

import math
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from estimators.guarantee import Guarantee
from estimators.interval import Side
from probbound import __version__
from probbound.arithmetic.decimals import lower, upper
from probbound.arithmetic.rounding import ratio_down, ratio_up
from probbound.certificates.format import OWN_FORMAT, file_content, sealed
from probbound.certificates.seeds import Seed
from probbound.contract.ledger import Ledger
from probbound.machine.errors import UserError
from probbound.machine.files import write_atomically
from probbound.own.parts import Ends, Part, whole_of
from probbound.own.question import Settings, Subject
from probbound.own.trust import trusted

ARITHMETIC = (
    "counts and weights in integers, bounds in exact fractions, rounded outward once; intervals in "
    "IEEE float64 with margins for rounding (docs/theory.md, 2.1, 2.2, 2.25 and 5.1)"
)


@dataclass(frozen=True)
class Quantity:
    """One number that is bounded, in floats rounded outward."""

    name: str
    lower: float
    upper: float

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


@dataclass(frozen=True, repr=False)
class OwnCertificate:
    """Bounds on what a user claims, that fail with probability at most `delta`.

    Of shares `results` are bounds on the share that *fails*, of means on the mean: one for each
    check or threshold.
    """

    subject: Subject
    settings: Settings
    chosen: str
    seed: Seed
    parts: tuple[Part, ...]
    pilot_looks: int
    seconds: float

    def __str__(self) -> str:
        """What is claimed, in one sentence a result, for people."""
        kind, side = self.subject.kind, self.settings.side
        if self.of_failures:
            subject = "the share that fails"
        else:
            subject = "the mean" if kind == "mean" else "the share that passes the first more"
        sure = "for certain" if not self.ledger.spends else f"except with δ = {self.delta:g}"
        looks = sum(part.looks for part in self.parts)
        return "\n".join(
            f"{self.settings.name}: {subject} ({each.name}) is {_between(each, side)}, {sure}; "
            f"{looks:,} looks"
            for each in self.results
        )

    __repr__ = __str__

    @property
    def ends(self) -> tuple[Ends, ...]:
        """Bounds for the whole population, exact."""
        return whole_of(self.parts)

    @property
    def results(self) -> tuple[Quantity, ...]:
        """Bounds for the whole population."""
        names = self.subject.names()
        return tuple(
            Quantity(name, ratio_down(end.lower, 1), ratio_up(end.upper, 1))
            for name, end in zip(names, self.ends, strict=True)
        )

    @property
    def of_failures(self) -> bool:
        """Whether the bounds are on shares that fail."""
        return self.subject.kind in ("share", "family")

    @property
    def failure_upper(self) -> float:
        """The share that fails is at most this, of a family for every check.

        Raises:
            UserError: if the claim is of a mean.
        """
        self._require_failures()
        return max(each.upper for each in self.results)

    @property
    def failure_lower(self) -> float:
        """The share that fails is at least this, of a family for every check.

        Raises:
            UserError: if the claim is of a mean.
        """
        self._require_failures()
        return min(each.lower for each in self.results)

    def _require_failures(self) -> None:
        if not self.of_failures:
            raise UserError("nothing fails where a mean is claimed; its bounds are in results")

    @property
    def bound(self) -> float:
        """What is claimed, as one number.

        Of shares the least share of good members (the largest, if side is "lower"); of a mean its
        upper bound (the lower one, if side is "lower"); of a difference its lower bound.
        """
        return self._one(self.ends)

    def _one(self, ends: tuple[Ends, ...]) -> float:
        lower, upper = min(e.lower for e in ends), max(e.upper for e in ends)
        if self.of_failures:
            low_side = self.settings.side == "lower"
            return ratio_up(1 - lower, 1) if low_side else ratio_down(1 - upper, 1)
        from_below = self.settings.side == "lower" or self.subject.kind == "difference"
        return ratio_down(lower, 1) if from_below else ratio_up(upper, 1)

    @property
    def ledger(self) -> Ledger:
        """Every spend of δ."""
        return Ledger(tuple(spend for part in self.parts for spend in part.spends))

    @property
    def delta(self) -> float:
        """The probability, over the draws alone, that a bound is wrong."""
        return min(self.ledger.delta, self.settings.delta)

    @property
    def guarantee(self) -> Guarantee:
        """Deterministic if nothing was spent."""
        return Guarantee.HIGH_PROBABILITY if self.ledger.spends else Guarantee.DETERMINISTIC

    @property
    def confidence_weighted(self) -> float:
        """(1 - δ) · bound + δ · what is certain (Theorem 1.15)."""
        certain = self._one(tuple(_certain(end) for end in self.ends))
        return (1 - self.delta) * self.bound + self.delta * certain

    def to_json(self) -> dict[str, Any]:
        """The predicate; docs/own-claims.md says what each field is."""
        settings, parts = self.settings, [part.to_json() for part in self.parts]
        share = self.of_failures
        fields = {
            "format": OWN_FORMAT,
            "claim": self.subject.claim(settings.name, settings.side),
            "bound": self.bound,
            "failure_upper": self.failure_upper if share else None,
            "failure_lower": self.failure_lower if share else None,
            "mean_upper": None if share else self.results[0].upper,
            "mean_lower": None if share else self.results[0].lower,
            "results": [each.to_json() for each in self.results],
            "guarantee": str(self.guarantee),
            "delta": self.delta,
            "delta_allowed": settings.delta,
            "confidence_weighted": self.confidence_weighted,
            "strategy": settings.strategy,
            "chosen": self.chosen,
            "budget": settings.budget,
            "asked_draws": settings.draws,
            "parts": parts,
            "sampling": {
                "draws": sum(part.task.sample.draws for part in self.parts),
                "looks": sum(part.looks for part in self.parts),
                "failures": None if not share else sum(part.failures for part in self.parts),
                "replace": any(part.task.sample.replace for part in self.parts),
            },
            "cost": {
                "looks": sum(part.looks for part in self.parts),
                "cheap_looks": sum(part.cheap_looks for part in self.parts),
                "pilot_looks": self.pilot_looks,
                "seconds": self.seconds,
            },
            "ledger": [asdict(spend) for spend in self.ledger.spends],
            "seed": self.seed.value,
            "seed_source": self.seed.source,
            "beacon": self.seed.beacon,
            "trusted": trusted(self.subject, self.pilot_looks > 0),
            "arithmetic": ARITHMETIC,
            "versions": {
                "probbound": __version__,
                "python": platform.python_version(),
                "numpy": np.__version__,
                "scipy": scipy.__version__,
            },
        }
        return sealed(fields)

    def save(self, path: Path | str) -> None:
        """Write the certificate file in one piece or not at all.

        Raises:
            UserError: if the file cannot be written.
        """
        write_atomically(Path(path), file_content(self.to_json()))


def _between(result: Quantity, side: Side) -> str:
    """The bounds in few digits that say no more; of what is known to a last bit its value."""
    if result.upper <= math.nextafter(result.lower, math.inf):
        return f"{result.upper:.6g}"
    if side == "two":
        return f"from {lower(result.lower, 4)} to {upper(result.upper, 4)}"
    if side == "lower":
        return f"at least {lower(result.lower, 4)}"
    return f"at most {upper(result.upper, 4)}"


def _certain(end: Ends) -> Ends:
    return Ends(end.certain_lower, end.certain_upper, end.certain_lower, end.certain_upper)
