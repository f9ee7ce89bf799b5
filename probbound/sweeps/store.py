"""A directory of cells, one content-addressed file each: what a sweep found, and all it found."""

from __future__ import annotations

import hashlib
import json
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from probbound import __version__
from probbound.certificates.format import MOST_BYTES, canonical
from probbound.machine.errors import UserError
from probbound.machine.files import require_writable, write_atomically
from probbound.machine.json_objects import named_once
from probbound.sweeps.brought import NO_INPUTS, KnownInputs, inputs_from_json, inputs_to_json
from probbound.sweeps.brought import combinations as brought_in
from probbound.sweeps.cells import Cell, Record
from probbound.sweeps.config import UNIFORM, SweepConfig
from probbound.sweeps.faults import fault_of
from probbound.sweeps.meaning import NO_OWN, NO_PRIORS, OwnClaims, PriorDigests, cells_of
from probbound.sweeps.own_claims import OwnDigests

FORMAT = "probbound-sweep/3"
MANIFEST = "sweep.json"
_MOST_SHOWN = 3
_SHA256 = "[0-9a-f]{64}"
_WRONG = (
    *(ValueError, LookupError, TypeError, AttributeError),
    *(ArithmeticError, RecursionError, UserError),
)


class DamagedCell(UserError):
    """A file of the store that is not the cell its name says, or was altered."""


@dataclass(frozen=True)
class Asked:
    """A grid, the SHA-256 of its models and priors by name, its own claims, and what was brought.

    Of a prior it is by model too: a model of another number of tokens has none.
    """

    config: SweepConfig
    digests: Mapping[str, str]
    priors: PriorDigests = field(default_factory=lambda: NO_PRIORS)
    own: OwnClaims = field(default_factory=lambda: NO_OWN)
    inputs: KnownInputs = field(default_factory=lambda: NO_INPUTS)

    @property
    def cells(self) -> list[Cell]:
        """Every cell of the grid, in grid order."""
        return cells_of(self.config, self.digests, self.priors, self.own, self.inputs)

    def to_json(self) -> dict[str, Any]:
        """As kept in the store."""
        found = {"grid": self.config.to_json(), "model_sha256": dict(self.digests)}
        priors = {name: dict(fitting) for name, fitting in self.priors.items()}
        own = {name: digests.to_json() for name, digests in self.own.items()}
        later = {"prior_sha256": priors, "own_claims": own, "inputs": inputs_to_json(self.inputs)}
        return {**found, **{name: values for name, values in later.items() if values}}

    @classmethod
    def from_json(cls, found: Any) -> Asked:
        """The inverse of `to_json`."""
        config = SweepConfig.from_mapping(found["grid"], "it")
        own = {name: OwnDigests.from_json(it) for name, it in found.get("own_claims", {}).items()}
        inputs = inputs_from_json(found.get("inputs", ()))
        priors = found.get("prior_sha256", NO_PRIORS)
        asked = cls(config, found["model_sha256"], priors, own, inputs)
        if set(asked.digests) != set(asked.config.models):
            raise ValueError("it does not name the digests of its models")
        if set(asked.priors) != set(asked.config.priors) - {UNIFORM}:
            raise ValueError("it does not name the digests of its priors")
        if set(asked.own) != set(asked.config.own_claims):
            raise ValueError("it does not name the digests of its own claims")
        if set(asked.inputs) != set(brought_in(asked.config)):
            raise ValueError("it does not name the digests of what was brought")
        if canonical(found) != canonical(asked.to_json()):
            raise ValueError("it has another form than a sweep gives")
        return asked


