"""One cell of a sweep: a question, its address, and what was found."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from probbound import __version__
from probbound.certificates.format import SEAL, canonical
from probbound.contract.defaults import AUTO
from probbound.sweeps.config import SweepConfig
from probbound.tasks.max_of_k.grammar import with_noise
from probbound.tasks.max_of_k.strategies import strategy_named

FORMAT = "probbound-cell/3"
Status = Literal["certified", "failed"]


@dataclass(frozen=True)
class Cell:
    """A question that is one certificate; a setting that the strategy does not use is None."""

    model: str
    model_sha256: str
    strategy: str
    budget: int | None
    delta: float | None
    paths: str | None
    seed: int | None
    version: str = __version__

    @property
    def key(self) -> str:
        """The address: SHA-256, in hex, of the question as canonical JSON."""
        return hashlib.sha256(canonical(asdict(self))).hexdigest()

    @property
    def settings(self) -> dict[str, Any]:
        """What is passed to `certify` beside the model."""
        names = ("budget", "delta", "paths", "seed")
        given = {name: getattr(self, name) for name in names}
        used = {name: value for name, value in given.items() if value is not None}
        return {"strategy": self.strategy, **used}


@dataclass(frozen=True)
class Record:
    """What came of a cell: the JSON of a certificate, or the reason why there is none.

    `seconds` is the wall-clock time of the attempt. As JSON it is sealed by a digest of all of it.
    """

    cell: Cell
    status: Status
    reason: str | None
    certificate: dict[str, Any] | None
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """As kept in the store."""
        fields = {
            "format": FORMAT,
            "question": asdict(self.cell),
            "status": self.status,
            "reason": self.reason,
            "certificate": self.certificate,
            "seconds": self.seconds,
        }
        return {**fields, SEAL: hashlib.sha256(canonical(fields)).hexdigest()}

    @classmethod
    def from_json(cls, found: Any) -> Record:
        """The inverse of `to_json`; what the certificate says is not looked at.

        Raises:
            KeyError, TypeError, ValueError: if `found` is something else, or was altered.
        """
        if found["format"] != FORMAT:
            raise ValueError(f"its format is {found['format']!r}, not {FORMAT!r}")
        names = ("status", "reason", "certificate", "seconds")
        made = cls(Cell(**found["question"]), **{name: found[name] for name in names})
        given = (made.reason is not None, made.certificate is not None)
        if {"certified": (False, True), "failed": (True, False)}.get(made.status) != given:
            raise ValueError(f"its status {made.status!r} is not that of its parts")
        if canonical(found) != canonical(made.to_json()):
            raise ValueError("its parts do not agree with its own digest")
        if not _has_types(made):
            raise ValueError("a field of it has the wrong type")
        return made


def _has_types(record: Record) -> bool:
    cell = record.cell
    texts = [cell.model, cell.model_sha256, cell.strategy, cell.version]
    texts += [text for text in (cell.paths, record.reason) if text is not None]
    counts = [count for count in (cell.budget, cell.seed) if count is not None]
    return (
        all(type(text) is str for text in texts)
        and all(type(count) is int and 0 <= count < 1 << 63 for count in counts)
        and (cell.delta is None or (type(cell.delta) is float and 0 < cell.delta < 1))
        and type(record.seconds) in (int, float)
        and 0 <= record.seconds < math.inf
    )


def cells_of(config: SweepConfig, digests: Mapping[str, str]) -> list[Cell]:
    """Every cell of the grid once, in grid order; `digests` holds the SHA-256 of each model."""
    grid = itertools.product(
        *(config.models, config.strategies, config.noises),
        *(config.budgets, config.deltas, config.paths, config.seeds),
    )
    return list(
        dict.fromkeys(
            _cell(model, digests[model], with_noise(strategy, noise), budget, delta, paths, seed)
            for model, strategy, noise, budget, delta, paths, seed in grid
        )
    )


def _cell(
    model: str, sha256: str, strategy: str, budget: int, delta: float, paths: str, seed: int
) -> Cell:
    known = None if strategy == AUTO else strategy_named(strategy)
    random = known is None or not known.deterministic
    samples_inputs = known is None or known.samples_inputs
    return Cell(
        *(model, sha256, strategy),
        budget=budget if samples_inputs else None,
        delta=delta if random else None,
        paths=paths if known is not None and "paths" in known.settings else None,
        seed=seed if random else None,
    )
