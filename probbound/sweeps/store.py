"""A directory of cells, one content-addressed file each: what a sweep found, and all it found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probbound import __version__
from probbound.errors import UserError
from probbound.files import write_atomically
from probbound.sweeps.cells import Cell, Record, canonical_json, cells_of
from probbound.sweeps.config import SweepConfig

FORMAT = "probbound-sweep/2"
MANIFEST = "sweep.json"


class DamagedCell(UserError):
    """A file of the store that is not the cell its name says."""


@dataclass(frozen=True)
class Asked:
    """A grid, and the SHA-256 of each of its models by name."""

    config: SweepConfig
    digests: Mapping[str, str]

    @property
    def cells(self) -> list[Cell]:
        """Every cell of the grid, in grid order."""
        return cells_of(self.config, self.digests)

    def to_json(self) -> dict[str, Any]:
        """As kept in the store."""
        return {"grid": self.config.to_json(), "model_sha256": dict(self.digests)}

    @classmethod
    def from_json(cls, found: Any) -> Asked:
        """The inverse of `to_json`."""
        asked = cls(SweepConfig.from_mapping(found["grid"], "it"), found["model_sha256"])
        if set(asked.digests) != set(asked.config.models):
            raise ValueError("it does not name the digests of its models")
        return asked


@dataclass(frozen=True)
class SweepStore:
    """Cells under their keys. Files only ever appear whole, by a rename, so that nothing is locked.

    `sweep.json` says which version made the store; `configurations/` keeps every grid that was
    asked, with the digests of its models; `cells/` keeps one file per cell.
    """

    root: Path

    @classmethod
    def create(cls, root: Path) -> SweepStore:
        """The store in `root`, made if the directory is missing or empty.

        Raises:
            UserError: if the directory holds something else, or the store of another version.
        """
        if root.is_dir() and not (root / MANIFEST).exists() and not _is_empty(root):
            raise UserError(
                f"{root} holds something other than a sweep; give an empty or a new directory"
            )
        store = cls(root)
        try:
            root.mkdir(parents=True, exist_ok=True)
            if not (root / MANIFEST).exists():
                write_atomically(root / MANIFEST, _indented(_manifest()))
            store._cells.mkdir(exist_ok=True)
            store._configurations.mkdir(exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot write {root}: {error.strerror or error}") from error
        return cls.open(root)

    @classmethod
    def open(cls, root: Path) -> SweepStore:
        """The store in `root`.

        Raises:
            UserError: if there is none, or it is of another version.
        """
        path = root / MANIFEST
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise UserError(f"{root} holds no sweep: there is no {path}") from error
        except (OSError, ValueError) as error:
            raise UserError(f"{path} cannot be read: {error}") from error
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise UserError(f"{path} is not the manifest of a sweep of format {FORMAT}")
        if found != _manifest():
            raise UserError(
                f"{root} was made by probbound {found.get('version')}, this is {__version__}: "
                "give a new directory, since numbers of two versions must not be mixed"
            )
        return cls(root)

    def record(self, key: str) -> Record | None:
        """What is known of a cell; None if nothing.

        Raises:
            DamagedCell: if its file is not the cell with that key.
            UserError: if its file cannot be read.
        """
        path = self._path(key)
        try:
            found = Record.from_json(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror or error}") from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise DamagedCell(
                f"{path} is damaged; the sweep that made it runs this cell again"
            ) from error
        if found.cell.key != key:
            raise DamagedCell(f"{path} holds another cell than its name says; remove it")
        return found

    def records(self) -> Iterator[Record]:
        """Every cell of the store, by key.

        Raises:
            UserError: if one of them cannot be read or is damaged.
        """
        for path in sorted(self._cells.glob("*.json")):
            found = self.record(path.stem)
            if found is not None:
                yield found

    def write(self, record: Record) -> None:
        """Keep a cell: whole, or not at all."""
        write_atomically(self._path(record.cell.key), _indented(record.to_json()))

    def remember(self, asked: Asked) -> None:
        """Keep a grid that was asked."""
        found = asked.to_json()
        name = hashlib.sha256(canonical_json(found)).hexdigest()
        write_atomically(self._configurations / f"{name}.json", _indented(found))

    def asked(self) -> list[Asked]:
        """Every grid that was asked of this store.

        Raises:
            UserError: if one of them cannot be read.
        """
        found = []
        for path in sorted(self._configurations.glob("*.json")):
            try:
                found.append(Asked.from_json(json.loads(path.read_text(encoding="utf-8"))))
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                raise UserError(
                    f"{path} is damaged; remove it, and the next sweep writes its own anew"
                ) from error
        return found

    @property
    def _cells(self) -> Path:
        return self.root / "cells"

    @property
    def _configurations(self) -> Path:
        return self.root / "configurations"

    def _path(self, key: str) -> Path:
        return self._cells / f"{key}.json"


def _manifest() -> dict[str, str]:
    return {"format": FORMAT, "version": __version__}


def _is_empty(root: Path) -> bool:
    """Nothing there but what a killed first write of the manifest may have left."""
    return all(path.name.startswith(f".{MANIFEST}.") for path in root.iterdir())


def _indented(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n").encode()