@dataclass(frozen=True)
class Contents:
    """All that a store holds: cells by key, the grids that were asked, and what is neither.

    `damaged` says by key what is wrong with a cell that is left out, `strays` by path from
    the root what is wrong with any other file.
    """

    records: Mapping[str, Record] = field(default_factory=dict)
    damaged: Mapping[str, str] = field(default_factory=dict)
    asked: tuple[Asked, ...] = ()
    strays: Mapping[str, str] = field(default_factory=dict)

    @property
    def warnings(self) -> list[str]:
        """A sentence on the cells that are left out, and one on files that are skipped."""
        made = []
        if self.damaged:
            shown = _some(list(self.damaged.values()), "; ")
            made.append(
                f"{_counted(len(self.damaged), 'cell')} left out, until the sweep that asked for "
                f"it runs it again: {shown}"
            )
        if self.strays:
            shown = _some([f"{path} ({reason})" for path, reason in self.strays.items()], ", ")
            number = _counted(len(self.strays), "file")
            made.append(f"{number} no part of the sweep, skipped: {shown}")
        return made


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

        That it is whole, answers the question of its name and fits together is checked, not that
        it is true.

        Raises:
            DamagedCell: if its file cannot be read, or is not that.
        """
        path = self._path(key)
        try:
            found = Record.from_json(_parsed(path))
            wrong = fault_of(found)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DamagedCell(f"{path} cannot be read: {error.strerror or error}") from error
        except _WRONG as error:
            raise DamagedCell(f"{path} is damaged: {error}") from error
        if found.cell.key != key:
            raise DamagedCell(f"{path} is damaged: it holds another cell than its name says")
        if wrong is not None:
            raise DamagedCell(f"{path} was altered: {wrong}")
        return found

    def contents(self, known: Iterable[Record] = ()) -> Contents:
        """Everything that is there, but for files in the making; `known` is not read again.

        Raises:
            UserError: if a directory of the store cannot be read.
        """
        records, damaged = {record.cell.key: record for record in known}, {}
        strays: dict[str, str] = {}
        for key in self._names(self._cells, strays):
            try:
                found = records.get(key) or self.record(key)
            except DamagedCell as error:
                damaged[key] = str(error)
            else:
                if found is not None:
                    records[key] = found
        asked = tuple(self._asked(strays))
        return Contents(dict(sorted(records.items())), damaged, asked, strays)

    def require_room(self, cell: Cell) -> None:
        """Refuse before any work if a damaged file cannot give way to the cell.

        Raises:
            UserError: if something is there that cannot be replaced.
        """
        require_writable(self._path(cell.key))

    def write(self, record: Record) -> None:
        """Keep a cell: whole, or not at all."""
        write_atomically(self._path(record.cell.key), _indented(record.to_json()))

    def remember(self, asked: Asked) -> None:
        """Keep a grid that was asked."""
        found = asked.to_json()
        write_atomically(self._configurations / f"{_name_of(found)}.json", _indented(found))

    def _asked(self, strays: dict[str, str]) -> Iterator[Asked]:
        """Every grid that was asked of this store."""
        for name in self._names(self._configurations, strays):
            path = self._configurations / f"{name}.json"
            try:
                found = _parsed(path)
                if _name_of(found) != name:
                    raise ValueError("it is not the grid that its name says")
                yield Asked.from_json(found)
            except OSError as error:
                strays[str(path.relative_to(self.root))] = error.strerror or str(error)
            except _WRONG as error:
                strays[str(path.relative_to(self.root))] = str(error)

    def _names(self, directory: Path, strays: dict[str, str]) -> list[str]:
        """The files that are named as the store names them; others are strays."""
        try:
            found = sorted(directory.iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UserError(f"cannot read {directory}: {error.strerror or error}") from error
        names = []
        for path in found:
            if re.fullmatch(rf"{_SHA256}\.json", path.name):
                names.append(path.stem)
            elif not re.match(rf"\.{_SHA256}\.json\.", path.name):
                strays[str(path.relative_to(self.root))] = "its name is none that a sweep gives"
        return names

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
    """Nothing there but hidden files: a file manager's, or what a killed first write left."""
    return all(path.name.startswith(".") and path.is_file() for path in root.iterdir())


def _parsed(path: Path) -> Any:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
        raise ValueError(f"it is no file of up to {MOST_BYTES} bytes")
    return json.loads(path.read_bytes(), object_pairs_hook=named_once, parse_constant=_no_constant)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number of JSON")


def _name_of(value: Any) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()


def _counted(number: int, what: str) -> str:
    return f"1 {what} is" if number == 1 else f"{number} {what}s are"


def _some(parts: list[str], between: str) -> str:
    more = len(parts) - _MOST_SHOWN
    return between.join(parts[:_MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _indented(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n").encode()
