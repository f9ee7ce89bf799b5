"""Another framework's network, whatever its kind: where it stood in a file, what was left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from probbound.contract.networks import Network
from probbound.models.store import save_model

N = TypeVar("N", bound=Network)


@dataclass(frozen=True)
class Imported(Generic[N]):
    """A network as it was found: where its weights and configuration stood, what was left out.

    `place` is that of the configuration, None if there was none, and `configuration` what it says,
    as JSON. `prefix` stood before every name of a weight, and `record` says what is known of how
    it was made.
    """

    model: N
    place: str | None
    configuration: Mapping[str, Any]
    weights: str
    prefix: str
    left_out: tuple[str, ...]
    record: Mapping[str, Any] = field(default_factory=dict)
    format: str = ""
    sha256: str = ""

    def save(self, path: Path) -> None:
        """Write it as safetensors with its whole configuration and where it came from.

        Raises:
            UserError: if the file cannot be written.
        """
        source = {"format": self.format, "sha256": self.sha256}
        save_model(self.model, path, self.record, self.configuration, source)
