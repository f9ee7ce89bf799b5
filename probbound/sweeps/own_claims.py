"""The own claims of a sweep: objects of files, with digests of what they were when it was asked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from probbound.certificates.format import canonical
from probbound.contract.claims import is_own_claim
from probbound.contract.defaults import DEFAULT_BUDGET, DEFAULT_DELTA
from probbound.machine.errors import UserError
from probbound.own.answering import chosen_for
from probbound.own.files import content_of, given_at, parts_of
from probbound.own.given import Given
from probbound.own.question import DEFAULT_BATCH, Settings, Strategy
from probbound.sweeps.cells import Cell
from probbound.sweeps.config import SweepConfig

_SIDE = "upper"
_MOST_CLAIMS = 64


@dataclass(frozen=True)
class OwnDigests:
    """What an own claim was when the sweep was asked.

    Attributes:
        claim_sha256: of its name, population and check as a certificate states them, and of
            `file_sha256`.
        file_sha256: of the bytes of its file.
        refused: the strategies that cannot answer it, and why.
    """

    claim_sha256: str
    file_sha256: str
    refused: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """As kept in the store."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Any) -> OwnDigests:
        """The inverse of `to_json`.

        Raises:
            TypeError: if `found` is something else.
        """
        made = cls(**found)
        refused = dict(made.refused).items()
        texts = (made.claim_sha256, made.file_sha256, *(text for pair in refused for text in pair))
        if not all(type(text) is str for text in texts):
            raise TypeError("a digest of an own claim has the wrong type")
        return made


@dataclass(frozen=True)
class AboutOwnClaim:
    """An own claim, by the place of its object (FILE.py:NAME): each worker reads the file."""

    place: str
    digests: OwnDigests

    def require_unchanged(self) -> None:
        """As `About`."""
        _, digests = read_claim(self.place)
        if digests != self.digests:
            raise UserError(
                f"{self.place} is not what it was when the sweep began (the file, or what it "
                "reads, was altered); sweep again"
            )

    def certificate(self, cell: Cell) -> dict[str, Any]:
        """As `About`."""
        made = read_claim(self.place)[0].bound_share(**cell.settings)
        if any(part.interrupted for part in made.parts):
            raise KeyboardInterrupt
        return made.to_json()


def digest_of(claim: Mapping[str, Any], file_sha256: str) -> str:
    """Of a claim as a certificate states it, and of its file.

    Cheap checks have no part in it: with them or without, the claim is the same.
    """
    about = {"claim": {**claim, "cheap": []}, "file": file_sha256}
    return hashlib.sha256(canonical(about)).hexdigest()


def read_claim(place: str) -> tuple[Given, OwnDigests]:
    """The object at FILE.py:NAME as it is there now, and its digests.

    Raises:
        UserError: if there is none that can be used.
    """
    path, _ = parts_of(place)
    return _read(place, content_of(path))


@lru_cache(_MOST_CLAIMS)
def _read(place: str, content: bytes) -> tuple[Given, OwnDigests]:
    made = given_at(place, content)
    try:
        claim = made.subject().claim(made.name, _SIDE)
        refused = dict(_refused(made))
    except UserError as error:
        raise UserError(f"{place} cannot be used: {error}") from error
    file_sha256 = hashlib.sha256(content).hexdigest()
    return made, OwnDigests(digest_of(claim, file_sha256), file_sha256, refused)


def _refused(made: Given) -> Iterator[tuple[str, str]]:
    subject = made.subject()
    rest = (DEFAULT_BUDGET, DEFAULT_DELTA, DEFAULT_BATCH)
    for strategy in get_args(Strategy):
        settings = Settings(made.name, _SIDE, strategy, *rest)
        try:
            chosen_for(subject, settings)
        except UserError as error:
            yield strategy, str(error)


def read_own_claims(config: SweepConfig) -> tuple[SweepConfig, dict[str, AboutOwnClaim]]:
    """The grid by the names of its claims, and what its own claims are.

    An own claim goes by its file's name, without the directory: `claims.py:NAME`.

    Raises:
        UserError: if there is none that can be used, or two have one name.
    """
    names, found = [], dict[str, AboutOwnClaim]()
    for asked in config.claims:
        names.append(asked)
        if is_own_claim(asked):
            path, name = parts_of(asked)
            names[-1] = f"{Path(path).name}:{name}"
            _, digests = read_claim(asked)
            about = AboutOwnClaim(f"{Path(path).resolve()}:{name}", digests)
            if found.setdefault(names[-1], about) != about:
                raise UserError(
                    f"two of the own claims are called {names[-1]}; rename one of the files"
                )
    return replace(config, claims=tuple(names)), found
