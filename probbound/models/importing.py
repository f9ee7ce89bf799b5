"""Another framework's network, once, from a source of any format that is read here."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from probbound.models.imported import Imported
from probbound.models.registry import importer
from probbound.models.sources.registry import source_of


def import_model(
    path: Path | str,
    config: str | None = None,
    weights: str | None = None,
    kind: str | None = None,
) -> Imported[Any]:
    """The network in a file, or a folder, of any format in `sources`.

    `config` names the configuration: a place in the file (`cfg`, `run.model`) or a JSON file
    beside it. Other configurations in the file must not contradict it. `weights` names the state
    dict where there are several. `kind` asks for the network as one of that kind: one layer of
    attention is a `transformer` too.

    Raises:
        UserError: if the source cannot be used, or its network is not computed with here, or is
            none of such a kind.
    """
    path = Path(path)
    source = source_of(path)
    found = source.read(path)
    made = importer(found, config, weights, kind)(found, path, config, weights)
    return replace(made, format=source.name, sha256=sha256_of(source.files(path)))


def sha256_of(files: tuple[Path, ...]) -> str:
    """SHA-256, in hex, of a file; of several, of what `sha256sum` prints of them by name."""
    each = [_sha256(path) for path in files]
    if len(each) == 1:
        return each[0]
    lines = (f"{digest}  {path.name}\n" for digest, path in zip(each, files, strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
