"""The models that ship with the package, by name: paths and headers, without their weights."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probbound.machine.errors import UserError

SHIPPED = Path(__file__).parent / "shipped"
DEFAULT_KIND = "attention-only"  # of files that do not say
ALIASES = {"max-of-4": "max-of-4-s0"}


def shipped_names() -> list[str]:
    """Names of the shipped models, aliases included."""
    files = sorted(SHIPPED.glob("*.safetensors"), key=lambda path: (len(path.stem), path.stem))
    return [*ALIASES, *(path.stem for path in files)]


def shipped_path(name: str) -> Path:
    """The file of a shipped model."""
    return SHIPPED / f"{ALIASES.get(name, name)}.safetensors"


def located(name_or_path: str | Path) -> tuple[Path, str]:
    """The file of a shipped model or of any other, and what the model in it is called.

    Raises:
        UserError: if it is neither a shipped name nor the look of a path.
    """
    name = str(name_or_path)
    if name in shipped_names():
        return shipped_path(name), name
    path = Path(name)
    if path.suffix or os.path.exists(path):  # Path.exists raises where a name is too long
        return path, path.stem
    raise UserError(
        f"there is no model {name!r}; give the path of a model file, or one of "
        f"{', '.join(shipped_names())}"
    )


@dataclass(frozen=True)
class Header:
    """What a shipped file says of itself; that its weights have this digest is seen on loading."""

    shapes: dict[str, tuple[int, ...]]
    sha256: str
    network: str
    configuration: dict[str, Any]
    record: dict[str, Any]

    @classmethod
    def of(cls, name: str) -> Header:
        """The header of the shipped model `name`."""
        with shipped_path(name).open("rb") as file:
            held = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        metadata = held.pop("__metadata__")
        shapes = {key: tuple(tensor["shape"]) for key, tensor in held.items()}
        told = {name: json.loads(metadata[name]) for name in ("config", "record")}
        kind = metadata.get("network", DEFAULT_KIND)
        return cls(shapes, metadata["sha256"], kind, told["config"], told["record"])

    @property
    def parameters(self) -> int:
        """Number of all weights and biases."""
        return sum(math.prod(shape) for shape in self.shapes.values())
