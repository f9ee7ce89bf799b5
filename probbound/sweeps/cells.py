"""One cell of a sweep: a question, its address, and what was found.

`probbound.sweeps.meaning` makes the cells of a grid.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from probbound import __version__
from probbound.certificates.format import SEAL, canonical
from probbound.contract.claims import is_own_claim
from probbound.sweeps.claims import DEFAULT_CLAIM, one_name
from probbound.sweeps.config import UNIFORM
from probbound.tasks.registry import DEFAULT_TASK, task_names

FORMAT = "probbound-cell/3"
Status = Literal["certified", "failed"]
_BROUGHT = ("data", "against", "arithmetic", "inputs_sha256")
_LATER = ("task", "claim", "prior", "prior_sha256", "claim_sha256", "file_sha256", *_BROUGHT)


@dataclass(frozen=True)
class Cell:
    """A question that is one certificate; a setting that the strategy does not use is None.

    `prior_sha256` is the digest of the prior's weights, None if `prior` is uniform. Of an own claim
    `claim_sha256` and `file_sha256` are those of `OwnDigests`, and model, task and prior are empty.
    Of inputs that a user brought, `data` and `against` are names of files, `arithmetic` is the one
    that the claim is in, and `inputs_sha256` is the digest of what a claim states of them; they are
    None of others.
    """

    model: str
    model_sha256: str
    strategy: str
    budget: int | None
    delta: float | None
    paths: str | None
    seed: int | None
    version: str = __version__
    task: str = DEFAULT_TASK
    claim: str = DEFAULT_CLAIM
    prior: str = UNIFORM
    prior_sha256: str | None = None
    claim_sha256: str | None = None
    file_sha256: str | None = None
    data: str | None = None
    against: str | None = None
    arithmetic: str | None = None
    inputs_sha256: str | None = None

    @property
    def is_own(self) -> bool:
        """Whether it is about an own claim, and no network."""
        return is_own_claim(self.claim)

    @property
    def question(self) -> dict[str, Any]:
        """As kept in the store; a field that came later is left out where it has its default.

        So a cell has the address that it had before there were such fields.
        """
        later = {(name, getattr(type(self), name)) for name in _LATER}
        return {name: value for name, value in asdict(self).items() if (name, value) not in later}

    @property
    def key(self) -> str:
        """The address: SHA-256, in hex, of the question as canonical JSON."""
        return hashlib.sha256(canonical(self.question)).hexdigest()

    @property
    def settings(self) -> dict[str, Any]:
        """What is passed to `certify` beside the model and the claim, or to an own claim."""
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
            "question": self.cell.question,
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
    texts += [cell.task, cell.claim, cell.prior]
    may_lack = (cell.paths, record.reason, cell.prior_sha256, cell.claim_sha256, cell.file_sha256)
    may_lack += tuple(getattr(cell, name) for name in _BROUGHT)
    texts += [text for text in may_lack if text is not None]
    counts = [count for count in (cell.budget, cell.seed) if count is not None]
    return (
        all(type(text) is str for text in texts)
        and cell.claim == one_name(cell.claim)
        and (_of_own_claim(cell) if cell.is_own else _of_network(cell))
        and all(type(count) is int and 0 <= count < 1 << 63 for count in counts)
        and (cell.delta is None or (type(cell.delta) is float and 0 < cell.delta < 1))
        and type(record.seconds) in (int, float)
        and 0 <= record.seconds < math.inf
    )


def _of_network(cell: Cell) -> bool:
    """Whether it has what a cell about a network has."""
    return (
        cell.task.partition(":")[0] in task_names()
        and (cell.prior == UNIFORM) == (cell.prior_sha256 is None)
        and cell.claim_sha256 is cell.file_sha256 is None
        and (cell.data is None) == (cell.inputs_sha256 is None)
        and (cell.data is not None or cell.against is cell.arithmetic is None)
    )


def _of_own_claim(cell: Cell) -> bool:
    """Whether it has what a cell about an own claim has."""
    return (
        cell.model == cell.model_sha256 == cell.task == cell.prior == ""
        and cell.paths is cell.prior_sha256 is None
        and not any(getattr(cell, name) for name in _BROUGHT)
        and None not in (cell.claim_sha256, cell.file_sha256)
    )
