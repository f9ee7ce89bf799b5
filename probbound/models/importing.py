"""Another framework's network, once, from a file of any format that is read here."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from probbound.models.imported import Imported
from probbound.models.registry import importer
from probbound.models.sources.registry import source_of


def import_model(
    path: Path | str, config: str | None = None, weights: str | None = None
) -> Imported[Any]:
    """The network in a file of any format in `sources`.

    `config` names the configuration: a place in the file (`cfg`, `run.model`) or a JSON file
    beside it. Other configurations in the file must not contradict it. `weights` names the state
    dict where there are several.

    Raises:
        UserError: if the file cannot be used, or its network is not computed with here.
    """
    path = Path(path)
    source = source_of(path)
    content = source.read(path)
    made = importer(content)(content, path, config, weights)
    return replace(made, format=source.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
