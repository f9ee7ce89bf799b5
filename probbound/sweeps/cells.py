"""One cell of a sweep: a question, its address, and what was found."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from probbound import __version__
from probbound.strategies.names import AUTO
from probbound.strategies.registry import strategy_named, with_noise
from probbound.sweeps.config import SweepConfig

FORMAT = "probbound-cell/2"
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
        return hashlib.sha256(canonical_json(asdict(self))).hexdigest()

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

    `seconds` is the wall-clock time of the attempt.
    """

    cell: Cell
    status: Status
    reason: str | None
    certificate: dict[str, Any] | None
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """As kept in the store."""
        return {
            "format": FORMAT,
            "question": asdict(self.cell),
            "status": self.status,
            "reason": self.reason,
            "certificate": self.certificate,
            "seconds": self.seconds,
        }

    @classmethod
    def from_json(cls, found: Any) -> Record:
        """The inverse of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: if `found` is something else.
        """
        if found["format"] != FORMAT:
            raise ValueError(f"its format is {found['format']!r}, not {FORMAT!r}")
        names = ("status", "reason", "certificate", "seconds")
        made = cls(Cell(**found["question"]), **{name: found[name] for name in names})
        if (made.status, made.certificate is None) not in {("certified", False), ("failed", True)}:
            raise ValueError(f"its status is {made.status!r}")
        return made


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
        paths=paths if known is not None and known.chooses_paths else None,
        seed=seed if random else None,
    )


def canonical_json(value: Any) -> bytes:
    """JSON with sorted keys and no spaces: the same value is always the same bytes."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False
    )
    return text.encode()
